//! Files on their way into classes: the first check, in slices, so that thousands of files never block the page.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use headstart_images::{inspect, is_junk, place};
use headstart_project::{BurstId, ImportId, Part, Rejection};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File, Response};

use super::media::{ClassKey, Fingerprint, NewFile};
use crate::context::App;
use crate::state::project::ClassId;
use crate::state::{Action, Import, IntakeSlice, NewImage, Target};

/// Files checked at once. Their beginnings are read in parallel; the page breathes between two slices.
const SLICE: usize = 32;
/// Bytes that almost always hold an image's header.
const PREFIX_BYTES: f64 = 65_536.0;
/// The sample pictures, beside the page.
const SAMPLE_PATH: &str = "sample/sample.zip";

/// A file on its way into a class.
pub struct Incoming {
    pub file: Blob,
    pub name: Rc<str>,
    pub target: Target,
    pub part: Part,
    /// Of a frame that the camera recorded, which is known to be a good image, and meant even if it equals another.
    pub burst: Option<BurstId>,
}

/// A file with its path in the folder that was chosen or dropped.
pub struct PathFile {
    pub path: String,
    pub file: File,
}

/// The files that wait. Clones share them.
#[derive(Clone, Default)]
pub struct Intake(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Incoming>,
    rejected: Vec<(Rc<str>, Rejection)>,
    done: usize,
    total: usize,
    is_running: bool,
}

thread_local! {
    static BURSTS: Cell<u32> = const { Cell::new(0) };
}

/// Names a recording that begins.
pub fn next_burst() -> BurstId {
    BURSTS.set(BURSTS.get() + 1);
    BurstId(BURSTS.get())
}

impl Intake {
    fn push(
        &self,
        app: &App,
        files: impl IntoIterator<Item = Incoming>,
        rejected: Vec<(Rc<str>, Rejection)>,
    ) {
        let mut queue = self.0.borrow_mut();
        let before = queue.waiting.len();
        queue.waiting.extend(files);
        queue.total += queue.waiting.len() - before;
        queue.rejected.extend(rejected);
        if !queue.is_running {
            queue.is_running = true;
            spawn_local(run(app.clone()));
        }
    }

    fn next(&self) -> (Vec<Incoming>, Vec<(Rc<str>, Rejection)>) {
        let mut queue = self.0.borrow_mut();
        let count = queue.waiting.len().min(SLICE);
        let files: Vec<_> = queue.waiting.drain(..count).collect();
        (files, std::mem::take(&mut queue.rejected))
    }

    /// Counts `done` files and returns the progress, or `None` and rests when nothing is left.
    fn finish(&self, done: usize) -> Option<(usize, usize)> {
        let mut queue = self.0.borrow_mut();
        queue.done += done;
        if queue.waiting.is_empty() && queue.rejected.is_empty() {
            *queue = Queue::default();
            None
        } else {
            Some((queue.done, queue.total))
        }
    }
}

/// Adds files to one class. Archives among them are imported with classes of their own.
pub fn add_to_class(app: &App, class: ClassId, files: Vec<File>) {
    let (archives, images): (Vec<_>, Vec<_>) = files.into_iter().partition(is_archive);
    for archive in archives {
        read_archive(app, archive);
    }
    let images = images.into_iter().map(|file| Incoming {
        name: file.name().into(),
        file: file.into(),
        target: Target::Class(class),
        part: Part::Train,
        burst: None,
    });
    app.dispatch(Action::UseClass(class));
    app.intake.push(app, images, Vec::new());
}

/// Adds a picture that the camera recorded.
pub fn add_recorded(
    app: &App,
    class: ClassId,
    picture: Blob,
    name: Rc<str>,
    part: Part,
    burst: BurstId,
) {
    let incoming = Incoming {
        file: picture,
        name,
        target: Target::Class(class),
        part,
        burst: Some(burst),
    };
    app.intake.push(app, [incoming], Vec::new());
}

