//! The learning rate over the steps of fine-tuning.

use headstart_project::{FineTuneSettings, Schedule};

/// The factor on the learning rate in this step: it rises to 1 in the warm-up and then follows the schedule.
pub(crate) fn progress(settings: &FineTuneSettings, step: usize, steps: usize) -> f64 {
    let warm_up = (settings.warm_up * steps as f64).round() as usize;
    if step < warm_up {
        return (step + 1) as f64 / (warm_up + 1) as f64;
    }
    match settings.schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => {
            let done = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
            0.5 * (1.0 + (std::f64::consts::PI * done).cos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_warms_up_and_falls() {
        let tuning = FineTuneSettings {
            warm_up: 0.2,
            ..FineTuneSettings::default()
        };
        let rates: Vec<f64> = (0..50).map(|step| progress(&tuning, step, 50)).collect();
        assert!(rates[..10].is_sorted() && rates[0] > 0.0 && rates[9] < 1.0);
        assert!((rates[10] - 1.0).abs() < 1e-9);
        assert!(rates[10..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[49] < 0.01);
        let constant = FineTuneSettings {
            schedule: Schedule::Constant,
            warm_up: 0.0,
            ..tuning
        };
        assert!((0..50).all(|step| progress(&constant, step, 50) == 1.0));
    }
}
