//! The end of the page: whether it works without a network, ways to learn more, and what leaves this machine.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::privacy::Privacy;
use crate::services::offline;
use crate::state::storage::Offline;

pub struct Props {
    pub offline: Offline,
    /// Begins the guided tour, where there is something to show.
    pub ontour: Option<Callback<MouseEvent>>,
}

pub fn view(props: &Props) -> Html {
    let change = Callback::from(|_: MouseEvent| {
        spawn_local(offline::change_over());
    });
    let words = match props.offline {
        Offline::NotYet => html! {},
        Offline::Ready => html! {
            <p>{ "This page now works without a network, too." }</p>
        },
        Offline::NewVersion => html! {
            <p>
                { "A new version of Headstart is ready. " }
                <button type="button" class="text-button" onclick={change}>{ "Use it now" }</button>
            </p>
        },
    };
    html! {
        <footer class="foot">
            { words }
            <nav aria-label="Learn">
                if let Some(ontour) = &props.ontour {
                    <button type="button" class="text-button" onclick={ontour}>{ "Show me around" }</button>
                }
                // In tabs of their own, so that nobody loses what is under way here.
                <a class="text-button" href="./glossary.html" target="_blank">{ "Glossary" }</a>
                <a class="text-button" href="./teachers.html" target="_blank">{ "For teachers" }</a>
            </nav>
            <Privacy />
        </footer>
    }
}
