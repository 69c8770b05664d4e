//! Compare: the same images learnt in several ways, from few of them to all.

use std::rc::Rc;

use headstart_project::{Experiment, Method};
use headstart_report::conclusion;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::analysis_job::AnalysisJob;
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::analysis::{Found, Job, Kind};
use crate::state::project::Project;
use crate::{text, words};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// How often each run can be repeated.
const REPEATS: [u32; 3] = [1, 3, 5];

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    pub job: Option<Job>,
    pub found: Option<Rc<Found<Experiment>>>,
    pub repeats: u32,
    /// Whether there are test images.
    pub is_measurable: bool,
    /// Backbones that are here, and how the comparison of them goes.
    pub others: usize,
    pub others_job: Option<Job>,
    pub others_found: Option<Rc<Found<Experiment>>>,
}

#[component]
pub fn Comparison(props: &Props) -> Html {
    let app = use_app();
    let onchange = app.callback(|event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        Action::SetRepeats(select.value().parse().unwrap_or(1))
    });
    let is_begun = props
        .found
        .as_ref()
        .is_some_and(|found| found.findings.next_cell().is_some());
    html! {
        <>
            <p class="panel-lead">
                { "What is " }<Term word={Word::TransferLearning} />
                { " worth on your own images? This trains a network from scratch, a head on a network with random weights, a head on the pretrained network, and the pretrained network with its last layers, each with few of your images and with more, and asks all of them about the same test images." }
            </p>
            if props.is_measurable {
                <div class="field compare-repeats">
                    <label for="compare-repeats">{ "Repeat each run" }</label>
                    <select id="compare-repeats" disabled={props.job.is_some()} {onchange}>
                        { for REPEATS.into_iter().map(|count| html! {
                            <option value={count.to_string()} selected={props.repeats == count}>
                                { match count { 1 => "once".to_owned(), count => format!("{count} times, to see the spread") } }
                            </option>
                        }) }
                    </select>
                </div>
                <AnalysisJob
                    kind={Kind::Comparison}
                    job={props.job.clone()}
                    label={if is_begun && props.job.is_none() { "Go on comparing" } else { "Compare" }}
                    doing="Comparing"
                    is_again={props.found.is_some()}
                />
            } else {
                <p class="hint">{ "It needs test images: mark some images of each class as test images, in Collect." }</p>
            }
            if let Some(found) = &props.found {
                if found.plan.is_outdated(&props.project) {
                    <p class="outdated">{ "Your images or classes have changed since: compare again to include that." }</p>
                }
                { shown(&found.findings) }
            }
            if props.is_measurable {
                { over_backbones(props) }
            }
        </>
    }
}

/// The same question asked of the backbones: a head on each of them.
fn over_backbones(props: &Props) -> Html {
    let found = props.others_found.as_ref();
    let is_begun = found.is_some_and(|found| found.findings.next_cell().is_some());
    html! {
        <section class="compare-backbones" aria-label="Backbones">
            <h3>{ "Which backbone?" }</h3>
            <p>{ "A head on each " }<Term word={Word::Backbone} />{ " that is here, with few of your images and with more, and the same test images for all." }</p>
            if props.others < 2 {
                <p class="hint">{ "There is only one here so far: open another one under “More backbones” in the settings of Train." }</p>
            } else {
                <AnalysisJob
                    kind={Kind::Backbones}
                    job={props.others_job.clone()}
                    label={if is_begun && props.others_job.is_none() { "Go on comparing backbones" } else { "Compare backbones" }}
                    doing="Comparing backbones"
                    is_again={found.is_some()}
                />
            }
            if let Some(found) = found {
                if found.plan.is_outdated(&props.project) {
                    <p class="outdated">{ "Your images or classes have changed since: compare again to include that." }</p>
                }
                { shown(&found.findings) }
            }
        </section>
    }
}

fn shown(experiment: &Experiment) -> Html {
    html! {
        <>
            <p class="conclusion">{ conclusion(experiment) }</p>
            <div class="panel-columns">
                <div class="panel-column">
                    <h3>{ "How good, with how many images?" }</h3>
                    { legend(experiment) }
                    { curves(experiment) }
                </div>
                <div class="panel-column">
                    <h3>{ "How long does it take?" }</h3>
                    { times(experiment) }
                    <p class="hint">{ if is_over_backbones(experiment) { "Time of looking at all training images and of training the head, on the processor." } else { "Time of the training itself, with all images. Looking at the images comes before it, once." } }</p>
                </div>
            </div>
            { table(experiment) }
        </>
    }
}

fn is_over_backbones(experiment: &Experiment) -> bool {
    let first = experiment.methods.first();
    first.is_some_and(|method| matches!(method, Method::On(_)))
}

fn class_of(method: Method) -> String {
    let class = match method {
        Method::On(id) => return format!("method-on method-on-{}", id as usize),
        Method::Scratch => "method-scratch",
        Method::RandomBackbone => "method-random",
        Method::Frozen => "method-frozen",
        Method::FineTuned => "method-tuned",
    };
    class.to_owned()
}

