//! A number that is typed: with a sentence on what it does, and one on what is wrong with it.

use headstart_project::{FieldCard, SETTINGS, Section, Setting};
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::settings::Draft;

/// The fields of a section in the order of the table; none while the section does not count.
pub fn fields(section: Section, settings: &Draft) -> Html {
    let cards = SETTINGS.iter().filter(|_| settings.counts(section));
    let shown = cards.filter_map(|card| {
        let field = card.field.as_ref()?;
        (field.section == section).then(|| {
            html! { <Field setting={card.id} {field} settings={settings.clone()} /> }
        })
    });
    shown.collect()
}

#[derive(Properties, PartialEq)]
struct Props {
    setting: Setting,
    field: &'static FieldCard,
    settings: Draft,
}

#[component]
fn Field(props: &Props) -> Html {
    let app = use_app();
    let setting = props.setting;
    let oninput = app.callback(move |event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetField(setting, input.value())
    });
    let card = setting.card();
    let problem = props.settings.value(setting).err();
    let id = format!("field-{setting:?}");
    let hint_id = format!("{id}-hint");
    let problem_id = format!("{id}-problem");
    let described = match &problem {
        Some(_) => format!("{problem_id} {hint_id}"),
        None => hint_id.clone(),
    };
    html! {
        <div class="field">
            <label for={id.clone()}>{ card.label }</label>
            <input
                {id}
                type="number"
                min={card.least.to_string()}
                max={card.most.to_string()}
                step={props.field.step}
                value={props.settings.text(setting).to_owned()}
                aria-invalid={problem.as_ref().map(|_| "true")}
                aria-describedby={described}
                {oninput}
            />
            if let Some(problem) = problem {
                <p id={problem_id} class="problem">{ problem }</p>
            }
            <p id={hint_id} class="hint">{ hint(props.field.hint) }</p>
        </div>
    }
}

/// The sentence with its words of the glossary, which stand in braces, as terms.
fn hint(text: &'static str) -> Html {
    let pieces = text.split(['{', '}']).enumerate();
    let shown = pieces.map(|(at, piece)| match word(piece).filter(|_| at % 2 == 1) {
        Some(word) => html! { <Term {word} /> },
        None => html! { piece },
    });
    shown.collect()
}

fn word(name: &str) -> Option<Word> {
    Word::ALL.iter().copied().find(|word| word.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_in_a_hint_is_in_the_glossary() {
        for field in SETTINGS.iter().filter_map(|card| card.field.as_ref()) {
            let pieces: Vec<_> = field.hint.split(['{', '}']).collect();
            assert!(pieces.len() % 2 == 1, "{}", field.hint);
            for name in pieces.iter().skip(1).step_by(2) {
                assert!(word(name).is_some(), "{name}");
            }
        }
    }
}
