//! The model's answer: one bar for each class, in the classes' order.

use std::rc::Rc;

use yew::prelude::*;

pub struct Props {
    pub names: Vec<Rc<str>>,
    pub colors: Vec<u8>,
    /// One for each name.
    pub probabilities: Rc<[f32]>,
    /// The bars are shown, but not to be believed.
    pub is_muted: bool,
}

pub fn view(props: &Props) -> Html {
    let top = props
        .probabilities
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map(|(at, _)| at);
    let bars = props
        .names
        .iter()
        .zip(&props.colors)
        .zip(props.probabilities.iter());
    html! {
        <ul class={classes!("meters", props.is_muted.then_some("is-muted"))} role="list" aria-label="Prediction">
            { for bars.enumerate().map(|(at, ((name, color), &value))| {
                let value = f64::from(value).clamp(0.0, 1.0);
                let percent = format!("{:.0}%", value * 100.0);
                html! {
                    <li
                        key={at}
                        class={classes!("meter", (top == Some(at)).then_some("is-top"))}
                        style={format!("--class-color: var(--class-{color}); --value: {value:.4}")}
                    >
                        <span class="meter-name" aria-hidden="true">{ &**name }</span>
                        <span class="meter-value" aria-hidden="true">{ percent.clone() }</span>
                        <span
                            class="meter-bar"
                            role="meter"
                            aria-label={name.clone()}
                            aria-valuemin="0"
                            aria-valuemax="1"
                            aria-valuenow={format!("{value:.4}")}
                            aria-valuetext={percent}
                        ></span>
                    </li>
                }
            }) }
        </ul>
    }
}
