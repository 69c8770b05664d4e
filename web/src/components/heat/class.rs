//! The class that a heat map is shown for.

use std::rc::Rc;

use web_sys::HtmlSelectElement;
use yew::prelude::*;

pub struct Props {
    pub names: Vec<Rc<str>>,
    /// Index of the class that was picked; none for the most probable one.
    pub picked: Option<u32>,
    /// Index of the class that is shown.
    pub top: Option<u32>,
    pub onpick: Callback<Option<u32>>,
}

pub fn view(props: &Props) -> Html {
    let onchange = props.onpick.reform(|event: Event| {
        let select: HtmlSelectElement = event.target_unchecked_into();
        select.value().parse().ok()
    });
    let top = props.top.filter(|_| props.picked.is_none());
    let top = top.and_then(|top| props.names.get(top as usize));
    html! {
        <label class="heat-class">
            <span>{ "Heat for" }</span>
            <select {onchange}>
                <option value="" selected={props.picked.is_none()}>
                    { match top {
                        Some(name) => format!("Most probable ({name})"),
                        None => "Most probable".to_owned(),
                    } }
                </option>
                { for (0_u32..).zip(&props.names).map(|(at, name)| html! {
                    <option key={at} value={at.to_string()} selected={props.picked == Some(at)}>{ &**name }</option>
                }) }
            </select>
        </label>
    }
}
