//! The data doctor: what is wrong with the images themselves.

use std::collections::HashMap;

use headstart_project::{
    ClassFinding, ClassProblem, Examination, ImageLook, LabelSuspect, Leak, SampleId,
};

use crate::{
    ClassImages, Embedded, Host, Interrupted, check_classes, group,
    groups::{Groups, group_duplicates},
    suspicions,
};

/// A label is probably wrong when models that have not learnt from the image give it less than this.
/// With 5 % of the labels flipped, 88 % of the images below it are flipped ones; without any flips it names 2 of 400.
const WRONG_BELOW: f32 = 0.05;
/// Fewer images than this are too few.
const FEW: usize = 5;
/// A class with a smaller share than this of the largest one's images is far smaller.
const FAR_SMALLER: f64 = 0.2;
/// Share of a class's images that makes it one-sided, and share of the others' up to which that is its own fault.
const NEARLY_ALL: f64 = 0.8;
const FEW_OTHERS: f64 = 0.5;
/// Of 579 photographs of clothes the darkest has a brightness of 0.199 and the brightest 0.756; of 75 sample pictures the brightest 0.859.
const DARK_BELOW: f32 = 0.2;
const BRIGHT_ABOVE: f32 = 0.88;
/// The softest of the same images has a sharpness of 0.019; blurred by a fortieth of their sides, 0.013 is the highest.
const BLURRED_BELOW: f32 = 0.015;

/// Looks for near-duplicates, test images that were all but seen in training, wrong labels, and classes that are too small or one-sided.
///
/// # Errors
/// When there is nothing to tell apart, or the host cancels.
pub async fn examine(
    classes: &[ClassImages],
    host: &impl Host,
) -> Result<Examination, Interrupted> {
    let start_ms = host.now_ms();
    check_classes(classes)?;
    let train: Vec<(usize, &Embedded)> = labelled(classes, |class| &class.train);
    let test: Vec<(usize, &Embedded)> = labelled(classes, |class| &class.test);
    let both: Vec<&Embedded> = train.iter().chain(&test).map(|(_, image)| *image).collect();

    let together = group(&both, host).await?;
    let duplicates = group_duplicates(&both, host).await?;
    Ok(Examination {
        duplicates: duplicate_groups(&both, &duplicates),
        leaks: leaks(&both, train.len(), &together),
        labels: label_suspects(&train, &together, classes.len(), host).await?,
        classes: class_findings(classes),
        elapsed_ms: host.now_ms() - start_ms,
    })
}

fn labelled<'a>(
    classes: &'a [ClassImages],
    part: impl Fn(&'a ClassImages) -> &'a Vec<Embedded>,
) -> Vec<(usize, &'a Embedded)> {
    let of_class = |(label, class)| part(class).iter().map(move |image| (label, image));
    classes.iter().enumerate().flat_map(of_class).collect()
}

fn duplicate_groups(images: &[&Embedded], groups: &Groups) -> Vec<Vec<SampleId>> {
    let mut found: Vec<Vec<SampleId>> = groups
        .members()
        .into_iter()
        .filter(|members| members.len() > 1)
        .map(|members| members.into_iter().map(|at| images[at].id).collect())
        .collect();
    found.sort_by_key(|group: &Vec<SampleId>| std::cmp::Reverse(group.len()));
    found
}

/// `images` are the training images, `train` of them, and then the test images.
fn leaks(images: &[&Embedded], train: usize, groups: &Groups) -> Vec<Leak> {
    let mut seen: HashMap<usize, Vec<SampleId>> = HashMap::new();
    for (image, &group) in images[..train].iter().zip(&groups.of) {
        seen.entry(group).or_default().push(image.id);
    }
    images[train..]
        .iter()
        .zip(&groups.of[train..])
        .filter_map(|(image, group)| {
            Some(Leak {
                test: image.id,
                train: seen.get(group)?.clone(),
            })
        })
        .collect()
}

async fn label_suspects(
    train: &[(usize, &Embedded)],
    groups: &Groups,
    classes: usize,
    host: &impl Host,
) -> Result<Vec<LabelSuspect>, Interrupted> {
    let labels: Vec<usize> = train.iter().map(|(label, _)| *label).collect();
    let rows: Vec<&[f32]> = train.iter().map(|(_, image)| &*image.embedding).collect();
    // The training images come first, so their groups are numbered without gaps.
    let groups = &groups.of[..train.len()];
    let ranked = suspicions(&rows, &labels, groups, classes, host).await?;
    let suspects = ranked
        .into_iter()
        .filter(|found| found.given < WRONG_BELOW && found.suggested != labels[found.image]);
    Ok(suspects
        .map(|found| LabelSuspect {
            id: train[found.image].1.id,
            given: labels[found.image] as u32,
            suggested: found.suggested as u32,
            probability: found.given,
        })
        .collect())
}

fn class_findings(classes: &[ClassImages]) -> Vec<ClassFinding> {
    let largest = classes
        .iter()
        .map(|class| class.train.len())
        .max()
        .unwrap_or(0);
    let mut findings = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        let mut find = |problem| {
            findings.push(ClassFinding {
                class: at as u32,
                problem,
                samples: class.train.iter().map(|image| image.id).collect(),
            });
        };
        let count = class.train.len();
        if count < FEW {
            find(ClassProblem::TooFew);
        } else if (count as f64) < largest as f64 * FAR_SMALLER {
            find(ClassProblem::FarSmaller);
        }
        let burst = class.train.first().and_then(|image| image.burst);
        if count > 1 && burst.is_some() && class.train.iter().all(|image| image.burst == burst) {
            find(ClassProblem::OneRecording);
        }
        let sides: [(ClassProblem, fn(ImageLook) -> bool); 3] = [
            (ClassProblem::AllDark, |look| look.brightness < DARK_BELOW),
            (ClassProblem::AllBright, |look| {
                look.brightness > BRIGHT_ABOVE
            }),
            (ClassProblem::AllBlurred, |look| {
                look.sharpness < BLURRED_BELOW
            }),
        ];
        for (problem, is_so) in sides {
            let others = classes.iter().enumerate().filter(|(other, _)| *other != at);
            let others = others.flat_map(|(_, class)| &class.train);
            let own = share(class.train.iter(), is_so);
            if count >= FEW && own >= NEARLY_ALL && share(others, is_so) <= FEW_OTHERS {
                find(problem);
            }
        }
    }
    findings
}

/// Share of the images of which something is so, among those whose look is known.
fn share<'a>(images: impl Iterator<Item = &'a Embedded>, is_so: fn(ImageLook) -> bool) -> f64 {
    let looks: Vec<ImageLook> = images.filter_map(|image| image.look).collect();
    let count = looks.iter().filter(|&&look| is_so(look)).count();
    count as f64 / looks.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use headstart_project::BurstId;

    use super::*;
    use crate::{host::testing::Recorder, testing::blobs};

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
        assert!(examination.duplicates.contains(&vec![first, SampleId(900)]));
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
