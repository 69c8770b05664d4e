//! The scales of charts: where they end, where their ticks are, and how a line runs.

/// The smallest number of the form 1, 2, 2.5 or 5 times a power of ten that is not below `value`.
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

/// The ticks from 0 to `top`, both included.
pub fn ticks(top: f64) -> Vec<f64> {
    (0..=4)
        .map(|quarter| top * f64::from(quarter) / 4.0)
        .collect()
}

/// A tick's label; fractions are in per cent.
pub fn tick_text(value: f64, is_share: bool) -> String {
    if is_share {
        return format!("{:.0}%", value * 100.0);
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// The epochs that get a tick: the first, the last, and round numbers in between.
pub fn epoch_ticks(epochs: u32) -> Vec<u32> {
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

/// A line through these points, as the data of an SVG path; `x` and `y` map values to coordinates in the drawing.
pub fn path(points: &[(f64, f64)], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::with_capacity(points.len() * 12);
    for (at, &(epoch, value)) in points.iter().enumerate() {
        let letter = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{letter}{:.1} {:.1}", x(epoch), y(value)));
    }
    path
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
