//! Whether an element has ever come near the part of the page that is seen: what is far away needs not be drawn yet.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};
use yew::prelude::*;

/// How far away is near: a screen's height or so, and the time to scroll it.
const MARGIN: &str = "600px";

/// Turns true once, and stays so. `node` must be in the page when the component has been rendered.
#[hook]
pub fn use_near(node: &NodeRef) -> bool {
    let is_near = use_state_eq(|| false);
    {
        let (node, is_near) = (node.clone(), is_near.clone());
        use_effect_with((), move |()| {
            let watch = node.cast::<Element>().and_then(|element| {
                let is_near = is_near.clone();
                let callback = Closure::<dyn Fn(Array)>::new(move |entries: Array| {
                    let comes_near = entries.iter().any(|entry| {
                        entry
                            .unchecked_into::<IntersectionObserverEntry>()
                            .is_intersecting()
                    });
                    if comes_near {
                        is_near.set(true);
                    }
                });
                let options = IntersectionObserverInit::new();
                options.set_root_margin(MARGIN);
                let observer = IntersectionObserver::new_with_options(
                    callback.as_ref().unchecked_ref(),
                    &options,
                )
                .ok()?;
                observer.observe(&element);
                Some((observer, callback))
            });
            if watch.is_none() {
                // A browser that cannot tell is shown everything.
                is_near.set(true);
            }
            move || {
                if let Some((observer, _callback)) = watch {
                    observer.disconnect();
                }
            }
        });
    }
    *is_near
}
