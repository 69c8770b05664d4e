//! Which images belong together, so that no split may part them: frames of one recording, and near-duplicates.

use std::collections::HashMap;

use headstart_project::ImageLook;

use crate::{
    Embedded, Host, Interrupted,
    host::pause,
    similarity::{dot, unit},
};

/// Embeddings whose cosine is at least this are of all but the same image, whatever the pixels say.
/// Among 579 photographs of clothes and 75 sample pictures the nearest two different ones have 0.905.
const SAME_EMBEDDING: f32 = 0.96;
/// With a look that agrees, less is enough.
const LIKE_EMBEDDING: f32 = 0.90;
/// Bits of the hash in which two looks that agree differ at most.
const LIKE_HASH_BITS: u32 = 6;

/// For each image the number of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Numbers from 0, in the order in which the groups' first images stand.
    pub of: Vec<usize>,
}

impl Groups {
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

/// Puts together what may not be parted. All pairs are compared: about `n² / 2` products of embeddings.
///
/// # Errors
/// When the host cancels.
pub async fn group(images: &[&Embedded], host: &impl Host) -> Result<Groups, Interrupted> {
    let mut forest = Forest::new(images.len());
    let mut bursts = HashMap::new();
    for (index, image) in images.iter().enumerate() {
        if let Some(burst) = image.burst {
            forest.join(*bursts.entry(burst).or_insert(index), index);
        }
    }
    for (a, b) in near_duplicates(images, host).await? {
        forest.join(a, b);
    }
    Ok(forest.groups())
}

/// Puts near-duplicates together, recordings aside.
///
/// # Errors
/// When the host cancels.
pub(crate) async fn group_duplicates(
    images: &[&Embedded],
    host: &impl Host,
) -> Result<Groups, Interrupted> {
    let mut forest = Forest::new(images.len());
    for (a, b) in near_duplicates(images, host).await? {
        let is_one_recording = images[a].burst.is_some() && images[a].burst == images[b].burst;
        if !is_one_recording {
            forest.join(a, b);
        }
    }
    Ok(forest.groups())
}

async fn near_duplicates(
    images: &[&Embedded],
    host: &impl Host,
) -> Result<Vec<(usize, usize)>, Interrupted> {
    let units: Vec<Vec<f32>> = images.iter().map(|image| unit(&image.embedding)).collect();
    let mut pairs = Vec::new();
    for a in 0..images.len() {
        for b in 0..a {
            let cosine = dot(&units[a], &units[b]);
            let (look, other) = (images[a].look, images[b].look);
            if cosine >= LIKE_EMBEDDING && (cosine >= SAME_EMBEDDING || look_alike(look, other)) {
                pairs.push((b, a));
            }
        }
        pause(host).await?;
    }
    Ok(pairs)
}

fn look_alike(a: Option<ImageLook>, b: Option<ImageLook>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a.hash ^ b.hash).count_ones() <= LIKE_HASH_BITS,
        _ => false,
    }
}

/// Union-find with path halving.
struct Forest(Vec<usize>);

impl Forest {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller stays the root, so that groups are numbered by their first images.
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
