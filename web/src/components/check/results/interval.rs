//! How far the measured accuracy may be from the true one: drawn, and in words.

use headstart_project::{MeasuredOn, wilson};
use yew::prelude::*;

use crate::{text, words};

pub struct Props {
    /// Images predicted right.
    pub right: u32,
    /// Images in all.
    pub total: u32,
    /// What the images are.
    pub part: MeasuredOn,
}

pub fn view(props: &Props) -> Html {
    if props.total == 0 {
        return Html::default();
    }
    let share = f64::from(props.right) / f64::from(props.total);
    let [low, high] = wilson(props.right, props.total);
    let words = words::interval(props.right, props.total, props.part);
    let place = format!("--at: {share:.4}; --low: {low:.4}; --high: {high:.4}");
    html! {
        <div class="interval">
            <div class="axis-line" style={place} role="img" aria-label={format!("Accuracy {}, most likely between {} and {}", text::percent(share), text::whole(low), text::whole(high))}>
                <span class="interval-range"></span>
                <span class="axis-dot"></span>
                <span class="axis-ticks"><span>{ "0%" }</span><span>{ "50%" }</span><span>{ "100%" }</span></span>
            </div>
            <p>{ words }</p>
        </div>
    }
}
