//! How often the model is right, how sure that figure is, and how it does for each class.

mod class_scores;
pub mod confusion;
mod interval;
pub mod mistakes;
mod part_choice;
pub mod verdicts;

use std::rc::Rc;

use headstart_project::{MeasuredOn, counted};
use yew::prelude::*;

use self::verdicts::behind_cell;
use crate::components::common::term::Term;
use crate::components::gallery::Opened;
use crate::glossary::Word;
use crate::state::project::Project;
use crate::state::run::Results;

pub struct Props {
    pub project: Project,
    pub results: Results,
    pub part: MeasuredOn,
    pub onpart: Callback<MeasuredOn>,
    pub onshow: Callback<Opened>,
}

pub fn view(props: &Props) -> Html {
    let results = &props.results;
    let names = results.plan.names(&props.project);
    let Some(evaluation) = results.evaluation(props.part) else {
        return html! {
            <p>{ "No images were held back, so nothing can be said about new ones. Set a validation share in the settings, or keep some images for testing." }</p>
        };
    };
    let (right, total) = counted(&evaluation.confusion);
    let onpick = {
        let (results, names, part) = (results.clone(), names.clone(), props.part);
        let onshow = props.onshow.clone();
        Callback::from(move |(actual, predicted)| {
            if let Some(evaluation) = results.evaluation(part) {
                onshow.emit(behind_cell(evaluation, &names, actual, predicted));
            }
        })
    };
    html! {
        <>
            <p class="panel-lead">
                { "The model was asked about images that it has not learnt from, and here is how often it was right. The table, the " }
                <Term word={Word::Confusion} />{ ", shows what it mixed up." }
            </p>
            { part_choice::view(&part_choice::Props { results: results.clone(), part: props.part, onpart: props.onpart.clone() }) }
            <div class="panel-columns">
                <div class="panel-column">
                    <h3>{ "How sure is this figure?" }</h3>
                    { interval::view(&interval::Props { right, total, part: props.part }) }
                    <p class="hint">
                        { "The bar is the " }<Term word={Word::ConfidenceInterval} />
                        { ": ranges made like this hold the true figure 95 times out of 100." }
                    </p>
                    { remarks(results, props.part, &names) }
                </div>
                <div class="panel-column">
                    <h3>{ "What does it mix up?" }</h3>
                    { confusion::view(&confusion::Props { caption: "Confusion matrix".into(), names: names.clone(), confusion: evaluation.confusion.clone(), onpick }) }
                </div>
            </div>
            { class_scores::view(&class_scores::Props { names, colors: results.plan.colors(&props.project), confusion: evaluation.confusion.clone() }) }
        </>
    }
}

/// What has to be known to read the figures right.
fn remarks(results: &Results, part: MeasuredOn, names: &[Rc<str>]) -> Html {
    let outcome = &results.outcome;
    let left_out: Vec<_> = outcome
        .not_held_back
        .iter()
        .filter_map(|&class| names.get(class as usize))
        .map(|name| format!("“{name}”"))
        .collect();
    html! {
        <>
            if part == MeasuredOn::Validation {
                <p class="hint">
                    { "The " }<Term word={Word::Validation} text="validation images" />
                    { " also chose the best epoch, so this figure is a little too good." }
                </p>
                if !left_out.is_empty() {
                    <p class="remark">
                        { format!("Of {} nothing could be held back, because all its images belong together or are too few. So this says nothing about it: add images, or a second ", left_out.join(" and ")) }
                        <Term word={Word::Recording} />{ "." }
                    </p>
                }
            }
            if outcome.test.is_none() {
                <p class="hint">
                    { "For a fair result, keep some " }<Term word={Word::Test} />
                    { " aside: press Select in a class, choose a few, then Keep for testing." }
                </p>
            }
        </>
    }
}
