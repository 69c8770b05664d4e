//! A pickle machine that can build tensors' descriptions and nothing else.
//!
//! A pickle is a program: Python's own reader imports and calls whatever the file names.
//! This machine knows the instructions that `torch.save` writes for a state dictionary (the protocols 2 to 5), and a short list of names; it imports and calls nothing, and refuses the rest.
//! The instructions are described in Python's `pickletools.py`, the names in PyTorch's `torch/_utils.py` and `torch/serialization.py`.
//!
//! Values lie side by side and refer to each other by number, so however often one is used, it is there once, and nothing that walks or drops them recurses.
//! A container that has been put somewhere can no longer be filled; therefore none can come to hold itself.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};
use std::rc::Rc;

use crate::error::{clipped, damaged};
use crate::source::Source;
use crate::{CheckpointError, Dtype, TensorProblem};

/// The longest pickle that is read. A state dictionary takes about 100 bytes a tensor.
pub(crate) const MOST_BYTES: u64 = 16 << 20;
/// Values, and as many on the stack and remembered; a tensor takes about ten.
const MOST_VALUES: usize = 1_000_000;
/// A text's length; the longest are settings that somebody saved beside the weights.
const MOST_TEXT: usize = 1 << 20;
/// A module's or a name's length.
const MOST_NAME: usize = 256;
/// How deep containers nest; an optimizer's state reaches 5.
const MOST_DEPTH: usize = 64;
/// Dimensions of a tensor, as many as PyTorch allows.
const MOST_DIMENSIONS: usize = 64;

/// A value's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// What a pickle can build.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Something harmless that nobody asks about.
    Nothing,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, as its little-endian bytes.
    Long(Vec<u8>),
    Text(Rc<str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Storage),
    Tensor(Strided),
}

/// The only Python names that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Device,
    StorageOf(Element),
}

impl Name {
    fn find(module: &str, name: &str) -> Option<Self> {
        let element = |dtype, bytes| Some(Self::StorageOf(Element { dtype, bytes }));
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            // The first is from before PyTorch 0.4.
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            ("torch", "Size") => Some(Self::Size),
            ("torch", "device") => Some(Self::Device),
            ("torch", "FloatStorage") => element(Dtype::F32, 4),
            ("torch", "HalfStorage") => element(Dtype::F16, 2),
            ("torch", "BFloat16Storage") => element(Dtype::Bf16, 2),
            ("torch", "DoubleStorage") => element(Dtype::F64, 8),
            ("torch", "LongStorage") => element(Dtype::Other, 8),
            ("torch", "IntStorage") => element(Dtype::Other, 4),
            ("torch", "ShortStorage") => element(Dtype::Other, 2),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => element(Dtype::Other, 1),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Size => "torch.Size",
            Self::Device => "torch.device",
            Self::StorageOf(_) => "a storage class",
        }
    }
}

/// Names without effect: a number format such as `torch.float32`.
fn is_number_format(module: &str, name: &str) -> bool {
    let formats = [
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
        "bool",
    ];
    module == "torch" && formats.contains(&name)
}

/// The form of a storage's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub dtype: Dtype,
    pub bytes: u64,
}

/// Numbers side by side, elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    /// Its name in the file.
    pub key: Rc<str>,
    pub element: Element,
    /// How many numbers.
    pub count: u64,
    /// The number at which it begins, where it is a part of the storage `key` (before PyTorch 0.4).
    pub offset: u64,
    /// Whether it is only a part.
    pub is_part: bool,
}

/// A tensor as a pickle describes it: a strided window on a storage.
#[derive(Clone, Debug)]
pub(crate) struct Strided {
    pub storage: Storage,
    /// The first number's place in the storage.
    pub offset: u64,
    pub shape: Vec<u64>,
    /// Numbers from one index to the next, per dimension.
    pub strides: Vec<u64>,
}

