//! What a file is, judged by its bytes, before anything is decoded.

use headstart_project::Rejection;
use imagesize::{Compression, ImageType};

/// Images with more pixels than this are not decoded: 100 million pixels are 400 MB in memory.
pub const MAX_MEGAPIXELS: u32 = 100;

/// An image format that is recognised by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG, animated or not.
    Png,
    /// GIF; the first frame counts.
    Gif,
    /// WebP; the first frame counts.
    Webp,
    /// Windows bitmap.
    Bmp,
    /// AVIF.
    Avif,
    /// HEIC, which few browsers decode.
    Heic,
    /// TIFF, which few browsers decode.
    Tiff,
    /// JPEG XL, which few browsers decode.
    JpegXl,
    /// Photoshop, which no browser decodes.
    Psd,
}

impl Format {
    /// The name that people know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Avif => "AVIF",
            Self::Heic => "HEIC",
            Self::Tiff => "TIFF",
            Self::JpegXl => "JPEG XL",
            Self::Psd => "Photoshop",
        }
    }

    /// Why a browser may have failed to decode this format.
    pub fn decode_failure(self) -> Rejection {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Bmp => Rejection::Damaged,
            Self::Avif | Self::Heic | Self::Tiff | Self::JpegXl | Self::Psd => {
                Rejection::Unsupported {
                    format: self.name().to_owned(),
                }
            }
        }
    }
}

/// What an image file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// Its format.
    pub format: Format,
    /// Width and height in pixels as stored, before EXIF orientation; `None` if they lie beyond the bytes given.
    pub size_px: Option<(u32, u32)>,
}

/// Reads the header from the first bytes of a file (64 kB almost always hold it).
///
/// # Errors
/// [`Rejection::Empty`], [`Rejection::NotAnImage`] or [`Rejection::TooLarge`].
pub fn inspect(prefix: &[u8]) -> Result<ImageHeader, Rejection> {
    if prefix.is_empty() {
        return Err(Rejection::Empty);
    }
    let format = match imagesize::image_type(prefix) {
        Ok(ImageType::Jpeg) => Format::Jpeg,
        Ok(ImageType::Png) => Format::Png,
        Ok(ImageType::Gif) => Format::Gif,
        Ok(ImageType::Webp) => Format::Webp,
        Ok(ImageType::Bmp) => Format::Bmp,
        Ok(ImageType::Heif(Compression::Av1)) => Format::Avif,
        Ok(ImageType::Heif(_)) => Format::Heic,
        Ok(ImageType::Tiff) => Format::Tiff,
        Ok(ImageType::Jxl) => Format::JpegXl,
        Ok(ImageType::Psd) => Format::Psd,
        Ok(_) | Err(_) => return Err(Rejection::NotAnImage),
    };
    let size_px = imagesize::blob_size(prefix).ok().and_then(|size| {
        Some((
            u32::try_from(size.width).ok()?,
            u32::try_from(size.height).ok()?,
        ))
    });
    if let Some((width_px, height_px)) = size_px {
        let pixels = u64::from(width_px) * u64::from(height_px);
        if pixels > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
            return Err(Rejection::TooLarge {
                width_px,
                height_px,
                limit_mp: MAX_MEGAPIXELS,
            });
        }
    }
    Ok(ImageHeader { format, size_px })
}

/// Reads the header of a whole file and checks that the file is complete.
/// Browsers draw as much of a truncated JPEG as there is and leave the rest grey, and the model would learn from that.
///
/// # Errors
/// The same as [`inspect`], and [`Rejection::Truncated`].
pub fn check(file: &[u8]) -> Result<ImageHeader, Rejection> {
    let header = inspect(file)?;
    let is_complete = match header.format {
        Format::Jpeg => jpeg_is_complete(file),
        Format::Png => png_is_complete(file),
        Format::Webp => riff_is_complete(file),
        // The decoders of the other formats report a missing end themselves.
        _ => true,
    };
    if is_complete {
        Ok(header)
    } else {
        Err(Rejection::Truncated)
    }
}

/// Walks the segments to the first scan, then looks for the end-of-image marker after it.
/// Cameras append videos and previews after the marker, and EXIF thumbnails have markers of their own before the scan, so it is not enough to check the last two bytes or to search the whole file.
fn jpeg_is_complete(file: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    let mut at = 2;
    loop {
        let Some(&[0xFF, marker]) = file.get(at..at + 2).and_then(|pair| pair.first_chunk()) else {
            return false;
        };
        match marker {
            // A marker may be preceded by fill bytes.
            0xFF => at += 1,
            START_OF_SCAN => break,
            // Markers without a length.
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let Some(&length) = file.get(at + 2..at + 4).and_then(|pair| pair.first_chunk())
                else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes(length)).max(2);
            }
        }
    }
    file.get(at + 2..)
        .is_some_and(|scan| scan.windows(2).any(|pair| pair == [0xFF, 0xD9]))
}

