//! A network as a list of operations with their shapes, independent of any tool.
//!
//! A backbone describes itself once as a [`Graph`]; the writer in `onnx.rs` turns any graph into a file.
//! Each operation knows the shape of its result, so weights that do not fit are noticed while the graph is built.

use std::borrow::Cow;

use crate::ExportError;

/// An array of f32 in a graph: an input, a constant, or the result of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

/// The size of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As many as there are images.
    Batch,
    /// Always the same.
    Fixed(usize),
}

/// A network, in the order in which it is computed.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    values: Vec<(String, Vec<Size>)>,
    pub inputs: Vec<Value>,
    pub constants: Vec<(Value, Numbers<'a>)>,
    pub nodes: Vec<Node>,
    pub outputs: Vec<Value>,
}

/// A constant's numbers, little-endian, in row-major order.
#[derive(Clone, Debug)]
pub enum Numbers<'a> {
    /// Integers, in a quarter of the space; each row is multiplied by its scale, an f32, before it is used.
    I8 {
        numbers: Cow<'a, [u8]>,
        scales: Cow<'a, [u8]>,
    },
    /// Stored in half the space, and widened before use.
    F16(Cow<'a, [u8]>),
    F32(Cow<'a, [u8]>),
}

/// One operation in a network. It has the name of the value that it produces.
#[derive(Debug)]
pub struct Node {
    pub op: Op,
    pub inputs: Vec<Value>,
    pub output: Value,
}

/// What a node does; images are `[batch, channels, height, width]`, rows `[batch, features]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// a + b. This and the next three broadcast axes of size 1.
    Add,
    /// a - b.
    Subtract,
    /// a · b.
    Multiply,
    /// a / b.
    Divide,
    /// Images, weight `[out, in / groups, height, width]`, bias `[out]`.
    Convolution {
        stride: usize,
        /// Zeros above, left, below, right.
        padding: [usize; 4],
        groups: usize,
    },
    /// Images: one number for each window of positions.
    Pool {
        of: PoolOf,
        kernel: usize,
        stride: usize,
        /// Positions above, left, below, right: filled with zeros for a mean, ignored for a maximum.
        padding: [usize; 4],
    },
    /// Images of the same size: their channels, concatenated.
    Concatenate,
    /// Rows, weight `[in, out]`, bias `[out]`.
    Dense,
    /// Rows and other rows `[count, features]`: all their dot products, `[batch, count]`.
    Products,
    /// Nothing below `low`, nothing above `high`.
    Clip {
        low: f32,
        high: f32,
    },
    /// Nothing below zero.
    Relu,
    Absolute,
    SquareRoot,
    /// -1, 0 or 1.
    Sign,
    /// Images to rows: the mean of each channel.
    MeanOfPositions,
    /// Rows of numbers to rows of probabilities.
    Softmax,
    /// The Euclidean length of each row, `[batch, 1]`.
    Length,
    /// The largest number of each row, `[batch]`.
    Largest,
    /// The mean of the `count` largest numbers of each row, `[batch]`.
    MeanOfLargest {
        count: usize,
    },
}

/// How a window of positions is reduced to one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolOf {
    Largest,
    /// The mean of all positions, including the zeros of the padding.
    Mean,
}

impl<'a> Graph<'a> {
    /// An input with these sizes after the batch axis.
    pub fn input(&mut self, name: &str, sizes: &[usize]) -> Value {
        let fixed = sizes.iter().map(|&size| Size::Fixed(size));
        let shape = std::iter::once(Size::Batch).chain(fixed).collect();
        let value = self.value(name, shape);
        self.inputs.push(value);
        value
    }

    /// A constant with as many numbers as its shape says.
    pub fn constant(&mut self, name: &str, shape: &[usize], numbers: Numbers<'a>) -> Value {
        let shape = shape.iter().map(|&size| Size::Fixed(size)).collect();
        let value = self.value(name, shape);
        self.constants.push((value, numbers));
        value
    }

    /// A constant of f32.
    pub fn numbers(&mut self, name: &str, shape: &[usize], numbers: &[f32]) -> Value {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        self.constant(name, shape, Numbers::F32(bytes.collect()))
    }

    /// An operation whose result is called `name`.
    ///
    /// # Errors
    /// [`ExportError::Shapes`] when the inputs do not fit the operation.
    pub fn node(&mut self, op: Op, name: &str, inputs: &[Value]) -> Result<Value, ExportError> {
        let shapes: Vec<&[Size]> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = op
            .shape(&shapes)
            .ok_or_else(|| ExportError::Shapes(name.to_owned()))?;
        let output = self.value(name, shape);
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            output,
        });
        Ok(output)
    }

    /// A value's name.
    pub fn name(&self, value: Value) -> &str {
        &self.values[value.0].0
    }

    /// A value's shape.
    pub fn shape(&self, value: Value) -> &[Size] {
        &self.values[value.0].1
    }

    fn value(&mut self, name: &str, shape: Vec<Size>) -> Value {
        self.values.push((name.to_owned(), shape));
        Value(self.values.len() - 1)
    }
}