/// Imports a folder's files, whose paths name their classes, and archives among them.
pub fn import(app: &App, files: Vec<PathFile>) {
    let mut images = Vec::new();
    let mut rejected = Vec::new();
    for PathFile { path, file } in files {
        if is_junk(&path) {
            continue;
        }
        if is_archive(&file) {
            // An archive in a folder is as much the user's wish as one that was chosen by itself.
            read_archive(app, file);
            continue;
        }
        match place(&path) {
            Ok(placement) => images.push(Incoming {
                file: file.into(),
                name: placement.name.into(),
                target: Target::Named(placement.class.into()),
                part: placement.part,
                burst: None,
            }),
            Err(reason) => rejected.push((file.name().into(), reason)),
        }
    }
    app.intake.push(app, images, rejected);
}

/// Adds an image that the engine found in an archive.
pub fn add_from_archive(app: &App, file: Blob, class: String, part: Part, name: String) {
    let incoming = Incoming {
        file,
        name: name.into(),
        target: Target::Named(class.into()),
        part,
        burst: None,
    };
    app.intake.push(app, [incoming], Vec::new());
}

/// Gives an archive to the engine, which sends its images back one by one.
fn read_archive(app: &App, archive: File) {
    let name = archive.name();
    import_archive(app, archive.into(), name);
}

fn import_archive(app: &App, archive: Blob, name: String) {
    let id: ImportId = app.engine.read_archive(archive);
    app.dispatch(Action::ImportStarted(Import {
        id,
        name,
        images: 0,
    }));
}

/// A zip or a project of Teachable Machine, by its name or type. What is inside decides later whether it really is one.
fn is_archive(file: &File) -> bool {
    let name = file.name().to_ascii_lowercase();
    name.ends_with(".zip")
        || name.ends_with(".tm")
        || matches!(
            &*file.type_(),
            "application/zip" | "application/x-zip-compressed"
        )
}

/// The files of an input or a drop, with their paths where they have any.
pub fn with_paths(files: Vec<File>) -> Vec<PathFile> {
    files
        .into_iter()
        .map(|file| {
            let path = Reflect::get(&file, &JsValue::from_str("webkitRelativePath"))
                .ok()
                .and_then(|path| path.as_string())
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| file.name());
            PathFile { path, file }
        })
        .collect()
}

/// Checks what waits, slice by slice.
async fn run(app: App) {
    loop {
        let (files, mut rejected) = app.intake.next();
        let count = files.len();
        let beginnings = read_beginnings(&files).await;
        let mut added = Vec::with_capacity(count);
        for (file, beginning) in files.into_iter().zip(beginnings) {
            match check(&app, &file, &beginning).await {
                Ok(fingerprint) => {
                    let class = match &file.target {
                        Target::Class(id) => ClassKey::Id(*id),
                        Target::Named(name) => ClassKey::Name(name.clone()),
                    };
                    let id = app.media.add(NewFile {
                        file: file.file,
                        class,
                        fingerprint,
                    });
                    added.push(NewImage {
                        id,
                        name: file.name,
                        target: file.target,
                        part: file.part,
                        burst: file.burst,
                    });
                }
                Err(reason) => rejected.push((file.name, reason)),
            }
        }
        let progress = app.intake.finish(count);
        app.dispatch(Action::Intake(IntakeSlice {
            added,
            rejected,
            progress,
        }));
        if progress.is_none() {
            return;
        }
        next_frame().await;
    }
}

