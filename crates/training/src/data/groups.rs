//! Which images belong together and must not be separated by a split: frames of one recording, and near-duplicates.

use std::collections::HashMap;

use crate::data::similarity::{dot, unit};
use crate::host::pause;
use crate::{Embedded, Host, Interrupted};

/// The cosine from which on two images with equal hashes are near-duplicates.
///
/// Chosen on 654 photographs (579 of clothes, 75 sample pictures) and 2,420 copies of 220 of them.
/// It finds all copies saved at JPEG quality 50 or brightened by 20 of 255; 99 % of those darkened by 40, with more contrast, halved in size or with noise of ±12 on every value; 99 % of those cropped by 3 %, and 96 % of those cropped by 6 or 10 % or saved at quality 20.
/// Of 213,531 pairs of different photographs it mistakes 2 for duplicates: the same kind of clothing on the same hanger in the same place.
const LIKE_COSINE: f32 = 0.80;
/// How much higher the cosine must be for every bit in which the hashes differ.
const COSINE_PER_BIT: f32 = 0.008;
/// From this cosine on, two images are near-duplicates whatever their hashes say: 98 % of mirrored copies reach it. It is also what counts if a hash is not known.
/// The two most similar of the different photographs reach 0.910.
const SAME_COSINE: f32 = 0.95;
/// An image with this many near-duplicates, half of which differ in this many bits of the hash, is generic.
const MANY: usize = 3;
const OTHER_LAYOUT_BITS: u32 = 6;
/// Copies of a generic image differ in no more than this many bits.
const COPY_BITS: u32 = 3;
/// The fraction of the features whose product is computed first: for nearly all pairs, it is enough to tell that they differ.
/// All pairs of 3,000 images take half a second on one thread.
const FIRST_PART: f64 = 0.25;

/// The group of each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Groups are numbered from 0, in the order of their first images.
    pub of: Vec<usize>,
}

impl Groups {
    /// Groups the images of every pair, transitively.
    pub(crate) fn of_pairs(count: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut forest = Forest((0..count).collect());
        for (a, b) in pairs {
            forest.join(a, b);
        }
        forest.groups()
    }

    /// How many groups there are.
    pub fn count(&self) -> usize {
        self.of.iter().max().map_or(0, |most| most + 1)
    }

    /// The images of each group.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.count()];
        for (image, &group) in self.of.iter().enumerate() {
            members[group].push(image);
        }
        members
    }
}

/// Groups the images that must not be separated.
///
/// # Errors
/// When the host cancels.
pub async fn group(images: &[&Embedded], host: &impl Host) -> Result<Groups, Interrupted> {
    let mut pairs = near_duplicates(images, host).await?;
    pairs.extend(frames_of_one_recording(images));
    Ok(Groups::of_pairs(images.len(), pairs))
}

/// Pairs each frame of a recording with the recording's first frame.
pub(crate) fn frames_of_one_recording(images: &[&Embedded]) -> Vec<(usize, usize)> {
    let mut first = HashMap::new();
    let bursts = images.iter().enumerate();
    bursts
        .filter_map(|(index, image)| Some((*first.entry(image.burst?).or_insert(index), index)))
        .collect()
}

/// All pairs of near-duplicates except for frames of the same recording; the earlier image comes first.
///
/// # Errors
/// When the host cancels.
pub(crate) async fn near_duplicates(
    images: &[&Embedded],
    host: &impl Host,
) -> Result<Vec<(usize, usize)>, Interrupted> {
    let mut pairs = like_pairs(images, host).await?;
    let mut bits_of = vec![Vec::new(); images.len()];
    for &(a, b, likeness) in &pairs {
        for image in [a, b] {
            bits_of[image].push(likeness.bits);
        }
    }
    let is_alike_by_nature: Vec<bool> = bits_of.into_iter().map(is_alike_by_nature).collect();
    pairs.retain(|&(a, b, likeness)| {
        likeness.is_copy() || !(is_alike_by_nature[a] || is_alike_by_nature[b])
    });
    Ok(pairs.into_iter().map(|(a, b, _)| (a, b)).collect())
}

