//! A network as plain data: a row of layers, each of which is a few convolutions side by side or behind one another.
//!
//! Everything that has to know a network's shape follows from it, by way of [`Operations`]: its results, its costs, and the files that other tools read.

use std::convert::Infallible;

use serde::Serialize;

/// A network without its classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkConfig {
    /// From the image to the last feature map, whose mean over all positions is the embedding.
    pub layers: Vec<LayerConfig>,
    /// What is looked at as one.
    #[serde(skip)]
    pub stages: Vec<Stage>,
    /// Layers at the end that are trained whenever any is: a last convolution, which has none after it to part it from.
    #[serde(skip)]
    pub closing: usize,
}

/// Layers that work at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The name that people read.
    pub name: String,
    /// The layer whose result is its feature map.
    pub last_layer: usize,
}

/// A block of a network: what can be frozen or trained as one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerConfig {
    /// Its name in the weights file.
    pub name: String,
    /// Rows of steps that all start from the layer's input; one without steps hands it on.
    pub branches: Vec<Vec<Step>>,
    /// How the branches become one.
    pub join: Join,
    /// What the result goes through on its way to the next layer.
    pub pool: Option<Pool>,
}

/// What is done in a branch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A convolution.
    Conv(ConvConfig),
    /// Convolutions of the same input, whose results are put together channel by channel.
    Split(Vec<ConvConfig>),
    /// A pooling.
    Pool(Pool),
}

/// How branches become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// Their channels behind one another.
    Concatenate,
    /// Their sum, and then the activation.
    Add(Activation),
}

/// What is done to each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    Identity,
    /// Nothing below zero.
    Relu,
    /// Nothing below zero and nothing above six.
    Relu6,
}

/// A convolution with bias and activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConvConfig {
    /// Its name within its layer; empty for the only one.
    pub name: String,
    /// `[out, in / groups, height, width]`.
    pub shape: [usize; 4],
    /// Step between outputs.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// Channels are split into this many groups that do not see each other.
    pub groups: usize,
    /// What follows.
    pub activation: Activation,
}

/// Zeros around the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// TensorFlow's "SAME": the output has `size / stride` places, rounded up, and an odd zero goes behind.
    Same,
    /// So many above and below, and so many left and right.
    Zeros([usize; 2]),
}

/// A pooling over squares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// What is taken of each square.
    pub kind: PoolKind,
    /// Side of the squares.
    pub kernel: usize,
    /// Step between them.
    pub stride: usize,
    /// Rows and columns around the input: zeros for an average, nothing for a maximum.
    pub padding: usize,
    /// Whether squares that reach beyond the input count, too.
    pub ceil: bool,
}

/// What is taken of each square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolKind {
    /// The greatest number.
    Max,
    /// The mean, in which padding counts as zeros.
    Average,
}

/// A convolution whose output is as large as its input divided by the stride, followed by ReLU; the methods change one thing each.
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
    /// With this step between outputs.
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
    /// Least and greatest result, if there are such.
    pub fn clamp(self) -> Option<[f32; 2]> {
        match self {
            Self::Identity => None,
            // Not infinity, which times zero is no number.
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
    /// Maxima of squares without padding.
    pub const fn max(kernel: usize, stride: usize) -> Self {
        Self {
            kind: PoolKind::Max,
            kernel,
            stride,
            padding: 0,
            ceil: false,
        }
    }

    /// What stands before and behind an axis of this length, and how many squares there are.
    pub fn places(self, size: usize) -> ((usize, usize), usize) {
        let padded = size + 2 * self.padding;
        let steps = padded.saturating_sub(self.kernel);
        let mut places = if self.ceil {
            steps.div_ceil(self.stride)
        } else {
            steps / self.stride
        } + 1;
        // PyTorch leaves a square out that would begin behind the input.
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
    /// Length of an embedding: channels of the last feature map.
    pub fn features(&self) -> usize {
        let Some(last) = self.layers.last() else {
            return 0;
        };
        let Ok([channels, ..]) = last.walk(&mut Costs::default(), [last.channels_in(), 1, 1]);
        channels
    }
}

/// What a network is made of, in the hands of whoever computes, counts or describes it.
pub trait Operations {
    /// A batch of feature maps, or what stands for them.
    type Value: Clone;
    /// Why an operation cannot be done.
    type Error;

    /// A convolution and its activation; `place` counts the layer's convolutions.
    ///
    /// # Errors
    /// When it cannot be done.
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
    /// When it cannot be done.
    fn pool(&mut self, name: &str, pool: Pool, x: Self::Value) -> Result<Self::Value, Self::Error>;

    /// The sum of values of the same shape, and then the activation.
    ///
    /// # Errors
    /// When it cannot be done.
    fn add(
        &mut self,
        name: &str,
        values: Vec<Self::Value>,
        activation: Activation,
    ) -> Result<Self::Value, Self::Error>;

    /// The channels of several values behind one another.
    ///
    /// # Errors
    /// When it cannot be done.
    fn concatenate(
        &mut self,
        name: &str,
        values: Vec<Self::Value>,
    ) -> Result<Self::Value, Self::Error>;
}

impl LayerConfig {
    /// One convolution that has the layer's name.
    pub fn conv(name: impl Into<String>, conv: ConvConfig) -> Self {
        Self::branches(name, vec![vec![Step::Conv(conv)]])
    }

    /// Branches that are put together channel by channel.
    pub fn branches(name: impl Into<String>, branches: Vec<Vec<Step>>) -> Self {
        Self {
            name: name.into(),
            branches,
            join: Join::Concatenate,
            pool: None,
        }
    }

    /// Convolutions behind one another.
    pub fn chain(name: impl Into<String>, convs: Vec<ConvConfig>) -> Self {
        Self::branches(name, vec![convs.into_iter().map(Step::Conv).collect()])
    }

    /// Convolutions behind one another, to whose result that of `shortcut` is added; without steps that is the input itself.
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

    /// Trained numbers in it: weights and biases.
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

    /// Channels of the input.
    pub fn channels_in(&self) -> usize {
        self.convs()
            .next()
            .map_or(0, |conv| conv.shape[1] * conv.groups)
    }

    /// The layer, with its pooling.
    ///
    /// # Errors
    /// When an operation cannot be done.
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
    /// When an operation cannot be done.
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

    /// What the layer's feature map becomes on its way to the next layer.
    ///
    /// # Errors
    /// When an operation cannot be done.
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
    /// Multiplications with an addition so far, for one image.
    pub multiply_adds: u64,
    /// Numbers in the largest feature map so far.
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
        // The second square would begin behind the input.
        let far = Pool {
            ceil: true,
            ..Pool::max(1, 2)
        };
        assert_eq!(far.places(2).1, 1);
    }
}
