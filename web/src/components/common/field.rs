//! A number that is typed: with a sentence on what it does, and one on what is wrong with it.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::settings::{Draft, Field as Name};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub name: Name,
    pub settings: Draft,
}

#[component]
pub fn Field(props: &Props) -> Html {
    let app = use_app();
    let name = props.name;
    let oninput = app.callback(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetField(name, input.value())
    });
    let (least, most) = name.range();
    let problem = props.settings.value(name).err();
    let id = format!("field-{name:?}");
    let hint_id = format!("{id}-hint");
    let problem_id = format!("{id}-problem");
    let described = match &problem {
        Some(_) => format!("{problem_id} {hint_id}"),
        None => hint_id.clone(),
    };
    html! {
        <div class="field">
            <label for={id.clone()}>{ name.label() }</label>
            <input
                {id}
                type="number"
                min={least.to_string()}
                max={most.to_string()}
                step={name.step()}
                value={props.settings.text(name).to_owned()}
                aria-invalid={problem.as_ref().map(|_| "true")}
                aria-describedby={described}
                {oninput}
            />
            if let Some(problem) = problem {
                <p id={problem_id} class="problem">{ problem }</p>
            }
            <p id={hint_id} class="hint">{ hint(name) }</p>
        </div>
    }
}

fn hint(name: Name) -> Html {
    match name {
        Name::Epochs => {
            html! { <>{ "How often the model sees every image. One pass is an " }<Term word={Word::Epoch} />{ "." }</> }
        }
        Name::BatchSize => {
            html! { <>{ "How many images it looks at before it corrects itself: a " }<Term word={Word::Batch} />{ "." }</> }
        }
        Name::LearningRate => {
            html! { <>{ "How big its steps are. See " }<Term word={Word::LearningRate} />{ "." }</> }
        }
        Name::Seed => {
            html! { <>{ "The same " }<Term word={Word::Seed} />{ " and images give the same result." }</> }
        }
        Name::HiddenUnits => {
            html! { <>{ "The size of the " }<Term word={Word::HiddenLayer} />{ "." }</> }
        }
        Name::Dropout => {
            html! { <>{ "The share of units switched off at random while learning. See " }<Term word={Word::Dropout} />{ "." }</> }
        }
        Name::TuneEpochs => {
            html! { "How often the deeper layers see every image, at most. It ends earlier when held-back images stop getting better." }
        }
        Name::TuneRate => {
            html! { "How big the steps of the deeper layers are. Too big, and what they knew is lost." }
        }
        Name::Copies => {
            html! { "More copies take longer and help less and less." }
        }
        Name::ValidationShare => {
            html! { <>{ "The share of each class that is held back for " }<Term word={Word::Validation} />{ "; 0.15 is 15%." }</> }
        }
    }
}
