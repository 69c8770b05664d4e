//! Where backbones' weights are: on the site, or in the browser's storage.

use headstart_project::{BackboneChoice, BackboneId, WeightsPlace};
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, Url};

use crate::context::App;
use crate::state::backbones::KeptWeights;

/// Where the weights of a choice are, and what is attached; `None` when they are not here.
pub async fn find(app: &App, choice: &BackboneChoice) -> Option<(WeightsPlace, Vec<JsValue>)> {
    if BackboneChoice::of_site(choice.id).as_ref() == Some(choice) {
        let url = url(choice.id);
        return Some((WeightsPlace::Site { url }, Vec::new()));
    }
    let (kept, file) = app.projects.store()?.weights(choice.id).await?;
    (kept.choice == *choice).then(|| (WeightsPlace::Attached, vec![file.into()]))
}

/// What this browser keeps.
pub async fn kept(app: &App) -> Vec<KeptWeights> {
    match app.projects.store() {
        Some(store) => store.all_weights().await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Backbones whose weights come with this site, though not with every one.
pub async fn on_site() -> Vec<BackboneId> {
    let mut found = Vec::new();
    for id in BackboneId::ALL {
        if !id.is_shipped() && id.sha256().is_some() && is_there(&url(id)).await {
            found.push(id);
        }
    }
    found
}

/// Whether a file answers; it is not read.
async fn is_there(url: &str) -> bool {
    let Some(window) = web_sys::window() else {
        return false;
    };
    let answer = JsFuture::from(window.fetch_with_str(url)).await;
    let Some(answer) = answer.ok().and_then(|it| it.dyn_into::<Response>().ok()) else {
        return false;
    };
    if let Some(body) = answer.body() {
        // It would only be waited for if it could fail, and then there is nothing to stop.
        let _: Promise = body.cancel();
    }
    answer.ok()
}

/// The absolute address of weights on the site: the worker's own address is not the page's.
fn url(backbone: BackboneId) -> String {
    let path = format!("weights/{}.safetensors", backbone.name());
    let base = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.base_uri().ok().flatten())
        .unwrap_or_default();
    Url::new_with_base(&path, &base).map_or(path, |url| url.href())
}
