//! Letting messages through in the middle of long work.
//!
//! `setTimeout` waits for 4 ms at least and a resolved promise does not let messages through; a message to oneself does, at once.

use std::cell::Cell;

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

use crate::browser::port;

/// Work goes on this long between two pauses: commands are answered well within a video frame or two.
const LONGEST_WORK_MS: f64 = 20.0;

/// Pauses work when it is due.
pub struct Pause {
    channel: Option<MessageChannel>,
    last_ms: Cell<f64>,
}

impl Pause {
    /// A pause of its own for each user.
    pub fn new() -> Self {
        Self {
            channel: MessageChannel::new().ok(),
            last_ms: Cell::new(port::now_ms()),
        }
    }

    /// Lets messages through if the last time is long enough ago.
    pub async fn when_due(&self) {
        if port::now_ms() - self.last_ms.get() >= LONGEST_WORK_MS {
            self.now().await;
        }
    }

    /// Lets messages through.
    pub async fn now(&self) {
        if let Some(channel) = &self.channel {
            let turn = Promise::new(&mut |resolve: Function, _reject: Function| {
                channel.port1().set_onmessage(Some(&resolve));
                // Without a message the promise would never end; sending to an open port does not fail.
                if channel.port2().post_message(&JsValue::NULL).is_err() {
                    resolve.call0(&JsValue::NULL).ok();
                }
            });
            JsFuture::from(turn.unchecked_into::<Promise>()).await.ok();
        }
        self.last_ms.set(port::now_ms());
    }
}
