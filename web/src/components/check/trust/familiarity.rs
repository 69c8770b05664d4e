//! How familiar images are: two histograms against each other, single images below, and the threshold as a line that can be dragged.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::state::threshold::OFF;
use crate::text;

const BINS: usize = 28;
/// Places of the slider.
const STEPS: f32 = 200.0;

pub struct Props {
    /// Images of the classes.
    pub known: Rc<[f32]>,
    /// The same images with their own class hidden.
    pub hidden: Rc<[f32]>,
    /// Images of no class.
    pub others: Rc<[f32]>,
    /// Where the run put the threshold.
    pub start: f32,
    /// The threshold in use, or [`OFF`].
    pub threshold: f32,
    /// What it does, in words.
    pub effect: AttrValue,
    pub onmove: Callback<f32>,
}

pub fn view(props: &Props) -> Html {
    let axis = Axis::around(
        props
            .known
            .iter()
            .chain(&*props.hidden)
            .chain(&*props.others)
            .chain([&props.start]),
    );
    let place = axis.share(props.threshold);
    let known = axis.histogram(&props.known);
    let hidden = axis.histogram(&props.hidden);
    let most = known.iter().chain(&hidden).copied().max();
    let most = most.unwrap_or(0).max(1);
    let oninput = {
        let (onmove, axis) = (props.onmove.clone(), axis.clone());
        Callback::from(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            if let Ok(step) = input.value().parse() {
                onmove.emit(axis.at_step(step));
            }
        })
    };
    let label = format!(
        "How familiar {} are, and how familiar the same images are with their class hidden. The threshold {}.",
        text::count(props.known.len(), "known image"),
        props.effect
    );
    html! {
        <div class="familiarity">
            <p class="familiarity-legend">
                <span class="familiarity-key is-known">{ "known images" }</span>
                <span class="familiarity-key is-hidden">{ "with their class hidden" }</span>
                if !props.others.is_empty() {
                    <span class="familiarity-key is-other">{ "images of none of your classes" }</span>
                }
            </p>
            <div class="familiarity-plot" style={format!("--at: {:.4}", place)}>
                <span class="familiarity-side" aria-hidden="true">{ "None of these" }</span>
                <svg viewBox={format!("0 0 {BINS} 2")} preserveAspectRatio="none" role="img" aria-label={label}>
                    { for known.iter().enumerate().map(|(bin, &count)| bar("is-known", bin, count, most, place)) }
                    { for hidden.iter().enumerate().map(|(bin, &count)| bar("is-hidden", bin, count, most, place)) }
                    <path class="familiarity-base" d={format!("M0 1H{BINS}")} />
                </svg>
                if !props.others.is_empty() {
                    <div class="familiarity-others" aria-hidden="true">
                        { for props.others.iter().map(|&value| html! {
                            <span style={format!("left: {:.2}%", axis.share(value) * 100.0)}></span>
                        }) }
                    </div>
                }
                <input
                    type="range"
                    aria-label="Threshold"
                    min="0"
                    max={STEPS.to_string()}
                    step="1"
                    value={axis.step(props.threshold).to_string()}
                    aria-valuetext={props.effect.clone()}
                    {oninput}
                />
            </div>
            <p class="familiarity-ends" aria-hidden="true">
                <span>{ "less familiar" }</span><span>{ "more familiar" }</span>
            </p>
        </div>
    }
}

/// Known images stand above the base, those with a hidden class hang below it; what is turned away is pale.
fn bar(class: &'static str, bin: usize, count: usize, most: usize, threshold: f32) -> Html {
    let height = count as f64 / most as f64 * 0.96;
    let y = if class == "is-known" {
        1.0 - height
    } else {
        1.0
    };
    let is_away = (bin as f32 + 0.5) / (BINS as f32) < threshold;
    html! {
        <rect
            class={classes!(class, is_away.then_some("is-away"))}
            x={format!("{:.2}", bin as f64 + 0.08)}
            y={format!("{y:.4}")}
            width="0.84"
            height={format!("{height:.4}")}
        />
    }
}

/// The range of familiarity that is shown.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    least: f32,
    most: f32,
}

impl Axis {
    /// A little more than these values span.
    fn around<'a>(values: impl Iterator<Item = &'a f32>) -> Self {
        let (least, most) = values.filter(|value| value.is_finite()).fold(
            (f32::INFINITY, f32::NEG_INFINITY),
            |(least, most), &value| (least.min(value), most.max(value)),
        );
        if least > most {
            return Self {
                least: 0.0,
                most: 1.0,
            };
        }
        let margin = ((most - least) * 0.05).max(1e-3);
        Self {
            least: least - margin,
            most: most + margin,
        }
    }

    fn share(&self, value: f32) -> f32 {
        ((value - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    fn histogram(&self, values: &[f32]) -> Vec<usize> {
        let mut bins = vec![0; BINS];
        for &value in values {
            let bin = (self.share(value) * BINS as f32) as usize;
            bins[bin.min(BINS - 1)] += 1;
        }
        bins
    }

    fn step(&self, threshold: f32) -> f32 {
        (self.share(threshold) * STEPS).round()
    }

    /// The left end turns nothing away.
    fn at_step(&self, step: f32) -> f32 {
        if step <= 0.0 {
            OFF
        } else {
            self.least + (self.most - self.least) * step / STEPS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values = [0.0, 0.2, 0.21, 1.0];
        let axis = Axis::around(values.iter());
        let bins = axis.histogram(&values);
        assert_eq!(bins.iter().sum::<usize>(), 4);
        assert_eq!(Axis::around([].iter()).histogram(&[]).len(), BINS);
    }

    #[test]
    fn the_sliders_left_end_switches_off() {
        let axis = Axis::around([0.2, 0.8].iter());
        assert_eq!(axis.at_step(0.0), OFF);
        assert_eq!(axis.step(OFF), 0.0);
        let threshold = axis.at_step(80.0);
        assert!(threshold > 0.2 && threshold < 0.8);
        assert_eq!(axis.step(threshold), 80.0);
    }
}
