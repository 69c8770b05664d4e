//! Every mistake as an image, the surest first: those say most about what the model has misunderstood.

use std::rc::Rc;

use headstart_project::{Evaluation, MeasuredOn, SampleVerdict};
use yew::prelude::*;

use super::part_choice;
use super::verdicts::{name, opened_mistakes};
use crate::components::gallery::Opened;
use crate::context::{App, use_app};
use crate::state::project::Project;
use crate::state::run::Results;
use crate::text;
use crate::words::{kind, sure};

/// Mistakes a page.
const PAGE: usize = 24;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub results: Results,
    pub part: MeasuredOn,
    pub onpart: Callback<MeasuredOn>,
    pub onshow: Callback<Opened>,
}

#[component]
pub fn Mistakes(props: &Props) -> Html {
    let app = use_app();
    let pages = use_state_eq(|| 1_usize);
    let names = props.results.plan.names(&props.project);
    // Images that were deleted since are left out.
    let evaluation = props.results.evaluation(props.part);
    let wrong: Rc<[SampleVerdict]> = evaluation
        .map(Evaluation::mistakes)
        .unwrap_or_default()
        .into_iter()
        .filter(|verdict| props.project.find(verdict.id).is_some())
        .collect();
    let shown = *pages * PAGE;
    let more = {
        let pages = pages.clone();
        Callback::from(move |_: MouseEvent| pages.set(*pages + 1))
    };
    html! {
        <>
            <p class="panel-lead">
                { "These images were taken for something else, and the ones that the model was surest of come first. Look for the reason: a wrong class, a bad picture, or something that too few images show." }
            </p>
            { part_choice::view(&part_choice::Props { results: props.results.clone(), part: props.part, onpart: props.onpart.clone() }) }
            if wrong.is_empty() {
                <p class="all-clear">{ format!("No mistakes on the {} images.", kind(props.part)) }</p>
            } else {
                <ul class="mistakes" role="list" aria-label="Mistakes">
                    { for wrong.iter().take(shown).map(|verdict| mistake(&app, props, &names, &wrong, verdict)) }
                </ul>
            }
            if wrong.len() > shown {
                <button type="button" class="button button-quiet" onclick={more}>
                    { format!("Show more: {} are left", text::count(wrong.len() - shown, "mistake")) }
                </button>
            }
        </>
    }
}

fn mistake(
    app: &App,
    props: &Props,
    names: &[Rc<str>],
    wrong: &Rc<[SampleVerdict]>,
    verdict: &SampleVerdict,
) -> Html {
    let id = verdict.id;
    let onclick = {
        let (onshow, wrong, names) = (props.onshow.clone(), wrong.clone(), names.to_vec());
        Callback::from(move |_: MouseEvent| onshow.emit(opened_mistakes(&wrong, &names, id)))
    };
    // It may have been moved since.
    let before = props.results.plan.class_ids.get(verdict.actual as usize);
    let now = props.project.find(id).map(|(class, _)| class);
    let moved = now.filter(|class| Some(&class.id) != before);
    html! {
        <li key={id.0}>
            <button type="button" {onclick}>
                <img src={app.media.source(id)} alt="" width="72" height="72" loading="lazy" decoding="async" />
                <span>
                    { "This is " }<b>{ name(names, verdict.actual) }</b>{ ", taken for " }<b>{ name(names, verdict.predicted) }</b>
                    { format!(" ({})", sure(verdict.confidence)) }
                    if let Some(class) = moved {
                        <span class="hint">{ format!(" Now in {}.", class.label()) }</span>
                    }
                </span>
            </button>
        </li>
    }
}
