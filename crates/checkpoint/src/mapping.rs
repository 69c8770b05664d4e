//! The names that published models use for their tensors, and Headstart's names for the layers that these make up.
//!
//! There is one file for each family of models, with its table at the top.
//! Shapes are those of the published weights, at full width.

mod inception;
mod inverted_residual;
mod resnet;
mod squeezenet;
mod vgg;

/// The models whose weights can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// VGG with 16 layers.
    Vgg16,
    /// VGG with 16 layers and batch norm.
    Vgg16Bn,
    /// VGG with 19 layers.
    Vgg19,
    /// VGG with 19 layers and batch norm.
    Vgg19Bn,
    /// Inception v3.
    InceptionV3,
    /// ResNet with 18 layers.
    ResNet18,
    /// ResNet with 50 layers.
    ResNet50,
    /// MobileNetV2.
    MobileNetV2,
    /// EfficientNet-Lite0.
    EfficientNetLite0,
    /// EfficientNet-Lite1.
    EfficientNetLite1,
    /// EfficientNet-Lite2.
    EfficientNetLite2,
    /// SqueezeNet 1.1.
    SqueezeNet11,
}

/// Whose naming a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// torchvision's, which timm follows for Inception v3 and ResNet.
    Torchvision,
    /// timm's.
    Timm,
    /// Those of the PyPI packages `efficientnet_pytorch` and `efficientnet_lite_pytorch`, which follow TensorFlow's.
    EfficientNetPytorch,
}

/// What a layer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// It computes the features.
    Backbone,
    /// A fully connected layer between the features and the classifier: VGG has two.
    Hidden,
    /// It distinguishes the published classes.
    Classifier,
}

/// A batch norm in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// The prefix of its tensors' names.
    pub name: String,
    /// The model's epsilon.
    pub epsilon: f64,
}

impl Norm {
    /// The names of its gamma, beta, mean and variance.
    pub fn tensors(&self) -> [String; 4] {
        ["weight", "bias", "running_mean", "running_var"]
            .map(|part| format!("{}.{part}", self.name))
    }
}

/// A convolution or a fully connected layer: its own name and shape, and which of a file's tensors make it up.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Headstart's name; its tensors are called `NAME.weight` and `NAME.bias`.
    pub name: String,
    /// The shape of the weight: `[out, in / groups, height, width]` or `[out, in]`.
    pub shape: Vec<usize>,
    /// What it is for.
    pub part: Part,
    /// The file's name for the weight.
    pub weight: String,
    /// The file's name for the bias, if there is one.
    pub bias: Option<String>,
    /// The batch norm that follows, if there is one.
    pub norm: Option<Norm>,
}

impl Layer {
    /// Output channels.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Every tensor that it needs from the file, with the shape.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = vec![(self.weight.clone(), self.shape.clone())];
        let norm = self.norm.iter().flat_map(Norm::tensors);
        let vectors = self.bias.iter().cloned().chain(norm);
        tensors.extend(vectors.map(|name| (name, vec![self.rows()])));
        tensors
    }
}

/// A model's layers in a file that follows one naming.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The model.
    pub model: Model,
    /// Whose names the file uses.
    pub naming: Naming,
    /// In the order in which the model computes them.
    pub layers: Vec<Layer>,
    /// The prefixes of tensors that may be missing or have other shapes: classifiers, which people replace.
    pub optional: &'static [&'static str],
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Vgg16,
        Self::Vgg16Bn,
        Self::Vgg19,
        Self::Vgg19Bn,
        Self::InceptionV3,
        Self::ResNet18,
        Self::ResNet50,
        Self::MobileNetV2,
        Self::EfficientNetLite0,
        Self::EfficientNetLite1,
        Self::EfficientNetLite2,
        Self::SqueezeNet11,
    ];

    /// Its name as people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg16 => "VGG-16",
            Self::Vgg16Bn => "VGG-16 with batch norm",
            Self::Vgg19 => "VGG-19",
            Self::Vgg19Bn => "VGG-19 with batch norm",
            Self::InceptionV3 => "Inception v3",
            Self::ResNet18 => "ResNet-18",
            Self::ResNet50 => "ResNet-50",
            Self::MobileNetV2 => "MobileNetV2",
            Self::EfficientNetLite0 => "EfficientNet-Lite0",
            Self::EfficientNetLite1 => "EfficientNet-Lite1",
            Self::EfficientNetLite2 => "EfficientNet-Lite2",
            Self::SqueezeNet11 => "SqueezeNet 1.1",
        }
    }

    /// Its tables, one for each naming under which its weights are published.
    pub fn mappings(self) -> Vec<Mapping> {
        match self {
            Self::Vgg16 | Self::Vgg16Bn | Self::Vgg19 | Self::Vgg19Bn => vgg::mappings(self),
            Self::InceptionV3 => vec![inception::mapping()],
            Self::ResNet18 | Self::ResNet50 => vec![resnet::mapping(self)],
            Self::MobileNetV2
            | Self::EfficientNetLite0
            | Self::EfficientNetLite1
            | Self::EfficientNetLite2 => inverted_residual::mappings(self),
            Self::SqueezeNet11 => vec![squeezenet::mapping()],
        }
    }
}

/// A table of layers under construction.
#[derive(Default)]
struct Table {
    layers: Vec<Layer>,
}

impl Table {
    /// A convolution without a bias, and the batch norm that follows.
    fn normed(
        &mut self,
        name: impl Into<String>,
        shape: [usize; 4],
        weight: impl Into<String>,
        norm: impl Into<String>,
        epsilon: f64,
    ) {
        self.layers.push(Layer {
            name: name.into(),
            shape: shape.into(),
            part: Part::Backbone,
            weight: format!("{}.weight", weight.into()),
            bias: None,
            norm: Some(Norm {
                name: norm.into(),
                epsilon,
            }),
        });
    }

    /// A layer with a weight and a bias.
    fn plain(
        &mut self,
        part: Part,
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        source: impl Into<String>,
    ) {
        let source = source.into();
        self.layers.push(Layer {
            name: name.into(),
            shape: shape.into(),
            part,
            weight: format!("{source}.weight"),
            bias: Some(format!("{source}.bias")),
            norm: None,
        });
    }
}
