//! Images of none of the classes, to see whether the model notices. They are looked at and forgotten: nothing of them is kept.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use headstart_project::RunId;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use yew::prelude::*;

use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::context::{App, use_app};
use crate::services::engine::{Answer, Picture};
use crate::services::samples::media::ObjectUrl;
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::state::threshold::is_unknown;
use crate::text;

/// How long to wait for an engine that is being replaced.
const RETRY_MS: u32 = 500;
/// Images that are shown of each kind.
const SHOWN: usize = 48;

/// An image of none of the classes, as the newest model sees it.
#[derive(Clone)]
pub struct Stranger {
    name: AttrValue,
    url: Rc<ObjectUrl>,
    pub familiarity: f32,
    /// Index of the class that it would be taken for.
    class: usize,
}

impl PartialEq for Stranger {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.url, &other.url)
    }
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub plan: Rc<Plan>,
    pub project: Project,
    pub threshold: f32,
    pub strangers: Rc<[Stranger]>,
    pub onchange: Callback<Rc<[Stranger]>>,
}

#[component]
pub fn Strangers(props: &Props) -> Html {
    let app = use_app();
    // Images done and in all while they are being looked at.
    let progress = use_state_eq(|| None::<(usize, usize)>);
    let left_out = use_state_eq(|| 0_usize);
    let running = use_mut_ref(Rc::<Cell<bool>>::default);
    // Another model sees other things.
    {
        let run = props.plan.request.run;
        let (running, onchange) = (running.clone(), props.onchange.clone());
        let (progress, left_out) = (progress.clone(), left_out.clone());
        use_effect_with(run, move |_: &RunId| {
            onchange.emit(Rc::default());
            left_out.set(0);
            move || {
                running.borrow().set(false);
                progress.set(None);
            }
        });
    }
    let onfiles = {
        let (app, running, known) = (app.clone(), running.clone(), props.strangers.clone());
        let (progress, left_out) = (progress.clone(), left_out.clone());
        let onchange = props.onchange.clone();
        Callback::from(move |files: Vec<File>| {
            running.borrow().set(false);
            let is_wanted = Rc::new(Cell::new(true));
            *running.borrow_mut() = is_wanted.clone();
            let (app, progress, left_out) = (app.clone(), progress.clone(), left_out.clone());
            let (onchange, mut found) = (onchange.clone(), known.to_vec());
            spawn_local(async move {
                let total = files.len();
                let mut refused = 0;
                for (at, file) in files.into_iter().enumerate() {
                    progress.set(Some((at, total)));
                    match look(&app, file, &is_wanted).await {
                        Some(stranger) => found.push(stranger),
                        None => refused += 1,
                    }
                    if !is_wanted.get() {
                        return;
                    }
                    onchange.emit(found.as_slice().into());
                }
                left_out.set(refused);
                progress.set(None);
            });
        })
    };
    let clear = {
        let (onchange, running) = (props.onchange.clone(), running.clone());
        let (progress, left_out) = (progress.clone(), left_out.clone());
        Callback::from(move |_: MouseEvent| {
            running.borrow().set(false);
            progress.set(None);
            left_out.set(0);
            onchange.emit(Rc::default());
        })
    };
    let (away, taken): (Vec<&Stranger>, Vec<&Stranger>) = props
        .strangers
        .iter()
        .partition(|one| is_unknown(one.familiarity, Some(props.threshold)));
    let names = props.plan.names(&props.project);
    html! {
        <div class="strangers">
            <div class="button-row">
                <FileButton label="Images of none of your classes" icon={Icon::Upload} accept="image/*" multiple=true {onfiles} />
                if !props.strangers.is_empty() {
                    <button type="button" class="text-button" onclick={clear}>{ glyph(Icon::Trash) }{ "Clear" }</button>
                }
            </div>
            <div role="status">
                if let Some((done, total)) = *progress {
                    <p class="hint">{ format!("Looking at image {} of {total} …", done + 1) }</p>
                } else if !props.strangers.is_empty() {
                    <p>{ format!(
                        "{} of {} turned away.",
                        away.len(),
                        text::count(props.strangers.len(), "image"),
                    ) }</p>
                }
                if *left_out > 0 {
                    <p class="problem">{ format!("{} could not be read as images.", text::count(*left_out, "file")) }</p>
                }
            </div>
            if !taken.is_empty() {
                { group("Wrongly taken for one of your classes", &taken, |one| {
                    names.get(one.class).map_or_else(String::new, |name| format!("taken for {name}"))
                }) }
            }
            if !away.is_empty() {
                { group("Rightly turned away", &away, |_| String::new()) }
            }
        </div>
    }
}

fn group(title: &'static str, all: &[&Stranger], caption: impl Fn(&Stranger) -> String) -> Html {
    html! {
        <div>
            <h4>{ title }</h4>
            <ul class="stranger-list" role="list" aria-label={title}>
                { for all.iter().take(SHOWN).map(|one| {
                    let caption = caption(one);
                    html! {
                        <li>
                            <img src={one.url.get()} alt={one.name.clone()} loading="lazy" decoding="async" />
                            if !caption.is_empty() {
                                <span>{ caption }</span>
                            }
                        </li>
                    }
                }) }
            </ul>
            if all.len() > SHOWN {
                <p class="hint">{ format!("and {} more", text::count(all.len() - SHOWN, "image")) }</p>
            }
        </div>
    }
}

/// `None` for what is no image.
async fn look(app: &App, file: File, is_wanted: &Cell<bool>) -> Option<Stranger> {
    while is_wanted.get() {
        let picture = Picture::File(file.clone().into());
        match app.engine.classify(picture, None).await {
            Answer::Judged(judgement) => {
                return Some(Stranger {
                    name: file.name().into(),
                    url: Rc::new(ObjectUrl::new(&file)?),
                    familiarity: judgement.familiarity,
                    class: judgement.top()?,
                });
            }
            Answer::Rejected(_) => return None,
            Answer::NoEngine => TimeoutFuture::new(RETRY_MS).await,
        }
    }
    None
}
