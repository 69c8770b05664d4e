//! A few images in a row; each opens large, and the last button shows all.

use headstart_project::SampleId;
use yew::prelude::*;

use super::Opened;
use crate::context::use_app;
use crate::state::project::Project;

/// Images that are shown before the rest is behind a button.
const SHOWN: usize = 6;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub ids: Vec<SampleId>,
    pub project: Project,
    /// What the images have in common.
    pub title: AttrValue,
    pub onshow: Callback<Opened>,
}

#[component]
pub fn Thumbs(props: &Props) -> Html {
    let app = use_app();
    let open = |large: Option<SampleId>| {
        let mut opened = Opened::plain(props.title.clone(), &props.ids);
        opened.large = large;
        props.onshow.reform(move |_: MouseEvent| opened.clone())
    };
    let found = props.ids.iter().take(SHOWN);
    let found = found.filter_map(|&id| Some((id, props.project.find(id)?)));
    html! {
        <div class="thumbs">
            { for found.map(|(id, (class, sample))| html! {
                <button
                    key={id.0}
                    type="button"
                    style={format!("--class-color: var(--class-{})", class.color)}
                    aria-label={format!("Show {} large", sample.name)}
                    title={format!("{}, in {}", sample.name, class.label())}
                    onclick={open(Some(id))}
                >
                    <img src={app.media.source(id)} alt="" width="64" height="64" loading="lazy" decoding="async" />
                </button>
            }) }
            if props.ids.len() > SHOWN {
                <button type="button" class="text-button" onclick={open(None)}>
                    { format!("Show all {}", props.ids.len()) }
                </button>
            }
        </div>
    }
}
