//! The colours of the map's classes. Pressing one makes its images stand out.

use yew::prelude::*;

use crate::components::common::pressed::pressed;
use crate::map::DotClass;
use crate::state::project::ClassId;
use crate::text;

pub struct Props {
    pub classes: Vec<DotClass>,
    /// There are images kept for testing.
    pub has_test: bool,
    pub highlighted: Option<ClassId>,
    pub onhighlight: Callback<Option<ClassId>>,
}

pub fn view(props: &Props) -> Html {
    let shown = props.classes.iter().filter(|class| class.count > 0);
    html! {
        <div class="map-legend">
            <ul role="list" aria-label="Classes on the map">
                { for shown.map(|class| {
                    let is_on = props.highlighted == Some(class.id);
                    let next = (!is_on).then_some(class.id);
                    html! {
                        <li key={class.id.0}>
                            <button
                                type="button"
                                class="map-key"
                                style={format!("--class-color: var(--class-{})", class.color)}
                                aria-pressed={pressed(is_on)}
                                onclick={props.onhighlight.reform(move |_: MouseEvent| next)}
                            >
                                <span class="map-key-name">{ &*class.name }</span>
                                { " " }<span class="map-key-count">{ text::grouped(class.count as u64) }</span>
                            </button>
                        </li>
                    }
                }) }
            </ul>
            if props.has_test {
                <p class="map-key-test">{ "kept for testing" }</p>
            }
        </div>
    }
}
