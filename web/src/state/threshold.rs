//! How familiar an image must be to count as one of the classes.

use super::run::Results;

/// A threshold that turns nothing away.
pub const OFF: f32 = f32::MIN;

/// The threshold in use: where the user has moved it, otherwise where the run put it; `None` when the run had no images to set one with.
pub fn in_use(moved: Option<f32>, results: Option<&Results>) -> Option<f32> {
    let report = results?.outcome.unknowns.as_ref()?;
    Some(moved.unwrap_or(report.threshold))
}

/// Whether an image this familiar belongs to none of the classes.
pub fn is_unknown(familiarity: f32, threshold: Option<f32>) -> bool {
    threshold.is_some_and(|threshold| familiarity < threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_turns_away_what_is_less_familiar() {
        assert!(is_unknown(0.4, Some(0.5)));
        assert!(!is_unknown(0.5, Some(0.5)));
        assert!(!is_unknown(-1e30, Some(OFF)));
        assert!(!is_unknown(0.0, None));
    }
}
