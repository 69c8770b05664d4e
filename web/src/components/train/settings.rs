//! The settings of training, folded away: the defaults are good.

mod backbone_field;
mod deeper;
mod vary;

use headstart_project::{DevicePreference, SampleId};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use self::backbone_field::BackboneField;
use self::deeper::Deeper;
use self::vary::Vary;
use crate::components::common::field::Field;
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::state::Action;
use crate::state::backbones::Backbones;
use crate::state::engine::{EngineState, Phase, fallback_text};
use crate::state::settings::{Draft, Field as Name, Head};

const DEVICES: [(DevicePreference, &str, &str); 3] = [
    (DevicePreference::Auto, "auto", "Automatic"),
    (DevicePreference::Cpu, "cpu", "CPU"),
    (DevicePreference::Webgpu, "webgpu", "WebGPU"),
];

#[derive(Properties, PartialEq)]
pub struct Props {
    pub settings: Draft,
    pub engine: EngineState,
    pub backbones: Backbones,
    /// Images to learn from, and the first of them.
    pub images: usize,
    pub sample: Option<SampleId>,
}

#[component]
pub fn Settings(props: &Props) -> Html {
    let app = use_app();
    let settings = &props.settings;
    let reset = app.callback(|_: MouseEvent| Action::ResetSettings);
    let field = |name: Name| html! { <Field {name} settings={settings.clone()} /> };
    html! {
        <details class="settings">
            <summary>{ "Settings" }</summary>
            <div class="fields">
                { field(Name::Epochs) }
                { field(Name::BatchSize) }
                { field(Name::LearningRate) }
                { field(Name::Seed) }
                <HeadField head={settings.head} />
                if settings.applies(Name::HiddenUnits) {
                    { field(Name::HiddenUnits) }
                    { field(Name::Dropout) }
                }
                { field(Name::ValidationShare) }
                <BalanceField balance={settings.balance_classes} />
                <BackboneField engine={props.engine.clone()} backbones={props.backbones.clone()} />
                <DeviceField engine={props.engine.clone()} />
            </div>
            <Deeper settings={settings.clone()} engine={props.engine.clone()} images={props.images} />
            <Vary settings={settings.clone()} sample={props.sample} is_ready={props.engine.phase == Phase::Ready} />
            <button type="button" class="button button-quiet" onclick={reset}>{ "Reset to defaults" }</button>
        </details>
    }
}

#[derive(Properties, PartialEq)]
struct HeadProps {
    head: Head,
}

#[component]
fn HeadField(props: &HeadProps) -> Html {
    let app = use_app();
    let onchange = app.callback(|event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        Action::SetHead(if select.value() == "linear" {
            Head::Linear
        } else {
            Head::Hidden
        })
    });
    html! {
        <div class="field">
            <label for="field-head">{ "Head" }</label>
            <select id="field-head" aria-describedby="field-head-hint" {onchange}>
                <option value="hidden" selected={props.head == Head::Hidden}>{ "One hidden layer" }</option>
                <option value="linear" selected={props.head == Head::Linear}>{ "Linear" }</option>
            </select>
            <p id="field-head-hint" class="hint">{ "What the " }<Term word={Word::Head} />{ " is made of. Linear is simpler and enough for easy tasks." }</p>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct BalanceProps {
    balance: bool,
}

#[component]
fn BalanceField(props: &BalanceProps) -> Html {
    let app = use_app();
    let onchange = app.callback(|event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetBalance(input.checked())
    });
    html! {
        <div class="field field-check">
            <label>
                <input type="checkbox" checked={props.balance} aria-describedby="field-balance-hint" {onchange} />
                <span>{ "Balance classes" }</span>
            </label>
            <p id="field-balance-hint" class="hint">{ "Classes with few images count as much as classes with many." }</p>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct EngineProps {
    engine: EngineState,
}

#[component]
fn DeviceField(props: &EngineProps) -> Html {
    let app = use_app();
    let engine = &props.engine;
    let onchange = app.callback(|event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        let chosen = DEVICES
            .iter()
            .find(|(_, value, _)| *value == select.value());
        Action::SetDevice(
            chosen
                .map(|(preference, ..)| *preference)
                .unwrap_or_default(),
        )
    });
    let fallback = engine
        .device
        .as_ref()
        .and_then(|device| device.fallback.as_ref());
    html! {
        <div class="field">
            <label for="field-device">{ "Device" }</label>
            <select id="field-device" aria-describedby="field-device-hint" {onchange}>
                { for DEVICES.iter().map(|&(preference, value, title)| html! {
                    <option {value} selected={engine.preference == preference}>{ title }</option>
                }) }
            </select>
            <p id="field-device-hint" class="hint">
                { "The processor (CPU) or the graphics card (WebGPU). Automatic takes the faster one. " }
                if let Some(fallback) = fallback {
                    { fallback_text(engine.preference, fallback) }
                }
            </p>
        </div>
    }
}
