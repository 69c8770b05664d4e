//! The tensors of backbone and head together, under the names that they have in `model.safetensors` and in the ONNX graph.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use headstart_backbones::{NetworkConfig, config};
use headstart_project::BackboneId;
use safetensors::{Dtype, SafeTensors, View};

use crate::backbone::Facts;
use crate::graph::{Graph, Numbers, Value};
use crate::{ExportError, Model};

/// The weights of backbone and head in one safetensors file; nothing is converted.
/// Names are `backbone.…`, `head.…`, `familiarity.…`, `temperature` and `threshold`.
///
/// # Errors
/// When the files cannot be read.
pub fn safetensors(model: &Model<'_>) -> Result<Vec<u8>, ExportError> {
    let tensors = Tensors::read(model)?;
    let facts = Facts::of(model.backbone);
    // Only one entry: with several, the order would differ each time.
    let about = format!(
        "Headstart {}; backbone {} ({}; {})",
        env!("CARGO_PKG_VERSION"),
        model.backbone.name(),
        facts.license,
        facts.source
    );
    let metadata = HashMap::from([("about".to_owned(), about)]);
    safetensors::serialize(tensors.0, Some(metadata))
        .map_err(|error| ExportError::Format(error.to_string()))
}

/// All tensors of a model by name.
#[derive(Debug)]
pub struct Tensors<'a>(BTreeMap<String, Tensor<'a>>);

/// A tensor of a file, or one that replaces it.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Tensors<'a> {
    /// Reads both files of a model.
    ///
    /// # Errors
    /// [`ExportError::Format`].
    pub fn read(model: &Model<'a>) -> Result<Self, ExportError> {
        let mut all = BTreeMap::new();
        for (name, tensor) in entries(model.weights)? {
            all.insert(format!("backbone.{name}"), tensor);
        }
        for (name, tensor) in entries(model.trained)? {
            let is_of_head = name.starts_with("hidden.") || name.starts_with("output.");
            let name = if is_of_head {
                format!("head.{name}")
            } else {
                name
            };
            all.insert(name, tensor);
        }
        // The threshold that is in use, which people can change, and not the one found by training.
        all.remove("threshold");
        if let Some(threshold) = model.threshold {
            let tensor = Tensor {
                dtype: Dtype::F32,
                shape: vec![1],
                bytes: threshold.to_le_bytes().to_vec().into(),
            };
            all.insert("threshold".to_owned(), tensor);
        }
        Ok(Self(all))
    }

    /// The shape of a tensor, if there is one with that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.0.get(name)?.shape)
    }

    /// The network that the weights belong to, with fully connected layers if there are any.
    pub fn network(&self, backbone: BackboneId) -> NetworkConfig {
        let is_hidden_kept = self
            .0
            .keys()
            .any(|name| name.starts_with("backbone.hidden."));
        config(backbone, is_hidden_kept)
    }

    /// The length of an embedding.
    pub fn features(&self, backbone: BackboneId) -> usize {
        self.network(backbone).features()
    }

    /// The number in a tensor of shape `[1]`, if there is such a tensor.
    pub fn number(&self, name: &str) -> Option<f32> {
        let tensor = self.0.get(name)?;
        let bytes = (*tensor.bytes).try_into().ok()?;
        (tensor.dtype == Dtype::F32).then(|| f32::from_le_bytes(bytes))
    }

    /// Adds a tensor to a graph.
    ///
    /// # Errors
    /// When it is missing, or is neither f16 nor f32 nor i8 with a scale for each row.
    pub fn constant(&self, graph: &mut Graph<'a>, name: &str) -> Result<Value, ExportError> {
        let missing = || ExportError::Missing(name.to_owned());
        let tensor = self.0.get(name).ok_or_else(missing)?;
        let numbers = match tensor.dtype {
            Dtype::F16 => Numbers::F16(tensor.bytes.clone()),
            Dtype::F32 => Numbers::F32(tensor.bytes.clone()),
            Dtype::I8 => {
                let misfit = || ExportError::Misfit(name.to_owned());
                let scale = name.strip_suffix(".weight").ok_or_else(misfit)?;
                let scale = self.0.get(&format!("{scale}.scale")).ok_or_else(misfit)?;
                if scale.dtype != Dtype::F32 || scale.shape.first() != tensor.shape.first() {
                    return Err(misfit());
                }
                Numbers::I8 {
                    numbers: tensor.bytes.clone(),
                    scales: scale.bytes.clone(),
                }
            }
            _ => return Err(ExportError::Misfit(name.to_owned())),
        };
        Ok(graph.constant(name, &tensor.shape, numbers))
    }
}

fn entries(file: &[u8]) -> Result<Vec<(String, Tensor<'_>)>, ExportError> {
    let file =
        SafeTensors::deserialize(file).map_err(|error| ExportError::Format(error.to_string()))?;
    let entries = file.tensors().into_iter().map(|(name, view)| {
        let tensor = Tensor {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: Cow::Borrowed(view.data()),
        };
        (name, tensor)
    });
    Ok(entries.collect())
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Made, names};

    #[test]
    fn both_files_are_in_one_and_nothing_is_lost() {
        let made = Made::default();
        let classes = names(3);
        let model = made.model(&classes);
        let file = safetensors(&model).expect("writes");
        let all = SafeTensors::deserialize(&file).expect("reads");
        let weights = SafeTensors::deserialize(model.weights).expect("reads");
        for (name, tensor) in weights.tensors() {
            let copy = all.tensor(&format!("backbone.{name}")).expect("is there");
            assert_eq!((copy.dtype(), copy.data()), (tensor.dtype(), tensor.data()));
        }
        let trained = SafeTensors::deserialize(model.trained).expect("reads");
        assert_eq!(all.len(), weights.len() + trained.len());
        for name in [
            "head.hidden.weight",
            "head.output.bias",
            "familiarity.references",
        ] {
            assert!(all.tensor(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_threshold_is_the_one_in_use() {
        let made = Made::default();
        let classes = names(3);
        let mut model = made.model(&classes);
        model.threshold = Some(0.75);
        assert_eq!(
            Tensors::read(&model).expect("reads").number("threshold"),
            Some(0.75)
        );
        model.threshold = None;
        assert_eq!(
            Tensors::read(&model).expect("reads").number("threshold"),
            None
        );
    }

    #[test]
    fn files_that_are_cut_off_are_refused() {
        let made = Made::default();
        let classes = names(3);
        let mut model = made.model(&classes);
        model.trained = &model.trained[..model.trained.len() - 1];
        assert!(matches!(safetensors(&model), Err(ExportError::Format(_))));
    }
}