impl Op {
    /// The shape of its result for inputs of these shapes; `None` if they do not fit.
    fn shape(self, inputs: &[&[Size]]) -> Option<Vec<Size>> {
        use Size::Fixed;
        match (self, inputs) {
            (Self::Add | Self::Subtract | Self::Multiply | Self::Divide, &[a, b]) => {
                stretched(a, b)
            }
            (
                Self::Convolution {
                    stride,
                    padding: [top, left, bottom, right],
                    groups,
                },
                &[
                    &[batch, Fixed(channels), Fixed(height), Fixed(width)],
                    &[
                        Fixed(out),
                        Fixed(of_group),
                        Fixed(kernel_height),
                        Fixed(kernel_width),
                    ],
                    &[Fixed(biases)],
                ],
            ) => {
                let fits = groups > 0
                    && of_group * groups == channels
                    && out % groups == 0
                    && biases == out;
                let places = |size: usize, kernel: usize| {
                    Some(size.checked_sub(kernel)?.checked_div(stride)? + 1)
                };
                let height = places(height + top + bottom, kernel_height)?;
                let width = places(width + left + right, kernel_width)?;
                fits.then(|| vec![batch, Fixed(out), Fixed(height), Fixed(width)])
            }
            (
                Self::Pool {
                    kernel,
                    stride,
                    padding: [top, left, bottom, right],
                    ..
                },
                &[&[batch, channels, Fixed(height), Fixed(width)]],
            ) => {
                let places = |size: usize| Some(size.checked_sub(kernel)?.checked_div(stride)? + 1);
                let height = places(height + top + bottom)?;
                let width = places(width + left + right)?;
                Some(vec![batch, channels, Fixed(height), Fixed(width)])
            }
            (Self::Concatenate, &[&[batch, _, height, width], ..]) => {
                let mut channels = 0;
                for input in inputs {
                    match **input {
                        [of, Fixed(count), tall, wide]
                            if (of, tall, wide) == (batch, height, width) =>
                        {
                            channels += count;
                        }
                        _ => return None,
                    }
                }
                Some(vec![batch, Fixed(channels), height, width])
            }
            (Self::Dense, &[&[batch, features], &[inputs, outputs], &[biases]]) => {
                (features == inputs && outputs == biases).then(|| vec![batch, outputs])
            }
            (Self::Products, &[&[batch, features], &[count, of_other]]) => {
                (features == of_other).then(|| vec![batch, count])
            }
            (
                Self::Clip { .. } | Self::Relu | Self::Absolute | Self::SquareRoot | Self::Sign,
                &[x],
            ) => Some(x.to_vec()),
            (Self::MeanOfPositions, &[&[batch, channels, _, _]]) => Some(vec![batch, channels]),
            (Self::Softmax, &[&[batch, classes]]) => Some(vec![batch, classes]),
            (Self::Length, &[&[batch, _]]) => Some(vec![batch, Fixed(1)]),
            (Self::Largest, &[&[batch, _]]) => Some(vec![batch]),
            (Self::MeanOfLargest { count }, &[&[batch, Fixed(length)]]) => {
                (1..=length).contains(&count).then(|| vec![batch])
            }
            _ => None,
        }
    }
}

/// The shape that two shapes broadcast to: a missing axis, or one of size 1, takes the other's size.
fn stretched(a: &[Size], b: &[Size]) -> Option<Vec<Size>> {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let missing = long.len() - short.len();
    let axes = long.iter().enumerate().map(|(axis, &size)| {
        let other = axis.checked_sub(missing).map(|axis| short[axis]);
        match other {
            None | Some(Size::Fixed(1)) => Some(size),
            Some(other) if size == Size::Fixed(1) || size == other => Some(other),
            Some(_) => None,
        }
    });
    axes.collect()
}

#[cfg(test)]
mod tests {
    use super::Size::*;
    use super::*;

    fn convolution(channels: usize, weight: [usize; 4], stride: usize) -> Option<Vec<Size>> {
        let mut graph = Graph::default();
        let image = graph.input("image", &[channels, 9, 9]);
        let zeros = |count: usize| vec![0.0; count];
        let count = weight.iter().product();
        let bias = graph.numbers("bias", &[weight[0]], &zeros(weight[0]));
        let weight = graph.numbers("weight", &weight, &zeros(count));
        let op = Op::Convolution {
            stride,
            padding: [0, 0, 1, 1],
            groups: 1,
        };
        let output = graph.node(op, "output", &[image, weight, bias]).ok()?;
        Some(graph.shape(output).to_vec())
    }

    #[test]
    fn a_convolution_knows_its_shape() {
        let shape = convolution(3, [8, 3, 3, 3], 2);
        assert_eq!(shape, Some(vec![Batch, Fixed(8), Fixed(4), Fixed(4)]));
        assert_eq!(convolution(4, [8, 3, 3, 3], 2), None);
        assert_eq!(convolution(3, [8, 3, 11, 11], 2), None);
        assert_eq!(convolution(3, [8, 3, 3, 3], 0), None);
    }

    #[test]
    fn poolings_and_concatenations_know_their_shapes() {
        let mut graph = Graph::default();
        let image = graph.input("image", &[4, 9, 8]);
        let pool = Op::Pool {
            of: PoolOf::Largest,
            kernel: 3,
            stride: 2,
            padding: [0, 0, 0, 1],
        };
        let small = graph.node(pool, "small", &[image]).expect("fits");
        assert_eq!(graph.shape(small), [Batch, Fixed(4), Fixed(4), Fixed(4)]);
        let both = [small, small];
        let both = graph.node(Op::Concatenate, "both", &both).expect("fits");
        assert_eq!(graph.shape(both), [Batch, Fixed(8), Fixed(4), Fixed(4)]);
        let uneven = graph.node(Op::Concatenate, "uneven", &[image, small]);
        assert!(matches!(uneven, Err(ExportError::Shapes(_))));
    }

    #[test]
    fn axes_of_size_one_are_stretched() {
        let image = [Batch, Fixed(3), Fixed(5)];
        assert_eq!(
            stretched(&image, &[Fixed(3), Fixed(1)]),
            Some(image.to_vec())
        );
        assert_eq!(stretched(&[Fixed(1)], &image), Some(image.to_vec()));
        assert_eq!(stretched(&image, &[Fixed(4), Fixed(1)]), None);
        assert_eq!(stretched(&image, &[Fixed(7), Fixed(3), Fixed(5)]), None);
    }
}
