//! Writes a graph as ONNX: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>, which defines the field numbers.

use crate::backbone::Facts;
use crate::graph::{Graph, Node, Numbers, Op, PoolOf, Size, Value};
use crate::manifest::preprocessing_in_words;
use crate::network::describe;
use crate::protobuf::Message;
use crate::tensors::Tensors;
use crate::{ExportError, Model, head};

/// The version of ONNX's operator set, from 2022: old enough for every runtime in use, and the last in which reductions take their axes as attributes.
const OPSET: i64 = 17;
/// The version of the file format that belongs to it.
const IR_VERSION: i64 = 8;

const FLOAT: i64 = 1;
const INT8: i64 = 3;
const INT64: i64 = 7;
const FLOAT16: i64 = 10;

/// Backbone and head in one ONNX graph.
///
/// The input `image` is `[N, 3, side, side]`, RGB from 0 to 255 as f32: normalisation is part of the graph, so that nobody can forget it.
/// The outputs are `probabilities` `[N, classes]`, calibrated, `embedding` `[N, features]`, and `familiarity` `[N]` if the model knows its training images.
///
/// # Errors
/// When a file cannot be read, or its tensors or the classes' names do not fit.
pub fn onnx(model: &Model<'_>) -> Result<Vec<u8>, ExportError> {
    let tensors = Tensors::read(model)?;
    let graph = whole(model, &tensors)?;
    let mut file = Message::default();
    file.integer(1, IR_VERSION);
    file.text(2, "Headstart");
    file.text(3, env!("CARGO_PKG_VERSION"));
    file.text(6, &preprocessing_in_words(model.backbone));
    file.message(7, &write(&graph));
    let mut operators = Message::default();
    operators.text(1, "");
    operators.integer(2, OPSET);
    file.message(8, &operators);
    for (key, value) in metadata(model, &tensors)? {
        let mut entry = Message::default();
        entry.text(1, key);
        entry.text(2, &value);
        file.message(14, &entry);
    }
    Ok(file.into_bytes())
}

/// From pixels to all outputs.
fn whole<'a>(model: &Model<'a>, tensors: &Tensors<'a>) -> Result<Graph<'a>, ExportError> {
    let facts = Facts::of(model.backbone);
    let mut graph = Graph::default();
    let side = facts.input_px;
    let image = graph.input("image", &[3, side, side]);
    let mean = graph.numbers("mean", &[1, 3, 1, 1], &facts.mean);
    let deviation = graph.numbers("deviation", &[1, 3, 1, 1], &facts.deviation);
    let centred = graph.node(Op::Subtract, "centred", &[image, mean])?;
    let normalised = graph.node(Op::Divide, "normalised", &[centred, deviation])?;
    let maps = describe(
        &tensors.network(model.backbone),
        &mut graph,
        tensors,
        normalised,
    )?;
    let embedding = graph.node(Op::MeanOfPositions, "embedding", &[maps])?;
    let probabilities = head::probabilities(&mut graph, tensors, embedding)?;
    let familiarity = head::familiarity(&mut graph, tensors, embedding)?;
    graph.outputs = [probabilities, embedding]
        .into_iter()
        .chain(familiarity)
        .collect();

    let outputs = match graph.shape(probabilities) {
        &[_, Size::Fixed(outputs)] => outputs,
        _ => 0,
    };
    if outputs != model.classes.len() {
        return Err(ExportError::Classes {
            names: model.classes.len(),
            outputs,
        });
    }
    Ok(graph)
}

