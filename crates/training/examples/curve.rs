//! The learning curves of all four methods on real photographs, as tables. `cargo xtask bench quality --curve` runs it.
//!
//! The first argument is a zip of photographs in class folders, with `train/` and `test/` above them; the second is the number of seeds, five by default; the third is the first seed, since five take more than an hour and can be divided among several runs; the fourth is a single method, such as `FineTuned`.

mod support;

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_project::{BackboneId, Cell, CellResult, Experiment, Method, Part, TrainSettings};
use headstart_report::conclusion;
use headstart_training::{ScratchConfig, compare};
use support::photos::{self, Quiet};
use support::{Computed, Photos, accuracy, decode, pretrained, scratch_accuracy};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments
        .next()
        .map_or_else(photos::clothing, PathBuf::from);
    let mut number = || arguments.next().and_then(|it| it.to_str()?.parse().ok());
    let seeds: u64 = number().unwrap_or(5);
    let first: u64 = number().unwrap_or(0);
    let only = arguments.next();
    println!("Photographs: {}", path.display());
    let Some(all) = decode(&path) else {
        println!("The file is not there, so nothing was measured.");
        std::process::exit(1);
    };
    let settings = support::fine_tuned();
    println!("Fine-tuning: {:?}", settings.fine_tuning);
    println!("Augmentation: {:?}\n", settings.augmentation);
    let backbone = pretrained(&Device::flex());
    let blocks = settings.fine_tuning.blocks as usize;
    let known = Computed::new(&all, &backbone, blocks, &settings.augmentation, 0);
    let most = (0..all.classes.len())
        .map(|class| {
            let own = all.photos.iter();
            own.filter(|it| (it.class, it.part) == (class, Part::Train))
                .count()
        })
        .max();
    let mut experiment =
        Experiment::new((first..first + seeds).collect(), most.unwrap_or(0) as u32);
    if let Some(only) = only.as_ref().and_then(|it| it.to_str()) {
        experiment
            .methods
            .retain(|method| format!("{method:?}") == only);
    }
    let run = async |cell: Cell| Ok(run(cell, &all, &backbone, &known, &settings));
    let found = |experiment: &Experiment| {
        if let Some(result) = experiment.results.last() {
            println!(
                "{:?} seed {}: {} of {}, {:.1} s",
                (result.cell.method, result.cell.per_class),
                result.cell.seed,
                result.right,
                result.total,
                result.elapsed_ms / 1000.0
            );
        }
    };
    let done = pollster::block_on(compare(&mut experiment, &Quiet, run, found));
    if let Err(reason) = done {
        println!("It ended early: {reason:?}");
    }
    table(&experiment);
}

fn run(
    cell: Cell,
    all: &Photos,
    backbone: &Backbone,
    known: &Computed,
    fine_tuned: &TrainSettings,
) -> CellResult {
    let total = all.photos.iter().filter(|it| it.part == Part::Test).count();
    let tuned = TrainSettings {
        seed: cell.seed,
        ..fine_tuned.clone()
    };
    let frozen = TrainSettings {
        seed: cell.seed,
        ..TrainSettings::default()
    };
    let start = Instant::now();
    let share = match cell.method {
        Method::Scratch => {
            let config = ScratchConfig::new(all.classes.len()).with_seed(cell.seed);
            scratch_accuracy(all, cell.per_class, &config)
        }
        Method::RandomBackbone => {
            let backbone =
                Backbone::random(BackboneId::EfficientNetLite0, cell.seed, &Device::flex());
            let none = frozen.augmentation.clone();
            let random = Computed::new(all, &backbone, 0, &none, 0);
            let classes = random.classes(all, cell.per_class, None, cell.seed);
            accuracy(&classes, &random, &backbone, &frozen).0
        }
        // Other backbones are not part of this experiment: `backbones.rs` measures them.
        Method::Frozen | Method::FineTuned | Method::On(_) => {
            let classes = known.classes(all, cell.per_class, None, cell.seed);
            let settings = match cell.method {
                Method::FineTuned => &tuned,
                _ => &frozen,
            };
            accuracy(&classes, known, backbone, settings).0
        }
    };
    CellResult {
        cell,
        right: (share * total as f64).round() as u32,
        total: total as u32,
        elapsed_ms: start.elapsed().as_secs_f64() * 1000.0,
    }
}

/// The means as a Markdown table, and the conclusions from them.
fn table(experiment: &Experiment) {
    let amount = |it: &Option<u32>| match it {
        Some(count) => count.to_string(),
        None => format!("all ({})", experiment.most_per_class),
    };
    let amounts: Vec<String> = experiment.per_class.iter().map(amount).collect();
    for (title, is_time) in [("images a class", false), ("seconds of training", true)] {
        println!("\n| {title} | {} |", amounts.join(" | "));
        println!("|---|{}", "--:|".repeat(amounts.len()));
        for &method in &experiment.methods {
            let cells = experiment.per_class.iter().map(|&amount| {
                match experiment.summary(method, amount) {
                    Some(it) if is_time => format!("{:.1}", it.elapsed_ms / 1000.0),
                    Some(it) => {
                        format!("{:.1} ± {:.1}", 100.0 * it.mean, 100.0 * it.deviation)
                    }
                    None => "–".to_owned(),
                }
            });
            let cells: Vec<String> = cells.collect();
            println!("| {} | {} |", method.title(), cells.join(" | "));
        }
    }
    println!("\n{}", conclusion(experiment));
}
