//! What was taken away or changed, and how it comes back.

use headstart_project::{Part, SampleId};
use serde::{Deserialize, Serialize};

use super::project::{Class, ClassId, Project, Sample};

/// Steps that can be taken back; the oldest falls out.
const STEPS: usize = 20;

/// One step that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was done, in words.
    pub label: String,
    change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Change {
    ClassDeleted {
        at: usize,
        class: Class,
    },
    SamplesDeleted {
        class: ClassId,
        samples: Vec<Sample>,
    },
    PartsSet {
        class: ClassId,
        samples: Vec<SampleId>,
        before: Part,
    },
}

/// The steps, newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    steps: Vec<Step>,
}

impl History {
    pub fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// Images that are in no class but can still come back.
    pub fn samples(&self) -> impl Iterator<Item = SampleId> {
        self.steps.iter().flat_map(|step| match &step.change {
            Change::ClassDeleted { class, .. } => class.samples().map(|s| s.id).collect(),
            Change::SamplesDeleted { samples, .. } => samples.iter().map(|s| s.id).collect(),
            Change::PartsSet { .. } => Vec::new(),
        })
    }

    fn push(&mut self, label: String, change: Change) {
        self.steps.push(Step { label, change });
        if self.steps.len() > STEPS {
            self.steps.remove(0);
        }
    }

    /// Deletes a class. Returns whether there was one.
    pub fn delete_class(&mut self, project: &mut Project, id: ClassId) -> bool {
        let Some(at) = project.classes.iter().position(|class| class.id == id) else {
            return false;
        };
        let class = (*project.classes.remove(at)).clone();
        project.membership += 1;
        self.push(
            format!("Deleted the class “{}”", class.label()),
            Change::ClassDeleted { at, class },
        );
        true
    }

    /// Deletes images of a class. Returns whether there were any.
    pub fn delete_samples(&mut self, project: &mut Project, id: ClassId, ids: &[SampleId]) -> bool {
        let Some(class) = project.class_mut(id) else {
            return false;
        };
        let wanted: std::collections::HashSet<_> = ids.iter().collect();
        let samples = class.remove(|sample| wanted.contains(&sample.id));
        let label = match samples.as_slice() {
            [] => return false,
            [sample] => format!("Deleted {} from “{}”", sample.name, class.label()),
            _ => format!("Deleted {} images from “{}”", samples.len(), class.label()),
        };
        project.membership += 1;
        self.push(label, Change::SamplesDeleted { class: id, samples });
        true
    }

    /// Moves images of a class to the training or the test part. Returns whether anything changed.
    pub fn set_part(
        &mut self,
        project: &mut Project,
        id: ClassId,
        ids: &[SampleId],
        part: Part,
    ) -> bool {
        let Some(class) = project.class_mut(id) else {
            return false;
        };
        let wanted: std::collections::HashSet<_> = ids.iter().collect();
        let changed: Vec<_> = class
            .samples()
            .filter(|sample| sample.part != part && wanted.contains(&sample.id))
            .map(|sample| sample.id)
            .collect();
        if changed.is_empty() {
            return false;
        }
        class.update(
            |sample| wanted.contains(&sample.id),
            |sample| sample.part = part,
        );
        let images = crate::text::count(changed.len(), "image");
        let (label, before) = match part {
            Part::Test => (format!("Kept {images} aside for testing"), Part::Train),
            Part::Train => (format!("Moved {images} to training"), Part::Test),
        };
        self.push(
            label,
            Change::PartsSet {
                class: id,
                samples: changed,
                before,
            },
        );
        true
    }

    /// Takes the newest step back. Returns whether there was one.
    pub fn undo(&mut self, project: &mut Project) -> bool {
        let Some(step) = self.steps.pop() else {
            return false;
        };
        match step.change {
            Change::ClassDeleted { at, class } => {
                let at = at.min(project.classes.len());
                project.classes.insert(at, class.into());
                project.membership += 1;
            }
            Change::SamplesDeleted { class, samples } => {
                if let Some(class) = project.class_mut(class) {
                    class.insert(samples);
                }
                project.membership += 1;
            }
            Change::PartsSet {
                class,
                samples,
                before,
            } => {
                let wanted: std::collections::HashSet<_> = samples.into_iter().collect();
                if let Some(class) = project.class_mut(class) {
                    class.update(
                        |sample| wanted.contains(&sample.id),
                        |sample| sample.part = before,
                    );
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (Project, ClassId) {
        let mut project = Project::new();
        let id = project.class_named("Cats");
        if let Some(class) = project.class_mut(id) {
            class.insert((1..=10).map(|n| Sample {
                id: SampleId(n),
                name: format!("{n}.jpg").into(),
                part: Part::Train,
                size_px: None,
            }));
        }
        (project, id)
    }

    #[test]
    fn every_step_is_taken_back_in_turn() {
        let (mut project, id) = project();
        let before = project.classes.clone();
        let mut history = History::default();
        assert!(history.set_part(&mut project, id, &[SampleId(2), SampleId(3)], Part::Test));
        assert!(history.delete_samples(&mut project, id, &[SampleId(3), SampleId(9)]));
        assert!(history.delete_class(&mut project, id));
        assert_eq!(history.samples().count(), 10);
        while history.undo(&mut project) {}
        assert_eq!(
            before.iter().flat_map(|c| c.samples()).collect::<Vec<_>>(),
            project.samples().collect::<Vec<_>>()
        );
        assert_eq!(before.len(), project.classes.len());
    }

    #[test]
    fn nothing_done_is_nothing_to_take_back() {
        let (mut project, id) = project();
        let mut history = History::default();
        assert!(!history.delete_samples(&mut project, id, &[SampleId(99)]));
        assert!(!history.set_part(&mut project, id, &[SampleId(1)], Part::Train));
        assert!(!history.delete_class(&mut project, ClassId(99)));
        assert!(history.last().is_none());
    }

    #[test]
    fn old_steps_fall_out() {
        let (mut project, id) = project();
        let mut history = History::default();
        for turn in 0..30 {
            let part = if turn % 2 == 0 {
                Part::Test
            } else {
                Part::Train
            };
            assert!(history.set_part(&mut project, id, &[SampleId(1)], part));
        }
        let mut undone = 0;
        while history.undo(&mut project) {
            undone += 1;
        }
        assert_eq!(undone, STEPS);
    }
}
