//! The report's drawings, as SVG.

use headstart_project::{EpochMetrics, Reliability, RunRecord, wilson};

use crate::axis::{epoch_ticks, path, round_up, tick_text, ticks};
use crate::markup::Html;
use crate::{text, words};

/// The labels below a line from 0 to 100 %.
const SCALE: &str = "<text x=\"0\" y=\"32\">0%</text><text x=\"160\" y=\"32\" text-anchor=\"middle\">50%</text><text x=\"320\" y=\"32\" text-anchor=\"end\">100%</text>";

/// A proportion on a line from 0 to 100 %, with the range of the true value.
pub fn interval(page: &mut Html, right: u32, total: u32) {
    let share = f64::from(right) / f64::from(total.max(1));
    let [low, high] = wilson(right, total);
    let x = |share: f64| 8.0 + share * 304.0;
    let label = format!(
        "Accuracy {}, most likely between {} and {}",
        text::percent(share),
        text::whole(low),
        text::whole(high)
    );
    page.raw("<svg class=\"interval\" viewBox=\"0 0 320 34\" role=\"img\" aria-label=\"")
        .text(&label)
        .raw("\"><path class=\"axis\" d=\"M8 10H312\"/><path class=\"range\" d=\"M")
        .length(x(low))
        .raw(" 10H")
        .length(x(high))
        .raw("\"/><circle class=\"dot\" r=\"6\" cy=\"10\" cx=\"")
        .length(x(share))
        .raw("\"/>")
        .raw(SCALE)
        .raw("</svg>");
}

/// A bar from 0 to 100 %. The figure itself is next to it.
pub fn bar(page: &mut Html, share: f64) {
    page.raw("<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"bar-back\" width=\"100\" height=\"10\"/><rect height=\"10\" width=\"")
        .length(share.clamp(0.0, 1.0) * 100.0)
        .raw("\"/></svg>");
}

/// The accuracy of each fold, as dots on a line from 0 to 100 %.
pub fn folds(page: &mut Html, folds: &[f64]) {
    let shares: Vec<_> = folds.iter().map(|&fold| text::percent(fold)).collect();
    let label = format!(
        "Accuracy of each of the {} models: {}",
        folds.len(),
        shares.join(", ")
    );
    page.raw("<svg class=\"interval\" viewBox=\"0 0 320 34\" role=\"img\" aria-label=\"")
        .text(&label)
        .raw("\"><path class=\"axis\" d=\"M8 10H312\"/>");
    for fold in folds {
        page.raw("<circle class=\"dot\" r=\"6\" cy=\"10\" cx=\"")
            .length(8.0 + fold * 304.0)
            .raw("\"/>");
    }
    page.raw(SCALE).raw("</svg>");
}

/// One of an epoch's figures; absent without a validation part.
type Value = fn(&EpochMetrics) -> Option<f64>;

/// What a chart over epochs shows.
struct Curve {
    title: &'static str,
    /// The upper end; the lower one is 0.
    top: f64,
    is_share: bool,
    train: Value,
    validation: Value,
}

/// The learning curves.
pub fn curves(page: &mut Html, record: &RunRecord) {
    let mut loss = Curve {
        title: "Loss: lower is better",
        top: 1.0,
        is_share: false,
        train: |metrics| Some(metrics.train_loss),
        validation: |metrics| metrics.validation_loss,
    };
    let values = record.history.iter().flat_map(|metrics| {
        let values = [(loss.train)(metrics), (loss.validation)(metrics)];
        values.into_iter().flatten()
    });
    loss.top = round_up(values.filter(|value| value.is_finite()).fold(0.0, f64::max));
    let accuracy = Curve {
        title: "Accuracy: higher is better",
        top: 1.0,
        is_share: true,
        train: |metrics| Some(metrics.train_accuracy),
        validation: |metrics| metrics.validation_accuracy,
    };
    page.raw("<div class=\"columns\">");
    curve(page, record, &loss);
    curve(page, record, &accuracy);
    page.raw("</div><p class=\"legend\"><span class=\"key train\">training</span>");
    if record.validation.is_some() {
        page.raw("<span class=\"key validation\">validation</span>");
    }
    page.raw("<span class=\"key best\">best epoch, which is kept</span></p>");
}

