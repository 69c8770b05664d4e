//! Projects and data sets as zip files, in and out.
//!
//! Files are read a piece at a time, and the zip is put together of the files themselves and what stands between them; nothing is held twice.

use headstart_archive::{
    Crc32, EMBEDDINGS, MODEL, Modified, PROJECT, Paths, ProjectCheck, RESULTS, ZipWriter,
    embeddings_header,
};
use headstart_images::ArchiveLimits;
use headstart_project::{
    Activity, EngineError, Event, OpenedProject, PackForm, Packing, Progress, ProjectFileError,
    SavedBackbone, Unpack, Unpacked,
};
use js_sys::{Array, Date, Float32Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, FileReaderSync};

use crate::browser::asked::Outcome;
use crate::browser::pause::Pause;
use crate::browser::port::{self, describe};
use crate::files::blob::BlobReader;
use crate::remaining::Remaining;
use crate::state::Shared;

/// Bytes of a file that are read at a time.
const CHUNK_BYTES: f64 = 4_194_304.0;

/// Puts a project or a data set together as one zip; `files` are those of its images, in order.
///
/// # Errors
/// When an image is missing, or the browser refuses.
pub async fn pack(
    shared: &Shared,
    packing: Packing,
    files: Vec<JsValue>,
) -> Result<Blob, EngineError> {
    let zip = try_pack(shared, packing, files).await;
    zip.map_err(|error| EngineError::internal(describe(&error)))
}

async fn try_pack(
    shared: &Shared,
    mut packing: Packing,
    files: Vec<JsValue>,
) -> Result<Blob, JsValue> {
    let mut zip = Parts::new()?;
    let is_project = packing.form == PackForm::Project;
    let mut paths = if is_project {
        Paths::project()
    } else {
        Paths::data_set()
    };
    let pause = Pause::new();
    let total = files.len() as u64;
    let mut remaining = Remaining::start(port::now_ms());
    let mut files = files.into_iter();
    let mut rows: Vec<Vec<f32>> = Vec::new();
    let features = packing.project.backbone.features;
    for class in &mut packing.project.classes {
        let folder = paths.class_folder(&class.name);
        for sample in &mut class.samples {
            let file: Blob = files.next().ok_or("an image is missing")?.dyn_into()?;
            sample.path = paths.file(sample.part, &folder, &sample.name);
            zip.add(&sample.path, &file, &pause).await?;
            if is_project {
                let state = shared.state.borrow();
                let embedding = state.schedule.samples.embedding(sample.id);
                let embedding = embedding.filter(|kept| kept.values.len() == features as usize);
                sample.embedding = embedding.map(|_| rows.len() as u32);
                rows.extend(embedding.map(|kept| kept.values.to_vec()));
            }
            remaining.advance(1);
            report(&remaining, total);
        }
    }
    if is_project {
        if !rows.is_empty() {
            let mut bytes = embeddings_header(rows.len() as u32, features);
            bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
            zip.add_bytes(EMBEDDINGS, &bytes, &pause).await?;
        }
        let model = shared.state.borrow().model_file.clone();
        if let (Some(run), Some(model)) = (&packing.run, model) {
            let text = serde_json::to_vec(run).map_err(words)?;
            zip.add_bytes(RESULTS, &text, &pause).await?;
            zip.add_bytes(MODEL, &model, &pause).await?;
        }
        let text = serde_json::to_vec_pretty(&packing.project).map_err(words)?;
        zip.add_bytes(PROJECT, &text, &pause).await?;
    }
    zip.finish()
}

/// Opens a project's file. Everything is checked before anything is announced.
///
/// What `known` backbones made of its images is taken over.
pub async fn unpack(file: Blob, known: &[SavedBackbone]) -> Outcome<Unpack> {
    Ok((Unpacked {}, try_unpack(file, known).await?))
}

async fn try_unpack(file: Blob, known: &[SavedBackbone]) -> Result<Vec<JsValue>, ProjectFileError> {
    let damaged = |error: JsValue| ProjectFileError::Damaged {
        detail: describe(&error),
    };
    let reader = BlobReader::new(file).map_err(damaged)?;
    let mut check = ProjectCheck::begin(reader, known, ArchiveLimits::default())?;
    let pause = Pause::new();
    let mut remaining = Remaining::start(port::now_ms());
    while check.step()? {
        remaining.advance(1);
        report(&remaining, check.progress().1 as u64);
        pause.when_due().await;
    }
    let mut opened = check.finish()?;
    let project = opened.project().clone();
    let described = headstart_wire::to_text(&OpenedProject {
        project: project.clone(),
        run: opened.run().cloned(),
        notes: opened.notes().to_vec(),
    });
    let mut attachments = vec![described.map_err(|error| damaged(error.to_string().into()))?];
    for index in 0..project.samples().count() {
        let bytes = Uint8Array::from(opened.image(index)?.as_slice());
        let blob = Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).map_err(damaged)?;
        attachments.push(blob.into());
        pause.when_due().await;
    }
    for sample in project.samples() {
        let values = opened.embedding(sample);
        attachments.extend(values.map(|values| Float32Array::from(values.as_slice()).into()));
    }
    attachments.extend(opened.model().map(|model| Uint8Array::from(model).into()));
    Ok(attachments)
}

/// A zip on its way: files, and what stands between them.
struct Parts {
    writer: ZipWriter,
    parts: Array,
    reader: FileReaderSync,
}

impl Parts {
    fn new() -> Result<Self, JsValue> {
        let now = Date::new_0();
        Ok(Self {
            writer: ZipWriter::new(Modified {
                year: now.get_full_year() as u16,
                month: now.get_month() as u8 + 1,
                day: now.get_date() as u8,
                hour: now.get_hours() as u8,
                minute: now.get_minutes() as u8,
                second: now.get_seconds() as u8,
            }),
            parts: Array::new(),
            reader: FileReaderSync::new()?,
        })
    }

    async fn add_bytes(&mut self, path: &str, bytes: &[u8], pause: &Pause) -> Result<(), JsValue> {
        let file = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))?;
        self.add(path, &file, pause).await
    }

    async fn add(&mut self, path: &str, file: &Blob, pause: &Pause) -> Result<(), JsValue> {
        let length = file.size();
        let mut crc32 = Crc32::new();
        let mut at = 0.0;
        while at < length {
            let end = (at + CHUNK_BYTES).min(length);
            let buffer = self
                .reader
                .read_as_array_buffer(&file.slice_with_f64_and_f64(at, end)?)?;
            crc32.update(&Uint8Array::new(&buffer).to_vec());
            at = end;
            pause.when_due().await;
        }
        let header = self.writer.entry(path, crc32.finalize(), length as u64);
        self.parts.push(&Uint8Array::from(header.as_slice()));
        self.parts.push(file);
        Ok(())
    }

    fn finish(self) -> Result<Blob, JsValue> {
        let end = self.writer.finish();
        self.parts.push(&Uint8Array::from(end.as_slice()));
        let options = BlobPropertyBag::new();
        options.set_type("application/zip");
        Blob::new_with_blob_sequence_and_options(&self.parts, &options)
    }
}

fn report(remaining: &Remaining, total: u64) {
    let done = remaining.done();
    let progress = Progress {
        activity: Activity::Pack,
        done,
        total,
        remaining_ms: remaining.estimate_ms(total.saturating_sub(done), port::now_ms()),
    };
    port::post(&Event::Progress(progress), &[]);
}

fn words(error: impl std::fmt::Display) -> JsValue {
    JsValue::from(error.to_string())
}
