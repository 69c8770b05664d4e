//! What the engine knows. All work shares it, and none holds on to it over a pause.

mod map;
mod prepared;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use headstart_backbones::Backbone;
use headstart_project::{Fallback, HeatFor, Predict, SampleId};
use headstart_training::Model;
use web_sys::Blob;

pub use self::map::DrawnMap;
pub use self::prepared::{Key, Prepared, PreparedImage};
use crate::browser::asked::Asked;
use crate::device::Ready;
use crate::inputs::pictures::Image;
use crate::remaining::Remaining;
use crate::schedule;

/// What comes next, with the browser's handles.
pub type Schedule = schedule::Schedule<Blob, ToPredict>;

/// An image that waits to be classified.
pub struct ToPredict {
    /// The question.
    pub asked: Asked<Predict>,
    /// The image.
    pub image: Image,
    /// Also say where the model looked.
    pub heat: Option<HeatFor>,
}

/// What all work shares.
pub struct Shared {
    /// Why WebGPU is not even tried.
    pub fallback: Option<Fallback>,
    /// The WebGPU adapter's name, if the browser tells it.
    pub adapter: Option<String>,
    /// What changes.
    pub state: RefCell<State>,
}

/// What the engine knows, and what it is to do.
#[derive(Default)]
pub struct State {
    /// What comes next, and the images.
    pub schedule: Schedule,
    ready: Option<Rc<Ready>>,
    /// How long the images that wait will take, while any do.
    pub embedding: Option<Remaining>,
    /// Images that are embedded at a time.
    pub batch: usize,
    model: Option<Rc<Model>>,
    /// The backbone that belongs to the newest model, if its last blocks were trained.
    pub tuned: Option<Rc<Backbone>>,
    /// The newest model as a safetensors file.
    pub model_file: Option<Rc<[u8]>>,
    /// How much each channel of each stage answers to an image at most.
    pub excitement: HashMap<SampleId, Rc<[f32]>>,
    /// What was computed for the newest run beside the embeddings.
    pub prepared: Rc<RefCell<Prepared>>,
    /// The newest map.
    pub map: Option<Rc<DrawnMap>>,
}

impl State {
    /// The schedule, after it was told whether the device is still there.
    pub fn schedule_now(&mut self) -> &mut Schedule {
        if let Some(ready) = &self.ready
            && ready.chosen.loss.has_happened()
        {
            self.schedule.device_lost();
        }
        &mut self.schedule
    }

    /// Device and backbone, once they are there.
    pub fn ready(&self) -> Option<&Rc<Ready>> {
        self.ready.as_ref()
    }

    /// Goes on with this device and backbone.
    pub fn set_ready(&mut self, ready: Ready) {
        self.ready = Some(Rc::new(ready));
        self.schedule.device_ready();
    }

    /// The newest model.
    pub fn model(&self) -> Option<&Rc<Model>> {
        self.model.as_ref()
    }

    /// Makes this the newest model.
    /// `tuned` is the backbone that belongs to it, if its last blocks were trained, and `file` is what is kept of it.
    pub fn set_model(&mut self, model: Model, tuned: Option<Rc<Backbone>>, file: Rc<[u8]>) {
        self.model = Some(Rc::new(model));
        // Other last blocks answer in another way.
        if tuned.is_some() || self.tuned.is_some() {
            self.excitement.clear();
        }
        self.tuned = tuned;
        self.model_file = Some(file);
        self.schedule.model_ready();
    }

    /// Forgets images.
    pub fn remove_samples(&mut self, samples: &[SampleId]) {
        self.schedule.samples.remove(samples);
        self.prepared.borrow_mut().remove(samples);
        for id in samples {
            self.excitement.remove(id);
        }
    }
}

impl Shared {
    /// Device and backbone, once they are there.
    pub fn ready(&self) -> Option<Rc<Ready>> {
        self.state.borrow().ready().cloned()
    }

    /// The newest model.
    pub fn model(&self) -> Option<Rc<Model>> {
        self.state.borrow().model().cloned()
    }

    /// An image's file.
    pub fn file(&self, id: SampleId) -> Option<Blob> {
        self.state.borrow().schedule.samples.file(id)
    }
}
