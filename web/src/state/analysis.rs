//! Analyses of the data and the model: what was asked for, how far it has come, and what was found.

use std::rc::Rc;

use headstart_project::{
    Analysis, BackboneChoice, CrossValidation, DataMap, Examination, Experiment, Findings, JobId,
    RunId,
};
use serde::{Deserialize, Serialize};

use super::project::Project;
use super::run::{Blocker, Plan};
use super::settings::Draft;

/// How many parts images are divided into for cross-validation.
pub const FOLDS: u32 = 5;

/// What can be asked for. There is at most one of each kind at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    CrossValidation,
    Examination,
    Map,
    Comparison,
    /// The comparison of backbones.
    Backbones,
}

/// An analysis that is waiting or running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    pub kind: Kind,
    pub analysis: Rc<Analysis>,
    /// The classes that the indices of the findings refer to; the plan's run and split are not used.
    pub plan: Rc<Plan>,
    /// Steps done and steps in all.
    pub progress: Option<(u32, u32)>,
    pub remaining_ms: Option<f64>,
    pub stop_requested: bool,
}

/// Findings with the classes and images that they are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found<T> {
    pub plan: Rc<Plan>,
    pub findings: T,
}

/// All analyses. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analyses {
    pub jobs: Vec<Job>,
    last_job: u32,
    pub cross_validation: Option<Rc<Found<CrossValidation>>>,
    pub examination: Option<Rc<Found<Examination>>>,
    pub map: Option<Rc<Found<DataMap>>>,
    #[serde(default)]
    pub comparison: Option<Rc<Found<Experiment>>>,
    #[serde(default)]
    pub backbones: Option<Rc<Found<Experiment>>>,
    /// How often each run of a comparison is repeated.
    #[serde(default = "repeats")]
    pub repeats: u32,
}

fn repeats() -> u32 {
    3
}

impl Default for Analyses {
    fn default() -> Self {
        Self {
            jobs: Vec::new(),
            last_job: 0,
            cross_validation: None,
            examination: None,
            map: None,
            comparison: None,
            backbones: None,
            repeats: repeats(),
        }
    }
}

impl Analyses {
    pub fn job(&self, kind: Kind) -> Option<&Job> {
        self.jobs.iter().find(|job| job.kind == kind)
    }

    /// Asks for an analysis, unless one of the same kind is already under way.
    ///
    /// # Errors
    /// With what stands in the way.
    pub fn ask(
        &mut self,
        kind: Kind,
        project: &Project,
        draft: &Draft,
        here: Vec<BackboneChoice>,
    ) -> Result<(), Blocker> {
        if self.job(kind).is_some() {
            return Ok(());
        }
        let plan = match kind {
            Kind::Map => Plan::of_all(project, draft)?,
            Kind::CrossValidation | Kind::Examination | Kind::Comparison | Kind::Backbones => {
                Plan::new(project, draft, RunId(0))?
            }
        };
        let request = plan.request.clone();
        let analysis = match kind {
            Kind::CrossValidation => Analysis::CrossValidate {
                classes: request.classes,
                settings: request.settings,
                folds: FOLDS,
            },
            Kind::Examination => Analysis::Examine {
                classes: request.classes,
            },
            Kind::Comparison => Analysis::Compare {
                experiment: self.experiment(
                    project,
                    &plan,
                    self.comparison.as_ref(),
                    Experiment::new,
                ),
                classes: request.classes,
                settings: request.settings,
                backbones: Vec::new(),
            },
            Kind::Backbones => {
                let ids: Vec<_> = here.iter().map(|choice| choice.id).collect();
                let new = |seeds, most| Experiment::over_backbones(&ids, seeds, most);
                Analysis::Compare {
                    experiment: self.experiment(project, &plan, self.backbones.as_ref(), new),
                    classes: request.classes,
                    settings: request.settings,
                    backbones: here,
                }
            }
            Kind::Map => Analysis::Map {
                samples: request
                    .classes
                    .into_iter()
                    .flat_map(|class| class.train.into_iter().chain(class.test))
                    .collect(),
                seed: request.settings.seed,
            },
        };
        self.last_job += 1;
        self.jobs.push(Job {
            id: JobId(self.last_job),
            kind,
            analysis: analysis.into(),
            plan: plan.into(),
            progress: None,
            remaining_ms: None,
            stop_requested: false,
        });
        Ok(())
    }

    /// The one that was interrupted, if it still fits, or a new one.
    fn experiment(
        &self,
        project: &Project,
        plan: &Plan,
        before: Option<&Rc<Found<Experiment>>>,
        new: impl FnOnce(Vec<u64>, u32) -> Experiment,
    ) -> Experiment {
        let seeds = (0..u64::from(self.repeats)).collect();
        let classes = plan.request.classes.iter();
        let most = classes.map(|class| class.train.len()).max().unwrap_or(0);
        let new = new(seeds, most as u32);
        let begun = before.filter(|found| {
            !found.plan.is_outdated(project)
                && found.findings.next_cell().is_some()
                && found.plan.request.settings == plan.request.settings
        });
        match begun {
            Some(found) => Experiment {
                results: found.findings.results.clone(),
                ..new
            },
            None => new,
        }
    }

