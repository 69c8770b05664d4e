//! What was deleted or changed, and how it comes back.

use std::collections::HashSet;

use headstart_project::{Part, SampleId};
use serde::{Deserialize, Serialize};

use super::project::{Class, ClassId, Project, Sample};

/// How many steps can be undone; the oldest is dropped.
const STEPS: usize = 20;

/// One step that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was done, in words.
    pub label: String,
    /// In the order in which it was done.
    changes: Vec<Change>,
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
    SamplesMoved {
        from: ClassId,
        to: ClassId,
        samples: Vec<SampleId>,
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
        let changes = self.steps.iter().flat_map(|step| &step.changes);
        changes.flat_map(|change| match change {
            Change::ClassDeleted { class, .. } => class.samples().map(|s| s.id).collect(),
            Change::SamplesDeleted { samples, .. } => samples.iter().map(|s| s.id).collect(),
            Change::SamplesMoved { .. } | Change::PartsSet { .. } => Vec::new(),
        })
    }

    fn push(&mut self, label: String, changes: Vec<Change>) {
        self.steps.push(Step { label, changes });
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
            vec![Change::ClassDeleted { at, class }],
        );
        true
    }

    /// Deletes images, whatever their classes. Returns whether there were any.
    pub fn delete_samples(&mut self, project: &mut Project, ids: &[SampleId]) -> bool {
        let wanted: HashSet<_> = ids.iter().collect();
        let mut changes = Vec::new();
        let mut label = String::new();
        let mut count = 0;
        for (class, _) in project.by_class(ids) {
            let Some(from) = project.class_mut(class) else {
                continue;
            };
            let samples = from.remove(|sample| wanted.contains(&sample.id));
            count += samples.len();
            label = match samples.as_slice() {
                [sample] => format!("Deleted {} from “{}”", sample.name, from.label()),
                _ => format!("Deleted {} images from “{}”", samples.len(), from.label()),
            };
            changes.push(Change::SamplesDeleted { class, samples });
        }
        match changes.len() {
            0 => return false,
            1 => {}
            classes => label = format!("Deleted {count} images from {classes} classes"),
        }
        project.membership += 1;
        self.push(label, changes);
        true
    }

    /// Moves images into another class, whatever their classes. Returns whether anything changed.
    pub fn move_samples(&mut self, project: &mut Project, ids: &[SampleId], to: ClassId) -> bool {
        let Some(label) = project.class(to).map(|class| class.label()) else {
            return false;
        };
        let mut changes = Vec::new();
        let mut count = 0;
        for (from, samples) in project.by_class(ids) {
            if from != to {
                count += samples.len();
                move_between(project, from, to, &samples);
                changes.push(Change::SamplesMoved { from, to, samples });
            }
        }
        if count > 0 {
            let images = crate::text::count(count, "image");
            self.push(format!("Moved {images} to “{label}”"), changes);
        }
        count > 0
    }

    /// Moves images to the training or the test part, whatever their classes. Returns whether anything changed.
    pub fn set_part(&mut self, project: &mut Project, ids: &[SampleId], part: Part) -> bool {
        let wanted: HashSet<_> = ids.iter().collect();
        let mut changes = Vec::new();
        let mut count = 0;
        let before = match part {
            Part::Test => Part::Train,
            Part::Train => Part::Test,
        };
        for (id, _) in project.by_class(ids) {
            let Some(class) = project.class_mut(id) else {
                continue;
            };
            let is_meant = |sample: &Sample| sample.part != part && wanted.contains(&sample.id);
            let meant = class.samples().filter(|sample| is_meant(sample));
            let samples: Vec<_> = meant.map(|sample| sample.id).collect();
            if !samples.is_empty() {
                count += samples.len();
                class.update(is_meant, |sample| sample.part = part);
                changes.push(Change::PartsSet {
                    class: id,
                    samples,
                    before,
                });
            }
        }
        if count > 0 {
            let images = crate::text::count(count, "image");
            let label = match part {
                Part::Test => format!("Kept {images} aside for testing"),
                Part::Train => format!("Moved {images} to training"),
            };
            self.push(label, changes);
        }
        count > 0
    }

    /// Undoes the newest step. Returns whether there was one.
    pub fn undo(&mut self, project: &mut Project) -> bool {
        let Some(step) = self.steps.pop() else {
            return false;
        };
        for change in step.changes.into_iter().rev() {
            take_back(project, change);
        }
        true
    }
}

