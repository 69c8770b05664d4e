//! A weights file whose directory has been read, and access to its tensors.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::Range;

use half::{bf16, f16};
use safetensors::tensor::Metadata;

use crate::error::damaged;
use crate::source::Source;
use crate::{BatchNorm, CheckpointError, Layer, TensorProblem, fold_batch_norm, pytorch};

/// The longest directory of a safetensors file that is accepted; it takes about 100 bytes per tensor.
const MOST_HEADER_BYTES: u64 = 4 << 20;
/// How many bytes are fetched from the file at a time.
const PIECE_BYTES: u64 = 1 << 18;
/// The longest name of a tensor.
const MOST_NAME: usize = 1000;

/// How a tensor's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 64-bit floating point; read as the nearest f32.
    F64,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point of IEEE 754.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// Integers, booleans, and whatever else is listed but not read.
    Other,
}

impl Dtype {
    fn bytes(self) -> u64 {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other => 1,
        }
    }
}

/// A tensor in a file: everything but its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, without the prefix that wrappers such as DataParallel add to all names.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub dtype: Dtype,
}

/// A tensor, and where it is stored.
#[derive(Debug)]
pub(crate) struct Entry {
    pub info: TensorInfo,
    pub place: Place,
}

/// Where a tensor's numbers are stored; all of them are inside the file.
#[derive(Debug)]
pub(crate) struct Place {
    /// The first byte.
    pub at: u64,
    /// The strides, in numbers; no two indices lead to the same number.
    pub strides: Vec<u64>,
}

/// A weights file. Only its directory is in memory; each tensor is read when it is asked for.
#[derive(Debug)]
pub struct Checkpoint<R> {
    source: Source<R>,
    tensors: Vec<TensorInfo>,
    places: Vec<Place>,
    indices: HashMap<String, usize>,
}

impl<R: Read + Seek> Checkpoint<R> {
    /// Reads the directory of a `.safetensors` file, or of a PyTorch state dictionary (`.pth`, `.pt`) in either of its forms.
    /// The first bytes determine what the file is; its name does not matter.
    ///
    /// Nothing in the file is executed, and memory is allocated only for what is in the file.
    ///
    /// # Errors
    /// Why the file is refused; the location of each tensor is checked here, its values when they are read.
    pub fn open(reader: R) -> Result<Self, CheckpointError> {
        let mut source = Source::new(reader)?;
        let mut start = [0; 9];
        let count = source.length().min(9) as usize;
        source.fill(0, &mut start[..count])?;
        let entries = match start {
            [b'P', b'K', 3, 4, ..] => pytorch::open_zip(&mut source)?,
            [a, b, c, d, ..] if [a, b, c, d] == pytorch::LEGACY_START => {
                pytorch::open_legacy(&mut source)?
            }
            [0x89, b'H', b'D', b'F', ..] => {
                return Err(CheckpointError::Foreign {
                    format: "a Keras file (HDF5)",
                });
            }
            [0x80, 2..=5, ..] => {
                return Err(CheckpointError::Foreign {
                    format: "a Python pickle that torch.save did not write",
                });
            }
            [.., b'{'] => open_safetensors(&mut source)?,
            _ => return Err(CheckpointError::Unknown),
        };
        Self::new(source, entries)
    }

    fn new(source: Source<R>, entries: Vec<Entry>) -> Result<Self, CheckpointError> {
        if entries.is_empty() {
            return Err(CheckpointError::NoTensors);
        }
        let mut indices = HashMap::with_capacity(entries.len());
        let (mut tensors, mut places) = (Vec::new(), Vec::new());
        for (index, Entry { info, place }) in entries.into_iter().enumerate() {
            if info.name.len() > MOST_NAME {
                return Err(CheckpointError::TooMuch {
                    what: "bytes in a tensor's name",
                    limit: MOST_NAME as u64,
                });
            }
            if indices.insert(info.name.clone(), index).is_some() {
                return Err(TensorProblem::Twice.of(&info.name));
            }
            tensors.push(info);
            places.push(place);
        }
        Ok(Self {
            source,
            tensors,
            places,
            indices,
        })
    }

