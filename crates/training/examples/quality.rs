//! What the methods are worth on real photographs. `cargo xtask bench quality` runs it.
//!
//! The first argument is a zip of photographs in class folders, with `train/` and `test/` above them; the second is a zip of other pictures.

mod support;

use std::path::PathBuf;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{AugmentSettings, BackboneId, TrainSettings};
use headstart_training::{
    ClassImages, Embedded, Examples, Familiarity, ScratchConfig, auroc, suspicions,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::photos::{self, Quiet};
use support::{
    Computed, Photos, accuracy, decode, fine_tuned, fine_tuned_deeper, pretrained,
    scratch_accuracy, spread, varied, varied_strongly,
};

/// The share of labels that are flipped, and the share of the ranking in which they are looked for.
const FLIPPED: f64 = 0.05;
const SEARCHED: f64 = 0.1;

fn main() {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let known = paths.next().unwrap_or_else(photos::clothing);
    let others = paths
        .next()
        .unwrap_or_else(|| photos::root().join("web/sample/sample.zip"));
    println!("Photographs: {}", known.display());
    println!("Others:      {}", others.display());
    let decoded = decode(&known);
    let (Some(known), Some(others), Some(decoded)) =
        (photos::load(&known), photos::load(&others), decoded)
    else {
        println!("One of the two files is not there, so nothing was measured.");
        std::process::exit(1);
    };
    unknown_images(&known, &others);
    left_out_classes(&known);
    flipped_labels(&known);
    ways_to_learn(&decoded);
}

fn train(classes: &[&ClassImages]) -> Examples {
    examples(classes, |class| &class.train)
}

fn examples<'a>(
    classes: &[&'a ClassImages],
    part: impl Fn(&'a ClassImages) -> &'a Vec<Embedded>,
) -> Examples {
    let mut examples = Examples::new(1280);
    for (label, class) in classes.iter().enumerate() {
        for image in part(class) {
            examples.push(image.id, &image.embedding, label);
        }
    }
    examples
}

fn scores(familiarity: &Familiarity, examples: &Examples) -> Vec<f32> {
    examples.rows().map(|row| familiarity.score(row)).collect()
}

fn share(values: &[f32], is_meant: impl Fn(f32) -> bool) -> f64 {
    values.iter().filter(|&&value| is_meant(value)).count() as f64 / values.len().max(1) as f64
}

fn unknown_images(known: &[ClassImages], others: &[ClassImages]) {
    let known: Vec<&ClassImages> = known.iter().collect();
    let learnt = train(&known);
    let familiarity = Familiarity::fit(&learnt, known.len());
    let known = scores(&familiarity, &examples(&known, |class| &class.test));
    let mut unknown = Vec::new();
    for class in others {
        let images = class.train.iter().chain(&class.test);
        unknown.extend(images.map(|image| familiarity.score(&image.embedding)));
    }
    let threshold = familiarity.threshold(&familiarity.leave_out(&learnt), &[]);
    println!("\nNone of these: other pictures as unknown");
    println!("  AUROC {:.4}", auroc(&known, &unknown));
    println!(
        "  at the default threshold {:.1} % of the known test images are accepted and {:.1} % of the others turned away",
        100.0 * share(&known, |score| score >= threshold),
        100.0 * share(&unknown, |score| score < threshold)
    );
}

fn left_out_classes(classes: &[ClassImages]) {
    println!(
        "\nNone of these: each class left out in turn as the unknown, its test images alone, and with its training images"
    );
    let (mut strict, mut whole) = (Vec::new(), Vec::new());
    for (left_out, hidden) in classes.iter().enumerate() {
        let others = classes.iter().enumerate().filter(|(at, _)| *at != left_out);
        let others: Vec<&ClassImages> = others.map(|(_, class)| class).collect();
        let familiarity = Familiarity::fit(&train(&others), others.len());
        let known = scores(&familiarity, &examples(&others, |class| &class.test));
        let test = scores(&familiarity, &examples(&[hidden], |class| &class.test));
        let mut all = scores(&familiarity, &train(&[hidden]));
        all.extend(&test);
        strict.push(auroc(&known, &test));
        whole.push(auroc(&known, &all));
        println!(
            "  {:<12} AUROC {:.4}  {:.4}",
            hidden.name,
            auroc(&known, &test),
            auroc(&known, &all)
        );
    }
    println!(
        "  {:<12} AUROC {:.4}  {:.4}",
        "mean",
        mean(&strict),
        mean(&whole)
    );
}

fn flipped_labels(classes: &[ClassImages]) {
    let classes: Vec<&ClassImages> = classes.iter().collect();
    let clean = train(&classes);
    let rows: Vec<&[f32]> = clean.rows().collect();
    let groups: Vec<usize> = (0..rows.len()).collect();
    let flips = (rows.len() as f64 * FLIPPED).round() as usize;
    let searched = (rows.len() as f64 * SEARCHED).round() as usize;
    println!(
        "\nData doctor: {flips} of {} labels flipped, the {searched} most suspect searched",
        rows.len()
    );
    let mut found = Vec::new();
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = groups.clone();
        order.shuffle(&mut rng);
        let flipped = &order[..flips];
        let mut labels = clean.labels.clone();
        for &image in flipped {
            let step = rng.random_range(1..classes.len());
            labels[image] = (labels[image] + step) % classes.len();
        }
        let ranked = suspicions(&rows, &labels, &groups, classes.len(), &Quiet);
        let Ok(ranked) = pollster::block_on(ranked) else {
            continue;
        };
        let hits = ranked[..searched]
            .iter()
            .filter(|found| flipped.contains(&found.image));
        found.push(hits.count() as f64 / flips as f64);
    }
    println!(
        "  found, seeds 0 to 4: {:.3} (each {:?})",
        mean(&found[..5]),
        &found[..5]
    );
    println!("  found, seeds 0 to 19: {:.3}", mean(&found));
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The head alone, fine-tuning and the baselines on all images, and what augmentation adds. The settings are fixed; the seeds change the split, the weights and the order.
fn ways_to_learn(photos: &Photos) {
    let device = Device::flex();
    let backbone = pretrained(&device);
    let augmented = |settings: TrainSettings, augmentation| TrainSettings {
        augmentation,
        ..settings
    };
    println!("\nWays to learn: all training images, test accuracy over seeds 0 to 4");
    let tuned = fine_tuned();
    let blocks = tuned.fine_tuning.blocks as usize;
    let known = Computed::new(photos, &backbone, blocks, &varied(), 0);
    println!("  {:.0} ms an image for what is frozen", known.frozen_ms);
    for (title, settings) in [
        ("head alone", TrainSettings::default()),
        (
            "head alone, varied images",
            augmented(TrainSettings::default(), varied()),
        ),
        ("fine-tuned", tuned),
    ] {
        measure(title, &settings, photos, &known, &backbone);
    }
    let deeper = augmented(fine_tuned_deeper(), varied_strongly());
    let blocks = deeper.fine_tuning.blocks as usize;
    let known = Computed::new(photos, &backbone, blocks, &deeper.augmentation, 0);
    measure(
        "fine-tuned deeper, strongly varied images",
        &deeper,
        photos,
        &known,
        &backbone,
    );
    let mut shares = Vec::new();
    for seed in 0..5 {
        let random = Backbone::random(BackboneId::EfficientNetLite0, seed, &device);
        let known = Computed::new(photos, &random, 0, &AugmentSettings::default(), 0);
        let settings = TrainSettings {
            seed,
            ..TrainSettings::default()
        };
        let classes = known.classes(photos, None, None, seed);
        shares.push(accuracy(&classes, &known, &random, &settings).0);
    }
    println!("  random backbone: {}", spread(&shares));
    let config = ScratchConfig::new(photos.classes.len());
    let shares: Vec<f64> = (0..5)
        .map(|seed| scratch_accuracy(photos, None, &config.clone().with_seed(seed)))
        .collect();
    println!("  from scratch: {}", spread(&shares));
}

/// Prints the share of the test images that a method recognises over the seeds, with its settings and its time.
fn measure(
    title: &str,
    settings: &TrainSettings,
    photos: &Photos,
    known: &Computed,
    backbone: &Backbone,
) {
    let (mut shares, mut seconds) = (Vec::new(), 0.0);
    for seed in 0..5 {
        let settings = TrainSettings {
            seed,
            ..settings.clone()
        };
        let classes = known.classes(photos, None, None, seed);
        let (share, _, elapsed) = accuracy(&classes, known, backbone, &settings);
        shares.push(share);
        seconds += elapsed / 5.0;
    }
    println!("  {title}: {}, {seconds:.0} s a run", spread(&shares));
    if settings.augmentation.copies > 0 {
        println!("    {:?}", settings.augmentation);
    }
    if settings.fine_tuning.blocks > 0 {
        println!("    {:?}", settings.fine_tuning);
    }
}
