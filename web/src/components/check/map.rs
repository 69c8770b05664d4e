//! The map of the data: every image as a dot, images that look alike to the model near each other.

mod board;
mod canvas;
mod keys;
mod legend;
mod pointer;
mod tip;

use std::collections::HashSet;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use headstart_project::{DataMap as Findings, MapMethod, SampleId};
use web_sys::HtmlElement;
use yew::prelude::*;

use self::canvas::MapCanvas;
use super::analysis_job::AnalysisJob;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::pressed::pressed;
use crate::components::common::term::Term;
use crate::components::gallery::Opened;
use crate::components::gallery::image_actions::ImageActions;
use crate::context::use_app;
use crate::glossary::Word;
use crate::map::Dots;
use crate::map::grid::Grid;
use crate::map::words::{mixture, summary};
use crate::state::Action;
use crate::state::analysis::{Analyses, Found, Kind};
use crate::state::project::{ClassId, Project};
use crate::state::run::Plan;
use crate::text;

/// The map is drawn again when no more images have come for this long.
const PAUSE_MS: u32 = 2500;
/// Images around one that is opened.
const NEIGHBOURS: usize = 30;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub analyses: Analyses,
    pub onshow: Callback<Opened>,
}

#[component]
pub fn DataMap(props: &Props) -> Html {
    let panel = use_node_ref();
    let selected = use_state_eq(Rc::<HashSet<SampleId>>::default);
    let highlighted = use_state_eq(|| None::<ClassId>);
    let is_selecting = use_state_eq(|| false);
    let has_thumbnails = use_state_eq(|| false);
    let map = props.analyses.map.as_ref();
    let job = props.analyses.job(Kind::Map).cloned();
    let drawn = use_drawn(map, &props.project);
    let missing = use_missing(map.map(|map| &map.plan), &props.project);
    use_redraw(
        &panel,
        missing > 0 && job.is_none(),
        props.project.membership,
    );

    let lead = html! {
        <p class="panel-lead">
            { "Each dot is an image, and images with similar " }<Term word={Word::Embedding} text="embeddings" />
            { ", which look alike to the model, lie near each other. A dot in the wrong crowd is worth a look: it may be in the wrong class." }
        </p>
    };
    let start = html! {
        <AnalysisJob
            kind={Kind::Map}
            {job}
            label={if map.is_some() { "Draw it again" } else { "Draw the map" }}
            doing="Drawing the map"
            is_again={map.is_some()}
        />
    };
    let (
        Some(Drawn {
            dots,
            summary,
            mixture,
        }),
        Some(map),
    ) = (drawn, map)
    else {
        return html! { <div ref={panel} class="data-map">{ lead }{ start }</div> };
    };
    let present: Vec<SampleId> = dots
        .dots
        .iter()
        .map(|dot| dot.id)
        .filter(|id| selected.contains(id))
        .collect();
    let onselect = {
        let selected = selected.clone();
        Callback::from(move |next: HashSet<SampleId>| selected.set(Rc::new(next)))
    };
    let onopen = {
        let (dots, present, project) = (dots.clone(), present.clone(), props.project.clone());
        props
            .onshow
            .reform(move |id| opened(&dots, &present, &project, id))
    };
    let onhighlight = {
        let highlighted = highlighted.clone();
        Callback::from(move |class| highlighted.set(class))
    };
    let stands_out =
        highlighted.and_then(|id| dots.classes.iter().position(|class| class.id == id));
    html! {
        <div ref={panel} class="data-map">
            { lead }
            { start }
            <div class="map-columns">
                <MapCanvas
                    dots={dots.clone()}
                    project={props.project.clone()}
                    selected={(*selected).clone()}
                    highlighted={stands_out}
                    is_selecting={*is_selecting}
                    has_thumbnails={*has_thumbnails}
                    {summary}
                    onselect={onselect.clone()}
                    {onopen}
                />
                <div class="map-side">
                    <div class="button-row">
                        <button type="button" class="button" aria-pressed={pressed(*is_selecting)} onclick={turned(&is_selecting)}>
                            { glyph(Icon::Lasso) }{ "Select" }
                        </button>
                        <button type="button" class="button" aria-pressed={pressed(*has_thumbnails)} onclick={turned(&has_thumbnails)}>
                            { glyph(Icon::Pictures) }{ "Thumbnails" }
                        </button>
                    </div>
                    { legend::view(&legend::Props { classes: dots.classes.clone(), has_test: dots.dots.iter().any(|dot| dot.is_test), highlighted: *highlighted, onhighlight }) }
                    { selection(present, *is_selecting, &props.project, &onselect) }
                    if !mixture.is_empty() {
                        <p>{ mixture }</p>
                    }
                    { method(map.findings.method) }
                    { left_out(missing) }
                </div>
            </div>
        </div>
    }
}

/// Turns something on or off.
fn turned(state: &UseStateHandle<bool>) -> Callback<MouseEvent> {
    let state = state.clone();
    Callback::from(move |_: MouseEvent| state.set(!*state))
}

