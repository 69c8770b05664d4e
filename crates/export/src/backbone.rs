//! What other tools need to know about each backbone.

use headstart_project::{BackboneId, WeightsOrigin};

/// What all models on one backbone have in common.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Side of the square input, in pixels.
    pub input_px: usize,
    /// Subtracted from red, green and blue, which range from 0 to 255.
    pub mean: [f32; 3],
    /// Red, green and blue are then divided by this.
    pub deviation: [f32; 3],
    /// The licence of the weights, by its SPDX name; SPDX's term for “not stated” if the user opened a file.
    pub license: &'static str,
    /// Who made them and where they come from.
    pub source: &'static str,
}

impl Facts {
    /// The facts of a backbone.
    pub fn of(id: BackboneId) -> Self {
        let card = id.card();
        let (license, source) = match card.weights {
            WeightsOrigin::Made {
                license, source, ..
            } => (license, source),
            WeightsOrigin::Own { .. } => (
                "NOASSERTION",
                "a weights file that the user opened; batch norm folded into the convolutions",
            ),
        };
        Self {
            input_px: card.input_px as usize,
            mean: card.normalization.mean,
            deviation: card.normalization.deviation,
            license,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use headstart_backbones::Backbone;
    use headstart_images::Pixels;

    use super::*;

    #[test]
    fn the_facts_are_those_of_the_backbone_itself() {
        for id in BackboneId::ALL {
            let backbone = Backbone::random(id, 0, &Device::flex());
            let facts = Facts::of(id);
            assert_eq!(backbone.input_px() as usize, facts.input_px);
            let color = [10, 100, 250];
            let pixel = [color[0], color[1], color[2], 255];
            let side = facts.input_px;
            let pixels = Pixels::new(side as u32, side as u32, pixel.repeat(side * side));
            let planes = backbone.prepare(&pixels.expect("fits")).expect("prepares");
            for (channel, plane) in planes.chunks_exact(side * side).enumerate() {
                let expected =
                    (f32::from(color[channel]) - facts.mean[channel]) / facts.deviation[channel];
                assert!((plane[0] - expected).abs() < 1e-5);
            }
        }
    }
}
