//! Where backbones' weights are: on the site, or in the browser's storage.

use headstart_project::{BackboneChoice, BackboneId, WeightsPlace};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Response, Url};

use crate::context::App;
use crate::state::Action;
use crate::state::backbones::KeptWeights;

/// Where the weights of a choice are, and what is attached; `None` when they are not here.
pub async fn find(app: &App, choice: &BackboneChoice) -> Option<(WeightsPlace, Vec<JsValue>)> {
    let is_of_site = BackboneChoice::of_site(choice.id).as_ref() == Some(choice);
    if is_of_site && choice.id.is_shipped() {
        let url = url(choice.id);
        return Some((WeightsPlace::Site { url }, Vec::new()));
    }
    let known = match app.projects.store() {
        Some(store) => store.weights(choice.id).await,
        None => None,
    };
    let known = known.filter(|(kept, _)| kept.choice == *choice);
    let file = match known {
        Some((_, file)) => file,
        None if is_of_site => take_from_site(app, choice).await?,
        None => return None,
    };
    Some((WeightsPlace::Attached, vec![file.into()]))
}

/// Fetches weights that only some sites have. The service worker does not keep them, so the page does, for the next time without a network.
async fn take_from_site(app: &App, choice: &BackboneChoice) -> Option<Blob> {
    let answer = web_sys::window()?.fetch_with_str(&url(choice.id));
    let answer: Response = JsFuture::from(answer).await.ok()?.dyn_into().ok()?;
    if !answer.ok() {
        return None;
    }
    let file: Blob = JsFuture::from(answer.blob().ok()?)
        .await
        .ok()?
        .dyn_into()
        .ok()?;
    let kept = KeptWeights {
        choice: choice.clone(),
        name: "this site".into(),
        bytes: file.size(),
        has_hidden: false,
        in_8_bits: None,
    };
    if let Some(store) = app.projects.store() {
        // Where it cannot be kept, it is fetched again the next time.
        let _ = store.keep_weights(&kept, &file).await;
        app.dispatch(Action::SetKeptWeights(self::kept(app).await));
    }
    Some(file)
}

/// What this browser keeps.
pub async fn kept(app: &App) -> Vec<KeptWeights> {
    match app.projects.store() {
        Some(store) => store.all_weights().await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Backbones whose weights were made for this site, beside those that come with every one: `weights/made.json` lists them.
pub async fn on_site() -> Vec<BackboneId> {
    let names = made().await.unwrap_or_default();
    let ids = names.iter().filter_map(|name| BackboneId::of_name(name));
    ids.filter(|id| id.sha256().is_some()).collect()
}

async fn made() -> Option<Vec<String>> {
    let answer = web_sys::window()?.fetch_with_str(&address("made.json"));
    let answer: Response = JsFuture::from(answer).await.ok()?.dyn_into().ok()?;
    let text = JsFuture::from(answer.text().ok()?).await.ok()?;
    serde_json::from_str(&text.as_string()?).ok()
}

/// The absolute address of weights on the site.
fn url(backbone: BackboneId) -> String {
    address(&format!("{}.safetensors", backbone.name()))
}

/// The absolute address of a file beside the weights: the worker's own address is not the page's.
fn address(file: &str) -> String {
    let path = format!("weights/{file}");
    let base = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.base_uri().ok().flatten())
        .unwrap_or_default();
    Url::new_with_base(&path, &base).map_or(path, |url| url.href())
}
