//! Keeps a canvas as the scene is: once a frame at most, and again for as long as something moves.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use headstart_project::SampleId;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};
use yew::NodeRef;

use super::paint::{Brush, Colors};
use super::scene::Scene;
use crate::services::samples::media::Media;
use crate::state::project::COLORS;

/// Draws a scene on a canvas. Clones share it.
#[derive(Clone)]
pub struct Painter(Rc<Inner>);

struct Inner {
    canvas: NodeRef,
    media: Media,
    scene: RefCell<Scene>,
    thumbnails: RefCell<HashMap<SampleId, HtmlImageElement>>,
    is_pending: Cell<bool>,
    frame: Closure<dyn FnMut(f64)>,
    loaded: Closure<dyn FnMut()>,
}

impl Painter {
    pub fn new(canvas: NodeRef, media: Media) -> Self {
        Self(Rc::new_cyclic(|inner: &Weak<Inner>| {
            let (of_frame, of_load) = (inner.clone(), inner.clone());
            Inner {
                canvas,
                media,
                scene: RefCell::default(),
                thumbnails: RefCell::default(),
                is_pending: Cell::new(false),
                frame: Closure::new(move |now_ms| {
                    if let Some(inner) = of_frame.upgrade() {
                        Self(inner).frame(now_ms);
                    }
                }),
                loaded: Closure::new(move || {
                    if let Some(inner) = of_load.upgrade() {
                        Self(inner).request();
                    }
                }),
            }
        }))
    }

    /// Reads or changes the scene; `request` draws it.
    pub fn with<T>(&self, change: impl FnOnce(&mut Scene) -> T) -> T {
        change(&mut self.0.scene.borrow_mut())
    }

    /// Has the scene drawn in the next frame.
    pub fn request(&self) {
        if self.0.is_pending.replace(true) {
            return;
        }
        let requested = web_sys::window()
            .map(|window| window.request_animation_frame(self.0.frame.as_ref().unchecked_ref()));
        if !matches!(requested, Some(Ok(_))) {
            self.0.is_pending.set(false);
        }
    }

    fn frame(&self, now_ms: f64) {
        self.0.is_pending.set(false);
        let Some(canvas) = self.0.canvas.cast::<HtmlCanvasElement>() else {
            return;
        };
        let scene = &mut *self.0.scene.borrow_mut();
        let (width, height) = (canvas.client_width(), canvas.client_height());
        // In a panel that is not open there is nothing to see.
        if width == 0 || height == 0 {
            return;
        }
        scene.view.resize(f64::from(width), f64::from(height));
        let is_moving = scene.step(now_ms);
        self.paint(&canvas, scene, now_ms);
        // One finger scrolls the page on, until the map is zoomed in or images are being selected.
        let is_scrolling = scene.view.is_whole() && !scene.is_selecting;
        let touch = if is_scrolling { "pan-y" } else { "none" };
        let _ = canvas.style().set_property("touch-action", touch);
        if is_moving || (scene.live.is_some() && !scene.is_still) {
            self.request();
        }
    }

    fn paint(&self, canvas: &HtmlCanvasElement, scene: &Scene, now_ms: f64) {
        let window = web_sys::window();
        let context = canvas.get_context("2d").ok().flatten();
        let context = context.and_then(|found| found.dyn_into::<CanvasRenderingContext2d>().ok());
        let style = window
            .as_ref()
            .and_then(|window| window.get_computed_style(canvas).ok().flatten());
        let (Some(window), Some(context), Some(style)) = (window, context, style) else {
            return;
        };
        let pixels = window.device_pixel_ratio().max(1.0);
        let [width, height] = scene.view.size().map(|length| (length * pixels) as u32);
        // Setting a size empties the canvas, even if it is the same one.
        if canvas.width() != width || canvas.height() != height {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        // Fails only for what is no number.
        let _ = context.set_transform(pixels, 0.0, 0.0, pixels, 0.0, 0.0);
        let mut brush = Brush {
            context: &context,
            colors: &Colors::read(&style, COLORS),
            now_ms,
            thumbnail: &mut |id| self.thumbnail(id),
        };
        brush.paint(scene);
    }

    /// An image's thumbnail if it is loaded; otherwise it begins to load, and the scene is drawn again when it is there.
    fn thumbnail(&self, id: SampleId) -> Option<HtmlImageElement> {
        let mut thumbnails = self.0.thumbnails.borrow_mut();
        if let Some(image) = thumbnails.get(&id) {
            let is_loaded = image.complete() && image.natural_width() > 0;
            return is_loaded.then(|| image.clone());
        }
        let source = self.0.media.source(id)?;
        let image = HtmlImageElement::new().ok()?;
        image.set_onload(Some(self.0.loaded.as_ref().unchecked_ref()));
        image.set_src(&source);
        thumbnails.insert(id, image);
        None
    }
}

impl PartialEq for Painter {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
