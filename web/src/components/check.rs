//! Check: how often the model is right on images that it has not learnt from, and where it errs.

use headstart_project::Evaluation;
use yew::prelude::*;

use super::confusion::Confusion;
use super::empty_state::{Drawing, EmptyState};
use super::icon::{Glyph, Icon};
use super::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::services::download;
use crate::state::Action;
use crate::state::project::Project;
use crate::state::run::Results;
use crate::text;

/// Mistakes shown as images.
const SHOWN_MISTAKES: usize = 12;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub results: Option<Results>,
}

#[component]
pub fn Check(props: &Props) -> Html {
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
    let body = match &props.results {
        Some(results) => shown(&app, results, &props.project),
        None => html! {
            <EmptyState drawing={Drawing::Table}>
                <p>{ "After training you see here how often the model is right on images that it has not learnt from." }</p>
            </EmptyState>
        },
    };
    html! {
        <section class="check" aria-label="Check">
            <div class="card">
                <h3>{ "Check" }</h3>
                { body }
                <button type="button" class="button button-quiet" aria-disabled={props.results.is_none().then_some("true")} onclick={download}>
                    <Glyph icon={Icon::Download} />{ "Download run record" }
                </button>
            </div>
        </section>
    }
}

fn shown(app: &crate::context::App, results: &Results, project: &Project) -> Html {
    let names = results.plan.names(project);
    let outcome = &results.outcome;
    let (kind, evaluation) = match (&outcome.test, &outcome.validation) {
        (Some(test), _) => ("test", Some(test)),
        (None, validation) => ("validation", validation.as_ref()),
    };
    html! {
        <>
            if results.plan.is_outdated(project) {
                <p class="outdated">{ "Trained before your last changes: train again to include them." }</p>
            }
            <div class="scores">
                if let Some(test) = &outcome.test {
                    { score("Test accuracy", test) }
                }
                if let Some(validation) = &outcome.validation {
                    { score("Validation accuracy", validation) }
                }
            </div>
            if let Some(evaluation) = evaluation {
                <p>{ sentence(evaluation, kind) }</p>
                <Confusion {names} confusion={evaluation.confusion.clone()} />
                { mistakes(app, evaluation, results, project) }
            } else {
                <p>{ "No images were held back, so nothing can be said about new ones. Set a validation share in the settings, or keep some images for testing." }</p>
            }
            if outcome.test.is_none() {
                <p class="hint">
                    { "For a fair result, keep some " }<Term word={Word::Test} text="test images" />
                    { " aside: press Select in a class, choose a few, then Keep for testing." }
                </p>
            }
        </>
    }
}

fn score(name: &'static str, evaluation: &Evaluation) -> Html {
    html! {
        <p class="score">
            <span>{ name }</span>{ " " }<strong>{ text::percent(evaluation.accuracy) }</strong>
        </p>
    }
}

fn sentence(evaluation: &Evaluation, kind: &str) -> Html {
    let total: u32 = evaluation.confusion.iter().flatten().sum();
    let right: u32 = evaluation
        .confusion
        .iter()
        .enumerate()
        .filter_map(|(at, row)| row.get(at))
        .sum();
    let images = text::count(total as usize, &format!("{kind} image"));
    let words = match total - right {
        0 => format!("All {images} were recognised correctly. "),
        1 => format!("1 of {images} was taken for something else. "),
        wrong => format!("{wrong} of {images} were taken for something else. "),
    };
    html! { <>{ words }{ "The " }<Term word={Word::Confusion} />{ " shows which." }</> }
}

/// The first few mistakes as images. Images that were deleted since are left out.
fn mistakes(
    app: &crate::context::App,
    evaluation: &Evaluation,
    results: &Results,
    project: &Project,
) -> Html {
    let names = results.plan.names(project);
    let name = |at: u32| names.get(at as usize).cloned().unwrap_or_default();
    let wrong: Vec<_> = evaluation
        .verdicts
        .iter()
        .filter(|verdict| verdict.actual != verdict.predicted)
        .filter_map(|verdict| Some((verdict, app.media.source(verdict.id)?)))
        .take(SHOWN_MISTAKES)
        .collect();
    if wrong.is_empty() {
        return Html::default();
    }
    html! {
        <ul class="mistakes" role="list" aria-label="Mistakes">
            { for wrong.into_iter().map(|(verdict, source)| html! {
                <li key={verdict.id.0}>
                    <img src={source} alt="" width="56" height="56" loading="lazy" decoding="async" />
                    <span>
                        { "This is " }<b>{ name(verdict.actual) }</b>{ ", taken for " }<b>{ name(verdict.predicted) }</b>
                        { format!(" ({} sure)", text::percent(f64::from(verdict.confidence))) }
                    </span>
                </li>
            }) }
        </ul>
    }
}

fn save(app: &crate::context::App, results: &Results) {
    let run = results.plan.request.run.0;
    let saved = serde_json::to_string_pretty(&results.record())
        .map_err(|error| error.to_string())
        .and_then(|text| {
            download::json(&format!("headstart-run-{run}.json"), &text)
                .map_err(|error| format!("{error:?}"))
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
