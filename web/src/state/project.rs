//! Classes and their images: the part of the state that the user makes, and that undo restores.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::{BurstId, Part, SampleId};
use serde::{Deserialize, Serialize};

/// The most images that a chunk holds.
/// A chunk is what the page renders at once: adding or changing one image touches only one, however many there are.
/// A selection marks a chunk's images in the bits of a `u64`, so this must not exceed 64.
pub const CHUNK: usize = 48;

/// How many colours classes have; with more classes they repeat.
pub const COLORS: u8 = 10;

/// One class. Unique within a project and never reused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ClassId(pub u32);

/// One image of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub id: SampleId,
    /// The file's name.
    pub name: Rc<str>,
    pub part: Part,
    /// Width and height as displayed, known once the engine has decoded it; from then on there is a thumbnail, too.
    pub size_px: Option<(u32, u32)>,
    /// The recording that it is a frame of.
    pub burst: Option<BurstId>,
}

/// A run of a class's images, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Identifies the chunk within its class for as long as it exists.
    pub key: u32,
    pub samples: Vec<Sample>,
}

/// A class and its images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    pub id: ClassId,
    /// As the user typed it; it can be empty while being typed.
    pub name: String,
    /// Whether the class takes part in the next run.
    pub enabled: bool,
    /// Index of its colour, below [`COLORS`].
    pub color: u8,
    /// Whether it is one of the two classes that are there at the start, and that vanish with an import if nobody has touched them.
    pub placeholder: bool,
    pub chunks: Vec<Rc<Chunk>>,
    next_chunk: u32,
}

/// What the user has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub classes: Vec<Rc<Class>>,
    /// Grows with every change to which images there are, and where.
    pub membership: u32,
    /// The highest image id that was ever offered, accepted or not.
    pub highest_sample: u32,
    next_class: u32,
}

impl Class {
    /// The name to show and to train with.
    pub fn label(&self) -> Rc<str> {
        let trimmed = self.name.trim();
        if trimmed.is_empty() {
            "Unnamed class".into()
        } else {
            trimmed.into()
        }
    }

    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.chunks.iter().flat_map(|chunk| &chunk.samples)
    }

    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.samples.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn count(&self, part: Part) -> usize {
        self.samples().filter(|sample| sample.part == part).count()
    }

    /// Inserts images in the order of their ids.
    pub fn insert(&mut self, samples: impl IntoIterator<Item = Sample>) {
        for sample in samples {
            let at = self
                .chunks
                .iter()
                .rposition(|chunk| chunk.samples.first().is_some_and(|s| s.id < sample.id))
                .unwrap_or(0);
            let is_last = at + 1 >= self.chunks.len();
            let full_before = |chunk: &Chunk| {
                chunk.samples.len() >= CHUNK
                    && chunk.samples.last().is_some_and(|s| s.id < sample.id)
            };
            match self.chunks.get_mut(at) {
                Some(chunk) if !(is_last && full_before(chunk)) => {
                    let chunk = Rc::make_mut(chunk);
                    let position = chunk.samples.partition_point(|s| s.id < sample.id);
                    chunk.samples.insert(position, sample);
                    if chunk.samples.len() > CHUNK {
                        let half = chunk.samples.split_off(CHUNK / 2);
                        self.place_chunk(at + 1, half);
                    }
                }
                _ => self.place_chunk(self.chunks.len(), vec![sample]),
            }
        }
    }

    fn place_chunk(&mut self, at: usize, samples: Vec<Sample>) {
        self.next_chunk += 1;
        let key = self.next_chunk;
        self.chunks.insert(at, Rc::new(Chunk { key, samples }));
    }

    /// Takes images out and returns them.
    pub fn remove(&mut self, is_meant: impl Fn(&Sample) -> bool) -> Vec<Sample> {
        let mut removed = Vec::new();
        for chunk in &mut self.chunks {
            if chunk.samples.iter().any(&is_meant) {
                let (out, rest) = chunk.samples.iter().cloned().partition(&is_meant);
                removed.extend::<Vec<_>>(out);
                Rc::make_mut(chunk).samples = rest;
            }
        }
        self.chunks.retain(|chunk| !chunk.samples.is_empty());
        removed
    }

    /// Changes images in place; chunks without any of them stay the same object.
    pub fn update(&mut self, is_meant: impl Fn(&Sample) -> bool, change: impl Fn(&mut Sample)) {
        for chunk in &mut self.chunks {
            if chunk.samples.iter().any(&is_meant) {
                Rc::make_mut(chunk)
                    .samples
                    .iter_mut()
                    .filter(|sample| is_meant(sample))
                    .for_each(&change);
            }
        }
    }
}