/// A pickle's bytes, read in pieces.
pub(crate) struct Input<'a, R> {
    source: &'a mut Source<R>,
    /// Of the next byte that is not yet in `piece`.
    at: u64,
    /// Behind the last byte that may be read.
    end: u64,
    piece: Vec<u8>,
    /// Of the next byte in `piece`.
    next: usize,
}

impl<'a, R: Read + Seek> Input<'a, R> {
    /// The bytes from `at` on, `length` of them or up to the limit, whichever is less.
    pub fn new(source: &'a mut Source<R>, at: u64, length: u64) -> Self {
        let end = at.saturating_add(length.min(MOST_BYTES));
        Self {
            source,
            at,
            end,
            piece: Vec::new(),
            next: 0,
        }
    }

    /// Where the next byte lies in the file.
    pub fn position(&self) -> u64 {
        self.at - (self.piece.len() - self.next) as u64
    }

    fn byte(&mut self) -> Result<u8, CheckpointError> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            if self.next == self.piece.len() {
                self.refill()?;
            }
            *byte = self.piece[self.next];
            self.next += 1;
        }
        Ok(bytes)
    }

    fn refill(&mut self) -> Result<(), CheckpointError> {
        const PIECE: u64 = 1 << 16;
        if self.at >= self.source.length() {
            return Err(CheckpointError::CutOff);
        }
        if self.at >= self.end {
            return Err(too_much("bytes of description", MOST_BYTES));
        }
        let count = PIECE.min(self.end.min(self.source.length()) - self.at);
        self.piece = self.source.bytes(self.at, count as usize)?;
        self.at += count;
        self.next = 0;
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, CheckpointError> {
        (0..count).map(|_| self.byte()).collect()
    }

    fn text(&mut self, count: usize) -> Result<Rc<str>, CheckpointError> {
        if count > MOST_TEXT {
            return Err(too_much("characters in a text", MOST_TEXT as u64));
        }
        let bytes = self.take(count)?;
        // Python 2 wrote its texts without saying in which encoding; names of tensors are ASCII.
        Ok(String::from_utf8_lossy(&bytes).into())
    }

    /// Reads up to the next line feed, and steps over it.
    fn line(&mut self) -> Result<String, CheckpointError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).into_owned()),
                _ if line.len() == MOST_NAME => {
                    return Err(too_much("characters in a name", MOST_NAME as u64));
                }
                byte => line.push(byte),
            }
        }
    }
}

fn too_much(what: &'static str, limit: u64) -> CheckpointError {
    CheckpointError::TooMuch { what, limit }
}

/// What a pickle built.
#[derive(Default)]
pub(crate) struct Values {
    values: Vec<Slot>,
}

struct Slot {
    value: Value,
    /// Of the deepest value in it.
    depth: usize,
    /// Whether it is part of another value, and therefore complete.
    is_placed: bool,
}

