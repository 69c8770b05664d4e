//! What can be done with images wherever they are shown: another class, another part, or away.

use headstart_project::{Part, SampleId};
use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;
use crate::state::project::{ClassId, Project};

#[derive(Properties, PartialEq)]
pub struct Props {
    /// The images; those that are gone do not count. The buttons stand there, switched off, without any.
    pub ids: Vec<SampleId>,
    pub project: Project,
    /// Something was done.
    #[prop_or_default]
    pub ondone: Callback<()>,
}

#[component]
pub fn ImageActions(props: &Props) -> Html {
    let app = use_app();
    let found: Vec<_> = props
        .ids
        .iter()
        .filter_map(|&id| props.project.find(id))
        .collect();
    let ids: Vec<SampleId> = found.iter().map(|(_, sample)| sample.id).collect();
    let has = |part: Part| found.iter().any(|(_, sample)| sample.part == part);
    let (has_train, has_test) = (has(Part::Train), has(Part::Test));
    let is_off = ids.is_empty();
    // A class that all of them are in already is no place to move to.
    let common = found.first().map(|(class, _)| class.id);
    let common = common.filter(|&id| found.iter().all(|(class, _)| class.id == id));
    let act = |action: fn(Vec<SampleId>) -> Action| {
        let (app, ids, ondone) = (app.clone(), ids.clone(), props.ondone.clone());
        Callback::from(move |_: MouseEvent| {
            if !ids.is_empty() {
                app.dispatch(action(ids.clone()));
                ondone.emit(());
            }
        })
    };
    let onchange = {
        let (app, ids, ondone) = (app.clone(), ids.clone(), props.ondone.clone());
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            let to = select.value().parse().map(ClassId);
            select.set_selected_index(0);
            if let (Ok(to), false) = (to, ids.is_empty()) {
                app.dispatch(Action::MoveSamples(ids.clone(), to));
                ondone.emit(());
            }
        })
    };
    let off = is_off.then_some("true");
    let keep = act(|ids| Action::SetPart(ids, Part::Test));
    let learn = act(|ids| Action::SetPart(ids, Part::Train));
    html! {
        <div class="image-actions">
            <select aria-label="Move to" disabled={is_off} {onchange} onkeydown={open_picker}>
                <option value="" selected=true>{ "Move to …" }</option>
                { for props.project.classes.iter().filter(|class| Some(class.id) != common).map(|class| html! {
                    <option key={class.id.0} value={class.id.0.to_string()}>{ class.label() }</option>
                }) }
            </select>
            // One place for both words, so that the button keeps the focus when its press turns it over.
            <button type="button" class="button" aria-disabled={off} onclick={if has_train || is_off { keep } else { learn.clone() }}>
                { if has_train || is_off { "Keep for testing" } else { "Learn from" } }
            </button>
            if has_train && has_test {
                <button type="button" class="button" onclick={learn}>{ "Learn from" }</button>
            }
            <button type="button" class="button" aria-disabled={off} onclick={act(Action::DeleteSamples)}>
                { glyph(Icon::Trash) }{ "Delete" }
            </button>
        </div>
    }
}

/// Some systems choose the next entry of a closed list at the first arrow key, which would move images before anybody has seen where to.
/// The keys open the list instead, as on a Mac.
fn open_picker(event: KeyboardEvent) {
    let key = event.key();
    let is_letter = key.chars().count() == 1 && key != " ";
    let chooses = is_letter
        || key.starts_with("Arrow")
        || ["Home", "End", "PageUp", "PageDown"].contains(&key.as_str());
    if !chooses || event.ctrl_key() || event.meta_key() {
        return;
    }
    event.prevent_default();
    let select: HtmlSelectElement = event.target_unchecked_into();
    // Not in every browser, and not in web-sys yet; without it, Space and Enter still open the list.
    let show = Reflect::get(&select, &JsValue::from_str("showPicker"))
        .ok()
        .and_then(|show| show.dyn_into::<Function>().ok());
    if let Some(show) = show {
        let _ = show.call0(&select);
    }
}
