//! What comes back of what the page asks the engine for.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use headstart_project::{Command, Excited, HeatMap, JobId, Occlusion};
use wasm_bindgen::JsValue;
use web_sys::{Blob, ImageBitmap};

use super::{Client, NOT_READY};

/// A picture to classify.
pub enum Picture {
    File(Blob),
    Bitmap(ImageBitmap),
}

/// What the newest model says of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// One probability for each class.
    pub probabilities: Rc<[f32]>,
    /// How much it is like the training images; comparable with the threshold.
    pub familiarity: f32,
    /// Where the model looked, if that was asked for.
    pub heat: Option<Rc<HeatMap>>,
    /// Where it lies on the map, if there is one.
    pub place: Option<[f32; 2]>,
}

impl Judgement {
    /// Index of the most probable class.
    pub fn top(&self) -> Option<usize> {
        let all = self.probabilities.iter().enumerate();
        all.max_by(|a, b| a.1.total_cmp(b.1)).map(|(at, _)| at)
    }
}

/// The answer to a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The newest model's.
    Judged(Judgement),
    /// There is none, for this reason.
    Rejected(String),
    /// The engine is not there, or died meanwhile; ask again.
    NoEngine,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Unanswered {
    /// The engine is not there, or died meanwhile; ask again.
    NoEngine,
    /// What went wrong, in words.
    Failed(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoEngine => NOT_READY,
            Self::Failed(reason) => reason,
        })
    }
}

/// What comes of a question: its answer, and what is attached to it.
pub type Heard<A> = Result<(A, Vec<JsValue>), Unanswered>;

/// Where an answer is waited for. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Waiting(Rc<RefCell<Slot>>);

#[derive(Default)]
struct Slot {
    heard: Option<Heard<headstart_project::Answer>>,
    waker: Option<Waker>,
}

impl Waiting {
    /// Ends the waiting.
    pub(super) fn hear(&self, heard: Heard<headstart_project::Answer>) {
        let slot = &mut *self.0.borrow_mut();
        slot.heard = Some(heard);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    pub(super) async fn heard(self) -> Heard<headstart_project::Answer> {
        poll_fn(|context| {
            let slot = &mut *self.0.borrow_mut();
            match slot.heard.take() {
                Some(heard) => Poll::Ready(heard),
                None => {
                    slot.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// How covering an image's parts goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Covered {
    /// Positions done and in all.
    Progress(u32, u32),
    /// All positions are done.
    Done(Rc<Occlusion>),
    /// The images that excite a channel were found.
    Excited(Rc<Excited>),
    /// It was stopped, failed with this reason, or there is no engine.
    Ended(Option<String>),
}

/// An occlusion map under way. It is stopped when this is dropped.
pub struct Covering {
    pub(super) client: Rc<RefCell<Client>>,
    pub(super) job: JobId,
}

impl Drop for Covering {
    fn drop(&mut self) {
        let mut client = self.client.borrow_mut();
        if let Some(running) = &mut client.worker
            && running.occlusions.remove(&self.job).is_some()
        {
            running.post(&Command::StopAnalysis { job: self.job }, &[], &[]);
        }
    }
}
