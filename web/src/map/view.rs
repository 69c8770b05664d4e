//! The part of the map that is on the screen.

/// Closest and furthest views.
const MOST: f64 = 40.0;
const LEAST: f64 = 1.0;
/// Images that lie closer together than this are not blown up any further.
const LEAST_EXTENT: f64 = 0.05;
/// Room around the outermost images, in pixels.
const MARGIN_PX: f64 = 28.0;

/// The part of the map that is on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The place in the middle of the screen.
    middle: [f64; 2],
    /// 1 shows everything.
    zoom: f64,
    /// How far the images reach from the middle of the map, along both axes.
    extent: [f64; 2],
    /// Size of the screen in CSS pixels.
    size: [f64; 2],
}

impl View {
    pub const fn new() -> Self {
        Self {
            middle: [0.0, 0.0],
            zoom: LEAST,
            extent: [1.0, 1.0],
            size: [1.0, 1.0],
        }
    }

    pub fn resize(&mut self, width: f64, height: f64) {
        self.size = [width.max(1.0), height.max(1.0)];
    }

    /// Fits the whole map to images that reach this far from its middle.
    pub fn set_extent(&mut self, extent: [f64; 2]) {
        self.extent = extent.map(|reach| reach.clamp(LEAST_EXTENT, 1.0));
        self.hold();
    }

    pub const fn extent(&self) -> [f64; 2] {
        self.extent
    }

    pub const fn size(&self) -> [f64; 2] {
        self.size
    }

    pub const fn zoom(&self) -> f64 {
        self.zoom
    }

    pub fn is_whole(&self) -> bool {
        self.zoom <= LEAST
    }

    /// Pixels for one unit of the map.
    pub fn scale(&self) -> f64 {
        let fitting =
            [0, 1].map(|axis| (self.size[axis] / 2.0 - MARGIN_PX).max(1.0) / self.extent[axis]);
        fitting[0].min(fitting[1]) * self.zoom
    }

    /// From the map to the screen, whose vertical axis points down.
    pub fn to_screen(self, place: [f32; 2]) -> [f64; 2] {
        let [x, y] = place.map(f64::from);
        let scale = self.scale();
        [
            self.size[0] / 2.0 + (x - self.middle[0]) * scale,
            self.size[1] / 2.0 - (y - self.middle[1]) * scale,
        ]
    }

    pub fn to_map(self, screen: [f64; 2]) -> [f32; 2] {
        let scale = self.scale();
        [
            (self.middle[0] + (screen[0] - self.size[0] / 2.0) / scale) as f32,
            (self.middle[1] - (screen[1] - self.size[1] / 2.0) / scale) as f32,
        ]
    }

    /// Comes closer by a factor while what is at `screen` stays there. Returns whether anything changed.
    pub fn zoom_at(&mut self, screen: [f64; 2], factor: f64) -> bool {
        let before = *self;
        let place = self.to_map(screen).map(f64::from);
        self.zoom = (self.zoom * factor).clamp(LEAST, MOST);
        let scale = self.scale();
        self.middle = [
            place[0] - (screen[0] - self.size[0] / 2.0) / scale,
            place[1] + (screen[1] - self.size[1] / 2.0) / scale,
        ];
        self.hold();
        *self != before
    }

    /// Moves what is shown by so many pixels.
    pub fn pan(&mut self, by: [f64; 2]) {
        let scale = self.scale();
        self.middle[0] -= by[0] / scale;
        self.middle[1] += by[1] / scale;
        self.hold();
    }

    pub fn show_all(&mut self) {
        self.zoom = LEAST;
        self.middle = [0.0, 0.0];
    }

    /// Brings a place on the screen if it is not. Returns whether it was not.
    pub fn reveal(&mut self, place: [f32; 2]) -> bool {
        let screen = self.to_screen(place);
        let is_shown = (0..2)
            .all(|axis| screen[axis] >= MARGIN_PX && screen[axis] <= self.size[axis] - MARGIN_PX);
        if !is_shown {
            self.middle = place.map(f64::from);
            self.hold();
        }
        !is_shown
    }

    /// The further out, the nearer the middle stays to the map's own.
    fn hold(&mut self) {
        let share = 1.0 - LEAST / self.zoom;
        for (value, extent) in self.middle.iter_mut().zip(self.extent) {
            *value = value.clamp(-share * extent, share * extent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let mut view = View::new();
        view.resize(456.0, 256.0);
        view
    }

    #[test]
    fn everything_is_shown_at_first() {
        let view = view();
        assert_eq!(view.to_screen([0.0, 0.0]), [228.0, 128.0]);
        assert_eq!(view.to_screen([1.0, 1.0]), [328.0, 28.0]);
        assert_eq!(view.to_map([128.0, 228.0]), [-1.0, -1.0]);
    }

    #[test]
    fn flat_and_narrow_maps_fill_the_screen() {
        let mut view = view();
        view.set_extent([1.0, 0.5]);
        assert_eq!(view.to_screen([1.0, 0.5]), [428.0, 28.0]);
        view.set_extent([0.2, 1.0]);
        assert_eq!(view.to_screen([0.0, -1.0]), [228.0, 228.0]);
    }

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let mut view = view();
        let pointer = [250.0, 100.0];
        let place = view.to_map(pointer);
        assert!(view.zoom_at(pointer, 4.0));
        let after = view.to_screen(place);
        assert!((after[0] - pointer[0]).abs() < 1e-3 && (after[1] - pointer[1]).abs() < 1e-3);
        assert!(!view.is_whole());
        view.zoom_at([0.0, 0.0], 0.01);
        assert_eq!(view.to_screen([0.0, 0.0]), [228.0, 128.0]);
        assert!(!view.zoom_at(pointer, 0.5), "there is nothing further out");
    }

    #[test]
    fn the_map_cannot_be_pushed_off_the_screen() {
        let mut view = view();
        view.pan([1000.0, 1000.0]);
        assert_eq!(view.to_screen([0.0, 0.0]), [228.0, 128.0]);
        view.zoom_at([228.0, 128.0], 10.0);
        view.pan([1e6, 0.0]);
        assert!(view.to_screen([-1.0, 0.0])[0] < view.size()[0]);
    }

    #[test]
    fn a_place_is_brought_on_the_screen() {
        let mut view = view();
        assert!(!view.reveal([0.9, 0.9]));
        view.zoom_at([228.0, 128.0], 10.0);
        assert!(view.reveal([0.8, 0.0]));
        let [x, _] = view.to_screen([0.8, 0.0]);
        assert!((x - 228.0).abs() < 1e-3);
    }
}
