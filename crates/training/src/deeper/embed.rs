//! Embeddings from trained last blocks.

use burn::tensor::Device;
use headstart_backbones::Tail;

use crate::deeper::pieces::{MOST_AT_ONCE, piece};
use crate::host::{pause, values};
use crate::{Activations, Examples, Host, Interrupted};

/// Runs trained last blocks on the activations of images to get their embeddings.
///
/// # Errors
/// When the host cancels or the device fails.
pub async fn embed(
    tail: &Tail,
    images: &Activations,
    device: &Device,
    host: &impl Host,
) -> Result<Examples, Interrupted> {
    let mut examples = Examples::default();
    let indices: Vec<usize> = (0..images.len()).collect();
    let piece = piece(tail, images.shape, device).min(MOST_AT_ONCE);
    for piece in indices.chunks(piece) {
        let output = tail.forward(images.batch(piece, device));
        let [_, features] = output.dims();
        examples.features = features;
        let output = values(output).await?;
        for (&index, embedding) in piece.iter().zip(output.chunks_exact(features)) {
            examples.push(images.ids[index], embedding, images.labels[index]);
        }
        pause(host).await?;
    }
    Ok(examples)
}
