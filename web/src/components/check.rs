//! Check: how often the model is right on images that it has not learnt from, where it errs, and what can be done about it.

mod analysis_job;
mod compare;
mod doctor;
mod export_report;
mod headline;
mod inside;
mod map;
mod results;
mod trust;

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::{MeasuredOn, Part, SampleId};
use yew::prelude::*;

use self::compare::Comparison;
use self::headline::Headline;
use self::inside::Inside;
use self::map::DataMap;
use self::results::mistakes::Mistakes;
use self::trust::cross_validation;
use self::trust::unknowns::Unknowns;
use crate::components::common::tabs::{Tab, Tabs, panel_id, tab_id};
use crate::components::gallery::{Gallery, Opened};
use crate::state::State;
use crate::state::analysis::{Analyses, Kind};
use crate::state::backbones::PastResult;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::doctor::Open;
use crate::state::engine::Phase;
use crate::state::project::Project;
use crate::state::run::Results;

/// The content of the region Check.
pub fn view(state: &State) -> Html {
    html! {
        <Check
            project={state.project.clone()}
            results={state.results.clone()}
            past={state.backbones.past.clone()}
            others={state.backbones.all_here().count()}
            analyses={state.analyses.clone()}
            threshold={state.threshold}
            undo={state.undo_label()}
            is_ready={state.engine.phase == Phase::Ready}
            camera={state.camera}
            camera_prefs={state.camera_prefs.clone()}
        />
    }
}

#[derive(Properties, PartialEq)]
struct Props {
    project: Project,
    results: Option<Results>,
    past: Vec<PastResult>,
    /// Backbones that can be compared.
    others: usize,
    analyses: Analyses,
    /// Where the user has moved the threshold of “None of these”.
    threshold: Option<f32>,
    /// What can be taken back.
    undo: Option<AttrValue>,
    is_ready: bool,
    camera: Option<CameraOwner>,
    camera_prefs: CameraPrefs,
}

/// The panels, in the order of their tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Results,
    Mistakes,
    Trust,
    Unknowns,
    CrossValidation,
    Doctor,
    Map,
    Compare,
    Inside,
}

const PANELS: [Panel; 9] = [
    Panel::Results,
    Panel::Mistakes,
    Panel::Trust,
    Panel::Unknowns,
    Panel::CrossValidation,
    Panel::Doctor,
    Panel::Map,
    Panel::Compare,
    Panel::Inside,
];

impl Panel {
    const fn id(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Mistakes => "mistakes",
            Self::Trust => "trust",
            Self::Unknowns => "unknowns",
            Self::CrossValidation => "cross-validation",
            Self::Doctor => "doctor",
            Self::Map => "map",
            Self::Compare => "compare",
            Self::Inside => "inside",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Results => "Results",
            Self::Mistakes => "Mistakes",
            Self::Trust => "Can you trust it?",
            Self::Unknowns => "None of these",
            Self::CrossValidation => "Cross-validation",
            Self::Doctor => "Data doctor",
            Self::Map => "Map",
            Self::Compare => "Compare",
            Self::Inside => "See inside",
        }
    }
}

#[component]
fn Check(props: &Props) -> Html {
    let selected = use_state_eq(|| 0_usize);
    // Panels that were looked at stay as they were left; the others are not drawn yet.
    let visited = use_state_eq(|| 1_u32);
    let gallery = use_state_eq(|| None::<Opened>);
    let part = use_state_eq(|| MeasuredOn::Test);
    let kept = use_state_eq(Rc::<HashSet<SampleId>>::default);
    let onselect = {
        let (selected, visited) = (selected.clone(), visited.clone());
        Callback::from(move |at: usize| {
            selected.set(at);
            visited.set(*visited | 1 << at);
        })
    };
    let panels = Panels {
        props,
        part: shown_part(*part, props.results.as_ref()),
        onpart: Callback::from(move |next| part.set(next)),
        kept: (*kept).clone(),
        onkept: Callback::from(move |next| kept.set(next)),
        onshow: {
            let gallery = gallery.clone();
            Callback::from(move |opened| gallery.set(Some(opened)))
        },
    };
    let is_empty = props.project.is_empty() && props.results.is_none();
    html! {
        <>
            <div class="card">
                <Headline project={props.project.clone()} results={props.results.clone()} past={props.past.clone()} />
                if !is_empty {
                    <Tabs label="Check" tabs={panels.tabs()} selected={*selected} {onselect} />
                    { for PANELS.into_iter().enumerate().map(|(at, panel)| html! {
                        <div
                            key={panel.id()}
                            class="panel"
                            role="tabpanel"
                            id={panel_id(panel.id())}
                            aria-labelledby={tab_id(panel.id())}
                            tabindex="0"
                            hidden={at != *selected}
                        >
                            if *visited >> at & 1 == 1 {
                                { panels.content(panel) }
                            }
                        </div>
                    }) }
                }
            </div>
            if let Some(opened) = &*gallery {
                <Gallery
                    opened={opened.clone()}
                    project={props.project.clone()}
                    plan={props.results.as_ref().map(|results| results.plan.clone())}
                    undo={props.undo.clone()}
                    onclose={let gallery = gallery.clone(); Callback::from(move |()| gallery.set(None))}
                />
            }
        </>
    }
}

