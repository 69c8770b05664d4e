//! A small line chart over epochs, drawn as SVG.

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

#[derive(Properties, PartialEq)]
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

#[component]
pub fn Chart(props: &Props) -> Html {
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

fn path(points: &[(f64, f64)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::with_capacity(points.len() * 12);
    for (at, &(epoch, value)) in points.iter().enumerate() {
        let letter = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{letter}{:.1} {:.1}", x(epoch), y(value)));
    }
    path
}

/// The least round number of the form 1, 2, 2.5 or 5 times a power of ten that is not below `value`.
pub fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fitting = steps
        .into_iter()
        .find(|step| step * power >= value * 0.999_999);
    fitting.unwrap_or(10.0) * power
}

/// Values to mark from 0 to `top`, both included.
fn ticks(top: f64) -> Vec<f64> {
    (0..=4)
        .map(|quarter| top * f64::from(quarter) / 4.0)
        .collect()
}

fn tick_text(value: f64, is_share: bool) -> String {
    if is_share {
        return format!("{:.0}%", value * 100.0);
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// Epochs to mark: the first, the last, and round ones between.
fn epoch_ticks(epochs: u32) -> Vec<u32> {
    if epochs <= 6 {
        return (1..=epochs.max(1)).collect();
    }
    let step = (round_up(f64::from(epochs) / 5.0) as u32).max(1);
    let mut ticks = vec![1];
    ticks.extend(
        (1..)
            .map(|n| n * step)
            .take_while(|&epoch| epoch + step / 2 < epochs),
    );
    ticks.push(epochs);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, expected) in [
            (0.03, 0.05),
            (0.7, 1.0),
            (1.0, 1.0),
            (1.3, 2.0),
            (2.2, 2.5),
            (7.0, 10.0),
            (0.0, 1.0),
        ] {
            assert!((round_up(value) - expected).abs() < 1e-9, "{value}");
        }
        assert_eq!(round_up(f64::NAN), 1.0);
    }

    #[test]
    fn ticks_are_few_and_reach_both_ends() {
        assert_eq!(epoch_ticks(1), [1]);
        assert_eq!(epoch_ticks(5), [1, 2, 3, 4, 5]);
        assert_eq!(epoch_ticks(50), [1, 10, 20, 30, 40, 50]);
        assert_eq!(epoch_ticks(1000), [1, 200, 400, 600, 800, 1000]);
        for epochs in 1..400 {
            let ticks = epoch_ticks(epochs);
            assert!(ticks.len() <= 8, "{epochs}: {ticks:?}");
            assert!(ticks.is_sorted_by(|a, b| a < b), "{epochs}: {ticks:?}");
        }
    }

    #[test]
    fn ticks_are_written_without_noise() {
        assert_eq!(tick_text(0.25, true), "25%");
        assert_eq!(tick_text(0.5, false), "0.5");
        assert_eq!(tick_text(0.0, false), "0");
        assert_eq!(tick_text(10.0, false), "10");
    }

    #[test]
    fn a_line_starts_with_a_move() {
        assert_eq!(
            path(&[(1.0, 2.0), (3.0, 4.0)], |x| x, |y| y),
            "M1.0 2.0L3.0 4.0"
        );
        assert_eq!(path(&[], |x| x, |y| y), "");
    }
}
