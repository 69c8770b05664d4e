//! A small line chart over epochs, drawn as SVG.

use headstart_report::axis::{epoch_ticks, path, tick_text, ticks};
use yew::prelude::*;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 145.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 34.0;

/// One line. Points are epoch and value, and missing ones are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Names its style.
    pub class: &'static str,
    pub points: Vec<(f64, f64)>,
}

pub struct Props {
    pub series: Vec<Series>,
    /// The right end.
    pub epochs: u32,
    /// The upper end; the lower one is 0.
    pub top: f64,
    /// Whether values are shares, shown in per cent.
    pub is_share: bool,
    pub best_epoch: Option<u32>,
    /// What the chart shows, in words.
    pub label: AttrValue,
}

pub fn view(props: &Props) -> Html {
    let x = |epoch: f64| {
        let span = f64::from(props.epochs.max(2) - 1);
        LEFT + (epoch - 1.0) / span * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| {
        HEIGHT - BOTTOM - (value / props.top).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    };
    let base = y(0.0);
    html! {
        <svg class="chart" viewBox={format!("0 0 {WIDTH} {HEIGHT}")} role="img" aria-label={props.label.clone()}>
            { for ticks(props.top).into_iter().map(|value| {
                let at = y(value);
                html! {
                    <>
                        <path class="grid" d={format!("M{LEFT} {at:.1}H{}", WIDTH - RIGHT)} />
                        <text x={format!("{}", LEFT - 6.0)} y={format!("{:.1}", at + 4.0)} text-anchor="end">{ tick_text(value, props.is_share) }</text>
                    </>
                }
            }) }
            { for epoch_ticks(props.epochs).into_iter().map(|epoch| html! {
                <text x={format!("{:.1}", x(f64::from(epoch)))} y={format!("{}", base + 15.0)} text-anchor="middle">{ epoch }</text>
            }) }
            <path class="axis" d={format!("M{LEFT} {TOP}V{base:.1}H{}", WIDTH - RIGHT)} />
            <text x={format!("{}", (LEFT + WIDTH - RIGHT) / 2.0)} y={format!("{}", HEIGHT - 4.0)} text-anchor="middle">{ "epoch" }</text>
            if let Some(best) = props.best_epoch {
                <path class="best" d={format!("M{:.1} {TOP}V{base:.1}", x(f64::from(best)))} />
            }
            { for props.series.iter().map(|series| html! {
                <>
                    <path class={classes!("series", series.class)} d={path(&series.points, x, y)} />
                    if let Some(&(epoch, value)) = series.points.last() {
                        <circle class={classes!("series-end", series.class)} cx={format!("{:.1}", x(epoch))} cy={format!("{:.1}", y(value))} r="3.5" />
                    }
                </>
            }) }
        </svg>
    }
}