/// All pairs that may be near-duplicates, and how they differ.
async fn like_pairs(
    images: &[&Embedded],
    host: &impl Host,
) -> Result<Vec<(usize, usize, Likeness)>, Interrupted> {
    let comparable: Vec<Comparable> = images.iter().map(|image| Comparable::new(image)).collect();
    let mut pairs = Vec::new();
    for (b, image) in comparable.iter().enumerate() {
        for (a, other) in comparable[..b].iter().enumerate() {
            let is_one_recording = images[a].burst.is_some() && images[a].burst == images[b].burst;
            if let Some(likeness) = image.likeness(other).filter(|_| !is_one_recording) {
                pairs.push((a, b, likeness));
            }
        }
        pause(host).await?;
    }
    Ok(pairs)
}

/// Whether an image is generic, that is, similar to many others with a different layout: to a network, all drawings of one kind on plain paper look nearly the same.
/// For such images only copies count, or the whole class would be one group of which nothing could ever be held back.
/// `bits` are the numbers of differing bits to all images that it is similar to.
fn is_alike_by_nature(mut bits: Vec<u32>) -> bool {
    bits.sort_unstable();
    bits.len() >= MANY && bits[bits.len() / 2] >= OTHER_LAYOUT_BITS
}

/// How two images that may be near-duplicates differ.
#[derive(Clone, Copy, Debug)]
struct Likeness {
    /// In how many bits the hashes differ; 0 if one is not known.
    bits: u32,
    cosine: f32,
}

impl Likeness {
    fn is_copy(self) -> bool {
        self.bits <= COPY_BITS && self.cosine >= SAME_COSINE
    }
}

/// The parts of an image that are compared.
struct Comparable {
    /// The first features of the embedding, which as a whole has length 1, and the others.
    first: Vec<f32>,
    others: Vec<f32>,
    /// The length of the others.
    length_of_others: f32,
    /// The hash of its look, if known.
    hash: Option<u64>,
}

impl Comparable {
    fn new(image: &Embedded) -> Self {
        let mut first = unit(&image.embedding);
        let others = first.split_off((first.len() as f64 * FIRST_PART) as usize);
        Self {
            length_of_others: dot(&others, &others).sqrt(),
            first,
            others,
            hash: image.look.map(|look| look.hash),
        }
    }

    /// How they differ, if they may be near-duplicates.
    fn likeness(&self, other: &Self) -> Option<Likeness> {
        let hashes = self.hash.zip(other.hash);
        let bits = hashes.map_or(0, |(a, b)| (a ^ b).count_ones());
        let least = match hashes {
            Some(_) => (LIKE_COSINE + COSINE_PER_BIT * bits as f32).min(SAME_COSINE),
            None => SAME_COSINE,
        };
        let of_first = dot(&self.first, &other.first);
        // By the Cauchy–Schwarz inequality, the others cannot add more than the product of their lengths.
        if of_first + self.length_of_others * other.length_of_others < least {
            return None;
        }
        let cosine = of_first + dot(&self.others, &other.others);
        (cosine >= least).then_some(Likeness { bits, cosine })
    }
}

/// Union-find with path halving.
struct Forest(Vec<usize>);

