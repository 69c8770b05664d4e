//! Weights files of other tools: read into a network, or rewritten once as Headstart's own.
//!
//! Both go through the file a convolution at a time, and through large ones a few output channels at a time, so that beside the result never more than [`MOST_VALUES`] numbers are held.

use std::io::{Read, Seek};
use std::ops::Range;

use half::f16;
use headstart_checkpoint::{Checkpoint, CheckpointError, Layer, Part, Plan};
use headstart_project::BackboneId;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::{
    config::{LayerConfig, NetworkConfig},
    network::{ConvLayer, Network},
    registry::config,
};

/// Numbers that are read at a time.
const MOST_VALUES: usize = 1 << 22;
/// What an int8 of a weight counts up to, either way.
const MOST_INT8: f32 = 127.0;

/// Why a weights file of another tool cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The plan is another model's.
    #[error("the file has no layer {0}, or it is of another shape")]
    Layer(String),
    /// A weight that f16 cannot hold.
    #[error("the layer {0} holds numbers beyond 65504, too large for 16 bits; store it in 8 bits")]
    Large(String),
}

/// How weights are stored. Biases are few, and always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// 16-bit floating point.
    F16,
    /// Whole numbers from -127 to 127, and an f32 for each output channel that they are multiplied with.
    Int8,
}

/// A convolution, and which rows of which layer of a file it is.
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
        // A part of a layer that is one in the file is called by its number.
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
    /// Ranges of its rows, each with at most [`MOST_VALUES`] numbers if one row has no more.
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
    /// Takes its weights from another tool's file, where `plan` says.
    ///
    /// # Errors
    /// When the file cannot be read, or the plan is another model's.
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

/// Another tool's file on its way to being Headstart's own, piece by piece.
///
/// [`Conversion::next`] gives the pieces from front to back; put behind one another they are a safetensors file that [`Backbone::load`](crate::Backbone::load) reads.
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
    /// The biases and scales of the convolution that is under way.
    biases: Vec<u8>,
    scales: Vec<u8>,
}

impl<'a, R: Read + Seek> Conversion<'a, R> {
    /// Begins to convert the file of a backbone; with its fully connected layers, if `is_hidden_kept` and the file has them.
    ///
    /// # Errors
    /// When the plan is another model's.
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

    /// Bytes given so far, and of the whole file.
    pub fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    /// The next bytes of the file; `None` behind the last.
    ///
    /// # Errors
    /// When the file cannot be read, or a number does not fit.
    #[expect(
        clippy::should_implement_trait,
        reason = "a piece or an error, and not an iterator's item"
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
            // Behind its weights come the convolution's biases and scales.
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
        let bytes = match self.storage {
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
                    bytes.extend(whole.map(i8::cast_unsigned));
                }
                bytes
            }
        };
        Ok(Some(bytes))
    }
}

/// A row as whole numbers from -127 to 127, and what they are multiplied with.
fn quantized(row: &[f32]) -> (f32, impl Iterator<Item = i8> + use<'_>) {
    let most = row.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    // A row of zeros, or of numbers so small that their share is none, stays zero.
    let scale = (most / MOST_INT8).max(f32::MIN_POSITIVE);
    let whole = row.iter().map(move |value| {
        let whole = (value / scale).round();
        whole.clamp(-MOST_INT8, MOST_INT8) as i8
    });
    (scale, whole)
}

/// The directory of a safetensors file, and the length of the whole file.
fn header(sources: &[Source<'_>], storage: Storage) -> (Vec<u8>, u64) {
    let mut entries = Map::new();
    let mut at = 0;
    for Source { name, shape, .. } in sources {
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
    // The format wants its data aligned to eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    let total = (file.len() + at) as u64;
    (file, total)
}
