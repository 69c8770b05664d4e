//! The work that goes before analyses, and that they let through.

use web_sys::Blob;

use crate::browser::port;
use crate::schedule;
use crate::state::{Shared, ToPredict};
use crate::work::{backbone, embedding, predicting, training};

/// A piece of it.
pub type Urgent = schedule::Urgent<Blob, ToPredict>;

/// Does one piece of it.
pub async fn take(shared: &Shared, urgent: Urgent) {
    match urgent {
        Urgent::Start(start) => backbone::start(shared, start).await,
        Urgent::Predict(image) => predicting::predict(shared, image).await,
        Urgent::Train(request) => training::train(shared, request).await,
        Urgent::Embed => embedding::embed(shared).await,
        Urgent::FallBack => {
            if let Some(lost) = shared.ready()
                && let Err(reason) = backbone::fall_back(shared, &lost)
            {
                port::fail(reason);
            }
        }
    }
}

/// In the middle of an analysis: does whatever is more urgent.
pub async fn let_through(shared: &Shared) {
    loop {
        let next = shared.state.borrow_mut().schedule_now().next_urgent();
        match next {
            Some(urgent) => take(shared, urgent).await,
            None => return,
        }
    }
}