/// Waits until the page has drawn what was added: Yew would draw many slices at once, and nobody could click meanwhile.
/// A page in the background draws nothing, and needs not be waited for.
async fn next_frame() {
    const LONGEST_WAIT_MS: i32 = 100;
    let Some(window) = web_sys::window() else {
        return;
    };
    let frame = Promise::new(&mut |resolve, _reject| {
        let waits = window.request_animation_frame(&resolve).is_ok()
            && window
                .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, LONGEST_WAIT_MS)
                .is_ok();
        if !waits {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(frame).await;
}

/// The first bytes of each file; nothing where a file cannot be read.
async fn read_beginnings(files: &[Incoming]) -> Vec<Vec<u8>> {
    let reads: Array = files
        .iter()
        .map(
            |file| match file.file.slice_with_f64_and_f64(0.0, PREFIX_BYTES) {
                Ok(beginning) => beginning.array_buffer(),
                Err(error) => Promise::reject(&error),
            },
        )
        .collect();
    let Ok(settled) = JsFuture::from(Promise::all_settled(&reads)).await else {
        return vec![Vec::new(); files.len()];
    };
    Array::from(&settled)
        .iter()
        .map(|result| {
            Reflect::get(&result, &JsValue::from_str("value"))
                .ok()
                .filter(|value| !value.is_undefined())
                .map_or_else(Vec::new, |buffer| Uint8Array::new(&buffer).to_vec())
        })
        .collect()
}

/// The page's own check, which needs no decoding: is it an image, is it of a sane size, is it here already?
async fn check(
    app: &App,
    incoming: &Incoming,
    beginning: &[u8],
) -> Result<Option<Fingerprint>, Rejection> {
    if incoming.burst.is_some() {
        return Ok(None);
    }
    if beginning.is_empty() && incoming.file.size() > 0.0 {
        // There are bytes, but the browser could not read them.
        return Err(Rejection::Damaged);
    }
    inspect(beginning)?;
    let fingerprint = Fingerprint::new(incoming.file.size(), beginning);
    for twin in app.media.twins(fingerprint) {
        let state = app.state();
        let is_unseen = twin.id.0 > state.project.highest_sample;
        let class = match (state.project.find(twin.id), twin.class) {
            (Some((class, _)), _) => class.label(),
            (None, ClassKey::Name(name)) if is_unseen => name,
            (None, ClassKey::Id(id)) if is_unseen => state
                .project
                .class(id)
                .map_or_else(|| "".into(), |class| class.label()),
            // Deleted, though it can still come back: adding it again is what the user wants.
            (None, _) => continue,
        };
        if has_same_bytes(&incoming.file, &twin.file, beginning.len()).await {
            return Err(Rejection::Duplicate {
                class: class.to_string(),
            });
        }
    }
    Ok(Some(fingerprint))
}

/// Compares two files whose first `known` bytes and lengths are the same.
async fn has_same_bytes(a: &Blob, b: &Blob, known: usize) -> bool {
    if a.size() <= known as f64 {
        return true;
    }
    let pair = Array::of2(&a.array_buffer(), &b.array_buffer());
    let Ok(buffers) = JsFuture::from(Promise::all(pair.unchecked_ref())).await else {
        return false;
    };
    let buffers = Array::from(&buffers);
    let bytes = |at| Uint8Array::new(&buffers.get(at)).to_vec();
    bytes(0) == bytes(1)
}

/// Fetches the sample pictures that come with the page and imports them like any other archive.
pub async fn import_sample(app: &App) {
    match fetch_blob(SAMPLE_PATH).await {
        Ok(archive) => import_archive(app, archive, "The sample pictures".into()),
        Err(error) => app.dispatch(Action::Problem {
            title: "The sample pictures could not be loaded".into(),
            detail: format!(
                "{} Check the connection and try again, or use images of your own.",
                crate::text::sentence(&error)
            ),
        }),
    }
}

async fn fetch_blob(path: &str) -> Result<Blob, String> {
    let window = web_sys::window().ok_or("there is no window.")?;
    let response = JsFuture::from(window.fetch_with_str(path))
        .await
        .map_err(|_| "the file did not arrive.".to_owned())?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered with {}.", response.status()));
    }
    let promise = response
        .blob()
        .map_err(|_| "the file did not arrive.".to_owned())?;
    let blob = JsFuture::from(promise)
        .await
        .map_err(|_| "the file was cut off.".to_owned())?;
    Ok(blob.unchecked_into())
}
