//! The end of the page: whether it works without a network, and what leaves this machine.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::privacy::Privacy;
use crate::services::offline;
use crate::state::storage::Offline;

pub struct Props {
    pub offline: Offline,
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
            <Privacy />
        </footer>
    }
}
