//! One image of a gallery, large.

use std::rc::Rc;

use headstart_project::{Part, SampleId};
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

use super::Item;
use super::image_actions::ImageActions;
use crate::components::common::icon::{Icon, glyph};
use crate::components::heat::view::HeatView;
use crate::context::use_app;
use crate::services::samples::media::ObjectUrl;
use crate::state::project::Project;
use crate::state::run::Plan;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The image to show. If it is gone, the one that took its place is shown instead.
    pub id: SampleId,
    /// All images of the gallery that are still there; at least one.
    pub items: Rc<[Item]>,
    pub project: Project,
    /// The run whose model says where it looked, if there is one.
    pub plan: Option<Rc<Plan>>,
    /// Another image is to be shown; none is to go back to all of them.
    pub onshow: Callback<Option<SampleId>>,
}

#[component]
pub fn Viewer(props: &Props) -> Html {
    let app = use_app();
    // The place of the last image that was there, for when it is deleted.
    let place = use_mut_ref(|| 0_usize);
    let here = props.items.iter().position(|item| item.id == props.id);
    let at = here.unwrap_or_else(|| (*place.borrow()).min(props.items.len().saturating_sub(1)));
    *place.borrow_mut() = at;
    let shown = props.items.get(at);
    let id = shown.map(|item| item.id);
    let picture = use_memo(id, |id| {
        let file = app.media.file((*id)?)?;
        let url = ObjectUrl::new(&file)?;
        Some((file, url))
    });
    let step = |by: isize| {
        let next = at.checked_add_signed(by);
        next.and_then(|next| Some(props.items.get(next)?.id))
    };
    let (previous, next) = (step(-1), step(1));
    let go = |to: Option<SampleId>| {
        let onshow = props.onshow.clone();
        Callback::from(move |_: MouseEvent| {
            if to.is_some() {
                onshow.emit(to);
            }
        })
    };
    let onkeydown = {
        let onshow = props.onshow.clone();
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowLeft" => previous,
                "ArrowRight" => next,
                _ => None,
            };
            // A slider and a list have a use of their own for these keys.
            let is_field = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok())
                .is_some_and(|element| element.matches("input, select").unwrap_or(false));
            if to.is_some() && !is_field {
                event.prevent_default();
                onshow.emit(to);
            }
        })
    };
    let back = props.onshow.reform(|_: MouseEvent| None);
    let Some((item, (class, sample))) =
        shown.and_then(|item| Some((item, props.project.find(item.id)?)))
    else {
        return Html::default();
    };
    html! {
        <div class="viewer" {onkeydown}>
            <div class="viewer-picture">
                if let Some((file, url)) = &*picture {
                    if let Some(plan) = &props.plan {
                        <HeatView
                            file={file.clone()}
                            source={url.get()}
                            alt={sample.name.clone()}
                            plan={plan.clone()}
                            project={props.project.clone()}
                        />
                    } else {
                        <img src={url.get()} alt={sample.name.clone()} />
                    }
                }
            </div>
            <div class="viewer-side">
                <p class="viewer-name">{ &*sample.name }</p>
                <p style={format!("--class-color: var(--class-{})", class.color)} class="gallery-class">
                    { class.label() }
                </p>
                if !item.caption.is_empty() {
                    <p>{ &item.caption }</p>
                }
                if sample.part == Part::Test {
                    <p class="hint">{ "Kept aside for testing, never learnt from." }</p>
                }
                <ImageActions ids={vec![item.id]} project={props.project.clone()} />
                <div class="viewer-steps">
                    <button type="button" class="icon-button" aria-label="Previous image" aria-disabled={previous.is_none().then_some("true")} onclick={go(previous)}>
                        { glyph(Icon::Left) }
                    </button>
                    <span role="status">{ format!("{} of {}", at + 1, props.items.len()) }</span>
                    <button type="button" class="icon-button" aria-label="Next image" aria-disabled={next.is_none().then_some("true")} onclick={go(next)}>
                        { glyph(Icon::Right) }
                    </button>
                    if props.items.len() > 1 {
                        <button type="button" class="text-button" onclick={back}>{ "Show all" }</button>
                    }
                </div>
            </div>
        </div>
    }
}
