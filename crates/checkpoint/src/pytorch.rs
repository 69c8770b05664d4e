//! PyTorch's checkpoints: the zip of `torch.save` since version 1.6, and the sequence of pickles before it.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::rc::Rc;

use crate::checkpoint::{Entry, Place};
use crate::error::damaged;
use crate::pickle::{Id, Input, Pickle, Storage, Strided, Value, Values, unpickle};
use crate::source::Source;
use crate::zip::{Directory, Stored};
use crate::{CheckpointError, TensorInfo, TensorProblem};

/// The first pickle of a legacy checkpoint: 0x1950a86a20f9469cfc6c, in little-endian order.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// How a legacy checkpoint begins: protocol 2, and the magic number as an integer of ten bytes.
pub(crate) const LEGACY_START: [u8; 4] = [0x80, 2, 0x8a, 10];

/// The keys under which training scripts keep the weights, among whatever else they save.
const NESTED: [&str; 6] = [
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "net",
    "weights",
];
/// How many levels deep these keys are followed.
const MOST_NESTED: usize = 3;
/// Prefixes that wrappers add to the name of every tensor: DataParallel, torch.compile, Lightning.
const WRAPPERS: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// Reads the directory of a zip that `torch.save` wrote.
pub(crate) fn open_zip<R: Read + Seek>(
    source: &mut Source<R>,
) -> Result<Vec<Entry>, CheckpointError> {
    let directory = Directory::read(source)?;
    // `NAME/data.pkl`, where NAME is what the file was called when it was written.
    let mut folders = directory.names().filter_map(|name| {
        let folder = name.strip_suffix("data.pkl")?;
        (folder.is_empty() || folder.ends_with('/')).then_some(folder)
    });
    let Some(folder) = folders.next() else {
        return Err(CheckpointError::Foreign {
            format: "a zip without PyTorch weights in it",
        });
    };
    if folders.next().is_some() {
        return Err(damaged("it holds more than one checkpoint"));
    }
    let find =
        |source: &mut Source<R>, name: &str| directory.find(source, &format!("{folder}{name}"));
    if find(source, "constants.pkl")?.is_some() {
        return Err(CheckpointError::Foreign {
            format: "a TorchScript program",
        });
    }
    if let Some(Stored { at, size }) = find(source, "byteorder")?
        && source.bytes(at, size.min(16) as usize)? != b"little"
    {
        return Err(CheckpointError::BigEndian);
    }
    let Some(description) = find(source, "data.pkl")? else {
        return Err(damaged("its description is missing"));
    };
    let pickle = unpickle::<false, _>(&mut Input::new(source, description.at, description.size))?;
    entries(&pickle, |storage| {
        if storage.is_part {
            return Err(damaged("a storage is a part of another one"));
        }
        let stored = find(source, &format!("data/{}", storage.key))?;
        let stored = stored.ok_or_else(|| damaged("a storage is missing"))?;
        if storage.count.checked_mul(storage.element.bytes) != Some(stored.size) {
            return Err(damaged(
                "a storage has another length than its description says",
            ));
        }
        Ok((stored.at, storage.count))
    })
}

/// Reads the directory of a checkpoint from before PyTorch 1.6: magic number, protocol version, number sizes, state dictionary, the storages' keys, the storages.
pub(crate) fn open_legacy<R: Read + Seek>(
    source: &mut Source<R>,
) -> Result<Vec<Entry>, CheckpointError> {
    let length = source.length();
    // All of them together may be as long as a single one.
    let input = &mut Input::new(source, 0, length);
    let magic = unpickle::<false, _>(input)?;
    if !matches!(magic.values.get(magic.top), Value::Long(bytes) if *bytes == MAGIC) {
        return Err(CheckpointError::Unknown);
    }
    let version = unpickle::<false, _>(input)?;
    if !matches!(version.values.get(version.top), Value::Int(1001)) {
        return Err(damaged("its version is unknown"));
    }
    let system = unpickle::<false, _>(input)?;
    match system
        .values
        .find(system.top, "little_endian")
        .map(|id| system.values.get(id))
    {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(CheckpointError::BigEndian),
        _ => return Err(damaged("its byte order is missing")),
    }
    let state = unpickle::<false, _>(input)?;
    let keys = unpickle::<false, _>(input)?;
    let mut at = input.position();
    let Value::List(ids) = keys.values.get(keys.top) else {
        return Err(damaged("its list of storages is missing"));
    };
    let mut places: BTreeMap<Rc<str>, (u64, u64)> = BTreeMap::new();
    for id in ids {
        let key = keys.values.text(*id);
        let storage = key.and_then(|key| state.storages.get(key));
        let storage = storage.ok_or_else(|| damaged("a storage belongs to no tensor"))?;
        let count = u64::from_le_bytes(source.array(at)?);
        at += 8;
        if places.insert(storage.key.clone(), (at, count)).is_some() {
            return Err(damaged("a storage is there twice"));
        }
        let end = count
            .checked_mul(storage.element.bytes)
            .and_then(|bytes| at.checked_add(bytes));
        at = end
            .filter(|&end| end <= length)
            .ok_or(CheckpointError::CutOff)?;
    }
    entries(&state, |storage| {
        let place = places.get(&storage.key);
        let &(at, count) = place.ok_or_else(|| damaged("a storage is missing"))?;
        if storage.is_part {
            // Its offset counts numbers.
            let end = storage.offset.checked_add(storage.count);
            if end.is_none_or(|end| end > count) {
                return Err(damaged("a part of a storage is larger than the whole"));
            }
            return Ok((at + storage.offset * storage.element.bytes, storage.count));
        }
        if count != storage.count {
            return Err(damaged(
                "a storage has another length than its description says",
            ));
        }
        Ok((at, count))
    })
}

