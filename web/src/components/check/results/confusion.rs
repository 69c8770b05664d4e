//! The confusion matrix: what images show against what the model says, with the images behind each cell.

use std::rc::Rc;

use yew::prelude::*;

use super::verdicts::cell_title;

pub struct Props {
    /// Names the table.
    pub caption: AttrValue,
    pub names: Vec<Rc<str>>,
    /// Rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u32>>,
    /// The images of a cell are asked for: its true and its predicted class.
    pub onpick: Callback<(usize, usize)>,
}

pub fn view(props: &Props) -> Html {
    html! {
        <>
        <p class="hint">{ "Rows: what the image shows. Columns: what the model says. Press a number to see its images." }</p>
        <div class="scroll" tabindex="0" role="group" aria-label="Right and wrong answers">
            <table class="confusion">
                <caption class="visually-hidden">{ &props.caption }</caption>
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
                                { for row.iter().enumerate().map(|(column, &count)| cell(props, at, column, count, total)) }
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
fn cell(props: &Props, actual: usize, predicted: usize, count: u32, total: u32) -> Html {
    if count == 0 {
        return html! { <td class="heat-0">{ "0" }</td> };
    }
    let share = f64::from(count) / f64::from(total.max(1));
    let step = 1 + (share * 3.99) as u32;
    let kind = if actual == predicted {
        "is-right"
    } else {
        "is-wrong"
    };
    let them = if count == 1 { "it" } else { "them" };
    let title = cell_title(&props.names, actual, predicted, count);
    let pick = props
        .onpick
        .reform(move |_: MouseEvent| (actual, predicted));
    html! {
        <td class={classes!(kind, format!("heat-{step}"))}>
            <button type="button" aria-label={format!("{title}: show {them}")} onclick={pick}>{ count }</button>
        </td>
    }
}
