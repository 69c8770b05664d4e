//! What the keyboard does on the map's picture.

use std::collections::HashSet;

use yew::prelude::*;

use super::board::{Board, ZOOM_STEP};
use super::tip::{Tip, described};
use crate::map::scene::Direction;

/// The keys in words.
pub const HELP: &str = "Arrow keys go to the next image in their direction, Enter opens it, Space selects it, plus and minus zoom, 0 shows all, Escape selects none.";

/// Listens to the keys; `news` is what a screen reader is told.
pub fn listener(board: &Board, news: &UseStateHandle<AttrValue>) -> Callback<KeyboardEvent> {
    let (board, news) = (board.clone(), news.clone());
    Callback::from(move |event: KeyboardEvent| {
        let is_shortcut = event.ctrl_key() || event.meta_key() || event.alt_key();
        if !is_shortcut && press(&board, &news, &event.key()) {
            event.prevent_default();
        }
    })
}

/// Returns whether the key means something here.
fn press(board: &Board, news: &UseStateHandle<AttrValue>, key: &str) -> bool {
    if let Some(direction) = direction(key) {
        step(board, news, direction);
        return true;
    }
    let active = board
        .painter
        .with(|scene| scene.active.and_then(|at| scene.id(at)));
    match (key, active) {
        ("Enter", Some(id)) => board.onopen.emit(id),
        (" ", Some(id)) => {
            let is_selected = !board.selected.contains(&id);
            board.toggle(id);
            news.set(described(&board.project, id, is_selected).into());
        }
        ("+" | "=", _) => board.zoom(Some(ZOOM_STEP)),
        ("-", _) => board.zoom(Some(1.0 / ZOOM_STEP)),
        ("0", _) => board.zoom(None),
        ("Escape", _) if !board.selected.is_empty() => board.onselect.emit(HashSet::new()),
        // Nothing to scroll either, when nothing is chosen yet.
        (" ", None) => {}
        _ => return false,
    }
    true
}

fn direction(key: &str) -> Option<Direction> {
    match key {
        "ArrowLeft" => Some(Direction::Left),
        "ArrowRight" => Some(Direction::Right),
        "ArrowUp" => Some(Direction::Up),
        "ArrowDown" => Some(Direction::Down),
        _ => None,
    }
}

/// Goes to the next image in a direction, and tells which it is.
fn step(board: &Board, news: &UseStateHandle<AttrValue>, direction: Direction) {
    let shown = board.painter.with(|scene| {
        scene.active = scene.next(direction).or(scene.active);
        scene.reveal_active();
        Tip::of(scene, false)
    });
    if let Some(shown) = &shown {
        let is_selected = board.selected.contains(&shown.id);
        news.set(described(&board.project, shown.id, is_selected).into());
    }
    board.tip.set(shown);
    board.painter.request();
}
