//! A network as plain data: a sequence of layers, each of which consists of a few convolutions in parallel or in sequence.
//!
//! Everything that depends on a network's shape follows from it by way of [`Operations`]: its results, its costs, and the files that other tools read.

use std::convert::Infallible;

use serde::Serialize;

/// A network without its classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkConfig {
    /// From the image to the last feature map, whose mean over all positions is the embedding.
    pub layers: Vec<LayerConfig>,
    /// The parts that people look at as a unit.
    #[serde(skip)]
    pub stages: Vec<Stage>,
    /// How many layers at the end are trained whenever any are: a final convolution, which no block follows.
    #[serde(skip)]
    pub closing: usize,
}

/// Layers that work at one resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The name that people read.
    pub name: String,
    /// The layer whose result is its feature map.
    pub last_layer: usize,
}

/// A block of a network: the unit that is frozen or trained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerConfig {
    /// Its name in the weights file.
    pub name: String,
    /// Sequences of steps that all start from the layer's input; an empty one passes it through.
    pub branches: Vec<Vec<Step>>,
    /// How the branches are merged.
    pub join: Join,
    /// The pooling between the result and the next layer.
    pub pool: Option<Pool>,
}

/// One step of a branch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A convolution.
    Conv(ConvConfig),
    /// Convolutions of the same input, whose results are concatenated along the channels.
    Split(Vec<ConvConfig>),
    /// A pooling.
    Pool(Pool),
}

/// How branches are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// Their channels are concatenated.
    Concatenate,
    /// They are added, and the activation is applied.
    Add(Activation),
}

/// The function applied to each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    Identity,
    /// ReLU: negative numbers become zero.
    Relu,
    /// ReLU6: clamped to the range from zero to six.
    Relu6,
}

/// A convolution with bias and activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConvConfig {
    /// Its name within its layer; empty for the only one.
    pub name: String,
    /// `[out, in / groups, height, width]`.
    pub shape: [usize; 4],
    /// The stride.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Channels are split into this many groups, which do not see each other.
    pub groups: usize,
    /// The activation that follows.
    pub activation: Activation,
}

/// Zeros around the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// TensorFlow's "SAME": the output has `size / stride` positions, rounded up, and an odd zero goes at the end.
    Same,
    /// This many above and below, and this many left and right.
    Zeros([usize; 2]),
}

/// Pooling over square windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// How each window is reduced to one number.
    pub kind: PoolKind,
    /// The side of the windows.
    pub kernel: usize,
    /// The stride between them.
    pub stride: usize,
    /// Rows and columns around the input: zeros for an average, ignored for a maximum.
    pub padding: usize,
    /// Whether windows that extend beyond the input count too.
    pub ceil: bool,
}

/// How each window is reduced to one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolKind {
    /// The maximum.
    Max,
    /// The mean, with padding counted as zeros.
    Average,
}

/// A convolution whose output is as large as its input divided by the stride, followed by ReLU; each method changes one thing.
pub fn conv(name: &str, shape: [usize; 4]) -> ConvConfig {
    let [_, _, height, width] = shape;
    ConvConfig {
        name: name.to_owned(),
        shape,
        stride: 1,
        padding: Padding::Zeros([height / 2, width / 2]),
        groups: 1,
        activation: Activation::Relu,
    }
}

impl ConvConfig {
    /// With this stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// With other zeros around the input.
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Without zeros around the input.
    pub fn unpadded(self) -> Self {
        self.padding(Padding::Zeros([0; 2]))
    }

    /// With channels in this many groups.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With another activation.
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }
}

impl Activation {
    /// The minimum and maximum of a result, if it is bounded.
    pub fn clamp(self) -> Option<[f32; 2]> {
        match self {
            Self::Identity => None,
            // Not infinity, which times zero is NaN.
            Self::Relu => Some([0.0, f32::MAX]),
            Self::Relu6 => Some([0.0, 6.0]),
        }
    }
}

impl Padding {
    /// Rows above and below, columns left and right, of an input of this height and width.
    pub fn of(self, input: [usize; 2], kernel: [usize; 2], stride: usize) -> [(usize, usize); 2] {
        match self {
            Self::Zeros([rows, columns]) => [(rows, rows), (columns, columns)],
            Self::Same => [0, 1].map(|axis| {
                let places = input[axis].div_ceil(stride);
                let total =
                    (places.saturating_sub(1) * stride + kernel[axis]).saturating_sub(input[axis]);
                (total / 2, total - total / 2)
            }),
        }
    }
}

impl Pool {
    /// Maximum over windows, without padding.
    pub const fn max(kernel: usize, stride: usize) -> Self {
        Self {
            kind: PoolKind::Max,
            kernel,
            stride,
            padding: 0,
            ceil: false,
        }
    }

