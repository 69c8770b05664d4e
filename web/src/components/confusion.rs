//! The confusion matrix: what images show against what the model says.

use std::rc::Rc;

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub names: Vec<Rc<str>>,
    /// Rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u32>>,
}

#[component]
pub fn Confusion(props: &Props) -> Html {
    html! {
        <>
        <p class="hint">{ "Rows: what the image shows. Columns: what the model says." }</p>
        <div class="scroll" tabindex="0" role="group" aria-label="Right and wrong answers">
            <table class="confusion">
                <caption class="visually-hidden">{ "Confusion matrix" }</caption>
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">{ "What the image shows" }</span></th>
                        { for props.names.iter().map(|name| html! { <th scope="col"><span>{ &**name }</span></th> }) }
                    </tr>
                </thead>
                <tbody>
                    { for props.names.iter().zip(&props.confusion).enumerate().map(|(at, (name, row))| {
                        let total: u32 = row.iter().sum();
                        html! {
                            <tr>
                                <th scope="row"><span>{ &**name }</span></th>
                                { for row.iter().enumerate().map(|(column, &count)| cell(count, total, at == column)) }
                            </tr>
                        }
                    }) }
                </tbody>
            </table>
        </div>
        </>
    }
}

/// Shaded by the cell's share of its row, in one of five steps whose text can always be read.
fn cell(count: u32, total: u32, is_right: bool) -> Html {
    let share = f64::from(count) / f64::from(total.max(1));
    let step = if count == 0 {
        0
    } else {
        1 + (share * 3.99) as u32
    };
    let kind = if is_right { "is-right" } else { "is-wrong" };
    html! { <td class={classes!(kind, format!("heat-{step}"))}>{ count }</td> }
}
