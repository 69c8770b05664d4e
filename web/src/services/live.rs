//! Where the newest picture in Try lies on the map. It changes with every camera frame, so it goes past the state, which would draw the whole page anew.

use std::cell::RefCell;
use std::rc::Rc;

use yew::Callback;

/// A place on the map, both coordinates within -1 to 1 or a little beyond.
pub type Place = [f32; 2];

/// The newest place, and who draws it. Clones share it.
#[derive(Clone, Default)]
pub struct Live(Rc<RefCell<Shared>>);

#[derive(Default)]
struct Shared {
    place: Option<Place>,
    listener: Option<Callback<Option<Place>>>,
}

impl Live {
    /// `None` when there is no picture any more, or no map.
    pub fn set(&self, place: Option<Place>) {
        let listener = {
            let shared = &mut *self.0.borrow_mut();
            if shared.place == place {
                return;
            }
            shared.place = place;
            shared.listener.clone()
        };
        if let Some(listener) = listener {
            listener.emit(place);
        }
    }

    pub fn place(&self) -> Option<Place> {
        self.0.borrow().place
    }

    /// There is one map, so the newest listener takes the place of the one before.
    pub fn listen(&self, listener: Option<Callback<Option<Place>>>) {
        self.0.borrow_mut().listener = listener;
    }
}