/// What the file says about itself, as pairs of key and value.
fn metadata(
    model: &Model<'_>,
    tensors: &Tensors<'_>,
) -> Result<Vec<(&'static str, String)>, ExportError> {
    let facts = Facts::of(model.backbone);
    let classes = serde_json::to_string(model.classes)
        .map_err(|error| ExportError::Archive(error.to_string()))?;
    let mut metadata = vec![
        ("classes", classes),
        ("preprocessing", preprocessing_in_words(model.backbone)),
        ("backbone", model.backbone.name().to_owned()),
        ("backbone_license", facts.license.to_owned()),
        ("backbone_source", facts.source.to_owned()),
        ("headstart", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    for name in ["temperature", "threshold"] {
        if let Some(number) = tensors.number(name) {
            metadata.push((name, number.to_string()));
        }
    }
    Ok(metadata)
}

/// A `GraphProto`.
fn write(graph: &Graph<'_>) -> Message {
    let mut writer = Writer {
        graph,
        nodes: Vec::new(),
        constants: Vec::new(),
    };
    for (value, numbers) in &graph.constants {
        writer.constant(*value, numbers);
    }
    for node in &graph.nodes {
        writer.node(node);
    }
    let mut message = Message::default();
    for node in &writer.nodes {
        message.message(1, node);
    }
    message.text(2, "headstart");
    for constant in &writer.constants {
        message.message(5, constant);
    }
    for &input in &graph.inputs {
        message.message(11, &described(graph, input));
    }
    for &output in &graph.outputs {
        message.message(12, &described(graph, output));
    }
    message
}

/// A `ValueInfoProto`: name, type and shape.
fn described(graph: &Graph<'_>, value: Value) -> Message {
    let mut shape = Message::default();
    for &size in graph.shape(value) {
        let mut dimension = Message::default();
        match size {
            Size::Fixed(size) => dimension.integer(1, size as i64),
            Size::Batch => dimension.text(2, "N"),
        }
        shape.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.integer(1, FLOAT);
    tensor.message(2, &shape);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut info = Message::default();
    info.text(1, graph.name(value));
    info.message(2, &kind);
    info
}

struct Writer<'g> {
    graph: &'g Graph<'g>,
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

/// An attribute of an ONNX node.
enum Attribute<'n> {
    Integer(&'n str, i64),
    Integers(&'n str, &'n [i64]),
}

impl Writer<'_> {
    fn constant(&mut self, value: Value, numbers: &Numbers<'_>) {
        let graph = self.graph;
        let name = graph.name(value);
        let shape: Vec<i64> = graph
            .shape(value)
            .iter()
            .map(|&size| match size {
                Size::Fixed(size) => size as i64,
                // A constant has no batch axis.
                Size::Batch => 1,
            })
            .collect();
        match numbers {
            Numbers::F32(bytes) => self.tensor(name, FLOAT, &shape, bytes),
            // Runtimes widen it once, while they load the file.
            Numbers::F16(bytes) => {
                let stored = format!("{name}.f16");
                self.tensor(&stored, FLOAT16, &shape, bytes);
                let to = [Attribute::Integer("to", FLOAT)];
                self.step("Cast", &[&stored], &[name], &to);
            }
            Numbers::I8 { numbers, scales } => {
                let (stored, scale) = (format!("{name}.i8"), format!("{name}.scale"));
                self.tensor(&stored, INT8, &shape, numbers);
                let rows = shape.first().copied().unwrap_or(1);
                self.tensor(&scale, FLOAT, &[rows], scales);
                let axis = [Attribute::Integer("axis", 0)];
                self.step("DequantizeLinear", &[&stored, &scale], &[name], &axis);
            }
        }
    }

    /// What one node becomes: usually also one node.
    fn node(&mut self, node: &Node) {
        use Attribute::{Integer, Integers};
        let graph = self.graph;
        let inputs: Vec<&str> = node.inputs.iter().map(|&input| graph.name(input)).collect();
        let output = graph.name(node.output);
        let last_axis = Integers("axes", &[-1]);
        let mut simple = |kind: &str, attributes: &[Attribute<'_>]| {
            self.step(kind, &inputs, &[output], attributes);
        };
        match node.op {
            Op::Add => simple("Add", &[]),
            Op::Subtract => simple("Sub", &[]),
            Op::Multiply => simple("Mul", &[]),
            Op::Divide => simple("Div", &[]),
            Op::Relu => simple("Relu", &[]),
            Op::Absolute => simple("Abs", &[]),
            Op::SquareRoot => simple("Sqrt", &[]),
            Op::Sign => simple("Sign", &[]),
            Op::Softmax => simple("Softmax", &[Integer("axis", 1)]),
            Op::Dense => simple("Gemm", &[]),
            Op::Products => simple("Gemm", &[Integer("transB", 1)]),
            Op::Length => simple("ReduceL2", &[last_axis, Integer("keepdims", 1)]),
            Op::Largest => simple("ReduceMax", &[last_axis, Integer("keepdims", 0)]),
            Op::Convolution {
                stride,
                padding,
                groups,
            } => {
                let strides = [stride as i64; 2];
                let padding = padding.map(|zeros| zeros as i64);
                let attributes = [
                    Integers("strides", &strides),
                    Integers("pads", &padding),
                    Integer("group", groups as i64),
                ];
                simple("Conv", &attributes);
            }
            Op::Pool {
                of,
                kernel,
                stride,
                padding,
            } => {
                let (kernel, stride) = ([kernel as i64; 2], [stride as i64; 2]);
                let padding = padding.map(|zeros| zeros as i64);
                let attributes = [
                    Integers("kernel_shape", &kernel),
                    Integers("strides", &stride),
                    Integers("pads", &padding),
                    Integer("count_include_pad", 1),
                ];
                match of {
                    // Only the average has the last attribute.
                    PoolOf::Largest => simple("MaxPool", &attributes[..3]),
                    PoolOf::Mean => simple("AveragePool", &attributes),
                }
            }
            Op::Concatenate => simple("Concat", &[Integer("axis", 1)]),
            Op::Clip { low, high } => {
                let (low_name, high_name) = (format!("{output}.low"), format!("{output}.high"));
                self.tensor(&low_name, FLOAT, &[], &low.to_le_bytes());
                self.tensor(&high_name, FLOAT, &[], &high.to_le_bytes());
                let inputs = [inputs.as_slice(), &[&low_name, &high_name]].concat();
                self.step("Clip", &inputs, &[output], &[]);
            }
            Op::MeanOfPositions => {
                let means = format!("{output}.means");
                self.step("GlobalAveragePool", &inputs, &[&means], &[]);
                self.step("Flatten", &[&means], &[output], &[Integer("axis", 1)]);
            }
            Op::MeanOfLargest { count } => {
                let name = |part: &str| format!("{output}.{part}");
                let (how_many, values, places) = (name("count"), name("values"), name("places"));
                self.tensor(&how_many, INT64, &[1], &(count as i64).to_le_bytes());
                let inputs = [inputs.as_slice(), &[&how_many]].concat();
                self.step("TopK", &inputs, &[&values, &places], &[]);
                let attributes = [last_axis, Integer("keepdims", 0)];
                self.step("ReduceMean", &[&values], &[output], &attributes);
            }
        }
    }

    /// A `NodeProto`.
    fn step(
        &mut self,
        kind: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[Attribute<'_>],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input);
        }
        for output in outputs {
            node.text(2, output);
        }
        node.text(3, outputs.first().unwrap_or(&""));
        node.text(4, kind);
        for attribute in attributes {
            node.message(5, &attribute.write());
        }
        self.nodes.push(node);
    }

    /// A `TensorProto`.
    fn tensor(&mut self, name: &str, kind: i64, shape: &[i64], bytes: &[u8]) {
        let mut tensor = Message::default();
        for &size in shape {
            tensor.integer(1, size);
        }
        tensor.integer(2, kind);
        tensor.text(8, name);
        tensor.bytes(9, bytes);
        self.constants.push(tensor);
    }
}

impl Attribute<'_> {
    /// An `AttributeProto`.
    fn write(&self) -> Message {
        const INT: i64 = 2;
        const INTS: i64 = 7;
        let mut message = Message::default();
        match *self {
            Self::Integer(name, number) => {
                message.text(1, name);
                message.integer(3, number);
                message.integer(20, INT);
            }
            Self::Integers(name, numbers) => {
                message.text(1, name);
                for &number in numbers {
                    message.integer(8, number);
                }
                message.integer(20, INTS);
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use headstart_project::BackboneId;

    use super::*;
    use crate::protobuf::reading::{all, integers, texts};
    use crate::testing::{Made, names};

    fn exported(is_hidden: bool, classes: &[String]) -> Vec<u8> {
        onnx(&Made::new(is_hidden).model(classes)).expect("exports")
    }

    fn graph_of(file: &[u8]) -> Vec<u8> {
        all(file, 7).remove(0)
    }

    #[test]
    fn every_input_exists_before_it_is_used_and_every_name_is_there_once() {
        for is_hidden in [true, false] {
            let graph = graph_of(&exported(is_hidden, &names(3)));
            let mut known = BTreeSet::new();
            let mut know =
                |name: String| assert!(known.insert(name.clone()), "{name} is there twice");
            all(&graph, 11)
                .iter()
                .for_each(|input| know(texts(input, 1).remove(0)));
            all(&graph, 5)
                .iter()
                .for_each(|tensor| know(texts(tensor, 8).remove(0)));
            let mut used = BTreeSet::new();
            for node in all(&graph, 1) {
                for input in texts(&node, 1) {
                    assert!(known.contains(&input), "{input} comes from nowhere");
                    used.insert(input);
                }
                for output in texts(&node, 2) {
                    assert!(known.insert(output.clone()), "{output} is made twice");
                }
            }
            let outputs: Vec<String> = all(&graph, 12)
                .iter()
                .map(|output| texts(output, 1).remove(0))
                .collect();
            assert_eq!(outputs, ["probabilities", "embedding", "familiarity"]);
            // Every output is used, except for the indices of TopK.
            let unused: Vec<_> = known.difference(&used).collect();
            assert_eq!(
                unused,
                [
                    "familiarity",
                    "familiarity.nearest_images.places",
                    "probabilities"
                ]
            );
        }
    }

    #[test]
    fn every_constant_has_as_many_bytes_as_its_shape_says() {
        let graph = graph_of(&exported(true, &names(3)));
        let constants = all(&graph, 5);
        for tensor in &constants {
            let count: i64 = integers(tensor, 1).into_iter().product();
            let bytes = match integers(tensor, 2)[0] {
                FLOAT16 => 2,
                INT64 => 8,
                _ => 4,
            };
            assert_eq!(all(tensor, 9)[0].len() as i64, count * bytes);
        }
        let is_half = |tensor: &&Vec<u8>| integers(tensor, 2)[0] == FLOAT16;
        assert_eq!(constants.iter().filter(is_half).count(), 98);
    }

    #[test]
    fn every_backbone_is_exported_with_its_weights_in_8_bits() {
        for id in BackboneId::ALL {
            let made = Made::of(id);
            let file = onnx(&made.model(&names(3))).expect("exports");
            let graph = graph_of(&file);
            let kinds: Vec<String> = all(&graph, 1)
                .iter()
                .flat_map(|node| texts(node, 4))
                .collect();
            let count = |kind: &str| kinds.iter().filter(|it| *it == kind).count();
            assert_eq!(count("Conv"), count("DequantizeLinear"), "{}", id.name());
            let has_pools = !id.name().contains("net-lite") && id != BackboneId::MobileNetV2;
            assert_eq!(count("MaxPool") > 0, has_pools, "{}", id.name());
            assert_eq!(count("AveragePool") > 0, id == BackboneId::InceptionV3);
        }
    }

    #[test]
    fn the_input_is_a_batch_of_any_size() {
        let graph = graph_of(&exported(true, &names(3)));
        let input = all(&graph, 11).remove(0);
        assert_eq!(texts(&input, 1), ["image"]);
        let kind = all(&all(&input, 2)[0], 1).remove(0);
        let dimensions = all(&all(&kind, 2)[0], 1);
        assert_eq!(texts(&dimensions[0], 2), ["N"]);
        let sizes: Vec<i64> = dimensions
            .iter()
            .flat_map(|size| integers(size, 1))
            .collect();
        assert_eq!(sizes, [3, 224, 224]);
    }

    #[test]
    fn the_file_says_what_it_is() {
        let classes = ["</script><b>", "\"quoted\"", "Ünïcode"].map(str::to_owned);
        let file = exported(true, &classes);
        let entries = all(&file, 14);
        let value = |key: &str| {
            let entry = entries.iter().find(|entry| texts(entry, 1) == [key]);
            texts(entry.expect("is there"), 2).remove(0)
        };
        let read: Vec<String> = serde_json::from_str(&value("classes")).expect("is JSON");
        assert_eq!(read, classes);
        assert_eq!(value("backbone"), "efficientnet-lite0");
        assert_eq!(value("backbone_license"), "Apache-2.0");
        assert_eq!(value("threshold"), "0.5");
        assert!(value("preprocessing").contains("224"));
    }

    #[test]
    fn names_that_are_too_few_are_refused() {
        let made = Made::default();
        let classes = names(2);
        let refused = onnx(&made.model(&classes));
        let expected = |error: &ExportError| {
            matches!(
                error,
                ExportError::Classes {
                    names: 2,
                    outputs: 3
                }
            )
        };
        assert!(refused.as_ref().is_err_and(expected), "{refused:?}");
    }
}
