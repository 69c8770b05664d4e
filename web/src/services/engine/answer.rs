//! What comes back of what the page asks the engine for.

use std::cell::RefCell;
use std::rc::Rc;

use headstart_project::{
    BackboneChoice, Command, Excited, HeatMap, InEightBits, InsideStage, JobId, Occlusion,
    Rejection,
};
use wasm_bindgen::JsValue;
use web_sys::{Blob, ImageBitmap};

use super::Client;

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
    /// The picture cannot be used.
    Rejected(Rejection),
    /// The engine is not there, or died meanwhile; ask again.
    NoEngine,
}

/// What the engine gives out, or takes in, as a file.
#[derive(Clone, Debug)]
pub enum Given {
    /// A zip.
    Zip(Blob),
    /// An opened project: the attachments of `Event::Unpacked`.
    Project(Vec<JsValue>),
    /// Pictures.
    Pictures(Vec<Blob>),
    /// A weights file in Headstart's form.
    Weights {
        choice: BackboneChoice,
        has_hidden: bool,
        in_8_bits: Option<InEightBits>,
        file: Blob,
    },
    /// Milliseconds that one image takes.
    Speed(f64),
    /// What each stage makes of a picture, and the grey values of its feature maps.
    Inside(Vec<InsideStage>, Vec<u8>),
    /// It did not work, in words.
    Failed(String),
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
