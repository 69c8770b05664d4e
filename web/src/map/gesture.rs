//! What pointers do on the map: pressing, pushing it about, pinching, and drawing a line around images.

use std::collections::HashSet;

use headstart_project::SampleId;

use super::scene::Scene;

/// A pointer that moves less than this only presses.
const STILL_PX: f64 = 4.0;

/// The pointers that are down, and what they are doing.
#[derive(Debug, Default)]
pub struct Gesture {
    pointers: Vec<(i32, [f64; 2])>,
    doing: Doing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Doing {
    #[default]
    Nothing,
    /// Down, and not moved yet.
    Press {
        start: [f64; 2],
        draws_line: bool,
    },
    Push,
    Line,
    Pinch,
}

/// What came of a gesture.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Nothing,
    /// Something was pressed.
    Press([f64; 2]),
    /// A line was drawn around these images.
    Enclosed(HashSet<SampleId>),
}

impl Gesture {
    /// No pointer is down.
    pub fn is_idle(&self) -> bool {
        self.pointers.is_empty()
    }

    pub fn down(&mut self, pointer: i32, at: [f64; 2], draws_line: bool, scene: &mut Scene) {
        self.pointers.retain(|(id, _)| *id != pointer);
        self.pointers.push((pointer, at));
        self.doing = match self.pointers.len() {
            1 => Doing::Press {
                start: at,
                draws_line,
            },
            // A second finger turns whatever it was into a pinch.
            _ => {
                scene.lasso.clear();
                Doing::Pinch
            }
        };
    }

    /// Returns whether the scene has changed.
    pub fn moved(&mut self, pointer: i32, at: [f64; 2], scene: &mut Scene) -> bool {
        let Some(known) = self.pointers.iter().position(|(id, _)| *id == pointer) else {
            return false;
        };
        let before = self.pointers[known].1;
        let spread_before = self.spread();
        if let Doing::Press { start, draws_line } = self.doing {
            if distance(start, at) < STILL_PX {
                return false;
            }
            self.doing = if draws_line {
                scene.lasso = vec![start];
                Doing::Line
            } else {
                Doing::Push
            };
        }
        self.pointers[known].1 = at;
        match self.doing {
            Doing::Push => scene.view.pan([at[0] - before[0], at[1] - before[1]]),
            Doing::Line => scene.lasso.push(at),
            Doing::Pinch => {
                if let (Some((middle_before, before)), Some((middle, now))) =
                    (spread_before, self.spread())
                {
                    let by = [0, 1].map(|axis| middle[axis] - middle_before[axis]);
                    scene.view.pan(by);
                    scene.view.zoom_at(middle, now / before.max(1.0));
                }
            }
            Doing::Nothing | Doing::Press { .. } => return false,
        }
        true
    }

    pub fn up(&mut self, pointer: i32, scene: &mut Scene) -> Outcome {
        self.pointers.retain(|(id, _)| *id != pointer);
        let was = if self.pointers.is_empty() {
            std::mem::take(&mut self.doing)
        } else {
            self.doing
        };
        match was {
            Doing::Press { start, .. } => Outcome::Press(start),
            Doing::Line => {
                let enclosed = scene.enclosed();
                scene.lasso.clear();
                Outcome::Enclosed(enclosed)
            }
            Doing::Nothing | Doing::Push | Doing::Pinch => Outcome::Nothing,
        }
    }

    /// The browser has taken the pointer for itself, e.g. to scroll.
    pub fn cancel(&mut self, scene: &mut Scene) {
        *self = Self::default();
        scene.lasso.clear();
    }

    /// The middle between two fingers and their distance.
    fn spread(&self) -> Option<([f64; 2], f64)> {
        match self.pointers.as_slice() {
            [(_, a), (_, b), ..] => {
                let middle = [0, 1].map(|axis| (a[axis] + b[axis]) / 2.0);
                Some((middle, distance(*a, *b)))
            }
            _ => None,
        }
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> Scene {
        let mut scene = Scene::default();
        scene.view.resize(300.0, 300.0);
        scene
    }

    #[test]
    fn a_short_press_is_told_with_its_place() {
        let (mut gesture, mut scene) = (Gesture::default(), scene());
        gesture.down(1, [10.0, 20.0], false, &mut scene);
        assert!(!gesture.moved(1, [11.0, 21.0], &mut scene));
        assert_eq!(gesture.up(1, &mut scene), Outcome::Press([10.0, 20.0]));
        assert!(gesture.is_idle());
    }

    #[test]
    fn a_drag_pushes_the_map_or_draws_a_line() {
        let (mut gesture, mut scene) = (Gesture::default(), scene());
        scene.view.zoom_at([150.0, 150.0], 4.0);
        let before = scene.view.to_screen([0.0, 0.0]);
        gesture.down(1, [100.0, 100.0], false, &mut scene);
        assert!(gesture.moved(1, [120.0, 100.0], &mut scene));
        assert_eq!(scene.view.to_screen([0.0, 0.0])[0], before[0] + 20.0);
        assert_eq!(gesture.up(1, &mut scene), Outcome::Nothing);

        gesture.down(1, [100.0, 100.0], true, &mut scene);
        assert!(gesture.moved(1, [140.0, 100.0], &mut scene));
        assert_eq!(scene.lasso, [[100.0, 100.0], [140.0, 100.0]]);
        assert_eq!(gesture.up(1, &mut scene), Outcome::Enclosed(HashSet::new()));
        assert!(scene.lasso.is_empty());
    }

    #[test]
    fn two_fingers_zoom() {
        let (mut gesture, mut scene) = (Gesture::default(), scene());
        gesture.down(1, [100.0, 150.0], true, &mut scene);
        gesture.down(2, [200.0, 150.0], true, &mut scene);
        assert!(gesture.moved(2, [300.0, 150.0], &mut scene));
        assert!((scene.view.zoom() - 2.0).abs() < 1e-9);
        assert_eq!(gesture.up(1, &mut scene), Outcome::Nothing);
        assert_eq!(gesture.up(2, &mut scene), Outcome::Nothing);
    }

    #[test]
    fn what_the_browser_takes_away_leaves_nothing_behind() {
        let (mut gesture, mut scene) = (Gesture::default(), scene());
        gesture.down(1, [100.0, 100.0], true, &mut scene);
        gesture.moved(1, [140.0, 100.0], &mut scene);
        gesture.cancel(&mut scene);
        assert!(scene.lasso.is_empty() && gesture.is_idle());
        assert!(!gesture.moved(1, [150.0, 100.0], &mut scene));
    }
}
