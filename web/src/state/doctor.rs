//! What is left to deal with after an examination: findings vanish as soon as the images that they are about are changed.

use std::collections::HashSet;

use headstart_project::{ClassProblem, Examination, LabelSuspect, Leak, Part, SampleId};

use super::analysis::Found;
use super::project::{ClassId, Project};

/// The findings that still hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    pub leaks: Vec<LeakGroup>,
    pub duplicates: Vec<Vec<SampleId>>,
    pub suspects: Vec<Suspect>,
    pub classes: Vec<ClassCase>,
}

/// Test images and the training images that look like them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakGroup {
    pub test: Vec<SampleId>,
    pub train: Vec<SampleId>,
}

/// An image that is probably in the wrong class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    pub id: SampleId,
    pub given: ClassId,
    pub suggested: ClassId,
    /// Probability of the class that it is in.
    pub probability: f32,
}

/// A class that is too small or one-sided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCase {
    pub class: ClassId,
    pub problem: ClassProblem,
    pub samples: Vec<SampleId>,
    /// Images to learn from that have been added since.
    pub added: usize,
}

impl Open {
    /// `kept` are the suspects that the user has looked at and confirmed.
    pub fn of(found: &Found<Examination>, project: &Project, kept: &HashSet<SampleId>) -> Self {
        let is_of = |id: SampleId, part: Part| {
            project
                .find(id)
                .is_some_and(|(_, sample)| sample.part == part)
        };
        let findings = &found.findings;
        let class_id = |index: u32| found.plan.class_ids.get(index as usize).copied();
        let suspect = |suspect: &LabelSuspect| {
            let suspect = Suspect {
                id: suspect.id,
                given: class_id(suspect.given)?,
                suggested: class_id(suspect.suggested)?,
                probability: suspect.probability,
            };
            let (class, _) = project.find(suspect.id)?;
            let holds = class.id == suspect.given
                && project.class(suspect.suggested).is_some()
                && !kept.contains(&suspect.id);
            holds.then_some(suspect)
        };
        let duplicates = findings.duplicates.iter().map(|group| {
            let left = group
                .iter()
                .copied()
                .filter(|&id| project.find(id).is_some());
            left.collect::<Vec<_>>()
        });
        let case = |(index, problem, samples): (u32, ClassProblem, &[SampleId])| {
            let class = project.class(class_id(index)?)?;
            let request = found.plan.request.classes.get(index as usize)?;
            let left: Vec<_> = samples
                .iter()
                .copied()
                .filter(|&id| project.find(id).is_some_and(|(now, _)| now.id == class.id))
                .collect();
            let added = class.count(Part::Train).saturating_sub(request.train.len());
            class.enabled.then_some(ClassCase {
                class: class.id,
                problem,
                samples: left,
                added,
            })
        };
        Self {
            leaks: groups(&findings.leaks, is_of),
            duplicates: duplicates.filter(|group| group.len() > 1).collect(),
            suspects: findings.labels.iter().filter_map(suspect).collect(),
            classes: findings
                .classes
                .iter()
                .map(|finding| (finding.class, finding.problem, finding.samples.as_slice()))
                .filter_map(case)
                .collect(),
        }
    }

    /// How many things there are to look at.
    pub fn len(&self) -> usize {
        self.leaks.len() + self.duplicates.len() + self.suspects.len() + self.classes.len()
    }
}

