//! The map of the data: images as dots in the plane, where they are on the screen, and which of them are near each other.
//!
//! Everything here but `paint` and `painter` is plain geometry.

pub mod gesture;
pub mod grid;
pub mod paint;
pub mod painter;
pub mod scene;
pub mod view;
pub mod words;

use std::collections::HashMap;
use std::rc::Rc;

use headstart_project::{DataMap, Part, SampleId};

use crate::state::project::{ClassId, Project};

/// An image on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    pub id: SampleId,
    /// From left to right and from bottom to top, within -1 to 1.
    pub at: [f32; 2],
    /// Index of its class in [`Dots::classes`].
    pub class: usize,
    /// Kept aside for testing.
    pub is_test: bool,
}

/// A class on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct DotClass {
    pub id: ClassId,
    pub name: Rc<str>,
    pub color: u8,
    /// Images of it on the map.
    pub count: usize,
}

/// All images of the map that are in the project now, each in the class that it is in now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dots {
    pub dots: Vec<Dot>,
    pub classes: Vec<DotClass>,
}

impl Dots {
    pub fn new(map: &DataMap, project: &Project) -> Self {
        let mut classes: Vec<DotClass> = project
            .classes
            .iter()
            .map(|class| DotClass {
                id: class.id,
                name: class.label(),
                color: class.color,
                count: 0,
            })
            .collect();
        let known: HashMap<SampleId, (usize, bool)> = project
            .classes
            .iter()
            .enumerate()
            .flat_map(|(at, class)| {
                class
                    .samples()
                    .map(move |sample| (sample.id, (at, sample.part == Part::Test)))
            })
            .collect();
        let dots = map
            .points
            .iter()
            .filter_map(|point| {
                let &(class, is_test) = known.get(&point.id)?;
                classes[class].count += 1;
                Some(Dot {
                    id: point.id,
                    at: [point.x, point.y],
                    class,
                    is_test,
                })
            })
            .collect();
        Self { dots, classes }
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{MapMethod, MapPoint};

    use super::*;
    use crate::state::project::Sample;

    #[test]
    fn dots_follow_their_images() {
        let mut project = Project::new();
        let cats = project.add_class(Some("Cats"));
        if let Some(class) = project.class_mut(cats) {
            class.insert([1, 2].map(|id| Sample {
                id: SampleId(id),
                name: "a.jpg".into(),
                part: if id == 2 { Part::Test } else { Part::Train },
                size_px: None,
                burst: None,
            }));
        }
        let point = |id| MapPoint {
            id: SampleId(id),
            x: 0.5,
            y: -0.5,
        };
        let map = DataMap {
            method: MapMethod::Pca,
            points: [1, 2, 3].map(point).to_vec(),
        };
        let dots = Dots::new(&map, &project);
        assert_eq!(dots.dots.len(), 2, "an image that is gone is left out");
        assert_eq!((dots.dots[0].class, dots.dots[0].is_test), (2, false));
        assert!(dots.dots[1].is_test);
        assert_eq!(dots.classes[2].count, 2);
    }
}
