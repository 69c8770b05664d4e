//! Precision, recall and F1 of each class, under headings that say what they mean.

use std::rc::Rc;

use headstart_project::per_class;
use yew::prelude::*;

use crate::components::common::term::Term;
use crate::glossary::Word;
use crate::text::whole;

pub struct Props {
    pub names: Vec<Rc<str>>,
    pub colors: Vec<u8>,
    /// Rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u32>>,
}

pub fn view(props: &Props) -> Html {
    let scores = per_class(&props.confusion);
    let rows = props.names.iter().zip(&props.colors).zip(&scores);
    html! {
        <div class="scroll" tabindex="0" role="group" aria-label="Each class by itself">
            <table class="class-scores">
                <caption>{ "Each class by itself" }</caption>
                <thead>
                    <tr>
                        <th scope="col">{ "Class" }</th>
                        <th scope="col">{ "Images" }</th>
                        <th scope="col">{ "How many it finds " }<span>{ "(" }<Term word={Word::Recall} />{ ")" }</span></th>
                        <th scope="col">{ "Right when it says so " }<span>{ "(" }<Term word={Word::Precision} />{ ")" }</span></th>
                        <th scope="col">{ "Both in one " }<span>{ "(" }<Term word={Word::F1} />{ ")" }</span></th>
                    </tr>
                </thead>
                <tbody>
                    { for rows.map(|((name, color), scores)| html! {
                        <tr style={format!("--class-color: var(--class-{color})")}>
                            <th scope="row"><span class="class-mark">{ &**name }</span></th>
                            <td>{ scores.count }</td>
                            { share(scores.recall, "no images") }
                            { share(scores.precision, "never said") }
                            { share(scores.f1, "–") }
                        </tr>
                    }) }
                </tbody>
            </table>
        </div>
    }
}

fn share(share: Option<f64>, without: &'static str) -> Html {
    match share {
        Some(share) => html! {
            <td><span class="share-bar" style={format!("--value: {share:.4}")}>{ whole(share) }</span></td>
        },
        None => html! { <td class="is-absent">{ without }</td> },
    }
}
