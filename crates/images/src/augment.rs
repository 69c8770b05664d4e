//! Varied copies of an image, so that a model learns what does not matter.
//!
//! They are made from decoded pixels, so that what the preview shows is exactly what the model learns from.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use headstart_project::{AugmentSettings, SampleId};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Pixels, PixelsError};

/// The largest ratio of width to height of a crop; the smallest is its inverse.
const MOST_ASPECT: f64 = 4.0 / 3.0;
/// The colour of erased areas: roughly the mean of all photographs.
const GREY: [u8; 4] = [127, 127, 127, 255];
/// The weights of red, green and blue in brightness: ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// One numbered copy of an image, `side_px` wide and high.
///
/// Copy 0 is the unchanged image: its centred square.
/// The same arguments always give the same copy, and switching one setting off does not change what the others do.
///
/// # Errors
/// When the resampler refuses.
pub fn augment(
    pixels: &Pixels,
    side_px: u32,
    settings: &AugmentSettings,
    seed: u64,
    id: SampleId,
    copy: u32,
) -> Result<Pixels, PixelsError> {
    if copy == 0 {
        return pixels.center_square(side_px);
    }
    let variation = Variation::draw(settings, seed, id, copy);
    let mut square = variation.cut(pixels, side_px)?;
    if variation.degrees != 0.0 {
        square = turn(&square, variation.degrees);
    }
    if variation.is_mirrored {
        mirror(&mut square);
    }
    if variation.is_upside_down {
        stand_on_head(&mut square);
    }
    variation.tint(&mut square);
    variation.erase(&mut square);
    Ok(square)
}

/// Everything that is drawn at random for one copy.
struct Variation {
    /// Left, top, width and height of the part that is shown, as fractions of the centred square; `None` shows all of it.
    part: Option<[f64; 4]>,
    degrees: f64,
    is_mirrored: bool,
    is_upside_down: bool,
    /// The factors for brightness, contrast and saturation.
    tints: [f32; 3],
    /// Left, top, width and height of the erased area, as fractions of the square.
    erased: [f64; 4],
}

