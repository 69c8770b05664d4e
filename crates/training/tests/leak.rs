//! A split that puts frames of one recording on both sides measures how well a model remembers. Ours does not.
#![expect(clippy::expect_used, reason = "what is made here is known to be sound")]

use burn::tensor::Device;
use headstart_project::{BurstId, Evaluation, SampleId, TrainSettings, wilson};
use headstart_training::{
    ClassImages, Embedded, Examples, Host, evaluate, fit, logits, split, train,
};
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
const DRAWS: u64 = 4;

/// Frames that differ by this little are near-duplicates: their cosine is 0.997.
const ALL_BUT_THE_SAME: f32 = 0.05;
/// Frames that differ by this much are not: their cosine is 0.86.
const ALIKE: f32 = 0.4;

/// Recordings that repeat nearly the same frame, with classes drawn at random: there is nothing to learn but the recordings themselves.
fn recordings(seed: u64, difference: f32, is_named: bool) -> Vec<ClassImages> {
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
                .map(|value| value + rng.random_range(-difference..difference));
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

fn settings(seed: u64) -> TrainSettings {
    TrainSettings {
        epochs: 12,
        validation_share: 0.3,
        seed,
        ..TrainSettings::default()
    }
}

/// Validation under the default split.
fn validate(classes: &[ClassImages], seed: u64) -> Evaluation {
    let (device, settings) = (Device::flex(), settings(seed));
    let trained = pollster::block_on(train(classes, FEATURES, &settings, &device, &Quiet));
    let validation = trained.expect("trains").outcome.validation;
    validation.expect("has held something back")
}

/// Validation under a random split that treats every frame as an independent image.
fn validate_naively(classes: &[ClassImages], seed: u64) -> Evaluation {
    let mut all = Examples::new(FEATURES);
    for (label, class) in classes.iter().enumerate() {
        for image in &class.train {
            all.push(image.id, &image.embedding, label);
        }
    }
    let (device, settings) = (Device::flex(), settings(seed));
    let alone: Vec<usize> = (0..all.len()).collect();
    let parts = split(&all.labels, &alone, 2, settings.validation_share, seed);
    let (learnt, held_back) = (all.subset(&parts.train), all.subset(&parts.validation));
    let fitted = fit(&learnt, &held_back, 2, &settings, &device, &Quiet);
    let head = pollster::block_on(fitted).expect("trains").head;
    let logits = pollster::block_on(logits(&head, &held_back, &device)).expect("predicts");
    evaluate(&logits, &held_back, 2, 1.0)
}

/// The number of images that are right and in total, over several draws.
fn count(draw: impl Fn(u64) -> Evaluation) -> [u32; 2] {
    let mut counts = [0, 0];
    for seed in 0..DRAWS {
        for verdict in draw(seed).verdicts {
            counts[0] += u32::from(verdict.actual == verdict.predicted);
            counts[1] += 1;
        }
    }
    counts
}

/// Frames of a recording are right or wrong together: there are only as many independent draws as recordings, not as images.
fn assert_chance([right, total]: [u32; 2]) {
    let frames = FRAMES as u32;
    let [low, high] = wilson(right.div_ceil(frames), total / frames);
    println!("{right} of {total}: {low:.3} to {high:.3}");
    assert!(total >= 400, "{total}");
    assert!(
        low <= 0.5 && 0.5 <= high,
        "{right} of {total}: {low} to {high}"
    );
}

#[test]
fn random_labels_of_recordings_cannot_be_predicted_under_the_default_split() {
    assert_chance(count(|seed| {
        validate(&recordings(seed, ALL_BUT_THE_SAME, true), seed)
    }));
}

#[test]
fn recordings_stay_together_although_their_frames_are_no_near_duplicates() {
    assert_chance(count(|seed| validate(&recordings(seed, ALIKE, true), seed)));
}

#[test]
fn near_duplicates_stay_together_although_no_recording_is_known() {
    assert_chance(count(|seed| {
        validate(&recordings(seed, ALL_BUT_THE_SAME, false), seed)
    }));
}

#[test]
fn a_naive_random_split_seems_to_predict_them() {
    for difference in [ALL_BUT_THE_SAME, ALIKE] {
        let [right, total] =
            count(|seed| validate_naively(&recordings(seed, difference, true), seed));
        println!("{right} of {total}");
        assert!(
            f64::from(right) / f64::from(total) > 0.9,
            "{right} of {total}"
        );
    }
}