fn legend(experiment: &Experiment) -> Html {
    html! {
        <div class="legend" aria-hidden="true">
            { for experiment.methods.iter().map(|&method| html! {
                <span class="method-name"><span class={classes!("method-key", class_of(method))}></span>{ method.title() }</span>
            }) }
        </div>
    }
}

/// Accuracy against images a class, one line a method, with the spread between runs.
fn curves(experiment: &Experiment) -> Html {
    let last = experiment.per_class.len().max(2) - 1;
    let x = |at: usize| LEFT + at as f64 / last as f64 * (WIDTH - LEFT - RIGHT);
    let y = |share: f64| HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM);
    let base = y(0.0);
    let lines: Vec<String> = experiment
        .methods
        .iter()
        .map(|&method| {
            let points = experiment.per_class.iter().filter_map(|&amount| {
                let summary = experiment.summary(method, amount)?;
                Some(format!(
                    "{} with {}",
                    text::percent(summary.mean),
                    words::amount(experiment, amount)
                ))
            });
            format!(
                "{}: {}",
                method.title(),
                points.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    let label = format!(
        "Learning curves, accuracy by images a class. {}.",
        lines.join(". ")
    );
    html! {
        <svg class="chart compare-chart" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img" aria-label={label}>
            { for [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().map(|share| html! {
                <>
                    <path class="grid" d={format!("M{LEFT} {:.1}H{}", y(share), WIDTH - RIGHT)} />
                    <text x={format!("{}", LEFT - 6.0)} y={format!("{:.1}", y(share) + 4.0)} text-anchor="end">{ text::percent(share) }</text>
                </>
            }) }
            { for experiment.per_class.iter().enumerate().map(|(at, &amount)| html! {
                <text x={format!("{:.1}", x(at))} y={format!("{:.1}", base + 16.0)} text-anchor={if at == last { "end" } else { "middle" }}>{ words::amount(experiment, amount) }</text>
            }) }
            <path class="axis" d={format!("M{LEFT} {TOP}V{base:.1}H{}", WIDTH - RIGHT)} />
            <text x={format!("{}", (LEFT + WIDTH - RIGHT) / 2.0)} y={format!("{}", HEIGHT - 6.0)} text-anchor="middle">{ "training images of each class" }</text>
            { for experiment.methods.iter().map(|&method| line(experiment, method, &x, &y)) }
        </svg>
    }
}

fn line(
    experiment: &Experiment,
    method: Method,
    x: &impl Fn(usize) -> f64,
    y: &impl Fn(f64) -> f64,
) -> Html {
    let points: Vec<_> = experiment
        .per_class
        .iter()
        .enumerate()
        .filter_map(|(at, &amount)| Some((at, experiment.summary(method, amount)?)))
        .collect();
    let path: Vec<String> = points
        .iter()
        .map(|(at, summary)| format!("{:.1} {:.1}", x(*at), y(summary.mean)))
        .collect();
    html! {
        <g class={class_of(method)}>
            if !path.is_empty() {
                <path class="series" d={format!("M{}", path.join("L"))} />
            }
            { for points.iter().map(|(at, summary)| html! {
                <>
                    if summary.runs > 1 {
                        <path class="spread" d={format!("M{:.1} {:.1}V{:.1}", x(*at), y(summary.mean - summary.deviation), y(summary.mean + summary.deviation))} />
                    }
                    <circle class="series-end" cx={format!("{:.1}", x(*at))} cy={format!("{:.1}", y(summary.mean))} r="4" />
                </>
            }) }
        </g>
    }
}

/// One bar a method: the training time with all images.
fn times(experiment: &Experiment) -> Html {
    let all: Vec<_> = experiment
        .methods
        .iter()
        .filter_map(|&method| Some((method, experiment.summary(method, None)?.elapsed_ms)))
        .collect();
    if all.is_empty() {
        return html! { <p class="hint">{ "This comes with the first runs on all images." }</p> };
    }
    let longest = all.iter().map(|(_, ms)| *ms).fold(1.0, f64::max);
    html! {
        <ul class="times" role="list">
            { for all.into_iter().map(|(method, elapsed_ms)| html! {
                <li>
                    <span>{ method.title() }</span>
                    <span class={classes!("time-bar", class_of(method))} style={format!("--share: {:.4}", elapsed_ms / longest)}></span>
                    <span>{ text::duration(elapsed_ms) }</span>
                </li>
            }) }
        </ul>
    }
}

fn table(experiment: &Experiment) -> Html {
    html! {
        <details class="how">
            <summary>{ "Show as a table" }</summary>
            <div class="scroll" tabindex="0" role="group" aria-label="Accuracy by method and images a class">
                <table aria-label={if is_over_backbones(experiment) { "Comparison of backbones" } else { "Comparison" }}>
                    <thead>
                        <tr>
                            <th scope="col">{ "Images of each class" }</th>
                            { for experiment.per_class.iter().map(|&amount| html! { <th scope="col">{ words::amount(experiment, amount) }</th> }) }
                        </tr>
                    </thead>
                    <tbody>
                        { for experiment.methods.iter().map(|&method| html! {
                            <tr>
                                <th scope="row">{ method.title() }</th>
                                { for experiment.per_class.iter().map(|&amount| html! {
                                    <td>{ words::reached(experiment, method, amount) }</td>
                                }) }
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </details>
    }
}
