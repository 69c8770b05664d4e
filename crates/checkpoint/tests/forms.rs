//! Every form of weights file, compared with what PyTorch reads from it.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use headstart_checkpoint::{Checkpoint, CheckpointError, Dtype, TensorProblem};
use proptest::prelude::*;
use safetensors::SafeTensors;
use support::*;

/// Shape and values.
type Tensor = (Vec<usize>, Vec<f32>);

#[test]
fn every_form_gives_the_values_that_pytorch_sees() {
    let expected = fs::read(golden("forms/expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let mut by_file: BTreeMap<String, BTreeMap<String, Tensor>> = BTreeMap::new();
    for (path, tensor) in expected.iter() {
        let (file, name) = path.split_once('/').unwrap();
        let (values, _) = tensor.data().as_chunks::<4>();
        let values = values
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect();
        let tensors = by_file.entry(file.to_owned()).or_default();
        tensors.insert(name.to_owned(), (tensor.shape().to_vec(), values));
    }
    let files = fs::read_dir(golden("forms")).unwrap().count();
    assert_eq!(by_file.len(), files - 1);
    for (file, tensors) in by_file {
        let mut checkpoint = Checkpoint::open(File::open(golden("forms").join(&file)).unwrap())
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let found: BTreeMap<_, _> = checkpoint
            .tensors()
            .iter()
            .filter(|tensor| tensor.dtype != Dtype::Other)
            .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
            .collect();
        let wanted: BTreeMap<_, _> = tensors
            .iter()
            .map(|(name, (shape, _))| (name.clone(), shape.clone()))
            .collect();
        assert_eq!(found, wanted, "{file}");
        for (name, (shape, values)) in tensors {
            // Widening is exact, and narrowing f64 rounds to the nearest both here and there.
            assert_eq!(checkpoint.read(&name).unwrap(), values, "{file}: {name}");
            let Some(&rows) = shape.first() else {
                let rows = checkpoint.read_rows(&name, 0..1);
                assert_eq!(rows, Err(tensor_error(&name, TensorProblem::Rows)));
                continue;
            };
            let size = values.len().checked_div(rows).unwrap_or(0);
            for start in 0..=rows {
                for end in start..=rows {
                    let read = checkpoint.read_rows(&name, start..end).unwrap();
                    assert_eq!(read, values[start * size..end * size], "{file}: {name}");
                }
            }
            let beyond = checkpoint.read_rows(&name, 0..rows + 1);
            assert_eq!(beyond, Err(tensor_error(&name, TensorProblem::Rows)));
        }
    }
}

fn tensor_error(name: &str, problem: TensorProblem) -> CheckpointError {
    CheckpointError::Tensor {
        name: name.into(),
        problem,
    }
}

#[test]
fn number_formats_are_listed() {
    let dtypes = |file: &str| -> BTreeMap<String, Dtype> {
        let checkpoint = Checkpoint::open(File::open(golden("forms").join(file)).unwrap());
        let checkpoint = checkpoint.unwrap();
        let tensors = checkpoint.tensors().iter();
        tensors
            .map(|tensor| (tensor.name.clone(), tensor.dtype))
            .collect()
    };
    for (file, expected) in [
        ("f16_zip.pth", Dtype::F16),
        ("bf16_legacy.pth", Dtype::Bf16),
        ("f64_zip.pth", Dtype::F64),
        ("training_legacy.pth", Dtype::F32),
    ] {
        let found = dtypes(file);
        assert_eq!(found["conv.weight"], expected, "{file}");
        assert_eq!(found["bn.num_batches_tracked"], Dtype::Other, "{file}");
    }
    let mixed = dtypes("mixed.safetensors");
    assert_eq!(mixed["bf16"], Dtype::Bf16);
    assert_eq!(mixed["count"], Dtype::Other);
}

#[test]
fn a_directory_of_64_bits_is_read() {
    let pickle = dict(&[text("w"), tensor(4, 1, &[3], &[1])]);
    let data = little_endian(&[0.0, 1.0, 2.0, 3.0]);
    let files: [(&str, &[u8]); 2] = [("data.pkl", &pickle), ("data/0", &data)];
    for wide in [false, true] {
        let mut checkpoint = open(&zip(&files, wide)).unwrap();
        assert_eq!(checkpoint.read("w").unwrap(), [1.0, 2.0, 3.0]);
    }
}

/// As written by Python 2's pickle module, with the names used before PyTorch 0.4: byte strings, a list of pairs, tensors without flags, a part of a storage, a parameter with its state.
#[test]
fn the_oldest_form_is_read() {
    let pickle = b"\x80\x02ccollections\n\
        OrderedDict\n\
        q\x00]q\x01(]q\x02(U\x01aq\x03ctorch._utils\n\
        _rebuild_tensor\n\
        q\x04((U\x07storageq\x05ctorch\n\
        FloatStorage\n\
        q\x06U\x010q\x07U\x03cpuq\x08K\x06U\x01kq\tK\x02K\x03\x87q\n\
        tq\x0bQK\x01K\x02\x85q\x0cK\x01\x85q\rtq\x0eRq\x0fe]q\x10(U\x01bq\x11h\x04((h\x05h\x06h\x07h\x08K\x06Ntq\x12QK\x01K\x04\x85q\x13K\x01\x85q\x14tq\x15Rq\x16e]q\x17(U\x01cq\x18ctorch.nn.parameter\n\
        Parameter\n\
        q\x19h\x04((h\x05h\x06h\x07h\x08K\x06Ntq\x1aQK\x00K\x02K\x02\x86q\x1bK\x03K\x01\x86q\x1ctq\x1dRq\x1e\x85q\x1fRq \x88\x89h\x00]q!\x85q\"Rq#\x87q$bee\x85q%Rq&}q'U\t_metadataq(h\x00]q)]q*(U\x00q+}q,U\x07versionq-K\x01sea\x85q.Rq/sb.";
    let mut checkpoint = open(&legacy(pickle, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])).unwrap();
    assert_eq!(checkpoint.read("a").unwrap(), [3.0, 4.0]);
    assert_eq!(checkpoint.read("b").unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(checkpoint.read("c").unwrap(), [0.0, 1.0, 3.0, 4.0]);
}

/// A reader that makes up its bytes and records the longest read.
struct MadeUp {
    head: Vec<u8>,
    length: u64,
    at: u64,
    largest: usize,
}

impl Read for MadeUp {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(bytes.len());
        for byte in &mut *bytes {
            let place = self.at as usize;
            *byte = match self.head.get(place) {
                Some(byte) => *byte,
                // The number 1, over and over.
                None => 1f32.to_le_bytes()[(place - self.head.len()) % 4],
            };
            self.at += 1;
        }
        Ok(bytes.len())
    }
}

impl Seek for MadeUp {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.at = match position {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length.checked_add_signed(by).unwrap(),
            SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

#[test]
fn a_large_file_is_read_in_small_pieces() {
    // VGG's first hidden layer, 411 MB.
    let (rows, columns) = (4096u64, 25_088u64);
    let mut header = format!(
        r#"{{"w":{{"dtype":"F32","shape":[{rows},{columns}],"data_offsets":[0,{}]}}}}"#,
        4 * rows * columns
    );
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut head = (header.len() as u64).to_le_bytes().to_vec();
    head.extend(header.as_bytes());
    let length = head.len() as u64 + 4 * rows * columns;
    let mut file = MadeUp {
        head,
        length,
        at: 0,
        largest: 0,
    };
    let mut checkpoint = Checkpoint::open(&mut file).unwrap();
    let last = checkpoint.read_rows("w", 4000..4096).unwrap();
    assert_eq!(last.len(), 96 * 25_088);
    assert!(last.iter().all(|&value| value == 1.0));
    assert!(file.largest <= 1 << 18, "{} bytes at once", file.largest);
}

proptest! {
    /// Any view that indexing can make (slices, steps, permutations), compared with plain index arithmetic.
    #[test]
    fn views_are_gathered(
        sizes in prop::collection::vec((1usize..5, 1usize..4), 1..4),
        order in any::<u64>(),
        offset in 0usize..5,
        start in 0usize..5,
        count in 0usize..5,
    ) {
        // A dense tensor whose dimensions are permuted and then sliced with steps.
        let mut order: Vec<usize> = (0..sizes.len()).map(|axis| (order >> (8 * axis)) as usize % 256).collect();
        let mut ranks: Vec<usize> = (0..sizes.len()).collect();
        ranks.sort_by_key(|&axis| order[axis]);
        for (rank, &axis) in ranks.iter().enumerate() {
            order[axis] = rank;
        }
        let mut strides = vec![0; sizes.len()];
        let mut stride = 1;
        for &axis in &ranks {
            let (size, step) = sizes[axis];
            strides[axis] = stride * step;
            stride *= size * step;
        }
        let numbers: Vec<f32> = (0..offset + stride).map(|number| number as f32).collect();
        let shape: Vec<usize> = sizes.iter().map(|&(size, _)| size).collect();
        let as_i32 = |values: &[usize]| values.iter().map(|&value| value as i32).collect::<Vec<_>>();
        let pickle = dict(&[
            text("w"),
            tensor(numbers.len() as i32, offset as i32, &as_i32(&shape), &as_i32(&strides)),
        ]);
        let mut places = vec![offset];
        for (&size, &stride) in shape.iter().zip(&strides) {
            places = places.iter().flat_map(|at| (0..size).map(move |index| at + index * stride)).collect();
        }
        let expected: Vec<f32> = places.iter().map(|&place| numbers[place]).collect();
        let row = expected.len() / shape[0];
        let rows = start.min(shape[0])..(start + count).min(shape[0]);
        for file in [zipped(&pickle, &numbers), legacy(&pickle, &numbers)] {
            let mut checkpoint = open(&file).unwrap();
            prop_assert_eq!(&checkpoint.tensors()[0].shape, &shape);
            prop_assert_eq!(&checkpoint.read("w").unwrap(), &expected);
            let read = checkpoint.read_rows("w", rows.clone()).unwrap();
            prop_assert_eq!(&read, &expected[rows.start * row..rows.end * row]);
        }
    }
}
