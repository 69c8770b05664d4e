//! What the map shows, in words: how many images of which classes, and which classes lie among each other.

use super::Dots;
use super::grid::Grid;
use crate::text;

/// Neighbours of an image that are looked at.
const NEIGHBOURS: usize = 5;
/// Images whose neighbours are looked at, evenly spread over all: enough for a share in whole percents, and the page must not stop for it.
const MOST_ASKED: usize = 400;
/// Share of foreign neighbours from which on two classes are said to be mixed.
const MIXED: f64 = 0.15;
/// Classes that are counted one by one.
const NAMED: usize = 12;

/// Two classes and how much they lie among each other.
#[derive(Clone, Debug, PartialEq)]
struct Pair {
    classes: [usize; 2],
    /// Share of the two classes' neighbours that are of the other one.
    share: f64,
}

/// What the whole picture shows: its text alternative.
pub fn summary(dots: &Dots) -> String {
    let shown = dots.classes.iter().filter(|class| class.count > 0);
    let counts: Vec<String> = shown
        .map(|class| format!("{} {}", text::grouped(class.count as u64), class.name))
        .collect();
    let counted = match counts.len() {
        0..=NAMED => counts.join(", "),
        many => format!(
            "{}, and {} more",
            counts[..NAMED].join(", "),
            text::classes(many - NAMED)
        ),
    };
    let images = text::count(dots.dots.len(), "image");
    format!("A map of {images}: {counted}. {}", mixture(dots))
}

/// Which classes lie closest.
pub fn mixture(dots: &Dots) -> String {
    let pairs = pairs(dots);
    let name = |class: usize| format!("“{}”", dots.classes[class].name);
    let told = |pair: &Pair| {
        let [a, b] = pair.classes.map(name);
        format!("{a} and {b}")
    };
    let mixed: Vec<&Pair> = pairs.iter().filter(|pair| pair.share >= MIXED).collect();
    match (mixed.as_slice(), pairs.first()) {
        (_, None) if dots.classes.iter().filter(|class| class.count > 0).count() < 2 => {
            String::new()
        }
        (_, None) => "All classes lie apart from each other.".to_owned(),
        ([], Some(closest)) => format!(
            "The classes lie apart; {} are closest to each other.",
            told(closest)
        ),
        ([first, rest @ ..], _) => {
            let more: Vec<String> = rest.iter().take(2).map(|pair| told(pair)).collect();
            let percent = format!("{:.0}%", first.share * 100.0);
            let sentence = format!(
                "{} are mixed: of their nearest neighbours, {percent} are of the other class.",
                told(first)
            );
            if more.is_empty() {
                sentence
            } else {
                format!("{sentence} So are {}.", more.join(" and "))
            }
        }
    }
}

/// Pairs of classes that are neighbours at all, the most mixed first.
fn pairs(dots: &Dots) -> Vec<Pair> {
    let count = dots.classes.len();
    let grid = Grid::new(dots.dots.iter().map(|dot| dot.at).collect());
    let mut links = vec![0_usize; count * count];
    let mut neighbours = vec![0_usize; count];
    let every = dots.dots.len().div_ceil(MOST_ASKED).max(1);
    for (at, dot) in dots.dots.iter().enumerate().step_by(every) {
        for (other, _) in grid.around(dot.at, NEIGHBOURS, |other| other != at) {
            let class = dots.dots[other].class;
            links[dot.class * count + class] += 1;
            neighbours[dot.class] += 1;
        }
    }
    let mut pairs = Vec::new();
    for a in 0..count {
        for b in a + 1..count {
            let between = links[a * count + b] + links[b * count + a];
            if between > 0 {
                // Of the two, the smaller class feels it most.
                let of = 2 * neighbours[a].min(neighbours[b]).max(1);
                pairs.push(Pair {
                    classes: [a, b],
                    share: (between as f64 / of as f64).min(1.0),
                });
            }
        }
    }
    pairs.sort_by(|a, b| b.share.total_cmp(&a.share));
    pairs
}

#[cfg(test)]
mod tests {
    use headstart_project::SampleId;

    use super::super::{Dot, DotClass};
    use super::*;
    use crate::state::project::ClassId;

    /// Classes as columns of dots, at these places from left to right.
    fn columns(columns: &[(&str, f32)]) -> Dots {
        let mut dots = Dots::default();
        for (class, &(name, x)) in columns.iter().enumerate() {
            dots.classes.push(DotClass {
                id: ClassId(class as u32),
                name: name.into(),
                color: 0,
                count: 20,
            });
            dots.dots.extend((0..20).map(|row: u16| Dot {
                id: SampleId(u32::from(row)),
                at: [x, f32::from(row) * 0.02],
                class,
                is_test: false,
            }));
        }
        dots
    }

    #[test]
    fn classes_apart_and_mixed_are_told_from_each_other() {
        let apart = columns(&[("Cats", -0.8), ("Dogs", 0.8)]);
        assert_eq!(mixture(&apart), "All classes lie apart from each other.");
        let mixed = columns(&[("Cats", -0.8), ("Dogs", 0.8), ("Wolves", 0.801)]);
        let words = mixture(&mixed);
        assert!(
            words.starts_with("“Dogs” and “Wolves” are mixed"),
            "{words}"
        );
        assert!(!words.contains("Cats"));
        assert_eq!(mixture(&columns(&[("Cats", 0.0)])), "");
    }

    #[test]
    fn the_summary_counts_images_by_class() {
        let words = summary(&columns(&[("Cats", -0.8), ("Dogs", 0.8)]));
        assert!(
            words.starts_with("A map of 40 images: 20 Cats, 20 Dogs. All"),
            "{words}"
        );
    }
}
