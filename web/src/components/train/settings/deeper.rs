//! Fine-tuning: how many blocks of the backbone are trained, too, and what that costs.

use headstart_project::UnfreezeEstimate;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::components::common::field::Field;
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::engine::EngineState;
use crate::state::settings::{Draft, Field as Name};
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub settings: Draft,
    pub engine: EngineState,
    /// Images to learn from.
    pub images: usize,
}

#[component]
pub fn Deeper(props: &Props) -> Html {
    let app = use_app();
    let settings = &props.settings;
    let oninput = app.callback(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetUnfrozen(input.value_as_number() as u32)
    });
    let most = props.engine.unfreezing.len();
    let chosen = (settings.unfrozen as usize).checked_sub(1);
    let estimate = chosen.and_then(|at| props.engine.unfreezing.get(at));
    let words = match estimate {
        None => "None: only the head is trained, which takes seconds.".to_owned(),
        Some(estimate) => cost(estimate, props),
    };
    html! {
        <fieldset class="deeper">
            <legend>{ "Go deeper" }</legend>
            <div class="field">
                <label for="field-unfrozen">{ "Unfrozen blocks" }</label>
                <input
                    id="field-unfrozen"
                    type="range"
                    min="0"
                    max={most.to_string()}
                    step="1"
                    value={settings.unfrozen.to_string()}
                    disabled={most == 0}
                    aria-describedby="field-unfrozen-cost field-unfrozen-hint"
                    aria-valuetext={words.clone()}
                    {oninput}
                />
                <output for="field-unfrozen" id="field-unfrozen-cost">{ words }</output>
                <p id="field-unfrozen-hint" class="hint">
                    { "After the head, the last layers of the pretrained part are trained too: " }<Term word={Word::FineTuning} />
                    { ". It pays when there are some tens of images a class, and most with varied copies of them: see “Vary the images” below." }
                </p>
            </div>
            if settings.unfrozen > 0 {
                <Field name={Name::TuneEpochs} settings={settings.clone()} />
                <Field name={Name::TuneRate} settings={settings.clone()} />
            }
        </fieldset>
    }
}

/// What is trained, how long it takes, and what memory it needs.
fn cost(estimate: &UnfreezeEstimate, props: &Props) -> String {
    let settings = props.settings.parse().unwrap_or_default();
    let rows = props.images as f64 * f64::from(1 + settings.augmentation.copies);
    let mut words = format!(
        "{}: {:.1} million numbers are trained",
        text::count(estimate.blocks as usize, "block"),
        estimate.parameters as f64 / 1e6
    );
    if let Some(image_ms) = props.engine.image_ms.filter(|_| rows > 0.0) {
        // Once through the frozen part, and then so many passes in each epoch.
        let passes = 1.0 + estimate.passes * f64::from(settings.fine_tuning.epochs);
        words += &format!(", {} at most", text::duration(rows * passes * image_ms));
    }
    let megabytes = rows * estimate.bytes_per_image as f64 / 1e6;
    if megabytes >= 1.0 {
        words += &format!(", {} MB of memory", text::grouped(megabytes.ceil() as u64));
    }
    words + "."
}
