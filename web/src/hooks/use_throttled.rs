//! Slows a value down for people: a screen reader that is told of every image would never stop talking.

use gloo_timers::callback::Timeout;
use yew::prelude::*;

/// The value as it was at most `every_ms` ago. The first and the last one of a series always get through.
#[hook]
pub fn use_throttled<T: Clone + PartialEq + 'static>(value: T, every_ms: u32) -> T {
    let shown = use_state_eq(|| value.clone());
    let latest = use_mut_ref(|| value.clone());
    *latest.borrow_mut() = value.clone();
    let timer = use_mut_ref(|| None::<Timeout>);
    {
        let shown = shown.clone();
        use_effect_with(value, move |value| {
            if timer.borrow().is_some() {
                return;
            }
            shown.set(value.clone());
            let timeout = {
                let timer = timer.clone();
                Timeout::new(every_ms, move || {
                    *timer.borrow_mut() = None;
                    let value = latest.borrow().clone();
                    shown.set(value);
                })
            };
            *timer.borrow_mut() = Some(timeout);
        });
    }
    (*shown).clone()
}
