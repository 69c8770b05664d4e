//! Draws the map.

use std::collections::HashMap;
use std::f64::consts::TAU;

use headstart_project::SampleId;
use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, HtmlImageElement};

use super::Dot;
use super::scene::Scene;

/// Thumbnails' width on the whole map and the most when zoomed in, in pixels.
const THUMBNAIL_PX: f64 = 30.0;
const MOST_THUMBNAIL_PX: f64 = 84.0;
/// Thumbnails may cover this share of each other.
const OVERLAP: f64 = 0.25;
/// One beat of the marker of the newest picture.
const BEAT_MS: f64 = 1400.0;
/// How much the other classes step back behind the highlighted one.
const BACK: f64 = 0.16;

/// The page's colours as they are now.
pub struct Colors {
    classes: Vec<String>,
    surface: String,
    text: String,
    primary: String,
    link: String,
}

impl Colors {
    /// Reads the custom properties of an element's style. `count` colours tell classes apart.
    pub fn read(style: &CssStyleDeclaration, count: u8) -> Self {
        // Absent properties are empty, which a canvas ignores.
        let read = |name: &str| style.get_property_value(name).unwrap_or_default();
        Self {
            classes: (0..count)
                .map(|at| read(&format!("--class-{at}")))
                .collect(),
            surface: read("--surface"),
            text: read("--text"),
            primary: read("--primary"),
            link: read("--link"),
        }
    }
}

/// What painting needs beside the scene.
pub struct Brush<'a> {
    pub context: &'a CanvasRenderingContext2d,
    pub colors: &'a Colors,
    pub now_ms: f64,
    /// Gives an image's thumbnail once it is loaded.
    pub thumbnail: &'a mut dyn FnMut(SampleId) -> Option<HtmlImageElement>,
}

