//! A picture and a sentence where there is nothing yet.

use yew::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Photographs on a pile.
    Photos,
    /// A table with marks.
    Table,
    /// An eye that waits.
    Eye,
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub drawing: Drawing,
    pub children: Children,
}

#[component]
pub fn EmptyState(props: &Props) -> Html {
    let drawing = match props.drawing {
        Drawing::Photos => html! {
            <>
                <rect class="back" x="18" y="20" width="52" height="44" rx="6" transform="rotate(-9 44 42)" />
                <rect class="front" x="38" y="16" width="56" height="48" rx="6" transform="rotate(5 66 40)" />
                <circle class="accent" cx="54" cy="31" r="5.5" />
                <path class="line" d="M43 57l13-14 9 8 9-13 15 22" />
            </>
        },
        Drawing::Table => html! {
            <>
                <rect class="front" x="26" y="12" width="60" height="56" rx="6" />
                <path class="line" d="M46 12v56M66 12v56M26 31h60M26 50h60" />
                <rect class="accent" x="29" y="15" width="14" height="13" rx="3" />
                <rect class="accent" x="49" y="34" width="14" height="13" rx="3" />
                <rect class="accent" x="69" y="53" width="14" height="12" rx="3" />
            </>
        },
        Drawing::Eye => html! {
            <>
                <path class="front" d="M12 40c12-18 28-26 44-26s32 8 44 26c-12 18-28 26-44 26S24 58 12 40z" />
                <circle class="back" cx="56" cy="40" r="17" />
                <circle class="accent" cx="56" cy="40" r="8" />
            </>
        },
    };
    html! {
        <div class="empty-state">
            <svg viewBox="0 0 112 80" aria-hidden="true" focusable="false">{ drawing }</svg>
            <div>{ props.children.clone() }</div>
        </div>
    }
}
