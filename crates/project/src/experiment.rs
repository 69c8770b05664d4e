//! The experiment behind Compare: the same images learnt in several ways, from few images to all of them.

use serde::{Deserialize, Serialize};

use crate::BackboneId;

/// A way to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A small network that starts from random weights.
    Scratch,
    /// The backbone with random weights, and a trained head.
    RandomBackbone,
    /// The pretrained backbone, unchanged, and a trained head.
    Frozen,
    /// The pretrained backbone with its last blocks trained too.
    FineTuned,
    /// This pretrained backbone, unchanged, and a trained head.
    On(BackboneId),
}

impl Method {
    /// The ways on one backbone, from the one that starts with the least knowledge to the one that trains the most.
    pub const ALL: [Self; 4] = [
        Self::Scratch,
        Self::RandomBackbone,
        Self::Frozen,
        Self::FineTuned,
    ];

    /// The name that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Scratch => "From scratch",
            Self::RandomBackbone => "Random backbone",
            Self::Frozen => "Pretrained",
            Self::FineTuned => "Pretrained, fine-tuned",
            Self::On(id) => id.title(),
        }
    }
}

/// One training run of the experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// How it learns.
    pub method: Method,
    /// Training images of each class; a class that has fewer contributes all of them. `None` for all images.
    pub per_class: Option<u32>,
    /// Decides which images, the initial weights and the order.
    pub seed: u64,
}

/// The result of one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// Which run.
    pub cell: Cell,
    /// Test images that it got right.
    pub right: u32,
    /// Test images.
    pub total: u32,
    /// How long the training took, in milliseconds. What had been computed before is not included, except the time that another backbone took to look at the training images.
    pub elapsed_ms: f64,
}

/// The plan and the results so far. It can be kept and continued later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// The ways to compare.
    pub methods: Vec<Method>,
    /// Images per class, from few to many; `None`, which is last, for all.
    pub per_class: Vec<Option<u32>>,
    /// One run each.
    pub seeds: Vec<u64>,
    /// Images in the largest class: the number that “all images” stands for.
    pub most_per_class: u32,
    /// Results in the order in which they came.
    pub results: Vec<CellResult>,
}

/// The results of one method with one number of images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Mean of the shares that were right, 0 to 1.
    pub mean: f64,
    /// Their standard deviation between runs (n - 1); 0 for a single run.
    pub deviation: f64,
    /// How many runs.
    pub runs: usize,
    /// Mean training time in milliseconds.
    pub elapsed_ms: f64,
}

impl Experiment {
    /// Images per class that are compared, where there are enough.
    pub const AMOUNTS: [u32; 5] = [1, 2, 5, 10, 20];

    /// All methods on 1, 2, 5, 10, 20 and all images per class, with these seeds; `most_per_class` is the number of training images of the largest class.
    pub fn new(seeds: Vec<u64>, most_per_class: u32) -> Self {
        let amounts = Self::AMOUNTS.into_iter();
        let fewer = amounts.filter(|&amount| amount < most_per_class).map(Some);
        Self {
            methods: Method::ALL.to_vec(),
            per_class: fewer.chain([None]).collect(),
            seeds,
            most_per_class,
            results: Vec::new(),
        }
    }

    /// A head on each of these backbones, on the same numbers of images.
    pub fn over_backbones(ids: &[BackboneId], seeds: Vec<u64>, most_per_class: u32) -> Self {
        Self {
            methods: ids.iter().copied().map(Method::On).collect(),
            ..Self::new(seeds, most_per_class)
        }
    }

