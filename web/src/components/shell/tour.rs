//! The guided tour: five steps that point at the page's own parts. It lies over nothing that is needed, and everything goes on working.

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element, FocusOptions, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::services::tour;
use crate::state::Action;

/// A part of the page, and what one does there.
struct Stop {
    /// Selects the part.
    place: &'static str,
    title: &'static str,
    words: &'static str,
}

const STOPS: [Stop; 5] = [
    Stop {
        place: ".welcome",
        title: "Welcome",
        words: "You show examples, and the computer learns to tell things apart. No images at hand? Press “Use the sample pictures”, and go on here.",
    },
    Stop {
        place: COLLECT,
        title: "Collect",
        words: "Make a class for each thing, and fill it with examples: by webcam, with files, or by dropping a whole folder. The more different they are, the better.",
    },
    Stop {
        place: ".column-train",
        title: "Train",
        words: "One button, a few seconds. It is this quick because the network has seen a million photos before and only has to learn your classes.",
    },
    Stop {
        place: ".column-try",
        title: "Try",
        words: "Show it something new. It says what it sees and how sure it is, and “Where it looked” shows which part of the image spoke for that.",
    },
    Stop {
        place: "#check",
        title: "Check and keep",
        words: "How often is it right on images that it has never seen, and why is it wrong? Below that, Keep takes your project, your images and your model out as files.",
    },
];

/// Stands in for a part that is not on the page.
const COLLECT: &str = ".column-collect";

#[derive(Properties, PartialEq)]
pub struct Props {
    pub step: usize,
    /// There are no images yet, so that the page welcomes its user.
    pub is_empty: bool,
}

#[component]
pub fn Tour(props: &Props) -> Html {
    let app = use_app();
    let next = use_node_ref();
    {
        let app = app.clone();
        use_effect_with((), move |()| {
            tour::remember();
            let before = document().and_then(|document| document.active_element());
            let escape = document().map(|document| {
                EventListener::new(&document, "keydown", move |event| {
                    let key = event.dyn_ref::<KeyboardEvent>().map(KeyboardEvent::key);
                    if key.as_deref() == Some("Escape") && !is_something_open() {
                        app.dispatch(Action::SetTour(None));
                    }
                })
            });
            move || {
                drop(escape);
                give_focus_back(before);
            }
        });
    }
    // The stylesheet moves the tour to the part that is marked.
    use_effect_with((props.step, props.is_empty), |&(step, _)| {
        let place = place(step);
        if let Some(place) = &place {
            // An attribute of a valid name can always be set.
            let _ = place.set_attribute("data-tour", "");
        }
        move || {
            if let Some(place) = place {
                let _ = place.remove_attribute("data-tour");
            }
        }
    });
    {
        let next = next.clone();
        use_effect_with(props.step, move |&step| {
            if let Some(place) = place(step) {
                place.scroll_into_view();
            }
            // It has just begun, or the button that was pressed is gone.
            if let (None, Some(next)) = (find(".tour :focus"), next.cast::<HtmlElement>()) {
                let options = FocusOptions::new();
                options.set_prevent_scroll(true);
                // Focusing an element that is on the page does not fail.
                let _ = next.focus_with_options(&options);
            }
        });
    }
    let Some(stop) = STOPS.get(props.step) else {
        return Html::default();
    };
    let to = |step: Option<usize>| app.callback(move |_: MouseEvent| Action::SetTour(step));
    let following = Some(props.step + 1).filter(|&step| step < STOPS.len());
    html! {
        <div class="tour" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-words">
            <div aria-live="polite">
                <h2 id="tour-title">{ stop.title }</h2>
                <p id="tour-words">{ stop.words }</p>
            </div>
            <div class="button-row">
                <p class="hint">{ format!("Step {} of {}", props.step + 1, STOPS.len()) }</p>
                if let Some(step) = props.step.checked_sub(1) {
                    <button type="button" class="button" onclick={to(Some(step))}>{ "Back" }</button>
                }
                <button ref={next} type="button" class="button button-primary" onclick={to(following)}>
                    { if following.is_some() { "Next" } else { "Done" } }
                </button>
            </div>
            <button type="button" class="icon-button" aria-label="End the tour" title="End the tour" onclick={to(None)}>
                { glyph(Icon::Close) }
            </button>
        </div>
    }
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

fn find(selector: &str) -> Option<Element> {
    document()?.query_selector(selector).ok()?
}

fn place(step: usize) -> Option<Element> {
    let place = STOPS.get(step).and_then(|stop| find(stop.place));
    place.or_else(|| find(COLLECT))
}

/// Escape closes first what lies over the page.
fn is_something_open() -> bool {
    find("dialog[open], :popover-open").is_some()
}

/// Nobody's focus is taken who has left the tour for the page.
fn give_focus_back(before: Option<Element>) {
    if find(".tour :focus").is_none() {
        return;
    }
    let before = before.filter(|element| element.is_connected());
    let element = before.or_else(|| find("#main"));
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // Focusing an element that is on the page does not fail.
        let _ = element.focus();
    }
}
