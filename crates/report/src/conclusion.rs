//! What an experiment found, in sentences that follow the numbers even where they contradict the textbook.

use headstart_project::{Experiment, Method};

use crate::text;

/// By how many standard errors two methods have to differ before one is called better.
/// By chance alone that happens about one time in twenty.
const CLEAR: f64 = 2.0;
/// The ratio of durations from which on it is mentioned.
const MUCH_SLOWER: f64 = 2.0;

/// How two methods compare on the same images.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// The first is better by this much.
    Better(f64),
    /// The first is worse by this much.
    Worse(f64),
    /// They differ by no more than chance explains.
    TooClose,
}

/// What the results so far say; empty while there is nothing to compare.
///
/// First whether pretraining helped, with the fewest and with all images; then how many images it saves; then whether fine-tuning added to it.
pub fn conclusion(experiment: &Experiment) -> String {
    let mut sentences = Vec::new();
    let pretrained = [Method::FineTuned, Method::Frozen];
    let untrained = [Method::Scratch, Method::RandomBackbone];
    let best = |of: [Method; 2], per_class| {
        let known = of.into_iter().filter_map(|method| {
            let summary = experiment.summary(method, per_class)?;
            Some((method, summary.mean))
        });
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let amounts = experiment.per_class.iter().copied();
    let both: Vec<Option<u32>> = amounts
        .filter(|&it| best(pretrained, it).is_some() && best(untrained, it).is_some())
        .collect();
    if let (Some(&few), Some(&many)) = (both.first(), both.last()) {
        let mut ends = vec![many];
        if few != many {
            ends.push(few);
        }
        for amount in ends {
            if let (Some(with), Some(without)) = (best(pretrained, amount), best(untrained, amount))
            {
                sentences.push(against_untrained(experiment, with, without, amount));
            }
        }
        sentences.extend(saved(experiment, &both, pretrained, untrained));
    }
    sentences.extend(tuning(experiment));
    sentences.extend(backbones(experiment));
    if !sentences.is_empty() && experiment.seeds.len() < 2 {
        sentences.push(
            "Each figure is from one run, so nobody can say how much of this is chance: add runs to find out."
                .to_owned(),
        );
    }
    sentences.join(" ")
}

fn against_untrained(
    experiment: &Experiment,
    (with, with_mean): (Method, f64),
    (without, without_mean): (Method, f64),
    amount: Option<u32>,
) -> String {
    let images = images(experiment, amount);
    let start = match without {
        Method::Scratch => "training from scratch",
        _ => "the same network with random weights",
    };
    let (high, low) = (text::percent(with_mean), text::percent(without_mean));
    match verdict(experiment, with, without, amount) {
        Verdict::Better(_) => format!(
            "With {images}, the pretrained network was right on {high} of the test images, {start} on {low}: what it had learnt from other pictures helped."
        ),
        Verdict::Worse(_) => format!(
            "With {images}, {start} was right on {low} of the test images and the pretrained network only on {high}: here pretraining did not help, which is not what the textbook says."
        ),
        Verdict::TooClose => format!(
            "With {images}, the pretrained network was right on {high} of the test images and {start} on {low}: the difference is within what chance can do."
        ),
    }
}

/// With how few images pretraining reaches what training without it reaches with all of them.
fn saved(
    experiment: &Experiment,
    amounts: &[Option<u32>],
    pretrained: [Method; 2],
    untrained: [Method; 2],
) -> Option<String> {
    let mean = |of: [Method; 2], amount| {
        let means = of
            .into_iter()
            .filter_map(|method| experiment.summary(method, amount));
        means.map(|summary| summary.mean).max_by(f64::total_cmp)
    };
    let (&last, fewer) = amounts.split_last()?;
    let goal = mean(untrained, last)?;
    let reached = |of, goal: f64| {
        let found = fewer.iter().find(|&&amount| mean(of, amount) >= Some(goal));
        found.copied().flatten()
    };
    let all = images(experiment, last);
    if let Some(enough) = reached(pretrained, goal) {
        let few = images(experiment, Some(enough));
        return Some(format!(
            "With {few} it was already as good as a network without pretraining with {all}."
        ));
    }
    let enough = reached(untrained, mean(pretrained, last)?)?;
    let few = images(experiment, Some(enough));
    Some(format!(
        "What the pretrained network reached with {all}, a network without pretraining reached with {few}."
    ))
}

/// Whether fine-tuning was better than the head alone, with all images.
fn tuning(experiment: &Experiment) -> Option<String> {
    let amounts = experiment.per_class.iter().rev().copied();
    let known = |method, amount| experiment.summary(method, amount);
    let amount = amounts.into_iter().find(|&amount| {
        known(Method::FineTuned, amount).is_some() && known(Method::Frozen, amount).is_some()
    })?;
    let images = images(experiment, amount);
    Some(
        match verdict(experiment, Method::FineTuned, Method::Frozen, amount) {
            Verdict::Better(by) => format!(
                "Fine-tuning the last blocks added {} with {images}.",
                crate::words::points(by)
            ),
            Verdict::Worse(by) => format!(
                "Fine-tuning the last blocks cost {} with {images}: the head alone was better.",
                crate::words::points(by)
            ),
            Verdict::TooClose => format!(
                "Whether fine-tuning the last blocks helps with {images} cannot be told from these runs."
            ),
        },
    )
}

/// Which backbone was best at the largest number of images that two or more of them were trained on, and what it costs.
fn backbones(experiment: &Experiment) -> Option<String> {
    let of = |amount: Option<u32>| -> Vec<(Method, f64, f64)> {
        let others = experiment.methods.iter().copied();
        let others = others.filter(|method| matches!(method, Method::On(_)));
        let mut found: Vec<_> = others
            .filter_map(|method| {
                let summary = experiment.summary(method, amount)?;
                Some((method, summary.mean, summary.elapsed_ms))
            })
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    };
    let amounts = experiment.per_class.iter().rev().copied();
    let amount = amounts.into_iter().find(|&amount| of(amount).len() > 1)?;
    let found = of(amount);
    let (&(best, high, best_ms), rest) = found.split_first()?;
    let (second, next, second_ms) = *rest.first()?;
    let images = images(experiment, amount);
    let (high, next) = (text::percent(high), text::percent(next));
    let first = match verdict(experiment, best, second, amount) {
        Verdict::Better(_) => format!(
            "With {images}, {} was best: right on {high} of the test images, and {} on {next}.",
            best.title(),
            second.title()
        ),
        Verdict::Worse(_) | Verdict::TooClose => format!(
            "With {images}, {} was right on {high} of the test images and {} on {next}: which of the two is better cannot be told from these runs.",
            best.title(),
            second.title()
        ),
    };
    let (slow, fast, times) = if best_ms > second_ms {
        (best, second, best_ms / second_ms.max(1.0))
    } else {
        (second, best, second_ms / best_ms.max(1.0))
    };
    if times < MUCH_SLOWER {
        return Some(first);
    }
    Some(format!(
        "{first} {} took {times:.0} times as long as {}.",
        slow.title(),
        fast.title()
    ))
}

/// `1 image a class`, `20 images a class`, `all images (up to 40 a class)`.
fn images(experiment: &Experiment, amount: Option<u32>) -> String {
    match amount {
        Some(count) => format!("{} a class", text::count(count as usize, "image")),
        None => format!("all images (up to {} a class)", experiment.most_per_class),
    }
}

/// Compares two methods on the runs that both have, seed by seed, because for a given seed both have the same training and test images.
///
/// The standard error has two parts: how much the difference varies between runs, and how much it would vary with other test images.
/// The second treats the test images as if each method had its own, which errs on the side of caution.
fn verdict(experiment: &Experiment, first: Method, second: Method, amount: Option<u32>) -> Verdict {
    let accuracies = |method| experiment.accuracies(method, amount);
    let pairs: Vec<(f64, f64)> = accuracies(first)
        .into_iter()
        .zip(accuracies(second))
        .filter_map(|(first, second)| first.zip(second))
        .collect();
    let runs = pairs.len() as f64;
    if pairs.is_empty() {
        return Verdict::TooClose;
    }
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / runs;
    let difference = mean(&|(first, second)| first - second);
    let squares = mean(&|(first, second)| (first - second - difference).powi(2)) * runs;
    // A single run says nothing about the spread between runs.
    let between_runs = squares / (runs - 1.0).max(1.0) / runs;
    let total = experiment.results.iter().map(|result| result.total).max();
    let total = f64::from(total.unwrap_or(1).max(1));
    let one = |share: f64| share * (1.0 - share) / total;
    let of_images = one(mean(&|pair| pair.0)) + one(mean(&|pair| pair.1));
    if difference.abs() <= CLEAR * (between_runs + of_images).sqrt() {
        Verdict::TooClose
    } else if difference > 0.0 {
        Verdict::Better(difference)
    } else {
        Verdict::Worse(-difference)
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{BackboneId, Cell, CellResult};

    use super::*;

    const TEST_IMAGES: u32 = 200;

    /// An experiment on 1, 5 and all 20 images, with the proportion that each method recognises; `spread` is alternately added and subtracted from run to run.
    fn experiment(runs: u64, spread: f64, of: [(Method, [f64; 3]); 4]) -> Experiment {
        let mut experiment = Experiment::new((0..runs).collect(), 20);
        experiment.per_class = vec![Some(1), Some(5), None];
        for cell in experiment.cells().collect::<Vec<Cell>>() {
            let at = experiment
                .per_class
                .iter()
                .position(|it| *it == cell.per_class);
            let (_, shares) = of
                .iter()
                .find(|(method, _)| *method == cell.method)
                .expect("given");
            // Out of step with the other methods.
            let place = Method::ALL.iter().position(|&method| method == cell.method);
            let turn = (cell.seed as usize + place.unwrap_or(0)).is_multiple_of(2);
            let share = shares[at.expect("planned")] + if turn { spread } else { -spread };
            experiment.results.push(CellResult {
                cell,
                right: (share.clamp(0.0, 1.0) * f64::from(TEST_IMAGES)).round() as u32,
                total: TEST_IMAGES,
                elapsed_ms: 1.0,
            });
        }
        experiment
    }

    fn with(scratch: [f64; 3], frozen: [f64; 3], tuned: [f64; 3]) -> [(Method, [f64; 3]); 4] {
        [
            (Method::Scratch, scratch),
            (Method::RandomBackbone, [0.1; 3]),
            (Method::Frozen, frozen),
            (Method::FineTuned, tuned),
        ]
    }

    #[test]
    fn it_says_that_pretraining_helped_and_how_many_images_it_saves() {
        let said = conclusion(&experiment(
            5,
            0.0,
            with([0.12, 0.2, 0.35], [0.4, 0.6, 0.8], [0.4, 0.6, 0.8]),
        ));
        assert_eq!(
            said,
            "With all images (up to 20 a class), the pretrained network was right on 80% of the test images, training from scratch on 35%: what it had learnt from other pictures helped. \
             With 1 image a class, the pretrained network was right on 40% of the test images, training from scratch on 12%: what it had learnt from other pictures helped. \
             With 1 image a class it was already as good as a network without pretraining with all images (up to 20 a class). \
             Whether fine-tuning the last blocks helps with all images (up to 20 a class) cannot be told from these runs."
        );
    }

    #[test]
    fn it_says_that_pretraining_did_not_help_where_it_did_not() {
        let said = conclusion(&experiment(
            5,
            0.0,
            with([0.5, 0.7, 0.9], [0.2, 0.3, 0.4], [0.2, 0.3, 0.4]),
        ));
        assert!(said.contains(
            "With all images (up to 20 a class), training from scratch was right on 90% of the test images and the pretrained network only on 40%: here pretraining did not help"
        ));
        assert!(said.contains("a network without pretraining reached with 1 image a class."));
        assert!(!said.contains("helped."));
    }

    #[test]
    fn it_can_help_with_few_images_and_not_with_many() {
        let said = conclusion(&experiment(
            5,
            0.0,
            with([0.2, 0.5, 0.9], [0.5, 0.6, 0.7], [0.5, 0.6, 0.7]),
        ));
        assert!(said.contains("With 1 image a class, the pretrained network was right on 50%"));
        assert!(said.contains("here pretraining did not help"));
    }

    #[test]
    fn it_does_not_claim_what_chance_can_do() {
        for (runs, spread) in [(5, 0.0), (3, 0.15)] {
            let said = conclusion(&experiment(
                runs,
                spread,
                with([0.3, 0.5, 0.60], [0.3, 0.5, 0.62], [0.3, 0.5, 0.62]),
            ));
            assert!(said.contains("within what chance can do"), "{said}");
            assert!(!said.contains("helped"), "{said}");
        }
    }

    #[test]
    fn a_large_spread_hides_what_a_small_one_shows() {
        let of = with([0.1; 3], [0.5, 0.6, 0.7], [0.5, 0.6, 0.82]);
        let sure = conclusion(&experiment(4, 0.0, of));
        assert!(sure.contains("Fine-tuning the last blocks added 12 percentage points"));
        let unsure = conclusion(&experiment(4, 0.12, of));
        assert!(
            unsure.contains("cannot be told from these runs"),
            "{unsure}"
        );
    }

    #[test]
    fn it_says_that_fine_tuning_cost_where_it_did() {
        let of = with([0.1; 3], [0.5, 0.6, 0.82], [0.5, 0.6, 0.7]);
        let said = conclusion(&experiment(4, 0.0, of));
        assert!(said.contains("cost 12 percentage points"), "{said}");
        assert!(said.contains("the head alone was better"));
    }

    #[test]
    fn one_run_is_called_one_run() {
        let of = with([0.1; 3], [0.5, 0.6, 0.7], [0.5, 0.6, 0.7]);
        assert!(conclusion(&experiment(1, 0.0, of)).contains("from one run"));
        assert!(!conclusion(&experiment(2, 0.0, of)).contains("from one run"));
    }

    #[test]
    fn there_is_nothing_to_say_without_results_and_half_a_plan_is_enough() {
        let empty = Experiment::new(vec![0, 1], 20);
        assert_eq!(conclusion(&empty), "");
        let of = with([0.1; 3], [0.5, 0.6, 0.7], [0.5, 0.6, 0.7]);
        let mut half = experiment(3, 0.0, of);
        half.results.truncate(4);
        let said = conclusion(&half);
        assert!(said.starts_with("With 1 image a class, the pretrained network"));
        assert!(!said.contains("all images"));
    }

    /// Two backbones and all 20 images; each figure comes from two runs.
    fn of_backbones(shares: [f64; 2], seconds: [f64; 2]) -> String {
        let ids = [BackboneId::EfficientNetLite0, BackboneId::ResNet50];
        let mut experiment = Experiment::over_backbones(&ids, vec![0, 1], 20);
        experiment.per_class = vec![None];
        for cell in experiment.cells().collect::<Vec<Cell>>() {
            let at = usize::from(cell.method == Method::On(BackboneId::ResNet50));
            experiment.results.push(CellResult {
                cell,
                right: (shares[at] * f64::from(TEST_IMAGES)).round() as u32,
                total: TEST_IMAGES,
                elapsed_ms: 1000.0 * seconds[at],
            });
        }
        conclusion(&experiment)
    }

    #[test]
    fn the_best_backbone_is_named_with_what_it_costs() {
        assert_eq!(
            of_backbones([0.6, 0.9], [1.0, 8.0]),
            "With all images (up to 20 a class), ResNet-50 was best: right on 90% of the test images, and EfficientNet-Lite0 on 60%. ResNet-50 took 8 times as long as EfficientNet-Lite0."
        );
        assert_eq!(
            of_backbones([0.9, 0.6], [1.0, 1.5]),
            "With all images (up to 20 a class), EfficientNet-Lite0 was best: right on 90% of the test images, and ResNet-50 on 60%."
        );
        let close = of_backbones([0.81, 0.82], [1.0, 1.0]);
        assert!(close.contains("cannot be told from these runs"), "{close}");
    }
}
