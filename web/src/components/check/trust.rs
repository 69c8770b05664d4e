//! Whether the model is right as often as it says, and whether it beats far simpler methods.

pub mod cross_validation;
mod familiarity;
mod reliability;
mod strangers;
pub mod unknowns;

use headstart_project::{Baselines, Calibration, MeasuredOn};
use yew::prelude::*;

use crate::components::common::term::Term;
use crate::glossary::Word;
use crate::state::run::Results;
use crate::{text, words};

pub struct Props {
    pub results: Results,
}

pub fn view(props: &Props) -> Html {
    let outcome = &props.results.outcome;
    html! {
        <>
            <p class="panel-lead">
                { "A model also says " }<Term word={Word::Probability} text="how sure it is" />{ ", and " }<Term word={Word::Calibration} />
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
            <p class="verdict">{ words::calibration(&calibration.after) }</p>
            { reliability::view(&reliability::Props { before: calibration.before.clone(), after: calibration.after.clone() }) }
            <p>{ "Its " }<Term word={Word::Temperature} />{ words::temperature(calibration) }</p>
            <p class="hint">
                { words::measured(calibration.measured_on, &calibration.after) }
                if calibration.measured_on == MeasuredOn::Validation {
                    { " The temperature was chosen on the same images, so this is a little too good." }
                }
            </p>
        </div>
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
            <p class="verdict">{ words::baselines(accuracy, baselines) }</p>
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
                { words::images(evaluation.verdicts.len() as u32, baselines.measured_on) }{ "." }
            </p>
        </div>
    }
}
