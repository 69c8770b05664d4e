//! Whether figures are shown for the test images or for those held back by the split.

use headstart_project::MeasuredOn;
use yew::prelude::*;

use crate::state::run::Results;
use crate::words;

pub struct Props {
    pub results: Results,
    pub part: MeasuredOn,
    pub onpart: Callback<MeasuredOn>,
}

/// Nothing where there is only one of the two.
pub fn view(props: &Props) -> Html {
    let parts = [MeasuredOn::Test, MeasuredOn::Validation];
    let measured = parts.map(|part| Some((part, props.results.evaluation(part)?)));
    if measured.iter().any(Option::is_none) {
        return Html::default();
    }
    html! {
        <div class="part-choice" role="group" aria-label="Measured on">
            { for measured.into_iter().flatten().map(|(part, evaluation)| {
                let images = words::images(evaluation.verdicts.len() as u32, part);
                let pressed = if part == props.part { "true" } else { "false" };
                html! {
                    <button type="button" class="button" aria-pressed={pressed} onclick={props.onpart.reform(move |_: MouseEvent| part)}>
                        { images }
                    </button>
                }
            }) }
        </div>
    }
}
