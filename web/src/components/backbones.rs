//! All backbones: what each is good for, what it costs on this device, and where its weights come from.

pub mod dialog;

use headstart_project::{BackboneCard, BackboneId, InEightBits, WeightsOrigin};
use wasm_bindgen_futures::spawn_local;
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use crate::components::common::file_button::FileButton;
use crate::components::common::icon::Icon;
use crate::components::common::term::Term;
use crate::context::use_app;
use crate::glossary::Word;
use crate::services::keep::storage::megabytes;
use crate::services::keep::{opening, weights};
use crate::state::backbones::{Backbones as Known, KeptWeights};
use crate::state::engine::Phase;
use crate::state::{Action, State};
use crate::text;

/// What the dialog shows.
pub fn view(state: &State) -> Html {
    let opening = state.engine.opening;
    let share = opening.map(|progress| progress.done as f64 / progress.total.max(1) as f64);
    html! { <Backbones known={state.backbones.clone()} is_ready={state.engine.phase == Phase::Ready} {share} /> }
}

#[derive(Properties, PartialEq)]
struct Props {
    known: Known,
    is_ready: bool,
    /// How much of a weights file is read.
    share: Option<f64>,
}

#[component]
fn Backbones(props: &Props) -> Html {
    let app = use_app();
    let is_small = use_state(|| false);
    let keep_hidden = use_state(|| false);
    let problem = use_state(|| None::<String>);
    {
        let app = app.clone();
        use_effect_with((), move |()| {
            spawn_local(async move {
                app.dispatch(Action::SetOnSite(weights::on_site().await));
            });
        });
    }
    {
        let app = app.clone();
        let is_due = props.is_ready && props.known.ms_per_million.is_none();
        use_effect_with(is_due, move |&is_due| {
            if is_due {
                opening::probe(&app);
            }
        });
    }
    let onfiles = {
        let (app, is_small, keep_hidden) = (app.clone(), *is_small, *keep_hidden);
        let problem = problem.clone();
        Callback::from(move |files: Vec<File>| {
            if let Some(file) = files.into_iter().next() {
                problem.set(None);
                let setter = problem.setter();
                let onproblem = Callback::from(move |reason| setter.set(Some(reason)));
                opening::open(&app, file, is_small, keep_hidden, onproblem);
            }
        })
    };
    let check = |state: &UseStateHandle<bool>, label: &'static str| {
        let setter = state.setter();
        let onchange = Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            setter.set(input.checked());
        });
        html! { <label><input type="checkbox" checked={**state} {onchange} /><span>{ label }</span></label> }
    };
    html! {
        <div class="backbones-body">
            <p>
                { "A " }<Term word={Word::Backbone} />{ " is the part of the model that has already learnt to see. Another one sees other things, in another time. When you choose one, it looks at all your images anew; what the one before reached stays to compare with." }
            </p>
            <div class="card weights-card">
                <h3>{ "Bring your own weights" }</h3>
                <p>
                    { "Most backbones here work with a file that you already have or download from those who made it: " }
                    <code>{ ".safetensors" }</code>{ ", " }<code>{ ".pth" }</code>{ " or " }<code>{ ".pt" }</code>
                    { " as torchvision and timm publish them. Which one it is, Headstart sees by itself. Nothing in the file is run, and the browser keeps it for the next time, also without a connection." }
                </p>
                <div class="button-row">
                    <FileButton label="Open weights file" icon={Icon::Upload} accept=".safetensors,.pth,.pt,.bin,.pkl" {onfiles} />
                </div>
                <div class="checks">
                    { check(&is_small, "Store it in 8 bits: two thirds of the space, and only if it then sees nearly the same") }
                    { check(&keep_hidden, "Keep VGG’s fully connected layers, too: 120 million more numbers") }
                </div>
                if let Some(reason) = &*problem {
                    <p class="problem" role="alert">{ reason }</p>
                }
                if let Some(share) = props.share {
                    <progress aria-label="Opening the weights file" max="1" value={share.to_string()}></progress>
                }
            </div>
            <ul class="backbone-list">
                { for BackboneId::ALL.into_iter().map(|id| html! { <Entry key={id.name()} known={props.known.clone()} {id} /> }) }
            </ul>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct EntryProps {
    known: Known,
    id: BackboneId,
}

#[component]
fn Entry(props: &EntryProps) -> Html {
    let app = use_app();
    let (known, card) = (&props.known, props.id.card());
    let here = known.here(props.id);
    let kept = known.kept_of(props.id);
    let is_used = known.choice.id == props.id;
    let past = known.past.iter().find(|past| past.backbone == props.id);
    let onuse = {
        let (app, choice) = (app.clone(), here.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(choice) = choice.clone() {
                app.dispatch(Action::SetBackbone(choice));
                app.dispatch(Action::SetPicker(false));
            }
        })
    };
    let ondelete = {
        let (app, id) = (app.clone(), props.id);
        Callback::from(move |_: MouseEvent| opening::forget(&app, id))
    };
    html! {
        <li class={classes!("backbone", is_used.then_some("is-used"))}>
            <div class="backbone-head">
                <h3>{ card.title }</h3>
                <span class="backbone-state">{ if is_used { "in use" } else if here.is_some() { "here" } else { "needs a weights file" } }</span>
            </div>
            <p>{ card.good_for }</p>
            <p class="facts">{ facts(known, card) }</p>
            if let Some(kept) = kept {
                <p class="hint">{ format!("From {}, {} MB in this browser{}.", kept.name, megabytes(kept.bytes), in_8_bits(kept)) }</p>
            } else if let (None, WeightsOrigin::Own { source } | WeightsOrigin::Made { source, .. }) = (&here, card.weights) {
                <p class="hint">{ "Weights: " }{ source }{ "." }</p>
            }
            if let Some((right, total)) = past.and_then(|past| past.score) {
                <p class="hint">{ format!("In this project it was right on {right} of {total} images.") }</p>
            }
            <p class="hint"><a href={card.paper_url} target="_blank" rel="noopener noreferrer">{ card.paper }</a></p>
            <div class="button-row">
                if here.is_some() && !is_used {
                    <button type="button" class="button" onclick={onuse} aria-label={format!("Use {}", card.title)}>{ "Use it" }</button>
                }
                if kept.is_some() && !is_used {
                    <button type="button" class="button button-quiet" onclick={ondelete} aria-label={format!("Delete the weights of {}", card.title)}>{ "Delete its file" }</button>
                }
            </div>
        </li>
    }
}

