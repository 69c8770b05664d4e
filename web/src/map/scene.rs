//! What is drawn on the map, and what is where on the screen.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use headstart_project::SampleId;

use super::grid::Grid;
use super::view::View;
use super::{Dot, Dots};
use crate::services::live::Place;

/// How long dots take to their new places.
const MOVING_MS: f64 = 1200.0;
/// How near a pointer must come to a dot, in pixels.
const REACH_PX: f64 = 12.0;

/// A direction on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Left,
    Right,
    Up,
    Down,
}

/// Everything that is drawn.
#[derive(Default)]
pub struct Scene {
    pub dots: Rc<Dots>,
    /// Where the dots are now, on their way or there.
    places: Vec<[f32; 2]>,
    moving: Option<Moving>,
    grid: Grid,
    pub view: View,
    /// Index of the dot below the pointer or at the keyboard's place.
    pub active: Option<usize>,
    pub selected: Rc<HashSet<SampleId>>,
    /// Index of the class that stands out.
    pub highlighted: Option<usize>,
    /// The line that is being drawn around images, on the screen.
    pub lasso: Vec<[f64; 2]>,
    pub live: Option<Place>,
    pub has_thumbnails: bool,
    /// Dragging draws a line.
    pub is_selecting: bool,
    /// Nothing is to move by itself.
    pub is_still: bool,
}

struct Moving {
    from: Vec<[f32; 2]>,
    /// How far the dots reached and will reach.
    extents: [[f64; 2]; 2],
    since_ms: Option<f64>,
}

impl Default for View {
    fn default() -> Self {
        Self::new()
    }
}

impl Scene {
    /// Takes other dots in. Those that were there before move to their new places.
    pub fn set_dots(&mut self, dots: Rc<Dots>) {
        let before: HashMap<SampleId, [f32; 2]> = self
            .dots
            .dots
            .iter()
            .zip(&self.places)
            .map(|(dot, &place)| (dot.id, place))
            .collect();
        let from: Vec<[f32; 2]> = dots
            .dots
            .iter()
            .map(|dot| before.get(&dot.id).copied().unwrap_or(dot.at))
            .collect();
        let targets: Vec<[f32; 2]> = dots.dots.iter().map(|dot| dot.at).collect();
        let active = self.active.and_then(|at| self.dots.dots.get(at));
        self.active = active.and_then(|dot| dots.dots.iter().position(|new| new.id == dot.id));
        self.grid = Grid::new(targets.clone());
        let (old, new) = (self.view.extent(), reach(&targets));
        self.moving = (!self.is_still && from != targets).then(|| Moving {
            from: from.clone(),
            extents: [old, new],
            since_ms: None,
        });
        // When an outermost image goes, the others stay where they are.
        let is_same_map = !before.is_empty() && from == targets;
        if is_same_map {
            self.view
                .set_extent([old[0].max(new[0]), old[1].max(new[1])]);
        } else if self.moving.is_none() {
            self.view.set_extent(new);
        }
        self.places = if self.moving.is_some() { from } else { targets };
        self.dots = dots;
    }

    /// Moves the dots on. Returns whether they are still on their way.
    pub fn step(&mut self, now_ms: f64) -> bool {
        let Some(moving) = &mut self.moving else {
            return false;
        };
        let since_ms = *moving.since_ms.get_or_insert(now_ms);
        let share = ((now_ms - since_ms) / MOVING_MS).clamp(0.0, 1.0);
        let eased = (share * share * (3.0 - 2.0 * share)) as f32;
        let ways = moving.from.iter().zip(&self.dots.dots);
        self.places = ways
            .map(|(from, dot)| [0, 1].map(|axis| from[axis] + (dot.at[axis] - from[axis]) * eased))
            .collect();
        let [old, new] = moving.extents;
        let extent = [0, 1].map(|axis| old[axis] + (new[axis] - old[axis]) * f64::from(eased));
        self.view.set_extent(extent);
        if share >= 1.0 {
            self.moving = None;
        }
        self.moving.is_some()
    }