    /// The tensors, in the file's order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// A tensor's values in row-major order.
    ///
    /// # Errors
    /// When there is no such tensor, when its numbers are not all finite floating-point numbers, or when it cannot be read.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let index = self.index(name)?;
        self.values(index, None)
    }

    /// The values of some rows of a tensor (a range of its first dimension), in row-major order.
    /// This allows a tensor to be read in arbitrarily small pieces.
    ///
    /// # Errors
    /// The same as for [`Self::read`], and when it has fewer rows.
    pub fn read_rows(
        &mut self,
        name: &str,
        rows: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let index = self.index(name)?;
        self.values(index, Some(rows))
    }

    /// The weight and bias of some of a layer's output channels, with any batch norm folded in.
    ///
    /// The weight is `[rows, …]`, otherwise shaped like [`Layer::shape`], in row-major order; the bias is `[rows]`, zeros if the layer has none.
    ///
    /// # Errors
    /// The same as for [`Self::read_rows`], and when a batch norm does not fit.
    pub fn read_layer(
        &mut self,
        layer: &Layer,
        rows: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<f32>), CheckpointError> {
        let weight = self.read_rows(&layer.weight, rows.clone())?;
        let bias = match &layer.bias {
            Some(bias) => Some(self.read_rows(bias, rows.clone())?),
            None => None,
        };
        let Some(norm) = &layer.norm else {
            let bias = bias.unwrap_or_else(|| vec![0.0; rows.len()]);
            return Ok((weight, bias));
        };
        let [gamma, beta, mean, variance] = norm.tensors();
        let norm = BatchNorm {
            gamma: self.read_rows(&gamma, rows.clone())?,
            beta: self.read_rows(&beta, rows.clone())?,
            mean: self.read_rows(&mean, rows.clone())?,
            variance: self.read_rows(&variance, rows)?,
            epsilon: norm.epsilon,
        };
        fold_batch_norm(weight, bias.as_deref(), &norm)
            .ok_or_else(|| TensorProblem::BatchNorm.of(&layer.weight))
    }

    fn index(&self, name: &str) -> Result<usize, CheckpointError> {
        let index = self.indices.get(name).copied();
        index.ok_or_else(|| TensorProblem::Missing.of(name))
    }

    fn values(
        &mut self,
        index: usize,
        rows: Option<Range<usize>>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let (info, place) = (&self.tensors[index], &self.places[index]);
        let mut window = Window::new(info, place);
        let values = rows
            .map_or(Ok(()), |rows| window.narrow(&rows))
            .and_then(|()| window.memory());
        let mut values = values.map_err(|problem| problem.of(&info.name))?;
        if !values.is_empty() {
            window.read(&mut self.source, &mut values)?;
        }
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(TensorProblem::NotFinite.of(&info.name))
        }
    }
}

/// A part of a tensor that is being read.
struct Window {
    at: u64,
    dtype: Dtype,
    axes: Vec<Axis>,
}

#[derive(Clone, Copy)]
struct Axis {
    size: usize,
    stride: u64,
}

impl Window {
    fn new(info: &TensorInfo, place: &Place) -> Self {
        let axes = info.shape.iter().zip(&place.strides);
        Self {
            at: place.at,
            dtype: info.dtype,
            axes: axes.map(|(&size, &stride)| Axis { size, stride }).collect(),
        }
    }

    fn narrow(&mut self, rows: &Range<usize>) -> Result<(), TensorProblem> {
        let axis = self.axes.first_mut();
        let axis = axis.filter(|axis| rows.start <= rows.end && rows.end <= axis.size);
        let axis = axis.ok_or(TensorProblem::Rows)?;
        axis.size = rows.len();
        // Without rows nothing is read, and the sum might exceed what has been checked.
        if !rows.is_empty() {
            self.at += rows.start as u64 * axis.stride * self.dtype.bytes();
        }
        Ok(())
    }

    /// Zeros, as many as the window has numbers.
    fn memory(&self) -> Result<Vec<f32>, TensorProblem> {
        if self.dtype == Dtype::Other {
            return Err(TensorProblem::NotFloat);
        }
        let count = self
            .axes
            .iter()
            .fold(1, |count: u64, axis| count.saturating_mul(axis.size as u64));
        let count = usize::try_from(count).map_err(|_| TensorProblem::Memory)?;
        let mut values = Vec::new();
        let memory = values.try_reserve_exact(count);
        memory.map_err(|_| TensorProblem::Memory)?;
        values.resize(count, 0.0);
        Ok(values)
    }

