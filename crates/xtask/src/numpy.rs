//! Reads a pickle of lists of NumPy arrays by name, `{"conv1": [weight, bias], …}`.
//!
//! Python's own reader would run what the file names; [`unpickle`] knows only what plain arrays need, and runs nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::pytorch::{Input, Tensor, Value, unpickle};

/// The arrays of `file` by the names of the lists that they are in. All are little-endian f32 in row-major order.
pub fn read_arrays(file: &[u8]) -> Result<BTreeMap<String, Vec<Tensor>>> {
    let mut input = Input { rest: file };
    let Value::Dict(entries) = unpickle(&mut input)? else {
        bail!("the pickle holds no dictionary");
    };
    ensure!(
        input.rest.is_empty(),
        "the file goes on behind its dictionary"
    );
    let list = |(name, list)| {
        let (Value::Text(name), Value::List(arrays)) = (name, list) else {
            bail!("the dictionary holds something other than lists by name");
        };
        let array = |array| match array {
            Value::Array(Some(tensor)) => Ok(tensor),
            _ => bail!("{name} holds something that is no array"),
        };
        let arrays = arrays.into_iter().map(array).collect::<Result<_>>()?;
        Ok((name, arrays))
    };
    entries.into_iter().map(list).collect()
}

/// Fills an array by its state: `(version, shape, dtype, is column by column, bytes)`.
pub fn filled(state: Value) -> Result<Tensor> {
    let Value::Tuple(state) = state else {
        bail!("an array's state is not described as expected");
    };
    let [
        Value::Int(1),
        Value::Tuple(shape),
        Value::F32Format,
        Value::Bool(false),
        Value::Bytes(bytes),
    ] = state.as_slice()
    else {
        bail!("an array is not of f32, row by row");
    };
    let shape = crate::pytorch::sizes(shape)?;
    let (values, rest) = bytes.as_chunks::<4>();
    let count = shape
        .iter()
        .try_fold(1usize, |all, &size| all.checked_mul(size));
    ensure!(
        rest.is_empty() && count == Some(values.len()),
        "an array's bytes are not as many as its shape says"
    );
    Ok(Tensor {
        shape,
        values: values.iter().map(|&it| f32::from_le_bytes(it)).collect(),
    })
}

/// A number format's state; `<` in its second place is little-endian.
pub fn check_format(state: &Value) -> Result<()> {
    let Value::Tuple(state) = state else {
        bail!("a number format's state is not described as expected");
    };
    ensure!(
        state.get(1) == Some(&Value::Text("<".into())),
        "the numbers are not little-endian"
    );
    Ok(())
}

/// Filters as TensorFlow keeps them, `[height, width, in, out]`, in PyTorch's order, `[out, in, height, width]`.
pub fn reordered(tensor: &Tensor) -> Result<Tensor> {
    let &[height, width, channels_in, channels_out] = tensor.shape.as_slice() else {
        bail!("a filter has not four dimensions");
    };
    let mut values = Vec::with_capacity(tensor.values.len());
    for out in 0..channels_out {
        for channel in 0..channels_in {
            for place in 0..height * width {
                let index = (place * channels_in + channel) * channels_out + out;
                values.push(*tensor.values.get(index).context("a filter is cut off")?);
            }
        }
    }
    Ok(Tensor {
        shape: vec![channels_out, channels_in, height, width],
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap();
        [b"X".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat()
    }

    /// `{"a": [array([[1, 2]])]}`, as Python's protocol 3 writes it.
    fn file(order: &str) -> Vec<u8> {
        let numbers = [1.0f32, 2.0].map(f32::to_le_bytes).concat();
        [
            b"\x80\x03}q\x00(".as_slice(),
            &text("a"),
            b"]q\x02(cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87Rq\x08",
            b"(K\x01K\x01K\x02\x86cnumpy\ndtype\n",
            &text("f4"),
            b"K\x00K\x01\x87R(K\x03",
            &text(order),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89B\x08\x00\x00\x00",
            &numbers,
            b"tbeu.",
        ]
        .concat()
    }

    #[test]
    fn arrays_are_read_by_name() {
        let arrays = read_arrays(&file("<")).unwrap();
        let expected = Tensor {
            shape: vec![1, 2],
            values: vec![1.0, 2.0],
        };
        assert_eq!(arrays, BTreeMap::from([("a".to_owned(), vec![expected])]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(read_arrays(&file(">")).is_err());
        let whole = file("<");
        for length in 0..whole.len() {
            assert!(read_arrays(&whole[..length]).is_err(), "{length} bytes");
        }
        let forbidden = b"\x80\x03cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.";
        let error = read_arrays(forbidden).unwrap_err().to_string();
        assert!(error.contains("posix.system"), "{error}");
    }

    #[test]
    fn filters_change_their_order() {
        let tensor = Tensor {
            shape: vec![1, 2, 3, 2],
            values: (0..12u8).map(f32::from).collect(),
        };
        let reordered = reordered(&tensor).unwrap();
        assert_eq!(reordered.shape, [2, 3, 1, 2]);
        // The first filter's first channel, from left to right.
        assert_eq!(reordered.values[..4], [0.0, 6.0, 2.0, 8.0]);
    }
}
