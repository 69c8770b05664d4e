//! What figures mean, in sentences that the page and the report share.

use headstart_project::{
    Baselines, Calibration, ClassProblem, Experiment, MeasuredOn, Method, Reliability,
    ReliabilityBin, UnknownsRecord, wilson,
};

use crate::text;

/// With fewer images than this, a figure is called uncertain.
const FEW: u32 = 100;
/// The gaps between confidence and accuracy up to which the model can be taken at its word, and from which on it cannot.
const CLOSE: f64 = 0.05;
const FAR: f64 = 0.15;
/// Temperatures this close to 1 change nothing that anyone would notice.
const NO_CHANGE: f64 = 0.05;

/// `test` or `validation`.
pub const fn kind(part: MeasuredOn) -> &'static str {
    match part {
        MeasuredOn::Test => "test",
        MeasuredOn::Validation => "validation",
    }
}

/// The number of images per class, as shown in an experiment's charts and tables.
pub fn amount(experiment: &Experiment, amount: Option<u32>) -> String {
    match amount {
        Some(count) => count.to_string(),
        None => format!("all ({})", experiment.most_per_class),
    }
}

/// What one method achieved with that many images, with the spread if there are several runs.
pub fn reached(experiment: &Experiment, method: Method, amount: Option<u32>) -> String {
    match experiment.summary(method, amount) {
        Some(summary) if summary.runs > 1 => format!(
            "{} ± {}",
            text::percent(summary.mean),
            text::percent(summary.deviation)
        ),
        Some(summary) => text::percent(summary.mean),
        None => "–".to_owned(),
    }
}

/// `20 test images`.
pub fn images(count: u32, part: MeasuredOn) -> String {
    text::count(count as usize, &format!("{} image", kind(part)))
}

/// `62% to 94%`, the range of the true accuracy.
pub fn range(right: u32, total: u32) -> String {
    let [low, high] = wilson(right, total);
    format!("{} to {}", text::whole(low), text::whole(high))
}

/// What this many images can say about all others.
pub fn interval(right: u32, total: u32, part: MeasuredOn) -> String {
    let [low, high] = wilson(right, total).map(text::whole);
    let (images, kind) = (images(total, part), kind(part));
    if total < FEW {
        format!(
            "With {images} the true figure may be anywhere between {low} and {high}. More {kind} images make this range narrower."
        )
    } else {
        format!("With {images} the true figure most likely lies between {low} and {high}.")
    }
}

/// How many images were not recognised.
pub fn mistaken(right: u32, total: u32, part: MeasuredOn) -> String {
    let images = images(total, part);
    match total.saturating_sub(right) {
        0 => format!("All {images} were recognised correctly."),
        1 => format!("1 of {images} was taken for something else."),
        wrong => format!("{wrong} of {images} were taken for something else."),
    }
}

/// `87% sure`.
pub fn sure(confidence: f32) -> String {
    format!("{} sure", text::whole(f64::from(confidence)))
}

/// What a reliability diagram was measured on.
pub fn measured(part: MeasuredOn, diagram: &Reliability) -> String {
    let total: u32 = diagram.bins.iter().map(|bin| bin.count).sum();
    let images = images(total, part);
    if total < FEW {
        format!("Measured on {images}, which is few: take it as a rough guess.")
    } else {
        format!("Measured on {images}.")
    }
}

/// What the expected calibration error means.
pub fn calibration(diagram: &Reliability) -> String {
    let distance = format!(
        "On average, how sure it is and how often it is right are {} apart",
        points(diagram.error)
    );
    // Positive if it promises more than it keeps.
    let excess: f64 = diagram
        .bins
        .iter()
        .map(|bin| f64::from(bin.count) * (bin.confidence - bin.accuracy))
        .sum();
    let advice = match diagram.error {
        error if error <= CLOSE => "you can take its word",
        error if error < FAR && excess > 0.0 => "it is a little surer than it should be",
        error if error < FAR => "it is a little too modest",
        _ if excess > 0.0 => "do not take its word, it is much surer than it should be",
        _ => "do not take its word, it is much too modest",
    };
    format!("{distance}: {advice}.")
}

/// What temperature scaling did; follows the words “Its temperature”.
pub fn temperature(calibration: &Calibration) -> String {
    let temperature = calibration.temperature;
    let (before, after) = (calibration.before.error, calibration.after.error);
    let (from, to) = (points(before), points(after));
    let change = if after < before {
        format!("That took the distance from {from} to {to}.")
    } else {
        format!("On the images here that did not help: the distance was {from} before.")
    };
    if (temperature - 1.0).abs() < NO_CHANGE {
        format!(" is {temperature:.2}, so its answers were left nearly as they were.")
    } else if temperature > 1.0 {
        format!(
            " is {temperature:.2}: on the validation images it was too sure of itself, so its answers were made more modest. {change}"
        )
    } else {
        format!(
            " is {temperature:.2}: on the validation images it was too modest, so its answers were made surer. {change}"
        )
    }
}