/// The tensors of the state dictionary, with their locations in the file.
///
/// `locate` returns where a storage is and how many numbers it has.
fn entries(
    pickle: &Pickle,
    mut locate: impl FnMut(&Storage) -> Result<(u64, u64), CheckpointError>,
) -> Result<Vec<Entry>, CheckpointError> {
    let tensors = state_dict(&pickle.values, pickle.top).ok_or(CheckpointError::NoTensors)?;
    let mut entries = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let (at, count) = locate(&tensor.storage)?;
        entries.push(entry(name, tensor, at, count).map_err(|problem| problem.of(name))?);
    }
    strip_wrappers(&mut entries);
    Ok(entries)
}

/// Locates `tensor`, given that its storage starts `at` this place and has `count` numbers.
fn entry(name: &str, tensor: &Strided, at: u64, count: u64) -> Result<Entry, TensorProblem> {
    let (_, span) = tensor.extent()?;
    let end = tensor.offset.checked_add(span);
    if end.is_none_or(|end| end > count) {
        return Err(TensorProblem::OutOfStorage);
    }
    let shape = tensor.shape.iter().map(|&size| usize::try_from(size).ok());
    let shape = shape.collect::<Option<_>>().ok_or(TensorProblem::Shape)?;
    let element = tensor.storage.element;
    Ok(Entry {
        info: TensorInfo {
            name: name.to_owned(),
            shape,
            dtype: element.dtype,
        },
        place: Place {
            at: at + tensor.offset * element.bytes,
            strides: tensor.strides.clone(),
        },
    })
}

/// The named tensors of the state dictionary, wherever the training script has put it.
fn state_dict(values: &Values, top: Id) -> Option<Vec<(&str, &Strided)>> {
    let mut dict = top;
    for _ in 0..=MOST_NESTED {
        let nested = NESTED.iter().find_map(|name| {
            let inner = values.find(dict, name)?;
            matches!(values.get(inner), Value::Dict(_)).then_some(inner)
        });
        match nested {
            Some(inner) => dict = inner,
            None => break,
        }
    }
    let Value::Dict(pairs) = values.get(dict) else {
        return None;
    };
    let tensors: Vec<_> = pairs
        .iter()
        .filter_map(
            |&(name, tensor)| match (values.text(name)?, values.get(tensor)) {
                (name, Value::Tensor(tensor)) => Some((&**name, tensor)),
                _ => None,
            },
        )
        .collect();
    (!tensors.is_empty()).then_some(tensors)
}

/// Strips the prefixes that wrappers add to every name.
fn strip_wrappers(entries: &mut [Entry]) {
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
        entries
            .iter()
            .all(|entry| entry.info.name.starts_with(**wrapper))
    }) {
        for entry in &mut *entries {
            entry.info.name.drain(..wrapper.len());
        }
    }
}

impl Values {
    /// A dictionary's value.
    fn find(&self, dict: Id, name: &str) -> Option<Id> {
        let Value::Dict(pairs) = self.get(dict) else {
            return None;
        };
        let is_wanted = |id| self.text(id).is_some_and(|text| &**text == name);
        let pair = pairs.iter().rfind(|(key, _)| is_wanted(*key))?;
        Some(pair.1)
    }
}
