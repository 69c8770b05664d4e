//! What is known beyond the accuracy: whether the model and its images can be trusted.

use headstart_project::{Experiment, MeasuredOn, RunRecord, counted};

use crate::figures::matrix;
use crate::markup::Html;
use crate::report::{Report, pictures};
use crate::{charts, conclusion, text, words};

/// Calibration and baselines.
pub fn trust(page: &mut Html, record: &RunRecord) {
    if record.calibration.is_none() && record.baselines.is_none() {
        return;
    }
    page.raw("<section>\n<h2>Can you trust it?</h2>");
    if let Some(calibration) = &record.calibration {
        page.raw(
            "<div class=\"keep\"><h3>Is it right as often as it says?</h3><div class=\"columns\">",
        );
        charts::reliability(page, &calibration.before, &calibration.after);
        page.raw("<div>")
            .paragraph(&words::calibration(&calibration.after))
            .paragraph(&format!(
                "Its temperature{}",
                words::temperature(calibration)
            ))
            .raw("<table><caption>Expected calibration error, in per cent</caption>")
            .head(&["As trained", "With temperature"])
            .raw("<tbody><tr>")
            .cell(&text::percent(calibration.before.error))
            .cell(&text::percent(calibration.after.error))
            .raw("</tr></tbody></table>")
            .hint(&words::measured(
                calibration.measured_on,
                &calibration.after,
            ));
        if calibration.measured_on == MeasuredOn::Validation {
            page.hint(
                "The temperature was chosen on the same images, so this is a little too good.",
            );
        }
        page.raw("</div></div></div>");
    }
    if let Some((baselines, accuracy)) = record.baselines.and_then(|baselines| {
        let figures = match baselines.measured_on {
            MeasuredOn::Test => record.test.as_ref(),
            MeasuredOn::Validation => record.validation.as_ref(),
        };
        Some((baselines, figures?.accuracy))
    }) {
        page.raw("<h3>Is it better than something simple?</h3>")
            .paragraph(&words::baselines(accuracy, &baselines))
            .raw("<table class=\"bars\"><caption class=\"unseen\">Accuracy of the model and of the baselines</caption>")
            .head(&["Method", "Accuracy", "<span class=\"unseen\">Drawn</span>"])
            .raw("<tbody>");
        for (name, share) in [
            ("This model", accuracy),
            ("The most similar images vote", baselines.nearest_neighbours),
            ("Always the largest class", baselines.largest_class),
        ] {
            page.raw("<tr><th scope=\"row\">")
                .raw(name)
                .raw("</th>")
                .cell(&text::percent(share))
                .raw("<td>");
            charts::bar(page, share);
            page.raw("</td></tr>");
        }
        page.raw("</tbody></table>").hint(&format!(
            "The vote: by the same embeddings the {} nearest neighbours give each image its class.",
            baselines.neighbours
        ));
    }
    page.raw("</section>\n");
}

/// “None of these”.
pub fn unknowns(page: &mut Html, record: &RunRecord) {
    if let Some(unknowns) = &record.unknowns {
        page.raw("<section>\n<h2>None of these</h2>")
            .paragraph("Whatever it is shown, a model names one of its classes. So Headstart also looks at how familiar an image is: if nothing that was learnt from is like it, the answer is “None of these”.")
            .paragraph(&words::auroc(unknowns.auroc))
            .paragraph(&words::threshold(unknowns))
            .hint(&format!(
                "Measured on {}.",
                words::images(unknowns.known, unknowns.measured_on)
            ))
            .raw("</section>\n");
    }
}

