//! What the page asks the engine for and waits for.

use std::rc::Rc;

use headstart_project::{
    Analysis, Ask, Command, Failure, Frame, HeatFor, InsideStage, JobId, ListRequests, LookInside,
    Pack, Packing, Predict, Question, RequestId, SampleId,
};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;
use yew::Callback;

use super::Engine;
use super::answer::{Answer, Covered, Covering, Heard, Judgement, Picture, Unanswered, Waiting};
use super::running::Running;

impl Engine {
    /// Asks a question, with what belongs to it, and waits for its one answer.
    pub fn ask<Q: Ask>(
        &self,
        question: Q,
        attachments: &[JsValue],
    ) -> impl Future<Output = Heard<Q::Answer>> + use<Q> {
        let waiting = self.post_question(question.into(), attachments, &[]);
        async move { own::<Q>(waiting.heard().await) }
    }

    /// Has a project or a data set put together as a zip; `files` are those of its images, in order.
    pub async fn pack(&self, packing: Packing, files: &[JsValue]) -> Result<Blob, Unanswered> {
        let packing = Box::new(packing);
        let (_, attachments) = self.ask(Pack { packing }, files).await?;
        file(attachments)
    }

    /// What the engine has asked the network for, each with the bytes that came; nothing when there is no engine.
    pub async fn requests(&self) -> Vec<(String, f64)> {
        let asked = self.ask(ListRequests {}, &[]).await;
        asked.map_or_else(|_| Vec::new(), |(answer, _)| answer.requests)
    }

    /// What each stage of the backbone makes of a picture, and the grey values of its feature maps.
    pub async fn look_inside(
        &self,
        picture: Picture,
    ) -> Result<(Vec<InsideStage>, Vec<u8>), Unanswered> {
        let (frame, image) = picture.parts();
        let (answer, attachments) = self.ask(LookInside { frame }, &[image]).await?;
        let maps = attachments.first().and_then(JsCast::dyn_ref::<Uint8Array>);
        let maps = maps.ok_or_else(|| missing("the picture of the maps"))?;
        Ok((answer.stages, maps.to_vec()))
    }

    /// Classifies a picture with the newest model, and on demand says where that looked.
    pub async fn classify(&self, picture: Picture, heat: Option<HeatFor>) -> Answer {
        let (frame, image) = picture.parts();
        let image = [image];
        let transfer: &[JsValue] = match frame {
            Frame::File => &[],
            Frame::Bitmap => &image,
        };
        let question = Predict { frame, heat }.into();
        let waiting = self.post_question(question, &image, transfer);
        match own::<Predict>(waiting.heard().await) {
            Ok((prediction, _)) => Answer::Judged(Judgement {
                probabilities: prediction.probabilities.into(),
                familiarity: prediction.familiarity,
                heat: prediction.heat.map(Rc::new),
                place: prediction.place,
            }),
            Err(Unanswered::Failed(reason)) => Answer::Rejected(reason),
            Err(Unanswered::NoEngine) => Answer::NoEngine,
        }
    }

    fn post_question(
        &self,
        question: Question,
        attachments: &[JsValue],
        transfer: &[JsValue],
    ) -> Waiting {
        let client = &mut *self.0.borrow_mut();
        let waiting = Waiting::default();
        // What the engine has asked the network for it knows before it is ready.
        let can_answer = |running: &&mut Running| {
            running.is_ready || matches!(question, Question::ListRequests(_))
        };
        match client.worker.as_mut().filter(can_answer) {
            Some(running) => {
                client.last_request += 1;
                let request = RequestId(client.last_request);
                running.questions.insert(request, waiting.clone());
                let command = Command::Ask { request, question };
                if !running.post(&command, attachments, transfer)
                    && let Some(waiting) = running.questions.remove(&request)
                {
                    waiting.hear(Err(missing("what belongs to the question")));
                }
            }
            None => waiting.hear(Err(Unanswered::NoEngine)),
        }
        waiting
    }

    /// Hands an answer to whoever waits for it.
    pub(super) fn heard(&self, request: RequestId, heard: Heard<headstart_project::Answer>) {
        let waiting = {
            let mut client = self.0.borrow_mut();
            let running = client.worker.as_mut();
            running.and_then(|running| running.questions.remove(&request))
        };
        if let Some(waiting) = waiting {
            waiting.hear(heard);
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
}

impl Picture {
    /// Its form, and the browser's handle.
    fn parts(self) -> (Frame, JsValue) {
        match self {
            Self::File(file) => (Frame::File, file.into()),
            Self::Bitmap(bitmap) => (Frame::Bitmap, bitmap.into()),
        }
    }
}

/// Takes the file that an answer brings.
pub fn file(attachments: Vec<JsValue>) -> Result<Blob, Unanswered> {
    let file = attachments.into_iter().next();
    let file = file.and_then(|file| file.dyn_into().ok());
    file.ok_or_else(|| missing("the file"))
}

/// A question's own answer.
fn own<Q: Ask>(heard: Heard<headstart_project::Answer>) -> Heard<Q::Answer> {
    let (answer, attachments) = heard?;
    let answer = Q::answer(answer).ok_or_else(|| missing("the answer"))?;
    Ok((answer, attachments))
}

fn missing(what: &str) -> Unanswered {
    Unanswered::Failed(Failure::attachment(what).sentence)
}
