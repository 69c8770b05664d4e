//! What the model says of the picture in Try: the class, or none of them, and how probable each one is.

use std::rc::Rc;

use yew::prelude::*;

use super::meters;
use crate::hooks::use_throttled::use_throttled;
use crate::services::engine::Judgement;
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::state::threshold::is_unknown;

/// How often a screen reader is told what the camera sees.
const LIVE_NEWS_MS: u32 = 4000;
/// How often it is told of images.
const NEWS_MS: u32 = 300;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub plan: Rc<Plan>,
    pub project: Project,
    /// None while the first answer is awaited.
    pub judgement: Option<Judgement>,
    /// Familiarity below which the picture is of none of the classes.
    pub threshold: Option<f32>,
    /// The picture comes from the camera and changes all the time.
    pub is_live: bool,
}

#[component]
pub fn TryAnswer(props: &Props) -> Html {
    let names = props.plan.names(&props.project);
    let colors = props.plan.colors(&props.project);
    let judgement = props.judgement.as_ref();
    let top = judgement.and_then(|judgement| judgement.top());
    let is_unknown =
        judgement.is_some_and(|judgement| is_unknown(judgement.familiarity, props.threshold));
    let top = top.and_then(|top| Some((names.get(top)?.clone(), *colors.get(top)?)));
    let news = match &top {
        None => String::new(),
        Some(_) if is_unknown => "It looks like none of your classes.".to_owned(),
        Some((name, _)) => format!("It looks like {name}."),
    };
    let every_ms = if props.is_live { LIVE_NEWS_MS } else { NEWS_MS };
    let news = use_throttled(news, every_ms);
    html! {
        <div class="answer">
            { match (&top, judgement) {
                (Some((name, color)), Some(judgement)) => html! {
                    <>
                        if is_unknown {
                            <p class="answer-line is-unknown"><strong>{ "None of these" }</strong>{ " It looks like none of your classes." }</p>
                        } else {
                            <p class="answer-line" style={format!("--class-color: var(--class-{color})")}>
                                { "It looks like " }<strong>{ &**name }</strong>
                            </p>
                        }
                        { meters::view(&meters::Props { names, colors, probabilities: judgement.probabilities.clone(), is_muted: is_unknown }) }
                    </>
                },
                _ => html! { <p class="hint">{ "Looking …" }</p> },
            } }
            <p class="visually-hidden" role="status">{ news }</p>
        </div>
    }
}
