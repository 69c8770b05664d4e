//! Tensors in a file.

use std::collections::HashMap;

use headstart_project::TrainError;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::host::internal;

/// Puts tensors, given as name, shape and values, into a safetensors file of f32.
pub(crate) fn to_safetensors(
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
) -> Result<Vec<u8>, TrainError> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, values)| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (name, shape, bytes.collect())
        })
        .collect();
    let mut views = Vec::new();
    for (name, shape, bytes) in &bytes {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(internal)?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None::<HashMap<String, String>>).map_err(internal)
}
