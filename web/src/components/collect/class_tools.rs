//! What can be done with many images of a class at once.

use std::rc::Rc;

use headstart_project::{Part, SampleId};
use yew::prelude::*;

use super::class_card::Selection;
use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;
use crate::state::project::Class;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub class: Rc<Class>,
    pub selection: Selection,
    pub onselect: Callback<Selection>,
}

#[component]
pub fn ClassTools(props: &Props) -> Html {
    let app = use_app();
    let Some(selected) = &props.selection else {
        let select = props.onselect.reform(|_: MouseEvent| Some(Rc::default()));
        let all = props.class.clone();
        let delete = app.callback(move |_: MouseEvent| {
            Action::DeleteSamples(all.samples().map(|sample| sample.id).collect())
        });
        return html! {
            <div class="class-tools">
                <button type="button" class="text-button" onclick={select}>
                    { glyph(Icon::Select) }{ "Select" }
                </button>
                <button type="button" class="text-button" onclick={delete}>
                    { glyph(Icon::Trash) }{ "Delete all" }
                </button>
            </div>
        };
    };
    // Images may have gone since they were selected.
    let chosen: Vec<SampleId> = props
        .class
        .samples()
        .filter(|sample| selected.contains(&sample.id))
        .map(|sample| sample.id)
        .collect();
    let count = chosen.len();
    let has_train = props
        .class
        .samples()
        .any(|sample| sample.part == Part::Train && selected.contains(&sample.id));
    let disabled = (count == 0).then_some("true");
    let act = |action: fn(Vec<SampleId>) -> Action| {
        let (app, chosen, onselect) = (app.clone(), chosen.clone(), props.onselect.clone());
        Callback::from(move |_: MouseEvent| {
            if !chosen.is_empty() {
                app.dispatch(action(chosen.clone()));
                onselect.emit(None);
            }
        })
    };
    let all = {
        let class = props.class.clone();
        props.onselect.reform(move |_: MouseEvent| {
            Some(Rc::new(class.samples().map(|sample| sample.id).collect()))
        })
    };
    let done = props.onselect.reform(|_: MouseEvent| None);
    html! {
        <div class="class-tools is-selecting">
            <button type="button" class="text-button" aria-disabled={disabled} onclick={act(Action::DeleteSamples)}>
                { glyph(Icon::Trash) }
                { if count == 0 { "Delete selected".to_owned() } else { format!("Delete {count}") } }
            </button>
            if has_train || count == 0 {
                <button type="button" class="text-button" aria-disabled={disabled} onclick={act(|ids| Action::SetPart(ids, Part::Test))}>
                    { "Keep for testing" }
                </button>
            } else {
                <button type="button" class="text-button" onclick={act(|ids| Action::SetPart(ids, Part::Train))}>
                    { "Learn from instead of testing" }
                </button>
            }
            <button type="button" class="text-button" onclick={all}>{ "All" }</button>
            <button type="button" class="text-button" onclick={done}>{ "Done" }</button>
        </div>
    }
}
