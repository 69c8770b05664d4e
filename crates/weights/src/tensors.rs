//! From the tensors of a published checkpoint to those of our own file.

use std::collections::BTreeMap;
use std::io::Cursor;

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use headstart_checkpoint::{Array, Checkpoint, Part, read_arrays, recognise};

/// Our tensors by name.
pub type Tensors = BTreeMap<String, Array>;

/// The convolutions of a PyTorch state dictionary, each with the batch norm that follows folded in; the classifier is left out.
pub fn state_dictionary(file: &[u8]) -> Result<Tensors> {
    let mut checkpoint = Checkpoint::open(Cursor::new(file))?;
    let mapping = recognise(checkpoint.tensors()).context("these are no known model's weights")?;
    let plan = mapping.fit(checkpoint.tensors())?;
    let mut tensors = BTreeMap::new();
    for layer in plan.layers {
        if layer.part != Part::Backbone {
            continue;
        }
        let (weight, bias) = checkpoint.read_layer(&layer, 0..layer.rows())?;
        let shape = vec![layer.rows()];
        let bias = Array {
            shape,
            values: bias,
        };
        tensors.insert(format!("{}.bias", layer.name), bias);
        let (shape, values) = (layer.shape, weight);
        tensors.insert(format!("{}.weight", layer.name), Array { shape, values });
    }
    Ok(tensors)
}

/// Red, green and blue: what the published weights subtract, which take blue first.
const CAFFE_MEAN: [f64; 3] = [123.68, 116.779, 103.939];
/// What all other networks subtract, and what they divide by.
const IMAGENET_MEAN: [f64; 3] = [123.675, 116.28, 103.53];
const IMAGENET_DEVIATION: [f64; 3] = [58.395, 57.12, 57.375];

/// Renames SqueezeNet's convolutions, and lets the first one take the input that all other networks take.
///
/// That is exact, because no padding stands around that input.
pub fn squeezenet(file: &[u8]) -> Result<Tensors> {
    let mut source = read_arrays(Cursor::new(file))?;
    let mut names = vec![("conv1".to_owned(), "stem".to_owned())];
    for fire in 0..8 {
        for (published, name) in [
            ("squeeze1x1", "squeeze"),
            ("expand1x1", "expand1"),
            ("expand3x3", "expand3"),
        ] {
            let published = format!("fire{}/{published}", fire + 2);
            names.push((published, format!("fires.{fire}.{name}")));
        }
    }
    let mut tensors = BTreeMap::new();
    for (published, name) in names {
        let arrays = source.remove(&published).context(published)?;
        let [weight, bias] = arrays.as_slice() else {
            bail!("{name} is not a weight and a bias");
        };
        let (mut weight, mut bias) = (reordered(weight)?, bias.clone());
        ensure!(
            weight.shape.first() == bias.shape.first() && bias.shape.len() == 1,
            "weight and bias of {name} differ in their channels"
        );
        if name == "stem" {
            normalize(&mut weight, &mut bias)?;
        }
        tensors.insert(format!("{name}.weight"), weight);
        tensors.insert(format!("{name}.bias"), bias);
    }
    source.remove("conv10").context("conv10")?;
    // What has no weights is there without arrays.
    source.retain(|_, arrays| !arrays.is_empty());
    ensure!(
        source.is_empty(),
        "tensors without a use: {:?}",
        source.keys()
    );
    Ok(tensors)
}

/// A first convolution on blue, green and red minus Caffe's mean, as one on red, green and blue by ImageNet's mean and deviation.
fn normalize(weight: &mut Array, bias: &mut Array) -> Result<()> {
    let &[_, 3, height, width] = weight.shape.as_slice() else {
        bail!("the first convolution does not see three colours");
    };
    let taps = height * width;
    for (filter, bias) in weight
        .values
        .chunks_exact_mut(3 * taps)
        .zip(&mut bias.values)
    {
        let mut shift = f64::from(*bias);
        let published = filter.to_vec();
        for (color, taps_of_color) in filter.chunks_exact_mut(taps).enumerate() {
            let from = &published[(2 - color) * taps..][..taps];
            for (value, &from) in taps_of_color.iter_mut().zip(from) {
                *value = (f64::from(from) * IMAGENET_DEVIATION[color]) as f32;
                shift += f64::from(from) * (IMAGENET_MEAN[color] - CAFFE_MEAN[color]);
            }
        }
        *bias = shift as f32;
    }
    Ok(())
}

/// Filters as TensorFlow keeps them, `[height, width, in, out]`, in PyTorch's order, `[out, in, height, width]`.
fn reordered(tensor: &Array) -> Result<Array> {
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
    Ok(Array {
        shape: vec![channels_out, channels_in, height, width],
        values,
    })
}

/// How the numbers of a file are stored.
#[derive(Clone, Copy)]
pub enum Precision {
    /// As they are computed.
    F32,
    /// Rounded.
    F16,
}

/// Lays the tensors out as a safetensors file.
///
/// The safetensors crate would write the metadata in a different order on every run, and the file
/// has to come out the same each time.
pub fn to_safetensors(
    metadata: &BTreeMap<&str, String>,
    tensors: &Tensors,
    precision: Precision,
) -> Result<Vec<u8>> {
    let dtype = match precision {
        Precision::F32 => "F32",
        Precision::F16 => "F16",
    };
    let mut header = BTreeMap::from([("__metadata__", serde_json::to_value(metadata)?)]);
    let mut data = Vec::new();
    for (name, tensor) in tensors {
        let start = data.len();
        for &value in &tensor.values {
            match precision {
                Precision::F32 => data.extend(value.to_le_bytes()),
                Precision::F16 => {
                    let value = f16::from_f32(value);
                    ensure!(value.is_finite(), "{name} does not fit into f16");
                    data.extend(value.to_le_bytes());
                }
            }
        }
        let entry = serde_json::json!({
            "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, data.len()]
        });
        header.insert(name, entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    // The format wants its data aligned to eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = u64::try_from(header.len())?.to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_convolution_takes_another_input_and_gives_the_same() {
        let mut weight = Array {
            shape: vec![1, 3, 1, 2],
            values: vec![0.01, -0.02, 0.03, 0.04, -0.05, 0.06],
        };
        let mut bias = Array {
            shape: vec![1],
            values: vec![0.5],
        };
        let published = weight.values.clone();
        normalize(&mut weight, &mut bias).unwrap();
        // Two pixels, each red, green and blue.
        let pixels = [[200.0, 100.0, 20.0], [10.0, 30.0, 250.0]];
        let (mut expected, mut found) = (0.5, f64::from(bias.values[0]));
        for (place, pixel) in pixels.iter().enumerate() {
            for color in 0..3 {
                let old = f64::from(published[(2 - color) * 2 + place]);
                expected += old * (pixel[color] - CAFFE_MEAN[color]);
                let new = f64::from(weight.values[color * 2 + place]);
                found += new * (pixel[color] - IMAGENET_MEAN[color]) / IMAGENET_DEVIATION[color];
            }
        }
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }

    #[test]
    fn filters_change_their_order() {
        let tensor = Array {
            shape: vec![1, 2, 3, 2],
            values: (0..12u8).map(f32::from).collect(),
        };
        let reordered = reordered(&tensor).unwrap();
        assert_eq!(reordered.shape, [2, 3, 1, 2]);
        // The first filter's first channel, from left to right.
        assert_eq!(reordered.values[..4], [0.0, 6.0, 2.0, 8.0]);
    }
}
