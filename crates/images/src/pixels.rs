//! Decoded pixels, and how they become the model's input.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use headstart_project::Normalization;
use thiserror::Error;

/// A decoded image, upright: RGBA, 8 bits a channel, rows from the top, alpha not premultiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    width_px: u32,
    height_px: u32,
    rgba: Vec<u8>,
}

/// Why pixels cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PixelsError {
    /// Width or height is zero, or the length of the buffer does not match them.
    #[error("{width_px} × {height_px} pixels do not go with {bytes} bytes")]
    Shape {
        /// The width stated.
        width_px: u32,
        /// The height stated.
        height_px: u32,
        /// The buffer's length.
        bytes: usize,
    },
    /// The resampler refused.
    #[error("resampling failed: {0}")]
    Resample(String),
}

impl Pixels {
    /// Takes an RGBA buffer of `4 * width_px * height_px` bytes.
    ///
    /// # Errors
    /// [`PixelsError::Shape`].
    pub fn new(width_px: u32, height_px: u32, rgba: Vec<u8>) -> Result<Self, PixelsError> {
        let expected = u64::from(width_px) * u64::from(height_px) * 4;
        if expected == 0 || expected != rgba.len() as u64 {
            return Err(PixelsError::Shape {
                width_px,
                height_px,
                bytes: rgba.len(),
            });
        }
        Ok(Self {
            width_px,
            height_px,
            rgba,
        })
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// The RGBA bytes, row by row.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    pub(crate) fn rgba_mut(&mut self) -> &mut [u8] {
        &mut self.rgba
    }

    /// Whether any pixel is not fully opaque.
    pub(crate) fn is_transparent(&self) -> bool {
        let mut alphas = self.rgba.iter().skip(3).step_by(4);
        alphas.any(|&alpha| alpha < 255)
    }

    /// Crops to the largest centred square and resamples it to `side_px`, with an antialiasing (area-aware) bilinear filter.
    ///
    /// # Errors
    /// [`PixelsError::Resample`] if the resampler refuses.
    pub fn center_square(&self, side_px: u32) -> Result<Self, PixelsError> {
        let refused = |error: &dyn std::fmt::Display| PixelsError::Resample(error.to_string());
        let side = self.width_px.min(self.height_px);
        if side == side_px && self.width_px == self.height_px {
            return Ok(self.clone());
        }
        let source = ImageRef::new(self.width_px, self.height_px, &self.rgba, PixelType::U8x4)
            .map_err(|error| refused(&error))?;
        let mut square = Image::new(side_px, side_px, PixelType::U8x4);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(
                f64::from(self.width_px - side) / 2.0,
                f64::from(self.height_px - side) / 2.0,
                f64::from(side),
                f64::from(side),
            )
            .use_alpha(self.is_transparent());
        Resizer::new()
            .resize(&source, &mut square, &options)
            .map_err(|error| refused(&error))?;
        Ok(Self {
            width_px: side_px,
            height_px: side_px,
            rgba: square.into_vec(),
        })
    }

    /// Writes the pixels into `planes` as `[3, height, width]`, with transparency over white.
    ///
    /// # Panics
    /// Never: whatever does not fit into `planes` is left out.
    pub fn write_planes(&self, normalization: &Normalization, planes: &mut [f32]) {
        let area = self.width_px as usize * self.height_px as usize;
        for (channel, plane) in planes.chunks_mut(area.max(1)).take(3).enumerate() {
            let mean = normalization.mean[channel];
            let scale = 1.0 / normalization.deviation[channel];
            for (value, pixel) in plane.iter_mut().zip(self.rgba.chunks_exact(4)) {
                let alpha = f32::from(pixel[3]) / 255.0;
                let over_white = f32::from(pixel[channel]) * alpha + 255.0 * (1.0 - alpha);
                *value = (over_white - mean) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: Normalization = Normalization {
        mean: [0.0; 3],
        deviation: [1.0; 3],
    };

    fn picture(width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Pixels {
        let rgba = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| color(x, y))
            .collect();
        Pixels::new(width, height, rgba).expect("fits")
    }

    #[test]
    fn a_buffer_of_another_length_is_refused() {
        assert!(Pixels::new(2, 2, vec![0; 15]).is_err());
        assert!(Pixels::new(0, 2, vec![]).is_err());
    }

    #[test]
    fn the_square_is_cut_from_the_middle() {
        // Red, green and blue thirds: only the middle third remains.
        let wide = picture(90, 30, |x, _| match x / 30 {
            0 => [255, 0, 0, 255],
            1 => [0, 255, 0, 255],
            _ => [0, 0, 255, 255],
        });
        let square = wide.center_square(10).expect("resizes");
        assert_eq!((square.width_px(), square.height_px()), (10, 10));
        // The filter's support extends one target pixel beyond the edge, as it should.
        for (index, pixel) in square.rgba().chunks(4).enumerate() {
            let is_edge = [0, 9].contains(&(index % 10));
            assert!(
                pixel == [0, 255, 0, 255] || is_edge && pixel[1] > 200,
                "{pixel:?}"
            );
        }
    }

    #[test]
    fn shrinking_averages_what_it_leaves_out() {
        let checkered = picture(64, 64, |x, y| {
            if (x + y) % 2 == 0 {
                [0, 0, 0, 255]
            } else {
                [254, 254, 254, 255]
            }
        });
        let square = checkered.center_square(8).expect("resizes");
        assert!(
            square
                .rgba()
                .chunks(4)
                .all(|pixel| pixel[0].abs_diff(127) <= 2)
        );
    }

    #[test]
    fn planes_are_normalised_and_transparency_is_white() {
        let pixels = picture(1, 2, |_, y| {
            if y == 0 {
                [10, 20, 30, 255]
            } else {
                [10, 20, 30, 0]
            }
        });
        let mut planes = [0.0; 6];
        pixels.write_planes(&RAW, &mut planes);
        assert_eq!(planes, [10.0, 255.0, 20.0, 255.0, 30.0, 255.0]);
        let lite = Normalization {
            mean: [127.0; 3],
            deviation: [128.0; 3],
        };
        pixels.write_planes(&lite, &mut planes);
        assert!((planes[0] - (10.0 - 127.0) / 128.0).abs() < 1e-6);
    }
}