impl Forest {
    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller index stays the root, so that groups are numbered by their first images.
        self.0[a.max(b)] = a.min(b);
    }

    fn groups(mut self) -> Groups {
        let mut numbers = HashMap::new();
        let of = (0..self.0.len())
            .map(|image| {
                let root = self.root(image);
                let next = numbers.len();
                *numbers.entry(root).or_insert(next)
            })
            .collect();
        Groups { of }
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{BurstId, ImageLook, SampleId};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::host::testing::Recorder;

    fn image(embedding: &[f32], burst: Option<u32>, hash: Option<u64>) -> Embedded {
        Embedded {
            id: SampleId(0),
            embedding: embedding.into(),
            burst: burst.map(BurstId),
            look: hash.map(|hash| ImageLook {
                hash,
                brightness: 0.5,
                sharpness: 0.1,
            }),
        }
    }

    fn grouped(images: &[Embedded]) -> Groups {
        let images: Vec<&Embedded> = images.iter().collect();
        pollster::block_on(group(&images, &Recorder::default())).expect("runs")
    }

    /// A vector with this cosine to `[1, 0]`.
    fn at_cosine(cosine: f32) -> [f32; 2] {
        [cosine, (1.0 - cosine * cosine).sqrt()]
    }

    #[test]
    fn frames_of_a_recording_stay_together_however_they_look() {
        let images = [
            image(&[1.0, 0.0], Some(7), None),
            image(&[1.0, 0.0], None, None),
            image(&[0.0, 1.0], Some(7), None),
            image(&[-1.0, 0.0], Some(8), None),
        ];
        // The second is a near-duplicate of the first, so it belongs to the recording too.
        assert_eq!(grouped(&images).of, [0, 0, 0, 1]);
        assert_eq!(
            grouped(&images).members(),
            [[0, 1, 2].as_slice(), &[3]].map(Vec::from)
        );
        assert_eq!(grouped(&[]).count(), 0);
    }

    #[test]
    fn the_more_the_looks_agree_the_less_the_embeddings_must() {
        let are_one = |cosine: f32, hashes: [Option<u64>; 2]| {
            let images = [
                image(&[2.0, 0.0], None, hashes[0]),
                image(&at_cosine(cosine), None, hashes[1]),
            ];
            grouped(&images).count() == 1
        };
        assert!(are_one(0.81, [Some(5), Some(5)]));
        assert!(!are_one(0.79, [Some(5), Some(5)]));
        // Ten bits.
        assert!(are_one(0.89, [Some(0), Some(0x3ff)]));
        assert!(!are_one(0.87, [Some(0), Some(0x3ff)]));
        assert!(are_one(0.96, [Some(0), Some(u64::MAX)]));
        assert!(!are_one(0.94, [Some(0), None]));
        assert!(are_one(0.96, [None, None]));
    }

    #[test]
    fn stopping_early_leaves_no_pair_out() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut images: Vec<Embedded> = Vec::new();
        for index in 0..80 {
            let values: Vec<f32> = if index % 4 == 0 {
                (0..50).map(|_| rng.random_range(0.0..1.0)).collect()
            } else {
                let last = &images[index - 1].embedding;
                let moved = last.iter().map(|value| value + rng.random_range(-0.4..0.4));
                moved.collect()
            };
            images.push(image(&values, None, Some(rng.random::<u64>() & 0xff)));
        }
        let all: Vec<&Embedded> = images.iter().collect();
        let found = pollster::block_on(like_pairs(&all, &Recorder::default())).expect("runs");
        let found: Vec<(usize, usize)> = found.into_iter().map(|(a, b, _)| (a, b)).collect();
        let mut expected = Vec::new();
        for b in 0..images.len() {
            for a in 0..b {
                let [first, second] = [a, b].map(|at| unit(&images[at].embedding));
                let cosine: f32 = first.iter().zip(&second).map(|(x, y)| x * y).sum();
                let [one, other] = [a, b].map(|at| images[at].look.expect("is known").hash);
                let bits = (one ^ other).count_ones() as f32;
                if cosine >= (0.8 + 0.008 * bits).min(0.95) {
                    expected.push((a, b));
                }
            }
        }
        assert!(expected.len() > 20 && expected.len() < 1000);
        assert_eq!(found, expected);
    }

    #[test]
    fn drawings_that_are_all_alike_are_not_one_group_but_their_copies_are() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let middle: Vec<f32> = (0..64).map(|_| rng.random_range(0.0..1.0)).collect();
        let mut images: Vec<Embedded> = (0..10)
            .map(|_| {
                let values: Vec<f32> = middle
                    .iter()
                    .map(|value| value + rng.random_range(-0.2..0.2))
                    .collect();
                // Each differs from the others in about ten bits.
                let hash = (0..10).fold(0u64, |hash, _| hash | 1 << rng.random_range(0..64));
                image(&values, None, Some(hash))
            })
            .collect();
        images.push(images[4].clone());
        let all: Vec<&Embedded> = images.iter().collect();
        let groups = pollster::block_on(group(&all, &Recorder::default())).expect("runs");
        assert_eq!(groups.count(), 10);
        assert_eq!(groups.of[4], groups.of[10]);
    }

    #[test]
    fn it_stops_when_the_host_cancels() {
        let images = vec![image(&[1.0, 0.0], None, None); 9];
        let images: Vec<&Embedded> = images.iter().collect();
        let host = Recorder::default();
        host.pauses_left.set(4);
        let outcome = pollster::block_on(group(&images, &host));
        assert_eq!(outcome, Err(Interrupted::Cancelled));
    }
}
