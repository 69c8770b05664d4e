//! Cross-validation: every image predicted once by a model that has not seen it.

use std::rc::Rc;

use headstart_project::{CrossValidation as Findings, counted};
use yew::prelude::*;

use crate::components::check::analysis_job::AnalysisJob;
use crate::components::check::results::confusion;
use crate::components::check::results::verdicts::behind_cell;
use crate::components::common::term::Term;
use crate::components::gallery::Opened;
use crate::glossary::Word;
use crate::state::analysis::{Found, Job, Kind};
use crate::state::project::Project;
use crate::{text, words};

pub struct Props {
    pub project: Project,
    pub job: Option<Job>,
    pub found: Option<Rc<Found<Findings>>>,
    pub onshow: Callback<Opened>,
}

pub fn view(props: &Props) -> Html {
    html! {
        <>
            <p class="panel-lead">
                <Term word={Word::CrossValidation} text="Cross-validation" />
                { " cuts your images into five parts and trains five models, each of which is asked about the part that it has not seen. So all your images take part in the test, and you see how much the result depends on chance." }
            </p>
            <AnalysisJob
                kind={Kind::CrossValidation}
                job={props.job.clone()}
                label="Cross-validate"
                doing="Cross-validating"
                is_again={props.found.is_some()}
            />
            if let Some(found) = &props.found {
                { shown(props, found) }
            }
        </>
    }
}

fn shown(props: &Props, found: &Rc<Found<Findings>>) -> Html {
    let findings = &found.findings;
    let (right, total) = counted(&findings.evaluation.confusion);
    let names = found.plan.names(&props.project);
    let confusion = findings.evaluation.confusion.clone();
    let onpick = {
        let (found, names, onshow) = (found.clone(), names.clone(), props.onshow.clone());
        Callback::from(move |(actual, predicted)| {
            let evaluation = &found.findings.evaluation;
            onshow.emit(behind_cell(evaluation, &names, actual, predicted));
        })
    };
    html! {
        <>
            if found.plan.is_outdated(&props.project) {
                <p class="outdated">{ "Your images or classes have changed since: cross-validate again to include that." }</p>
            }
            <div class="panel-columns">
                <div class="panel-column">
                    <h3>{ "How good, and how steady?" }</h3>
                    <p class="score">
                        <span>{ "Accuracy on average" }</span>{ " " }
                        <strong>{ text::percent(findings.mean) }</strong>
                        <small>{ format!(" ± {}", text::percent(findings.deviation)) }</small>
                    </p>
                    { folds(findings) }
                    <p>{ words::folds(&findings.folds, right, total, findings.elapsed_ms) }</p>
                </div>
                <div class="panel-column">
                    <h3>{ "What does it mix up?" }</h3>
                    { confusion::view(&confusion::Props { caption: "Confusion matrix of the cross-validation".into(), names, confusion, onpick }) }
                </div>
            </div>
        </>
    }
}

/// One dot a fold, on a line from 0 to 100 %.
fn folds(findings: &Findings) -> Html {
    let shares: Vec<_> = findings
        .folds
        .iter()
        .map(|&fold| text::percent(fold))
        .collect();
    html! {
        <div class="axis-line" role="img" aria-label={format!("Accuracy of each of the {} models: {}", shares.len(), shares.join(", "))}>
            { for findings.folds.iter().map(|fold| html! {
                <span class="axis-dot" style={format!("--at: {fold:.4}")}></span>
            }) }
            <span class="axis-ticks"><span>{ "0%" }</span><span>{ "50%" }</span><span>{ "100%" }</span></span>
        </div>
    }
}
