//! How long work will still take.

/// Estimates from the work's own pace.
#[derive(Debug, Default)]
pub struct Remaining {
    start_ms: f64,
    done: u64,
}

impl Remaining {
    /// Units done before an estimate is worth giving.
    const LEAST_DONE: u64 = 3;

    /// Starts the clock.
    pub fn start(now_ms: f64) -> Self {
        Self {
            start_ms: now_ms,
            done: 0,
        }
    }

    /// Counts `more` units as done.
    pub fn advance(&mut self, more: u64) {
        self.done += more;
    }

    /// Units done since the start.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Milliseconds for `left` more units at the pace so far.
    pub fn estimate_ms(&self, left: u64, now_ms: f64) -> Option<f64> {
        (self.done >= Self::LEAST_DONE)
            .then(|| (now_ms - self.start_ms) / self.done as f64 * left as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_pace_and_waits_for_evidence() {
        let mut remaining = Remaining::start(1000.0);
        remaining.advance(2);
        assert_eq!(remaining.estimate_ms(8, 1200.0), None);
        remaining.advance(2);
        assert_eq!(remaining.estimate_ms(8, 1400.0), Some(800.0));
    }
}
