//! What the colours of a heat map mean.

use yew::prelude::*;

use crate::components::common::term::Term;
use crate::glossary::Word;

pub struct Props {
    /// The colours say what covering a part changes.
    pub is_covered: bool,
    /// The image is no square, so that its rim is not seen.
    pub is_cut_off: bool,
}

pub fn view(props: &Props) -> Html {
    let (from, to, scale) = if props.is_covered {
        (
            "speaks against it",
            "speaks for it",
            "heat-scale is-covered",
        )
    } else {
        ("no heat", "most heat", "heat-scale")
    };
    html! {
        <div class="heat-legend">
            <p class="heat-key">
                <span>{ from }</span><span class={scale} aria-hidden="true"></span><span>{ to }</span>
            </p>
            <p class="hint">
                if props.is_covered {
                    { "One part after the other was covered. Where that makes the class less " }<Term word={Word::Probability} text="probable" />{ ", the part speaks for it." }
                } else {
                    { "A " }<Term word={Word::HeatMap} />{ " is coarse: it shows the region, not the exact edge." }
                }
                if props.is_cut_off {
                    { " The model sees only the square in the middle; the dark rim is cut off." }
                }
            </p>
        </div>
    }
}