/// Every image predicted once by a model that had not seen it.
pub fn cross_validation(page: &mut Html, record: &RunRecord) {
    page.raw("<section>\n<h2>Cross-validation</h2>");
    let Some(found) = &record.cross_validation else {
        page.paragraph("It was not done for these images.")
            .raw("</section>\n");
        return;
    };
    let (right, total) = counted(&found.confusion);
    page.raw("<p class=\"score\"><span>Accuracy on average</span> <strong>")
        .text(&text::percent(found.mean))
        .raw("</strong> <small>± ")
        .text(&text::percent(found.deviation))
        .raw("</small></p>");
    charts::folds(page, &found.folds);
    page.paragraph(&words::folds(&found.folds, right, total, found.elapsed_ms));
    matrix(
        page,
        "Confusion matrix of the cross-validation",
        &record.classes,
        &found.confusion,
    );
    page.raw("</section>\n");
}

/// The same images, learnt in several ways.
pub fn comparison(page: &mut Html, record: &RunRecord) {
    for experiment in record.comparison.iter().chain(&record.backbones) {
        compared(page, experiment);
    }
}

fn compared(page: &mut Html, experiment: &Experiment) {
    page.raw("<section>\n<h2>What transfer learning is worth here</h2>")
        .paragraph(&conclusion(experiment))
        .raw("<table><thead><tr><th scope=\"col\">Images of each class</th>");
    for &amount in &experiment.per_class {
        let amount = words::amount(experiment, amount);
        page.raw("<th scope=\"col\">").text(&amount).raw("</th>");
    }
    page.raw("</tr></thead><tbody>");
    for &method in &experiment.methods {
        page.raw("<tr><th scope=\"row\">")
            .text(method.title())
            .raw("</th>");
        for &amount in &experiment.per_class {
            page.cell(&words::reached(experiment, method, amount));
        }
        page.raw("</tr>");
    }
    page.raw("</tbody></table>\n</section>\n");
}

/// What is wrong with the images.
pub fn doctor(page: &mut Html, report: &Report) {
    page.raw("<section>\n<h2>What the data doctor found</h2>");
    let Some(found) = &report.record.examination else {
        page.paragraph("These images were not examined.")
            .raw("</section>\n");
        return;
    };
    let suspects = found.suspects.len();
    let is_healthy = found.leaks == 0
        && found.duplicate_groups == 0
        && suspects == 0
        && found.classes.is_empty();
    if is_healthy {
        page.paragraph("Nothing to worry about: no images that are there twice, no labels that look wrong, no class that is too small or one-sided.");
    } else {
        page.raw("<ul>");
        if found.leaks > 0 {
            page.raw("<li>")
                .text(&text::count(found.leaks as usize, "test image"))
                .raw(" looking just like images to learn from: they make the test accuracy too good.</li>");
        }
        if found.duplicate_groups > 0 {
            page.raw("<li>")
                .text(&format!(
                    "{} all but the same, in {}.",
                    text::count(found.duplicates as usize, "image"),
                    text::count(found.duplicate_groups as usize, "group")
                ))
                .raw("</li>");
        }
        for finding in &found.classes {
            page.raw("<li>")
                .text(&words::class_problem(&finding.class, finding.problem))
                .raw("</li>");
        }
        if suspects > 0 {
            page.raw("<li>")
                .text(&text::count(suspects, "image"))
                .raw(" probably in the wrong class: models that had not seen them would have put them into another one.</li>");
        }
        page.raw("</ul>");
    }
    if !report.suspects.is_empty() {
        page.raw("<h3>Labels that look wrong</h3>");
        if report.suspects.len() < suspects {
            page.paragraph(&format!(
                "{} of {}, the most suspect first.",
                report.suspects.len(),
                text::count(suspects, "image")
            ));
        }
        pictures(page, &report.suspects, |page, picture| {
            page.raw("Is in <b>")
                .name(&picture.actual)
                .raw("</b>, looks like <b>")
                .name(&picture.predicted)
                .raw("</b> (")
                .text(&text::whole(f64::from(picture.probability)))
                .raw(" ")
                .name(&picture.actual)
                .raw(")");
        });
    }
    page.raw("</section>\n");
}
