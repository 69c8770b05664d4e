//! Reads the float tensors of a legacy PyTorch checkpoint (`torch.save` before version 1.6).
//!
//! Such a file is a sequence of Python pickles: a magic number, a protocol version, the writer's
//! number sizes, the state dictionary, and the list of storage keys; then the raw storages follow.
//! Python's own reader of pickles runs code that the file names.
//! This one knows only the instructions and the names that a plain state dictionary needs, or that
//! plain NumPy arrays need (`numpy.rs`), runs nothing, and refuses everything else.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::numpy;

/// A dense tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The values; as many as the product of `shape`.
    pub values: Vec<f32>,
}

/// Reads the tensors of `file` by their names in the state dictionary.
///
/// Integer tensors are left out: a state dictionary holds only counters in them.
pub fn read_checkpoint(file: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let mut input = Input { rest: file };
    ensure!(
        unpickle(&mut input)? == Value::Long(MAGIC.to_vec()),
        "this is not a legacy PyTorch checkpoint"
    );
    ensure!(
        unpickle(&mut input)? == Value::Int(1001),
        "unknown protocol version"
    );
    let Value::Dict(system) = unpickle(&mut input)? else {
        bail!("the writer's number sizes are missing");
    };
    ensure!(
        system.contains(&(Value::Text("little_endian".into()), Value::Bool(true))),
        "the checkpoint is not little-endian"
    );
    let Value::Dict(state) = unpickle(&mut input)? else {
        bail!("the checkpoint holds no state dictionary");
    };
    let Value::List(keys) = unpickle(&mut input)? else {
        bail!("the list of storages is missing");
    };

    let kinds: BTreeMap<&str, Element> = state
        .iter()
        .filter_map(|(_, value)| match value {
            Value::Tensor(tensor) => Some((tensor.storage.as_str(), tensor.element)),
            _ => None,
        })
        .collect();
    let mut storages: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    for key in &keys {
        let Value::Text(key) = key else {
            bail!("a storage key is no text")
        };
        let element = *kinds
            .get(key.as_str())
            .context("a storage belongs to no tensor")?;
        let count = usize::try_from(i64::from_le_bytes(input.array()?))?;
        let size = if element == Element::F32 { 4 } else { 8 };
        let bytes = input.take(count.checked_mul(size).context("a storage is too large")?)?;
        if element == Element::F32 {
            let (values, _) = bytes.as_chunks::<4>();
            storages.insert(
                key,
                values
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect(),
            );
        }
    }
    ensure!(
        input.rest.is_empty(),
        "the file goes on after its last storage"
    );

    let mut tensors = BTreeMap::new();
    for (name, value) in &state {
        let (Value::Text(name), Value::Tensor(view)) = (name, value) else {
            bail!("the state dictionary holds something that is no tensor");
        };
        if view.element == Element::F32 {
            let storage = storages.get(view.storage.as_str());
            let storage = storage.with_context(|| format!("the storage of {name} is missing"))?;
            tensors.insert(
                name.clone(),
                view.gather(storage).with_context(|| name.clone())?,
            );
        }
    }
    Ok(tensors)
}

/// The first pickle of every legacy checkpoint: 0x1950a86a20f9469cfc6c, in little-endian order.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Element {
    F32,
    I64,
}

/// A tensor as the pickle describes it: a strided window on a storage.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    storage: String,
    element: Element,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl View {
    /// Copies the window out in row-major order; converted weights are often stored transposed.
    fn gather(&self, storage: &[f32]) -> Result<Tensor> {
        ensure!(
            self.shape.len() == self.strides.len(),
            "shape and strides differ in length"
        );
        let mut positions = vec![self.offset];
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            ensure!(
                positions.len().saturating_mul(size) <= storage.len(),
                "the tensor is larger than its storage"
            );
            positions = positions
                .iter()
                .flat_map(|start| (0..size).map(move |step| start + step * stride))
                .collect();
        }
        let values = positions
            .iter()
            .map(|&position| storage.get(position).copied());
        let values = values
            .collect::<Option<_>>()
            .context("the tensor leaves its storage")?;
        Ok(Tensor {
            shape: self.shape.clone(),
            values,
        })
    }
}

