//! The data doctor: what is wrong with the images themselves.

use std::collections::HashMap;

use headstart_project::{
    BurstId, ClassFinding, ClassProblem, Examination, ImageLook, LabelSuspect, Leak, SampleId,
};

use crate::data::examples::labelled;
use crate::data::groups::{Groups, frames_of_one_recording, near_duplicates};
use crate::{ClassImages, Embedded, Host, Interrupted, suspicions};

/// A label is probably wrong if models that have not learnt from the image give it a lower probability than this.
/// With 5 % of the labels flipped, 88 % of the images below it have a flipped label; without any flips, it flags 2 of 400.
const WRONG_BELOW: f32 = 0.05;
/// A class with fewer images than this has too few.
const FEW: usize = 5;
/// A class is far smaller than the largest one if it has less than this share of that class's images.
const FAR_SMALLER: f64 = 0.2;
/// A class is one-sided if this share of its images has a property that at most this share of the other classes' images has.
const NEARLY_ALL: f64 = 0.8;
const FEW_OTHERS: f64 = 0.5;
/// Of 579 photographs of clothes, the darkest has a brightness of 0.199 and the brightest 0.756; the brightest of 75 sample pictures has 0.859.
const DARK_BELOW: f32 = 0.2;
const BRIGHT_ABOVE: f32 = 0.88;
/// The softest of the same images has a sharpness of 0.022; with every fourth image blurred by a fortieth of its side, the blurred ones have at most 0.011, and a median of 0.005.
const BLURRED_BELOW: f32 = 0.015;

/// Looks for near-duplicates, test images that are nearly the same as training images, wrong labels, and classes that are too small or one-sided.
///
/// # Errors
/// When the host cancels.
pub async fn examine(
    classes: &[ClassImages],
    host: &impl Host,
) -> Result<Examination, Interrupted> {
    let start_ms = host.now_ms();
    let (train, labels) = labelled(classes, |class| &class.train);
    let (test, _) = labelled(classes, |class| &class.test);
    let both: Vec<&Embedded> = train.iter().chain(&test).copied().collect();
    let pairs = near_duplicates(&both, host).await?;
    Ok(Examination {
        duplicates: duplicates(&both, train.len(), &pairs),
        leaks: leaks(&both, train.len(), &pairs),
        labels: label_suspects(&train, &labels, &pairs, classes.len(), host).await?,
        classes: class_findings(classes),
        elapsed_ms: host.now_ms() - start_ms,
    })
}

/// Groups of near-duplicates that are either all for training (the first `train` images) or all for testing; a pair across is a leak.
fn duplicates(images: &[&Embedded], train: usize, pairs: &[(usize, usize)]) -> Vec<Vec<SampleId>> {
    let within = pairs.iter().filter(|(a, b)| (*a < train) == (*b < train));
    let groups = Groups::of_pairs(images.len(), within.copied());
    let mut found: Vec<Vec<SampleId>> = groups
        .members()
        .into_iter()
        .filter(|members| members.len() > 1)
        .map(|members| members.into_iter().map(|at| images[at].id).collect())
        .collect();
    found.sort_by_key(|group: &Vec<SampleId>| std::cmp::Reverse(group.len()));
    found
}

/// `images` are the training images, `train` in number, followed by the test images.
fn leaks(images: &[&Embedded], train: usize, pairs: &[(usize, usize)]) -> Vec<Leak> {
    let mut frames: HashMap<BurstId, Vec<SampleId>> = HashMap::new();
    for image in &images[..train] {
        if let Some(burst) = image.burst {
            frames.entry(burst).or_default().push(image.id);
        }
    }
    let mut copies: HashMap<usize, Vec<SampleId>> = HashMap::new();
    // The earlier image of a pair comes first, so that is the training image.
    for &(a, b) in pairs.iter().filter(|&&(a, b)| a < train && b >= train) {
        copies.entry(b).or_default().push(images[a].id);
    }
    let found = images.iter().enumerate().skip(train);
    let found = found.map(|(at, image)| {
        let mut seen = copies.remove(&at).unwrap_or_default();
        let recorded = image.burst.and_then(|burst| frames.get(&burst));
        seen.extend(recorded.into_iter().flatten());
        Leak {
            test: image.id,
            train: seen,
        }
    });
    found.filter(|leak| !leak.train.is_empty()).collect()
}