impl Values {
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id.0 as usize].value
    }

    pub fn text(&self, id: Id) -> Option<&Rc<str>> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn push(&mut self, value: Value) -> Result<Id, CheckpointError> {
        if self.values.len() == MOST_VALUES {
            return Err(too_much("values", MOST_VALUES as u64));
        }
        let id = Id(self.values.len() as u32);
        self.values.push(Slot {
            value,
            depth: 0,
            is_placed: false,
        });
        Ok(id)
    }

    /// Notes that `items` are part of `container` from now on.
    fn place(&mut self, items: &[Id], container: Id) -> Result<(), CheckpointError> {
        for item in items {
            if *item == container {
                return Err(CheckpointError::Recursive);
            }
            let slot = &mut self.values[item.0 as usize];
            slot.is_placed = true;
            let depth = slot.depth + 1;
            if depth > MOST_DEPTH {
                return Err(CheckpointError::TooDeep { limit: MOST_DEPTH });
            }
            let container = &mut self.values[container.0 as usize];
            container.depth = container.depth.max(depth);
        }
        Ok(())
    }

    fn tuple(&mut self, items: Vec<Id>) -> Result<Id, CheckpointError> {
        let tuple = self.push(Value::Nothing)?;
        self.place(&items, tuple)?;
        self.values[tuple.0 as usize].value = Value::Tuple(items);
        Ok(tuple)
    }

    /// A container to be filled.
    fn open(&mut self, container: Id) -> Result<&mut Value, CheckpointError> {
        let slot = &mut self.values[container.0 as usize];
        let is_container = matches!(slot.value, Value::List(_) | Value::Dict(_));
        if is_container && slot.is_placed {
            return Err(CheckpointError::Recursive);
        }
        Ok(&mut slot.value)
    }

    fn extend_list(&mut self, list: Id, items: &[Id]) -> Result<(), CheckpointError> {
        let Value::List(held) = self.open(list)? else {
            return Err(damaged("something that is no list is filled like one"));
        };
        held.extend(items);
        self.place(items, list)
    }

    fn extend_dict(&mut self, dict: Id, items: &[Id]) -> Result<(), CheckpointError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(damaged("a key has no value"));
        }
        let Value::Dict(held) = self.open(dict)? else {
            return Err(damaged("something that is no table is filled like one"));
        };
        held.extend(pairs.iter().map(|&[key, value]| (key, value)));
        self.place(items, dict)
    }

    fn size(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(size) => u64::try_from(*size).ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        match self.get(id) {
            Value::Tuple(sizes) if sizes.len() <= MOST_DIMENSIONS => {
                sizes.iter().map(|&size| self.size(size)).collect()
            }
            _ => None,
        }
    }

    /// What a persistent id stands for: `("storage", class, key, location, count)`, and before PyTorch 1.6 also `None` or `(key of the part, offset, count)`.
    fn storage(&self, id: Id) -> Option<Storage> {
        let Value::Tuple(items) = self.get(id) else {
            return None;
        };
        let &[tag, class, key, _location, count, ref part @ ..] = items.as_slice() else {
            return None;
        };
        let Value::Name(Name::StorageOf(element)) = *self.get(class) else {
            return None;
        };
        if &**self.text(tag)? != "storage" {
            return None;
        }
        let mut storage = Storage {
            key: self.text(key)?.clone(),
            element,
            count: self.size(count)?,
            offset: 0,
            is_part: false,
        };
        match part {
            [] => {}
            [part] => match self.get(*part) {
                Value::Nothing => {}
                Value::Tuple(items) => {
                    let &[_key, offset, count] = items.as_slice() else {
                        return None;
                    };
                    storage.offset = self.size(offset)?;
                    storage.count = self.size(count)?;
                    storage.is_part = true;
                }
                _ => return None,
            },
            _ => return None,
        }
        Some(storage)
    }

    /// `(storage, offset, shape, strides, …)`
    fn strided(&self, arguments: &[Id]) -> Option<Strided> {
        let (&[storage, offset, shape, strides], rest) = arguments.split_first_chunk()?;
        let Value::Storage(storage) = self.get(storage) else {
            return None;
        };
        // Whether it is trained, its hooks, and what else PyTorch keeps beside a tensor.
        if rest.len() > 3 {
            return None;
        }
        Some(Strided {
            storage: storage.clone(),
            offset: self.size(offset)?,
            shape: self.sizes(shape)?,
            strides: self.sizes(strides)?,
        })
    }

    /// The pairs of `OrderedDict([(key, value), …])`, which is how Python 2 wrote one.
    fn pairs(&self, id: Id) -> Option<Vec<Id>> {
        let Value::List(items) = self.get(id) else {
            return None;
        };
        let mut flat = Vec::with_capacity(2 * items.len());
        for &item in items {
            match self.get(item) {
                Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => flat.extend(pair),
                _ => return None,
            }
        }
        Some(flat)
    }
}

