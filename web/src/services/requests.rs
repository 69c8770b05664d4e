//! What the page has asked the network for since it was opened, as the browser itself has noted it.

use js_sys::Array;
use wasm_bindgen::JsCast;
use web_sys::{PerformanceResourceTiming, Url};

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its address, without the beginning that is the page's own.
    pub address: String,
    /// It went to the place that the page came from, or stayed within the browser.
    pub is_own: bool,
    /// Bytes that came over the network; 0 when the browser had it already.
    pub received: f64,
}

/// The page's requests, in order.
pub fn of_page() -> Vec<Request> {
    let Some(window) = web_sys::window() else {
        return Vec::new();
    };
    let entries = window.performance().map_or_else(Array::new, |performance| {
        performance.get_entries_by_type("resource")
    });
    let origin = window.location().origin().unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| entry.dyn_into::<PerformanceResourceTiming>().ok())
        .filter(|entry| !entry.name().starts_with("blob:") && !entry.name().starts_with("data:"))
        .map(|entry| request(&entry.name(), entry.transfer_size(), &origin))
        .collect()
}

/// The engine's requests, given by their whole addresses and the bytes that came.
pub fn of_engine(requests: &[(String, f64)]) -> Vec<Request> {
    let location = web_sys::window().map(|window| window.location());
    let origin = location.and_then(|location| location.origin().ok());
    let origin = origin.unwrap_or_default();
    let all = requests.iter();
    all.map(|(address, received)| request(address, *received, &origin))
        .collect()
}

fn request(address: &str, received: f64, origin: &str) -> Request {
    let url = Url::new(address).ok();
    let is_own = url.as_ref().is_some_and(|url| url.origin() == origin);
    let path = url.map(|url| format!("{}{}", url.pathname(), url.search()));
    Request {
        address: path
            .filter(|_| is_own)
            .unwrap_or_else(|| address.to_owned()),
        is_own,
        received,
    }
}
