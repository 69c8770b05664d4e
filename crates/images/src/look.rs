//! What can be said about an image without a network: its layout, its brightness and its sharpness.

use headstart_project::ImageLook;

use crate::Pixels;

/// Sharpness depends on scale, so all images that are large enough are measured at the same size.
const SIDE_PX: usize = 128;
/// The grid of the difference hash: each row has one more place than it has bits.
const HASH_PLACES: [usize; 2] = [9, 8];
/// Smaller steps in luma are ignored: otherwise the noise of camera and encoder would decide the bits in plain areas.
const LEAST_STEP: f32 = 5.0 / 255.0;

/// Looks at the centred square of an image, which is all that a model sees of it; transparency over white.
///
/// The hash is the difference hash (dHash): the square's luma is area-averaged to 9 × 8 places, and each bit says whether the place to the right is brighter; row by row, the first in the lowest bit.
/// A copy that was re-encoded, scaled or brightened a little differs in few bits; but so may another image with a similar layout, so the hash alone does not prove a duplicate.
/// Images smaller than 128 pixels are measured at their own size.
pub fn look(pixels: &Pixels) -> ImageLook {
    let (luma, side) = luma_square(pixels);
    let fixed = side.min(SIDE_PX);
    let luma = average(&luma, side, [fixed, fixed]);
    ImageLook {
        hash: difference_hash(&average(&luma, fixed, HASH_PLACES)),
        brightness: (luma.iter().copied().map(f64::from).sum::<f64>() / luma.len() as f64) as f32,
        sharpness: laplacian_deviation(&luma, fixed),
    }
}

fn difference_hash(places: &[f32]) -> u64 {
    let steps = places
        .chunks_exact(HASH_PLACES[0])
        .flat_map(|row| row.windows(2).map(|pair| pair[1] - pair[0]));
    steps.enumerate().fold(0, |hash, (bit, step)| {
        hash | u64::from(step > LEAST_STEP) << bit
    })
}

