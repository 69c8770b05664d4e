//! Training runs: what stands in their way, the one under way, and the result of the last one.

use std::rc::Rc;

use headstart_project::{
    BackboneId, ClassRequest, DeviceInfo, EpochMetrics, Evaluation, MeasuredOn, Part, RunId,
    SampleId, TrainOutcome, TrainRequest,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::project::{Class, ClassId, Project};
use super::settings::Draft;

/// A run that can be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub request: TrainRequest,
    /// The classes in the order of the request, whatever their names become.
    pub class_ids: Vec<ClassId>,
}

/// A run under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub plan: Rc<Plan>,
    pub stop_requested: bool,
    pub history: Rc<Vec<EpochMetrics>>,
    pub remaining_ms: Option<f64>,
}

/// The result of the last run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub plan: Rc<Plan>,
    pub backbone: BackboneId,
    pub device: DeviceInfo,
    pub outcome: Rc<TrainOutcome>,
}

/// Why training cannot start, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Blocker {
    #[error("There are no classes. Add two, and put images into each.")]
    NoClasses,
    #[error(
        "All classes but one are switched off. Switch a second one on: a model learns by telling classes apart."
    )]
    OneSwitchedOn,
    #[error("There is only one class. Add a second one: a model learns by telling classes apart.")]
    OneClass,
    #[error("There are no images yet. Add some to each class first.")]
    NoImages,
    #[error("“{class}” has no images to learn from yet. Add some, or switch the class off.")]
    EmptyClass { class: Rc<str> },
    #[error("All images in “{class}” are kept aside for testing. Add some to learn from.")]
    OnlyTestImages { class: Rc<str> },
    #[error("{0} Change it in the settings below.")]
    Setting(String),
}

impl Plan {
    /// Plans a run on what there is.
    ///
    /// # Errors
    /// With what stands in the way.
    pub fn new(project: &Project, draft: &Draft, run: RunId) -> Result<Self, Blocker> {
        let classes = enabled(project);
        match classes.as_slice() {
            [] if project.classes.is_empty() => return Err(Blocker::NoClasses),
            [_] if project.classes.len() == 1 => return Err(Blocker::OneClass),
            [] | [_] => return Err(Blocker::OneSwitchedOn),
            _ => {}
        }
        if classes.iter().all(|class| class.is_empty()) {
            return Err(Blocker::NoImages);
        }
        for class in &classes {
            if class.count(Part::Train) == 0 {
                let name = class.label();
                return Err(if class.is_empty() {
                    Blocker::EmptyClass { class: name }
                } else {
                    Blocker::OnlyTestImages { class: name }
                });
            }
        }
        Ok(Self {
            class_ids: classes.iter().map(|class| class.id).collect(),
            request: TrainRequest {
                run,
                settings: draft.parse().map_err(Blocker::Setting)?,
                classes: classes.iter().map(|class| request(class)).collect(),
            },
        })
    }

    /// All classes and images, also those that take no part in training.
    ///
    /// # Errors
    /// With what stands in the way.
    pub fn of_all(project: &Project, draft: &Draft) -> Result<Self, Blocker> {
        if project.is_empty() {
            return Err(Blocker::NoImages);
        }
        Ok(Self {
            class_ids: project.classes.iter().map(|class| class.id).collect(),
            request: TrainRequest {
                run: RunId(0),
                settings: draft.parse().map_err(Blocker::Setting)?,
                classes: project.classes.iter().map(|class| request(class)).collect(),
            },
        })
    }

    /// The classes' current names; for classes that are gone, those at the time of the run.
    pub fn names(&self, project: &Project) -> Vec<Rc<str>> {
        self.class_ids
            .iter()
            .zip(&self.request.classes)
            .map(|(&id, request)| match project.class(id) {
                Some(class) => class.label(),
                None => request.name.as_str().into(),
            })
            .collect()
    }

    /// The classes' colours; the first one for classes that are gone.
    pub fn colors(&self, project: &Project) -> Vec<u8> {
        self.class_ids
            .iter()
            .map(|&id| project.class(id).map_or(0, |class| class.color))
            .collect()
    }

    /// Whether a run started now would learn from or be tested on other images or classes.
    pub fn is_outdated(&self, project: &Project) -> bool {
        let classes = enabled(project);
        classes.len() != self.class_ids.len()
            || classes
                .iter()
                .zip(self.class_ids.iter().zip(&self.request.classes))
                .any(|(class, (&id, before))| {
                    let now = request(class);
                    class.id != id || now.train != before.train || now.test != before.test
                })
    }
}

