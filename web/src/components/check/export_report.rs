//! `Export report`: the figures and mistakes of a run as one file to read, print and pass on.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::services::keep::report;
use crate::state::Action;
use crate::state::run::Results;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub results: Option<Results>,
}

/// How far the last press has come.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Idle,
    Working,
    /// The file's name.
    Done(AttrValue),
}

#[component]
pub fn ExportReport(props: &Props) -> Html {
    let app = use_app();
    let phase = use_state_eq(|| Phase::Idle);
    let is_off = props.results.is_none() || *phase == Phase::Working;
    let onclick = {
        let (phase, results) = (phase.clone(), props.results.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, phase) = (app.clone(), phase.clone());
            let Some(results) = results.clone() else {
                app.dispatch(Action::Problem {
                    title: "There is no run to report on yet".into(),
                    detail: "Press Train first; then a report of the run can be exported.".into(),
                });
                return;
            };
            if *phase == Phase::Working {
                return;
            }
            phase.set(Phase::Working);
            spawn_local(async move {
                match report::export(&app, &results).await {
                    Ok(name) => phase.set(Phase::Done(name.into())),
                    Err(error) => {
                        phase.set(Phase::Idle);
                        app.dispatch(Action::Problem {
                            title: "The report could not be saved".into(),
                            detail: format!("The browser said: {error:?}. Allow downloads for this page and try again."),
                        });
                    }
                }
            });
        })
    };
    html! {
        <>
            <button type="button" class="button button-quiet" aria-disabled={is_off.then_some("true")} {onclick}>
                { glyph(Icon::Download) }{ "Export report" }
            </button>
            <p class="export-status hint" role="status">
                { match &*phase {
                    Phase::Idle => String::new(),
                    Phase::Working => "Collecting the pictures …".to_owned(),
                    Phase::Done(name) => format!("{name} is among your downloads: open it to read or print it."),
                } }
            </p>
        </>
    }
}
