//! “None of these”: how images of no class are told from the others, and where the line is drawn.

use std::rc::Rc;

use headstart_project::UnknownReport;
use yew::prelude::*;

use super::familiarity;
use super::strangers::{Stranger, Strangers};
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::project::Project;
use crate::state::run::Results;
use crate::state::threshold::{OFF, in_use};
use crate::{text, words};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub results: Results,
    /// Where the user has moved the threshold.
    pub threshold: Option<f32>,
    pub project: Project,
}

#[component]
pub fn Unknowns(props: &Props) -> Html {
    let app = use_app();
    let strangers = use_state_eq(Rc::<[Stranger]>::default);
    let onstrangers = {
        let strangers = strangers.clone();
        Callback::from(move |next| strangers.set(next))
    };
    let lead = html! {
        <p class="panel-lead">
            { "Whatever it is shown, the model names one of your classes. So it also looks at the image’s " }
            <Term word={Word::Familiarity} />
            { ": if nothing that it has learnt from is like it, the answer in Try is “None of these”." }
        </p>
    };
    let (Some(report), Some(threshold)) = (
        props.results.outcome.unknowns.as_ref(),
        in_use(props.threshold, Some(&props.results)),
    ) else {
        return html! {
            <>
                { lead }
                <p>{ "Where to draw the line is learnt from images that were held back, and there were none. Set a validation share in the settings, or keep some images for testing, and train again." }</p>
            </>
        };
    };
    let onmove = app.callback(|threshold| Action::SetThreshold(Some(threshold)));
    let reset = app.callback(|_: MouseEvent| Action::SetThreshold(None));
    let others: Rc<[f32]> = strangers.iter().map(|one| one.familiarity).collect();
    html! {
        <>
            { lead }
            <div class="panel-columns">
                <div class="panel-column">
                    <h3>{ "Where is the line?" }</h3>
                    { familiarity::view(&familiarity::Props { known: Rc::<[f32]>::from(report.known.as_slice()), hidden: Rc::<[f32]>::from(report.hidden.as_slice()), others, start: report.threshold, threshold, effect: effect(report, threshold).into(), onmove }) }
                    <p class="verdict">{ text::sentence(&effect(report, threshold)) }{ "." }</p>
                    <div class="button-row">
                        <button
                            type="button"
                            class="button"
                            aria-disabled={props.threshold.is_none().then_some("true")}
                            onclick={reset}
                        >
                            { glyph(Icon::Undo) }{ "Reset" }
                        </button>
                    </div>
                    <p class="hint">
                        { format!("The line stood at the place that keeps 95% of the validation images. Drag it to the left end to switch “None of these” off. Measured on {}.", words::images(report.known.len() as u32, report.measured_on)) }
                    </p>
                </div>
                <div class="panel-column">
                    <h3>{ "How well does it work?" }</h3>
                    <p>{ words::auroc(report.auroc) }</p>
                    <p class="hint">
                        { "Hiding an image’s own class from the comparison makes it a stranger. Real strangers, such as a photo of your ceiling, are mostly easier to tell. Try some:" }
                    </p>
                    <Strangers
                        plan={props.results.plan.clone()}
                        project={props.project.clone()}
                        {threshold}
                        strangers={(*strangers).clone()}
                        onchange={onstrangers}
                    />
                </div>
            </div>
        </>
    }
}

/// What the threshold does, as the end of a sentence.
fn effect(report: &UnknownReport, threshold: f32) -> String {
    if threshold == OFF {
        return "“None of these” is switched off: nothing is turned away".to_owned();
    }
    let kept = share(&report.known, |familiarity| familiarity >= threshold);
    let turned_away = share(&report.hidden, |familiarity| familiarity < threshold);
    format!("keeps {kept} of known images, turns away {turned_away} of those with a hidden class")
}

fn share(values: &[f32], is_meant: impl Fn(f32) -> bool) -> String {
    let count = values.iter().filter(|&&value| is_meant(value)).count();
    format!("{:.0}%", 100.0 * count as f64 / values.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use headstart_project::MeasuredOn;

    use super::*;

    #[test]
    fn the_effect_is_told_in_figures() {
        let report = UnknownReport {
            threshold: 0.5,
            measured_on: MeasuredOn::Validation,
            known: vec![0.4, 0.6, 0.7, 0.8],
            hidden: vec![0.1, 0.5, 0.9],
            auroc: 0.75,
        };
        assert_eq!(
            effect(&report, 0.5),
            "keeps 75% of known images, turns away 33% of those with a hidden class"
        );
        assert!(effect(&report, OFF).contains("switched off"));
    }
}
