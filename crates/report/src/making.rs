//! What the model is, how it was made, and how to read the report.

use headstart_project::{
    DeviceKind, Kind, RunRecord, SETTINGS, Section, Setting, SplitCounts, TrainSettings,
};

use crate::markup::Html;
use crate::report::Report;
use crate::{charts, figures, text};

/// How many classes the introduction names; the rest are only counted.
const NAMED: usize = 12;

/// Title, date, and two sentences about what this is.
pub fn title(page: &mut Html, report: &Report) {
    let record = &report.record;
    page.raw("<header>\n<p class=\"brand\">Headstart report</p>\n<h1>")
        .name(&report.title)
        .raw("</h1>\n<p class=\"hint\">Run ")
        .count(report.run as usize)
        .raw(" · <time datetime=\"")
        .text(&report.made.iso)
        .raw("\">")
        .text(&report.made.words)
        .raw("</time></p>\n<p class=\"lead\">This model tells ")
        .text(&text::classes(record.classes.len()))
        .raw(" of images apart: ");
    let classes = record.classes.as_slice();
    match classes.get(..NAMED).filter(|_| classes.len() > NAMED + 1) {
        Some(first) => {
            for name in first {
                page.name(name).raw(", ");
            }
            page.text(&format!("and {} more", classes.len() - first.len()));
        }
        None => figures::names(page, classes),
    }
    page.raw(". It was made in a web browser from ")
        .text(&text::count(record.split.train as usize, "image"))
        .raw(", by training a small network on top of ")
        .raw(record.backbone.title())
        .raw(", which had learnt to see from a million photographs before; no image left the computer.</p>");
    if report.is_outdated {
        page.raw("<p class=\"remark\">It was trained before the last changes to the images or classes.</p>");
    }
    page.raw("</header>\n");
}

/// The learning curves.
pub fn training(page: &mut Html, record: &RunRecord) {
    if !record.history.is_empty() {
        page.raw("<section>\n<h2>How it learnt</h2>");
        charts::curves(page, record);
        page.raw("</section>\n");
    }
}

/// The number of images by class and part.
pub fn images(page: &mut Html, record: &RunRecord) {
    page.raw("<section>\n<h2>What it learnt from</h2><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Images by class and part\"><table><caption class=\"unseen\">Images by class and part</caption>")
        .head(&["Class", "Learnt from", "Held back for validation", "For testing"])
        .raw("<tbody>");
    for (class, counts) in record.classes.iter().zip(&record.images) {
        page.raw("<tr><th scope=\"row\">").name(class).raw("</th>");
        parts(page, counts);
    }
    page.raw("</tbody><tfoot><tr><th scope=\"row\">Together</th>");
    parts(page, &record.split);
    page.raw("</tfoot></table></div></section>\n");
}

fn parts(page: &mut Html, counts: &SplitCounts) {
    for count in [counts.train, counts.validation, counts.test] {
        page.raw("<td>").count(count as usize).raw("</td>");
    }
    page.raw("</tr>");
}

/// Settings, backbone and device.
pub fn settings(page: &mut Html, record: &RunRecord) {
    let settings = &record.settings;
    let device = match (record.device, record.adapter.as_str()) {
        (DeviceKind::Cpu, _) => "CPU".to_owned(),
        (DeviceKind::Webgpu, "") => "WebGPU".to_owned(),
        (DeviceKind::Webgpu, adapter) => format!("WebGPU · {adapter}"),
    };
    let head = match settings.hidden_units {
        0 => "Linear".to_owned(),
        units => format!("One hidden layer of {units} units"),
    };
    let deeper = match settings.fine_tuning.blocks {
        0 => "none: only the head was trained".to_owned(),
        blocks => format!(
            "{}, for at most {}",
            text::count(blocks as usize, "block"),
            text::count(settings.fine_tuning.epochs as usize, "epoch")
        ),
    };
    let varied = match settings.augmentation.copies {
        0 => "none".to_owned(),
        copies => format!("{copies} of each image"),
    };
    let rows = [
        ("Backbone", record.backbone.title().to_owned()),
        ("Head", head),
        ("Device", device),
        (
            Setting::Epochs.card().label,
            format!(
                "{}; number {} was the best and is kept",
                settings.epochs, record.best_epoch
            ),
        ),
    ]
    .into_iter()
    .chain(plain(settings))
    .chain([
        (
            "Balance classes",
            if settings.balance_classes {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ),
        ("Unfrozen", deeper),
        ("Varied copies", varied),
        (Setting::Seed.card().label, record.seed.to_string()),
        (
            "Time",
            format!(
                "{} to embed the images, {} to train",
                text::duration(record.timings_ms.embed),
                text::duration(record.timings_ms.train)
            ),
        ),
    ]);
    page.raw("<section>\n<h2>How it was made</h2><dl class=\"settings\">");
    for (name, value) in rows {
        page.raw("<div><dt>")
            .raw(name)
            .raw("</dt><dd>")
            .text(&value)
            .raw("</dd></div>");
    }
    page.raw("</dl><p class=\"hint\">The same images, settings and seed give the same model on the same device. “Download run record” gives all figures as a file for programs.</p></section>\n");
}

/// The lines of the settings that need nothing but their number; the other settings have lines of their own.
fn plain(settings: &TrainSettings) -> impl Iterator<Item = (&'static str, String)> {
    SETTINGS.iter().filter_map(|card| {
        let has_own_line = match card.field.as_ref()?.section {
            Section::Training | Section::HiddenLayer | Section::Measuring => matches!(
                card.id,
                Setting::Epochs | Setting::Seed | Setting::HiddenUnits
            ),
            Section::Deeper | Section::Varied => true,
        };
        let value = (card.read)(settings);
        let shown = match card.kind {
            Kind::Share => text::percent(value),
            Kind::Whole | Kind::Real => value.to_string(),
        };
        (!has_own_line).then_some((card.label, shown))
    })
}

/// What the words mean.
pub fn reading(page: &mut Html) {
    page.raw(include_str!("reading.html"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::report;

    #[test]
    fn the_settings_are_those_of_the_run() {
        let mut record = report().record;
        record.settings.dropout = 0.25;
        record.settings.fine_tuning.blocks = 2;
        record.settings.augmentation.copies = 3;
        let mut page = Html::default();
        settings(&mut page, &record);
        let page = page.into_string();
        let rows = page.split("<div><dt>").skip(1);
        let rows: Vec<_> = rows
            .filter_map(|row| row.split_once("</dd>")?.0.split_once("</dt><dd>"))
            .collect();
        let names: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "Backbone",
                "Head",
                "Device",
                "Epochs",
                "Batch size",
                "Learning rate",
                "Dropout",
                "Validation share",
                "Balance classes",
                "Unfrozen",
                "Varied copies",
                "Seed",
                "Time"
            ]
        );
        let values: Vec<_> = rows[4..12].iter().map(|(_, value)| *value).collect();
        assert_eq!(
            values,
            [
                "16",
                "0.001",
                "25%",
                "15%",
                "yes",
                "2 blocks, for at most 10 epochs",
                "3 of each image",
                "0"
            ]
        );
    }
}