/// The part that was chosen, as long as there is one.
fn shown_part(chosen: MeasuredOn, results: Option<&Results>) -> MeasuredOn {
    let has = |part| results.is_some_and(|results| results.evaluation(part).is_some());
    match chosen {
        MeasuredOn::Test if !has(MeasuredOn::Test) => MeasuredOn::Validation,
        MeasuredOn::Validation if !has(MeasuredOn::Validation) => MeasuredOn::Test,
        chosen => chosen,
    }
}

/// What the panels have in common.
struct Panels<'a> {
    props: &'a Props,
    part: MeasuredOn,
    onpart: Callback<MeasuredOn>,
    kept: Rc<HashSet<SampleId>>,
    onkept: Callback<Rc<HashSet<SampleId>>>,
    onshow: Callback<Opened>,
}

impl Panels<'_> {
    fn tabs(&self) -> Vec<Tab> {
        let tab = |panel: Panel| Tab {
            id: panel.id(),
            name: panel.name(),
            count: self.count(panel),
        };
        PANELS.into_iter().map(tab).collect()
    }

    /// Things to look at in a panel.
    fn count(&self, panel: Panel) -> Option<usize> {
        let project = &self.props.project;
        match panel {
            Panel::Mistakes => {
                let evaluation = self.props.results.as_ref()?.evaluation(self.part)?;
                let wrong = evaluation.mistakes();
                Some(
                    wrong
                        .iter()
                        .filter(|verdict| project.find(verdict.id).is_some())
                        .count(),
                )
            }
            Panel::Doctor => {
                let found = self.props.analyses.examination.as_ref()?;
                Some(Open::of(found, project, &self.kept).len())
            }
            Panel::Results
            | Panel::Trust
            | Panel::Unknowns
            | Panel::CrossValidation
            | Panel::Map
            | Panel::Compare
            | Panel::Inside => None,
        }
    }

    fn content(&self, panel: Panel) -> Html {
        let project = self.props.project.clone();
        let analyses = &self.props.analyses;
        let onshow = self.onshow.clone();
        match panel {
            Panel::CrossValidation => html! {
                { cross_validation::view(&cross_validation::Props { project, job: analyses.job(Kind::CrossValidation).cloned(), found: analyses.cross_validation.clone(), onshow }) }
            },
            Panel::Doctor => html! {
                { doctor::view(&doctor::Props { project, job: analyses.job(Kind::Examination).cloned(), found: analyses.examination.clone(), kept: self.kept.clone(), onkept: self.onkept.clone(), onshow }) }
            },
            Panel::Map => html! {
                <DataMap {project} analyses={analyses.clone()} {onshow} />
            },
            Panel::Compare => {
                let is_measurable = project.samples().any(|sample| sample.part == Part::Test);
                html! {
                    <Comparison {project} job={analyses.job(Kind::Comparison).cloned()} found={analyses.comparison.clone()} repeats={analyses.repeats} {is_measurable} others={self.props.others} others_job={analyses.job(Kind::Backbones).cloned()} others_found={analyses.backbones.clone()} />
                }
            }
            Panel::Inside => html! {
                <Inside {project} plan={self.props.results.as_ref().map(|results| results.plan.clone())} is_ready={self.props.is_ready} has_camera={self.props.camera == Some(CameraOwner::Inside)} camera_prefs={self.props.camera_prefs.clone()} {onshow} />
            },
            Panel::Results | Panel::Mistakes | Panel::Trust | Panel::Unknowns => {
                match &self.props.results {
                    Some(results) => self.of_run(panel, results.clone()),
                    None => {
                        html! { <p class="panel-lead">{ "Press Train first: this panel speaks of the model that comes out of it." }</p> }
                    }
                }
            }
        }
    }

    /// The panels that speak of the newest run.
    fn of_run(&self, panel: Panel, results: Results) -> Html {
        let project = self.props.project.clone();
        let (part, onpart, onshow) = (self.part, self.onpart.clone(), self.onshow.clone());
        match panel {
            Panel::Mistakes => html! { <Mistakes {project} {results} {part} {onpart} {onshow} /> },
            Panel::Trust => html! { { trust::view(&trust::Props { results }) } },
            Panel::Unknowns => {
                html! { <Unknowns {project} {results} threshold={self.props.threshold} /> }
            }
            _ => {
                html! { { results::view(&results::Props { project, results, part, onpart, onshow }) } }
            }
        }
    }
}
