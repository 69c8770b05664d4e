//! The map's picture and what goes with it, in the hands of pointer and keyboard.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::SampleId;
use yew::prelude::*;

use super::tip::Tip;
use crate::map::painter::Painter;
use crate::state::project::Project;

/// How much closer a press of a button or a key comes.
pub const ZOOM_STEP: f64 = 1.5;

/// As it was drawn last. Clones share the picture.
#[derive(Clone)]
pub struct Board {
    pub painter: Painter,
    pub tip: UseStateHandle<Option<Tip>>,
    pub project: Project,
    pub selected: Rc<HashSet<SampleId>>,
    /// Dragging draws a line around images instead of moving the map.
    pub is_selecting: bool,
    pub onselect: Callback<HashSet<SampleId>>,
    pub onopen: Callback<SampleId>,
}

impl Board {
    /// Shows the image at a dot that is pointed at, or none.
    pub fn show(&self, at: Option<usize>) {
        let shown = self.painter.with(|scene| {
            scene.active = at;
            Tip::of(scene, true)
        });
        self.tip.set(shown);
        self.painter.request();
    }

    /// Whether the image that is shown goes with the pointer.
    pub fn is_pointed_at(&self) -> bool {
        self.tip.as_ref().is_some_and(|tip| tip.is_pointed_at)
    }

    /// Selects an image, or no longer.
    pub fn toggle(&self, id: SampleId) {
        let mut next = (*self.selected).clone();
        if !next.remove(&id) {
            next.insert(id);
        }
        self.onselect.emit(next);
    }

    /// Comes closer, to the active image if there is one; without a factor shows all.
    pub fn zoom(&self, factor: Option<f64>) {
        let shown = self.painter.with(|scene| {
            let middle = scene.view.size().map(|length| length / 2.0);
            let around = scene.active.and_then(|at| scene.screen(at));
            match factor {
                Some(factor) => {
                    scene.view.zoom_at(around.unwrap_or(middle), factor);
                }
                None => scene.view.show_all(),
            }
            Tip::of(scene, false)
        });
        self.tip.set(shown);
        self.painter.request();
    }

    /// A button that zooms.
    pub fn zoom_button(&self, factor: Option<f64>) -> Callback<MouseEvent> {
        let board = self.clone();
        Callback::from(move |_: MouseEvent| board.zoom(factor))
    }
}
