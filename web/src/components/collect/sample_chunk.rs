//! A chunk of a class's images, drawn again only when one of them changes.

use std::rc::Rc;

use headstart_project::{Part, SampleId};
use web_sys::Element;
use yew::prelude::*;

use super::sample_grid::focus_neighbour;
use crate::components::common::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::hooks::use_near::use_near;
use crate::state::Action;
use crate::state::project::{Chunk, Sample};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub chunk: Rc<Chunk>,
    /// Its first image is where Tab enters the grid.
    pub is_first: bool,
    /// The selected images as bits; absent while nothing is being selected.
    pub selected: Option<u64>,
    /// An image was selected or not; with Shift, everything between.
    pub ontoggle: Callback<(SampleId, bool)>,
}

#[component]
pub fn SampleChunk(props: &Props) -> Html {
    let app = use_app();
    let node = use_node_ref();
    // Thousands of addresses at once would keep the browser busy for seconds.
    let is_near = use_near(&node);
    html! {
        <div ref={node} class="chunk" style={format!("--count: {}", props.chunk.samples.len())}>
            { for props.chunk.samples.iter().enumerate().map(|(at, sample)| {
                let source = is_near.then(|| app.media.source(sample.id)).flatten();
                let tabindex = if props.is_first && at == 0 { "0" } else { "-1" };
                match props.selected {
                    Some(bits) => selectable(props, source, sample, bits >> at & 1 == 1, tabindex),
                    None => deletable(&app, source, sample, tabindex),
                }
            }) }
        </div>
    }
}

fn deletable(
    app: &App,
    source: Option<AttrValue>,
    sample: &Sample,
    tabindex: &'static str,
) -> Html {
    let id = sample.id;
    let delete = {
        let app = app.clone();
        Callback::from(move |event: MouseEvent| {
            focus_neighbour(&event.target_unchecked_into::<Element>());
            app.dispatch(Action::DeleteSamples(vec![id]));
        })
    };
    html! {
        <div key={id.0} class="sample">
            { picture(source, sample) }
            <button type="button" class="sample-delete" data-stop="" {tabindex} aria-label={format!("Delete {}", sample.name)} onclick={delete}>
                { glyph(Icon::Close) }
            </button>
        </div>
    }
}

fn selectable(
    props: &Props,
    source: Option<AttrValue>,
    sample: &Sample,
    is_selected: bool,
    tabindex: &'static str,
) -> Html {
    let id = sample.id;
    let toggle = props
        .ontoggle
        .reform(move |event: MouseEvent| (id, event.shift_key()));
    html! {
        <div key={id.0} class="sample">
            { picture(source, sample) }
            <button
                type="button"
                class="sample-select"
                data-stop=""
                {tabindex}
                role="checkbox"
                aria-checked={if is_selected { "true" } else { "false" }}
                aria-label={format!("Select {}", sample.name)}
                onclick={toggle}
            ><span></span></button>
        </div>
    }
}

fn picture(source: Option<AttrValue>, sample: &Sample) -> Html {
    let title = match sample.size_px {
        Some((width, height)) => format!("{}, {width} × {height}", sample.name),
        None => sample.name.to_string(),
    };
    html! {
        <>
            <img src={source} alt={sample.name.clone()} {title} loading="lazy" decoding="async" draggable="false" width="72" height="72" />
            if sample.part == Part::Test {
                <span class="badge" title="Kept aside to check the model, never learnt from">{ "Test" }</span>
            }
        </>
    }
}
