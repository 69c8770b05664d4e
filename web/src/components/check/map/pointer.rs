//! What a pointer does on the map's picture.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Element, PointerEvent};
use yew::prelude::*;

use super::board::Board;
use crate::map::gesture::{Gesture, Outcome};

/// The picture's listeners.
pub struct Listeners {
    pub ondown: Callback<PointerEvent>,
    pub onmove: Callback<PointerEvent>,
    pub onup: Callback<PointerEvent>,
    pub oncancel: Callback<PointerEvent>,
    pub onleave: Callback<PointerEvent>,
}

impl Listeners {
    pub fn new(board: &Board, gesture: &Rc<RefCell<Gesture>>) -> Self {
        let on = |act: fn(&Board, &RefCell<Gesture>, &PointerEvent)| {
            let (board, gesture) = (board.clone(), gesture.clone());
            Callback::from(move |event: PointerEvent| act(&board, &gesture, &event))
        };
        Self {
            ondown: on(down),
            onmove: on(moved),
            onup: on(up),
            oncancel: on(cancel),
            onleave: on(leave),
        }
    }
}

fn down(board: &Board, gesture: &RefCell<Gesture>, event: &PointerEvent) {
    if event.button() != 0 {
        return;
    }
    // Keeps on hearing of the pointer when it leaves the map.
    if let Some(target) = event.target_dyn_into::<Element>() {
        let _ = target.set_pointer_capture(event.pointer_id());
    }
    let draws_line = board.is_selecting || event.shift_key();
    board.painter.with(|scene| {
        let mut gesture = gesture.borrow_mut();
        gesture.down(event.pointer_id(), place(event), draws_line, scene);
    });
}

fn moved(board: &Board, gesture: &RefCell<Gesture>, event: &PointerEvent) {
    let at = place(event);
    if gesture.borrow().is_idle() {
        let hit = board.painter.with(|scene| scene.hit(at));
        // A pointer on empty ground takes nothing away from the keyboard.
        if hit.is_some() || board.is_pointed_at() {
            board.show(hit);
        }
        return;
    }
    let has_moved = board.painter.with(|scene| {
        let mut gesture = gesture.borrow_mut();
        gesture.moved(event.pointer_id(), at, scene)
    });
    if has_moved {
        board.tip.set(None);
        board.painter.request();
    }
}

fn up(board: &Board, gesture: &RefCell<Gesture>, event: &PointerEvent) {
    let painter = &board.painter;
    let outcome = painter.with(|scene| gesture.borrow_mut().up(event.pointer_id(), scene));
    painter.request();
    match outcome {
        Outcome::Nothing => {}
        Outcome::Press(at) => {
            let hit = painter.with(|scene| scene.hit(at));
            let id = hit.and_then(|at| painter.with(|scene| scene.id(at)));
            let Some(id) = id else {
                return;
            };
            if board.is_selecting || event.shift_key() {
                board.show(hit);
                board.toggle(id);
            } else {
                board.onopen.emit(id);
            }
        }
        Outcome::Enclosed(mut enclosed) => {
            if event.shift_key() {
                enclosed.extend(board.selected.iter().copied());
            }
            board.onselect.emit(enclosed);
        }
    }
}

fn cancel(board: &Board, gesture: &RefCell<Gesture>, _: &PointerEvent) {
    let painter = &board.painter;
    painter.with(|scene| gesture.borrow_mut().cancel(scene));
    painter.request();
}

fn leave(board: &Board, _: &RefCell<Gesture>, _: &PointerEvent) {
    if board.is_pointed_at() {
        board.show(None);
    }
}

fn place(event: &PointerEvent) -> [f64; 2] {
    [f64::from(event.offset_x()), f64::from(event.offset_y())]
}
