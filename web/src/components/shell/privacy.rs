//! “What leaves this machine: nothing”, with the list of requests that shows it.

use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlDialogElement;
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::services::requests::{self, Request};
use crate::text;

#[component]
pub fn Privacy() -> Html {
    let app = use_app();
    let dialog = use_node_ref();
    let list = use_state(Vec::<Request>::new);
    let open = {
        let (dialog, list) = (dialog.clone(), list.clone());
        Callback::from(move |_: MouseEvent| {
            let own = requests::of_page();
            list.set(own.clone());
            let list = list.clone();
            let app = app.clone();
            spawn_local(async move {
                let engine = requests::of_engine(&app.engine.requests().await);
                list.set(own.into_iter().chain(engine).collect());
            });
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                // Fails only when it is open already.
                let _ = dialog.show_modal();
            }
        })
    };
    let close = {
        let dialog = dialog.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                dialog.close();
            }
        })
    };
    let elsewhere = list.iter().filter(|request| !request.is_own).count();
    html! {
        <>
            <button type="button" class="text-button" onclick={open}>
                { glyph(Icon::Shield) }{ "What leaves this machine" }
            </button>
            <dialog ref={dialog} class="privacy" aria-labelledby="privacy-title">
                <div class="dialog-head">
                    <h2 id="privacy-title">{ "What leaves this machine: nothing" }</h2>
                    <button type="button" class="icon-button" aria-label="Close" onclick={close}>
                        { glyph(Icon::Close) }
                    </button>
                </div>
                <p>{ "Your images, your classes and your model stay in this browser. The page only fetches its own parts, from the place that it came from, and the browser is told to forbid everything else." }</p>
                <p>
                    { match elsewhere {
                        0 => format!("Since it was opened it has made {}, all of them for its own parts:", text::count(list.len(), "request")),
                        _ => format!("Of {} since it was opened, {elsewhere} went elsewhere. That must not happen; a program in this browser, such as an extension, may have made them:", text::count(list.len(), "request")),
                    } }
                </p>
                <div class="scroll" tabindex="0" role="group" aria-label="Requests">
                    <table>
                        <thead><tr><th scope="col">{ "Asked for" }</th><th scope="col">{ "Received" }</th></tr></thead>
                        <tbody>
                            { for list.iter().map(|request| html! {
                                <tr class={(!request.is_own).then_some("problem")}>
                                    <td>{ &request.address }</td>
                                    <td>{ received(request.received) }</td>
                                </tr>
                            }) }
                        </tbody>
                    </table>
                </div>
                <p class="hint">{ "To check it yourself, open the browser’s developer tools, choose Network, and reload the page." }</p>
            </dialog>
        </>
    }
}

fn received(bytes: f64) -> String {
    if bytes == 0.0 {
        "was here already".to_owned()
    } else {
        format!("{} kB", text::grouped((bytes / 1000.0).ceil() as u64))
    }
}
