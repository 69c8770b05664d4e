//! Heat maps and occlusion maps as pixels and as words.

use std::rc::Rc;

use headstart_project::{HeatMap, Occlusion};

/// Pixels that a cell of a heat map is drawn with a side; the browser scales the rest.
const SMOOTH: usize = 8;
/// Cells at least this hot, as a share of the hottest, tell where the heat is.
const HOT: f32 = 0.5;
/// Where so large a share of the cells is hot, the heat is everywhere.
const EVERYWHERE: f64 = 0.55;
/// Within this distance from the middle, as a share of the side, a place is neither left nor right.
const MIDDLE: f64 = 0.1;
/// Changes of a probability below this are shown as next to nothing.
const SMALL_CHANGE: f32 = 0.02;

/// Colours of heat and how much they cover the image, from nothing to the most: the dark-to-bright order of matplotlib's “inferno”, which stays an order for every kind of colour blindness and in print.
const HEAT: [([f32; 3], f32); 5] = [
    ([20.0, 8.0, 50.0], 0.0),
    ([87.0, 16.0, 110.0], 0.4),
    ([188.0, 55.0, 84.0], 0.6),
    ([249.0, 142.0, 9.0], 0.72),
    ([252.0, 255.0, 164.0], 0.82),
];
/// Orange and blue are told apart by all common kinds of colour vision.
const FOR: [f32; 3] = [245.0, 124.0, 0.0];
const AGAINST: [f32; 3] = [21.0, 101.0, 192.0];
const MOST_COVERING: f32 = 0.85;

/// What is laid over an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// What each part adds to the class.
    Heat(Rc<HeatMap>),
    /// What happens when a part is covered.
    Covered(Rc<Occlusion>),
}

/// Pixels of a square image, four bytes each: red, green, blue, opacity.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    pub side: u32,
    pub rgba: Vec<u8>,
}

impl Overlay {
    /// Index of the class that it speaks of.
    pub fn class(&self) -> u32 {
        match self {
            Self::Heat(heat) => heat.class,
            Self::Covered(covered) => covered.class,
        }
    }

    /// `None` when the values do not make a square.
    pub fn pixels(&self) -> Option<Pixels> {
        let (values, side) = match self {
            Self::Heat(heat) => (&heat.values, heat.side as usize),
            Self::Covered(covered) => (&covered.changes, covered.side as usize),
        };
        if side == 0 || values.len() != side * side {
            return None;
        }
        let pixels = match self {
            Self::Heat(_) => {
                let most = scale(values);
                let smooth = enlarged(values, side, SMOOTH);
                let colors = smooth.iter().flat_map(|value| heat_color(value / most));
                (side * SMOOTH, colors.collect())
            }
            Self::Covered(_) => {
                let most = values
                    .iter()
                    .fold(SMALL_CHANGE, |most, value| most.max(value.abs()));
                let colors = values.iter().flat_map(|value| change_color(value / most));
                (side, colors.collect())
            }
        };
        Some(Pixels {
            side: pixels.0 as u32,
            rgba: pixels.1,
        })
    }

    /// What it shows, in words.
    pub fn words(&self, class: &str) -> String {
        match self {
            Self::Heat(heat) => heat_words(heat, class),
            Self::Covered(covered) => covered_words(covered, class),
        }
    }
}

/// The distances of the centred square from the sides and from top and bottom of an image, as shares of its width and its height.
pub fn square_inset(width: f64, height: f64) -> (f64, f64) {
    if width <= 0.0 || height <= 0.0 {
        return (0.0, 0.0);
    }
    let side = width.min(height);
    (
        (width - side) / (2.0 * width),
        (height - side) / (2.0 * height),
    )
}

/// The same for a square box that shows the whole image, as large as it can be.
pub fn contained_inset(width: f64, height: f64) -> (f64, f64) {
    let (long, short) = (width.max(height), width.min(height));
    if short <= 0.0 {
        return (0.0, 0.0);
    }
    let inset = (1.0 - short / long) / 2.0;
    (inset, inset)
}

fn heat_words(heat: &HeatMap, class: &str) -> String {
    let most = heat.values.iter().copied().fold(0.0, f32::max);
    if most < faint(heat.values.len()) {
        return format!("Hardly anything in this image speaks for “{class}”.");
    }
    match place(&heat.values, heat.side as usize) {
        Some(place) => format!("Most of the heat for “{class}” is {place}."),
        None => format!("The heat for “{class}” is spread over the whole image."),
    }
}

