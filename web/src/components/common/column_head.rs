//! A column's number, name, and what one does in it.

use yew::prelude::*;

pub struct Props {
    pub step: AttrValue,
    pub title: AttrValue,
    pub lead: AttrValue,
}

pub fn view(props: &Props) -> Html {
    html! {
        <div class="column-head">
            <span class="step" aria-hidden="true">{ props.step.clone() }</span>
            <div>
                <h2>{ props.title.clone() }</h2>
                <p>{ props.lead.clone() }</p>
            </div>
        </div>
    }
}
