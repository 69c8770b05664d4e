//! A chunk of a gallery's images, whose pictures are fetched when it comes near the screen.

use std::rc::Rc;

use headstart_project::{Part, SampleId};
use yew::prelude::*;

use super::Item;
use crate::context::use_app;
use crate::hooks::use_near::use_near;
use crate::state::project::{Class, Project, Sample};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub items: Rc<[Item]>,
    pub project: Project,
    /// Those of the chunk that are selected.
    pub selected: Vec<SampleId>,
    /// The one of the chunk that Tab reaches; the arrow keys reach the others.
    pub active: Option<SampleId>,
    /// An image got the focus.
    pub onactive: Callback<SampleId>,
    /// An image is to be shown large.
    pub onopen: Callback<SampleId>,
    /// An image is to be selected, or no longer.
    pub ontoggle: Callback<SampleId>,
}

#[component]
pub fn GalleryChunk(props: &Props) -> Html {
    let app = use_app();
    let node = use_node_ref();
    let is_near = use_near(&node);
    let found = props
        .items
        .iter()
        .filter_map(|item| Some((item, props.project.find(item.id)?)));
    html! {
        <div ref={node} class="gallery-chunk" style={format!("--count: {}", props.items.len())}>
            { for found.map(|(item, (class, sample))| {
                let source = is_near.then(|| app.media.source(item.id)).flatten();
                picture(props, item, class, sample, source)
            }) }
        </div>
    }
}

fn picture(
    props: &Props,
    item: &Item,
    class: &Class,
    sample: &Sample,
    source: Option<AttrValue>,
) -> Html {
    let id = item.id;
    let tabindex = if props.active == Some(id) { "0" } else { "-1" };
    let is_selected = props.selected.contains(&id);
    html! {
        <div
            key={id.0}
            class={classes!("gallery-item", is_selected.then_some("is-selected"))}
            style={format!("--class-color: var(--class-{})", class.color)}
        >
            <button
                type="button"
                class="gallery-open"
                data-stop=""
                {tabindex}
                aria-label={format!("Show {} large", sample.name)}
                onclick={props.onopen.reform(move |_: MouseEvent| id)}
                onfocus={props.onactive.reform(move |_: FocusEvent| id)}
            >
                <img src={source} alt="" loading="lazy" decoding="async" draggable="false" width="144" height="144" />
                if sample.part == Part::Test {
                    <span class="badge">{ "Test" }</span>
                }
            </button>
            <button
                type="button"
                class="gallery-select"
                role="checkbox"
                {tabindex}
                aria-checked={if is_selected { "true" } else { "false" }}
                aria-label={format!("Select {}", sample.name)}
                onclick={props.ontoggle.reform(move |_: MouseEvent| id)}
            ><span></span></button>
            <p class="gallery-class">{ class.label() }</p>
            if !item.caption.is_empty() {
                <p class="hint">{ &item.caption }</p>
            }
        </div>
    }
}
