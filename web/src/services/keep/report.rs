//! The report: collects what it needs, pictures too, and gives it to the user as a file.

use headstart_project::{Evaluation, LabelSuspect, MeasuredOn, SampleId, SampleVerdict};
use headstart_report::{MOST_MISTAKES, MOST_SUSPECTS, Moment, Picture, Report, html};
use js_sys::{Date, Object, Promise, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, FileReader};

use super::download;
use crate::context::App;
use crate::services::samples::media::Media;
use crate::state::State;
use crate::state::run::Results;

/// Saves the report of a run. Returns the file's name.
///
/// # Errors
/// With the browser's own error when it refuses.
pub async fn export(app: &App, results: &Results) -> Result<String, JsValue> {
    let mut report = compose(&app.state(), results);
    let (mistakes, suspects) = images(&app.state(), results, &report);
    report.mistakes = drawn(&app.media, mistakes).await;
    report.suspects = drawn(&app.media, suspects).await;
    let name = format!("headstart-report-{}.html", report.run);
    download::text(&name, "text/html", &html(&report))?;
    Ok(name)
}

/// Everything but the pictures.
fn compose(state: &State, results: &Results) -> Report {
    let names = results.plan.names(&state.project);
    let names = names.iter().map(|name| name.to_string()).collect();
    Report {
        title: match state.title.trim() {
            "" => "Unnamed project".to_owned(),
            title => title.to_owned(),
        },
        run: results.plan.request.run.0,
        made: now(),
        record: state.record_with_names(results, names),
        is_outdated: results.plan.is_outdated(&state.project),
        mistakes: Vec::new(),
        suspects: Vec::new(),
    }
}

type Images = Vec<(SampleId, Picture)>;

/// The images that the report shows; those that are gone are left out.
fn images(state: &State, results: &Results, report: &Report) -> (Images, Images) {
    let classes = &report.record.classes;
    let image = |id: SampleId, actual: u32, predicted: u32, probability: f32| {
        let name = |class: u32| classes.get(class as usize).cloned().unwrap_or_default();
        let (_, sample) = state.project.find(id)?;
        let picture = Picture {
            source: None,
            name: sample.name.to_string(),
            actual: name(actual),
            predicted: name(predicted),
            probability,
        };
        Some((id, picture))
    };
    let evaluation = results
        .evaluation(MeasuredOn::Test)
        .or_else(|| results.evaluation(MeasuredOn::Validation));
    let mistakes = evaluation.map(Evaluation::mistakes).unwrap_or_default();
    let mistake = |verdict: &SampleVerdict| {
        image(
            verdict.id,
            verdict.actual,
            verdict.predicted,
            verdict.confidence,
        )
    };
    let suspects = report.record.examination.as_ref().and_then(|_| {
        let found = state.analyses.examination.as_ref()?;
        Some(found.findings.labels.as_slice())
    });
    let suspect = |suspect: &LabelSuspect| {
        image(
            suspect.id,
            suspect.given,
            suspect.suggested,
            suspect.probability,
        )
    };
    (
        mistakes
            .iter()
            .filter_map(mistake)
            .take(MOST_MISTAKES)
            .collect(),
        suspects
            .unwrap_or_default()
            .iter()
            .filter_map(suspect)
            .take(MOST_SUSPECTS)
            .collect(),
    )
}

/// Fetches thumbnails one after the other, so that the page stays responsive.
async fn drawn(media: &Media, images: Images) -> Vec<Picture> {
    let mut pictures = Vec::with_capacity(images.len());
    for (id, mut picture) in images {
        // A picture that cannot be read is said to be missing; the figures are worth having without it.
        if let Some(thumbnail) = media.thumbnail(id) {
            picture.source = data_url(&thumbnail).await.ok();
        }
        pictures.push(picture);
    }
    pictures
}

/// A blob as an address that holds its content.
async fn data_url(blob: &Blob) -> Result<String, JsValue> {
    let reader = FileReader::new()?;
    reader.read_as_data_url(blob)?;
    let read = Promise::new(&mut |resolve, reject| {
        reader.set_onload(Some(&resolve));
        reader.set_onerror(Some(&reject));
    });
    JsFuture::from(read).await?;
    reader.result()?.as_string().ok_or(JsValue::NULL)
}

/// The time of day where the user is.
fn now() -> Moment {
    let now = Date::new_0();
    let options = Object::new();
    for (name, style) in [("dateStyle", "long"), ("timeStyle", "short")] {
        // Only fails on frozen objects.
        let _ = Reflect::set(&options, &name.into(), &style.into());
    }
    Moment {
        iso: now.to_iso_string().into(),
        words: now.to_locale_string("en-GB", &options).into(),
    }
}