/// What the pickle machine's stack holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of any length, as its little-endian bytes.
    Long(Vec<u8>),
    Text(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Name(Name),
    Storage {
        key: String,
        element: Element,
    },
    Tensor(View),
    /// A NumPy array, which is made empty and then filled.
    Array(Option<Tensor>),
    /// NumPy's f32.
    F32Format,
    Mark,
}

/// The only Python names that a state dictionary of plain tensors refers to, or a plain NumPy array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Name {
    OrderedDict,
    RebuildTensor,
    StorageOf(Element),
    Reconstruct,
    Array,
    NumberFormat,
}

/// Runs one pickle and returns the value that it leaves.
pub fn unpickle(input: &mut Input<'_>) -> Result<Value> {
    let mut stack = Stack(Vec::new());
    // A container is filled after it has been remembered, so its remembered copy would be stale.
    // No state dictionary shares containers: they are remembered as absent.
    let mut memo: BTreeMap<u32, Option<Value>> = BTreeMap::new();
    loop {
        match input.byte()? {
            // PROTO
            0x80 => ensure!(
                matches!(input.byte()?, 2 | 3),
                "only the pickle protocols 2 and 3 are known"
            ),
            // STOP
            b'.' => return stack.pop(),
            // MARK
            b'(' => stack.push(Value::Mark),
            // NONE, NEWTRUE, NEWFALSE
            b'N' => stack.push(Value::None),
            0x88 => stack.push(Value::Bool(true)),
            0x89 => stack.push(Value::Bool(false)),
            // BININT, BININT1, BININT2, LONG1
            b'J' => stack.push(Value::Int(i32::from_le_bytes(input.array()?).into())),
            b'K' => stack.push(Value::Int(input.byte()?.into())),
            b'M' => stack.push(Value::Int(u16::from_le_bytes(input.array()?).into())),
            0x8a => {
                let length = input.byte()?.into();
                stack.push(Value::Long(input.take(length)?.to_vec()));
            }
            // BINUNICODE
            b'X' => {
                let length = u32::from_le_bytes(input.array()?);
                let text = std::str::from_utf8(input.take(usize::try_from(length)?)?)?;
                stack.push(Value::Text(text.to_owned()));
            }
            // BINBYTES, SHORT_BINBYTES
            b'B' => {
                let length = u32::from_le_bytes(input.array()?);
                let bytes = input.take(usize::try_from(length)?)?;
                stack.push(Value::Bytes(bytes.to_vec()));
            }
            b'C' => {
                let length = input.byte()?.into();
                stack.push(Value::Bytes(input.take(length)?.to_vec()));
            }
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => stack.push(Value::Tuple(Vec::new())),
            0x85 => {
                let items = vec![stack.pop()?];
                stack.push(Value::Tuple(items));
            }
            0x86 => {
                let second = stack.pop()?;
                let first = stack.pop()?;
                stack.push(Value::Tuple(vec![first, second]));
            }
            0x87 => {
                let third = stack.pop()?;
                let second = stack.pop()?;
                let first = stack.pop()?;
                stack.push(Value::Tuple(vec![first, second, third]));
            }
            b't' => {
                let items = stack.pop_to_mark()?;
                stack.push(Value::Tuple(items));
            }
            // EMPTY_LIST, APPENDS
            b']' => stack.push(Value::List(Vec::new())),
            b'e' => {
                let items = stack.pop_to_mark()?;
                let Some(Value::List(list)) = stack.0.last_mut() else {
                    bail!("no list to fill")
                };
                list.extend(items);
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => stack.push(Value::Dict(Vec::new())),
            b's' => {
                let value = stack.pop()?;
                let key = stack.pop()?;
                stack.fill_dict(vec![key, value])?;
            }
            b'u' => {
                let items = stack.pop_to_mark()?;
                stack.fill_dict(items)?;
            }
            // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            instruction @ (b'q' | b'r') => {
                let slot = input.slot(instruction == b'r')?;
                let top = stack.0.last().context("nothing to remember")?;
                let is_container = matches!(top, Value::List(_) | Value::Dict(_) | Value::Array(_));
                memo.insert(slot, (!is_container).then(|| top.clone()));
            }
            instruction @ (b'h' | b'j') => {
                let slot = input.slot(instruction == b'j')?;
                let value = memo.get(&slot).context("nothing was remembered here")?;
                stack.push(value.clone().context("a container is used twice")?);
            }
            // GLOBAL
            b'c' => {
                let module = input.line()?;
                let name = input.line()?;
                stack.push(Value::Name(match (module, name) {
                    (b"collections", b"OrderedDict") => Name::OrderedDict,
                    (b"torch._utils", b"_rebuild_tensor_v2") => Name::RebuildTensor,
                    (b"torch", b"FloatStorage") => Name::StorageOf(Element::F32),
                    (b"torch", b"LongStorage") => Name::StorageOf(Element::I64),
                    (b"numpy.core.multiarray", b"_reconstruct") => Name::Reconstruct,
                    (b"numpy", b"ndarray") => Name::Array,
                    (b"numpy", b"dtype") => Name::NumberFormat,
                    _ => bail!(
                        "refused the Python name {}.{}",
                        module.escape_ascii(),
                        name.escape_ascii()
                    ),
                }));
            }
            // BINPERSID
            b'Q' => {
                let id = stack.pop()?;
                stack.push(storage(id)?);
            }
            // REDUCE
            b'R' => {
                let arguments = stack.pop()?;
                let name = stack.pop()?;
                stack.push(match name {
                    Value::Name(Name::OrderedDict) if arguments == Value::Tuple(Vec::new()) => {
                        Value::Dict(Vec::new())
                    }
                    Value::Name(Name::RebuildTensor) => Value::Tensor(view(arguments)?),
                    Value::Name(Name::Reconstruct) => {
                        let array = Value::Name(Name::Array);
                        ensure!(
                            matches!(arguments, Value::Tuple(items) if items.first() == Some(&array)),
                            "refused to make something that is no array"
                        );
                        Value::Array(None)
                    }
                    Value::Name(Name::NumberFormat) => {
                        let f32 = Value::Text("f4".into());
                        ensure!(
                            matches!(arguments, Value::Tuple(items) if items.first() == Some(&f32)),
                            "an array's numbers are not f32"
                        );
                        Value::F32Format
                    }
                    _ => bail!("refused a call"),
                });
            }
            // BUILD: attributes of the state dictionary (version numbers of its modules), or an array's state.
            b'b' => {
                let state = stack.pop()?;
                match stack.0.last_mut() {
                    Some(Value::Dict(_)) => {}
                    Some(Value::Array(array @ None)) => *array = Some(numpy::filled(state)?),
                    Some(Value::F32Format) => numpy::check_format(&state)?,
                    _ => bail!("attributes of something that has none"),
                }
            }
            other => bail!("refused the pickle instruction 0x{other:02x}"),
        }
    }
}

