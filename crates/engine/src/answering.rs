//! The questions of the page, and who answers each of them.

use std::rc::Rc;

use headstart_project::{
    Ask, EngineError, Failure, ListRequests, LookInside, Pack, Packed, Predict, Probed, Question,
    RequestId, Requests, Unpack, Varied, Vary,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use crate::browser::asked::{Asked, Outcome};
use crate::browser::port;
use crate::files::{exporting, opening, packing};
use crate::inputs::pictures::Image;
use crate::state::{Shared, ToPredict};
use crate::work::{backbone, inside, preparing};

/// Takes a question in. Its answer comes when it is there; that of a prediction, when its turn comes.
pub fn take(shared: Rc<Shared>, request: RequestId, question: Question, attachments: Vec<JsValue>) {
    match question {
        Question::Predict(Predict { frame, heat }) => {
            let asked = asked::<Predict>(request);
            match Image::new(frame, attachments) {
                Some(image) => {
                    shared
                        .state
                        .borrow_mut()
                        .schedule
                        .predict(ToPredict { asked, image, heat })
                }
                None => asked.answer(Err(no_image())),
            }
        }
        Question::OpenWeights(question) => answer(request, question, async move |question| {
            opening::open_weights(&shared, &question, file(attachments)?).await
        }),
        Question::Probe(question) => answer(request, question, async move |_| {
            let image_ms = backbone::probe(&shared).await?;
            Ok((Probed { image_ms }, Vec::new()))
        }),
        Question::Pack(question) => answer(request, question, async move |Pack { packing }| {
            let zip = packing::pack(&shared, *packing, attachments).await?;
            Ok((Packed {}, vec![zip.into()]))
        }),
        Question::Unpack(question) => answer(request, question, async move |Unpack { known }| {
            packing::unpack(file(attachments)?, &known).await
        }),
        Question::ExportModel(question) => answer(request, question, async move |question| {
            exporting::export_model(&shared, &question.export).await
        }),
        Question::LookInside(question) => {
            answer(request, question, async move |LookInside { frame }| {
                let image = Image::new(frame, attachments).ok_or_else(no_image)?;
                inside::look_inside(&shared, image).await
            });
        }
        Question::Vary(question) => answer(request, question, async move |question: Vary| {
            let ready = shared.ready();
            let ready = ready.ok_or_else(|| EngineError::internal("no backbone"))?;
            let image = Image::File(file(attachments)?);
            let copies = preparing::vary(image, ready.backbone.input_px(), &question).await?;
            Ok((Varied {}, copies))
        }),
        Question::ListRequests(question) => {
            answer(request, question, async move |_: ListRequests| {
                let requests = port::requests();
                Ok((Requests { requests }, Vec::new()))
            });
        }
    }
}

/// Answers a question by what `work` makes of it.
fn answer<Q: Ask + 'static>(
    request: RequestId,
    question: Q,
    work: impl AsyncFnOnce(Q) -> Outcome<Q> + 'static,
) {
    let asked = asked::<Q>(request);
    spawn_local(async move { asked.answer(work(question).await) });
}

fn asked<Q>(request: RequestId) -> Asked<Q> {
    Asked::new(request, Rc::new(port::post))
}

/// The file that is attached.
fn file(attachments: Vec<JsValue>) -> Result<Blob, Failure> {
    let file = attachments.into_iter().next();
    let file = file.and_then(|file| file.dyn_into().ok());
    file.ok_or_else(|| Failure::attachment("the file"))
}

fn no_image() -> Failure {
    Failure::attachment("the image")
}
