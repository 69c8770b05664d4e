//! A pickle machine that can build descriptions of tensors and nothing else.
//!
//! A pickle is a program: Python's own reader imports and calls whatever the file names.
//! This machine knows only the instructions that `torch.save` writes for a state dictionary (protocols 2 to 5) and a short list of names; it imports and calls nothing, and refuses everything else.
//! With `ARRAYS` it also knows what plain NumPy arrays need. Nothing that a user opens is read in this way.
//! The instructions are described in Python's `pickletools.py`, the names in PyTorch's `torch/_utils.py` and `torch/serialization.py`.
//!
//! Values are stored in one list and refer to each other by index, so a value exists only once however often it is used, and neither walking nor dropping them recurses.
//! A container that has become part of another can no longer be filled; so none can ever contain itself.

mod input;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};
use std::rc::Rc;

pub(crate) use input::{Input, MOST_BYTES};
pub(crate) use values::{Id, Storage, Strided, Value, Values};
use values::{MOST_DEPTH, MOST_VALUES, Name, is_number_format};

use crate::CheckpointError;
use crate::error::{clipped, damaged};

/// A pickle that has been run.
pub(crate) struct Pickle {
    pub values: Values,
    pub top: Id,
    /// Every storage that it refers to, by key.
    pub storages: BTreeMap<Rc<str>, Storage>,
}

/// Runs one pickle.
pub(crate) fn unpickle<const ARRAYS: bool, R: Read + Seek>(
    input: &mut Input<R>,
) -> Result<Pickle, CheckpointError> {
    let mut machine = Machine::<ARRAYS>::default();
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
struct Machine<const ARRAYS: bool> {
    values: Values,
    stack: Vec<Id>,
    /// The height of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: BTreeMap<Rc<str>, Storage>,
}

impl<const ARRAYS: bool> Machine<ARRAYS> {
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
            // FRAME: a hint for readers that prefetch.
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
            // BINBYTES, SHORT_BINBYTES: the numbers of an array.
            b'B' if ARRAYS => {
                let length = u32::from_le_bytes(input.array()?);
                let bytes = input.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                self.make(Value::Bytes(bytes))
            }
            b'C' if ARRAYS => {
                let length = input.byte()?;
                let bytes = input.take(length.into())?;
                self.make(Value::Bytes(bytes))
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
                if ARRAYS && self.values.fill_array(object, attributes)? {
                    return Ok(());
                }
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

    /// Below this height, the stack belongs to an outer container.
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
        let numpy = || Name::find_numpy(module, name).filter(|_| ARRAYS);
        match Name::find(module, name).or_else(numpy) {
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
            // A parameter is a tensor with flags that only training needs.
            (Name::RebuildParameter, &[tensor, _, _] | &[tensor, _, _, _])
            | (Name::Parameter, &[tensor]) => match self.values.get(tensor) {
                Value::Tensor(_) => self.push(tensor),
                _ => Err(forbidden()),
            },
            (Name::Size, &[sizes]) => match self.values.get(sizes) {
                Value::Tuple(_) => self.push(sizes),
                _ => Err(forbidden()),
            },
            (Name::Device, &[_] | &[_, _]) => self.make(Value::Nothing),
            // The array is made empty, and BUILD fills it.
            (Name::MakeArray, &[class, ..]) => match self.values.get(class) {
                Value::Name(Name::Array) => self.make(Value::Array(None)),
                _ => Err(forbidden()),
            },
            (Name::ArrayFormat, &[format, ..]) => match self.values.text(format) {
                Some(format) if &**format == "f4" => self.make(Value::F32Format),
                _ => Err(damaged("an array's numbers are not f32")),
            },
            _ => Err(forbidden()),
        }
    }

    /// An ordered dictionary's attributes: in a state dictionary, the versions of its modules.
    /// Those of a parameter from before PyTorch 0.4: whether it is trained, and its hooks.
    /// None of them is kept.
    fn set_attributes(&self, object: Id, attributes: Id) -> Result<(), CheckpointError> {
        let forbidden = |name: &str| CheckpointError::ForbiddenCall {
            name: clipped(name.as_bytes()),
        };
        match (self.values.get(object), self.values.get(attributes)) {
            (Value::Dict(_), Value::Dict(attributes)) => {
                for (name, _) in attributes {
                    match self.values.text(*name) {
                        Some(name) if !name.starts_with("__") => {}
                        name => return Err(forbidden(name.map_or("__setstate__", |name| name))),
                    }
                }
                Ok(())
            }
            (Value::Tensor(_), Value::Tuple(_)) => Ok(()),
            _ => Err(forbidden("__setstate__")),
        }
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

/// The names given by Python's `pickletools` to the instructions that are refused.
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

fn too_much(what: &'static str, limit: u64) -> CheckpointError {
    CheckpointError::TooMuch { what, limit }
}
