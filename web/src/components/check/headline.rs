//! Check's headline: how often the model is right, in one figure and one sentence, and the files that say so.

use headstart_project::{Evaluation, MeasuredOn, counted};
use yew::prelude::*;

use super::export_report::ExportReport;
use crate::components::common::empty_state::{Drawing, EmptyState};
use crate::components::common::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::services::keep::download;
use crate::state::Action;
use crate::state::backbones::PastResult;
use crate::state::project::Project;
use crate::state::run::Results;
use crate::{text, words};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub results: Option<Results>,
    /// What other backbones reached before.
    pub past: Vec<PastResult>,
}

#[component]
pub fn Headline(props: &Props) -> Html {
    let app = use_app();
    let download = {
        let (app, results) = (app.clone(), props.results.clone());
        Callback::from(move |_: MouseEvent| match &results {
            Some(results) => save(&app, results),
            None => app.dispatch(Action::Problem {
                title: "There is no run to record yet".into(),
                detail: "Press Train first; then the record of the run can be downloaded.".into(),
            }),
        })
    };
    html! {
        <div class="headline">
            { match &props.results {
                Some(results) => figures(results, &props.project),
                None => html! {
                    <EmptyState drawing={Drawing::Table}>
                        <p>{ "After training you see here how often the model is right on images that it has not learnt from." }</p>
                    </EmptyState>
                },
            } }
            if !props.past.is_empty() {
                <ul class="past" aria-label="Other backbones">
                    { for props.past.iter().map(|past| html! { <li>{ reached(past) }</li> }) }
                </ul>
            }
            <div class="headline-files">
                <button type="button" class="button button-quiet" aria-disabled={props.results.is_none().then_some("true")} onclick={download}>
                    { glyph(Icon::Download) }{ "Download run record" }
                </button>
                <ExportReport results={props.results.clone()} />
            </div>
        </div>
    }
}

fn figures(results: &Results, project: &Project) -> Html {
    let test = results.evaluation(MeasuredOn::Test);
    let validation = results.evaluation(MeasuredOn::Validation);
    let first = test
        .map(|test| (MeasuredOn::Test, test))
        .or_else(|| validation.map(|validation| (MeasuredOn::Validation, validation)));
    html! {
        <>
            <div class="scores">
                if let Some(test) = test {
                    { score("Test accuracy", test) }
                }
                if let Some(validation) = validation {
                    { score("Validation accuracy", validation) }
                }
            </div>
            <div class="headline-words">
                if let Some((part, evaluation)) = first {
                    <p>{ sentence(evaluation, part) }</p>
                } else {
                    <p>{ "No images were held back, so nothing can be said about new ones." }</p>
                }
                if results.plan.is_outdated(project) {
                    <p class="outdated">{ "Trained before your last changes: train again to include them." }</p>
                }
            </div>
        </>
    }
}

/// What another backbone reached, in words.
fn reached(past: &PastResult) -> String {
    let title = past.backbone.title();
    let how = match past.unfrozen {
        0 => String::new(),
        count => format!(", with {} fine-tuned", text::count(count as usize, "block")),
    };
    match (past.score, past.measured_on) {
        (Some((right, total)), Some(part)) => {
            let share = text::percent(f64::from(right) / f64::from(total.max(1)));
            format!(
                "Before, {title}{how} was right on {share} of {}.",
                words::images(total, part)
            )
        }
        _ => format!(
            "Before, {title}{how} learnt from {}; no images were held back to measure it.",
            text::count(past.images as usize, "image")
        ),
    }
}

fn score(name: &'static str, evaluation: &Evaluation) -> Html {
    let (right, total) = counted(&evaluation.confusion);
    html! {
        <p class="score">
            <span>{ name }</span>{ " " }<strong>{ text::percent(evaluation.accuracy) }</strong>
            <small>{ format!(" {}", words::range(right, total)) }</small>
        </p>
    }
}

fn sentence(evaluation: &Evaluation, part: MeasuredOn) -> String {
    let (right, total) = counted(&evaluation.confusion);
    words::mistaken(right, total, part)
}

fn save(app: &App, results: &Results) {
    let run = results.plan.request.run.0;
    let record = app.state().record(results);
    let saved = serde_json::to_string_pretty(&record)
        .map_err(|error| error.to_string())
        .and_then(|text| {
            let name = format!("headstart-run-{run}.json");
            download::text(&name, "application/json", &text).map_err(|error| format!("{error:?}"))
        });
    if let Err(error) = saved {
        app.dispatch(Action::Problem {
            title: "The run record could not be saved".into(),
            detail: format!(
                "The browser said: {error}. Allow downloads for this page and try again."
            ),
        });
    }
}