impl Project {
    /// Two empty classes to begin with.
    pub fn new() -> Self {
        let mut project = Self {
            classes: Vec::new(),
            membership: 0,
            highest_sample: 0,
            next_class: 1,
        };
        for _ in 0..2 {
            let id = project.add_class(None);
            if let Some(class) = project.class_mut(id) {
                class.placeholder = true;
            }
        }
        project
    }

    /// Without any class.
    pub fn empty() -> Self {
        let mut project = Self::new();
        project.classes.clear();
        project
    }

    /// Made from images and the names of their files and classes, when nothing else is known.
    pub fn rescued(images: impl Iterator<Item = (SampleId, Rc<str>, Rc<str>)>) -> Self {
        let mut project = Self::empty();
        let mut images: Vec<_> = images.collect();
        images.sort_by_key(|(id, ..)| *id);
        for (id, name, class) in images {
            project.highest_sample = project.highest_sample.max(id.0);
            let class = project.class_named(&class);
            if let Some(class) = project.class_mut(class) {
                class.insert([Sample {
                    id,
                    name,
                    part: Part::Train,
                    size_px: None,
                    burst: None,
                }]);
            }
        }
        project
    }

    /// Appends an empty class. Without a name it gets a number that no other class has.
    pub fn add_class(&mut self, name: Option<&str>) -> ClassId {
        let id = ClassId(self.next_class);
        self.next_class += 1;
        let name = name.map_or_else(|| self.free_name(), str::to_owned);
        let color = self.free_color();
        self.classes.push(Rc::new(Class {
            id,
            name,
            enabled: true,
            color,
            placeholder: false,
            chunks: Vec::new(),
            next_chunk: 0,
        }));
        id
    }

    fn free_name(&self) -> String {
        let mut number = self.classes.len() + 1;
        loop {
            let name = format!("Class {number}");
            if self.classes.iter().all(|class| class.name != name) {
                return name;
            }
            number += 1;
        }
    }

    fn free_color(&self) -> u8 {
        let uses = |color: u8| self.classes.iter().filter(|c| c.color == color).count();
        (0..COLORS).min_by_key(|&color| uses(color)).unwrap_or(0)
    }

    pub fn class(&self, id: ClassId) -> Option<&Rc<Class>> {
        self.classes.iter().find(|class| class.id == id)
    }

    pub fn class_mut(&mut self, id: ClassId) -> Option<&mut Class> {
        self.classes
            .iter_mut()
            .find(|class| class.id == id)
            .map(Rc::make_mut)
    }

    /// The class with this name, created if there is none.
    pub fn class_named(&mut self, name: &str) -> ClassId {
        let known = self
            .classes
            .iter()
            .find(|class| class.name.trim() == name.trim());
        match known {
            Some(class) => class.id,
            None => self.add_class(Some(name)),
        }
    }

    /// The image and its class.
    pub fn find(&self, id: SampleId) -> Option<(&Rc<Class>, &Sample)> {
        self.classes.iter().find_map(|class| {
            let sample = class
                .chunks
                .iter()
                .filter(|chunk| {
                    chunk.samples.first().is_some_and(|s| s.id <= id)
                        && chunk.samples.last().is_some_and(|s| s.id >= id)
                })
                .find_map(|chunk| chunk.samples.iter().find(|sample| sample.id == id))?;
            Some((class, sample))
        })
    }

