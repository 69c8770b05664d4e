//! The data doctor: what is wrong with the images, with remedies.

mod finding;
mod findings;

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::{Examination, SampleId};
use yew::prelude::*;

use self::findings::Section;
use super::analysis_job::AnalysisJob;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::term::Term;
use crate::components::gallery::Opened;
use crate::glossary::Word;
use crate::state::analysis::{Found, Job, Kind};
use crate::state::doctor::Open;
use crate::state::project::Project;
use crate::text;

pub struct Props {
    pub project: Project,
    pub job: Option<Job>,
    pub found: Option<Rc<Found<Examination>>>,
    /// Suspects that the user has looked at and found right.
    pub kept: Rc<HashSet<SampleId>>,
    pub onkept: Callback<Rc<HashSet<SampleId>>>,
    pub onshow: Callback<Opened>,
}

pub fn view(props: &Props) -> Html {
    html! {
        <>
            <p class="panel-lead">
                { "A model is only as good as its images, so this looks for " }
                <Term word={Word::NearDuplicate} text="near-duplicates" />
                { " and for images that are probably in the wrong class, and for classes that are too small or one-sided. It changes nothing by itself: you decide, and every step can be undone." }
            </p>
            <AnalysisJob
                kind={Kind::Examination}
                job={props.job.clone()}
                label="Examine the images"
                doing="Examining the images"
                is_again={props.found.is_some()}
            />
            if let Some(found) = &props.found {
                { shown(props, found) }
            }
        </>
    }
}

fn shown(props: &Props, found: &Found<Examination>) -> Html {
    let open = Open::of(found, &props.project, &props.kept);
    let is_outdated = found.plan.is_outdated(&props.project);
    let was_clear = Open::of(found, &props.project, &HashSet::new()).len() == 0;
    let summary = match (open.len(), is_outdated) {
        (0, true) => "Nothing is left to deal with.".to_owned(),
        (0, false) if was_clear => {
            "All is well: no image is there twice, no label looks wrong, and no class is too small or one-sided.".to_owned()
        }
        (0, false) => "Nothing is left to look at.".to_owned(),
        (count, _) => format!("{} to look at.", text::count(count, "thing")),
    };
    let forget = props.onkept.reform(|_: MouseEvent| Rc::default());
    html! {
        <>
            <p class={if open.len() == 0 { "all-clear" } else { "doctor-summary" }}>
                if open.len() == 0 {
                    { glyph(Icon::Shield) }
                }
                { summary }
            </p>
            if is_outdated {
                <p class="outdated">{ "Your images or classes have changed since. Train again to learn from the change, and examine them again to see whether all is well." }</p>
            }
            <Section {open} project={props.project.clone()} kept={props.kept.clone()} onkept={props.onkept.clone()} onshow={props.onshow.clone()} />
            if !props.kept.is_empty() {
                <p class="hint">
                    { format!("You have kept {} as they are. ", text::count(props.kept.len(), "image")) }
                    <button type="button" class="text-button" onclick={forget}>{ "Look at them again" }</button>
                </p>
            }
        </>
    }
}
