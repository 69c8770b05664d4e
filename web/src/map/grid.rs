//! Finds points near a place without looking at all of them.

/// Points sorted into square cells.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    points: Vec<[f32; 2]>,
    cells: Vec<Vec<u32>>,
    side: usize,
}

impl Grid {
    /// The points lie within -1 to 1; others count to the cells at the border.
    pub fn new(points: Vec<[f32; 2]>) -> Self {
        let side = ((points.len() as f64 / 2.0).sqrt().ceil() as usize).clamp(1, 128);
        let mut grid = Self {
            cells: vec![Vec::new(); side * side],
            points: Vec::new(),
            side,
        };
        for (at, &point) in points.iter().enumerate() {
            let [column, row] = grid.cell(point);
            grid.cells[row * side + column].push(at as u32);
        }
        grid.points = points;
        grid
    }

    fn cell(&self, point: [f32; 2]) -> [usize; 2] {
        let last = self.side.saturating_sub(1) as f32;
        point.map(|value| ((value + 1.0) / 2.0 * self.side as f32).clamp(0.0, last) as usize)
    }

    /// Index of the nearest point within this distance.
    pub fn nearest(&self, place: [f32; 2], within: f32) -> Option<usize> {
        let (nearest, squared) = self.around(place, 1, |_| true).into_iter().next()?;
        (squared <= within * within).then_some(nearest)
    }

    /// Indices of the nearest `count` points that are meant, with the squares of their distances, the nearest first.
    pub fn around(
        &self,
        place: [f32; 2],
        count: usize,
        is_meant: impl Fn(usize) -> bool,
    ) -> Vec<(usize, f32)> {
        let mut found: Vec<(usize, f32)> = Vec::new();
        let [column, row] = self.cell(place);
        let cell_width = 2.0 / self.side.max(1) as f32;
        // A place outside of the cells is further away from them than it seems from its own cell.
        let outside = place
            .iter()
            .fold(0.0_f32, |far, value| far.max(value.abs() - 1.0));
        for ring in 0..self.side {
            let candidates = self
                .ring(column, row, ring)
                .flatten()
                .map(|&at| at as usize)
                .filter(|&at| is_meant(at));
            found.extend(candidates.map(|at| (at, squared(self.points[at], place))));
            if found.len() > count {
                // Where all images are alike, a cell holds thousands: they are not worth sorting.
                found.select_nth_unstable_by(count, nearer);
                found.truncate(count);
            }
            found.sort_unstable_by(nearer);
            // What lies in rings further out is at least this far away.
            let reach = (ring as f32 * cell_width - outside).max(0.0);
            if found.len() == count && found.last().is_none_or(|last| last.1 <= reach * reach) {
                break;
            }
        }
        found
    }

    /// The cells whose distance from this one is exactly `ring`.
    fn ring(&self, column: usize, row: usize, ring: usize) -> impl Iterator<Item = &Vec<u32>> {
        let range = move |middle: usize, side: usize| {
            middle.saturating_sub(ring)..=(middle + ring).min(side.saturating_sub(1))
        };
        range(row, self.side).flat_map(move |y| {
            let is_end = y.abs_diff(row) == ring;
            range(column, self.side)
                .filter(move |x| is_end || x.abs_diff(column) == ring)
                .filter_map(move |x| self.cells.get(y * self.side + x))
        })
    }
}

/// By distance, equals by their order, so that the same points always give the same answer.
fn nearer(a: &(usize, f32), b: &(usize, f32)) -> std::cmp::Ordering {
    a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))
}

fn squared(a: [f32; 2], b: [f32; 2]) -> f32 {
    let [x, y] = [a[0] - b[0], a[1] - b[1]];
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points without any order, always the same ones.
    fn points(count: u32) -> Vec<[f32; 2]> {
        let random = |n: u32| {
            let hash = n.wrapping_mul(2_654_435_761).wrapping_add(12_345);
            let hash = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519);
            (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count)
            .map(|n| [random(2 * n), random(2 * n + 1)])
            .collect()
    }

    #[test]
    fn it_finds_what_a_search_through_all_finds() {
        let points = points(700);
        let grid = Grid::new(points.clone());
        for place in [[0.0, 0.0], [0.99, -0.97], [-1.3, 0.4], [0.3, 0.31]] {
            let mut all: Vec<(usize, f32)> = points
                .iter()
                .map(|&point| squared(point, place))
                .enumerate()
                .collect();
            all.sort_by(|a, b| a.1.total_cmp(&b.1));
            all.truncate(6);
            assert_eq!(grid.around(place, 6, |_| true), all, "{place:?}");
            assert_eq!(grid.nearest(place, 9.0), Some(all[0].0));
        }
    }

    #[test]
    fn what_is_too_far_away_or_not_meant_is_not_found() {
        let grid = Grid::new(vec![[0.5, 0.5], [-0.5, -0.5]]);
        assert_eq!(grid.nearest([0.0, 0.5], 0.4), None);
        assert_eq!(grid.nearest([0.1, 0.5], 0.45), Some(0));
        let found = grid.around([0.5, 0.5], 2, |at| at != 0);
        assert_eq!(found.len(), 1);
        assert_eq!(Grid::new(Vec::new()).nearest([0.0, 0.0], 5.0), None);
    }
}
