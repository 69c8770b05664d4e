//! Not committed: tries settings on held-out training images.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, dead_code)]
mod support;
use burn::tensor::Device;
use headstart_project::*;
use support::*;

fn main() {
    let all = decode(&support::photos::clothing()).expect("data");
    println!("decoded {}", all.photos.len());
    let backbone = pretrained(&Device::flex());
    for config in std::env::args().skip(1) {
        let mut s = TrainSettings::default();
        let mut seeds = 5u64;
        let mut test = false;
        let mut n: Option<u32> = None;
        let mut reseed = false;
        for pair in config.split(',') {
            let (k, v) = pair.split_once('=').unwrap();
            let f: f64 = v.parse().unwrap();
            match k {
                "k" => s.fine_tuning.blocks = f as u32,
                "lr" => s.fine_tuning.learning_rate = f,
                "decay" => s.fine_tuning.rate_decay = f,
                "ep" => s.fine_tuning.epochs = f as u32,
                "wd" => s.fine_tuning.weight_decay = f,
                "warm" => s.fine_tuning.warm_up = f,
                "pat" => s.fine_tuning.patience = f as u32,
                "const" => s.fine_tuning.schedule = Schedule::Constant,
                "bs" => s.batch_size = f as u32,
                "hep" => s.epochs = f as u32,
                "hidden" => s.hidden_units = f as u32,
                "drop" => s.dropout = f,
                "val" => s.validation_share = f,
                "copies" => s.augmentation.copies = f as u32,
                "flip" => s.augmentation.flip = f > 0.0,
                "crop" => s.augmentation.crop = f,
                "rot" => s.augmentation.rotation_degrees = f,
                "color" => {
                    s.augmentation.brightness = f;
                    s.augmentation.contrast = f;
                    s.augmentation.saturation = f;
                }
                "erase" => s.augmentation.erase = f,
                "mixup" => s.augmentation.mixup = f,
                "seeds" => seeds = f as u64,
                "test" => test = f > 0.0,
                "n" => n = Some(f as u32),
                "reseed" => reseed = f > 0.0,
                _ => panic!("{k}"),
            }
        }
        let k = s.fine_tuning.blocks as usize;
        let start = std::time::Instant::now();
        let mut computed = Computed::new(&all, &backbone, k, &s.augmentation, 0);
        let frozen_s = start.elapsed().as_secs_f64();
        let (mut a, mut b, mut best, mut secs) = (vec![], vec![], vec![], vec![]);
        for seed in 0..seeds {
            if reseed && seed > 0 {
                computed = Computed::new(&all, &backbone, k, &s.augmentation, seed);
            }
            s.seed = seed;
            let classes = computed.classes(&all, n, (!test).then_some(8), seed);
            let frozen = TrainSettings {
                fine_tuning: FineTuneSettings::default(),
                augmentation: AugmentSettings::default(),
                ..s.clone()
            };
            a.push(accuracy(&classes, &computed, &backbone, &frozen).0);
            let (x, e, t) = accuracy(&classes, &computed, &backbone, &s);
            b.push(x);
            best.push(e);
            secs.push(t);
        }
        println!(
            "{config}\n  frozen {}\n  this   {}  best {best:?} secs {:.1} frozen part {frozen_s:.0} s",
            spread(&a),
            spread(&b),
            secs.iter().sum::<f64>() / secs.len() as f64
        );
    }
}