/// `6 percentage points`.
pub fn points(share: f64) -> String {
    match share * 100.0 {
        points if points < 0.95 => format!("{points:.1} percentage points"),
        points if points < 1.5 => "1 percentage point".to_owned(),
        points => format!("{points:.0} percentage points"),
    }
}

/// The bins that contain images, with their positions.
pub fn filled(diagram: &Reliability) -> impl Iterator<Item = (usize, &ReliabilityBin)> {
    let bins = diagram.bins.iter().enumerate();
    bins.filter(|(_, bin)| bin.count > 0)
}

/// The range of confidences in a bin: `80–90%`.
pub fn bounds(at: usize) -> String {
    format!("{}–{}%", at * 10, (at + 1) * 10)
}

/// A reliability diagram in words, for those who cannot see it.
pub fn reliability(diagram: &Reliability) -> String {
    let bins: Vec<_> = filled(diagram)
        .map(|(at, bin)| {
            let images = text::count(bin.count as usize, "image");
            let right = text::whole(bin.accuracy);
            format!("{images} it was {} sure of: {right} right", bounds(at))
        })
        .collect();
    format!("How sure against how often right. {}.", bins.join("; "))
}

/// Whether the model is worth having.
pub fn baselines(accuracy: f64, baselines: &Baselines) -> String {
    let ahead = |than: f64| points((accuracy - than).abs());
    let vote = baselines.nearest_neighbours;
    if accuracy <= baselines.largest_class {
        return "It is no better than always naming the largest class: it has not learnt anything useful yet. Add images, and check that the classes can be told apart by eye.".to_owned();
    }
    let beyond_guessing = format!(
        "It is ahead of always naming the largest class by {}",
        ahead(baselines.largest_class)
    );
    let beyond_vote = if (accuracy - vote).abs() < 0.005 {
        "as good as a vote of the most similar images".to_owned()
    } else if accuracy > vote {
        format!(
            "ahead of a vote of the most similar images by {}",
            ahead(vote)
        )
    } else {
        format!(
            "behind a vote of the most similar images by {}, so longer training or other settings may help",
            ahead(vote)
        )
    };
    format!("{beyond_guessing}, and {beyond_vote}.")
}

/// What the area under the ROC curve of known against unknown images means.
pub fn auroc(auroc: f64) -> String {
    let verdict = match auroc {
        auroc if auroc >= 0.95 => "That is nearly perfect",
        auroc if auroc >= 0.85 => "That is good",
        auroc if auroc >= 0.7 => "That helps, but expect mistakes",
        _ => {
            "That is hardly better than guessing: your classes are so alike that a new thing looks like one of them"
        }
    };
    format!(
        "Take one known image and one whose class is hidden: in {:.0} of 100 such pairs the known one is the more familiar (AUROC {auroc:.3}). {verdict}. Guessing gives 50.",
        auroc * 100.0
    )
}

/// What the threshold of “None of these” does.
pub fn threshold(unknowns: &UnknownsRecord) -> String {
    if unknowns.threshold_in_use == f32::MIN {
        return "“None of these” is switched off: nothing is turned away.".to_owned();
    }
    let share = |count: u32, of: u32| text::whole(f64::from(count) / f64::from(of.max(1)));
    format!(
        "The line that was drawn keeps {} of known images and turns away {} of those with a hidden class.",
        share(unknowns.known_kept, unknowns.known),
        share(unknowns.hidden_turned_away, unknowns.hidden)
    )
}

/// How much the folds of a cross-validation agree.
pub fn folds(folds: &[f64], right: u32, total: u32, elapsed_ms: f64) -> String {
    let images = text::count(total as usize, "image");
    let least = folds.iter().copied().fold(1.0, f64::min);
    let most = folds.iter().copied().fold(0.0, f64::max);
    let spread = if least == most {
        format!("all {} models reached the same", folds.len())
    } else {
        format!(
            "each dot is one model: the worst reached {}, the best {}",
            text::whole(least),
            text::whole(most)
        )
    };
    format!(
        "Of {images}, each predicted once by a model that had not seen it, {} were recognised; {spread}. It took {}.",
        text::grouped(u64::from(right)),
        text::duration(elapsed_ms)
    )
}