fn covered_words(covered: &Occlusion, class: &str) -> String {
    let strongest = covered
        .changes
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    let before = whole_percent(covered.probability);
    match strongest {
        Some((at, change)) if change.abs() >= SMALL_CHANGE => {
            let place = cell_words(at, covered.side as usize);
            let after = whole_percent(covered.probability + change);
            let direction = if *change < 0.0 { "down" } else { "up" };
            format!(
                "Covering the part {place} changes most: the probability of “{class}” goes {direction} from {before} to {after}."
            )
        }
        _ => format!(
            "No part matters much by itself: whatever is covered, the probability of “{class}” stays near {before}."
        ),
    }
}

fn whole_percent(share: f32) -> String {
    format!("{:.0}%", share.clamp(0.0, 1.0) * 100.0)
}

/// Heat below which there is nothing to see: a map that had it everywhere would add less than one to the logit.
fn faint(cells: usize) -> f32 {
    1.0 / cells.max(1) as f32
}

fn scale(values: &[f32]) -> f32 {
    values
        .iter()
        .copied()
        .fold(faint(values.len()), |most, value| most.max(value))
}

/// Where the hottest cells lie, in words; `None` when they lie everywhere.
fn place(values: &[f32], side: usize) -> Option<&'static str> {
    let most = values.iter().copied().fold(0.0, f32::max);
    let hot = |value: f32| value > 0.0 && value >= HOT * most;
    let count = values.iter().filter(|&&value| hot(value)).count();
    if count as f64 > EVERYWHERE * values.len() as f64 {
        return None;
    }
    let (mut sum, mut across, mut down) = (0.0, 0.0, 0.0);
    for (at, &value) in values.iter().enumerate().filter(|(_, value)| hot(**value)) {
        let (x, y) = middle(at, side);
        let value = f64::from(value);
        sum += value;
        across += value * x;
        down += value * y;
    }
    (sum > 0.0).then(|| direction(across / sum, down / sum))
}

fn cell_words(at: usize, side: usize) -> &'static str {
    let (x, y) = middle(at, side);
    direction(x, y)
}

/// The middle of a cell, as shares of the square's side.
fn middle(at: usize, side: usize) -> (f64, f64) {
    let side = side.max(1);
    let share = |cell: usize| (cell as f64 + 0.5) / side as f64;
    (share(at % side), share(at / side))
}

fn direction(x: f64, y: f64) -> &'static str {
    let third = |value: f64| match value - 0.5 {
        offset if offset < -MIDDLE => 0,
        offset if offset > MIDDLE => 2,
        _ => 1,
    };
    match (third(y), third(x)) {
        (0, 0) => "at the top left",
        (0, 1) => "at the top",
        (0, _) => "at the top right",
        (1, 0) => "on the left",
        (1, 1) => "in the middle",
        (1, _) => "on the right",
        (_, 0) => "at the bottom left",
        (_, 1) => "at the bottom",
        (_, _) => "at the bottom right",
    }
}

/// `share` is 1 for the hottest cell; what speaks against the class is left clear.
fn heat_color(share: f32) -> [u8; 4] {
    let steps = (HEAT.len() - 1) as f32;
    let at = share.clamp(0.0, 1.0) * steps;
    let below = (at.floor() as usize).min(HEAT.len() - 2);
    let between = at - below as f32;
    let (from, to) = (HEAT[below], HEAT[below + 1]);
    let mix = |a: f32, b: f32| a + (b - a) * between;
    let channel = |at: usize| mix(from.0[at], to.0[at]) as u8;
    let opacity = mix(from.1, to.1) * 255.0;
    [channel(0), channel(1), channel(2), opacity as u8]
}

/// `share` is -1 or 1 for the strongest change. A probability that falls when the part is covered means that the part speaks for the class.
fn change_color(share: f32) -> [u8; 4] {
    let color = if share < 0.0 { FOR } else { AGAINST };
    let [red, green, blue] = color.map(|channel| channel as u8);
    let opacity = share.abs().min(1.0) * MOST_COVERING * 255.0;
    [red, green, blue, opacity as u8]
}

/// The values between the cells' middles by cubic interpolation (Catmull-Rom), never beyond the values themselves; the border repeats.
fn enlarged(values: &[f32], side: usize, factor: usize) -> Vec<f32> {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let wide: Vec<f32> = values
        .chunks_exact(side)
        .flat_map(|row| lengthened(|at| row[at], side, factor))
        .collect();
    let width = side * factor;
    let mut large = vec![0.0; width * width];
    for column in 0..width {
        let tall = lengthened(|at| wide[at * width + column], side, factor);
        for (row, value) in tall.into_iter().enumerate() {
            large[row * width + column] = value.clamp(least, most);
        }
    }
    large
}