/// What it costs.
fn facts(known: &Known, card: &BackboneCard) -> String {
    let millions = card.multiply_adds as f64 / 1e6;
    let time = match known.ms_per_million {
        Some(ms) => format!("about {} an image here", per_image(ms * millions)),
        None => "measuring its speed …".to_owned(),
    };
    // Shipped in 16 bits each.
    let size = match card.weights {
        WeightsOrigin::Made { bytes, .. } if bytes > 0 => bytes as f64,
        _ => card.parameters as f64 * 2.0,
    };
    format!(
        "{time} · {} MB · {:.1} million parameters · {} × {} pixels · {} features",
        megabytes(size),
        card.parameters as f64 / 1e6,
        card.input_px,
        card.input_px,
        text::grouped(u64::from(card.features))
    )
}

fn per_image(image_ms: f64) -> String {
    if image_ms < 1000.0 {
        format!("{image_ms:.0} ms")
    } else {
        text::duration(image_ms)
    }
}

/// What storing it in 8 bits costs, if that was wanted.
fn in_8_bits(kept: &KeptWeights) -> String {
    match kept.in_8_bits {
        None => String::new(),
        Some(InEightBits {
            cosine,
            is_used: true,
        }) => format!(
            ", in 8 bits. Its features stay nearly the same: their cosine to those of the file is {cosine:.4}"
        ),
        Some(InEightBits { cosine, .. }) => format!(
            ", in 16 bits: in 8 bits the cosine of its features to those of the file would be {cosine:.4}, and less than 0.999 is too little"
        ),
    }
}