impl Results {
    /// How the model performs on this part, if there are images in it.
    pub fn evaluation(&self, on: MeasuredOn) -> Option<&Evaluation> {
        match on {
            MeasuredOn::Test => self.outcome.test.as_ref(),
            MeasuredOn::Validation => self.outcome.validation.as_ref(),
        }
    }
}

/// What is allowed but unwise, in words.
pub fn warnings(project: &Project) -> Vec<String> {
    let mut warnings = Vec::new();
    for class in enabled(project) {
        let name = class.label();
        match class.count(Part::Train) {
            1 => warnings.push(format!(
                "“{name}” has one image, which is very little: add at least 5."
            )),
            2..5 => warnings.push(format!(
                "“{name}” has only a few images: with 5 or more the model learns far better."
            )),
            _ => {}
        }
    }
    warnings
}

fn enabled(project: &Project) -> Vec<&Rc<Class>> {
    project
        .classes
        .iter()
        .filter(|class| class.enabled)
        .collect()
}

fn request(class: &Class) -> ClassRequest {
    let part = |part: Part| -> Vec<SampleId> {
        class
            .samples()
            .filter(|sample| sample.part == part)
            .map(|sample| sample.id)
            .collect()
    };
    ClassRequest {
        name: class.label().to_string(),
        train: part(Part::Train),
        test: part(Part::Test),
    }
}

#[cfg(test)]
mod tests {
    use super::super::project::Sample;
    use super::*;

    fn fill(project: &mut Project, name: &str, ids: std::ops::Range<u32>, part: Part) -> ClassId {
        let id = project.class_named(name);
        if let Some(class) = project.class_mut(id) {
            class.insert(ids.map(|n| Sample {
                id: SampleId(n),
                name: format!("{n}.jpg").into(),
                part,
                size_px: None,
                burst: None,
            }));
        }
        id
    }

    fn plan(project: &Project) -> Result<Plan, Blocker> {
        Plan::new(project, &Draft::default(), RunId(1))
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let mut project = Project::new();
        assert_eq!(plan(&project), Err(Blocker::NoImages));
        let one = fill(&mut project, "Class 1", 1..3, Part::Train);
        let empty = Blocker::EmptyClass {
            class: "Class 2".into(),
        };
        assert_eq!(plan(&project), Err(empty));
        let two = fill(&mut project, "Class 2", 3..5, Part::Test);
        let only_test = Blocker::OnlyTestImages {
            class: "Class 2".into(),
        };
        assert_eq!(plan(&project), Err(only_test));
        if let Some(class) = project.class_mut(two) {
            class.enabled = false;
        }
        assert_eq!(plan(&project), Err(Blocker::OneSwitchedOn));
        project.classes.retain(|class| class.id == one);
        assert_eq!(plan(&project), Err(Blocker::OneClass));
        project.classes.clear();
        assert_eq!(plan(&project), Err(Blocker::NoClasses));
    }

    #[test]
    fn a_rename_does_not_outdate_a_run_and_shows_at_once() {
        let mut project = Project::new();
        let one = fill(&mut project, "Class 1", 1..6, Part::Train);
        let two = fill(&mut project, "Class 2", 6..12, Part::Train);
        let plan = plan(&project).expect("can be trained");
        if let Some(class) = project.class_mut(one) {
            class.name = "Dogs".into();
        }
        assert!(!plan.is_outdated(&project));
        assert_eq!(plan.names(&project), ["Dogs".into(), "Class 2".into()]);
        project.classes.retain(|class| class.id != two);
        assert!(plan.is_outdated(&project));
        assert_eq!(plan.names(&project), ["Dogs".into(), "Class 2".into()]);
    }

    #[test]
    fn images_decide_whether_a_run_is_outdated() {
        let mut project = Project::new();
        fill(&mut project, "Class 1", 1..6, Part::Train);
        fill(&mut project, "Class 2", 6..12, Part::Train);
        let plan = plan(&project).expect("can be trained");
        assert!(!plan.is_outdated(&project));
        fill(&mut project, "Class 2", 12..13, Part::Test);
        assert!(plan.is_outdated(&project));
    }

    #[test]
    fn few_images_are_allowed_with_a_word() {
        let mut project = Project::new();
        fill(&mut project, "Class 1", 1..2, Part::Train);
        fill(&mut project, "Class 2", 2..5, Part::Train);
        assert!(plan(&project).is_ok());
        let words = warnings(&project);
        assert_eq!(words.len(), 2);
        assert!(
            words
                .iter()
                .any(|text| text.contains("one image, which is very little: add at least 5"))
        );
    }
}