fn curve(page: &mut Html, record: &RunRecord, curve: &Curve) {
    let epochs = record.settings.epochs;
    let write = |value: f64| match curve.is_share {
        true => text::percent(value),
        false => format!("{value:.3}"),
    };
    let x = |epoch: f64| 40.0 + (epoch - 1.0) / f64::from(epochs.max(2) - 1) * 270.0;
    let y = |value: f64| 116.0 - (value / curve.top).clamp(0.0, 1.0) * 104.0;
    let mut label = curve.title.to_owned();
    if let Some(last) = record.history.last() {
        label.push_str(&format!(". After epoch {}:", last.epoch));
        let values = [
            (" training ", (curve.train)(last)),
            (", validation ", (curve.validation)(last)),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                label.push_str(name);
                label.push_str(&write(value));
            }
        }
    }
    page.raw("<figure><figcaption>")
        .raw(curve.title)
        .raw("</figcaption><svg viewBox=\"0 0 320 150\" role=\"img\" aria-label=\"")
        .text(&label)
        .raw(".\">");
    for tick in ticks(curve.top) {
        page.raw("<path class=\"grid\" d=\"M40 ")
            .length(y(tick))
            .raw("H310\"/><text x=\"34\" text-anchor=\"end\" y=\"")
            .length(y(tick) + 4.0)
            .raw("\">")
            .text(&tick_text(tick, curve.is_share))
            .raw("</text>");
    }
    for epoch in epoch_ticks(epochs) {
        page.raw("<text text-anchor=\"middle\" y=\"131\" x=\"")
            .length(x(f64::from(epoch)))
            .raw("\">")
            .count(epoch as usize)
            .raw("</text>");
    }
    page.raw("<path class=\"axis\" d=\"M40 12V116H310\"/><text text-anchor=\"middle\" x=\"175\" y=\"147\">epoch</text><path class=\"best\" d=\"M")
        .length(x(f64::from(record.best_epoch)))
        .raw(" 12V116\"/>");
    for (class, value) in [("train", curve.train), ("validation", curve.validation)] {
        let points: Vec<_> = record
            .history
            .iter()
            .filter_map(|metrics| Some((f64::from(metrics.epoch), value(metrics)?)))
            .filter(|(_, value)| value.is_finite())
            .collect();
        page.raw("<path class=\"line ")
            .raw(class)
            .raw("\" d=\"")
            .text(&path(&points, x, y))
            .raw("\"/>");
    }
    page.raw("</svg></figure>");
}

/// Confidence against accuracy, before and after temperature scaling.
pub fn reliability(page: &mut Html, before: &Reliability, after: &Reliability) {
    let x = |share: f64| 58.0 + share * 224.0;
    let y = |share: f64| 260.0 - share * 250.0;
    page.raw(
        "<figure class=\"reliability\"><svg viewBox=\"0 0 300 300\" role=\"img\" aria-label=\"",
    )
    .text(&words::reliability(after))
    .raw("\">");
    for tick in ticks(1.0) {
        let label = text::whole(tick);
        page.raw("<path class=\"grid\" d=\"M58 ")
            .length(y(tick))
            .raw("H282\"/><text x=\"52\" text-anchor=\"end\" y=\"")
            .length(y(tick) + 4.0)
            .raw("\">")
            .text(&label)
            .raw("</text><text y=\"276\" text-anchor=\"middle\" x=\"")
            .length(x(tick))
            .raw("\">")
            .text(&label)
            .raw("</text>");
    }
    page.raw("<path class=\"axis\" d=\"M58 10V260H282\"/><path class=\"ideal\" d=\"M58 260L282 10\"/><text x=\"170\" y=\"296\" text-anchor=\"middle\">how sure it is</text><text transform=\"translate(11 135) rotate(-90)\" text-anchor=\"middle\">how often it is right</text>");
    for (diagram, class) in [(before, "before"), (after, "after")] {
        let points: Vec<_> = words::filled(diagram)
            .map(|(_, bin)| (bin.confidence, bin.accuracy))
            .collect();
        page.raw("<g class=\"")
            .raw(class)
            .raw("\"><path class=\"line\" d=\"")
            .text(&path(&points, x, y))
            .raw("\"/>");
        let most = words::filled(diagram).map(|(_, bin)| bin.count).max();
        for (_, bin) in words::filled(diagram) {
            let share = f64::from(bin.count) / f64::from(most.unwrap_or(1));
            page.raw("<circle cx=\"")
                .length(x(bin.confidence))
                .raw("\" cy=\"")
                .length(y(bin.accuracy))
                .raw("\" r=\"")
                .length(3.5 + 5.5 * share.sqrt())
                .raw("\"/>");
        }
        page.raw("</g>");
    }
    page.raw("</svg><figcaption class=\"legend\"><span class=\"key before\">as trained</span><span class=\"key after\">with temperature</span><span class=\"key ideal\">as it should be</span></figcaption></figure>");
}
