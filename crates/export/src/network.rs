//! A backbone's network as operations of a graph, derived from the same description that it computes from.

use headstart_backbones::{Activation, ConvConfig, NetworkConfig, Operations, Pool, PoolKind};

use crate::ExportError;
use crate::graph::{Graph, Op, PoolOf, Size, Value};
use crate::tensors::Tensors;

/// Normalised images `[batch, 3, side, side]` to the last feature map.
///
/// # Errors
/// When the weights do not fit.
pub fn describe<'a>(
    network: &NetworkConfig,
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    images: Value,
) -> Result<Value, ExportError> {
    let mut writer = Writer { graph, tensors };
    let mut layers = network.layers.iter();
    layers.try_fold(images, |x, layer| layer.walk(&mut writer, x))
}

struct Writer<'g, 'a> {
    graph: &'g mut Graph<'a>,
    tensors: &'g Tensors<'a>,
}

impl Writer<'_, '_> {
    /// Height and width of a feature map.
    fn size(&self, name: &str, x: Value) -> Result<[usize; 2], ExportError> {
        match self.graph.shape(x) {
            &[_, _, Size::Fixed(height), Size::Fixed(width)] => Ok([height, width]),
            _ => Err(ExportError::Shapes(name.to_owned())),
        }
    }

    fn activated(
        &mut self,
        name: &str,
        activation: Activation,
        x: Value,
    ) -> Result<Value, ExportError> {
        let clip = Op::Clip {
            low: 0.0,
            high: 6.0,
        };
        match activation {
            Activation::Identity => Ok(x),
            Activation::Relu => self.graph.node(Op::Relu, &format!("{name}.relu"), &[x]),
            Activation::Relu6 => self.graph.node(clip, &format!("{name}.relu6"), &[x]),
        }
    }
}

impl Operations for Writer<'_, '_> {
    type Value = Value;
    type Error = ExportError;

    fn conv(
        &mut self,
        name: &str,
        _place: usize,
        conv: &ConvConfig,
        x: Value,
    ) -> Result<Value, ExportError> {
        let name = format!("backbone.{name}");
        let weight_name = format!("{name}.weight");
        if self.tensors.shape(&weight_name) != Some(&conv.shape) {
            return Err(ExportError::Misfit(weight_name));
        }
        let [_, _, tall, wide] = conv.shape;
        let size = self.size(&name, x)?;
        let [(top, bottom), (left, right)] = conv.padding.of(size, [tall, wide], conv.stride);
        let weight = self.tensors.constant(self.graph, &weight_name)?;
        let bias = self.tensors.constant(self.graph, &format!("{name}.bias"))?;
        let op = Op::Convolution {
            stride: conv.stride,
            padding: [top, left, bottom, right],
            groups: conv.groups,
        };
        let x = self.graph.node(op, &name, &[x, weight, bias])?;
        self.activated(&name, conv.activation, x)
    }

    fn pool(&mut self, name: &str, pool: Pool, x: Value) -> Result<Value, ExportError> {
        let size = self.size(name, x)?;
        let [(top, bottom), (left, right)] = size.map(|size| pool.places(size).0);
        let op = Op::Pool {
            of: match pool.kind {
                PoolKind::Max => PoolOf::Largest,
                PoolKind::Average => PoolOf::Mean,
            },
            kernel: pool.kernel,
            stride: pool.stride,
            padding: [top, left, bottom, right],
        };
        self.graph.node(op, &format!("backbone.{name}"), &[x])
    }

    fn add(
        &mut self,
        name: &str,
        values: Vec<Value>,
        activation: Activation,
    ) -> Result<Value, ExportError> {
        let name = format!("backbone.{name}");
        let sum = self.graph.node(Op::Add, &name, &values)?;
        self.activated(&name, activation, sum)
    }

    fn concatenate(&mut self, name: &str, values: Vec<Value>) -> Result<Value, ExportError> {
        let name = format!("backbone.{name}");
        self.graph.node(Op::Concatenate, &name, &values)
    }
}

#[cfg(test)]
mod tests {
    use headstart_backbones::config;
    use headstart_project::BackboneId;

    use super::*;
    use crate::testing::{Made, names};

    #[test]
    fn every_tensor_is_used_and_every_size_is_right() {
        let made = Made::default();
        let classes = names(3);
        let tensors = Tensors::read(&made.model(&classes)).expect("reads");
        let mut graph = Graph::default();
        let images = graph.input("image", &[3, 224, 224]);
        let network = config(BackboneId::EfficientNetLite0, false);
        let maps = describe(&network, &mut graph, &tensors, images).expect("fits");
        use Size::{Batch, Fixed};
        assert_eq!(graph.shape(maps), [Batch, Fixed(1280), Fixed(7), Fixed(7)]);
        assert_eq!(graph.constants.len(), 98);
        let count = |op: fn(&Op) -> bool| graph.nodes.iter().filter(|node| op(&node.op)).count();
        assert_eq!(count(|op| matches!(op, Op::Convolution { .. })), 49);
        // Every convolution except the sixteen projections is followed by ReLU6.
        assert_eq!(count(|op| matches!(op, Op::Clip { .. })), 33);
        // Sixteen blocks in seven stages, and the first of each changes the shape.
        assert_eq!(count(|op| matches!(op, Op::Add)), 9);
        // A 3 × 3 kernel over 224 positions with stride 2 has its odd zero at the end.
        let Op::Convolution { padding, .. } = graph.nodes[0].op else {
            panic!("begins with a convolution");
        };
        assert_eq!(padding, [0, 0, 1, 1]);
    }

    #[test]
    fn every_backbone_becomes_a_graph_of_the_shapes_that_its_network_has() {
        for id in BackboneId::ALL {
            let made = Made::of(id);
            let classes = names(3);
            let tensors = Tensors::read(&made.model(&classes)).expect("reads");
            let mut graph = Graph::default();
            let side = id.card().input_px as usize;
            let images = graph.input("image", &[3, side, side]);
            let network = config(id, false);
            let maps = describe(&network, &mut graph, &tensors, images).expect("fits");
            let blocks = network.clone().init(&burn::tensor::Device::flex());
            let blocks = blocks.blocks(side);
            let [channels, height, width] = blocks.last().expect("has blocks").output;
            let sizes = [channels, height, width].map(Size::Fixed);
            assert_eq!(graph.shape(maps)[1..], sizes, "{}", id.name());
            let convs: usize = network.layers.iter().map(|it| it.convs().count()).sum();
            assert_eq!(graph.constants.len(), 2 * convs, "{}", id.name());
        }
    }

    #[test]
    fn weights_that_lack_a_tensor_are_refused() {
        let made = Made::default();
        let classes = names(3);
        let mut model = made.model(&classes);
        // The head's file instead of the backbone's.
        model.weights = model.trained;
        let tensors = Tensors::read(&model).expect("reads");
        let mut graph = Graph::default();
        let images = graph.input("image", &[3, 224, 224]);
        let network = config(BackboneId::EfficientNetLite0, false);
        let refused = describe(&network, &mut graph, &tensors, images);
        assert!(
            matches!(refused, Err(ExportError::Misfit(name)) if name == "backbone.stem.weight")
        );
    }
}
