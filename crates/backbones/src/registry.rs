//! Every backbone's network and published names: a new backbone is a new line here.
//!
//! What is known about it without its network is on its card, in `crates/project/src/backbone.rs`.

use headstart_checkpoint::{Layer, Mismatch, Model, Part, Plan, TensorInfo};
use headstart_project::BackboneId::{self, *};

use crate::config::NetworkConfig;
use crate::{efficientnet_lite, inception_v3, mobilenet_v2, resnet, squeezenet, vgg};

/// A backbone, the model that weights files name it after, and its network.
type Entry = (BackboneId, Model, fn() -> NetworkConfig);

const ENTRIES: [Entry; BackboneId::ALL.len()] = [
    (
        EfficientNetLite0,
        Model::EfficientNetLite0,
        efficientnet_lite::lite0,
    ),
    (
        EfficientNetLite1,
        Model::EfficientNetLite1,
        efficientnet_lite::lite1,
    ),
    (
        EfficientNetLite2,
        Model::EfficientNetLite2,
        efficientnet_lite::lite2,
    ),
    (MobileNetV2, Model::MobileNetV2, mobilenet_v2::network),
    (SqueezeNet11, Model::SqueezeNet11, squeezenet::network),
    (ResNet18, Model::ResNet18, resnet::resnet18),
    (ResNet50, Model::ResNet50, resnet::resnet50),
    (InceptionV3, Model::InceptionV3, inception_v3::network),
    (Vgg16, Model::Vgg16, vgg::vgg16),
    (Vgg16Bn, Model::Vgg16Bn, vgg::vgg16),
    (Vgg19, Model::Vgg19, vgg::vgg19),
    (Vgg19Bn, Model::Vgg19Bn, vgg::vgg19),
];

// A line in the wrong place does not compile.
const _: () = {
    let mut at = 0;
    while at < ENTRIES.len() {
        assert!(ENTRIES[at].0 as usize == at);
        at += 1;
    }
};

/// A backbone's network; with the fully connected layers after its last feature map, if `is_hidden_kept` is set and it has any.
pub fn config(id: BackboneId, is_hidden_kept: bool) -> NetworkConfig {
    let network = ENTRIES[id as usize].2();
    if is_hidden_kept && id.card().hidden_features.is_some() {
        vgg::with_hidden(network)
    } else {
        network
    }
}

/// What weights files call a backbone.
pub fn model(id: BackboneId) -> Model {
    ENTRIES[id as usize].1
}

/// The backbone whose weights a file holds, judged by the names and shapes of its tensors, and where they are in the file or why they do not fit.
/// `None` if they belong to no known model. Files that Headstart has written are recognised too.
pub fn recognise(tensors: &[TensorInfo]) -> Option<(BackboneId, Result<Plan, Mismatch>)> {
    if let Some(mapping) = headstart_checkpoint::recognise(tensors) {
        let entry = ENTRIES.iter().find(|entry| entry.1 == mapping.model)?;
        return Some((entry.0, mapping.fit(tensors)));
    }
    let own = BackboneId::ALL.into_iter().find_map(|id| {
        let plan = own_plan(id);
        let is_there = |(name, shape): (String, Vec<usize>)| {
            let mut tensors = tensors.iter();
            tensors.any(|tensor| tensor.name == name && tensor.shape == shape)
        };
        let mut needed = plan.layers.iter().flat_map(Layer::tensors);
        needed.all(is_there).then_some((id, plan))
    });
    own.map(|(id, plan)| (id, Ok(plan)))
}

/// Where a backbone's weights are in a file in Headstart's own format.
pub fn own_plan(id: BackboneId) -> Plan {
    let network = config(id, false);
    let layers = network.layers.iter().flat_map(|layer| {
        let convs = layer.convs();
        convs.map(|conv| {
            let name = layer.name_of(conv);
            Layer {
                shape: conv.shape.to_vec(),
                part: Part::Backbone,
                weight: format!("{name}.weight"),
                bias: Some(format!("{name}.bias")),
                norm: None,
                name,
            }
        })
    });
    Plan {
        layers: layers.collect(),
        left_out: Vec::new(),
    }
}
