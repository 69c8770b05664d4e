//! Weights files of other tools: read into a network, or converted once to Headstart's own format.
//!
//! Both process the file one convolution at a time, and large ones a few output channels at a time, so that apart from the result no more than [`MOST_VALUES`] numbers are ever held.

use std::io::{Read, Seek};
use std::ops::Range;

use half::f16;
use headstart_checkpoint::{Checkpoint, CheckpointError, Layer, Part, Plan};
use headstart_project::BackboneId;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::config::{LayerConfig, NetworkConfig};
use crate::network::{ConvLayer, Network};
use crate::registry::config;

/// How many numbers are read at a time.
const MOST_VALUES: usize = 1 << 22;
/// The largest magnitude of a weight stored as int8.
const MOST_INT8: f32 = 127.0;

/// Why a weights file of another tool cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The plan belongs to another model.
    #[error("the file has no layer {0}, or it is of another shape")]
    Layer(String),
    /// A weight is too large for f16.
    #[error("the layer {0} holds numbers beyond 65504, too large for 16 bits; store it in 8 bits")]
    Large(String),
}

/// How weights are stored. Biases are few and always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 16-bit floating point.
    F16,
    /// Integers from -127 to 127, with an f32 scale for each output channel.
    /// Small convolutions stay in 16 bits: there rounding does the most harm and saves the least.
    Int8,
}

/// The fewest weights that a convolution must have to be stored in 8 bits.
///
/// Measured on EfficientNet-Lite0 to 2 with photographs: with all convolutions in 8 bits the features' cosine falls to 0.9976; with only these it stays above 0.999, and the file is three fifths of the size in 16 bits.
const LEAST_INT8: usize = 80_000;

/// A convolution, and the rows of a layer in a file that it corresponds to.
struct Source<'p> {
    name: String,
    shape: [usize; 4],
    layer: &'p Layer,
    first_row: usize,
}

/// Where each of the network's convolutions lies in the file.
fn sources<'p>(network: &NetworkConfig, plan: &'p Plan) -> Result<Vec<Source<'p>>, OpenError> {
    let convs = network.layers.iter().flat_map(|layer: &LayerConfig| {
        let convs = layer.convs();
        convs.map(|conv| (layer.name_of(conv), conv.shape))
    });
    let convs: Vec<(String, [usize; 4])> = convs.collect();
    let source = |(name, shape): (String, [usize; 4])| {
        let missing = || OpenError::Layer(name.clone());
        let is_named = |layer: &&Layer, name: &str| {
            let fits = layer.part != Part::Classifier;
            fits && layer.name == name
        };
        let find = |name: &str| plan.layers.iter().find(|layer| is_named(layer, name));
        // Where one layer of the file is split into parts, a part's name is its number.
        let (layer, part) = match find(&name) {
            Some(layer) => (layer, 0),
            None => {
                let (whole, part) = name.rsplit_once('.').ok_or_else(missing)?;
                let part: usize = part.parse().map_err(|_| missing())?;
                (find(whole).ok_or_else(missing)?, part)
            }
        };
        let [rows, row @ ..] = shape;
        let first_row = part * rows;
        let found: usize = layer.shape.iter().skip(1).product();
        if found != row.iter().product::<usize>() || first_row + rows > layer.rows() {
            return Err(missing());
        }
        Ok(Source {
            name: name.clone(),
            shape,
            layer,
            first_row,
        })
    };
    convs.into_iter().map(source).collect()
}

impl Source<'_> {
    /// How its weights are stored in a file of this precision.
    fn storage(&self, storage: Storage) -> Storage {
        let count: usize = self.shape.iter().product();
        if count < LEAST_INT8 {
            Storage::F16
        } else {
            storage
        }
    }

    /// Ranges of its rows, each with at most [`MOST_VALUES`] numbers unless a single row has more.
    fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [rows, row @ ..] = self.shape;
        let row: usize = row.iter().product();
        let step = (MOST_VALUES / row.max(1)).max(1);
        (0..rows)
            .step_by(step)
            .map(move |from| from..rows.min(from + step))
    }

    fn read<R: Read + Seek>(
        &self,
        file: &mut Checkpoint<R>,
        rows: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<f32>), OpenError> {
        let rows = rows.start + self.first_row..rows.end + self.first_row;
        Ok(file.read_layer(self.layer, rows)?)
    }
}