    /// The dots with their places on the screen.
    pub fn on_screen(&self) -> impl Iterator<Item = (usize, &Dot, [f64; 2])> {
        let placed = self.dots.dots.iter().zip(&self.places).enumerate();
        placed.map(|(at, (dot, &place))| (at, dot, self.view.to_screen(place)))
    }

    pub fn id(&self, at: usize) -> Option<SampleId> {
        self.dots.dots.get(at).map(|dot| dot.id)
    }

    /// Brings the active dot on the screen.
    pub fn reveal_active(&mut self) {
        if let Some(&place) = self.active.and_then(|at| self.places.get(at)) {
            self.view.reveal(place);
        }
    }

    /// Where a dot is on the screen.
    pub fn screen(&self, at: usize) -> Option<[f64; 2]> {
        Some(self.view.to_screen(*self.places.get(at)?))
    }

    /// Index of the dot at a place of the screen.
    pub fn hit(&self, screen: [f64; 2]) -> Option<usize> {
        let within = REACH_PX / self.view.scale();
        self.grid
            .nearest(self.view.to_map(screen), within as f32)
            .filter(|&at| self.stands_out(at))
    }

    /// Whether a dot is not one of those that step back behind the highlighted class.
    pub fn stands_out(&self, at: usize) -> bool {
        let dot = self.dots.dots.get(at);
        dot.is_some_and(|dot| self.highlighted.is_none_or(|class| class == dot.class))
    }

