//! What fine-tuning will cost, before anybody chooses it.

use headstart_backbones::Backbone;
use headstart_project::UnfreezeEstimate;

use crate::deeper::pieces::PASSES_PER_STEP;

/// What it means to unfreeze one block, two, and so on up to all of them.
pub fn estimates(backbone: &Backbone) -> Vec<UnfreezeEstimate> {
    let blocks = backbone.blocks();
    let cost = |from: usize| -> u64 { blocks[from..].iter().map(|it| it.multiply_adds).sum() };
    let whole = cost(0).max(1);
    (1..=backbone.most_unfrozen())
        .map(|unfrozen| {
            let from = backbone.first_unfrozen(unfrozen);
            let values: usize = backbone.boundary(unfrozen).iter().product();
            UnfreezeEstimate {
                blocks: unfrozen as u32,
                parameters: blocks[from..].iter().map(|it| it.parameters).sum(),
                passes: (PASSES_PER_STEP * cost(from)) as f64 / whole as f64,
                bytes_per_image: (values * size_of::<half::f16>()) as u64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deeper::testing::backbone;

    #[test]
    fn estimates_grow_with_every_block_and_end_with_the_whole_network() {
        let backbone = backbone();
        let estimates = estimates(&backbone);
        assert_eq!(estimates.len(), 17);
        // Blocks 14 and 15 and the last convolution, counted by hand.
        let bottleneck = |from: u64, wide: u64, taps: u64, to: u64| {
            from * wide + wide + taps * wide + wide + wide * to + to
        };
        assert_eq!(
            estimates[1].parameters,
            bottleneck(192, 1152, 25, 192) + bottleneck(192, 1152, 9, 320) + 320 * 1280 + 1280
        );
        assert_eq!(estimates[1].bytes_per_image, 192 * 7 * 7 * 2);
        assert!(estimates.windows(2).all(|pair| {
            pair[0].parameters < pair[1].parameters && pair[0].passes < pair[1].passes
        }));
        assert_eq!(estimates[16].parameters, backbone.parameters());
        assert!((estimates[16].passes - 3.0).abs() < 1e-9);
    }
}
