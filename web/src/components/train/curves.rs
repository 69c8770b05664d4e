//! The training curves: loss and accuracy, live, with a legend and the same in a table.

use std::rc::Rc;

use headstart_project::EpochMetrics;
use headstart_report::axis::round_up;
use web_sys::HtmlDetailsElement;
use yew::prelude::*;

use super::chart::{self, Series};
use crate::components::common::term::Term;
use crate::glossary::Word;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub history: Rc<Vec<EpochMetrics>>,
    /// The epochs that were asked for.
    pub epochs: u32,
    pub best_epoch: Option<u32>,
}

#[component]
pub fn Curves(props: &Props) -> Html {
    let is_open = use_state_eq(|| false);
    let ontoggle = {
        let is_open = is_open.clone();
        Callback::from(move |event: Event| {
            let details: HtmlDetailsElement = event.target_unchecked_into();
            is_open.set(details.open());
        })
    };
    let Some(last) = props.history.last() else {
        return Html::default();
    };
    let loss = series(
        &props.history,
        |m| Some(m.train_loss),
        |m| m.validation_loss,
    );
    let accuracy = series(
        &props.history,
        |m| Some(m.train_accuracy),
        |m| m.validation_accuracy,
    );
    let highest = loss
        .iter()
        .flat_map(|series| &series.points)
        .map(|&(_, value)| value);
    let top = round_up(
        highest
            .filter(|value| value.is_finite())
            .fold(0.0, f64::max),
    );
    let has_validation = last.validation_loss.is_some();
    html! {
        <div class="curves">
            <p class="legend">
                <span class="key series-train">{ "training" }</span>
                if has_validation {
                    <span class="key series-validation"><Term word={Word::Validation} /></span>
                }
                if props.best_epoch.is_some() {
                    <span class="key key-best">{ "best epoch, which is kept" }</span>
                }
            </p>
            <div class="charts">
                <figure>
                    <figcaption><Term word={Word::Loss} text="Loss" />{ ": lower is better" }</figcaption>
                    { chart::view(&chart::Props { series: loss, epochs: props.epochs, top, is_share: false, best_epoch: props.best_epoch, label: label("Loss", last, props, |value| format!("{value:.3}"), last.train_loss, last.validation_loss).into() }) }
                </figure>
                <figure>
                    <figcaption><Term word={Word::Accuracy} text="Accuracy" />{ ": higher is better" }</figcaption>
                    { chart::view(&chart::Props { series: accuracy, epochs: props.epochs, top: 1.0, is_share: true, best_epoch: props.best_epoch,
                        label: label("Accuracy", last, props, text::percent, last.train_accuracy, last.validation_accuracy).into() }) }
                </figure>
            </div>
            if has_validation {
                <p class="hint">{ "If the curves drift apart, it may be " }<Term word={Word::Overfitting} />{ "." }</p>
            }
            <details class="as-table" {ontoggle}>
                <summary>{ "Show as a table" }</summary>
                if *is_open {
                    { table(&props.history) }
                }
            </details>
        </div>
    }
}

fn series(
    history: &[EpochMetrics],
    train: impl Fn(&EpochMetrics) -> Option<f64>,
    validation: impl Fn(&EpochMetrics) -> Option<f64>,
) -> Vec<Series> {
    let points = |value: &dyn Fn(&EpochMetrics) -> Option<f64>| {
        history
            .iter()
            .filter_map(|metrics| Some((f64::from(metrics.epoch), value(metrics)?)))
            .filter(|(_, value)| value.is_finite())
            .collect()
    };
    vec![
        Series {
            class: "series-train",
            points: points(&train),
        },
        Series {
            class: "series-validation",
            points: points(&validation),
        },
    ]
}

fn label(
    what: &str,
    last: &EpochMetrics,
    props: &Props,
    write: impl Fn(f64) -> String,
    train: f64,
    validation: Option<f64>,
) -> String {
    let mut label = format!(
        "{what} after epoch {} of {}: training {}",
        last.epoch,
        props.epochs,
        write(train)
    );
    if let Some(validation) = validation {
        label.push_str(&format!(", validation {}", write(validation)));
    }
    if let Some(best) = props.best_epoch {
        label.push_str(&format!(". The best epoch is {best}"));
    }
    label.push('.');
    label
}

fn table(history: &[EpochMetrics]) -> Html {
    let loss = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
    let share = |value: Option<f64>| value.map_or("–".to_owned(), text::percent);
    html! {
        <div class="scroll" tabindex="0" role="group" aria-label="Training curves as a table">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{ "Epoch" }</th>
                        <th scope="col">{ "Training loss" }</th>
                        <th scope="col">{ "Validation loss" }</th>
                        <th scope="col">{ "Training accuracy" }</th>
                        <th scope="col">{ "Validation accuracy" }</th>
                    </tr>
                </thead>
                <tbody>
                    { for history.iter().map(|metrics| html! {
                        <tr key={metrics.epoch}>
                            <th scope="row">{ metrics.epoch }</th>
                            <td>{ loss(Some(metrics.train_loss)) }</td>
                            <td>{ loss(metrics.validation_loss) }</td>
                            <td>{ share(Some(metrics.train_accuracy)) }</td>
                            <td>{ share(metrics.validation_accuracy) }</td>
                        </tr>
                    }) }
                </tbody>
            </table>
        </div>
    }
}
