//! How good the model is, and where it is wrong.

use headstart_project::{MeasuredOn, TestRecord, counted};

use crate::markup::Html;
use crate::report::{Report, pictures};
use crate::{charts, text, words};

/// The headline: the accuracy, and how sure it is.
pub fn accuracy(page: &mut Html, report: &Report) {
    let record = &report.record;
    page.raw("<section>\n<h2>How good is it?</h2>");
    let Some((part, measured)) = record.measured() else {
        page.paragraph("No images were held back, so nothing can be said about new ones.")
            .raw("</section>\n");
        return;
    };
    page.raw("<div class=\"scores\">");
    for (name, figures) in [
        ("Test accuracy", &record.test),
        ("Validation accuracy", &record.validation),
    ] {
        if let Some(figures) = figures {
            score(page, name, figures);
        }
    }
    page.raw("</div>");
    let (right, total) = counted(&measured.confusion);
    charts::interval(page, right, total);
    page.paragraph(&words::mistaken(right, total, part))
        .paragraph(&words::interval(right, total, part));
    if part == MeasuredOn::Validation {
        page.hint("The validation images also chose the best epoch, so this figure is a little too good. For a fair result, keep some images aside for testing.");
        if !record.not_held_back.is_empty() {
            page.raw("<p class=\"remark\">Of ");
            names(page, &record.not_held_back);
            page.raw(" nothing could be held back, because all its images belong together or are too few. So this says nothing about it.</p>");
        }
    }
    page.raw("</section>\n");
}

fn score(page: &mut Html, name: &'static str, figures: &TestRecord) {
    let (right, total) = counted(&figures.confusion);
    page.raw("<p class=\"score\"><span>")
        .raw(name)
        .raw("</span> <strong>")
        .text(&text::percent(figures.accuracy))
        .raw("</strong> <small>")
        .text(&words::range(right, total))
        .raw("</small></p>");
}

/// `A, B and C`.
pub fn names(page: &mut Html, names: &[String]) {
    for (at, name) in names.iter().enumerate() {
        page.raw(match at {
            0 => "",
            _ if at + 1 == names.len() => " and ",
            _ => ", ",
        })
        .name(name);
    }
}

/// Which class was mistaken for which.
pub fn confusion(page: &mut Html, report: &Report) {
    if let Some((_, measured)) = report.record.measured() {
        page.raw("<section>\n<h2>What does it mix up?</h2>");
        matrix(
            page,
            "Confusion matrix",
            &report.record.classes,
            &measured.confusion,
        );
        page.raw("</section>\n");
    }
}

/// A confusion matrix. Cells are shaded by their share of the row, in steps on which the text stays readable.
pub fn matrix(page: &mut Html, caption: &'static str, classes: &[String], confusion: &[Vec<u32>]) {
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"")
        .raw(caption)
        .raw(match classes.len() {
            0..=7 => "\"><table class=\"matrix\"><caption>",
            8..=16 => "\"><table class=\"matrix is-large\"><caption>",
            _ => "\"><table class=\"matrix is-large is-huge\"><caption>",
        })
        .raw(caption)
        .raw("</caption><thead><tr><th scope=\"col\"><span class=\"unseen\">What the image shows</span></th>");
    for class in classes {
        page.raw("<th scope=\"col\">").name(class).raw("</th>");
    }
    page.raw("</tr></thead><tbody>");
    for (row, (class, counts)) in classes.iter().zip(confusion).enumerate() {
        let total: u32 = counts.iter().sum();
        page.raw("<tr><th scope=\"row\">").name(class).raw("</th>");
        for (column, &count) in counts.iter().enumerate() {
            let share = f64::from(count) / f64::from(total.max(1));
            let step = if count == 0 {
                0
            } else {
                1 + (share * 3.99) as usize
            };
            page.raw(if row == column {
                "<td class=\"right heat-"
            } else {
                "<td class=\"wrong heat-"
            })
            .count(step)
            .raw("\">")
            .count(count as usize)
            .raw("</td>");
        }
        page.raw("</tr>");
    }
    page.raw("</tbody></table></div>")
        .hint("Rows: what the image shows. Columns: what the model says.");
}

/// Precision, recall and F1.
pub fn classes(page: &mut Html, report: &Report) {
    let Some((_, measured)) = report.record.measured() else {
        return;
    };
    page.raw("<section>\n<h2>Each class by itself</h2><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Each class by itself\"><table><caption class=\"unseen\">Each class by itself</caption>")
        .head(&["Class", "Images", "How many it finds (recall)", "Right when it says so (precision)", "Both in one (F1)"])
        .raw("<tbody>");
    for (class, scores) in report.record.classes.iter().zip(&measured.per_class) {
        page.raw("<tr><th scope=\"row\">")
            .name(class)
            .raw("</th><td>")
            .count(scores.count as usize)
            .raw("</td>");
        let shares = [
            (scores.recall, "no images"),
            (scores.precision, "never said"),
            (scores.f1, "–"),
        ];
        for (share, without) in shares {
            page.cell(&share.map_or_else(|| without.to_owned(), text::whole));
        }
        page.raw("</tr>");
    }
    page.raw("</tbody>");
    if let Some(means) = measured.macro_average {
        page.raw("<tfoot><tr><th scope=\"row\">All classes alike (macro average)</th><td></td>")
            .cell(&text::whole(means.recall))
            .cell(&text::whole(means.precision))
            .cell(&text::whole(means.f1))
            .raw("</tr></tfoot>");
    }
    page.raw("</table></div></section>\n");
}

/// The images that were mistaken for something else.
pub fn mistakes(page: &mut Html, report: &Report) {
    let Some((part, measured)) = report.record.measured() else {
        return;
    };
    let (right, total) = counted(&measured.confusion);
    let wrong = total.saturating_sub(right) as usize;
    page.raw("<section>\n<h2>Mistakes</h2>");
    if wrong == 0 {
        page.paragraph(&words::mistaken(right, total, part));
    } else {
        let shown = report.mistakes.len();
        let all = text::count(wrong, "mistake");
        page.paragraph(&if shown < wrong {
            format!("{shown} of {all}, the surest first. The others are not shown, or their images were deleted.")
        } else {
            format!("{all}, the surest first.")
        });
        pictures(page, &report.mistakes, |page, picture| {
            page.raw("This is <b>")
                .name(&picture.actual)
                .raw("</b>, taken for <b>")
                .name(&picture.predicted)
                .raw("</b> (")
                .text(&words::sure(picture.probability))
                .raw(")");
        });
    }
    page.raw("</section>\n");
}