/// The standard deviation of the 3 × 3 Laplacian over all pixels that have four neighbours.
/// Pech-Pacheco et al., “Diatom autofocusing in brightfield microscopy: a comparative study”, ICPR 2000.
fn laplacian_deviation(luma: &[f32], side: usize) -> f32 {
    if side < 3 {
        return 0.0;
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for y in 1..side - 1 {
        for x in 1..side - 1 {
            let at = y * side + x;
            let around = luma[at - 1] + luma[at + 1] + luma[at - side] + luma[at + side];
            let value = f64::from(around - 4.0 * luma[at]);
            sum += value;
            squares += value * value;
        }
    }
    let count = ((side - 2) * (side - 2)) as f64;
    let mean = sum / count;
    (squares / count - mean * mean).max(0.0).sqrt() as f32
}

/// The luma (ITU-R BT.601) of the centred square, 0 to 1, with its side.
fn luma_square(pixels: &Pixels) -> (Vec<f32>, usize) {
    let (width, height) = (pixels.width_px() as usize, pixels.height_px() as usize);
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    let rows = pixels.rgba().chunks_exact(4 * width).skip(top).take(side);
    let luma = rows
        .flat_map(|row| row.chunks_exact(4).skip(left).take(side))
        .map(|pixel| {
            let [red, green, blue, alpha] = [0, 1, 2, 3].map(|channel| u32::from(pixel[channel]));
            // In integers, so that white is exactly 1.
            let luma = (299 * red + 587 * green + 114 * blue) * alpha;
            let white = 255_000 * (255 - alpha);
            (f64::from(luma + white) / 65_025_000.0) as f32
        })
        .collect();
    (luma, side)
}

/// Area-averages a square to `[columns, rows]` places.
fn average(square: &[f32], side: usize, [columns, rows]: [usize; 2]) -> Vec<f32> {
    if [columns, rows] == [side, side] {
        return square.to_vec();
    }
    let across = shares(side, columns);
    let narrow: Vec<f32> = square
        .chunks_exact(side)
        .flat_map(|row| across.iter().map(|share| share.of(|x| row[x])))
        .collect();
    shares(side, rows)
        .iter()
        .flat_map(|share| {
            let narrow = &narrow;
            (0..columns).map(move |x| share.of(|y| narrow[y * columns + x]))
        })
        .collect()
}

/// The part of a row or column of pixels that falls into one place.
struct Share {
    first: usize,
    /// The weight of each pixel from `first` on; they sum to 1.
    weights: Vec<f32>,
}

impl Share {
    fn of(&self, value: impl Fn(usize) -> f32) -> f32 {
        let weighted = self.weights.iter().zip(self.first..);
        weighted.map(|(weight, at)| weight * value(at)).sum()
    }
}

/// How `pixels` are distributed over `places` of equal length.
fn shares(pixels: usize, places: usize) -> Vec<Share> {
    let length = pixels as f64 / places as f64;
    (0..places)
        .map(|place| {
            let (from, to) = (place as f64 * length, (place + 1) as f64 * length);
            let first = (from as usize).min(pixels - 1);
            // Rounding must not reach for a pixel past the last one.
            let end = (to.ceil() as usize).clamp(first + 1, pixels);
            let weights = (first..end).map(|pixel| {
                let covered = to.min((pixel + 1) as f64) - from.max(pixel as f64);
                (covered.max(0.0) / length) as f32
            });
            Share {
                first,
                weights: weights.collect(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbaImage, imageops};

    use super::*;
    use crate::{Archive, ArchiveItem, ArchiveLimits};

    fn gray(side: u32, luma: impl Fn(u32, u32) -> u8) -> Pixels {
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let rgba = places.flat_map(|(x, y)| [luma(x, y), luma(x, y), luma(x, y), 255]);
        Pixels::new(side, side, rgba.collect()).expect("fits")
    }

    fn pixels(image: &RgbaImage) -> Pixels {
        Pixels::new(image.width(), image.height(), image.as_raw().clone()).expect("fits")
    }

    /// The photographs of the sample data set.
    fn photographs() -> Vec<RgbaImage> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let zip = std::fs::read(root.join("../../web/sample/sample.zip")).expect("the sample");
        let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
        let mut images = Vec::new();
        while let Some(item) = archive.read_next() {
            if let Ok(ArchiveItem::Image(_, file)) = item {
                images.push(image::load_from_memory(&file).expect("decodes").to_rgba8());
            }
        }
        assert!(images.len() > 60);
        images
    }

    fn differing_bits(a: &ImageLook, b: &ImageLook) -> u32 {
        (a.hash ^ b.hash).count_ones()
    }

    #[test]
    fn a_flat_image_is_exactly_nothing_but_bright() {
        let flat = look(&gray(200, |_, _| 51));
        assert_eq!(flat.hash, 0);
        assert!((flat.brightness - 0.2).abs() < 1e-6);
        assert!(flat.sharpness < 1e-5);
        assert_eq!(look(&gray(128, |_, _| 255)).brightness, 1.0);
    }

    #[test]
    fn a_checkerboard_of_pixels_is_as_sharp_as_can_be() {
        let board = look(&gray(128, |x, y| if (x + y) % 2 == 0 { 255 } else { 0 }));
        // Every pixel differs by 1 from all four neighbours: the Laplacian is 4 or -4.
        assert_eq!(board.sharpness, 4.0);
        assert_eq!(board.brightness, 0.5);
    }

    #[test]
    fn the_hash_says_where_it_gets_brighter() {
        assert_eq!(look(&gray(144, |x, _| x as u8)).hash, u64::MAX);
        assert_eq!(look(&gray(144, |x, _| 143 - x as u8)).hash, 0);
        // Nine columns, alternately dark and bright: every other step is upwards.
        let striped = look(&gray(72, |x, _| if x / 8 % 2 == 0 { 0 } else { 255 }));
        assert_eq!(striped.hash, 0x5555_5555_5555_5555);
        // The upper half gets brighter to the right, the lower half darker.
        let halves = look(&gray(
            72,
            |x, y| if y < 36 { x as u8 } else { 71 - x as u8 },
        ));
        assert_eq!(halves.hash, 0xffff_ffff);
    }

    #[test]
    fn only_the_centred_square_counts_and_transparency_is_white() {
        let wide: Vec<u8> = (0..10 * 30)
            .flat_map(|index| match index % 30 / 10 {
                1 => [0, 0, 0, 0],
                _ => [0, 0, 0, 255],
            })
            .collect();
        let seen = look(&Pixels::new(30, 10, wide).expect("fits"));
        assert_eq!((seen.brightness, seen.sharpness), (1.0, 0.0));
    }

    #[test]
    fn tiny_images_have_a_look_too() {
        for side in 1..12 {
            let seen = look(&gray(side, |x, _| (x * 20) as u8));
            assert!(seen.sharpness.is_finite() && seen.brightness.is_finite());
        }
        let line = look(&Pixels::new(1, 300, vec![255; 1200]).expect("fits"));
        assert_eq!(line.brightness, 1.0);
    }

    #[test]
    fn copies_look_the_same_and_other_images_do_not() {
        let photographs = photographs();
        let looks: Vec<ImageLook> = photographs.iter().map(|it| look(&pixels(it))).collect();
        for (photograph, original) in photographs.iter().zip(&looks) {
            let mut file = Vec::new();
            image::DynamicImage::from(photograph.clone())
                .to_rgb8()
                .write_to(&mut Cursor::new(&mut file), ImageFormat::Jpeg)
                .expect("encodes");
            let encoded = image::load_from_memory(&file).expect("decodes").to_rgba8();
            let brighter = imageops::colorops::brighten(photograph, 12);
            let scaled = imageops::resize(photograph, 229, 229, imageops::FilterType::Triangle);
            for (name, copy) in [
                ("encoded", encoded),
                ("brighter", brighter),
                ("scaled", scaled),
            ] {
                let bits = differing_bits(original, &look(&pixels(&copy)));
                assert!(bits <= 3, "{name}: {bits}");
            }
        }
        let mut distances: Vec<u32> = Vec::new();
        for (index, a) in looks.iter().enumerate() {
            distances.extend(looks[..index].iter().map(|b| differing_bits(a, b)));
        }
        distances.sort_unstable();
        // Plain pictures with a similar layout come close to each other; there are few of them.
        let at = |share: f64| distances[(distances.len() as f64 * share) as usize];
        let (thousandth, hundredth, median) = (at(0.001), at(0.01), at(0.5));
        assert!(
            thousandth > 3 && hundredth > 5 && median > 15,
            "{thousandth} {hundredth} {median}"
        );
    }

    #[test]
    fn the_more_blurred_the_less_sharp() {
        for photograph in photographs().iter().take(8) {
            let mut last = look(&pixels(photograph)).sharpness;
            for sigma in [1.0, 2.0, 4.0, 8.0] {
                let blurred = look(&pixels(&imageops::blur(photograph, sigma))).sharpness;
                assert!(blurred < last * 0.9, "{sigma}: {blurred} {last}");
                last = blurred;
            }
        }
    }
}