    /// All runs of the plan: seed by seed, so that a complete picture appears early and then becomes more certain, and from few images to many, so that the first results come quickly.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.seeds.iter().flat_map(move |&seed| {
            self.per_class.iter().flat_map(move |&per_class| {
                self.methods.iter().map(move |&method| Cell {
                    method,
                    per_class,
                    seed,
                })
            })
        })
    }

    /// The next run that has no result yet.
    pub fn next_cell(&self) -> Option<Cell> {
        self.cells()
            .find(|cell| self.results.iter().all(|result| result.cell != *cell))
    }

    /// How many runs of the plan have a result, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        let done = |cell: &Cell| self.results.iter().any(|result| result.cell == *cell);
        (self.cells().filter(done).count(), self.cells().count())
    }

    /// The share that each seed's run got right, in the order of the seeds; `None` where there is no result yet.
    pub fn accuracies(&self, method: Method, per_class: Option<u32>) -> Vec<Option<f64>> {
        let of = |&seed: &u64| {
            let cell = Cell {
                method,
                per_class,
                seed,
            };
            let result = self.results.iter().find(|result| result.cell == cell)?;
            Some(f64::from(result.right) / f64::from(result.total.max(1)))
        };
        self.seeds.iter().map(of).collect()
    }

    /// The results of a method with this number of images, if there are any.
    pub fn summary(&self, method: Method, per_class: Option<u32>) -> Option<Summary> {
        let accuracies = self.accuracies(method, per_class);
        let accuracies: Vec<f64> = accuracies.into_iter().flatten().collect();
        let runs = accuracies.len();
        if runs == 0 {
            return None;
        }
        let mean = accuracies.iter().sum::<f64>() / runs as f64;
        let squares: f64 = accuracies.iter().map(|it| (it - mean).powi(2)).sum();
        let times = self
            .results
            .iter()
            .filter(|result| (result.cell.method, result.cell.per_class) == (method, per_class));
        Some(Summary {
            mean,
            deviation: (squares / (runs.max(2) - 1) as f64).sqrt(),
            runs,
            elapsed_ms: times.map(|result| result.elapsed_ms).sum::<f64>() / runs as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(cell: Cell, right: u32) -> CellResult {
        CellResult {
            cell,
            right,
            total: 50,
            elapsed_ms: 10.0,
        }
    }

    #[test]
    fn amounts_that_no_class_has_are_left_out() {
        let of = |most| Experiment::new(vec![0], most).per_class;
        assert_eq!(of(40).len(), 6);
        assert_eq!(of(20), [Some(1), Some(2), Some(5), Some(10), None]);
        assert_eq!(of(1), [None]);
    }

    #[test]
    fn it_goes_on_where_it_stopped() {
        let mut experiment = Experiment::new(vec![3, 4], 2);
        assert_eq!(experiment.progress(), (0, 2 * 2 * 4));
        let mut seen = Vec::new();
        while let Some(cell) = experiment.next_cell() {
            seen.push(cell);
            experiment.results.push(result(cell, 25));
            // Written and read again in between.
            let text = serde_json::to_string(&experiment).expect("writes");
            experiment = serde_json::from_str(&text).expect("reads");
        }
        assert_eq!(seen, experiment.cells().collect::<Vec<_>>());
        assert_eq!(experiment.progress(), (16, 16));
        assert!(seen[..8].iter().all(|cell| cell.seed == 3));
    }

    #[test]
    fn a_summary_is_of_the_runs_so_far() {
        let mut experiment = Experiment::new(vec![0, 1, 2], 10);
        assert_eq!(experiment.summary(Method::Frozen, None), None);
        for (seed, right) in [(0, 40), (2, 45)] {
            let cell = Cell {
                method: Method::Frozen,
                per_class: None,
                seed,
            };
            experiment.results.push(result(cell, right));
        }
        let summary = experiment.summary(Method::Frozen, None).expect("has runs");
        assert_eq!(summary.runs, 2);
        assert!((summary.mean - 0.85).abs() < 1e-9);
        assert!((summary.deviation - 0.1 / 2f64.sqrt()).abs() < 1e-9);
        assert_eq!(
            experiment.accuracies(Method::Frozen, None),
            [Some(0.8), None, Some(0.9)]
        );
    }
}