impl Network {
    /// Takes its weights from another tool's file as `plan` says.
    ///
    /// # Errors
    /// When the file cannot be read, or the plan belongs to another model.
    pub fn load_checkpoint<R: Read + Seek>(
        self,
        file: &mut Checkpoint<R>,
        plan: &Plan,
    ) -> Result<Self, OpenError> {
        let mut sources = sources(&self.config(), plan)?.into_iter();
        self.try_map_convs(|name, conv: ConvLayer| {
            let source = sources
                .next()
                .ok_or_else(|| OpenError::Layer(name.to_owned()))?;
            let mut weight = Vec::with_capacity(conv.shape().iter().product());
            let mut bias = Vec::with_capacity(conv.shape()[0]);
            for rows in source.pieces() {
                let (of_rows, biases) = source.read(file, rows)?;
                weight.extend(of_rows);
                bias.extend(biases);
            }
            Ok(conv.filled(weight, bias))
        })
    }
}

/// The conversion of another tool's file to Headstart's own format, piece by piece.
///
/// [`Conversion::next`] returns the pieces from front to back; concatenated, they are a safetensors file that [`Backbone::load`](crate::Backbone::load) reads.
/// `weights/README.md` describes it.
pub struct Conversion<'a, R> {
    file: &'a mut Checkpoint<R>,
    sources: Vec<Source<'a>>,
    storage: Storage,
    header: Vec<u8>,
    total: u64,
    done: u64,
    /// The convolution, and the range of its rows, that comes next.
    place: (usize, usize),
    is_begun: bool,
    /// The biases and scales of the convolution in progress.
    biases: Vec<u8>,
    scales: Vec<u8>,
}

impl<'a, R: Read + Seek> Conversion<'a, R> {
    /// Begins to convert the file of a backbone; with its fully connected layers, if `is_hidden_kept` is set and the file has them.
    ///
    /// # Errors
    /// When the plan belongs to another model.
    pub fn new(
        id: BackboneId,
        file: &'a mut Checkpoint<R>,
        plan: &'a Plan,
        storage: Storage,
        is_hidden_kept: bool,
    ) -> Result<Self, OpenError> {
        let is_hidden_kept = is_hidden_kept && plan.has(Part::Hidden);
        let sources = sources(&config(id, is_hidden_kept), plan)?;
        let (header, total) = header(&sources, storage);
        Ok(Self {
            file,
            sources,
            storage,
            header,
            total,
            done: 0,
            place: (0, 0),
            is_begun: false,
            biases: Vec::new(),
            scales: Vec::new(),
        })
    }

    /// The bytes returned so far, and those of the whole file.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    /// The next bytes of the file; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read, or a number does not fit.
    #[expect(
        clippy::should_implement_trait,
        reason = "it returns a piece or an error, not an iterator's item"
    )]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, OpenError> {
        let piece = self.piece()?;
        self.done += piece.as_ref().map_or(0, Vec::len) as u64;
        Ok(piece)
    }

    fn piece(&mut self) -> Result<Option<Vec<u8>>, OpenError> {
        if !self.is_begun {
            self.is_begun = true;
            return Ok(Some(std::mem::take(&mut self.header)));
        }
        let (conv, piece) = self.place;
        let Some(source) = self.sources.get(conv) else {
            return Ok(None);
        };
        let Some(rows) = source.pieces().nth(piece) else {
            // A convolution's biases and scales come after its weights.
            self.place = (conv + 1, 0);
            let mut bytes = std::mem::take(&mut self.biases);
            bytes.append(&mut self.scales);
            return Ok(Some(bytes));
        };
        self.place.1 += 1;
        let count = rows.len();
        let (weight, bias) = source.read(self.file, rows)?;
        self.biases
            .extend(bias.iter().flat_map(|value| value.to_le_bytes()));
        let bytes = match source.storage(self.storage) {
            Storage::F16 => {
                let halves = weight.iter().map(|&value| f16::from_f32(value));
                if !halves.clone().all(f16::is_finite) {
                    return Err(OpenError::Large(source.name.clone()));
                }
                halves.flat_map(f16::to_le_bytes).collect()
            }
            Storage::Int8 => {
                let mut bytes = Vec::with_capacity(weight.len());
                for row in weight.chunks_exact(weight.len() / count.max(1)) {
                    let (scale, whole) = quantized(row);
                    self.scales.extend(scale.to_le_bytes());
                    bytes.extend(whole.into_iter().map(i8::cast_unsigned));
                }
                bytes
            }
        };
        Ok(Some(bytes))
    }
}

