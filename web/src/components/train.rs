//! Train: one button, what it does while it runs, and the settings behind it.

mod chart;
mod curves;
mod settings;
mod train_button;

use headstart_project::{MeasuredOn, Part, RunId};
use yew::prelude::*;

use self::curves::Curves;
use self::settings::Settings;
use self::train_button::TrainButton;
use crate::components::common::column_head;
use crate::components::common::term::Term;
use crate::glossary::Word;
use crate::state::backbones::Backbones;
use crate::state::engine::EngineState;
use crate::state::project::Project;
use crate::state::run::{Plan, Results, Run, warnings};
use crate::state::settings::Draft;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub settings: Draft,
    pub engine: EngineState,
    pub backbones: Backbones,
    pub run: Option<Run>,
    pub results: Option<Results>,
}

#[component]
pub fn Train(props: &Props) -> Html {
    let blocker = Plan::new(&props.project, &props.settings, RunId(0)).err();
    let warnings = if blocker.is_none() {
        warnings(&props.project)
    } else {
        Vec::new()
    };
    let curves = match (&props.run, &props.results) {
        (Some(run), _) => {
            let epochs = run.plan.request.settings.most_epochs();
            html! { <Curves history={run.history.clone()} {epochs} best_epoch={None::<u32>} /> }
        }
        (None, Some(results)) => {
            let outcome = &results.outcome;
            let epochs = outcome.history.len() as u32;
            html! { <Curves history={std::rc::Rc::new(outcome.history.clone())} {epochs} best_epoch={outcome.best_epoch} /> }
        }
        (None, None) => Html::default(),
    };
    let classes = props.project.classes.iter().filter(|class| class.enabled);
    let learnt = classes
        .flat_map(|class| class.samples())
        .filter(|sample| sample.part == Part::Train)
        .map(|sample| sample.id);
    let learnt: Vec<_> = learnt.collect();
    html! {
        <section class="train" aria-label="Train">
            { column_head::view(&column_head::Props { step: "2".into(), title: "Train".into(), lead: "One button. The model learns from your images.".into() }) }
            <div class="card">
                <TrainButton
                    problem={blocker.map(|blocker| AttrValue::from(blocker.to_string()))}
                    is_running={props.run.is_some()}
                    is_stopping={props.run.as_ref().is_some_and(|run| run.stop_requested)}
                    is_again={props.results.is_some()}
                />
                { for warnings.into_iter().map(|warning| html! { <p class="hint">{ warning }</p> }) }
                if let Some(run) = &props.run {
                    { progress(run, &props.engine) }
                }
                { curves }
                if let (None, Some(results)) = (&props.run, &props.results) {
                    { result(results) }
                }
                <details class="how">
                    <summary>{ "How does it learn so fast?" }</summary>
                    <p>
                        { "The " }<Term word={Word::Backbone} />
                        { " is " }<Term word={Word::Pretrained} />{ ": it has already learnt edges, shapes and parts from more than a million photos, and describes each of your images by an " }
                        <Term word={Word::Embedding} />{ ". Only a small " }<Term word={Word::Head} />
                        { " is trained on those descriptions; that is " }<Term word={Word::TransferLearning} />{ "." }
                    </p>
                </details>
                <Settings settings={props.settings.clone()} engine={props.engine.clone()}
                    backbones={props.backbones.clone()} images={learnt.len()} sample={learnt.first().copied()} />
            </div>
        </section>
    }
}

/// The result in short; all of it is in Check.
fn result(results: &Results) -> Html {
    let measured = [
        (MeasuredOn::Test, "new images"),
        (MeasuredOn::Validation, "images that were held back"),
    ];
    let found = measured
        .into_iter()
        .find_map(|(part, images)| Some((results.evaluation(part)?.accuracy, images)));
    let words = found.map_or_else(String::new, |(accuracy, images)| {
        format!("{} right on {images}. ", text::percent(accuracy))
    });
    html! { <p class="result-line">{ words }<a href="#check">{ "See Check below" }</a></p> }
}

fn progress(run: &Run, engine: &EngineState) -> Html {
    let epochs = run.plan.request.settings.most_epochs();
    let epoch = run.history.last().map_or(0, |metrics| metrics.epoch);
    let words = match (epoch, &engine.embed) {
        _ if run.stop_requested => "Stopping …".to_owned(),
        (0, None) if engine.prepare.is_some() => {
            let left = engine
                .prepare
                .map_or(0, |prepare| prepare.total - prepare.done);
            format!("Getting {} ready", text::count(left as usize, "image"))
        }
        (0, Some(embed)) => {
            let left = embed.total.saturating_sub(embed.done) as usize;
            format!("Looking at the last {} first", text::count(left, "image"))
        }
        (0, None) => "Getting ready …".to_owned(),
        _ => match run.remaining_ms {
            Some(remaining_ms) => format!(
                "Epoch {epoch} of {epochs}, {}",
                text::remaining(remaining_ms)
            ),
            None => format!("Epoch {epoch} of {epochs}"),
        },
    };
    let share = f64::from(epoch) / f64::from(epochs.max(1));
    html! {
        <div class="progress">
            <div
                class="progress-bar"
                role="progressbar"
                aria-label="Training progress"
                aria-valuemin="0"
                aria-valuemax={epochs.to_string()}
                aria-valuenow={epoch.to_string()}
                aria-valuetext={words.clone()}
                style={format!("--share: {share:.4}")}
            ><span></span></div>
            <p>{ words }</p>
        </div>
    }
}