    /// These images grouped by class, in the order of the classes; images that are gone are left out.
    pub fn by_class(&self, ids: &[SampleId]) -> Vec<(ClassId, Vec<SampleId>)> {
        let wanted: HashSet<SampleId> = ids.iter().copied().collect();
        let in_class = |class: &Rc<Class>| {
            let found = class.samples().map(|sample| sample.id);
            (class.id, found.filter(|id| wanted.contains(id)).collect())
        };
        let found = self.classes.iter().map(in_class);
        found
            .filter(|(_, ids): &(_, Vec<_>)| !ids.is_empty())
            .collect()
    }

    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.classes.iter().flat_map(|class| class.samples())
    }

    pub fn len(&self) -> usize {
        self.classes.iter().map(|class| class.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn sample(id: u32) -> Sample {
        Sample {
            id: SampleId(id),
            name: format!("{id}.jpg").into(),
            part: Part::Train,
            size_px: None,
            burst: None,
        }
    }

    fn ids(class: &Class) -> Vec<u32> {
        class.samples().map(|sample| sample.id.0).collect()
    }

    fn filled(count: u32) -> Class {
        let mut project = Project::new();
        let id = project.add_class(Some("Cats"));
        let class = project.class_mut(id).expect("was just made");
        class.insert((1..=count).map(sample));
        class.clone()
    }

    #[test]
    fn chunks_stay_small_and_in_order() {
        let class = filled(500);
        assert_eq!(ids(&class), (1..=500).collect::<Vec<_>>());
        assert!(
            class
                .chunks
                .iter()
                .all(|chunk| chunk.samples.len() <= CHUNK)
        );
    }

    #[test]
    fn what_is_put_back_stands_where_it_stood() {
        let mut class = filled(200);
        let removed = class.remove(|sample| sample.id.0 % 3 == 0);
        assert_eq!(removed.len(), 66);
        assert_eq!(class.len(), 134);
        class.insert(removed);
        assert_eq!(ids(&class), (1..=200).collect::<Vec<_>>());
        assert!(
            class
                .chunks
                .iter()
                .all(|chunk| chunk.samples.len() <= CHUNK)
        );
        let mut keys: Vec<_> = class.chunks.iter().map(|chunk| chunk.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), class.chunks.len());
    }

    #[test]
    fn a_first_image_that_was_removed_goes_back_to_the_front() {
        let mut class = filled(100);
        let removed = class.remove(|sample| sample.id.0 <= 60);
        class.insert(removed);
        assert_eq!(ids(&class), (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn one_change_touches_one_chunk() {
        let before = filled(500);
        let mut after = before.clone();
        after.update(
            |sample| sample.id == SampleId(250),
            |sample| sample.size_px = Some((4, 3)),
        );
        let changed = before
            .chunks
            .iter()
            .zip(&after.chunks)
            .filter(|(a, b)| !Rc::ptr_eq(a, b))
            .count();
        assert_eq!(changed, 1);
    }

    #[test]
    fn new_classes_take_free_names_and_colours() {
        let mut project = Project::new();
        let third = project.add_class(None);
        assert_eq!(
            project.class(third).map(|c| c.name.clone()),
            Some("Class 3".into())
        );
        project.classes.remove(0);
        let next = project.add_class(None);
        let class = project.class(next).expect("was just made");
        assert_eq!((class.name.as_str(), class.color), ("Class 4", 0));
        assert_ne!(
            project.class_named("Class 3"),
            project.class_named("class 3")
        );
    }

    #[test]
    fn images_are_found_by_id() {
        let mut project = Project::new();
        let id = project.class_named("Cats");
        if let Some(class) = project.class_mut(id) {
            class.insert((1..=120).map(sample));
        }
        assert_eq!(
            project.find(SampleId(77)).map(|(class, _)| class.id),
            Some(id)
        );
        assert!(project.find(SampleId(121)).is_none());
    }
}