/// `("storage", class, key, location, element count, view)`
fn storage(id: Value) -> Result<Value> {
    if let Value::Tuple(items) = id
        && let [
            Value::Text(tag),
            Value::Name(Name::StorageOf(element)),
            Value::Text(key),
            _,
            _,
            Value::None,
        ] = items.as_slice()
        && tag == "storage"
    {
        return Ok(Value::Storage {
            key: key.clone(),
            element: *element,
        });
    }
    bail!("a storage is not described as expected")
}

/// `(storage, offset, shape, strides, requires_grad, hooks)`
fn view(arguments: Value) -> Result<View> {
    if let Value::Tuple(items) = arguments
        && let [
            Value::Storage { key, element },
            Value::Int(offset),
            Value::Tuple(shape),
            Value::Tuple(strides),
            _,
            _,
        ] = items.as_slice()
    {
        return Ok(View {
            storage: key.clone(),
            element: *element,
            offset: usize::try_from(*offset)?,
            shape: sizes(shape)?,
            strides: sizes(strides)?,
        });
    }
    bail!("a tensor is not described as expected")
}

/// A tuple of sizes.
pub fn sizes(values: &[Value]) -> Result<Vec<usize>> {
    let size = |value: &Value| match value {
        // Above the sizes in the files that we read, far below where sums of products overflow.
        Value::Int(size @ 0..=0xff_ffff) => Ok(usize::try_from(*size)?),
        _ => bail!("a size is out of range"),
    };
    values.iter().map(size).collect()
}

