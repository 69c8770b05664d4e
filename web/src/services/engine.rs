//! The engine's worker: starting, talking, watching, and replacing it.
//!
//! The engine mirrors the page's state. `sync` tells it what changed; a new engine knows nothing, so the same `sync` tells it everything.

mod answer;
mod asking;
mod hearing;
mod running;

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use headstart_project::{DevicePreference, Event, ImportId};
use js_sys::Date;
use web_sys::Blob;

pub use self::answer::{Answer, Covered, Covering, Judgement, Picture, Unanswered};
pub use self::asking::file;
use self::running::{ArchiveJob, Running};
use crate::context::App;
use crate::state::{Action, State};

/// Events are gathered this long and then change the state at once.
const GATHER_MS: u32 = 16;
/// Deaths within `DEATHS_WITHIN_MS` after which the user decides.
const MAX_DEATHS: usize = 3;
const DEATHS_WITHIN_MS: f64 = 60_000.0;

const NOT_READY: &str = "The engine is not ready yet. Wait a moment and try again.";

/// The client. Clones share it.
#[derive(Clone, Default)]
pub struct Engine(Rc<RefCell<Client>>);

#[derive(Default)]
struct Client {
    worker: Option<Running>,
    archives: Vec<ArchiveJob>,
    last_import: u32,
    last_request: u32,
    /// Occlusion maps are asked for here and not by the state, whose jobs count upwards; these count down from the top.
    occlusions: u32,
    gathered: Vec<Event>,
    gathering: Option<Timeout>,
    deaths: Vec<f64>,
}

impl Engine {
    /// Starts an engine in place of the one that runs.
    pub fn start(&self, app: &App, preference: DevicePreference) {
        self.end_worker();
        match Running::spawn(app, preference) {
            Ok(running) => self.0.borrow_mut().worker = Some(running),
            Err(error) => app.dispatch(Action::EngineGaveUp {
                message: format!("{error:?}"),
            }),
        }
    }

    /// Starts anew because the user asks for it.
    pub fn retry(&self, app: &App) {
        self.0.borrow_mut().deaths.clear();
        app.dispatch(Action::EngineRestarted { reason: None });
        let preference = app.state().engine.preference;
        self.start(app, preference);
    }

    /// Tells a ready engine what it does not know yet.
    pub fn sync(&self, app: &App, state: &State) {
        let mut client = self.0.borrow_mut();
        if let Some(running) = client.worker.as_mut().filter(|running| running.is_ready) {
            running.sync(app, state);
        }
    }

    /// Has an archive read, now or as soon as there is an engine.
    pub fn read_archive(&self, file: Blob) -> ImportId {
        let client = &mut *self.0.borrow_mut();
        client.last_import += 1;
        let job = ArchiveJob {
            id: ImportId(client.last_import),
            file,
            received: 0,
            skip: 0,
        };
        if let Some(running) = client.worker.as_ref().filter(|running| running.is_ready) {
            job.post(running);
        }
        let id = job.id;
        client.archives.push(job);
        id
    }

    /// Ends the worker, if there is one, and answers what waits for it.
    fn end_worker(&self) {
        let ended = {
            let client = &mut *self.0.borrow_mut();
            for job in &mut client.archives {
                job.skip = job.received;
            }
            client.worker.take()
        };
        if let Some(running) = ended {
            running.worker.terminate();
            for waiting in running.questions.into_values() {
                waiting.hear(Err(Unanswered::NoEngine));
            }
            for onchange in running.occlusions.into_values() {
                onchange.emit(Covered::Ended(None));
            }
        }
    }

    /// An engine that fails before its first word did not arrive whole, and the next one would not either.
    fn failed(&self, app: &App, message: &str) {
        let has_loaded = {
            let client = self.0.borrow();
            client
                .worker
                .as_ref()
                .is_some_and(|running| running.watchdog.is_some())
        };
        if has_loaded {
            self.died(app, message);
        } else {
            web_sys::console::warn_1(&format!("Headstart: {message}").into());
            self.end_worker();
            app.dispatch(Action::EngineGaveUp {
                message:
                    "Its code could not be loaded. Check the connection, then press Try again."
                        .into(),
            });
        }
    }

    /// The engine has died: replaces it, unless it dies all the time.
    fn died(&self, app: &App, message: &str) {
        // The error itself, if there was one, the browser has already written to the console.
        web_sys::console::warn_1(&format!("Headstart: the engine stopped: {message}").into());
        self.flush(app);
        self.end_worker();
        let now = Date::now();
        let deaths = {
            let client = &mut *self.0.borrow_mut();
            client.deaths.retain(|at| now - at < DEATHS_WITHIN_MS);
            client.deaths.push(now);
            client.deaths.len()
        };
        if deaths >= MAX_DEATHS {
            app.dispatch(Action::EngineGaveUp {
                message: format!(
                    "It stopped {MAX_DEATHS} times within a minute. Your images are safe. Closing other tabs may help; then press Try again."
                ),
            });
            return;
        }
        app.dispatch(Action::EngineRestarted {
            reason: Some("Your images and your trained model are still here, and the work that was under way goes on.".into()),
        });
        let preference = app.state().engine.preference;
        self.start(app, preference);
    }

    fn watch(&self, app: &App) {
        let is_silent = {
            let mut client = self.0.borrow_mut();
            client.worker.as_mut().is_some_and(Running::watch)
        };
        if is_silent {
            self.died(app, "it did not answer for 30 seconds");
        }
    }
}
