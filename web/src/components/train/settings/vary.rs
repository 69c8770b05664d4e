//! Augmentation: how images are varied, with a look at what the network will see.

use headstart_project::{self as project, AugmentSettings, SampleId, Section, VARIATIONS};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlInputElement};
use yew::prelude::*;

use crate::components::common::field::fields;
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::services::engine::Unanswered;
use crate::services::samples::media::ObjectUrl;
use crate::state::Action;
use crate::state::settings::Draft;

/// Copies that are shown.
const SHOWN: u32 = 6;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub settings: Draft,
    /// The image to show it on.
    pub sample: Option<SampleId>,
    pub is_ready: bool,
}

#[component]
pub fn Vary(props: &Props) -> Html {
    let app = use_app();
    let settings = &props.settings;
    let switch = app.callback(|event: Event| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::SetVaried(input.checked())
    });
    let shown = use_state(Vec::<ObjectUrl>::new);
    {
        let (app, shown) = (app.clone(), shown.setter());
        let parsed = settings.parse().ok();
        let wanted = parsed.filter(|parsed| parsed.augmentation.copies > 0 && props.is_ready);
        let wanted = wanted.map(|parsed| (preview(parsed.augmentation), parsed.seed));
        use_effect_with((wanted, props.sample), move |(wanted, sample)| {
            let file = sample.and_then(|id| Some((id, app.media.file(id)?)));
            match (wanted, file) {
                (Some((augmentation, seed)), Some((id, file))) => {
                    let question = project::Vary {
                        sample: id,
                        augmentation: augmentation.clone(),
                        seed: *seed,
                    };
                    let asked = app.engine.ask(question, &[file.into()]);
                    spawn_local(async move {
                        let pictures = match asked.await {
                            Ok((_, pictures)) => pictures,
                            // An image that cannot be used has no copies to show.
                            Err(Unanswered::Failed(_)) => Vec::new(),
                            Err(Unanswered::NoEngine) => return,
                        };
                        let pictures = pictures.iter().filter_map(JsCast::dyn_ref::<Blob>);
                        shown.set(pictures.filter_map(ObjectUrl::new).collect());
                    });
                }
                _ => shown.set(Vec::new()),
            }
        });
    }
    html! {
        <fieldset class="vary">
            <legend>{ "Vary the images" }</legend>
            <div class="field field-check">
                <label>
                    <input type="checkbox" checked={settings.is_varied} aria-describedby="field-varied-hint" onchange={switch} />
                    <span>{ "Learn from varied copies, too" }</span>
                </label>
                <p id="field-varied-hint" class="hint">
                    { "Copies show the model what does not matter, such as left and right: " }<Term word={Word::Augmentation} />
                    { ". Nothing is ever measured on them." }
                </p>
            </div>
            if settings.is_varied {
                { fields(Section::Varied, settings) }
                <div class="variations">
                    { for VARIATIONS.iter().map(|card| {
                        let variation = card.id;
                        let onchange = app.callback(move |event: Event| {
                            let input: HtmlInputElement = event.target_unchecked_into();
                            Action::SetVariation(variation, input.checked())
                        });
                        html! {
                            <label>
                                <input type="checkbox" checked={settings.has(variation)} {onchange} />
                                <span>{ card.label }</span>
                            </label>
                        }
                    }) }
                </div>
                if !shown.is_empty() {
                    <p class="hint">{ "What the network will see of your first image:" }</p>
                    <ul class="varied" role="list">
                        { for shown.iter().enumerate().map(|(at, picture)| html! {
                            <li><img src={picture.get()} alt={format!("Varied copy {}", at + 1)} width="72" height="72" /></li>
                        }) }
                    </ul>
                }
            }
        </fieldset>
    }
}

/// The first copies, of which the run may make fewer or more.
fn preview(augmentation: AugmentSettings) -> AugmentSettings {
    AugmentSettings {
        copies: SHOWN,
        ..augmentation
    }
}