/// Joins test images that look like the same training images, so that one decision settles them all.
fn groups(leaks: &[Leak], is_of: impl Fn(SampleId, Part) -> bool) -> Vec<LeakGroup> {
    let mut groups: Vec<LeakGroup> = Vec::new();
    for leak in leaks {
        let train = leak.train.iter().copied();
        let mut joined = LeakGroup {
            test: vec![leak.test],
            train: train.filter(|&id| is_of(id, Part::Train)).collect(),
        };
        if joined.train.is_empty() || !is_of(leak.test, Part::Test) {
            continue;
        }
        let (akin, apart) = groups
            .into_iter()
            .partition::<Vec<_>, _>(|group| group.train.iter().any(|id| joined.train.contains(id)));
        groups = apart;
        for group in akin {
            joined.test.extend(group.test);
            joined.train.extend(group.train);
        }
        joined.test.sort_unstable();
        joined.train.sort_unstable();
        joined.train.dedup();
        groups.push(joined);
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use headstart_project::{ClassFinding, RunId};

    use super::super::project::Sample;
    use super::super::run::Plan;
    use super::super::settings::Draft;
    use super::*;

    fn sample(id: u32, part: Part) -> Sample {
        Sample {
            id: SampleId(id),
            name: "a.jpg".into(),
            part,
            size_px: None,
            burst: None,
        }
    }

    /// Cats 1 to 5 and 21, 22 for testing, dogs 11 to 15.
    fn project() -> (Project, ClassId, ClassId) {
        let mut project = Project::new();
        project.classes.clear();
        let cats = project.class_named("Cats");
        let dogs = project.class_named("Dogs");
        if let Some(class) = project.class_mut(cats) {
            class.insert((1..6).map(|id| sample(id, Part::Train)));
            class.insert((21..23).map(|id| sample(id, Part::Test)));
        }
        if let Some(class) = project.class_mut(dogs) {
            class.insert((11..16).map(|id| sample(id, Part::Train)));
        }
        (project, cats, dogs)
    }

    fn found(project: &Project, findings: Examination) -> Found<Examination> {
        let plan = Plan::new(project, &Draft::default(), RunId(0)).expect("can be examined");
        Found {
            plan: Rc::new(plan),
            findings,
        }
    }

    fn ids(ids: &[u32]) -> Vec<SampleId> {
        ids.iter().copied().map(SampleId).collect()
    }

    #[test]
    fn a_group_of_duplicates_is_settled_when_one_is_left() {
        let (mut project, cats, _) = project();
        let findings = Examination {
            duplicates: vec![ids(&[1, 2, 3]), ids(&[4, 5])],
            ..Examination::default()
        };
        let found = found(&project, findings);
        let kept = HashSet::new();
        assert_eq!(Open::of(&found, &project, &kept).len(), 2);
        if let Some(class) = project.class_mut(cats) {
            class.remove(|sample| [2, 5].contains(&sample.id.0));
        }
        let open = Open::of(&found, &project, &kept);
        assert_eq!(open.duplicates, [ids(&[1, 3])]);
    }

    #[test]
    fn a_suspect_is_settled_when_it_is_moved_or_kept() {
        let (mut project, cats, dogs) = project();
        let label = |id| LabelSuspect {
            id: SampleId(id),
            given: 0,
            suggested: 1,
            probability: 0.1,
        };
        let findings = Examination {
            labels: vec![label(1), label(2), label(3)],
            ..Examination::default()
        };
        let found = found(&project, findings);
        let kept = HashSet::from([SampleId(2)]);
        if let Some(class) = project.class_mut(cats) {
            class.remove(|sample| sample.id.0 == 3);
        }
        if let Some(class) = project.class_mut(dogs) {
            class.insert([sample(3, Part::Train)]);
        }
        let open = Open::of(&found, &project, &kept);
        let left: Vec<_> = open.suspects.iter().map(|suspect| suspect.id.0).collect();
        assert_eq!(left, [1]);
    }

    #[test]
    fn leaks_with_common_images_are_one_decision() {
        let (mut project, cats, _) = project();
        let leak = |test, train: &[u32]| Leak {
            test: SampleId(test),
            train: ids(train),
        };
        let findings = Examination {
            leaks: vec![leak(22, &[2, 3]), leak(21, &[1, 2])],
            ..Examination::default()
        };
        let found = found(&project, findings);
        let kept = HashSet::new();
        let open = Open::of(&found, &project, &kept);
        let group = LeakGroup {
            test: ids(&[21, 22]),
            train: ids(&[1, 2, 3]),
        };
        assert_eq!(open.leaks, [group]);
        if let Some(class) = project.class_mut(cats) {
            class.update(|_| true, |sample| sample.part = Part::Test);
        }
        assert!(Open::of(&found, &project, &kept).leaks.is_empty());
    }

    #[test]
    fn a_class_that_is_switched_off_is_no_case() {
        let (mut project, cats, _) = project();
        let findings = Examination {
            classes: vec![ClassFinding {
                class: 0,
                problem: ClassProblem::TooFew,
                samples: ids(&[1, 2, 3, 4, 5]),
            }],
            ..Examination::default()
        };
        let found = found(&project, findings);
        let kept = HashSet::new();
        if let Some(class) = project.class_mut(cats) {
            class.insert([sample(30, Part::Train)]);
        }
        let open = Open::of(&found, &project, &kept);
        assert_eq!(open.classes.first().map(|case| case.added), Some(1));
        if let Some(class) = project.class_mut(cats) {
            class.enabled = false;
        }
        assert_eq!(Open::of(&found, &project, &kept).len(), 0);
    }
}
