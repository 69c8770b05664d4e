//! Headstart's page.
//!
//! The page holds the project's plain data in one state with one reducer, shows it, and talks to the engine, which runs in a worker of its own.

#[cfg(test)]
mod arrows;
mod components;
mod context;
mod glossary;
mod heat;
mod hooks;
mod map;
mod parts;
mod services;
mod state;

// Numbers and sentences are the same in the page and in the report.
use headstart_report::{text, words};

fn main() {
    // The static first paint stands in this element until the app takes its place.
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("app"));
    match root {
        Some(root) => {
            yew::Renderer::<components::shell::app::App>::with_root(root).render();
        }
        None => web_sys::console::error_1(&"Headstart: there is no element #app".into()),
    }
}