    pub fn stop(&mut self, kind: Kind) {
        for job in self.jobs.iter_mut().filter(|job| job.kind == kind) {
            job.stop_requested = true;
        }
    }

    /// Another backbone sees the images differently, so what was found no longer holds.
    pub fn begin_anew(&mut self) {
        *self = Self {
            last_job: self.last_job,
            repeats: self.repeats,
            // It is about all backbones.
            backbones: self.backbones.clone(),
            ..Self::default()
        };
    }

    /// Jobs that the engine cannot know about yet, or that died with it, end here if they were to be stopped.
    pub fn forget_stopped(&mut self) {
        self.jobs.retain(|job| !job.stop_requested);
    }

    pub fn progress(&mut self, id: JobId, done: u32, total: u32, remaining_ms: Option<f64>) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.progress = Some((done, total));
            job.remaining_ms = remaining_ms;
        }
    }

    /// Takes findings in. Returns whether the job is over.
    pub fn found(&mut self, id: JobId, findings: Findings, is_final: bool) -> bool {
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else {
            return false;
        };
        let plan = self.jobs[at].plan.clone();
        match findings {
            Findings::CrossValidation(findings) => {
                self.cross_validation = Some(Rc::new(Found { plan, findings }));
            }
            Findings::Examination(findings) => {
                self.examination = Some(Rc::new(Found { plan, findings }));
            }
            Findings::Comparison(findings) => {
                let found = Some(Rc::new(Found { plan, findings }));
                match self.jobs[at].kind {
                    Kind::Backbones => self.backbones = found,
                    _ => self.comparison = found,
                }
            }
            Findings::Map(findings) => self.map = Some(Rc::new(Found { plan, findings })),
            // Asked for by the client itself, which has taken the answer out.
            Findings::Occlusion(_) | Findings::Excited(_) => {}
        }
        if is_final {
            self.jobs.remove(at);
        }
        is_final
    }

    /// Ends a job. Returns its kind if there was one.
    pub fn end(&mut self, id: JobId) -> Option<Kind> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        Some(self.jobs.remove(at).kind)
    }
}

impl Kind {
    /// What failed, as the title of a message.
    pub const fn failure(self) -> &'static str {
        match self {
            Self::CrossValidation => "Cross-validation did not work",
            Self::Examination => "The images could not be examined",
            Self::Map => "The map could not be drawn",
            Self::Comparison | Self::Backbones => "The comparison did not work",
        }
    }

    /// What was done, for the status line.
    pub const fn success(self) -> &'static str {
        match self {
            Self::CrossValidation => "Cross-validation is done.",
            Self::Examination => "The images were examined.",
            Self::Map => "The map is ready.",
            Self::Comparison | Self::Backbones => "The comparison is done.",
        }
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{MapMethod, Part, SampleId};

    use super::super::project::Sample;
    use super::*;

    fn project() -> Project {
        let mut project = Project::new();
        for (name, ids) in [("Cats", 1..6), ("Dogs", 6..11)] {
            let id = project.class_named(name);
            if let Some(class) = project.class_mut(id) {
                class.insert(ids.map(|n| Sample {
                    id: SampleId(n),
                    name: "a.jpg".into(),
                    part: Part::Train,
                    size_px: None,
                    burst: None,
                }));
            }
        }
        project.classes.retain(|class| !class.placeholder);
        project
    }

    #[test]
    fn one_of_each_kind_runs_at_a_time() {
        let (project, draft) = (project(), Draft::default());
        let mut analyses = Analyses::default();
        assert_eq!(
            analyses.ask(Kind::Map, &project, &draft, Vec::new()),
            Ok(())
        );
        assert_eq!(
            analyses.ask(Kind::Map, &project, &draft, Vec::new()),
            Ok(())
        );
        assert_eq!(
            analyses.ask(Kind::Examination, &project, &draft, Vec::new()),
            Ok(())
        );
        assert_eq!(analyses.jobs.len(), 2);
        analyses.stop(Kind::Map);
        analyses.forget_stopped();
        assert!(analyses.job(Kind::Map).is_none());
    }

    #[test]
    fn a_map_is_shown_before_it_is_final() {
        let mut analyses = Analyses::default();
        let asked = analyses.ask(Kind::Map, &project(), &Draft::default(), Vec::new());
        assert_eq!(asked, Ok(()));
        let map = |method| {
            Findings::Map(DataMap {
                method,
                points: Vec::new(),
            })
        };
        assert!(!analyses.found(JobId(1), map(MapMethod::Pca), false));
        assert!(analyses.map.is_some() && analyses.job(Kind::Map).is_some());
        assert!(analyses.found(JobId(1), map(MapMethod::Tsne), true));
        assert!(analyses.job(Kind::Map).is_none());
        assert!(!analyses.found(JobId(1), map(MapMethod::Pca), true));
    }

    #[test]
    fn what_stands_in_the_way_is_told() {
        let mut analyses = Analyses::default();
        let asked = analyses.ask(
            Kind::CrossValidation,
            &Project::new(),
            &Draft::default(),
            Vec::new(),
        );
        assert_eq!(asked, Err(Blocker::NoImages));
        assert!(analyses.jobs.is_empty());
    }
}
