//! One finding of the data doctor: its images, what is wrong, and the remedies, each one press.

use headstart_project::SampleId;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

use crate::components::gallery::Opened;
use crate::components::gallery::thumbs::Thumbs;
use crate::state::project::Project;

/// A way out.
#[derive(Clone, PartialEq)]
pub struct Remedy {
    pub label: AttrValue,
    pub onapply: Callback<()>,
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub ids: Vec<SampleId>,
    pub project: Project,
    /// What is wrong, in one sentence.
    pub problem: AttrValue,
    pub remedies: Vec<Remedy>,
    pub onshow: Callback<Opened>,
}

#[component]
pub fn Finding(props: &Props) -> Html {
    html! {
        <li class="finding" data-finding="">
            <Thumbs
                ids={props.ids.clone()}
                project={props.project.clone()}
                title={props.problem.clone()}
                onshow={props.onshow.clone()}
            />
            <p>{ &props.problem }</p>
            <div class="button-row">
                { for props.remedies.iter().map(|remedy| {
                    let onapply = remedy.onapply.clone();
                    let onclick = Callback::from(move |event: MouseEvent| {
                        focus_neighbour(&event.target_unchecked_into::<Element>());
                        onapply.emit(());
                    });
                    html! { <button type="button" class="button" {onclick}>{ &remedy.label }</button> }
                }) }
            </div>
        </li>
    }
}

/// A finding that is dealt with vanishes, so the focus moves to the same place in the next one, or else to the panel.
fn focus_neighbour(pressed: &Element) {
    let Ok(Some(finding)) = pressed.closest("[data-finding]") else {
        return;
    };
    let remedy = |finding: Element| finding.query_selector(".button-row button").ok().flatten();
    let neighbour = finding
        .next_element_sibling()
        .and_then(remedy)
        .or_else(|| finding.previous_element_sibling().and_then(remedy))
        .or_else(|| finding.closest("[role=tabpanel]").ok().flatten());
    if let Some(target) = neighbour.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // Focusing an element that is on the page does not fail.
        let _ = target.focus();
    }
}
