//! What training added on top of an embedding: the head, its temperature, and how familiar an image is.
//! They are computed as in `crates/training` (`head.rs`, `worth/familiarity.rs`).

use crate::ExportError;
use crate::graph::{Graph, Op, Value};
use crate::tensors::Tensors;

/// How many of the nearest training images count, if there are that many.
const NEIGHBOURS: usize = 5;

/// Embeddings `[batch, features]` to `probabilities`, `[batch, classes]`.
///
/// # Errors
/// When the tensors do not fit.
pub fn probabilities<'a>(
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    embedding: Value,
) -> Result<Value, ExportError> {
    let mut x = embedding;
    if tensors.shape("head.hidden.weight").is_some() {
        x = dense(graph, tensors, "head.hidden", x)?;
        x = graph.node(Op::Relu, "head.hidden.relu", &[x])?;
    }
    let mut logits = dense(graph, tensors, "head.output", x)?;
    // An invalid temperature changes nothing, as in `crates/training`.
    if tensors
        .number("temperature")
        .is_some_and(|number| number > 0.0)
    {
        let temperature = tensors.constant(graph, "temperature")?;
        logits = graph.node(Op::Divide, "logits", &[logits, temperature])?;
    }
    graph.node(Op::Softmax, "probabilities", &[logits])
}

/// Embeddings to `familiarity`, `[batch]`, if the model knows its training images.
///
/// # Errors
/// When the tensors do not fit.
pub fn familiarity<'a>(
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    embedding: Value,
) -> Result<Option<Value>, ExportError> {
    let count = match tensors.shape("familiarity.references") {
        Some(&[references, _]) if references > 0 => references.min(NEIGHBOURS),
        _ => return Ok(None),
    };
    // Signed square roots.
    let sign = graph.node(Op::Sign, "familiarity.sign", &[embedding])?;
    let size = graph.node(Op::Absolute, "familiarity.size", &[embedding])?;
    let root = graph.node(Op::SquareRoot, "familiarity.root", &[size])?;
    let root = graph.node(Op::Multiply, "familiarity.signed_root", &[root, sign])?;

    let middle = tensors.constant(graph, "familiarity.middle")?;
    let offset = graph.node(Op::Subtract, "familiarity.offset", &[root, middle])?;
    let offset = unit(graph, "familiarity.offset", offset)?;
    let directions = tensors.constant(graph, "familiarity.directions")?;
    let cosines = [offset, directions];
    let cosines = graph.node(Op::Products, "familiarity.to_classes", &cosines)?;
    let nearest_class = graph.node(Op::Largest, "familiarity.nearest_class", &[cosines])?;

    let root = unit(graph, "familiarity.signed_root", root)?;
    let references = tensors.constant(graph, "familiarity.references")?;
    let cosines = [root, references];
    let cosines = graph.node(Op::Products, "familiarity.to_images", &cosines)?;
    let mean = Op::MeanOfLargest { count };
    let nearest_images = graph.node(mean, "familiarity.nearest_images", &[cosines])?;
    let sum = [nearest_class, nearest_images];
    Ok(Some(graph.node(Op::Add, "familiarity", &sum)?))
}

/// Rows scaled to length 1; rows of zeros stay zero.
fn unit(graph: &mut Graph<'_>, name: &str, rows: Value) -> Result<Value, ExportError> {
    let length = graph.node(Op::Length, &format!("{name}.length"), &[rows])?;
    let some = Op::Clip {
        low: f32::MIN_POSITIVE,
        high: f32::MAX,
    };
    let length = graph.node(some, &format!("{name}.some_length"), &[length])?;
    graph.node(Op::Divide, &format!("{name}.unit"), &[rows, length])
}

fn dense<'a>(
    graph: &mut Graph<'a>,
    tensors: &Tensors<'a>,
    name: &str,
    x: Value,
) -> Result<Value, ExportError> {
    let weight = tensors.constant(graph, &format!("{name}.weight"))?;
    let bias = tensors.constant(graph, &format!("{name}.bias"))?;
    graph.node(Op::Dense, name, &[x, weight, bias])
}