    /// The next dot in a direction from the active one, or one near the middle of the screen.
    pub fn next(&self, direction: Direction) -> Option<usize> {
        let stands_out = |at: &usize| self.stands_out(*at);
        let Some(from) = self
            .active
            .filter(stands_out)
            .and_then(|at| self.screen(at))
        else {
            let middle = self.view.size().map(|length| length / 2.0);
            let middle = self.view.to_map(middle);
            let nearest = self.grid.around(middle, 1, |at| self.stands_out(at));
            return nearest.first().map(|&(at, _)| at);
        };
        // Ahead counts once, aside twice, and what is more aside than ahead not at all.
        let cost = |screen: [f64; 2]| {
            let [x, y] = [screen[0] - from[0], screen[1] - from[1]];
            let (ahead, aside) = match direction {
                Direction::Left => (-x, y),
                Direction::Right => (x, y),
                Direction::Up => (-y, x),
                Direction::Down => (y, x),
            };
            (ahead > 1e-6 && aside.abs() <= ahead).then_some(ahead + 2.0 * aside.abs())
        };
        self.on_screen()
            .filter(|(at, ..)| Some(*at) != self.active && self.stands_out(*at))
            .filter_map(|(at, _, screen)| Some((at, cost(screen)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(at, _)| at)
    }

    /// The images within the line that was drawn around them.
    pub fn enclosed(&self) -> HashSet<SampleId> {
        self.on_screen()
            .filter(|(at, _, screen)| self.stands_out(*at) && is_within(*screen, &self.lasso))
            .map(|(_, dot, _)| dot.id)
            .collect()
    }

    /// Index of the class that a place of the map lies in: that of most of its neighbours.
    pub fn class_at(&self, place: Place) -> Option<usize> {
        let near = self.grid.around(place, 5, |_| true);
        let mut votes = vec![0_usize; self.dots.classes.len()];
        for (at, _) in near {
            votes[self.dots.dots[at].class] += 1;
        }
        let most = votes.iter().enumerate().max_by_key(|(_, votes)| **votes);
        most.filter(|(_, votes)| **votes > 0)
            .map(|(class, _)| class)
    }
}

/// How far places reach from the middle along both axes.
fn reach(places: &[[f32; 2]]) -> [f64; 2] {
    [0, 1].map(|axis| {
        let far = places.iter().map(|place| f64::from(place[axis].abs()));
        far.fold(0.0, f64::max)
    })
}

/// Whether a line from the point to the right crosses the polygon's border an odd number of times.
fn is_within(point: [f64; 2], polygon: &[[f64; 2]]) -> bool {
    let mut is_within = false;
    let ends = polygon.iter().skip(1).chain(polygon.first());
    for (a, b) in polygon.iter().zip(ends) {
        if (a[1] > point[1]) != (b[1] > point[1]) {
            let x = a[0] + (point[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            if point[0] < x {
                is_within = !is_within;
            }
        }
    }
    is_within
}

#[cfg(test)]
mod tests {
    use super::super::DotClass;
    use super::*;
    use crate::state::project::ClassId;

    /// Four dots in the corners, the upper ones of class 0, and one in the middle.
    fn dots(shift: f32) -> Rc<Dots> {
        let class = |id| DotClass {
            id: ClassId(id),
            name: "Cats".into(),
            color: 0,
            count: 2,
        };
        let corners = [
            [-0.8, 0.8],
            [0.8, 0.8],
            [-0.8, -0.8],
            [0.8, -0.8],
            [0.0, 0.1],
        ];
        let dots = corners.iter().enumerate().map(|(at, &[x, y])| Dot {
            id: SampleId(at as u32),
            at: [x, y + shift],
            class: usize::from(y < 0.5),
            is_test: false,
        });
        Rc::new(Dots {
            dots: dots.collect(),
            classes: [0, 1].map(class).to_vec(),
        })
    }

    fn scene() -> Scene {
        let mut scene = Scene::default();
        scene.view.resize(256.0, 256.0);
        scene.set_dots(dots(0.0));
        scene
    }

    #[test]
    fn arrows_lead_to_the_next_dot_in_their_direction() {
        let mut scene = scene();
        assert_eq!(scene.next(Direction::Left), Some(4), "from the middle");
        scene.active = Some(0);
        assert_eq!(scene.next(Direction::Right), Some(1));
        assert_eq!(scene.next(Direction::Left), None);
        scene.active = Some(1);
        assert_eq!(scene.next(Direction::Down), Some(3));
        scene.highlighted = Some(0);
        assert_eq!(scene.next(Direction::Down), None, "the class steps back");
    }

    #[test]
    fn a_line_around_dots_encloses_them() {
        let mut scene = scene();
        let [width, height] = scene.view.size();
        scene.lasso = vec![
            [0.0, 0.0],
            [width, 0.0],
            [width, height / 3.0],
            [0.0, height / 3.0],
        ];
        let upper: HashSet<_> = [SampleId(0), SampleId(1)].into();
        assert_eq!(scene.enclosed(), upper);
        scene.lasso.clear();
        assert!(scene.enclosed().is_empty());
    }

    #[test]
    fn a_dot_is_hit_where_it_is_seen() {
        let scene = scene();
        let [x, y] = scene.screen(1).expect("is there");
        assert_eq!(scene.hit([x + 4.0, y - 4.0]), Some(1));
        assert_eq!(scene.hit([x + 20.0, y]), None);
    }

    #[test]
    fn dots_move_to_their_new_places_and_arrive() {
        let mut scene = scene();
        assert!(!scene.step(0.0));
        scene.set_dots(dots(-0.1));
        assert!(scene.step(1000.0));
        assert!(scene.step(1000.0 + MOVING_MS / 2.0));
        let [_, half] = scene.screen(4).expect("is there");
        assert!(!scene.step(1000.0 + MOVING_MS));
        let [_, end] = scene.screen(4).expect("is there");
        assert!(half < end && (end - 128.0).abs() < 1e-3);
        scene.is_still = true;
        scene.set_dots(dots(0.0));
        assert!(!scene.step(0.0), "nothing moves when motion is not wanted");
    }

    #[test]
    fn a_place_belongs_to_its_neighbours_class() {
        let scene = scene();
        assert_eq!(scene.class_at([0.0, -0.9]), Some(1));
        assert_eq!(Scene::default().class_at([0.0, 0.0]), None);
    }
}