/// What is wrong with a class.
pub fn class_problem(name: &str, problem: ClassProblem) -> String {
    match problem {
        ClassProblem::TooFew => format!("{name} has few images to learn from."),
        ClassProblem::FarSmaller => format!("{name} has far fewer images than the largest class."),
        ClassProblem::OneRecording => format!(
            "All images of {name} are from one recording, so the model cannot know what else it may look like."
        ),
        ClassProblem::AllDark => format!(
            "Nearly all images of {name} are dark, and those of the other classes are not: the model may learn the light instead."
        ),
        ClassProblem::AllBright => format!(
            "Nearly all images of {name} are very bright, and those of the other classes are not: the model may learn the light instead."
        ),
        ClassProblem::AllBlurred => format!(
            "Nearly all images of {name} are blurred, and those of the other classes are not: the model may learn the blur instead."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagram(error: f64, confidence: f64, accuracy: f64) -> Reliability {
        Reliability {
            error,
            bins: vec![ReliabilityBin {
                count: 10,
                confidence,
                accuracy,
            }],
        }
    }

    #[test]
    fn few_images_are_said_to_be_few() {
        assert_eq!(
            interval(17, 20, MeasuredOn::Test),
            "With 20 test images the true figure may be anywhere between 64% and 95%. More test images make this range narrower."
        );
        let many = interval(160, 200, MeasuredOn::Test);
        assert!(many.contains("most likely lies between 74% and 85%"));
        assert!(interval(1, 1, MeasuredOn::Validation).starts_with("With 1 validation image the"));
        assert_eq!(range(17, 20), "64% to 95%");
    }

    #[test]
    fn mistakes_are_counted() {
        let words = |right| mistaken(right, 20, MeasuredOn::Test);
        assert_eq!(words(20), "All 20 test images were recognised correctly.");
        assert_eq!(
            words(19),
            "1 of 20 test images was taken for something else."
        );
        assert_eq!(
            words(0),
            "20 of 20 test images were taken for something else."
        );
    }

    #[test]
    fn words_follow_the_distance_and_its_side() {
        assert!(calibration(&diagram(0.02, 0.9, 0.92)).ends_with("you can take its word."));
        assert!(calibration(&diagram(0.1, 0.9, 0.8)).contains("surer than it should be"));
        assert!(calibration(&diagram(0.1, 0.8, 0.9)).contains("too modest"));
        assert!(calibration(&diagram(0.3, 0.9, 0.6)).contains("do not take its word"));
    }

    #[test]
    fn a_temperature_that_did_not_help_here_is_not_praised() {
        let mut calibration = Calibration {
            temperature: 0.8,
            measured_on: MeasuredOn::Test,
            before: diagram(0.05, 0.9, 0.85),
            after: diagram(0.06, 0.9, 0.84),
        };
        assert!(temperature(&calibration).contains("did not help"));
        calibration.after.error = 0.02;
        assert!(temperature(&calibration).contains("from 5 percentage points to 2"));
        calibration.temperature = 1.01;
        assert!(temperature(&calibration).contains("nearly as they were"));
    }

    #[test]
    fn distances_are_rounded_for_people() {
        assert_eq!(points(0.061), "6 percentage points");
        assert_eq!(points(0.01), "1 percentage point");
        assert_eq!(points(0.004), "0.4 percentage points");
    }

    #[test]
    fn a_model_that_only_guesses_is_told_so() {
        let simple = Baselines {
            measured_on: MeasuredOn::Test,
            largest_class: 0.5,
            nearest_neighbours: 0.8,
            neighbours: 5,
        };
        assert!(baselines(0.5, &simple).contains("not learnt anything"));
        assert!(baselines(0.9, &simple).contains("by 40 percentage points"));
        assert!(baselines(0.7, &simple).contains("behind a vote"));
        assert!(baselines(0.8, &simple).contains("as good as a vote"));
    }

    #[test]
    fn the_threshold_s_effect_is_told_in_figures() {
        let mut unknowns = UnknownsRecord {
            threshold: 0.5,
            threshold_in_use: 0.5,
            measured_on: MeasuredOn::Validation,
            known: 4,
            known_kept: 3,
            hidden: 3,
            hidden_turned_away: 1,
            auroc: 0.75,
        };
        assert!(threshold(&unknowns).contains("keeps 75% of known images and turns away 33%"));
        assert!(auroc(unknowns.auroc).contains("in 75 of 100"));
        unknowns.threshold_in_use = f32::MIN;
        assert!(threshold(&unknowns).contains("switched off"));
    }

    #[test]
    fn a_diagram_is_told_bin_by_bin() {
        let mut two = diagram(0.1, 0.05, 0.0);
        two.bins.push(ReliabilityBin::default());
        assert_eq!(
            reliability(&two),
            "How sure against how often right. 10 images it was 0–10% sure of: 0% right."
        );
    }
}
