//! The backbone in use, and the way to all others.

use headstart_project::BackboneId;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::backbones::Backbones;
use crate::state::engine::EngineState;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub engine: EngineState,
    pub backbones: Backbones,
}

#[component]
pub fn BackboneField(props: &Props) -> Html {
    let app = use_app();
    let backbones = &props.backbones;
    let onchange = {
        let (app, backbones) = (app.clone(), backbones.clone());
        Callback::from(move |event: Event| {
            let select: HtmlSelectElement = event.target_unchecked_into();
            let chosen = BackboneId::of_name(&select.value()).and_then(|id| backbones.here(id));
            if let Some(choice) = chosen {
                app.dispatch(Action::SetBackbone(choice));
            }
        })
    };
    let onmore = app.callback(|_: MouseEvent| Action::SetPicker(true));
    let size = props.engine.backbone.as_ref().map(|backbone| {
        let (millions, px) = (backbone.parameters as f64 / 1e6, backbone.input_px);
        let features = text::grouped(u64::from(backbone.features));
        html! {
            <>
                { format!("{millions:.1} million ") }<Term word={Word::Parameter} text="parameters" />
                { format!(", looks at {px} × {px} pixels, describes an image by {features} ") }
                <Term word={Word::Feature} text="features" />{ ". " }
            </>
        }
    });
    html! {
        <div class="field">
            <label for="field-backbone">{ "Backbone" }</label>
            <select id="field-backbone" aria-describedby="field-backbone-hint" {onchange}>
                { for backbones.all_here().map(|choice| html! {
                    <option value={choice.id.name()} selected={choice == backbones.choice}>{ choice.id.title() }</option>
                }) }
            </select>
            <button type="button" class="text-button" onclick={onmore}>{ "More backbones" }</button>
            <p id="field-backbone-hint" class="hint">{ size }{ "The " }<Term word={Word::Pretrained} />{ " part. See " }<Term word={Word::Backbone} />{ "." }</p>
        </div>
    }
}