    /// Walks through the file from front to back, reading each byte once, and puts every number in its place.
    fn read<R: Read + Seek>(
        &self,
        source: &mut Source<R>,
        values: &mut [f32],
    ) -> Result<(), CheckpointError> {
        // From the longest stride to the shortest: the order of the numbers in the file.
        let mut axes: Vec<(Axis, usize)> = Vec::new();
        let mut place = values.len();
        for axis in &self.axes {
            place /= axis.size;
            if axis.size > 1 {
                axes.push((*axis, place));
            }
        }
        axes.sort_by_key(|(axis, _)| std::cmp::Reverse(axis.stride));
        // Numbers that are contiguous both in the file and in the result are read as one row.
        while let [.., (outer, outer_place), (inner, inner_place)] = &mut *axes {
            let is_dense = outer.stride == inner.stride * inner.size as u64
                && *outer_place == *inner_place * inner.size;
            if !is_dense {
                break;
            }
            (outer.size, outer.stride, *outer_place) =
                (outer.size * inner.size, inner.stride, *inner_place);
            axes.pop();
        }
        let (inner, inner_place) = axes.pop().unwrap_or((Axis { size: 1, stride: 1 }, 1));
        let bytes = self.dtype.bytes();
        let reach: u64 = axes
            .iter()
            .chain([&(inner, inner_place)])
            .map(|(axis, _)| (axis.size as u64 - 1) * axis.stride)
            .sum();
        let mut pieces = Pieces {
            source,
            end: self.at + (reach + 1) * bytes,
            start: 0,
            piece: Vec::new(),
        };
        let mut counters = vec![0; axes.len()];
        loop {
            let (mut at, mut to) = (self.at, 0);
            for (count, (axis, place)) in counters.iter().zip(&axes) {
                at += *count as u64 * axis.stride * bytes;
                to += count * place;
            }
            let mut index = 0;
            while index < inner.size {
                let from = at + index as u64 * inner.stride * bytes;
                let piece = pieces.from(from, bytes)?;
                let step = inner.stride.saturating_mul(bytes);
                let step = usize::try_from(step).unwrap_or(usize::MAX);
                for number in piece.chunks(step) {
                    if index == inner.size || (number.len() as u64) < bytes {
                        break;
                    }
                    values[to + index * inner_place] = decode(self.dtype, number);
                    index += 1;
                }
            }
            // The next combination of the outer indices, like an odometer.
            let mut turned = axes.len();
            loop {
                let Some(axis) = turned.checked_sub(1) else {
                    return Ok(());
                };
                turned = axis;
                counters[axis] += 1;
                if counters[axis] < axes[axis].0.size {
                    break;
                }
                counters[axis] = 0;
            }
        }
    }
}

/// The bytes of a part of the file, fetched in pieces.
struct Pieces<'a, R> {
    source: &'a mut Source<R>,
    end: u64,
    start: u64,
    piece: Vec<u8>,
}

impl<R: Read + Seek> Pieces<'_, R> {
    /// The bytes available from `at` on, at least `least` of them.
    fn from(&mut self, at: u64, least: u64) -> Result<&[u8], CheckpointError> {
        let is_here = at >= self.start && at + least <= self.start + self.piece.len() as u64;
        if !is_here {
            let count = PIECE_BYTES.min(self.end - at) as usize;
            self.piece.resize(count, 0);
            self.source.fill(at, &mut self.piece)?;
            self.start = at;
        }
        Ok(&self.piece[(at - self.start) as usize..])
    }
}

/// A number from its little-endian bytes; more may follow.
fn decode(dtype: Dtype, bytes: &[u8]) -> f32 {
    fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.first_chunk().copied().unwrap_or([0; N])
    }
    match dtype {
        Dtype::F64 => f64::from_le_bytes(first(bytes)) as f32,
        Dtype::F32 => f32::from_le_bytes(first(bytes)),
        Dtype::F16 => f16::from_le_bytes(first(bytes)).to_f32(),
        Dtype::Bf16 => bf16::from_le_bytes(first(bytes)).to_f32(),
        Dtype::Other => f32::NAN,
    }
}

/// Reads the directory of a safetensors file: its length in eight bytes, then JSON, then the numbers.
fn open_safetensors<R: Read + Seek>(source: &mut Source<R>) -> Result<Vec<Entry>, CheckpointError> {
    let length = u64::from_le_bytes(source.array(0)?);
    if length > source.length() - 8 {
        return Err(CheckpointError::CutOff);
    }
    if length > MOST_HEADER_BYTES {
        return Err(CheckpointError::TooMuch {
            what: "bytes of directory",
            limit: MOST_HEADER_BYTES,
        });
    }
    let header = source.bytes(8, length as usize)?;
    // This also checks that the tensors are contiguous, each as long as its shape says.
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|_| damaged("its list of tensors cannot be read"))?;
    let data = 8 + length;
    match (data + metadata.data_len() as u64).cmp(&source.length()) {
        std::cmp::Ordering::Less => return Err(damaged("it goes on after its last tensor")),
        std::cmp::Ordering::Equal => {}
        std::cmp::Ordering::Greater => return Err(CheckpointError::CutOff),
    }
    let entries = metadata.offset_keys().into_iter().filter_map(|name| {
        let info = metadata.info(&name)?;
        let dtype = match info.dtype {
            safetensors::Dtype::F64 => Dtype::F64,
            safetensors::Dtype::F32 => Dtype::F32,
            safetensors::Dtype::F16 => Dtype::F16,
            safetensors::Dtype::BF16 => Dtype::Bf16,
            _ => Dtype::Other,
        };
        let place = Place {
            at: data + info.data_offsets.0 as u64,
            strides: dense(&info.shape),
        };
        let shape = info.shape.clone();
        Some(Entry {
            info: TensorInfo { name, shape, dtype },
            place,
        })
    });
    Ok(entries.collect())
}

/// The strides of contiguous numbers in row-major order.
fn dense(shape: &[usize]) -> Vec<u64> {
    let mut stride = 1u64;
    let mut strides: Vec<u64> = shape
        .iter()
        .rev()
        .map(|&size| {
            let before = stride;
            stride = stride.saturating_mul(size as u64);
            before
        })
        .collect();
    strides.reverse();
    strides
}
