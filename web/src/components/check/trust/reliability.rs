//! A reliability diagram: how sure the model is against how often it is right, before and after temperature scaling.

use headstart_project::Reliability;
use yew::prelude::*;

use crate::text::whole;
use crate::words::{self, bounds, filled};

const SIDE: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;
/// Radii of the dots, for bins of few and of many images.
const SMALL: f64 = 3.5;
const LARGE: f64 = 9.0;

pub struct Props {
    /// At temperature 1.
    pub before: Reliability,
    /// At the fitted temperature.
    pub after: Reliability,
}

pub fn view(props: &Props) -> Html {
    let x = |share: f64| LEFT + share * (SIDE - LEFT - RIGHT);
    let y = |share: f64| SIDE - BOTTOM - share * (SIDE - TOP - BOTTOM);
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0];
    html! {
        <figure class="reliability">
            <p class="legend" aria-hidden="true">
                <span class="key key-before">{ "as trained" }</span>
                <span class="key key-after">{ "with temperature" }</span>
                <span class="key key-ideal">{ "as it should be" }</span>
            </p>
            <svg class="chart" viewBox={format!("0 0 {SIDE} {SIDE}")} role="img" aria-label={words::reliability(&props.after)}>
                { for ticks.into_iter().map(|tick| html! {
                    <>
                        <path class="grid" d={format!("M{LEFT} {:.1}H{}", y(tick), SIDE - RIGHT)} />
                        <text x={format!("{}", LEFT - 6.0)} y={format!("{:.1}", y(tick) + 4.0)} text-anchor="end">{ whole(tick) }</text>
                        <text x={format!("{:.1}", x(tick))} y={format!("{}", SIDE - BOTTOM + 16.0)} text-anchor="middle">{ whole(tick) }</text>
                    </>
                }) }
                <path class="axis" d={format!("M{LEFT} {TOP}V{:.1}H{}", y(0.0), SIDE - RIGHT)} />
                <path class="ideal" d={format!("M{:.1} {:.1}L{:.1} {:.1}", x(0.0), y(0.0), x(1.0), y(1.0))} />
                <text x={format!("{:.1}", x(0.5))} y={format!("{}", SIDE - 4.0)} text-anchor="middle">{ "how sure it is" }</text>
                <text transform={format!("translate(11 {:.1}) rotate(-90)", y(0.5))} text-anchor="middle">{ "how often it is right" }</text>
                { series("before", &props.before, x, y) }
                { series("after", &props.after, x, y) }
            </svg>
            <details class="as-table">
                <summary>{ "Show as a table" }</summary>
                <div class="scroll" tabindex="0" role="group" aria-label="How sure and how often right, as a table">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{ "How sure" }</th>
                                <th scope="col">{ "Images" }</th>
                                <th scope="col">{ "Sure on average" }</th>
                                <th scope="col">{ "Right" }</th>
                            </tr>
                        </thead>
                        <tbody>
                            { for filled(&props.after).map(|(at, bin)| html! {
                                <tr>
                                    <th scope="row">{ bounds(at) }</th>
                                    <td>{ bin.count }</td>
                                    <td>{ whole(bin.confidence) }</td>
                                    <td>{ whole(bin.accuracy) }</td>
                                </tr>
                            }) }
                        </tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}

/// A dot for each bin, larger for more images, joined by a line.
fn series(
    class: &'static str,
    diagram: &Reliability,
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) -> Html {
    let most = filled(diagram).map(|(_, bin)| bin.count).max().unwrap_or(1);
    let line: String = filled(diagram)
        .enumerate()
        .map(|(at, (_, bin))| {
            let letter = if at == 0 { 'M' } else { 'L' };
            format!("{letter}{:.1} {:.1}", x(bin.confidence), y(bin.accuracy))
        })
        .collect();
    html! {
        <g class={class}>
            <path d={line} />
            { for filled(diagram).map(|(_, bin)| {
                let share = (f64::from(bin.count) / f64::from(most)).sqrt();
                html! {
                    <circle
                        cx={format!("{:.1}", x(bin.confidence))}
                        cy={format!("{:.1}", y(bin.accuracy))}
                        r={format!("{:.1}", SMALL + share * (LARGE - SMALL))}
                    />
                }
            }) }
        </g>
    }
}