impl Brush<'_> {
    pub fn paint(&mut self, scene: &Scene) {
        let [width, height] = scene.view.size();
        self.context.clear_rect(0.0, 0.0, width, height);
        let radius = dot_radius(scene);
        let seen = |[x, y]: [f64; 2]| {
            let margin = MOST_THUMBNAIL_PX;
            x > -margin && y > -margin && x < width + margin && y < height + margin
        };
        let shown: Vec<(usize, &Dot, [f64; 2])> = scene
            .on_screen()
            .filter(|(_, _, screen)| seen(*screen))
            .collect();
        let (front, back): (Vec<_>, Vec<_>) = shown
            .into_iter()
            .partition(|(at, ..)| scene.stands_out(*at));
        self.context.set_global_alpha(BACK);
        self.dots(scene, &back, radius);
        self.context.set_global_alpha(1.0);
        self.dots(scene, &front, radius);
        if scene.has_thumbnails {
            self.thumbnails(scene, &front);
        } else {
            self.rings(scene, &front, radius);
        }
        self.active(scene, radius);
        self.lasso(scene);
        self.live(scene);
    }

    /// All dots of one colour and form are one path: that is what makes thousands of them quick.
    fn dots(&self, scene: &Scene, dots: &[(usize, &Dot, [f64; 2])], radius: f64) {
        for (class, info) in scene.dots.classes.iter().enumerate() {
            for is_test in [false, true] {
                self.context.begin_path();
                for (_, dot, [x, y]) in dots {
                    if dot.class == class && dot.is_test == is_test {
                        self.circle(*x, *y, radius);
                    }
                }
                let color = self.class_color(info.color);
                if is_test {
                    self.context.set_fill_style_str(&self.colors.surface);
                    self.context.fill();
                    self.context.set_stroke_style_str(color);
                    self.context.set_line_width((radius * 0.55).max(1.5));
                } else {
                    self.context.set_fill_style_str(color);
                    self.context.fill();
                    self.context.set_stroke_style_str(&self.colors.surface);
                    self.context.set_line_width((radius * 0.2).max(0.5));
                }
                self.context.stroke();
            }
        }
    }

    /// Around selected dots.
    fn rings(&self, scene: &Scene, dots: &[(usize, &Dot, [f64; 2])], radius: f64) {
        if scene.selected.is_empty() {
            return;
        }
        self.context.begin_path();
        for (_, dot, [x, y]) in dots {
            if scene.selected.contains(&dot.id) {
                self.circle(*x, *y, radius + 2.5);
            }
        }
        self.context.set_stroke_style_str(&self.colors.text);
        self.context.set_line_width(2.0);
        self.context.stroke();
    }

    /// As many thumbnails as there is room for; the other images stay dots.
    fn thumbnails(&mut self, scene: &Scene, dots: &[(usize, &Dot, [f64; 2])]) {
        let side = thumbnail_side(scene);
        let mut taken: HashMap<[i32; 2], [f64; 2]> = HashMap::new();
        // What is looked at comes first, then what is selected.
        let rank = |at: usize, dot: &Dot| match scene.selected.contains(&dot.id) {
            _ if scene.active == Some(at) => 0,
            true => 1,
            false => 2,
        };
        let mut ranked: Vec<_> = dots.iter().collect();
        ranked.sort_by_key(|(at, dot, _)| rank(*at, dot));
        for &(_, dot, screen) in ranked {
            let cell = screen.map(|value| (value / side).floor() as i32);
            let is_free = (-1..=1).all(|row| {
                (-1..=1).all(|column| {
                    let near = taken.get(&[cell[0] + column, cell[1] + row]);
                    near.is_none_or(|other| {
                        (0..2).any(|axis| {
                            (other[axis] - screen[axis]).abs() >= side * (1.0 - OVERLAP)
                        })
                    })
                })
            });
            if !is_free || taken.contains_key(&cell) {
                continue;
            }
            // Its place is taken also while it loads: otherwise every image below it would be loaded, too.
            taken.insert(cell, screen);
            if let Some(image) = (self.thumbnail)(dot.id) {
                self.thumbnail_at(scene, dot, &image, screen, side);
            }
        }
    }

    fn thumbnail_at(
        &self,
        scene: &Scene,
        dot: &Dot,
        image: &HtmlImageElement,
        [x, y]: [f64; 2],
        side: f64,
    ) {
        let (left, top) = (x - side / 2.0, y - side / 2.0);
        let (width, height) = (
            f64::from(image.natural_width()),
            f64::from(image.natural_height()),
        );
        let square = width.min(height);
        // Fails only for images that are broken, which then show their frame alone.
        let _ = self
            .context
            .draw_image_with_html_image_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
                image,
                (width - square) / 2.0,
                (height - square) / 2.0,
                square,
                square,
                left,
                top,
                side,
                side,
            );
        let color = scene.dots.classes.get(dot.class).map_or(0, |c| c.color);
        self.context.set_stroke_style_str(self.class_color(color));
        self.context.set_line_width(3.0);
        if dot.is_test {
            self.dash(&[5.0, 3.0]);
        }
        self.context.stroke_rect(left, top, side, side);
        self.dash(&[]);
        if scene.selected.contains(&dot.id) {
            self.context.set_stroke_style_str(&self.colors.text);
            self.context
                .stroke_rect(left - 3.0, top - 3.0, side + 6.0, side + 6.0);
        }
    }

    /// The dot below the pointer or at the keyboard's place.
    fn active(&self, scene: &Scene, radius: f64) {
        let Some([x, y]) = scene.active.and_then(|at| scene.screen(at)) else {
            return;
        };
        let has_thumbnail =
            scene.has_thumbnails && scene.active.is_some_and(|at| scene.stands_out(at));
        for (color, width) in [(&self.colors.surface, 6.0), (&self.colors.text, 3.0)] {
            self.context.begin_path();
            if has_thumbnail {
                let side = thumbnail_side(scene) + 9.0;
                self.context
                    .rect(x - side / 2.0, y - side / 2.0, side, side);
            } else {
                self.circle(x, y, radius + 5.0);
            }
            self.context.set_stroke_style_str(color);
            self.context.set_line_width(width);
            self.context.stroke();
        }
    }

    fn lasso(&self, scene: &Scene) {
        let mut points = scene.lasso.iter();
        let Some([x, y]) = points.next() else {
            return;
        };
        self.context.begin_path();
        self.context.move_to(*x, *y);
        points.for_each(|[x, y]| self.context.line_to(*x, *y));
        self.context.close_path();
        self.context.set_global_alpha(0.14);
        self.context.set_fill_style_str(&self.colors.link);
        self.context.fill();
        self.context.set_global_alpha(1.0);
        self.context.set_stroke_style_str(&self.colors.link);
        self.context.set_line_width(2.0);
        self.dash(&[6.0, 4.0]);
        self.context.stroke();
        self.dash(&[]);
    }

    /// The newest picture in Try: a diamond with a beating ring, so that it is found at once among round dots.
    fn live(&self, scene: &Scene) {
        let Some([x, y]) = scene.live.map(|place| scene.view.to_screen(place)) else {
            return;
        };
        let [width, height] = scene.view.size();
        // Beyond the border it stays at the border.
        let (x, y) = (x.clamp(12.0, width - 12.0), y.clamp(12.0, height - 12.0));
        let beat = if scene.is_still {
            0.5
        } else {
            (self.now_ms % BEAT_MS) / BEAT_MS
        };
        self.context.begin_path();
        self.circle(x, y, 9.0 + 16.0 * beat);
        self.context.set_global_alpha(1.0 - beat);
        self.context.set_stroke_style_str(&self.colors.text);
        self.context.set_line_width(3.0);
        self.context.stroke();
        self.context.set_global_alpha(1.0);
        self.context.begin_path();
        self.context.move_to(x, y - 10.0);
        for (dx, dy) in [(10.0, 0.0), (0.0, 10.0), (-10.0, 0.0)] {
            self.context.line_to(x + dx, y + dy);
        }
        self.context.close_path();
        self.context.set_fill_style_str(&self.colors.primary);
        self.context.fill();
        self.context.set_stroke_style_str(&self.colors.text);
        self.context.set_line_width(2.5);
        self.context.stroke();
    }

    fn circle(&self, x: f64, y: f64, radius: f64) {
        self.context.move_to(x + radius, y);
        // Fails only for a negative radius.
        let _ = self.context.arc(x, y, radius, 0.0, TAU);
    }

    fn dash(&self, lengths: &[f64]) {
        let lengths: Array = lengths.iter().map(|&px| JsValue::from_f64(px)).collect();
        // Fails only for what is no number.
        let _ = self.context.set_line_dash(&lengths);
    }

    fn class_color(&self, color: u8) -> &str {
        let color = self.colors.classes.get(usize::from(color));
        color.map_or("", |color| color)
    }
}

fn thumbnail_side(scene: &Scene) -> f64 {
    (THUMBNAIL_PX * scene.view.zoom().sqrt()).min(MOST_THUMBNAIL_PX)
}

/// Fewer images are drawn larger, and zooming in makes them grow a little.
fn dot_radius(scene: &Scene) -> f64 {
    let count = scene.dots.dots.len().max(10) as f64;
    let radius = (8.5 - 1.6 * count.log10()).clamp(3.0, 7.0);
    (radius * scene.view.zoom().powf(0.25)).min(11.0)
}
