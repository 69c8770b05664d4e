//! The experiment of Compare, run by run.

use headstart_project::{Cell, CellResult, Experiment};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::host::pause;
use crate::{Host, Interrupted};

/// Carries out all planned runs that have no result yet, one after the other; `run` performs one, and the results are added to the experiment as they come in.
///
/// After an interruption, the experiment holds the results so far, and the same call continues from there; an interrupted run starts over.
/// `found` is called after each result, for the display.
///
/// # Errors
/// When the host cancels between two runs, and whatever `run` returns.
pub async fn compare(
    experiment: &mut Experiment,
    host: &impl Host,
    mut run: impl AsyncFnMut(Cell) -> Result<CellResult, Interrupted>,
    mut found: impl FnMut(&Experiment),
) -> Result<(), Interrupted> {
    while let Some(cell) = experiment.next_cell() {
        let result = run(cell).await?;
        // Whichever cell the result claims to be for, it has to count for this one, or the loop would never end.
        experiment.results.push(CellResult { cell, ..result });
        let (done, total) = experiment.progress();
        host.report_progress(done as u32, total as u32);
        found(experiment);
        pause(host).await?;
    }
    Ok(())
}

/// The images of a class that a run learns from: `count` of `total`, or all; sorted.
///
/// For a given seed, a smaller selection is part of every larger one, so that a learning curve shows the effect of more images and not of different ones.
pub fn subset(total: usize, count: Option<u32>, class: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..total).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(class as u64);
    order.shuffle(&mut rng);
    if let Some(count) = count {
        order.truncate(count as usize);
    }
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use headstart_project::TrainError;
    use proptest::prelude::*;

    use super::*;
    use crate::host::testing::Recorder;

    fn result(cell: Cell) -> CellResult {
        CellResult {
            cell,
            right: 1,
            total: 2,
            elapsed_ms: 1.0,
        }
    }

    #[test]
    fn an_interrupted_experiment_goes_on_and_runs_nothing_twice() {
        let mut experiment = Experiment::new(vec![0, 1], 5);
        let total = experiment.cells().count();
        let mut ran = Vec::new();
        let mut stops = 0;
        loop {
            let host = Recorder::default();
            host.pauses_left.set(3);
            let run = async |cell| {
                ran.push(cell);
                Ok(result(cell))
            };
            match pollster::block_on(compare(&mut experiment, &host, run, |_| {})) {
                Ok(()) => break,
                Err(reason) => assert_eq!(reason, Interrupted::Cancelled),
            }
            stops += 1;
        }
        assert!(stops > 3);
        assert_eq!(ran.len(), total);
        assert_eq!(ran.iter().collect::<BTreeSet<_>>().len(), total);
    }

    #[test]
    fn a_failed_run_ends_it_and_keeps_what_is_done() {
        let mut experiment = Experiment::new(vec![0], 5);
        let mut seen = 0;
        let run = async |cell: Cell| match cell.per_class {
            Some(1) => Ok(result(cell)),
            _ => Err(TrainError::Diverged.into()),
        };
        let host = Recorder::default();
        let end = compare(&mut experiment, &host, run, |_| seen += 1);
        assert_eq!(
            pollster::block_on(end),
            Err(Interrupted::Failed(TrainError::Diverged))
        );
        assert_eq!((seen, experiment.progress().0), (4, 4));
        assert_eq!(host.progress.borrow().len(), 4);
    }

    proptest! {
        #[test]
        fn smaller_choices_are_parts_of_larger_ones(total in 0usize..60, a in 0u32..70, b in 0u32..70, class in 0usize..5, seed: u64) {
            let (few, many) = (subset(total, Some(a.min(b)), class, seed), subset(total, Some(a.max(b)), class, seed));
            prop_assert!(few.iter().all(|image| many.contains(image)));
            prop_assert_eq!(few.len(), total.min(a.min(b) as usize));
            prop_assert!(many.is_sorted() && many.iter().all(|&image| image < total));
            prop_assert_eq!(subset(total, None, class, seed), (0..total).collect::<Vec<_>>());
        }
    }
}
