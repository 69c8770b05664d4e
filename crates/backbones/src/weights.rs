//! Reading tensors from a safetensors file, and writing them.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

/// Why a weights file does not fit a model.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// Not a safetensors file, or a truncated one.
    #[error("not a readable safetensors file: {0}")]
    Format(String),
    /// The model needs a tensor that the file does not have.
    #[error("the tensor {0} is missing")]
    Missing(String),
    /// A tensor's shape differs from the model's.
    #[error("the tensor {name} has the shape {found:?} instead of {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The file's shape.
        found: Vec<usize>,
        /// The model's shape.
        expected: Vec<usize>,
    },
    /// A tensor's numbers are of an unsupported type.
    #[error("the tensor {name} holds {dtype} instead of F16, F32 or I8 with a scale")]
    Dtype {
        /// The tensor.
        name: String,
        /// The file's type.
        dtype: String,
    },
    /// The file has tensors that the model does not know.
    #[error("the file has {count} tensors too many, among them {first}")]
    Extra {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A number is infinite or not a number.
    #[error("the tensor {0} holds a value that is not a finite number")]
    NotFinite(String),
    /// The device that holds the tensors could not be read.
    #[error("the weights could not be read from the device: {0}")]
    Device(String),
}

/// A weights file, and which of its tensors have been used.
pub struct Weights<'a> {
    file: SafeTensors<'a>,
    taken: RefCell<BTreeSet<String>>,
}

impl<'a> Weights<'a> {
    /// Reads the file's directory.
    ///
    /// # Errors
    /// [`WeightsError::Format`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| WeightsError::Format(error.to_string()))?;
        Ok(Self {
            file,
            taken: RefCell::default(),
        })
    }

    /// The tensor called `name`, to replace `param`, which determines shape and device.
    ///
    /// Everything becomes f32: F16 is widened, and I8 is multiplied row by row by the tensor `….scale` that belongs to `….weight`.
    ///
    /// # Errors
    /// When the tensor is missing, has another shape or type, or is not finite.
    pub fn load<const D: usize>(
        &self,
        name: &str,
        param: Param<Tensor<D>>,
    ) -> Result<Param<Tensor<D>>, WeightsError> {
        let shape: [usize; D] = param.lazy_shape().dims();
        let device = param.lazy_device();
        let tensor = Tensor::from_data(self.data(name, &shape)?, &device);
        Ok(Param::initialized(param.id, tensor))
    }

    /// Whether any tensor's name begins with this.
    pub fn has(&self, prefix: &str) -> bool {
        let mut names = self.file.names().into_iter();
        names.any(|name| name.starts_with(prefix))
    }

    /// The numbers of the tensor called `name`, which must have this shape.
    ///
    /// # Errors
    /// When the tensor is missing, has another shape or type, or is not finite.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        Ok(self.data(name, shape)?.iter().collect())
    }

    /// The shape of the tensor called `name`, if there is one.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        Some(self.file.tensor(name).ok()?.shape().to_vec())
    }

    fn data(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        let view = self
            .file
            .tensor(name)
            .map_err(|_| WeightsError::Missing(name.to_owned()))?;
        if view.shape() != shape {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        let values: Vec<f32> = match view.dtype() {
            Dtype::F16 => {
                let (pairs, _) = view.data().as_chunks();
                pairs
                    .iter()
                    .map(|&pair| f16::from_le_bytes(pair).to_f32())
                    .collect()
            }
            Dtype::F32 => {
                let (quads, _) = view.data().as_chunks();
                quads.iter().map(|&quad| f32::from_le_bytes(quad)).collect()
            }
            Dtype::I8 => self.scaled(name, view.data(), shape)?,
            dtype => {
                return Err(WeightsError::Dtype {
                    name: name.to_owned(),
                    dtype: format!("{dtype:?}"),
                });
            }
        };
        if !values.iter().all(|value| value.is_finite()) {
            return Err(WeightsError::NotFinite(name.to_owned()));
        }
        self.taken.borrow_mut().insert(name.to_owned());
        Ok(TensorData::new(values, shape.to_vec()))
    }

    /// Integers, multiplied by the scale of their row.
    fn scaled(&self, name: &str, bytes: &[u8], shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let scale = match name.strip_suffix(".weight") {
            Some(conv) => format!("{conv}.scale"),
            None => return Err(WeightsError::Missing(format!("{name}.scale"))),
        };
        let rows = shape.first().copied().unwrap_or(1);
        let scales = self.values(&scale, &[rows])?;
        let row = (bytes.len() / rows.max(1)).max(1);
        let rows = bytes.chunks_exact(row).zip(scales);
        let values = rows.flat_map(|(row, scale)| {
            row.iter()
                .map(move |&byte| f32::from(byte.cast_signed()) * scale)
        });
        Ok(values.collect())
    }

    /// Checks that every tensor in the file has been used.
    ///
    /// # Errors
    /// [`WeightsError::Extra`].
    pub fn finish(self) -> Result<(), WeightsError> {
        let taken = self.taken.into_inner();
        let mut extra: Vec<&str> = self.file.names();
        extra.retain(|name| !taken.contains(*name));
        extra.sort_unstable();
        match extra.first() {
            None => Ok(()),
            Some(first) => Err(WeightsError::Extra {
                count: extra.len(),
                first: (*first).to_owned(),
            }),
        }
    }
}

/// A tensor of any rank, ready to be read.
pub struct Values {
    shape: Vec<usize>,
    flat: Tensor<1>,
}

impl Values {
    /// The tensor's shape and values.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.dims();
        Self {
            flat: tensor.reshape([shape.iter().product::<usize>()]),
            shape: shape.to_vec(),
        }
    }
}

impl Values {
    /// The shape, and the values read back from the device.
    ///
    /// # Errors
    /// [`WeightsError::Device`] when the device cannot be read.
    pub async fn read(self) -> Result<(Vec<usize>, Vec<f32>), WeightsError> {
        let data = self.flat.into_data_async().await;
        let data = data.map_err(|error| WeightsError::Device(error.to_string()))?;
        Ok((self.shape, data.iter().collect()))
    }
}

/// Named tensors as a safetensors file that [`Weights`] restores exactly: f16 where that loses nothing, otherwise f32.
///
/// # Errors
/// [`WeightsError::Device`] when the device cannot be read.
pub async fn write(tensors: Vec<(String, Values)>) -> Result<Vec<u8>, WeightsError> {
    let mut parts = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let (shape, values) = tensor.read().await?;
        let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
        let is_exact = halves
            .iter()
            .zip(&values)
            .all(|(half, value)| half.to_f32().to_bits() == value.to_bits());
        let (dtype, bytes): (Dtype, Vec<u8>) = if is_exact {
            let bytes = halves.iter().flat_map(|half| half.to_le_bytes());
            (Dtype::F16, bytes.collect())
        } else {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes());
            (Dtype::F32, bytes.collect())
        };
        parts.push((name, dtype, shape, bytes));
    }
    let format = |error: safetensors::SafeTensorError| WeightsError::Format(error.to_string());
    let mut views = Vec::with_capacity(parts.len());
    for (name, dtype, shape, bytes) in &parts {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(format)?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None::<HashMap<String, String>>).map_err(format)
}
