//! The image at a dot of the map: the picture, its class and its name.

use headstart_project::{Part, SampleId};
use yew::prelude::*;

use crate::context::use_app;
use crate::map::scene::Scene;
use crate::state::project::Project;

/// What is shown, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip {
    pub id: SampleId,
    /// The dot on the screen.
    at: [f64; 2],
    /// There is more room to the left of the dot.
    is_left: bool,
    /// There is more room above the dot.
    is_above: bool,
    /// It goes with the pointer.
    pub is_pointed_at: bool,
}

impl Tip {
    /// Of the active dot.
    pub fn of(scene: &Scene, is_pointed_at: bool) -> Option<Self> {
        let active = scene.active?;
        let at = scene.screen(active)?;
        let size = scene.view.size();
        Some(Self {
            id: scene.id(active)?,
            at,
            is_left: at[0] > size[0] / 2.0,
            is_above: at[1] > size[1] / 2.0,
            is_pointed_at,
        })
    }
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub tip: Tip,
    pub project: Project,
}

#[component]
pub fn MapTip(props: &Props) -> Html {
    let app = use_app();
    let tip = &props.tip;
    let Some((class, sample)) = props.project.find(tip.id) else {
        return Html::default();
    };
    let [x, y] = tip.at;
    let side = classes!(
        "map-tip",
        tip.is_left.then_some("is-left"),
        tip.is_above.then_some("is-above")
    );
    html! {
        <div
            class={side}
            style={format!("left: {x:.1}px; top: {y:.1}px; --class-color: var(--class-{})", class.color)}
            aria-hidden="true"
        >
            <img src={app.media.source(tip.id)} alt="" />
            <strong>{ class.label() }</strong>
            <span>{ &*sample.name }</span>
            if sample.part == Part::Test {
                <span>{ "kept for testing" }</span>
            }
        </div>
    }
}

/// The image in words, for those who do not see the picture.
pub fn described(project: &Project, id: SampleId, is_selected: bool) -> String {
    let Some((class, sample)) = project.find(id) else {
        return String::new();
    };
    let test = match sample.part {
        Part::Test => ", kept for testing",
        Part::Train => "",
    };
    let selected = if is_selected { ", selected" } else { "" };
    format!("{}, {}{test}{selected}", class.label(), sample.name)
}
