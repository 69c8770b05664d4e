//! What stands in a project's place while it is open in another tab; two would undo each other's work.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::context::use_app;
use crate::state::saved::Summary;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Summary,
}

#[component]
pub fn Elsewhere(props: &Props) -> Html {
    let app = use_app();
    let again = {
        let (app, project) = (app.clone(), props.project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project) = (app.clone(), project.clone());
            spawn_local(async move { app.projects.open(&app, project).await });
        })
    };
    let copy = {
        let (app, project) = (app.clone(), props.project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project) = (app.clone(), project.clone());
            spawn_local(async move {
                if let Some(copy) = app.projects.duplicate(&app, &project).await {
                    app.projects.open(&app, copy).await;
                }
            });
        })
    };
    let leave = {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| {
            let app = app.clone();
            spawn_local(async move { app.projects.leave(&app).await });
        })
    };
    html! {
        <div class="card">
            <h2>{ format!("“{}” is open in another tab", props.project.title) }</h2>
            <p>{ "Two tabs would undo each other’s work. Go on in the other tab, or close it and try again here." }</p>
            <div class="button-row">
                <button type="button" class="button" onclick={again}>{ "Try again" }</button>
                <button type="button" class="button" onclick={copy}>{ "Open a copy" }</button>
                <button type="button" class="text-button" onclick={leave}>{ "All projects" }</button>
            </div>
        </div>
    }
}