/// What is selected, and what can be done with it.
fn selection(
    present: Vec<SampleId>,
    is_selecting: bool,
    project: &Project,
    onselect: &Callback<HashSet<SampleId>>,
) -> Html {
    html! {
        <div class="map-selection">
            <p role="status">
                { match present.len() {
                    0 if is_selecting => "Draw a line around images to select them.".to_owned(),
                    0 => "Press Select, or hold Shift, and draw a line around images.".to_owned(),
                    count => format!("{} selected.", text::count(count, "image")),
                } }
            </p>
            if !present.is_empty() {
                <ImageActions ids={present} project={project.clone()} ondone={onselect.reform(|()| HashSet::new())} />
                <button type="button" class="text-button" onclick={onselect.reform(|_: MouseEvent| HashSet::new())}>{ "Select none" }</button>
            }
        </div>
    }
}

/// How the map came about.
fn method(method: MapMethod) -> Html {
    html! {
        <p class="hint">
            { match method {
                MapMethod::Pca => html! { { "A first view, by the two directions in which the images differ most." } },
                MapMethod::Tsne => html! {
                    <>{ "Drawn by " }<Term word={Word::Tsne} />{ ": near means alike, but how far apart two crowds are means little." }</>
                },
            } }
        </p>
    }
}

/// Images that came after the map.
fn left_out(missing: usize) -> Html {
    let words = match missing {
        0 => return Html::default(),
        1 => "1 image is".to_owned(),
        many => format!("{} are", text::count(many, "image")),
    };
    html! { <p class="hint">{ format!("{words} not on the map yet.") }</p> }
}

/// The image and what lies around it, the nearest first; or the selection, if it is part of that.
fn opened(dots: &Dots, selected: &[SampleId], project: &Project, id: SampleId) -> Opened {
    if selected.contains(&id) {
        return Opened {
            large: Some(id),
            ..Opened::plain("Selected images", selected)
        };
    }
    let grid = Grid::new(dots.dots.iter().map(|dot| dot.at).collect());
    let place = dots.dots.iter().position(|dot| dot.id == id);
    let around = place.and_then(|at| Some((at, dots.dots.get(at)?)));
    let mut ids = vec![id];
    if let Some((at, dot)) = around {
        let near = grid.around(dot.at, NEIGHBOURS, |other| other != at);
        ids.extend(near.iter().map(|&(other, _)| dots.dots[other].id));
    }
    let name = project.find(id).map(|(_, sample)| sample.name.clone());
    Opened {
        large: Some(id),
        ..Opened::plain(format!("Images like {}", name.unwrap_or_default()), &ids)
    }
}

/// What is drawn of a map, and that in words.
struct Drawn {
    dots: Rc<Dots>,
    summary: AttrValue,
    mixture: AttrValue,
}

#[hook]
fn use_drawn(map: Option<&Rc<Found<Findings>>>, project: &Project) -> Option<Drawn> {
    let dots = use_memo((map.cloned(), project.clone()), |(map, project)| {
        map.as_ref()
            .map(|map| Rc::new(Dots::new(&map.findings, project)))
    });
    let words = use_memo((*dots).clone(), |dots| {
        dots.as_ref().map(|dots| {
            (
                AttrValue::from(summary(dots)),
                AttrValue::from(mixture(dots)),
            )
        })
    });
    let (summary, mixture) = (*words).clone()?;
    Some(Drawn {
        dots: (*dots).clone()?,
        summary,
        mixture,
    })
}

/// Images that were not there when the map was asked for.
#[hook]
fn use_missing(plan: Option<&Rc<Plan>>, project: &Project) -> usize {
    let missing = use_memo((plan.cloned(), project.membership), |(plan, _)| {
        let classes = plan.iter().flat_map(|plan| &plan.request.classes);
        let ids = classes.flat_map(|class| class.train.iter().chain(&class.test));
        let known: HashSet<SampleId> = ids.copied().collect();
        let samples = project.samples();
        match plan {
            Some(_) => samples.filter(|sample| !known.contains(&sample.id)).count(),
            None => 0,
        }
    });
    *missing
}

/// Has the map drawn again when images were added, once for each change of what there is, while the panel is open.
#[hook]
fn use_redraw(panel: &NodeRef, is_due: bool, membership: u32) {
    let app = use_app();
    let panel = panel.clone();
    let asked_for = use_mut_ref(|| None::<u32>);
    use_effect_with((is_due, membership), move |&(is_due, membership)| {
        let timeout = (is_due && *asked_for.borrow() != Some(membership)).then(|| {
            Timeout::new(PAUSE_MS, move || {
                let panel = panel.cast::<HtmlElement>();
                if panel.is_some_and(|panel| panel.offset_width() > 0) {
                    *asked_for.borrow_mut() = Some(membership);
                    app.dispatch(Action::Analyse(Kind::Map));
                }
            })
        });
        move || drop(timeout)
    });
}