fn take_back(project: &mut Project, change: Change) {
    match change {
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
        Change::SamplesMoved { from, to, samples } => move_between(project, to, from, &samples),
        Change::PartsSet {
            class,
            samples,
            before,
        } => {
            let wanted: HashSet<_> = samples.into_iter().collect();
            if let Some(class) = project.class_mut(class) {
                class.update(
                    |sample| wanted.contains(&sample.id),
                    |sample| sample.part = before,
                );
            }
        }
    }
}

/// Nothing happens when one of the two is gone.
fn move_between(project: &mut Project, from: ClassId, to: ClassId, ids: &[SampleId]) {
    if project.class(to).is_none() {
        return;
    }
    let wanted: HashSet<_> = ids.iter().collect();
    let from = project.class_mut(from);
    let moved = from.map_or_else(Vec::new, |class| {
        class.remove(|sample| wanted.contains(&sample.id))
    });
    if let Some(class) = project.class_mut(to) {
        class.placeholder = false;
        class.insert(moved);
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
                burst: None,
            }));
        }
        (project, id)
    }

    #[test]
    fn every_step_is_taken_back_in_turn() {
        let (mut project, id) = project();
        let before = project.classes.clone();
        let mut history = History::default();
        assert!(history.set_part(&mut project, &[SampleId(2), SampleId(3)], Part::Test));
        assert!(history.delete_samples(&mut project, &[SampleId(3), SampleId(9)]));
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
    fn images_of_several_classes_move_and_come_back() {
        let (mut project, cats) = project();
        let dogs = project.class_named("Dogs");
        if let Some(class) = project.class_mut(dogs) {
            class.insert((11..=12).map(|n| Sample {
                id: SampleId(n),
                name: format!("{n}.jpg").into(),
                part: Part::Test,
                size_px: None,
                burst: None,
            }));
        }
        let before = project.classes.clone();
        let mut history = History::default();
        assert!(history.move_samples(&mut project, &[3, 11, 99].map(SampleId), dogs));
        let label = history.last().map(|step| step.label.clone());
        assert_eq!(label.as_deref(), Some("Moved 1 image to “Dogs”"));
        assert_eq!(
            project.find(SampleId(3)).map(|(class, _)| class.id),
            Some(dogs)
        );
        assert!(history.delete_samples(&mut project, &[3, 4].map(SampleId)));
        assert!(history.set_part(&mut project, &[5, 11].map(SampleId), Part::Test));
        assert!(!history.move_samples(&mut project, &[SampleId(5)], cats));
        while history.undo(&mut project) {}
        let ids = |classes: &[std::rc::Rc<Class>]| -> Vec<Vec<Sample>> {
            classes
                .iter()
                .map(|c| c.samples().cloned().collect())
                .collect()
        };
        assert_eq!(ids(&before), ids(&project.classes));
    }

    #[test]
    fn nothing_done_is_nothing_to_take_back() {
        let (mut project, _) = project();
        let mut history = History::default();
        assert!(!history.delete_samples(&mut project, &[SampleId(99)]));
        assert!(!history.set_part(&mut project, &[SampleId(1)], Part::Train));
        assert!(!history.delete_class(&mut project, ClassId(99)));
        assert!(history.last().is_none());
    }

    #[test]
    fn old_steps_fall_out() {
        let (mut project, _) = project();
        let mut history = History::default();
        for turn in 0..30 {
            let part = if turn % 2 == 0 {
                Part::Test
            } else {
                Part::Train
            };
            assert!(history.set_part(&mut project, &[SampleId(1)], part));
        }
        let mut undone = 0;
        while history.undo(&mut project) {
            undone += 1;
        }
        assert_eq!(undone, STEPS);
    }
}
