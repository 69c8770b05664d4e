//! Starting an analysis, how far it is, and stopping it.

use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;
use crate::state::analysis::{Job, Kind};
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub kind: Kind,
    /// The one that waits or is under way.
    pub job: Option<Job>,
    /// The button's name.
    pub label: AttrValue,
    /// What the work is called while it goes on.
    pub doing: AttrValue,
    /// There are findings already, so that this is no longer what one comes for.
    pub is_again: bool,
}

#[component]
pub fn AnalysisJob(props: &Props) -> Html {
    let app = use_app();
    let kind = props.kind;
    let start = app.callback(move |_: MouseEvent| Action::Analyse(kind));
    let stop = app.callback(move |_: MouseEvent| Action::StopAnalysis(kind));
    let is_stopping = props.job.as_ref().is_some_and(|job| job.stop_requested);
    html! {
        <div class="analysis-job">
            <div class="button-row">
                <button
                    type="button"
                    class={classes!("button", (!props.is_again).then_some("button-primary"))}
                    aria-disabled={props.job.is_some().then_some("true")}
                    onclick={start}
                >
                    { glyph(Icon::Play) }{ &props.label }
                </button>
                if props.job.is_some() {
                    <button type="button" class="button" aria-disabled={is_stopping.then_some("true")} onclick={stop}>
                        { glyph(Icon::Stop) }{ "Stop" }
                    </button>
                }
            </div>
            if let Some(job) = &props.job {
                { progress(job, &props.doing) }
            }
        </div>
    }
}

fn progress(job: &Job, doing: &AttrValue) -> Html {
    let words = match (job.progress, job.remaining_ms) {
        _ if job.stop_requested => "Stopping …".to_owned(),
        (Some((done, total)), Some(remaining_ms)) => {
            let left = text::remaining(remaining_ms);
            format!("{doing}: {done} of {total}, {left}")
        }
        (Some((done, total)), None) => format!("{doing}: {done} of {total}"),
        (None, _) => "It starts as soon as all images were looked at …".to_owned(),
    };
    let (done, total) = job.progress.unwrap_or((0, 1));
    let share = f64::from(done) / f64::from(total.max(1));
    html! {
        <div class="progress">
            <div
                class="progress-bar"
                role="progressbar"
                aria-label={doing.clone()}
                aria-valuemin="0"
                aria-valuemax={total.to_string()}
                aria-valuenow={done.to_string()}
                aria-valuetext={words.clone()}
                style={format!("--share: {share:.4}")}
            ><span></span></div>
            <p>{ words }</p>
        </div>
    }
}