async fn label_suspects(
    train: &[&Embedded],
    labels: &[usize],
    pairs: &[(usize, usize)],
    classes: usize,
    host: &impl Host,
) -> Result<Vec<LabelSuspect>, Interrupted> {
    let rows: Vec<&[f32]> = train.iter().map(|image| &*image.embedding).collect();
    let mut together = frames_of_one_recording(train);
    together.extend(pairs.iter().filter(|(_, b)| *b < train.len()));
    let groups = Groups::of_pairs(train.len(), together);
    let ranked = suspicions(&rows, labels, &groups.of, classes, host).await?;
    let suspects = ranked
        .into_iter()
        .filter(|found| found.given < WRONG_BELOW && found.suggested != labels[found.image]);
    Ok(suspects
        .map(|found| LabelSuspect {
            id: train[found.image].id,
            given: labels[found.image] as u32,
            suggested: found.suggested as u32,
            probability: found.given,
        })
        .collect())
}

fn class_findings(classes: &[ClassImages]) -> Vec<ClassFinding> {
    let sizes = classes.iter().map(|class| class.train.len());
    let largest = sizes.max().unwrap_or(0);
    let mut findings = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        let mut find = |problem, images: &mut dyn Iterator<Item = &Embedded>| {
            findings.push(ClassFinding {
                class: at as u32,
                problem,
                samples: images.map(|image| image.id).collect(),
            });
        };
        let count = class.train.len();
        if count < FEW {
            find(ClassProblem::TooFew, &mut class.train.iter());
        } else if (count as f64) < largest as f64 * FAR_SMALLER {
            find(ClassProblem::FarSmaller, &mut class.train.iter());
        }
        let burst = class.train.first().and_then(|image| image.burst);
        if count > 1 && burst.is_some() && class.train.iter().all(|image| image.burst == burst) {
            find(ClassProblem::OneRecording, &mut class.train.iter());
        }
        let others = classes.iter().enumerate().filter(|(other, _)| *other != at);
        let others: Vec<ImageLook> = others.flat_map(|(_, class)| looks(class)).collect();
        let own: Vec<ImageLook> = looks(class).collect();
        for (problem, is_so) in SIDES {
            let is_one_sided = share(&own, is_so) >= NEARLY_ALL;
            if own.len() >= FEW && is_one_sided && share(&others, is_so) <= FEW_OTHERS {
                let images = class.train.iter();
                find(problem, &mut images.filter(|it| it.look.is_some_and(is_so)));
            }
        }
    }
    findings
}

/// What can be unusual about the look of an image.
type Side = fn(ImageLook) -> bool;

/// How a class can be one-sided.
const SIDES: [(ClassProblem, Side); 3] = [
    (ClassProblem::AllDark, |look| look.brightness < DARK_BELOW),
    (ClassProblem::AllBright, |look| {
        look.brightness > BRIGHT_ABOVE
    }),
    (ClassProblem::AllBlurred, |look| {
        look.sharpness < BLURRED_BELOW
    }),
];

/// The looks of a class's training images, as far as known.
fn looks(class: &ClassImages) -> impl Iterator<Item = ImageLook> {
    class.train.iter().filter_map(|image| image.look)
}