impl Variation {
    fn draw(settings: &AugmentSettings, seed: u64, id: SampleId, copy: u32) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&id.0.to_le_bytes());
        key[12..16].copy_from_slice(&copy.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        // Always the same number of draws in the same order, so that a setting affects only itself.
        let mut unit = || rng.random::<f64>();
        let least = settings.crop.clamp(0.01, 1.0);
        let part = rectangle(least + (1.0 - least) * unit(), [unit(), unit(), unit()]);
        let most = settings.rotation_degrees.clamp(0.0, 180.0);
        let degrees = most * (2.0 * unit() - 1.0);
        let [is_mirrored, is_upside_down] = [unit(), unit()].map(|it| it < 0.5);
        let tints = [settings.brightness, settings.contrast, settings.saturation]
            .map(|most| (1.0 + most.clamp(0.0, 0.9) * (2.0 * unit() - 1.0)) as f32);
        let area = settings.erase.clamp(0.0, 0.5) * unit();
        Self {
            part: (least < 1.0).then_some(part),
            degrees,
            is_mirrored: is_mirrored && settings.flip,
            is_upside_down: is_upside_down && settings.flip_vertical,
            tints,
            erased: rectangle(area, [unit(), unit(), unit()]),
        }
    }

    /// The part that is shown, resampled as by [`Pixels::center_square`].
    fn cut(&self, pixels: &Pixels, side_px: u32) -> Result<Pixels, PixelsError> {
        let Some([left, top, width, height]) = self.part else {
            return pixels.center_square(side_px);
        };
        let refused = |error: &dyn std::fmt::Display| PixelsError::Resample(error.to_string());
        let [full_width, full_height] = [pixels.width_px(), pixels.height_px()];
        let side = f64::from(full_width.min(full_height));
        let [before, above] = [full_width, full_height].map(|it| (f64::from(it) - side) / 2.0);
        let source = ImageRef::new(full_width, full_height, pixels.rgba(), PixelType::U8x4)
            .map_err(|error| refused(&error))?;
        let mut square = Image::new(side_px, side_px, PixelType::U8x4);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(
                before + left * side,
                above + top * side,
                width * side,
                height * side,
            )
            .use_alpha(pixels.is_transparent());
        Resizer::new()
            .resize(&source, &mut square, &options)
            .map_err(|error| refused(&error))?;
        Pixels::new(side_px, side_px, square.into_vec())
    }

    /// Changes brightness, contrast and saturation.
    fn tint(&self, square: &mut Pixels) {
        let [brightness, contrast, saturation] = self.tints;
        if self.tints == [1.0; 3] {
            return;
        }
        let luma = |pixel: &[u8; 4]| -> f32 {
            let channels = pixel.iter().zip(LUMA);
            channels
                .map(|(&value, share)| f32::from(value) * share)
                .sum()
        };
        let (pixels, _) = square.rgba_mut().as_chunks_mut::<4>();
        // Contrast is the distance from the image's mean brightness.
        let sum: f64 = pixels.iter().map(|pixel| f64::from(luma(pixel))).sum();
        let mean = (sum / pixels.len().max(1) as f64) as f32 * brightness;
        for pixel in pixels {
            let grey = luma(pixel);
            for value in &mut pixel[..3] {
                let saturated = grey + (f32::from(*value) - grey) * saturation;
                let contrasted = mean + (saturated * brightness - mean) * contrast;
                *value = contrasted.round().clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// Covers a rectangle: Zhong et al., “Random Erasing Data Augmentation”, AAAI 2020, arXiv:1708.04896.
    fn erase(&self, square: &mut Pixels) {
        let side = square.width_px() as usize;
        let [left, top, width, height] = self
            .erased
            .map(|share| (share * side as f64).round() as usize);
        let (pixels, _) = square.rgba_mut().as_chunks_mut::<4>();
        for row in pixels.chunks_exact_mut(side).skip(top).take(height) {
            for pixel in row.iter_mut().skip(left).take(width) {
                *pixel = GREY;
            }
        }
    }
}

/// Left, top, width and height of a rectangle that covers this fraction of the unit square; the draws, from 0 to 1, determine its shape and position.
fn rectangle(area: f64, [form, across, down]: [f64; 3]) -> [f64; 4] {
    let aspect = MOST_ASPECT.powf(2.0 * form - 1.0);
    let width = (area * aspect).sqrt().min(1.0);
    let height = (area / aspect).sqrt().min(1.0);
    [(1.0 - width) * across, (1.0 - height) * down, width, height]
}

/// Swaps left and right.
fn mirror(square: &mut Pixels) {
    let side = square.width_px() as usize;
    let (pixels, _) = square.rgba_mut().as_chunks_mut::<4>();
    for row in pixels.chunks_exact_mut(side) {
        row.reverse();
    }
}

/// Swaps top and bottom.
fn stand_on_head(square: &mut Pixels) {
    let (pixels, _) = square.rgba_mut().as_chunks_mut::<4>();
    // A rotation by 180°, then a horizontal flip.
    pixels.reverse();
    mirror(square);
}

/// Rotates a square clockwise about its centre. The corners are filled with the mirrored border.
fn turn(square: &Pixels, degrees: f64) -> Pixels {
    let side = square.width_px() as usize;
    let (source, _) = square.rgba().as_chunks::<4>();
    let middle = (side as f64 - 1.0) / 2.0;
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let mut turned = square.clone();
    let (target, _) = turned.rgba_mut().as_chunks_mut::<4>();
    for (at, pixel) in target.iter_mut().enumerate() {
        let (x, y) = ((at % side) as f64 - middle, (at / side) as f64 - middle);
        let from = [x * cosine + y * sine, y * cosine - x * sine].map(|it| it + middle);
        let [(left, right, across), (above, below, down)] = from.map(|it| neighbours(it, side));
        for (channel, value) in pixel.iter_mut().enumerate() {
            let at = |y: usize, x: usize| f64::from(source[y * side + x][channel]);
            let upper = at(above, left) * (1.0 - across) + at(above, right) * across;
            let lower = at(below, left) * (1.0 - across) + at(below, right) * across;
            *value = (upper * (1.0 - down) + lower * down).round() as u8;
        }
    }
    turned
}

/// The two pixels around a position on an axis, mirrored at its ends, and how far the position is from the first to the second.
fn neighbours(place: f64, side: usize) -> (usize, usize, f64) {
    let first = place.floor();
    let inside = |it: f64| {
        let last = side as f64 - 1.0;
        let mirrored = if it < 0.0 { -it } else { it };
        let mirrored = if mirrored > last {
            2.0 * last - mirrored
        } else {
            mirrored
        };
        mirrored.clamp(0.0, last) as usize
    };
    (inside(first), inside(first + 1.0), place - first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture() -> impl Strategy<Value = Pixels> {
        (1u32..40, 1u32..40, any::<u64>(), any::<bool>()).prop_map(
            |(width, height, seed, is_opaque)| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut rgba: Vec<u8> = (0..width * height * 4).map(|_| rng.random()).collect();
                if is_opaque {
                    rgba.iter_mut().skip(3).step_by(4).for_each(|it| *it = 255);
                }
                Pixels::new(width, height, rgba).expect("fits")
            },
        )
    }

    fn settings() -> impl Strategy<Value = AugmentSettings> {
        let share = 0.0f64..0.9;
        (
            any::<[bool; 2]>(),
            0.05f64..1.0,
            0.0f64..180.0,
            [share.clone(), share.clone(), share],
            0.0f64..0.5,
        )
            .prop_map(
                |([flip, flip_vertical], crop, rotation_degrees, tints, erase)| {
                    let [brightness, contrast, saturation] = tints;
                    AugmentSettings {
                        copies: 1,
                        flip,
                        flip_vertical,
                        crop,
                        rotation_degrees,
                        brightness,
                        contrast,
                        saturation,
                        erase,
                        mixup: 0.0,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_copy_has_the_models_size_and_is_always_the_same(pixels in picture(), settings in settings(), seed: u64, id: u32, copy in 0u32..5) {
            let make = || augment(&pixels, 24, &settings, seed, SampleId(id), copy).expect("resizes");
            let made = make();
            prop_assert_eq!((made.width_px(), made.height_px()), (24, 24));
            prop_assert_eq!(made.rgba().len(), 24 * 24 * 4);
            prop_assert_eq!(make(), made);
        }

        #[test]
        fn with_everything_off_a_copy_is_the_image(pixels in picture(), seed: u64, id: u32, copy in 0u32..5) {
            let off = AugmentSettings { copies: 4, ..AugmentSettings::default() };
            let made = augment(&pixels, 24, &off, seed, SampleId(id), copy).expect("resizes");
            prop_assert_eq!(made, pixels.center_square(24).expect("resizes"));
        }

        #[test]
        fn copy_0_is_the_image_whatever_is_on(pixels in picture(), settings in settings(), seed: u64) {
            let made = augment(&pixels, 24, &settings, seed, SampleId(1), 0).expect("resizes");
            prop_assert_eq!(made, pixels.center_square(24).expect("resizes"));
        }

        #[test]
        fn a_flip_twice_is_nothing(pixels in picture()) {
            let square = pixels.center_square(17).expect("resizes");
            for flip in [mirror, stand_on_head] {
                let mut flipped = square.clone();
                flip(&mut flipped);
                flip(&mut flipped);
                prop_assert_eq!(&flipped, &square);
            }
        }

        #[test]
        fn a_mirrored_copy_is_the_mirrored_image(pixels in picture(), seed: u64) {
            let flip = AugmentSettings { flip: true, ..AugmentSettings::default() };
            let square = pixels.center_square(16).expect("resizes");
            let mut mirrored = square.clone();
            mirror(&mut mirrored);
            let copies = (1..40).map(|copy| augment(&pixels, 16, &flip, seed, SampleId(3), copy).expect("resizes"));
            let copies: Vec<Pixels> = copies.collect();
            prop_assert!(copies.iter().all(|copy| *copy == square || *copy == mirrored));
            // That all copies agree has a probability of 2⁻³⁸.
            prop_assert!(copies.contains(&square) && copies.contains(&mirrored));
        }

        #[test]
        fn colours_change_by_no_more_than_they_may(level in 0u8..=255, most in 0.0f64..0.9, seed: u64) {
            let rgba: Vec<u8> = [level, level, level, 255].repeat(64);
            let pixels = Pixels::new(8, 8, rgba).expect("fits");
            let brighter = AugmentSettings { brightness: most, ..AugmentSettings::default() };
            let made = augment(&pixels, 8, &brighter, seed, SampleId(0), 1).expect("resizes");
            let (least, most) = (f64::from(level) * (1.0 - most), f64::from(level) * (1.0 + most));
            for pixel in made.rgba().as_chunks::<4>().0 {
                let value = f64::from(pixel[0]);
                prop_assert!(value >= least.floor() && value <= most.ceil().min(255.0));
                prop_assert_eq!(pixel[3], 255);
            }
        }

        #[test]
        fn no_more_is_erased_than_may_be(most in 0.0f64..0.5, seed: u64) {
            let pixels = Pixels::new(50, 50, [200, 10, 10, 255].repeat(2500)).expect("fits");
            let erasing = AugmentSettings { erase: most, ..AugmentSettings::default() };
            let made = augment(&pixels, 50, &erasing, seed, SampleId(0), 1).expect("resizes");
            let erased = made.rgba().as_chunks::<4>().0.iter().filter(|pixel| **pixel == GREY).count();
            // Both sides are rounded to whole pixels.
            prop_assert!(erased as f64 <= (most.sqrt() * 50.0 + 1.0).powi(2));
        }

        #[test]
        fn a_setting_changes_nothing_but_its_own_effect(pixels in picture(), seed: u64, copy in 1u32..5) {
            let flip = AugmentSettings { flip: true, ..AugmentSettings::default() };
            let both = AugmentSettings { flip: true, brightness: 0.5, ..AugmentSettings::default() };
            let of = |settings| Variation::draw(settings, seed, SampleId(2), copy);
            prop_assert_eq!(of(&flip).is_mirrored, of(&both).is_mirrored);
            prop_assert!(augment(&pixels, 8, &flip, seed, SampleId(2), copy).is_ok());
        }
    }

    #[test]
    fn a_quarter_turn_is_a_quarter_turn() {
        // Red above, blue below: rotated clockwise, red ends up on the right.
        let rows = (0..20).flat_map(|y| {
            let color: [u8; 4] = if y < 10 {
                [255, 0, 0, 255]
            } else {
                [0, 0, 255, 255]
            };
            color.repeat(20)
        });
        let pixels = Pixels::new(20, 20, rows.collect()).expect("fits");
        let turned = turn(&pixels, 90.0);
        let (pixels, _) = turned.rgba().as_chunks::<4>();
        for (at, pixel) in pixels.iter().enumerate() {
            let expected = if at % 20 >= 10 {
                [255, 0, 0, 255]
            } else {
                [0, 0, 255, 255]
            };
            assert_eq!(*pixel, expected, "{at}");
        }
    }

    #[test]
    fn copies_differ_from_each_other_and_between_images_and_seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let rgba = (0..30 * 30 * 4).map(|_| rng.random()).collect();
        let pixels = Pixels::new(30, 30, rgba).expect("fits");
        let crop = AugmentSettings {
            crop: 0.5,
            ..AugmentSettings::default()
        };
        let make = |seed, id, copy| augment(&pixels, 16, &crop, seed, SampleId(id), copy);
        let all = [make(0, 0, 1), make(0, 0, 2), make(0, 1, 1), make(1, 0, 1)];
        let all = all.map(|made| made.expect("resizes"));
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one));
        }
    }
}
