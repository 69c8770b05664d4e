//! The data doctor's findings by kind, the ones that spoil the figures first.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::{Part, SampleId};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

use super::finding::{Finding, Remedy};
use crate::components::gallery::Opened;
use crate::context::{App, use_app};
use crate::state::Action;
use crate::state::camera::CameraOwner;
use crate::state::doctor::{ClassCase, LeakGroup, Open, Suspect};
use crate::state::project::{ClassId, Project};
use crate::{text, words};

/// Findings of a kind that are shown before the rest is behind a button.
const PAGE: usize = 12;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub open: Open,
    pub project: Project,
    pub kept: Rc<HashSet<SampleId>>,
    pub onkept: Callback<Rc<HashSet<SampleId>>>,
    pub onshow: Callback<Opened>,
}

/// A finding before it is drawn.
struct Case {
    key: u32,
    ids: Vec<SampleId>,
    problem: String,
    remedies: Vec<Remedy>,
}

#[component]
pub fn Section(props: &Props) -> Html {
    let app = use_app();
    let pages = use_state_eq(|| 1_usize);
    let open = &props.open;
    let project = &props.project;
    let sections = [
        (
            "Test images that leak",
            "They look like images that the model learns from, so they make its figures too good.",
            cases(&open.leaks, |group| leak(&app, group)),
        ),
        (
            "Images that are there twice",
            "They teach nothing new, and count more than the others.",
            cases(&open.duplicates, |group| duplicates(&app, group, project)),
        ),
        (
            "Labels that look wrong",
            "Models that had not seen these images would have put them into another class.",
            cases(&open.suspects, |one| suspect(&app, props, one)),
        ),
        (
            "Classes that need more",
            "A model learns what the images of a class have in common, whatever that is.",
            cases(&open.classes, |case| class(&app, case, project)),
        ),
    ];
    let most = sections.iter().map(|(_, _, cases)| cases.len()).max();
    let shown = *pages * PAGE;
    let more = {
        let pages = pages.clone();
        Callback::from(move |_: MouseEvent| pages.set(*pages + 1))
    };
    html! {
        <>
            { for sections.into_iter().filter(|(_, _, cases)| !cases.is_empty()).map(|(title, why, cases)| html! {
                <div class="findings" key={title}>
                    <h3>{ title }<span class="finding-count">{ cases.len() }</span></h3>
                    <p class="hint">{ why }</p>
                    <ul role="list" aria-label={title}>
                        { for cases.into_iter().take(shown).map(|case| html! {
                            <Finding
                                key={case.key}
                                ids={case.ids}
                                project={project.clone()}
                                problem={case.problem}
                                remedies={case.remedies}
                                onshow={props.onshow.clone()}
                            />
                        }) }
                    </ul>
                </div>
            }) }
            if most.is_some_and(|most| most > shown) {
                <button type="button" class="button button-quiet" onclick={more}>{ "Show more" }</button>
            }
        </>
    }
}

fn cases<T>(findings: &[T], case: impl FnMut(&T) -> Case) -> Vec<Case> {
    findings.iter().map(case).collect()
}

/// A remedy that is an action of the page, and can be undone as such.
fn remedy(app: &App, label: impl Into<AttrValue>, action: Action) -> Remedy {
    let app = app.clone();
    Remedy {
        label: label.into(),
        onapply: Callback::from(move |()| app.dispatch(action.clone())),
    }
}

fn leak(app: &App, group: &LeakGroup) -> Case {
    let ids: Vec<_> = group.test.iter().chain(&group.train).copied().collect();
    let (looks, them) = match group.test.len() {
        1 => ("looks", "it"),
        _ => ("look", "them"),
    };
    Case {
        key: group.test.first().map_or(0, |id| id.0),
        problem: format!(
            "{} {looks} just like {} to learn from.",
            text::count(group.test.len(), "test image"),
            text::count(group.train.len(), "image"),
        ),
        remedies: vec![
            remedy(
                app,
                "Move the whole group to testing",
                Action::SetPart(ids.clone(), Part::Test),
            ),
            remedy(
                app,
                format!("Learn from {them}"),
                Action::SetPart(group.test.clone(), Part::Train),
            ),
        ],
        ids,
    }
}

fn duplicates(app: &App, group: &[SampleId], project: &Project) -> Case {
    let mut classes: Vec<_> = group
        .iter()
        .filter_map(|&id| Some(project.find(id)?.0.label()))
        .collect();
    classes.sort();
    classes.dedup();
    let place = match classes.as_slice() {
        [class] => format!("in {class}"),
        _ => format!("in different classes, {}", classes.join(" and ")),
    };
    let rest = group.get(1..).unwrap_or_default().to_vec();
    Case {
        key: group.first().map_or(0, |id| id.0),
        ids: group.to_vec(),
        problem: format!(
            "{} look all but the same, {place}.",
            text::count(group.len(), "image")
        ),
        remedies: vec![remedy(app, "Keep one", Action::DeleteSamples(rest))],
    }
}

fn suspect(app: &App, props: &Props, suspect: &Suspect) -> Case {
    let label = |id: ClassId| props.project.class(id).map(|class| class.label());
    let given = label(suspect.given).unwrap_or_default();
    let suggested = label(suspect.suggested).unwrap_or_default();
    let id = suspect.id;
    let keep = {
        let (kept, onkept) = (props.kept.clone(), props.onkept.clone());
        Callback::from(move |()| {
            let mut kept = (*kept).clone();
            kept.insert(id);
            onkept.emit(Rc::new(kept));
        })
    };
    Case {
        key: id.0,
        ids: vec![id],
        problem: format!(
            "Is in {given}, looks like {suggested} ({:.0}% {given}).",
            f64::from(suspect.probability) * 100.0
        ),
        remedies: vec![
            remedy(
                app,
                format!("Move to {suggested}"),
                Action::MoveSamples(vec![id], suspect.suggested),
            ),
            Remedy {
                label: "Keep".into(),
                onapply: keep,
            },
        ],
    }
}

fn class(app: &App, case: &ClassCase, project: &Project) -> Case {
    let id = case.class;
    let name = project
        .class(id)
        .map(|class| class.label())
        .unwrap_or_default();
    let problem = words::class_problem(&name, case.problem);
    let added = match case.added {
        0 => String::new(),
        added => format!(
            " You have added {} since: examine again to see whether that is enough.",
            text::count(added, "image")
        ),
    };
    let record = {
        let app = app.clone();
        Callback::from(move |()| {
            app.dispatch(Action::OpenCamera(CameraOwner::Class(id)));
            go_to_class(id);
        })
    };
    let problem_key = case.problem as u32;
    Case {
        key: id.0 * 8 + problem_key,
        ids: case.samples.clone(),
        problem: problem + &added,
        remedies: vec![
            Remedy {
                label: format!("Go to {name}").into(),
                onapply: Callback::from(move |()| go_to_class(id)),
            },
            Remedy {
                label: "Record more".into(),
                onapply: record,
            },
        ],
    }
}

/// Brings the class's card into view, with the focus on its name.
fn go_to_class(id: ClassId) {
    let card = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| {
            let selector = format!("[data-drop=\"{}\"]", id.0);
            document.query_selector(&selector).ok().flatten()
        });
    let Some(card) = card else {
        return;
    };
    card.scroll_into_view();
    let name = card.query_selector("input[type=text]").ok().flatten();
    if let Some(name) = name.and_then(|name| name.dyn_into::<HtmlElement>().ok()) {
        // Focusing an element that is on the page does not fail.
        let _ = name.focus();
    }
}