/// Walks the chunks to `IEND`.
fn png_is_complete(file: &[u8]) -> bool {
    let mut at = 8;
    while let Some(head) = file
        .get(at..at + 8)
        .and_then(|head| head.first_chunk::<8>())
    {
        let [a, b, c, d, kind @ ..] = *head;
        let Some(end) = (u32::from_be_bytes([a, b, c, d]) as usize).checked_add(at + 12) else {
            return false;
        };
        if end > file.len() {
            return false;
        }
        if &kind == b"IEND" {
            return true;
        }
        at = end;
    }
    false
}

/// Compares the length stated in the container with that of the file.
fn riff_is_complete(file: &[u8]) -> bool {
    file.get(4..8)
        .and_then(|length| length.first_chunk())
        .is_some_and(|&length| file.len() as u64 >= u64::from(u32::from_le_bytes(length)) + 8)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, RgbImage};
    use proptest::prelude::*;

    use super::*;

    fn encode(format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 8) as u8, 90])
        });
        let mut file = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture)
            .write_to(&mut file, format)
            .expect("encodes");
        file.into_inner()
    }

    #[test]
    fn whole_files_pass_with_their_size() {
        for (format, expected) in [
            (ImageFormat::Jpeg, Format::Jpeg),
            (ImageFormat::Png, Format::Png),
        ] {
            let header = check(&encode(format)).expect("is whole");
            assert_eq!(header.format, expected);
            assert_eq!(header.size_px, Some((40, 30)));
        }
    }

    #[test]
    fn a_cut_file_is_truncated_wherever_it_is_cut_behind_its_header() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let file = encode(format);
            for length in 40..file.len() - 2 {
                assert_eq!(
                    check(&file[..length]),
                    Err(Rejection::Truncated),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn bytes_behind_the_end_of_a_jpeg_do_no_harm() {
        let mut file = encode(ImageFormat::Jpeg);
        file.extend_from_slice(b"a motion photo's video");
        assert!(check(&file).is_ok());
    }

    #[test]
    fn an_exif_thumbnail_does_not_hide_a_cut() {
        let file = encode(ImageFormat::Jpeg);
        let thumbnail = encode(ImageFormat::Jpeg);
        let mut with_thumbnail = file[..2].to_vec();
        with_thumbnail.extend_from_slice(&[0xFF, 0xE1]);
        with_thumbnail.extend_from_slice(&(thumbnail.len() as u16 + 2).to_be_bytes());
        with_thumbnail.extend_from_slice(&thumbnail);
        with_thumbnail.extend_from_slice(&file[2..]);
        assert!(check(&with_thumbnail).is_ok());
        let cut = with_thumbnail.len() - 40;
        assert_eq!(check(&with_thumbnail[..cut]), Err(Rejection::Truncated));
    }

    #[test]
    fn what_is_no_image_is_named_as_such() {
        assert_eq!(check(b""), Err(Rejection::Empty));
        assert_eq!(check(b"Dear diary, today"), Err(Rejection::NotAnImage));
    }

    #[test]
    fn a_gigantic_image_is_refused_by_its_header() {
        let mut file = encode(ImageFormat::Png);
        file[16..20].copy_from_slice(&20_000u32.to_be_bytes());
        file[20..24].copy_from_slice(&20_000u32.to_be_bytes());
        assert_eq!(
            inspect(&file),
            Err(Rejection::TooLarge {
                width_px: 20_000,
                height_px: 20_000,
                limit_mp: MAX_MEGAPIXELS
            })
        );
    }

    #[test]
    fn heic_is_recognised_and_its_failure_names_the_format() {
        let file = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1";
        let header = inspect(file).expect("is an image");
        assert_eq!(header.format, Format::Heic);
        assert_eq!(
            header.format.decode_failure(),
            Rejection::Unsupported {
                format: "HEIC".to_owned()
            }
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&bytes);
            for magic in [&b"\xFF\xD8\xFF\xE0"[..], b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a"] {
                let _ = check(&[magic, &bytes].concat());
            }
        }
    }
}