/// A pickle that has been run.
pub(crate) struct Pickle {
    pub values: Values,
    pub top: Id,
    /// Every storage that it named, by its key.
    pub storages: BTreeMap<Rc<str>, Storage>,
}

/// Runs one pickle.
pub(crate) fn unpickle<R: Read + Seek>(input: &mut Input<R>) -> Result<Pickle, CheckpointError> {
    let mut machine = Machine::default();
    loop {
        let instruction = input.byte()?;
        if instruction == b'.' {
            let top = machine.pop()?;
            return Ok(Pickle {
                values: machine.values,
                top,
                storages: machine.storages,
            });
        }
        machine.step(instruction, input)?;
    }
}

#[derive(Default)]
struct Machine {
    values: Values,
    stack: Vec<Id>,
    /// The stack's length when each mark was set.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: BTreeMap<Rc<str>, Storage>,
}

impl Machine {
    fn step<R: Read + Seek>(
        &mut self,
        instruction: u8,
        input: &mut Input<R>,
    ) -> Result<(), CheckpointError> {
        match instruction {
            // PROTO
            0x80 => match input.byte()? {
                2..=5 => Ok(()),
                _ => Err(damaged("its pickle has an unknown version")),
            },
            // FRAME: a hint for readers that fetch ahead.
            0x95 => input.array::<8>().map(drop),
            // MARK
            b'(' => {
                if self.marks.len() == MOST_DEPTH {
                    return Err(CheckpointError::TooDeep { limit: MOST_DEPTH });
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.make(Value::Nothing),
            0x88 => self.make(Value::Bool(true)),
            0x89 => self.make(Value::Bool(false)),
            // BININT, BININT1, BININT2, LONG1
            b'J' => {
                let number = i32::from_le_bytes(input.array()?);
                self.make(Value::Int(number.into()))
            }
            b'K' => {
                let number = input.byte()?;
                self.make(Value::Int(number.into()))
            }
            b'M' => {
                let number = u16::from_le_bytes(input.array()?);
                self.make(Value::Int(number.into()))
            }
            0x8a => {
                let length = input.byte()?;
                let bytes = input.take(length.into())?;
                self.make(long(bytes))
            }
            // BINFLOAT: a learning rate, an accuracy.
            b'G' => {
                input.array::<8>()?;
                self.make(Value::Nothing)
            }
            // BINUNICODE, SHORT_BINUNICODE; BINSTRING, SHORT_BINSTRING from Python 2
            b'X' | b'T' => {
                let length = u32::from_le_bytes(input.array()?);
                let text = input.text(usize::try_from(length).unwrap_or(usize::MAX))?;
                self.make(Value::Text(text))
            }
            0x8c | b'U' => {
                let length = input.byte()?;
                let text = input.text(length.into())?;
                self.make(Value::Text(text))
            }
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.make(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(count);
                let start = start.filter(|&start| start >= self.floor());
                let items = self.stack.split_off(start.ok_or_else(empty)?);
                let tuple = self.values.tuple(items)?;
                self.push(tuple)
            }
            b't' => {
                let items = self.pop_to_mark()?;
                let tuple = self.values.tuple(items)?;
                self.push(tuple)
            }
            // EMPTY_LIST, APPEND, APPENDS
            b']' => self.make(Value::List(Vec::new())),
            b'a' => {
                let item = self.pop()?;
                let list = self.top()?;
                self.values.extend_list(list, &[item])
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                let list = self.top()?;
                self.values.extend_list(list, &items)
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.make(Value::Dict(Vec::new())),
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                let dict = self.top()?;
                self.values.extend_dict(dict, &[key, value])
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                let dict = self.top()?;
                self.values.extend_dict(dict, &items)
            }
            // BINPUT, LONG_BINPUT, MEMOIZE
            b'q' => {
                let slot = input.byte()?;
                self.remember(slot.into())
            }
            b'r' => {
                let slot = u32::from_le_bytes(input.array()?);
                self.remember(slot)
            }
            0x94 => self.remember(self.memo.len() as u32),
            // BINGET, LONG_BINGET
            b'h' => {
                let slot = input.byte()?;
                self.recall(slot.into())
            }
            b'j' => {
                let slot = u32::from_le_bytes(input.array()?);
                self.recall(slot)
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let module = input.line()?;
                let name = input.line()?;
                self.name(&module, &name)
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (Some(module), Some(name)) = (self.values.text(module), self.values.text(name))
                else {
                    return Err(damaged("a Python name is no text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.name(&module, &name)
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                self.persistent(id)
            }
            // REDUCE
            b'R' => {
                let arguments = self.pop()?;
                let callee = self.pop()?;
                self.call(callee, arguments)
            }
            // BUILD
            b'b' => {
                let attributes = self.pop()?;
                let object = self.top()?;
                self.set_attributes(object, attributes)
            }
            other => Err(CheckpointError::ForbiddenInstruction {
                instruction: instruction_name(other),
            }),
        }
    }

    fn make(&mut self, value: Value) -> Result<(), CheckpointError> {
        let id = self.values.push(value)?;
        self.push(id)
    }

    fn push(&mut self, id: Id) -> Result<(), CheckpointError> {
        if self.stack.len() == MOST_VALUES {
            return Err(too_much("values", MOST_VALUES as u64));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Below this the stack belongs to an outer container.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, CheckpointError> {
        let is_there = self.stack.len() > self.floor();
        let top = self.stack.last().filter(|_| is_there);
        top.copied().ok_or_else(empty)
    }

    fn pop(&mut self) -> Result<Id, CheckpointError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, CheckpointError> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| damaged("its pickle lacks a mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, slot: u32) -> Result<(), CheckpointError> {
        if self.memo.len() == MOST_VALUES {
            return Err(too_much("remembered values", MOST_VALUES as u64));
        }
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), CheckpointError> {
        let id = self.memo.get(&slot).copied();
        self.push(id.ok_or_else(|| damaged("its pickle recalls what it never remembered"))?)
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), CheckpointError> {
        if is_number_format(module, name) {
            return self.make(Value::Nothing);
        }
        match Name::find(module, name) {
            Some(name) => self.make(Value::Name(name)),
            None => Err(CheckpointError::ForbiddenName {
                name: clipped(format!("{module}.{name}").as_bytes()),
            }),
        }
    }

    fn persistent(&mut self, id: Id) -> Result<(), CheckpointError> {
        let storage = self.values.storage(id);
        let storage = storage.ok_or_else(|| damaged("a storage is not described as expected"))?;
        let whole = self.storages.entry(storage.key.clone());
        let whole = whole.or_insert_with(|| storage.clone());
        let is_same = whole.element == storage.element
            && (whole.count == storage.count || whole.is_part || storage.is_part);
        if !is_same {
            return Err(damaged("a storage is described in two ways"));
        }
        self.make(Value::Storage(storage))
    }

    fn call(&mut self, callee: Id, arguments: Id) -> Result<(), CheckpointError> {
        let Value::Name(name) = *self.values.get(callee) else {
            return Err(CheckpointError::ForbiddenCall {
                name: "something that is no function".into(),
            });
        };
        let forbidden = || CheckpointError::ForbiddenCall {
            name: name.text().into(),
        };
        let Value::Tuple(arguments) = self.values.get(arguments) else {
            return Err(forbidden());
        };
        match (name, arguments.as_slice()) {
            (Name::OrderedDict, []) => self.make(Value::Dict(Vec::new())),
            (Name::OrderedDict, &[items]) => {
                let pairs = self.values.pairs(items).ok_or_else(forbidden)?;
                let dict = self.values.push(Value::Dict(Vec::new()))?;
                self.values.extend_dict(dict, &pairs)?;
                self.push(dict)
            }
            (Name::RebuildTensor, arguments) => {
                let tensor = self.values.strided(arguments);
                let tensor =
                    tensor.ok_or_else(|| damaged("a tensor is not described as expected"))?;
                self.make(Value::Tensor(tensor))
            }
            // A parameter is its tensor, and flags that training needs.
            (Name::RebuildParameter, &[tensor, _, _] | &[tensor, _, _, _]) => {
                match self.values.get(tensor) {
                    Value::Tensor(_) => self.push(tensor),
                    _ => Err(forbidden()),
                }
            }
            (Name::Size, &[sizes]) => match self.values.get(sizes) {
                Value::Tuple(_) => self.push(sizes),
                _ => Err(forbidden()),
            },
            (Name::Device, &[_] | &[_, _]) => self.make(Value::Nothing),
            _ => Err(forbidden()),
        }
    }

    /// An ordered dictionary's attributes: in a state dictionary, the versions of its modules. They are not kept.
    fn set_attributes(&self, object: Id, attributes: Id) -> Result<(), CheckpointError> {
        let forbidden = |name: &str| CheckpointError::ForbiddenCall {
            name: clipped(name.as_bytes()),
        };
        let Value::Dict(_) = self.values.get(object) else {
            return Err(forbidden("__setstate__"));
        };
        let Value::Dict(attributes) = self.values.get(attributes) else {
            return Err(forbidden("__setstate__"));
        };
        for (name, _) in attributes {
            match self.values.text(*name) {
                Some(name) if !name.starts_with("__") => {}
                name => return Err(forbidden(name.map_or("__setstate__", |name| name))),
            }
        }
        Ok(())
    }
}

fn empty() -> CheckpointError {
    damaged("its pickle takes what is not there")
}

/// A little-endian integer in two's complement.
fn long(bytes: Vec<u8>) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes);
    }
    let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if is_negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(&bytes);
    Value::Int(i64::from_le_bytes(wide))
}

/// The names that Python's `pickletools` gives to what is refused.
fn instruction_name(instruction: u8) -> String {
    let name = match instruction {
        b'i' => "INST",
        b'o' => "OBJ",
        b'P' => "PERSID",
        b'p' => "PUT",
        b'g' => "GET",
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'I' => "INT",
        b'L' => "LONG",
        b'F' => "FLOAT",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'l' => "LIST",
        b'd' => "DICT",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        0x81 => "NEWOBJ",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        0x8b => "LONG4",
        0x8d => "BINUNICODE8",
        0x8e => "BINBYTES8",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x92 => "NEWOBJ_EX",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return format!("0x{instruction:02x}"),
    };
    name.to_owned()
}

impl Strided {
    /// How many numbers the tensor has, and the distance from its first to behind its last in the storage.
    ///
    /// # Errors
    /// [`TensorProblem::Shape`], or [`TensorProblem::Overlapping`] when two indices lead to one number.
    pub fn extent(&self) -> Result<(u64, u64), TensorProblem> {
        if self.shape.len() != self.strides.len() {
            return Err(TensorProblem::Shape);
        }
        let mut axes: Vec<(u64, u64)> = self
            .strides
            .iter()
            .copied()
            .zip(self.shape.iter().copied())
            .collect();
        let product = |total: u64, &(_, size): &(u64, u64)| total.checked_mul(size.max(1));
        // Also the product of the others, where one size is 0: others compute with it.
        axes.iter()
            .try_fold(1, product)
            .ok_or(TensorProblem::Shape)?;
        if axes.iter().any(|&(_, size)| size == 0) {
            return Ok((0, 0));
        }
        axes.sort_unstable();
        let (mut count, mut span) = (1u64, 1u64);
        for (stride, size) in axes {
            if size > 1 && stride < span {
                return Err(TensorProblem::Overlapping);
            }
            count *= size;
            let reach = stride.checked_mul(size - 1);
            span = reach
                .and_then(|reach| span.checked_add(reach))
                .ok_or(TensorProblem::OutOfStorage)?;
        }
        Ok((count, span))
    }
}