fn share(looks: &[ImageLook], is_so: Side) -> f64 {
    let count = looks.iter().filter(|&&look| is_so(look)).count();
    count as f64 / looks.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use headstart_project::BurstId;

    use super::*;
    use crate::host::testing::Recorder;
    use crate::testing::blobs;

    fn found(classes: &[ClassImages]) -> Examination {
        pollster::block_on(examine(classes, &Recorder::default())).expect("runs")
    }

    #[test]
    fn sound_images_have_no_findings() {
        let examination = found(&blobs(3, 12, 32, 5));
        assert_eq!(examination.duplicates, Vec::<Vec<SampleId>>::new());
        assert!(examination.labels.is_empty() && examination.classes.is_empty());
        assert!(examination.leaks.is_empty());
    }

    #[test]
    fn copies_wrong_labels_and_leaks_are_found() {
        let mut classes = blobs(3, 12, 32, 5);
        let copy = |of: &Embedded, id| Embedded {
            id: SampleId(id),
            ..of.clone()
        };
        let twin = copy(&classes[0].train[2], 900);
        classes[0].train.push(twin);
        let leak = copy(&classes[1].train[3], 901);
        classes[1].test.push(leak);
        let wrong = classes[2].train.pop().expect("has images");
        classes[0].train.push(wrong.clone());
        let examination = found(&classes);
        let first = classes[0].train[2].id;
        assert_eq!(examination.duplicates, [[first, SampleId(900)]]);
        assert_eq!(examination.leaks.len(), 1);
        assert_eq!(examination.leaks[0].train, [classes[1].train[3].id]);
        assert_eq!(examination.labels.len(), 1);
        let suspect = examination.labels[0];
        assert_eq!(
            (suspect.id, suspect.given, suspect.suggested),
            (wrong.id, 0, 2)
        );
    }

    #[test]
    fn recordings_are_no_duplicates_but_leak_into_the_test() {
        let mut classes = blobs(2, 8, 32, 5);
        let frame = classes[0].train[0].clone();
        let frames = (100..104).map(|id| Embedded {
            id: SampleId(id),
            burst: Some(BurstId(1)),
            ..frame.clone()
        });
        let mut frames: Vec<Embedded> = frames.collect();
        classes[0].train[0] = frames[0].clone();
        classes[0].test.push(frames.pop().expect("has frames"));
        classes[0].train.extend(frames.drain(1..));
        let examination = found(&classes);
        assert_eq!(examination.duplicates, Vec::<Vec<SampleId>>::new());
        let leak = Leak {
            test: SampleId(103),
            train: [100, 101, 102].map(SampleId).into(),
        };
        assert_eq!(examination.leaks, [leak]);
    }

    #[test]
    fn a_single_class_and_empty_ones_can_be_examined() {
        let mut classes = blobs(1, 8, 32, 5);
        let twin = Embedded {
            id: SampleId(900),
            ..classes[0].train[0].clone()
        };
        classes[0].train.push(twin);
        assert_eq!(found(&classes).duplicates.len(), 1);
        assert!(found(&classes).labels.is_empty());
        classes[0].train.clear();
        assert_eq!(found(&classes).classes[0].problem, ClassProblem::TooFew);
        assert_eq!(found(&[]).classes, []);
    }

    #[test]
    fn small_and_one_sided_classes_are_found() {
        let mut classes = blobs(4, 30, 32, 5);
        classes[0].train.truncate(3);
        classes[1].train.truncate(5);
        for image in &mut classes[2].train {
            image.burst = Some(BurstId(7));
        }
        for (at, class) in classes.iter_mut().enumerate() {
            for image in &mut class.train {
                image.look = Some(ImageLook {
                    hash: u64::from(image.id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                    brightness: if at == 3 { 0.1 } else { 0.5 },
                    sharpness: if at == 3 { 0.01 } else { 0.1 },
                });
            }
        }
        let problems: Vec<(u32, ClassProblem)> = found(&classes)
            .classes
            .iter()
            .map(|finding| (finding.class, finding.problem))
            .collect();
        assert_eq!(
            problems,
            [
                (0, ClassProblem::TooFew),
                (1, ClassProblem::FarSmaller),
                (2, ClassProblem::OneRecording),
                (3, ClassProblem::AllDark),
                (3, ClassProblem::AllBlurred),
            ]
        );
    }
}
