//! How much space the browser gives to this page, and whether it may take it back.

use serde::{Deserialize, Serialize};
use wasm_bindgen_futures::JsFuture;
use web_sys::{StorageEstimate, StorageManager};

use crate::text;

/// Bytes used and given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    pub used: f64,
    pub given: f64,
}

impl Space {
    /// From here on people are told.
    const NEARLY: f64 = 0.8;

    pub fn share(self) -> f64 {
        if self.given > 0.0 {
            (self.used / self.given).min(1.0)
        } else {
            0.0
        }
    }

    pub fn is_nearly_full(self) -> bool {
        self.share() >= Self::NEARLY
    }

    pub fn words(self) -> String {
        let text = format!(
            "All projects together use {} MB of the {} MB that this browser gives to the page.",
            megabytes(self.used),
            megabytes(self.given)
        );
        if self.is_nearly_full() {
            format!(
                "{text} It is nearly full: delete projects that you do not need, or save them as files first."
            )
        } else {
            text
        }
    }
}

/// Bytes as megabytes, to read.
pub fn megabytes(bytes: f64) -> String {
    let megabytes = bytes / 1e6;
    if megabytes < 10.0 {
        format!("{megabytes:.1}")
    } else {
        text::grouped(megabytes.round() as u64)
    }
}

/// What the browser says; `None` where it does not say.
pub async fn space() -> Option<Space> {
    let estimate = JsFuture::from(manager()?.estimate().ok()?).await.ok()?;
    let estimate: StorageEstimate = estimate.into();
    Some(Space {
        used: estimate.get_usage()?,
        given: estimate.get_quota()?,
    })
}

/// Asks the browser not to clear this page's data by itself. Returns whether it agreed.
pub async fn persist() -> bool {
    let Some(asked) = manager().and_then(|manager| manager.persist().ok()) else {
        return false;
    };
    let answer = JsFuture::from(asked).await;
    answer.is_ok_and(|answer| answer.as_bool() == Some(true))
}

fn manager() -> Option<StorageManager> {
    Some(web_sys::window()?.navigator().storage())
}
