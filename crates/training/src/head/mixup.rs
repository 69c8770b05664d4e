//! Training on mixtures of images.
//!
//! Paper: Zhang et al., “mixup: Beyond Empirical Risk Minimization”, ICLR 2018, arXiv:1710.09412.
//! What is mixed here are embeddings, or activations at the boundary to the trained part: Verma et al., “Manifold Mixup”, ICML 2019, arXiv:1806.05236.
//! This costs nothing, and no image has to be embedded again.

use burn::tensor::{Int, Tensor, TensorData};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// How one batch is mixed: each row with another one, all with the same share.
pub(crate) struct Mix {
    /// The row that each one is mixed with.
    partners: Vec<usize>,
    /// The share of the row itself, from a half to one.
    share: f32,
}

impl Mix {
    /// Draws partners and a share from Beta(`alpha`, `alpha`). `None` if `alpha` is 0: then nothing is mixed, and nothing is drawn.
    pub fn draw(batch: usize, alpha: f64, rng: &mut ChaCha8Rng) -> Option<Self> {
        if alpha <= 0.0 {
            return None;
        }
        let share = beta(alpha, rng);
        let mut partners: Vec<usize> = (0..batch).collect();
        partners.shuffle(rng);
        Some(Self {
            partners,
            // Swapping the two rows of a pair changes nothing.
            share: share.max(1.0 - share) as f32,
        })
    }

    /// Mixes rows of `width` values each.
    pub fn rows(&self, rows: &[f32], width: usize) -> Vec<f32> {
        let partners = self.partners.iter().map(|&at| &rows[at * width..][..width]);
        rows.chunks_exact(width)
            .zip(partners)
            .flat_map(|(row, other)| row.iter().zip(other))
            .map(|(a, b)| self.share * a + (1.0 - self.share) * b)
            .collect()
    }

    /// Mixes along the first axis.
    pub fn tensor<const D: usize>(&self, rows: Tensor<D>) -> Tensor<D> {
        let partners: Vec<i32> = self.partners.iter().map(|&at| at as i32).collect();
        let partners = TensorData::new(partners, [self.partners.len()]);
        let partners = Tensor::<1, Int>::from_data(partners, &rows.device());
        let others = rows.clone().select(0, partners);
        rows * self.share + others * (1.0 - self.share)
    }
}

/// A draw from Beta(`alpha`, `alpha`), by Jöhnk's method (1964), which suits an `alpha` of at most 1.
fn beta(alpha: f64, rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let [x, y] = [rng.random::<f64>(), rng.random()].map(|it| it.powf(1.0 / alpha));
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "natively a tensor may be read synchronously"
    )]

    use burn::tensor::Device;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn rows_and_tensors_are_mixed_alike() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mix = Mix::draw(4, 0.4, &mut rng).expect("mixes");
        let rows: Vec<f32> = (0..12).map(|at| (at * at) as f32).collect();
        let device = Device::flex();
        let tensor = Tensor::<2>::from_data(TensorData::new(rows.clone(), [4, 3]), &device);
        let mixed: Vec<f32> = mix.tensor(tensor).into_data().iter().collect();
        assert_eq!(mixed, mix.rows(&rows, 3));
        assert!((0.5..=1.0).contains(&mix.share));
        // Mixing loses nothing: the sum stays the same.
        let sum = |values: &[f32]| values.iter().sum::<f32>();
        assert!((sum(&mixed) - sum(&rows)).abs() < 1e-3);
    }

    #[test]
    fn without_mixup_nothing_is_drawn() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert!(Mix::draw(4, 0.0, &mut rng).is_none());
        assert_eq!(
            rng.random::<u64>(),
            ChaCha8Rng::seed_from_u64(1).random::<u64>()
        );
    }

    /// Mean 1/2 and variance 1 / (4 (2 alpha + 1)).
    #[test]
    fn shares_are_drawn_from_the_distribution() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for alpha in [0.2, 0.5, 1.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance =
                draws.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((variance - expected).abs() < 0.005, "{alpha}: {variance}");
        }
    }
}