struct Stack(Vec<Value>);

impl Stack {
    fn push(&mut self, value: Value) {
        self.0.push(value);
    }

    fn pop(&mut self) -> Result<Value> {
        self.0.pop().context("the pickle's stack is empty")
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.0.iter().rposition(|value| *value == Value::Mark);
        let mut items = self
            .0
            .split_off(mark.context("the pickle's mark is missing")?);
        items.remove(0);
        Ok(items)
    }

    fn fill_dict(&mut self, items: Vec<Value>) -> Result<()> {
        let Some(Value::Dict(dict)) = self.0.last_mut() else {
            bail!("no dictionary to fill")
        };
        let mut items = items.into_iter();
        while let Some(key) = items.next() {
            dict.push((key, items.next().context("a key has no value")?));
        }
        Ok(())
    }
}

/// The part of the file that has not been read yet.
pub struct Input<'a> {
    /// Its bytes.
    pub rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .context("the file ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn slot(&mut self, is_long: bool) -> Result<u32> {
        if is_long {
            Ok(u32::from_le_bytes(self.array()?))
        } else {
            Ok(self.byte()?.into())
        }
    }

    /// Reads up to the next line feed, and steps over it.
    fn line(&mut self) -> Result<&'a [u8]> {
        let end = self
            .rest
            .iter()
            .position(|&byte| byte == b'\n')
            .context("a line has no end")?;
        let line = self.take(end)?;
        self.byte()?;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";

    fn text(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [b"X".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat()
    }

    fn pickle(body: &[u8]) -> Vec<u8> {
        [b"\x80\x02", body, b"."].concat()
    }

    /// A checkpoint with one tensor of two rows and three columns, stored column by column.
    fn checkpoint(state: &[u8]) -> Vec<u8> {
        let system = [b"}(".as_slice(), &text("little_endian"), b"\x88u"].concat();
        let mut file = [
            pickle(&[b"\x8a\x0a".as_slice(), &MAGIC].concat()),
            pickle(b"M\xe9\x03"),
            pickle(&system),
            pickle(state),
            pickle(&[b"](".as_slice(), &text("0"), b"e"].concat()),
            6_i64.to_le_bytes().to_vec(),
        ]
        .concat();
        for value in [1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0] {
            file.extend(value.to_le_bytes());
        }
        file
    }

    fn state() -> Vec<u8> {
        [
            ORDERED_DICT,
            &text("weight"),
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            &text("storage"),
            b"ctorch\nFloatStorage\n",
            &text("0"),
            &text("cpu"),
            b"K\x06NtQ",
            b"K\x00K\x02K\x03\x86K\x01K\x02\x86\x89",
            ORDERED_DICT,
            b"tRs",
        ]
        .concat()
    }

    #[test]
    fn reads_a_strided_tensor_in_row_major_order() {
        let tensors = read_checkpoint(&checkpoint(&state())).unwrap();
        let expected = Tensor {
            shape: vec![2, 3],
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        };
        assert_eq!(tensors, BTreeMap::from([("weight".to_owned(), expected)]));
    }

    #[test]
    fn refuses_names_that_would_run_code() {
        let state = [b"cposix\nsystem\n".as_slice(), &text("ls"), b"\x85R"].concat();
        let error = read_checkpoint(&checkpoint(&state))
            .unwrap_err()
            .to_string();
        assert!(error.contains("posix.system"), "{error}");
    }

    #[test]
    fn refuses_a_file_that_ends_anywhere_too_early() {
        let file = checkpoint(&state());
        for length in 0..file.len() {
            assert!(
                read_checkpoint(&file[..length]).is_err(),
                "accepted {length} bytes"
            );
        }
    }
}
