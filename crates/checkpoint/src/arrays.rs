//! NumPy arrays in a pickle, `{"conv1": [weight, bias], …}`: the form in which one of the checkpoints behind our own weights is published.
//!
//! The page does not open such files.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::CheckpointError;
use crate::error::damaged;
use crate::pickle::{Input, Value, unpickle};
use crate::source::Source;

/// A dense array of f32 in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// As many as the product of `shape`.
    pub values: Vec<f32>,
}

impl Array {
    /// `None` when the bytes are not as many as the shape says.
    pub(crate) fn new(shape: &[u64], bytes: &[u8]) -> Option<Self> {
        let (values, rest) = bytes.as_chunks::<4>();
        let shape = shape.iter().map(|&size| usize::try_from(size).ok());
        let shape: Vec<usize> = shape.collect::<Option<_>>()?;
        let count = shape
            .iter()
            .try_fold(1usize, |all, &size| all.checked_mul(size));
        let is_whole = rest.is_empty() && count == Some(values.len());
        is_whole.then(|| Self {
            shape,
            values: values.iter().map(|&it| f32::from_le_bytes(it)).collect(),
        })
    }
}

/// The arrays of a pickle by the names of the lists that they are in.
/// All have to be of little-endian f32 in row-major order.
///
/// # Errors
/// Why the file is refused.
pub fn read_arrays<R: Read + Seek>(
    reader: R,
) -> Result<BTreeMap<String, Vec<Array>>, CheckpointError> {
    let mut source = Source::new(reader)?;
    let length = source.length();
    let input = &mut Input::new(&mut source, 0, length);
    let pickle = unpickle::<true, _>(input)?;
    if input.position() != length {
        return Err(damaged("it goes on after its arrays"));
    }
    let values = &pickle.values;
    let Value::Dict(lists) = values.get(pickle.top) else {
        return Err(damaged("it holds no table of arrays"));
    };
    let mut arrays = BTreeMap::new();
    for &(name, list) in lists {
        let (Some(name), Value::List(list)) = (values.text(name), values.get(list)) else {
            return Err(damaged("it holds something other than lists by name"));
        };
        let list = list.iter().map(|&array| match values.get(array) {
            Value::Array(Some(array)) => Ok(array.clone()),
            _ => Err(damaged("a list holds something that is no array")),
        });
        arrays.insert(name.to_string(), list.collect::<Result<_, _>>()?);
    }
    Ok(arrays)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::Checkpoint;

    fn text(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [b"X".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat()
    }

    /// `{"a": [array([[1, 2]])]}`, as Python's protocol 3 writes it.
    fn file(format: &str, order: &str) -> Vec<u8> {
        let numbers = [1.0f32, 2.0].map(f32::to_le_bytes).concat();
        [
            b"\x80\x03}q\x00(".as_slice(),
            &text("a"),
            b"]q\x02(cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87Rq\x08",
            b"(K\x01K\x01K\x02\x86cnumpy\ndtype\n",
            &text(format),
            b"K\x00K\x01\x87R(K\x03",
            &text(order),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89B\x08\x00\x00\x00",
            &numbers,
            b"tbeu.",
        ]
        .concat()
    }

    fn read(file: &[u8]) -> Result<BTreeMap<String, Vec<Array>>, CheckpointError> {
        read_arrays(Cursor::new(file))
    }

    #[test]
    fn arrays_are_read_by_name() {
        let expected = Array {
            shape: vec![1, 2],
            values: vec![1.0, 2.0],
        };
        assert_eq!(
            read(&file("f4", "<")).unwrap(),
            BTreeMap::from([("a".to_owned(), vec![expected])])
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(read(&file("f4", ">")), Err(CheckpointError::BigEndian));
        assert!(read(&file("f8", "<")).is_err());
        let whole = file("f4", "<");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(read(&[whole, vec![0]].concat()).is_err());
        let forbidden = b"\x80\x03cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.";
        let name = "posix.system".into();
        assert_eq!(
            read(forbidden),
            Err(CheckpointError::ForbiddenName { name })
        );
        // An array of something else than numbers: its class is called, too.
        let class =
            b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85C\x01b\x87R.";
        assert!(matches!(
            read(class),
            Err(CheckpointError::ForbiddenCall { .. })
        ));
    }

    /// Only this reader knows NumPy's names.
    #[test]
    fn a_users_file_may_not_hold_them() {
        let numpy = b"cnumpy\nndarray\n.";
        let legacy = [
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".as_slice(),
            b"\x80\x02M\xe9\x03.\x80\x02}",
            &text("little_endian"),
            b"\x88s.\x80\x02",
            numpy,
        ]
        .concat();
        let name = "numpy.ndarray".into();
        assert_eq!(
            Checkpoint::open(Cursor::new(legacy)).map(drop),
            Err(CheckpointError::ForbiddenName { name })
        );
    }
}
