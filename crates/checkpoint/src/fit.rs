//! Whether a file's tensors belong to a model, and what to tell whoever opened it if they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Dtype, Layer, Mapping, Model, Part, TensorInfo};

/// The share of tensors that have to match before a file is attributed to a model.
const LEAST_LIKENESS: f64 = 0.8;
/// The most names in one sentence of a message.
const MOST_NAMED: usize = 5;

/// What to read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The layers found in the file: all of the backbone's, and all or none of each other part's.
    pub layers: Vec<Layer>,
    /// Tensors in the file that are not read: another classifier, or what only training needs.
    pub left_out: Vec<String>,
}

impl Plan {
    /// Whether the file contains this part of the model.
    pub fn has(&self, part: Part) -> bool {
        self.layers.iter().any(|layer| layer.part == part)
    }
}

/// Why a file does not fit a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Tensors that the model needs and the file lacks.
    pub missing: Vec<String>,
    /// Tensors in the file that the model does not know.
    pub extra: Vec<String>,
    /// Tensors with another shape.
    pub misshapen: Vec<Misshapen>,
    /// Tensors whose numbers are not floating-point numbers.
    pub not_float: Vec<String>,
}

/// A tensor whose shape differs from the model's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Its name in the file.
    pub name: String,
    /// The file's shape.
    pub found: Vec<usize>,
    /// The model's shape.
    pub expected: Vec<usize>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshapen: Vec<_> = self
            .misshapen
            .iter()
            .map(|tensor| {
                let Misshapen {
                    name,
                    found,
                    expected,
                } = tensor;
                format!("{name} ({found:?} instead of {expected:?})")
            })
            .collect();
        let sentences = [
            ("missing", &self.missing),
            ("not known to this model", &self.extra),
            ("of another shape", &misshapen),
            ("not floating-point numbers", &self.not_float),
        ];
        let sentences = sentences
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| sentence(what, names));
        formatter.write_str(&sentences.collect::<Vec<_>>().join(" "))
    }
}

fn sentence(what: &str, names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMED);
    let shown: Vec<_> = shown
        .map(|name| crate::error::clipped(name.as_bytes()))
        .collect();
    let mut text = match names.len() {
        1 => format!("1 tensor is {what}: "),
        count => format!("{count} tensors are {what}: "),
    };
    text += &shown.join(", ");
    match names.len().saturating_sub(MOST_NAMED) {
        0 => {}
        rest => text += &format!(" and {rest} more"),
    }
    text + "."
}

impl Mapping {
    /// Finds the model's tensors among those of a file.
    ///
    /// A part other than the backbone is read only if it is complete; an incomplete one is ignored.
    /// So are the counters of batches in training.
    ///
    /// # Errors
    /// Everything that does not fit, by name.
    pub fn fit(&self, found: &[TensorInfo]) -> Result<Plan, Mismatch> {
        let by_name: BTreeMap<_, _> = found
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor))
            .collect();
        let mut mismatch = Mismatch::default();
        let mut layers = Vec::new();
        let mut used = BTreeSet::new();
        for part in [Part::Backbone, Part::Hidden, Part::Classifier] {
            let of_part = || self.layers.iter().filter(|layer| layer.part == part);
            let tensors: Vec<_> = of_part().flat_map(Layer::tensors).collect();
            let mut lacks = Mismatch::default();
            for (name, expected) in &tensors {
                match by_name.get(name.as_str()) {
                    None => lacks.missing.push(name.clone()),
                    Some(tensor) if tensor.dtype == Dtype::Other => {
                        lacks.not_float.push(name.clone());
                    }
                    Some(tensor) if is_same_shape(&tensor.shape, expected) => {}
                    Some(tensor) => lacks.misshapen.push(Misshapen {
                        name: name.clone(),
                        found: tensor.shape.clone(),
                        expected: expected.clone(),
                    }),
                }
            }
            if part == Part::Backbone || lacks == Mismatch::default() {
                layers.extend(of_part().cloned());
                used.extend(tensors.into_iter().map(|(name, _)| name));
            }
            if part == Part::Backbone {
                mismatch = lacks;
            }
        }
        let mut left_out = Vec::new();
        for tensor in found.iter().filter(|tensor| !used.contains(&tensor.name)) {
            if self.may_be_left_out(tensor) {
                left_out.push(tensor.name.clone());
            } else {
                mismatch.extra.push(tensor.name.clone());
            }
        }
        if mismatch == Mismatch::default() {
            Ok(Plan { layers, left_out })
        } else {
            Err(mismatch)
        }
    }

    fn may_be_left_out(&self, tensor: &TensorInfo) -> bool {
        tensor.dtype == Dtype::Other
            || tensor.name.ends_with(".num_batches_tracked")
            || self
                .optional
                .iter()
                .any(|prefix| tensor.name.starts_with(prefix))
    }

    /// The share of tensors that the file and the model have in common, out of the tensors of both; classifiers do not count.
    fn likeness(&self, found: &[TensorInfo]) -> f64 {
        let expected: BTreeMap<_, _> = self
            .layers
            .iter()
            .filter(|layer| layer.part == Part::Backbone)
            .flat_map(Layer::tensors)
            .collect();
        let found = found.iter().filter(|tensor| !self.may_be_left_out(tensor));
        let (mut common, mut either) = (0, expected.len());
        for tensor in found {
            match expected.get(&tensor.name) {
                Some(shape) if is_same_shape(&tensor.shape, shape) => common += 1,
                Some(_) => {}
                None => either += 1,
            }
        }
        f64::from(common) / (either.max(1)) as f64
    }
}

/// Whether both shapes can be of the same weight; a fully connected layer may be stored as the equivalent convolution.
fn is_same_shape(found: &[usize], expected: &[usize]) -> bool {
    let is_regrouped = || match (found, expected) {
        (&[a, b], &[rows, x, y, z]) | (&[rows, x, y, z], &[a, b]) => {
            a == rows && x.checked_mul(y).and_then(|xy| xy.checked_mul(z)) == Some(b)
        }
        _ => false,
    };
    found == expected || is_regrouped()
}

/// The model to which these weights belong, judged by their names and shapes; `None` if no known model fits.
///
/// A file that lacks some tensors is still recognised, so that [`Mapping::fit`] can tell what is wrong with it.
pub fn recognise(found: &[TensorInfo]) -> Option<Mapping> {
    let mappings = Model::ALL.into_iter().flat_map(Model::mappings);
    let rated = mappings.map(|mapping| (mapping.likeness(found), mapping));
    let (likeness, best) = rated.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness >= LEAST_LIKENESS).then_some(best)
}
