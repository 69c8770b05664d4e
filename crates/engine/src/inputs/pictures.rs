//! From a file or a camera frame to pixels, by the browser's decoders.

use headstart_images::{Format, Pixels, check};
use headstart_project::{Frame, Rejection};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, ImageBitmap, ImageBitmapOptions, ImageData, ImageEncodeOptions, ImageOrientation,
    OffscreenCanvas, OffscreenCanvasRenderingContext2d,
};

use crate::browser::port;

/// Side of a thumbnail: two device pixels for each of the page's.
const THUMBNAIL_PX: u32 = 160;

/// A picture's shorter side is brought down to this by the browser before its pixels are copied into our memory.
const LONGEST_COPY_PX: u32 = 1024;

/// An image that the page hands over.
pub enum Image {
    /// As a file.
    File(Blob),
    /// As a frame of the camera.
    Bitmap(ImageBitmap),
}

impl Image {
    /// What is attached; `None` when it is something else.
    pub fn new(frame: Frame, attachments: Vec<JsValue>) -> Option<Self> {
        let attachment = attachments.into_iter().next()?;
        match frame {
            Frame::File => attachment.dyn_into().ok().map(Self::File),
            Frame::Bitmap => attachment.dyn_into().ok().map(Self::Bitmap),
        }
    }
}

/// A decoded image, still in the browser's memory. Freed when dropped.
pub struct Picture(ImageBitmap);

impl Drop for Picture {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Picture {
    /// What the page hands over, decoded.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn open(image: Image) -> Result<Self, Rejection> {
        match image {
            Image::File(file) => Self::decode(&file).await,
            Image::Bitmap(bitmap) => Ok(Self(bitmap)),
        }
    }

    /// Decodes a file, upright as its EXIF orientation says.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn decode(file: &Blob) -> Result<Self, Rejection> {
        let bytes = JsFuture::from(file.array_buffer())
            .await
            .map_err(|_| Rejection::Damaged)?;
        let header = check(&Uint8Array::new(&bytes).to_vec())?;
        let options = ImageBitmapOptions::new();
        options.set_image_orientation(ImageOrientation::FromImage);
        let decoding = port::scope()
            .create_image_bitmap_with_blob_and_image_bitmap_options(file, &options)
            .map_err(|_| header.format.decode_failure())?;
        let bitmap = await_bitmap(decoding, header.format).await?;
        Ok(Self(bitmap))
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.0.width()
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.0.height()
    }

    /// The pixels; those of very large pictures at a smaller scale.
    ///
    /// # Errors
    /// [`Rejection::Damaged`] when the browser refuses.
    pub fn pixels(&self) -> Result<Pixels, Rejection> {
        let (width, height) = (self.width_px(), self.height_px());
        let scale = (f64::from(LONGEST_COPY_PX) / f64::from(width.min(height).max(1))).min(1.0);
        let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let copy = || -> Result<Vec<u8>, JsValue> {
            let (_, context) = canvas(width, height)?;
            context.draw_image_with_image_bitmap_and_dw_and_dh(
                &self.0,
                0.0,
                0.0,
                f64::from(width),
                f64::from(height),
            )?;
            let data = context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height))?;
            Ok(data.data().0)
        };
        let rgba = copy().map_err(|_| Rejection::Damaged)?;
        Pixels::new(width, height, rgba).map_err(|_| Rejection::Damaged)
    }

    /// A small square JPEG of the middle, transparency over white.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn thumbnail(&self) -> Result<Blob, JsValue> {
        let (canvas, context) = canvas(THUMBNAIL_PX, THUMBNAIL_PX)?;
        let side = f64::from(THUMBNAIL_PX);
        context.set_fill_style_str("#fff");
        context.fill_rect(0.0, 0.0, side, side);
        let (width, height) = (f64::from(self.width_px()), f64::from(self.height_px()));
        let cut = width.min(height);
        context.draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            &self.0,
            (width - cut) / 2.0,
            (height - cut) / 2.0,
            cut,
            cut,
            0.0,
            0.0,
            side,
            side,
        )?;
        encoded(&canvas).await
    }
}

/// Pixels as a JPEG.
///
/// # Errors
/// When the browser refuses.
pub async fn encode(pixels: &Pixels) -> Result<Blob, JsValue> {
    let (width, height) = (pixels.width_px(), pixels.height_px());
    let (canvas, context) = canvas(width, height)?;
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(pixels.rgba()), width, height)?;
    context.put_image_data(&data, 0.0, 0.0)?;
    encoded(&canvas).await
}

async fn encoded(canvas: &OffscreenCanvas) -> Result<Blob, JsValue> {
    let options = ImageEncodeOptions::new();
    options.set_type("image/jpeg");
    options.set_quality(0.8);
    let blob = JsFuture::from(canvas.convert_to_blob_with_options(&options)?).await?;
    blob.dyn_into()
}

async fn await_bitmap(decoding: Promise, format: Format) -> Result<ImageBitmap, Rejection> {
    JsFuture::from(decoding)
        .await
        .ok()
        .and_then(|bitmap| bitmap.dyn_into().ok())
        .ok_or_else(|| format.decode_failure())
}

fn canvas(
    width: u32,
    height: u32,
) -> Result<(OffscreenCanvas, OffscreenCanvasRenderingContext2d), JsValue> {
    let canvas = OffscreenCanvas::new(width, height)?;
    // Pixels are read back, which is slow from a canvas on the GPU.
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"willReadFrequently".into(), &true.into())?;
    let context: OffscreenCanvasRenderingContext2d = canvas
        .get_context_with_context_options("2d", &options)?
        .ok_or("no 2d context")?
        .dyn_into()?;
    context.set_image_smoothing_enabled(true);
    js_sys::Reflect::set(&context, &"imageSmoothingQuality".into(), &"high".into())?;
    Ok((canvas, context))
}
