//! EfficientNet-Lite, as `crates/backbones/src/efficientnet_lite.rs` computes it.
//! Kernels, channels and widening are read off the weights; only strides and padding have to be known.

use crate::{
    ExportError,
    graph::{Graph, Op, Size, Value},
    tensors::Tensors,
};

const BLOCKS: usize = 16;
/// Blocks that halve the image.
const HALVING: [usize; 4] = [1, 3, 5, 11];
const RELU6: Op = Op::Clip {
    low: 0.0,
    high: 6.0,
};

/// Normalised images `[batch, 3, side, side]` to `[batch, features, side / 32, side / 32]`.
///
/// # Errors
/// When the weights do not fit.
pub fn describe<'a>(
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    images: Value,
) -> Result<Value, ExportError> {
    let mut layers = Layers { graph, tensors };
    let mut x = layers.activated("backbone.stem", images, 2, 1)?;
    for block in 0..BLOCKS {
        let stride = if HALVING.contains(&block) { 2 } else { 1 };
        x = layers.block(&format!("backbone.blocks.{block}"), x, stride)?;
    }
    layers.activated("backbone.head", x, 1, 1)
}

struct Layers<'g, 'a> {
    graph: &'g mut Graph<'a>,
    tensors: &'g Tensors<'a>,
}

impl Layers<'_, '_> {
    /// Inverted residual: widen, filter each channel, narrow; the input is added when its shape is the same.
    fn block(&mut self, name: &str, input: Value, stride: usize) -> Result<Value, ExportError> {
        let expand = format!("{name}.expand");
        let wide = match self.tensors.shape(&format!("{expand}.weight")) {
            Some(_) => self.activated(&expand, input, 1, 1)?,
            None => input,
        };
        let &[_, Size::Fixed(channels), ..] = self.graph.shape(wide) else {
            return Err(ExportError::Shapes(name.to_owned()));
        };
        let filtered = self.activated(&format!("{name}.depthwise"), wide, stride, channels)?;
        let narrow = self.convolution(&format!("{name}.project"), filtered, 1, 1)?;
        if self.graph.shape(narrow) != self.graph.shape(input) {
            return Ok(narrow);
        }
        self.graph
            .node(Op::Add, &format!("{name}.sum"), &[narrow, input])
    }

    fn activated(
        &mut self,
        name: &str,
        x: Value,
        stride: usize,
        groups: usize,
    ) -> Result<Value, ExportError> {
        let x = self.convolution(name, x, stride, groups)?;
        self.graph.node(RELU6, &format!("{name}.relu6"), &[x])
    }

    fn convolution(
        &mut self,
        name: &str,
        x: Value,
        stride: usize,
        groups: usize,
    ) -> Result<Value, ExportError> {
        let weight_name = format!("{name}.weight");
        let (&[_, _, Size::Fixed(height), Size::Fixed(width)], Some(&[_, _, kernel, _])) =
            (self.graph.shape(x), self.tensors.shape(&weight_name))
        else {
            return Err(ExportError::Misfit(weight_name));
        };
        let (top, bottom) = same_padding(height, kernel, stride);
        let (left, right) = same_padding(width, kernel, stride);
        let weight = self.tensors.constant(self.graph, &weight_name)?;
        let bias = self.tensors.constant(self.graph, &format!("{name}.bias"))?;
        let op = Op::Convolution {
            stride,
            padding: [top, left, bottom, right],
            groups,
        };
        self.graph.node(op, name, &[x, weight, bias])
    }
}

/// TensorFlow's "SAME": the output has `size / stride` places, rounded up, and an odd zero goes behind.
fn same_padding(size: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let places = size.div_ceil(stride);
    let total = ((places - 1) * stride + kernel).saturating_sub(size);
    (total / 2, total - total / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Made, names};

    #[test]
    fn every_tensor_is_used_and_every_size_is_right() {
        let made = Made::default();
        let classes = names(3);
        let tensors = Tensors::read(&made.model(&classes)).expect("reads");
        let mut graph = Graph::default();
        let images = graph.input("image", &[3, 224, 224]);
        let maps = describe(&mut graph, &tensors, images).expect("fits");
        use Size::{Batch, Fixed};
        assert_eq!(graph.shape(maps), [Batch, Fixed(1280), Fixed(7), Fixed(7)]);
        assert_eq!(graph.constants.len(), 98);
        let count = |op: fn(&Op) -> bool| graph.nodes.iter().filter(|node| op(&node.op)).count();
        assert_eq!(count(|op| matches!(op, Op::Convolution { .. })), 49);
        // Every convolution but the sixteen that narrow is followed by ReLU6.
        assert_eq!(count(|op| matches!(op, Op::Clip { .. })), 33);
        // Sixteen blocks in seven stages, and the first of each changes the shape.
        assert_eq!(count(|op| matches!(op, Op::Add)), 9);
        // A 3 × 3 kernel over 224 places with stride 2 has its odd zero behind.
        let Op::Convolution { padding, .. } = graph.nodes[0].op else {
            panic!("begins with a convolution");
        };
        assert_eq!(padding, [0, 0, 1, 1]);
    }

    #[test]
    fn weights_that_lack_a_tensor_are_refused() {
        let made = Made::default();
        let classes = names(3);
        let mut model = made.model(&classes);
        // The head's file in place of the backbone's.
        model.weights = model.trained;
        let tensors = Tensors::read(&model).expect("reads");
        let mut graph = Graph::default();
        let images = graph.input("image", &[3, 224, 224]);
        let refused = describe(&mut graph, &tensors, images);
        assert!(
            matches!(refused, Err(ExportError::Misfit(name)) if name == "backbone.stem.weight")
        );
    }
}