    /// The padding before and after an axis of this length, and the number of windows.
    pub fn places(self, size: usize) -> ((usize, usize), usize) {
        let padded = size + 2 * self.padding;
        let steps = padded.saturating_sub(self.kernel);
        let mut places = if self.ceil {
            steps.div_ceil(self.stride)
        } else {
            steps / self.stride
        } + 1;
        // PyTorch skips a window that would start past the end of the input.
        if (places - 1) * self.stride >= size + self.padding {
            places -= 1;
        }
        let needed = (places.saturating_sub(1) * self.stride + self.kernel)
            .saturating_sub(size + self.padding);
        let behind = if self.ceil { needed } else { self.padding };
        ((self.padding, behind), places)
    }
}

impl NetworkConfig {
    /// The length of an embedding: the number of channels of the last feature map.
    pub fn features(&self) -> usize {
        let Some(last) = self.layers.last() else {
            return 0;
        };
        let Ok([channels, ..]) = last.walk(&mut Costs::default(), [last.channels_in(), 1, 1]);
        channels
    }
}

/// What a network is made of, as seen by whatever computes, counts or describes it.
pub trait Operations {
    /// A batch of feature maps, or whatever represents it.
    type Value: Clone;
    /// Why an operation failed.
    type Error;

    /// A convolution and its activation; `place` counts the layer's convolutions.
    ///
    /// # Errors
    /// When the operation fails.
    fn conv(
        &mut self,
        name: &str,
        place: usize,
        conv: &ConvConfig,
        x: Self::Value,
    ) -> Result<Self::Value, Self::Error>;

    /// A pooling.
    ///
    /// # Errors
    /// When the operation fails.
    fn pool(&mut self, name: &str, pool: Pool, x: Self::Value) -> Result<Self::Value, Self::Error>;

    /// Adds values of the same shape and applies the activation.
    ///
    /// # Errors
    /// When the operation fails.
    fn add(
        &mut self,
        name: &str,
        values: Vec<Self::Value>,
        activation: Activation,
    ) -> Result<Self::Value, Self::Error>;

    /// Concatenates the channels of several values.
    ///
    /// # Errors
    /// When the operation fails.
    fn concatenate(
        &mut self,
        name: &str,
        values: Vec<Self::Value>,
    ) -> Result<Self::Value, Self::Error>;
}

impl LayerConfig {
    /// A single convolution with the layer's name.
    pub fn conv(name: impl Into<String>, conv: ConvConfig) -> Self {
        Self::branches(name, vec![vec![Step::Conv(conv)]])
    }

    /// Branches that are concatenated along the channels.
    pub fn branches(name: impl Into<String>, branches: Vec<Vec<Step>>) -> Self {
        Self {
            name: name.into(),
            branches,
            join: Join::Concatenate,
            pool: None,
        }
    }

    /// Convolutions in sequence.
    pub fn chain(name: impl Into<String>, convs: Vec<ConvConfig>) -> Self {
        Self::branches(name, vec![convs.into_iter().map(Step::Conv).collect()])
    }

    /// Convolutions in sequence, to whose result that of `shortcut` is added; an empty shortcut is the input itself.
    pub fn residual(
        name: impl Into<String>,
        convs: Vec<ConvConfig>,
        shortcut: Vec<ConvConfig>,
        activation: Activation,
    ) -> Self {
        let branches = [convs, shortcut].map(|convs| convs.into_iter().map(Step::Conv).collect());
        Self {
            join: Join::Add(activation),
            ..Self::branches(name, branches.into())
        }
    }

    /// With a pooling of the result.
    pub fn pool(self, pool: Pool) -> Self {
        Self {
            pool: Some(pool),
            ..self
        }
    }

    /// Its convolutions, in the order in which they are computed.
    pub fn convs(&self) -> impl Iterator<Item = &ConvConfig> {
        let steps = self.branches.iter().flatten();
        steps.flat_map(|step| match step {
            Step::Conv(conv) => std::slice::from_ref(conv),
            Step::Split(convs) => convs.as_slice(),
            Step::Pool(_) => &[],
        })
    }

    /// The number of trained parameters: weights and biases.
    pub fn parameters(&self) -> u64 {
        let numbers = |conv: &ConvConfig| conv.shape.iter().product::<usize>() + conv.shape[0];
        self.convs().map(numbers).sum::<usize>() as u64
    }

    /// A convolution's name in the weights file.
    pub fn name_of(&self, conv: &ConvConfig) -> String {
        if conv.name.is_empty() {
            self.name.clone()
        } else {
            format!("{}.{}", self.name, conv.name)
        }
    }

    /// Whether the input itself is added.
    pub fn adds_input(&self) -> bool {
        self.join != Join::Concatenate && self.branches.iter().any(Vec::is_empty)
    }

    /// The number of channels of the input.
    pub fn channels_in(&self) -> usize {
        self.convs()
            .next()
            .map_or(0, |conv| conv.shape[1] * conv.groups)
    }

    /// The layer, with its pooling.
    ///
    /// # Errors
    /// When an operation fails.
    pub fn walk<O: Operations>(
        &self,
        operations: &mut O,
        x: O::Value,
    ) -> Result<O::Value, O::Error> {
        let map = self.walk_map(operations, x)?;
        self.walk_pool(operations, map)
    }

