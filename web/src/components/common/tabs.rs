//! A row of tabs, as in the ARIA Authoring Practices: one stop for Tab, and the arrow keys choose.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};
use yew::prelude::*;

/// One tab.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// Names the tab and its panel on the page.
    pub id: &'static str,
    pub name: &'static str,
    /// Things to look at in it.
    pub count: Option<usize>,
}

#[derive(Properties, PartialEq)]
pub struct Props {
    /// What the tabs are about.
    pub label: AttrValue,
    pub tabs: Vec<Tab>,
    pub selected: usize,
    pub onselect: Callback<usize>,
}

/// The id of a tab, for its panel to be named by.
pub fn tab_id(id: &str) -> String {
    format!("tab-{id}")
}

/// The id of the panel that a tab shows.
pub fn panel_id(id: &str) -> String {
    format!("panel-{id}")
}

#[component]
pub fn Tabs(props: &Props) -> Html {
    let list = use_node_ref();
    // Where there is no room for all, the chosen one is brought into view sideways; the page itself stays where it is.
    {
        let list = list.clone();
        use_effect_with(props.selected, move |&selected| {
            let tab = list.cast::<Element>().and_then(|list| {
                let tab: HtmlElement = list.children().item(selected as u32)?.unchecked_into();
                Some((list, tab))
            });
            if let Some((list, tab)) = tab {
                let hidden_left = tab.offset_left() < list.scroll_left();
                let end = tab.offset_left() + tab.offset_width();
                if hidden_left {
                    list.set_scroll_left(tab.offset_left());
                } else if end > list.scroll_left() + list.client_width() {
                    list.set_scroll_left(end - list.client_width());
                }
            }
        });
    }
    let onkeydown = {
        let (list, onselect) = (list.clone(), props.onselect.clone());
        let (at, count) = (props.selected, props.tabs.len());
        Callback::from(move |event: KeyboardEvent| {
            let next = match event.key().as_str() {
                "ArrowRight" => (at + 1) % count.max(1),
                "ArrowLeft" => (at + count.saturating_sub(1)) % count.max(1),
                "Home" => 0,
                "End" => count.saturating_sub(1),
                _ => return,
            };
            event.prevent_default();
            onselect.emit(next);
            let tab = list
                .cast::<Element>()
                .and_then(|list| list.children().item(next as u32));
            if let Some(tab) = tab {
                // Focusing an element that is on the page does not fail.
                let _ = tab.unchecked_into::<HtmlElement>().focus();
            }
        })
    };
    html! {
        <div ref={list} class="tabs" role="tablist" aria-label={props.label.clone()} {onkeydown}>
            { for props.tabs.iter().enumerate().map(|(at, tab)| {
                let is_selected = at == props.selected;
                html! {
                    <button
                        key={tab.id}
                        type="button"
                        class="tab"
                        role="tab"
                        id={tab_id(tab.id)}
                        aria-controls={panel_id(tab.id)}
                        aria-selected={if is_selected { "true" } else { "false" }}
                        tabindex={if is_selected { "0" } else { "-1" }}
                        onclick={props.onselect.reform(move |_: MouseEvent| at)}
                    >
                        { tab.name }
                        if let Some(count) = tab.count.filter(|&count| count > 0) {
                            <span class="tab-count" aria-hidden="true">{ count }</span>
                        }
                    </button>
                }
            }) }
        </div>
    }
}
