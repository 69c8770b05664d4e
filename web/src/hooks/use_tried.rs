//! The picture in Try, and what the model says of it.

use std::rc::Rc;

use headstart_project::{HeatFor, RunId};
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::prelude::*;

use crate::context::App;
use crate::services::engine::{Answer, Judgement, Picture};
use crate::services::samples::media::ObjectUrl;
use crate::state::Action;
use crate::state::camera::CameraOwner;
use crate::state::run::Plan;
use crate::text;

/// What the answer depends on beside the picture.
#[derive(Clone, Copy, PartialEq)]
pub struct Asked {
    /// The run whose head answers.
    pub run: Option<RunId>,
    pub is_ready: bool,
    pub has_camera: bool,
    /// Also ask where the model looks.
    pub heat: Option<HeatFor>,
}

/// The image to classify and its address.
pub struct Shown {
    pub file: File,
    pub url: ObjectUrl,
    /// Tells images apart.
    number: u32,
}

/// An answer, and the head that gave it.
#[derive(Clone, PartialEq)]
struct Answered {
    run: RunId,
    judgement: Judgement,
}

/// What the hook gives to its component.
pub struct Tried {
    /// The image that was chosen last.
    pub shown: Option<Rc<Shown>>,
    answered: Option<Answered>,
    /// The first of these files takes its place.
    pub onfiles: Callback<Vec<File>>,
    /// Opens the camera, or closes it.
    pub oncamera: Callback<MouseEvent>,
    /// The newest answer to a picture of the camera.
    pub onanswer: Callback<Judgement>,
}

impl Tried {
    /// What the model of this plan says. An answer of another head, or for other classes, is none any more.
    pub fn judgement(&self, plan: Option<&Plan>) -> Option<&Judgement> {
        let (plan, answered) = (plan?, self.answered.as_ref()?);
        let judgement = &answered.judgement;
        let is_current = judgement.probabilities.len() == plan.class_ids.len()
            && answered.run == plan.request.run;
        is_current.then_some(judgement)
    }
}

#[hook]
pub fn use_tried(app: &App, asked: Asked) -> Tried {
    let shown = use_state(|| None::<Rc<Shown>>);
    let answered = use_state_eq(|| None::<Answered>);
    use_classified(app, asked, &shown, &answered);
    {
        let live = app.live.clone();
        use_effect_with(asked.has_camera, move |_| live.set(None));
    }
    let numbers = use_mut_ref(|| 0);
    let onfiles = {
        let (app, shown, answered) = (app.clone(), shown.clone(), answered.clone());
        Callback::from(move |files: Vec<File>| {
            let Some(file) = files.into_iter().next() else {
                return;
            };
            let Some(url) = ObjectUrl::new(&file) else {
                return;
            };
            app.dispatch(Action::CloseCamera(CameraOwner::Try));
            answered.set(None);
            *numbers.borrow_mut() += 1;
            let number = *numbers.borrow();
            shown.set(Some(Rc::new(Shown { file, url, number })));
        })
    };
    let oncamera = {
        let (app, answered) = (app.clone(), answered.clone());
        Callback::from(move |_: MouseEvent| {
            answered.set(None);
            app.dispatch(if asked.has_camera {
                Action::CloseCamera(CameraOwner::Try)
            } else {
                Action::OpenCamera(CameraOwner::Try)
            });
        })
    };
    let onanswer = {
        let (app, answered) = (app.clone(), answered.clone());
        Callback::from(move |judgement: Judgement| {
            // Asked of the live state, since a new head may have been trained since this callback was made.
            let run = app
                .state()
                .results
                .as_ref()
                .map(|results| results.plan.request.run);
            if let Some(run) = run {
                app.live.set(judgement.place);
                answered.set(Some(Answered { run, judgement }));
            }
        })
    };
    Tried {
        shown: (*shown).clone(),
        answered: (*answered).clone(),
        onfiles,
        oncamera,
        onanswer,
    }
}

/// The image is classified when it is chosen, and again by every new head and every new engine, and when another heat map is wanted.
#[hook]
fn use_classified(
    app: &App,
    asked: Asked,
    shown: &UseStateHandle<Option<Rc<Shown>>>,
    answered: &UseStateHandle<Option<Answered>>,
) {
    let (app, handle, answered) = (app.clone(), shown.clone(), answered.clone());
    let number = shown.as_ref().map(|shown| shown.number);
    use_effect_with((number, asked), move |&(_, asked)| {
        let (Some(shown), Some(run), true, false) = (
            (*handle).clone(),
            asked.run,
            asked.is_ready,
            asked.has_camera,
        ) else {
            return;
        };
        spawn_local(async move {
            let picture = Picture::File(shown.file.clone().into());
            match app.engine.classify(picture, asked.heat).await {
                Answer::Judged(judgement) => {
                    app.live.set(judgement.place);
                    answered.set(Some(Answered { run, judgement }));
                }
                Answer::Rejected(reason) => {
                    handle.set(None);
                    app.dispatch(Action::Problem {
                        title: format!("{} cannot be recognised", shown.file.name()),
                        detail: text::sentence(&reason.to_string()),
                    });
                }
                // The effect runs again when there is an engine.
                Answer::NoEngine => {}
            }
        });
    });
}