    /// The layer's feature map, before its pooling.
    ///
    /// # Errors
    /// When an operation fails.
    pub fn walk_map<O: Operations>(
        &self,
        operations: &mut O,
        x: O::Value,
    ) -> Result<O::Value, O::Error> {
        let mut place = 0;
        let mut ends = Vec::with_capacity(self.branches.len());
        for (index, branch) in self.branches.iter().enumerate() {
            let mut x = x.clone();
            for step in branch {
                let mut compute = |conv, x| {
                    place += 1;
                    operations.conv(&self.name_of(conv), place - 1, conv, x)
                };
                x = match step {
                    Step::Conv(conv) => compute(conv, x)?,
                    Step::Split(convs) => {
                        let parts = convs.iter().map(|conv| compute(conv, x.clone()));
                        let parts = parts.collect::<Result<_, _>>()?;
                        operations.concatenate(&format!("{}.parts.{index}", self.name), parts)?
                    }
                    Step::Pool(pool) => {
                        operations.pool(&format!("{}.pooled.{index}", self.name), *pool, x)?
                    }
                };
            }
            ends.push(x);
        }
        match self.join {
            Join::Add(activation) => {
                operations.add(&format!("{}.sum", self.name), ends, activation)
            }
            Join::Concatenate if ends.len() > 1 => {
                operations.concatenate(&format!("{}.branches", self.name), ends)
            }
            Join::Concatenate => Ok(ends.pop().unwrap_or(x)),
        }
    }

    /// The layer's feature map as the next layer gets it.
    ///
    /// # Errors
    /// When an operation fails.
    pub fn walk_pool<O: Operations>(
        &self,
        operations: &mut O,
        map: O::Value,
    ) -> Result<O::Value, O::Error> {
        match self.pool {
            Some(pool) => operations.pool(&format!("{}.pooled", self.name), pool, map),
            None => Ok(map),
        }
    }
}

/// Follows shapes through a network, and counts what it costs.
#[derive(Debug, Default)]
pub struct Costs {
    /// The multiply-adds so far, for one image.
    pub multiply_adds: u64,
    /// The size of the largest feature map so far, in numbers.
    pub largest: usize,
}

impl Costs {
    fn notice(&mut self, shape: [usize; 3]) -> Result<[usize; 3], Infallible> {
        self.largest = self.largest.max(shape.iter().product());
        Ok(shape)
    }
}

impl Operations for Costs {
    /// Channels, height and width.
    type Value = [usize; 3];
    type Error = Infallible;

    fn conv(
        &mut self,
        _name: &str,
        _place: usize,
        conv: &ConvConfig,
        [_, height, width]: [usize; 3],
    ) -> Result<[usize; 3], Infallible> {
        let [channels, _, tall, wide] = conv.shape;
        let input = [height, width];
        let padding = conv.padding.of(input, [tall, wide], conv.stride);
        let [height, width] = [0, 1].map(|axis| {
            let (before, behind) = padding[axis];
            let kernel = [tall, wide][axis];
            (input[axis] + before + behind).saturating_sub(kernel) / conv.stride + 1
        });
        let weights: usize = conv.shape.iter().product();
        self.multiply_adds += (weights * height * width) as u64;
        self.notice([channels, height, width])
    }

    fn pool(
        &mut self,
        _name: &str,
        pool: Pool,
        [channels, height, width]: [usize; 3],
    ) -> Result<[usize; 3], Infallible> {
        self.notice([channels, pool.places(height).1, pool.places(width).1])
    }

    fn add(
        &mut self,
        _name: &str,
        values: Vec<[usize; 3]>,
        _activation: Activation,
    ) -> Result<[usize; 3], Infallible> {
        Ok(values.first().copied().unwrap_or_default())
    }

    fn concatenate(
        &mut self,
        _name: &str,
        values: Vec<[usize; 3]>,
    ) -> Result<[usize; 3], Infallible> {
        let [_, height, width] = values.first().copied().unwrap_or_default();
        let channels = values.iter().map(|[channels, ..]| channels).sum();
        self.notice([channels, height, width])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_zero_behind() {
        let same = |size, kernel, stride| Padding::Same.of([size; 2], [kernel; 2], stride)[0];
        assert_eq!(same(224, 3, 2), (0, 1));
        assert_eq!(same(56, 5, 2), (1, 2));
        assert_eq!(same(7, 5, 1), (2, 2));
        assert_eq!(same(225, 3, 2), (1, 1));
    }

    #[test]
    fn a_pooling_has_as_many_places_as_in_pytorch() {
        let pool = Pool::max(3, 2);
        let ceil = Pool { ceil: true, ..pool };
        let padded = Pool { padding: 1, ..pool };
        assert_eq!(pool.places(112), ((0, 0), 55));
        assert_eq!(ceil.places(112), ((0, 1), 56));
        assert_eq!(ceil.places(113), ((0, 0), 56));
        assert_eq!(padded.places(112), ((1, 1), 56));
        // The second window would start past the end of the input.
        let far = Pool {
            ceil: true,
            ..Pool::max(1, 2)
        };
        assert_eq!(far.places(2).1, 1);
    }
}
