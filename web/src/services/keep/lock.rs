//! One tab at a time works on a project: the browser's locks (Web Locks) say which.

use std::cell::RefCell;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        callback: &Function,
    ) -> Result<Promise, JsValue>;
}

/// A held lock, or nothing where the browser has no locks. It is let go when this is dropped, or with the tab.
pub struct Lock(Option<Function>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = &self.0 {
            // A promise's own function does not throw.
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

/// Takes the lock of that name. `None` while another tab holds it.
/// A browser without locks, or a page that may not use them, gets a lock that holds nothing off.
pub async fn take(name: &str) -> Option<Lock> {
    let Some(manager) = manager() else {
        return Some(Lock(None));
    };
    let options = Object::new();
    // Setting a property of a fresh object does not fail.
    let _ = Reflect::set(&options, &"ifAvailable".into(), &true.into());
    let (mut release, mut granted) = (None, None);
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let answer = Promise::new(&mut |resolve, _| granted = Some(resolve));
    let (Some(release), Some(granted)) = (release, granted) else {
        return None;
    };
    let is_held = std::rc::Rc::new(RefCell::new(false));
    let callback = {
        let is_held = is_held.clone();
        Closure::once_into_js(move |lock: JsValue| -> JsValue {
            *is_held.borrow_mut() = !lock.is_null();
            let _ = granted.call0(&JsValue::NULL);
            // The lock lasts as long as the promise that is given back.
            if lock.is_null() {
                JsValue::UNDEFINED
            } else {
                held.into()
            }
        })
    };
    let name = format!("headstart-project-{name}");
    if manager
        .request(&name, &options, callback.unchecked_ref())
        .is_err()
    {
        return Some(Lock(Some(release)));
    }
    // The answer is never rejected.
    let _ = JsFuture::from(answer).await;
    is_held.take().then_some(Lock(Some(release)))
}

fn manager() -> Option<LockManager> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    (!locks.is_undefined()).then(|| locks.unchecked_into())
}
