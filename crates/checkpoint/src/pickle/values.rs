//! What a pickle can build, and the names that it may use for it.

use std::rc::Rc;

use super::too_much;
use crate::error::damaged;
use crate::{Array, CheckpointError, Dtype, TensorProblem};

/// The most values, and also the most on the stack and in the memo; a tensor takes about ten.
pub(crate) const MOST_VALUES: usize = 1_000_000;
/// How deep containers may nest; an optimizer's state has 5 levels.
pub(crate) const MOST_DEPTH: usize = 64;
/// The most dimensions of a tensor, as in PyTorch.
const MOST_DIMENSIONS: usize = 64;

/// The index of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// What a pickle can build.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Something harmless that is never used.
    Nothing,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, as its little-endian bytes.
    Long(Vec<u8>),
    Text(Rc<str>),
    Bytes(Vec<u8>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Storage),
    Tensor(Strided),
    /// A NumPy array; without numbers until BUILD fills it.
    Array(Option<Array>),
    /// NumPy's f32.
    F32Format,
}

/// The only Python names that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Parameter,
    Size,
    Device,
    StorageOf(Element),
    MakeArray,
    Array,
    ArrayFormat,
}

impl Name {
    pub fn find(module: &str, name: &str) -> Option<Self> {
        let element = |dtype, bytes| Some(Self::StorageOf(Element { dtype, bytes }));
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            // The first is from before PyTorch 0.4.
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            // From before PyTorch 0.4.
            ("torch.nn.parameter", "Parameter") => Some(Self::Parameter),
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

    /// What a plain NumPy array needs.
    pub fn find_numpy(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("numpy.core.multiarray", "_reconstruct") => Some(Self::MakeArray),
            ("numpy", "ndarray") => Some(Self::Array),
            ("numpy", "dtype") => Some(Self::ArrayFormat),
            _ => None,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Parameter => "torch.nn.parameter.Parameter",
            Self::Size => "torch.Size",
            Self::Device => "torch.device",
            Self::StorageOf(_) => "a storage class",
            Self::MakeArray => "numpy.core.multiarray._reconstruct",
            Self::Array => "numpy.ndarray",
            Self::ArrayFormat => "numpy.dtype",
        }
    }
}

/// Names without effect: a number format such as `torch.float32`.
pub(crate) fn is_number_format(module: &str, name: &str) -> bool {
    let formats = [
        "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
        "bool",
    ];
    module == "torch" && formats.contains(&name)
}

/// The type of a storage's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub dtype: Dtype,
    pub bytes: u64,
}

/// Contiguous numbers elsewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    /// Its name in the file.
    pub key: Rc<str>,
    pub element: Element,
    /// How many numbers.
    pub count: u64,
    /// The offset at which it begins if it is a part of the storage `key` (before PyTorch 0.4).
    pub offset: u64,
    /// Whether it is only a part of a storage.
    pub is_part: bool,
}

/// A tensor as a pickle describes it: a strided view of a storage.
#[derive(Clone, Debug)]
pub(crate) struct Strided {
    pub storage: Storage,
    /// The offset of the first number in the storage.
    pub offset: u64,
    pub shape: Vec<u64>,
    /// The strides, in numbers.
    pub strides: Vec<u64>,
}

impl Strided {
    /// How many numbers the tensor has, and how many numbers of the storage it spans from the first to the last.
    ///
    /// # Errors
    /// [`TensorProblem::Shape`], or [`TensorProblem::Overlapping`] if two indices lead to the same number.
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
        // If one size is 0, the product of the others is checked too: other code computes with it.
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

/// What a pickle built.
#[derive(Default)]
pub(crate) struct Values {
    values: Vec<Slot>,
}

struct Slot {
    value: Value,
    /// How deep the values in it are nested.
    depth: usize,
    /// Whether it is already part of another value, and therefore complete.
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

    pub fn push(&mut self, value: Value) -> Result<Id, CheckpointError> {
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

    pub fn tuple(&mut self, items: Vec<Id>) -> Result<Id, CheckpointError> {
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

    pub fn extend_list(&mut self, list: Id, items: &[Id]) -> Result<(), CheckpointError> {
        let Value::List(held) = self.open(list)? else {
            return Err(damaged("something that is no list is filled like one"));
        };
        held.extend(items);
        self.place(items, list)
    }

    pub fn extend_dict(&mut self, dict: Id, items: &[Id]) -> Result<(), CheckpointError> {
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

    /// What a persistent id denotes: `("storage", class, key, location, count)`, and before PyTorch 1.6 also `None` or `(key of the part, offset, count)`.
    pub fn storage(&self, id: Id) -> Option<Storage> {
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
    pub fn strided(&self, arguments: &[Id]) -> Option<Strided> {
        let (&[storage, offset, shape, strides], rest) = arguments.split_first_chunk()?;
        let Value::Storage(storage) = self.get(storage) else {
            return None;
        };
        // Whether it is trained, its hooks, and whatever else PyTorch keeps along with a tensor.
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

    /// Gives an empty array its state, or checks a number format's; `false` when `object` is neither.
    ///
    /// An array's state is `(version, shape, format, is column by column, bytes)`.
    pub fn fill_array(&mut self, object: Id, state: Id) -> Result<bool, CheckpointError> {
        let unexpected = || damaged("an array is not of f32, row by row");
        let Value::Tuple(state) = self.get(state) else {
            return Ok(false);
        };
        match self.get(object) {
            // `<` in the second place is little-endian.
            Value::F32Format => match state.get(1).and_then(|order| self.text(*order)) {
                Some(order) if &**order == "<" => Ok(true),
                _ => Err(CheckpointError::BigEndian),
            },
            Value::Array(None) => {
                let &[version, shape, format, is_by_columns, bytes] = state.as_slice() else {
                    return Err(unexpected());
                };
                let (
                    Value::Int(1),
                    Value::F32Format,
                    Value::Bool(false),
                    Value::Bytes(bytes),
                    Some(shape),
                ) = (
                    self.get(version),
                    self.get(format),
                    self.get(is_by_columns),
                    self.get(bytes),
                    self.sizes(shape),
                )
                else {
                    return Err(unexpected());
                };
                let array = Array::new(&shape, bytes).ok_or_else(unexpected)?;
                self.values[object.0 as usize].value = Value::Array(Some(array));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The pairs of `OrderedDict([(key, value), …])`, which is how Python 2 wrote an ordered dictionary.
    pub fn pairs(&self, id: Id) -> Option<Vec<Id>> {
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
