//! A word with a dotted underline whose meaning opens when it is pressed.

use std::cell::Cell;

use yew::prelude::*;

use crate::glossary::Word;
use crate::text;

thread_local! {
    static PLACES: Cell<u32> = const { Cell::new(0) };
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub word: Word,
    /// The form in which the word stands in its sentence, if it is not its name.
    #[prop_or_default]
    pub text: Option<AttrValue>,
}

/// The browser opens and closes the meaning, by pointer, keyboard and Escape.
#[component]
pub fn Term(props: &Props) -> Html {
    let id = use_memo((), |()| {
        let place = PLACES.get() + 1;
        PLACES.set(place);
        AttrValue::from(format!("term-{place}"))
    });
    let id = (*id).clone();
    let shown = props
        .text
        .clone()
        .unwrap_or(AttrValue::Static(props.word.name()));
    html! {
        <>
            <button type="button" class="term" popovertarget={id.clone()}>{ shown }</button>
            <span {id} popover="auto" class="meaning" role="note">
                <strong>{ text::sentence(props.word.name()) }</strong>
                <span>{ props.word.meaning() }</span>
                // In a tab of its own, so that nobody loses what is under way here.
                <a href={format!("./glossary.html#{}", props.word.anchor())} target="_blank">{ "All words" }</a>
            </span>
        </>
    }
}
