//! A file input that looks like a button and is named by its visible label.

use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::icon::{Icon, glyph};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub label: AttrValue,
    pub icon: Icon,
    #[prop_or_default]
    pub accept: Option<AttrValue>,
    #[prop_or_default]
    pub multiple: bool,
    /// Lets the user choose a folder instead of files.
    #[prop_or_default]
    pub folder: bool,
    #[prop_or_default]
    pub class: Classes,
    pub onfiles: Callback<Vec<File>>,
}

#[component]
pub fn FileButton(props: &Props) -> Html {
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with(props.folder, move |&folder| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                input.set_webkitdirectory(folder);
            }
        });
    }
    let onchange = {
        let onfiles = props.onfiles.clone();
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let list = input.files();
            let files = list.map_or_else(Vec::new, |list| {
                (0..list.length()).filter_map(|at| list.get(at)).collect()
            });
            // So that choosing the same file again is a change again.
            input.set_value("");
            if !files.is_empty() {
                onfiles.emit(files);
            }
        })
    };
    html! {
        <label class={classes!("button", "file-button", props.class.clone())}>
            { glyph(props.icon) }
            { props.label.clone() }
            <input
                ref={input}
                class="visually-hidden"
                type="file"
                multiple={props.multiple}
                accept={props.accept.clone()}
                {onchange}
            />
        </label>
    }
}
