//! A class's images. Thousands stay fast: they are drawn in chunks that change by themselves, and what is out of sight costs the browser nothing.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::SampleId;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use super::class_card::Selection;
use super::sample_chunk::SampleChunk;
use crate::components::common::stops::{STOPS, move_focus};
use crate::state::project::{Chunk, Class};

/// Images from which on the grid can be made larger.
const MANY: usize = 12;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class: Rc<Class>,
    pub selection: Selection,
    pub onselect: Callback<Selection>,
}

#[component]
pub fn SampleGrid(props: &Props) -> Html {
    let grid = use_node_ref();
    let is_tall = use_state_eq(|| false);
    let anchor = use_mut_ref(|| None::<SampleId>);
    let toggle = {
        let (class, selection) = (props.class.clone(), props.selection.clone());
        let onselect = props.onselect.clone();
        Callback::from(move |(id, is_range): (SampleId, bool)| {
            let Some(selected) = &selection else {
                return;
            };
            let mut next = (**selected).clone();
            let from = anchor.borrow().filter(|_| is_range);
            match from {
                Some(from) => next.extend(range(&class, from, id)),
                None if next.contains(&id) => {
                    next.remove(&id);
                }
                None => {
                    next.insert(id);
                }
            }
            *anchor.borrow_mut() = Some(id);
            onselect.emit(Some(Rc::new(next)));
        })
    };
    let onkeydown = {
        let grid = grid.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(grid) = grid.cast::<Element>()
                && move_focus(&grid, &event)
            {
                event.prevent_default();
            }
        })
    };
    let turn = {
        let is_tall = is_tall.clone();
        Callback::from(move |_: MouseEvent| is_tall.set(!*is_tall))
    };
    html! {
        <>
            <div
                ref={grid}
                class={classes!("samples", is_tall.then_some("is-tall"))}
                role="group"
                aria-label={format!("Images of {}. Arrow keys move between them.", props.class.label())}
                {onkeydown}
            >
                { for props.class.chunks.iter().enumerate().map(|(at, chunk)| html! {
                    <SampleChunk
                        key={chunk.key}
                        chunk={chunk.clone()}
                        is_first={at == 0}
                        selected={props.selection.as_ref().map(|selected| marks(chunk, selected))}
                        ontoggle={toggle.clone()}
                    />
                }) }
            </div>
            if props.class.len() > MANY {
                <button type="button" class="text-button" aria-expanded={if *is_tall { "true" } else { "false" }} onclick={turn}>
                    { if *is_tall { "Show less" } else { "Show more" } }
                </button>
            }
        </>
    }
}

/// The chunk's selected images as bits, so that a chunk whose selection stays the same is not drawn again.
fn marks(chunk: &Chunk, selected: &HashSet<SampleId>) -> u64 {
    chunk
        .samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| selected.contains(&sample.id))
        .fold(0, |bits, (at, _)| bits | 1 << at)
}

/// The images from one to the other, both included, in either direction.
fn range(class: &Class, from: SampleId, to: SampleId) -> Vec<SampleId> {
    let (least, most) = (from.min(to), from.max(to));
    let ids = class.samples().map(|sample| sample.id);
    ids.filter(|id| (least..=most).contains(id)).collect()
}

/// Moves the focus to a neighbour of an image that is about to go, so that it is not lost with it.
/// `pressed` is the image's button or something in it.
pub fn focus_neighbour(pressed: &Element) {
    let button = pressed
        .closest(STOPS)
        .ok()
        .flatten()
        .and_then(|button| button.dyn_into().ok());
    let Some(button): Option<HtmlElement> = button else {
        return;
    };
    let Some(grid) = button.closest(".samples").ok().flatten() else {
        return;
    };
    let Ok(stops) = grid.query_selector_all(STOPS) else {
        return;
    };
    let stop = |at: u32| {
        stops
            .get(at)
            .and_then(|node| node.dyn_into::<HtmlElement>().ok())
    };
    let at = (0..stops.length()).find(|&at| stop(at).as_ref() == Some(&button));
    let neighbour = at.and_then(|at| stop(at + 1).or_else(|| stop(at.checked_sub(1)?)));
    let rest = grid.closest("section").ok().flatten();
    let fallback = || {
        rest?
            .query_selector("input[type=text]")
            .ok()??
            .dyn_into()
            .ok()
    };
    if let Some(target) = neighbour.or_else(fallback) {
        // Focusing an element that is on the page does not fail.
        let _ = target.focus();
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::Part;

    use super::*;
    use crate::state::project::{CHUNK, Project, Sample};

    fn class(count: u32) -> Class {
        let mut project = Project::new();
        let id = project.class_named("Cats");
        let class = project.class_mut(id).expect("was just made");
        class.insert((1..=count).map(|n| Sample {
            id: SampleId(n),
            name: "cat.jpg".into(),
            part: Part::Train,
            size_px: None,
            burst: None,
        }));
        class.clone()
    }

    #[test]
    fn a_range_goes_either_way() {
        let class = class(100);
        let ids: Vec<_> = (40..=60).map(SampleId).collect();
        assert_eq!(range(&class, SampleId(40), SampleId(60)), ids);
        assert_eq!(range(&class, SampleId(60), SampleId(40)), ids);
    }

    #[test]
    fn marks_have_a_bit_for_each_image() {
        let class = class(CHUNK as u32);
        let selected = [1, 3, CHUNK as u32].map(SampleId).into_iter().collect();
        let chunk = class.chunks.first().expect("has images");
        assert_eq!(marks(chunk, &selected), 0b101 | 1 << (CHUNK - 1));
    }
}
