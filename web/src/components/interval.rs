//! How far the measured accuracy may be from the true one: drawn, and in words.

use headstart_project::wilson;
use yew::prelude::*;

use crate::text;

/// Images from which on a figure is no longer called uncertain.
const MANY: u32 = 100;

#[derive(Properties, PartialEq)]
pub struct Props {
    /// Images predicted right.
    pub right: u32,
    /// Images in all.
    pub total: u32,
    /// What the images are: `test` or `validation`.
    pub kind: &'static str,
}

#[component]
pub fn Interval(props: &Props) -> Html {
    if props.total == 0 {
        return Html::default();
    }
    let share = f64::from(props.right) / f64::from(props.total);
    let [low, high] = wilson(props.right, props.total);
    let words = words(props.right, props.total, props.kind);
    let place = format!("--at: {share:.4}; --low: {low:.4}; --high: {high:.4}");
    html! {
        <div class="interval">
            <div class="axis-line" style={place} role="img" aria-label={format!("Accuracy {}, most likely between {} and {}", text::percent(share), whole(low), whole(high))}>
                <span class="interval-range"></span>
                <span class="axis-dot"></span>
                <span class="axis-ticks"><span>{ "0%" }</span><span>{ "50%" }</span><span>{ "100%" }</span></span>
            </div>
            <p>{ words }</p>
        </div>
    }
}

/// `62%`.
pub fn whole(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// `62% to 94%`, the range of the true figure.
pub fn range(right: u32, total: u32) -> String {
    let [low, high] = wilson(right, total);
    format!("{} to {}", whole(low), whole(high))
}

/// What so many images can say of all others.
pub fn words(right: u32, total: u32, kind: &str) -> String {
    let [low, high] = wilson(right, total);
    let images = text::count(total as usize, &format!("{kind} image"));
    let (low, high) = (whole(low), whole(high));
    if total < MANY {
        format!(
            "With {images} the true figure may be anywhere between {low} and {high}. More {kind} images make this range narrower."
        )
    } else {
        format!("With {images} the true figure most likely lies between {low} and {high}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_are_said_to_be_few() {
        assert_eq!(
            words(17, 20, "test"),
            "With 20 test images the true figure may be anywhere between 64% and 95%. More test images make this range narrower."
        );
        assert!(words(160, 200, "test").contains("most likely lies between 74% and 85%"));
        assert!(words(1, 1, "test").starts_with("With 1 test image the"));
    }
}
