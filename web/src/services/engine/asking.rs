//! What the page asks the engine for and waits for.

use std::cell::RefCell;
use std::rc::Rc;

use headstart_project::{
    Analysis, AugmentSettings, Command, Frame, HeatFor, JobId, ModelExport, Packing, RequestId,
    SampleId, SavedBackbone,
};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;
use yew::Callback;

use super::answer::{Answer, Covered, Covering, Given, Picture};
use super::{Engine, NOT_READY};

impl Engine {
    /// Has a project or a data set put together; `files` are those of its images, in order.
    pub fn pack(&self, packing: Packing, files: Vec<JsValue>, ongiven: Callback<Given>) {
        self.exchange(ongiven, files, |request| Command::Pack {
            request,
            packing: Box::new(packing),
        });
    }

    /// Has a project's file opened.
    /// What `known` backbones made of its images is taken over.
    pub fn unpack(&self, file: Blob, known: Vec<SavedBackbone>, ongiven: Callback<Given>) {
        self.exchange(ongiven, vec![file.into()], |request| Command::Unpack {
            request,
            known,
        });
    }

    /// Has another tool's weights file brought into Headstart's form.
    pub fn open_weights(
        &self,
        file: Blob,
        is_small: bool,
        keep_hidden: bool,
        ongiven: Callback<Given>,
    ) {
        self.exchange(ongiven, vec![file.into()], |request| Command::OpenWeights {
            request,
            keep_hidden,
            is_small,
        });
    }

    /// Has the backbone in use time itself.
    pub fn probe(&self, ongiven: Callback<Given>) {
        self.exchange(ongiven, Vec::new(), |request| Command::Probe { request });
    }

    /// Has the newest model put together for other tools.
    pub fn export_model(&self, export: ModelExport, ongiven: Callback<Given>) {
        self.exchange(ongiven, Vec::new(), |request| Command::ExportModel {
            request,
            export,
        });
    }

    /// Has an image varied, as a run would do it.
    pub fn vary(
        &self,
        file: Blob,
        sample: SampleId,
        augmentation: AugmentSettings,
        seed: u64,
        ongiven: Callback<Given>,
    ) {
        self.exchange(ongiven, vec![file.into()], |request| Command::Vary {
            request,
            sample,
            augmentation,
            seed,
        });
    }

    /// [`Engine::look_inside`], to be waited for.
    pub async fn seen_inside(&self, picture: Picture) -> Given {
        let none = Given::Failed(NOT_READY.into());
        answered(none, |ongiven| self.look_inside(picture, ongiven)).await
    }

    fn exchange(
        &self,
        ongiven: Callback<Given>,
        attachments: Vec<JsValue>,
        command: impl FnOnce(RequestId) -> Command,
    ) {
        let mut client = self.0.borrow_mut();
        client.last_request += 1;
        let request = RequestId(client.last_request);
        match client.worker.as_mut().filter(|running| running.is_ready) {
            Some(running) => {
                running.exchanges.insert(request, ongiven);
                running.post(&command(request), &attachments, &[]);
            }
            None => {
                drop(client);
                ongiven.emit(Given::Failed(NOT_READY.into()));
            }
        }
    }

    pub(super) fn give(&self, request: RequestId, given: Given) {
        let waiting = {
            let mut client = self.0.borrow_mut();
            let running = client.worker.as_mut();
            running.and_then(|running| running.exchanges.remove(&request))
        };
        if let Some(ongiven) = waiting {
            ongiven.emit(given);
        }
    }

    /// Hands over what the engine has asked the network for, each with the bytes that came.
    pub fn requests(&self, onlist: Callback<Vec<(String, f64)>>) {
        let client = &mut *self.0.borrow_mut();
        if let Some(running) = client.worker.as_mut() {
            running.onrequests = Some(onlist);
            running.post(&Command::ListRequests, &[], &[]);
        }
    }

    /// Covers one part of an image after the other; `onchange` hears how it goes, last of all `Done` or `Ended`.
    /// `None` when there is no engine.
    pub fn occlude(
        &self,
        image: Blob,
        heat: HeatFor,
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        self.look(Analysis::Occlude { heat }, &[image.into()], onchange)
    }

    /// Finds the images that excite a channel most; `onchange` hears how it goes, last of all `Excited` or `Ended`.
    /// `None` when there is no engine.
    pub fn excite(
        &self,
        samples: Vec<SampleId>,
        stage: u32,
        channel: u32,
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        let analysis = Analysis::Excite {
            samples,
            stage,
            channel,
        };
        self.look(analysis, &[], onchange)
    }

    fn look(
        &self,
        analysis: Analysis,
        attachments: &[JsValue],
        onchange: Callback<Covered>,
    ) -> Option<Covering> {
        let client = &mut *self.0.borrow_mut();
        client.occlusions += 1;
        let job = JobId(u32::MAX - client.occlusions);
        let running = client.worker.as_mut().filter(|running| running.is_ready)?;
        running.occlusions.insert(job, onchange);
        let command = Command::Analyse {
            job,
            analysis,
            weights: Vec::new(),
        };
        running.post(&command, attachments, &[]);
        let client = self.0.clone();
        Some(Covering { client, job })
    }

    /// Shows what each stage of the backbone makes of a picture.
    pub fn look_inside(&self, picture: Picture, ongiven: Callback<Given>) {
        let (frame, image) = match picture {
            Picture::File(file) => (Frame::File, JsValue::from(file)),
            Picture::Bitmap(bitmap) => (Frame::Bitmap, JsValue::from(bitmap)),
        };
        self.exchange(ongiven, vec![image], |request| Command::LookInside {
            request,
            frame,
        });
    }

    /// Classifies a picture with the newest model, and on demand says where that looked.
    pub async fn classify(&self, picture: Picture, heat: Option<HeatFor>) -> Answer {
        answered(Answer::NoEngine, |answer| {
            self.predict(picture, heat, answer)
        })
        .await
    }

    fn predict(&self, picture: Picture, heat: Option<HeatFor>, answer: Callback<Answer>) {
        let mut client = self.0.borrow_mut();
        client.last_request += 1;
        let request = RequestId(client.last_request);
        let Some(running) = client.worker.as_mut().filter(|running| running.is_ready) else {
            drop(client);
            answer.emit(Answer::NoEngine);
            return;
        };
        running.answers.insert(request, answer);
        match picture {
            Picture::File(file) => {
                let command = Command::Predict {
                    request,
                    frame: Frame::File,
                    heat,
                };
                running.post(&command, &[file.into()], &[]);
            }
            Picture::Bitmap(bitmap) => {
                let command = Command::Predict {
                    request,
                    frame: Frame::Bitmap,
                    heat,
                };
                let bitmap = JsValue::from(bitmap);
                let pixels = std::slice::from_ref(&bitmap);
                running.post(&command, pixels, pixels);
            }
        }
    }
}

/// Waits for the one answer to what `ask` asks; `none` stands in for it until then.
async fn answered<T: Clone + 'static>(none: T, ask: impl FnOnce(Callback<T>)) -> T {
    let slot = Rc::new(RefCell::new(none));
    let mut ask = Some(ask);
    let promise = Promise::new(&mut |resolve: Function, _| {
        let slot = slot.clone();
        let answer = Callback::from(move |answer| {
            *slot.borrow_mut() = answer;
            // A promise's own function does not throw.
            let _ = resolve.call0(&JsValue::NULL);
        });
        if let Some(ask) = ask.take() {
            ask(answer);
        }
    });
    // The promise is never rejected; what counts is in the slot.
    let _ = JsFuture::from(promise).await;
    slot.borrow().clone()
}
