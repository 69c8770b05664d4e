//! Embeddings as a safetensors file: one tensor `embeddings`, `[images, features]`, f32.

use safetensors::{Dtype, SafeTensors};

/// The tensor's name.
const TENSOR: &str = "embeddings";

/// The bytes in front of the rows, each of which is `features` numbers in little-endian order.
/// Followed by the rows, it makes the whole file.
pub fn embeddings_header(rows: u32, features: u32) -> Vec<u8> {
    let bytes = 4 * u64::from(rows) * u64::from(features);
    let mut text = format!(
        r#"{{"{TENSOR}":{{"dtype":"F32","shape":[{rows},{features}],"data_offsets":[0,{bytes}]}}}}"#
    );
    // The format requires the data to start at a multiple of 8.
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.extend(text.as_bytes());
    header
}

/// Rows as they were read, still bytes.
#[derive(Debug)]
pub struct Embeddings {
    bytes: Vec<u8>,
    features: usize,
}

impl Embeddings {
    /// Reads a file; `None` if it is not a single tensor with rows of this length.
    pub fn read(mut file: Vec<u8>, features: u32) -> Option<Self> {
        let features = features as usize;
        let (header, metadata) = SafeTensors::read_metadata(&file).ok()?;
        let tensor = metadata.info(TENSOR)?;
        let is_fit = tensor.dtype == Dtype::F32
            && matches!(tensor.shape[..], [_, columns] if columns == features)
            && features > 0;
        if !is_fit {
            return None;
        }
        let (start, end) = tensor.data_offsets;
        let before = 8usize.checked_add(header)?;
        file.truncate(before.checked_add(end)?);
        file.drain(..before.checked_add(start)?);
        Some(Self {
            bytes: file,
            features,
        })
    }

    /// The row, if it exists and all its numbers are finite.
    pub fn row(&self, row: u32) -> Option<Vec<f32>> {
        let length = 4 * self.features;
        let start = (row as usize).checked_mul(length)?;
        let bytes = self.bytes.get(start..start.checked_add(length)?)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes));
        numbers
            .map(|number| number.is_finite().then_some(number))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(rows: &[[f32; 3]]) -> Vec<u8> {
        let mut file = embeddings_header(rows.len() as u32, 3);
        file.extend(
            rows.iter()
                .flatten()
                .flat_map(|number| number.to_le_bytes()),
        );
        file
    }

    #[test]
    fn rows_come_back_bit_by_bit() {
        let rows = [[0.1, -0.0, 3e38], [f32::MIN_POSITIVE, 1.0, 2.0]];
        let embeddings = Embeddings::read(file(&rows), 3).expect("reads");
        assert_eq!(embeddings.row(0).expect("is there")[..], rows[0]);
        assert_eq!(embeddings.row(1).expect("is there")[..], rows[1]);
        assert!(embeddings.row(0).expect("is there")[1].is_sign_negative());
        assert_eq!(embeddings.row(2), None);
        assert_eq!(embeddings.row(u32::MAX), None);
    }

    #[test]
    fn the_file_is_what_the_reference_reader_expects() {
        let file = file(&[[1.0, 2.0, 3.0]]);
        let tensors = SafeTensors::deserialize(&file).expect("reads");
        let tensor = tensors.tensor("embeddings").expect("is there");
        assert_eq!(tensor.shape(), [1, 3]);
        assert_eq!(tensor.data(), &file[file.len() - 12..]);
        assert_eq!((file.len() - 12) % 8, 0);
    }

    #[test]
    fn a_row_with_what_is_no_number_is_none() {
        let rows = [[1.0, f32::NAN, 2.0], [1.0, 2.0, f32::INFINITY], [1.0; 3]];
        let embeddings = Embeddings::read(file(&rows), 3).expect("reads");
        assert_eq!(embeddings.row(0), None);
        assert_eq!(embeddings.row(1), None);
        assert_eq!(embeddings.row(2), Some(vec![1.0; 3]));
    }

    #[test]
    fn another_shape_type_or_length_is_refused() {
        let whole = file(&[[1.0; 3]; 4]);
        assert!(Embeddings::read(whole.clone(), 4).is_none());
        assert!(Embeddings::read(whole.clone(), 0).is_none());
        assert!(Embeddings::read(whole[..whole.len() - 1].to_vec(), 3).is_none());
        assert!(Embeddings::read(Vec::new(), 3).is_none());
        let text = String::from_utf8_lossy(&whole[8..]).replace("F32", "I32");
        let mut other = whole[..8].to_vec();
        other.extend(text.into_bytes());
        assert!(Embeddings::read(other, 3).is_none());
    }
}
