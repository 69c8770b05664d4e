//! Whether the model is right as often as it says, and whether it beats far simpler methods.

use headstart_project::{Baselines, Calibration, MeasuredOn, Reliability};
use yew::prelude::*;

use super::part_choice::kind;
use super::reliability::ReliabilityDiagram;
use super::term::Term;
use crate::glossary::Word;
use crate::state::run::Results;
use crate::text;

/// Distances between confidence and accuracy up to which one can take the model's word, and from which on one cannot.
const CLOSE: f64 = 0.05;
const FAR: f64 = 0.15;
/// Images below which the diagram mostly shows chance.
const FEW: u32 = 100;
/// Temperatures this near 1 change nothing that anyone would see.
const NO_CHANGE: f64 = 0.05;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub results: Results,
}

#[component]
pub fn Trust(props: &Props) -> Html {
    let outcome = &props.results.outcome;
    html! {
        <>
            <p class="panel-lead">
                { "A model also says how sure it is, and " }<Term word={Word::Calibration} />
                { " tells whether it is right as often as it says. " }<Term word={Word::Baseline} text="Baselines" />
                { " are far simpler methods: a model is only worth having if it beats them." }
            </p>
            <div class="panel-columns">
                if let Some(calibration) = &outcome.calibration {
                    { calibrated(calibration) }
                }
                if let Some(baselines) = &outcome.baselines {
                    { compared(baselines, &props.results) }
                }
            </div>
            if outcome.calibration.is_none() && outcome.baselines.is_none() {
                <p>{ "Both need images that the model has not learnt from. Keep some for testing, or set a validation share in the settings, and train again." }</p>
            }
        </>
    }
}

fn calibrated(calibration: &Calibration) -> Html {
    html! {
        <div class="panel-column">
            <h3>{ "Is it right as often as it says?" }</h3>
            <p class="verdict">{ calibration_words(&calibration.after) }</p>
            <ReliabilityDiagram before={calibration.before.clone()} after={calibration.after.clone()} />
            <p>{ "Its " }<Term word={Word::Temperature} />{ temperature_words(calibration) }</p>
            <p class="hint">
                { measured(calibration.measured_on, &calibration.after) }
                if calibration.measured_on == MeasuredOn::Validation {
                    { " The temperature was chosen on the same images, so this is a little too good." }
                }
            </p>
        </div>
    }
}

fn measured(on: MeasuredOn, diagram: &Reliability) -> String {
    let total: u32 = diagram.bins.iter().map(|bin| bin.count).sum();
    let images = text::count(total as usize, &format!("{} image", kind(on)));
    if total < FEW {
        format!("Measured on {images}, which is few: take it as a rough guess.")
    } else {
        format!("Measured on {images}.")
    }
}

/// What the expected calibration error means.
fn calibration_words(diagram: &Reliability) -> String {
    let distance = format!(
        "On average, how sure it is and how often it is right are {} apart",
        points(diagram.error)
    );
    // Above zero where it promises more than it keeps.
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

/// What stands after “Its temperature”.
fn temperature_words(calibration: &Calibration) -> String {
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
fn points(share: f64) -> String {
    match share * 100.0 {
        points if points < 0.95 => format!("{points:.1} percentage points"),
        points if points < 1.5 => "1 percentage point".to_owned(),
        points => format!("{points:.0} percentage points"),
    }
}

fn compared(baselines: &Baselines, results: &Results) -> Html {
    let Some(evaluation) = results.evaluation(baselines.measured_on) else {
        return Html::default();
    };
    let accuracy = evaluation.accuracy;
    let bars = [
        ("Your model", accuracy, true),
        (
            "The most similar images vote",
            baselines.nearest_neighbours,
            false,
        ),
        ("Always the largest class", baselines.largest_class, false),
    ];
    html! {
        <div class="panel-column">
            <h3>{ "Is it better than something simple?" }</h3>
            <p class="verdict">{ baseline_words(accuracy, baselines) }</p>
            <ul class="bars" role="list" aria-label="Accuracy of the model and of the baselines">
                { for bars.into_iter().map(|(name, share, is_model)| html! {
                    <li class={is_model.then_some("is-model")} style={format!("--value: {share:.4}")}>
                        <span>{ name }</span><b>{ text::percent(share) }</b><span class="bar" aria-hidden="true"></span>
                    </li>
                }) }
            </ul>
            <p class="hint">
                { "The vote: by the same " }<Term word={Word::Embedding} text="embeddings" />
                { format!(" the {} ", baselines.neighbours) }<Term word={Word::NearestNeighbours} />
                { " give each image its class. All three are measured on " }
                { text::count(evaluation.verdicts.len(), &format!("{} image", kind(baselines.measured_on))) }{ "." }
            </p>
        </div>
    }
}

fn baseline_words(accuracy: f64, baselines: &Baselines) -> String {
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

#[cfg(test)]
mod tests {
    use headstart_project::ReliabilityBin;

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
    fn words_follow_the_distance_and_its_side() {
        assert!(calibration_words(&diagram(0.02, 0.9, 0.92)).ends_with("you can take its word."));
        assert!(calibration_words(&diagram(0.1, 0.9, 0.8)).contains("surer than it should be"));
        assert!(calibration_words(&diagram(0.1, 0.8, 0.9)).contains("too modest"));
        assert!(calibration_words(&diagram(0.3, 0.9, 0.6)).contains("do not take its word"));
    }

    #[test]
    fn a_temperature_that_did_not_help_here_is_not_praised() {
        let mut calibration = Calibration {
            temperature: 0.8,
            measured_on: MeasuredOn::Test,
            before: diagram(0.05, 0.9, 0.85),
            after: diagram(0.06, 0.9, 0.84),
        };
        assert!(temperature_words(&calibration).contains("did not help"));
        calibration.after.error = 0.02;
        assert!(temperature_words(&calibration).contains("from 5 percentage points to 2"));
        calibration.temperature = 1.01;
        assert!(temperature_words(&calibration).contains("nearly as they were"));
    }

    #[test]
    fn distances_are_rounded_for_people() {
        assert_eq!(points(0.061), "6 percentage points");
        assert_eq!(points(0.01), "1 percentage point");
        assert_eq!(points(0.004), "0.4 percentage points");
    }

    #[test]
    fn a_model_that_only_guesses_is_told_so() {
        let baselines = Baselines {
            measured_on: MeasuredOn::Test,
            largest_class: 0.5,
            nearest_neighbours: 0.8,
            neighbours: 5,
        };
        assert!(baseline_words(0.5, &baselines).contains("not learnt anything"));
        assert!(baseline_words(0.9, &baselines).contains("by 40 percentage points"));
        assert!(baseline_words(0.7, &baselines).contains("behind a vote"));
        assert!(baseline_words(0.8, &baselines).contains("as good as a vote"));
    }
}