/// A row as integers from -127 to 127, and their scale.
///
/// Each is rounded to the nearest, and then as few as possible are rounded the other way instead, so that the errors add up to almost nothing.
/// After an activation, most of what a filter sees is positive, so errors in the same direction would accumulate; measured on photographs, this halves the angle between the features.
fn quantized(row: &[f32]) -> (f32, Vec<i8>) {
    let most = row.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    // A row of zeros, or of numbers so small that their scale underflows, stays zero.
    let scale = (most / MOST_INT8).max(f32::MIN_POSITIVE);
    let mut whole = Vec::with_capacity(row.len());
    let mut errors = Vec::with_capacity(row.len());
    let mut sum = 0.0;
    for value in row {
        let exact = value / scale;
        let rounded = exact.round().clamp(-MOST_INT8, MOST_INT8);
        whole.push(rounded as i8);
        errors.push(exact - rounded);
        sum += f64::from(exact - rounded);
    }
    let step = if sum < 0.0 { -1i8 } else { 1 };
    let count = (sum.abs().round() as usize).min(row.len());
    if count > 0 {
        // The numbers closest to rounding the other way come first.
        let toward = f32::from(step);
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.select_nth_unstable_by(count - 1, |&a, &b| {
            (toward * errors[b]).total_cmp(&(toward * errors[a]))
        });
        for &place in &order[..count] {
            whole[place] = whole[place].saturating_add(step).clamp(-127, 127);
        }
    }
    (scale, whole)
}

/// The directory of a safetensors file, and the length of the whole file.
fn header(sources: &[Source<'_>], storage: Storage) -> (Vec<u8>, u64) {
    let mut entries = Map::new();
    let mut at = 0;
    for source in sources {
        let Source { name, shape, .. } = source;
        let storage = source.storage(storage);
        let rows = shape[0];
        let count: usize = shape.iter().product();
        let (dtype, bytes) = match storage {
            Storage::F16 => ("F16", 2),
            Storage::Int8 => ("I8", 1),
        };
        let mut entry = |name: String, dtype: &str, shape: Value, length: usize| {
            let place = json!({"dtype": dtype, "shape": shape, "data_offsets": [at, at + length]});
            entries.insert(name, place);
            at += length;
        };
        entry(format!("{name}.weight"), dtype, json!(shape), count * bytes);
        entry(format!("{name}.bias"), "F32", json!([rows]), rows * 4);
        if storage == Storage::Int8 {
            entry(format!("{name}.scale"), "F32", json!([rows]), rows * 4);
        }
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    // The format requires its data to be aligned to eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    let total = (file.len() + at) as u64;
    (file, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_in_8_bits_is_near_and_its_errors_add_up_to_nothing() {
        let row: Vec<f32> = (0..500)
            .map(|at| ((at * 37 % 101) as f32 - 30.0) * 0.013)
            .collect();
        let (scale, whole) = quantized(&row);
        let errors = row.iter().zip(&whole);
        let errors: Vec<f32> = errors
            .map(|(value, &whole)| value - f32::from(whole) * scale)
            .collect();
        assert!(errors.iter().all(|error| error.abs() <= scale));
        assert!(errors.iter().sum::<f32>().abs() <= 0.6 * scale);
        assert_eq!(whole.iter().map(|it| it.unsigned_abs()).max(), Some(127));
        assert_eq!(quantized(&[0.0; 3]).1, [0; 3]);
        assert_eq!(quantized(&[f32::MIN_POSITIVE, 0.0]).1.len(), 2);
    }
}
