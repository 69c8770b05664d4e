//! The button that starts and the one that stops, and why training cannot start.

use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// What stands in the way of training.
    pub problem: Option<AttrValue>,
    pub is_running: bool,
    pub is_stopping: bool,
    /// There is a model already.
    pub is_again: bool,
}

#[component]
pub fn TrainButton(props: &Props) -> Html {
    let app = use_app();
    // A press that cannot work is answered with the reason, as an alert, by the reducer.
    let train = app.callback(|_: MouseEvent| Action::Train);
    let stop = app.callback(|_: MouseEvent| Action::StopTraining);
    let problem = props.problem.as_ref().filter(|_| !props.is_running);
    html! {
        <>
            <div class="button-row train-row">
                <button
                    type="button"
                    class={classes!("button", "button-primary", "button-train", problem.map(|_| "is-off"))}
                    aria-disabled={props.is_running.then_some("true")}
                    aria-describedby={problem.map(|_| "train-problem")}
                    onclick={train}
                >
                    { glyph(Icon::Play) }{ "Train" }
                </button>
                if props.is_running {
                    <button type="button" class="button button-stop" aria-disabled={props.is_stopping.then_some("true")} onclick={stop}>
                        { glyph(Icon::Stop) }{ "Stop" }
                    </button>
                }
            </div>
            if let Some(problem) = problem {
                <p id="train-problem" class="hint train-problem">{ problem.clone() }</p>
            } else if !props.is_running && !props.is_again {
                <p class="hint">{ "Everything is there. This usually takes a few seconds." }</p>
            }
        </>
    }
}