fn lengthened(value: impl Fn(usize) -> f32, length: usize, factor: usize) -> Vec<f32> {
    let last = length as isize - 1;
    let near = |at: isize| value(at.clamp(0, last) as usize);
    (0..length * factor)
        .map(|step| {
            let at = (step as f32 + 0.5) / factor as f32 - 0.5;
            let cell = at.floor() as isize;
            let t = at - at.floor();
            let [a, b, c, d] = [-1, 0, 1, 2].map(|offset| near(cell + offset));
            b + 0.5
                * t
                * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(side: u32, values: Vec<f32>) -> Overlay {
        let class = 1;
        Overlay::Heat(Rc::new(HeatMap {
            class,
            side,
            values,
        }))
    }

    fn with_hot_cell(row: usize, column: usize) -> Overlay {
        let mut values = vec![-0.1; 49];
        values[row * 7 + column] = 2.0;
        heat(7, values)
    }

    #[test]
    fn heat_is_named_by_where_it_is() {
        for (row, column, place) in [
            (0, 0, "at the top left"),
            (1, 3, "at the top"),
            (1, 6, "at the top right"),
            (3, 1, "on the left"),
            (3, 3, "in the middle"),
            (6, 5, "at the bottom right"),
        ] {
            let words = with_hot_cell(row, column).words("Birds");
            assert_eq!(words, format!("Most of the heat for “Birds” is {place}."));
        }
    }

    #[test]
    fn heat_everywhere_and_nowhere_is_said_to_be_so() {
        let words = heat(2, vec![1.0; 4]).words("Birds");
        assert_eq!(
            words,
            "The heat for “Birds” is spread over the whole image."
        );
        let words = heat(2, vec![-1.0; 4]).words("Birds");
        assert_eq!(words, "Hardly anything in this image speaks for “Birds”.");
    }

    #[test]
    fn the_hottest_pixels_lie_over_the_hottest_cell() {
        let pixels = with_hot_cell(1, 5).pixels().expect("is square");
        assert_eq!(pixels.side, 56);
        assert_eq!(pixels.rgba.len(), 56 * 56 * 4);
        let opacity = |x: usize, y: usize| pixels.rgba[(y * 56 + x) * 4 + 3];
        assert!(opacity(5 * 8 + 4, 8 + 4) > 190);
        assert_eq!(opacity(4, 4), 0);
        assert_eq!(opacity(5 * 8 + 4, 50), 0);
    }

    #[test]
    fn heat_that_is_next_to_nothing_is_not_blown_up() {
        let pixels = heat(2, vec![0.001; 4]).pixels().expect("is square");
        assert!(pixels.rgba.chunks(4).all(|pixel| pixel[3] < 5));
    }

    #[test]
    fn values_that_make_no_square_are_not_drawn() {
        assert_eq!(heat(3, vec![1.0; 4]).pixels(), None);
        assert_eq!(heat(0, Vec::new()).pixels(), None);
    }

    #[test]
    fn enlarging_keeps_the_middles_and_never_overshoots() {
        let values = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5];
        let large = enlarged(&values, 3, 3);
        assert!((large[9 + 4] - 1.0).abs() < 1e-6);
        assert!((large[7 * 9 + 7] - 0.5).abs() < 1e-6);
        assert!(large.iter().all(|value| (0.0..=1.0).contains(value)));
    }

    #[test]
    fn covering_is_told_by_its_strongest_cell() {
        let mut changes = vec![0.0; 16];
        changes[3] = -0.6;
        changes[12] = 0.1;
        let covered = |changes| {
            Overlay::Covered(Rc::new(Occlusion {
                class: 0,
                probability: 0.9,
                side: 4,
                changes,
            }))
        };
        assert_eq!(
            covered(changes.clone()).words("Birds"),
            "Covering the part at the top right changes most: the probability of “Birds” goes down from 90% to 30%."
        );
        assert!(
            covered(vec![0.001; 16])
                .words("Birds")
                .starts_with("No part matters much")
        );
        let pixels = covered(changes).pixels().expect("is square");
        assert_eq!(pixels.side, 4);
        assert!(pixels.rgba[3 * 4] > pixels.rgba[3 * 4 + 2], "orange");
        assert!(pixels.rgba[12 * 4] < pixels.rgba[12 * 4 + 2], "blue");
        assert_eq!(pixels.rgba[3], 0);
    }

    #[test]
    fn the_square_lies_in_the_middle() {
        assert_eq!(square_inset(200.0, 100.0), (0.25, 0.0));
        assert_eq!(square_inset(100.0, 400.0), (0.0, 0.375));
        assert_eq!(square_inset(0.0, 0.0), (0.0, 0.0));
        assert_eq!(contained_inset(200.0, 100.0), (0.25, 0.25));
        assert_eq!(contained_inset(100.0, 400.0), (0.375, 0.375));
    }
}
