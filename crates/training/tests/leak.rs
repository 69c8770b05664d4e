//! A split that lets frames of one recording onto both sides measures how well a model remembers. Ours does not.

use burn::tensor::Device;
use headstart_project::{BurstId, SampleId, TrainSettings};
use headstart_training::{ClassImages, Embedded, Host, train};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

struct Quiet;

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        0.0
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
}

const BURSTS: usize = 60;
const FRAMES: usize = 8;
const FEATURES: usize = 64;

/// Recordings of nearly the same frame again and again, whose classes are drawn at random: there is nothing to learn but the recordings themselves.
/// The frames differ by more than near-duplicates do, so that only the recordings' names can keep them together.
fn recordings(seed: u64, is_named: bool) -> Vec<ClassImages> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut classes = ["Heads", "Tails"].map(|name| ClassImages {
        name: name.to_owned(),
        train: Vec::new(),
        test: Vec::new(),
    });
    for burst in 0..BURSTS {
        let scene: Vec<f32> = (0..FEATURES).map(|_| rng.random_range(-1.0..1.0)).collect();
        let class = rng.random_range(0..2);
        for frame in 0..FRAMES {
            let values = scene
                .iter()
                .map(|value| value + rng.random_range(-0.4..0.4));
            classes[class].train.push(Embedded {
                id: SampleId((burst * FRAMES + frame) as u32),
                embedding: values.collect(),
                burst: is_named.then_some(BurstId(burst as u32)),
                look: None,
            });
        }
    }
    classes.into()
}

/// Validation images right and in all, over several draws.
fn validate(is_named: bool) -> (u32, u32) {
    let device = Device::flex();
    let (mut right, mut total) = (0, 0);
    for seed in 0..4 {
        let settings = TrainSettings {
            epochs: 12,
            validation_share: 0.3,
            seed,
            ..TrainSettings::default()
        };
        let classes = recordings(seed, is_named);
        let trained = pollster::block_on(train(&classes, FEATURES, &settings, &device, &Quiet));
        let validation = trained
            .expect("trains")
            .outcome
            .validation
            .expect("held back");
        for verdict in &validation.verdicts {
            right += u32::from(verdict.actual == verdict.predicted);
            total += 1;
        }
    }
    (right, total)
}

#[test]
fn random_labels_of_recordings_cannot_be_predicted_under_the_default_split() {
    let (right, total) = validate(true);
    // Frames of a recording are right or wrong together: there are as many draws as recordings, not as images.
    let recordings = (total as usize / FRAMES) as u32;
    let [low, high] = wilson(right / FRAMES as u32, recordings);
    println!("grouped: {right} of {total}, by recordings {low:.3} to {high:.3}");
    assert!(
        low <= 0.5 && 0.5 <= high,
        "{right} of {total}: {low} to {high}"
    );
}

#[test]
fn a_naive_split_would_seem_to_predict_them() {
    let (right, total) = validate(false);
    println!("naive: {right} of {total}");
    assert!(
        f64::from(right) / f64::from(total) > 0.9,
        "{right} of {total}"
    );
}

/// The 95 % interval of Wilson, “Probable inference, the law of succession, and statistical inference”, 1927.
fn wilson(right: u32, total: u32) -> [f64; 2] {
    let (z, n) = (1.959_964, f64::from(total));
    let share = f64::from(right) / n;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    [middle - half, middle + half]
}
