//! How many images go through the trained blocks at once.

use burn::tensor::Device;
use headstart_backbones::Tail;

/// A batch is cut into pieces of about this many multiply-adds, between which other work gets through: a tenth of a second on one CPU thread.
/// Their gradients are added up, so that the step is the same as for the whole batch.
const PIECE_MULTIPLY_ADDS: u64 = 1_500_000_000;

/// The backward pass costs as much as two forward passes: one for the gradients with respect to the input, one for those with respect to the weights.
pub(crate) const PASSES_PER_STEP: u64 = 3;

/// The most images that go through at once where nothing else limits them.
pub(crate) const MOST_AT_ONCE: usize = 16;

/// How many images go through the trained blocks at once.
pub(crate) fn piece(tail: &Tail, shape: [usize; 3], device: &Device) -> usize {
    // A GPU's steps are short, and each piece has to be read back.
    if *device != Device::flex() {
        return usize::MAX;
    }
    let cost = tail.multiply_adds(shape[1]) * PASSES_PER_STEP;
    (PIECE_MULTIPLY_ADDS / cost.max(1)).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deeper::testing::backbone;

    /// Predictions and Stop have to get through between two pieces, so none may take longer than the whole backbone takes for a few images.
    #[test]
    fn pieces_are_small_for_every_number_of_blocks() {
        let backbone = backbone();
        let whole: u64 = backbone.blocks().iter().map(|it| it.multiply_adds).sum();
        for unfrozen in 1..=backbone.most_unfrozen() {
            let tail = backbone.tail(unfrozen);
            let shape = backbone.boundary(unfrozen);
            let piece = piece(&tail, shape, &Device::flex()) as u64;
            let cost = piece * PASSES_PER_STEP * tail.multiply_adds(shape[1]);
            assert!(piece >= 1 && cost <= 4 * whole, "{unfrozen}: {piece}");
        }
    }
}
