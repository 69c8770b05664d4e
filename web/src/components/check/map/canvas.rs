//! The picture of the map, by pointer and by keyboard.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::SampleId;
use web_sys::{Element, PointerEvent};
use yew::prelude::*;

use super::tip::{MapTip, Tip, described};
use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::hooks::use_painting::use_painting;
use crate::map::Dots;
use crate::map::gesture::{Gesture, Outcome};
use crate::map::painter::Painter;
use crate::map::scene::Direction;
use crate::state::project::Project;

/// How much closer a press of a button or a key comes.
const ZOOM_STEP: f64 = 1.5;
const HELP_ID: &str = "map-help";
const HELP: &str = "Arrow keys go to the next image in their direction, Enter opens it, Space selects it, plus and minus zoom, 0 shows all, Escape selects none.";

#[derive(Properties, PartialEq)]
pub struct Props {
    pub dots: Rc<Dots>,
    pub project: Project,
    pub selected: Rc<HashSet<SampleId>>,
    /// Index of the class that stands out.
    pub highlighted: Option<usize>,
    /// Dragging draws a line around images instead of moving the map.
    pub is_selecting: bool,
    pub has_thumbnails: bool,
    /// What the map shows, in words.
    pub summary: AttrValue,
    pub onselect: Callback<HashSet<SampleId>>,
    pub onopen: Callback<SampleId>,
}

#[component]
pub fn MapCanvas(props: &Props) -> Html {
    let app = use_app();
    let canvas = use_node_ref();
    let tip = use_state_eq(|| None::<Tip>);
    let news = use_state_eq(AttrValue::default);
    let live = use_state_eq(|| None::<usize>);
    let painter = {
        let (canvas, media) = (canvas.clone(), app.media.clone());
        use_memo((), move |()| Painter::new(canvas, media))
    };
    let gesture = use_mut_ref(Gesture::default);
    let onlive = {
        let live = live.clone();
        Callback::from(move |class| live.set(class))
    };
    use_painting(&app, &canvas, &painter, onlive);
    {
        let (painter, tip) = (painter.clone(), tip.clone());
        use_effect_with(props.dots.clone(), move |dots| {
            tip.set(None);
            painter.with(|scene| scene.set_dots(dots.clone()));
            painter.request();
        });
    }
    {
        let painter = painter.clone();
        let shown = (
            props.selected.clone(),
            props.highlighted,
            props.has_thumbnails,
            props.is_selecting,
        );
        use_effect_with(shown, move |shown| {
            painter.with(|scene| {
                scene.selected = shown.0.clone();
                scene.highlighted = shown.1;
                scene.has_thumbnails = shown.2;
                scene.is_selecting = shown.3;
            });
            painter.request();
        });
    }

    // Shows the image at a dot that is pointed at, or none.
    let show = {
        let (painter, tip) = (painter.clone(), tip.clone());
        Callback::from(move |at: Option<usize>| {
            let shown = painter.with(|scene| {
                scene.active = at;
                Tip::of(scene, true)
            });
            tip.set(shown);
            painter.request();
        })
    };
    let toggle = {
        let (selected, onselect) = (props.selected.clone(), props.onselect.clone());
        Callback::from(move |id: SampleId| {
            let mut next = (*selected).clone();
            if !next.remove(&id) {
                next.insert(id);
            }
            onselect.emit(next);
        })
    };
    let zoom = {
        let (painter, tip) = (painter.clone(), tip.clone());
        Callback::from(move |factor: Option<f64>| {
            let shown = painter.with(|scene| {
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
            tip.set(shown);
            painter.request();
        })
    };
    let button = |factor: Option<f64>| zoom.reform(move |_: MouseEvent| factor);

    let onpointerdown = {
        let (painter, gesture) = (painter.clone(), gesture.clone());
        let is_selecting = props.is_selecting;
        Callback::from(move |event: PointerEvent| {
            if event.button() != 0 {
                return;
            }
            // Keeps on hearing of the pointer when it leaves the map.
            if let Some(target) = event.target_dyn_into::<Element>() {
                let _ = target.set_pointer_capture(event.pointer_id());
            }
            let draws_line = is_selecting || event.shift_key();
            painter.with(|scene| {
                let mut gesture = gesture.borrow_mut();
                gesture.down(event.pointer_id(), place(&event), draws_line, scene);
            });
        })
    };
    let onpointermove = {
        let (painter, gesture, tip) = (painter.clone(), gesture.clone(), tip.clone());
        let show = show.clone();
        Callback::from(move |event: PointerEvent| {
            let at = place(&event);
            if gesture.borrow().is_idle() {
                let hit = painter.with(|scene| scene.hit(at));
                // A pointer on empty ground takes nothing away from the keyboard.
                if hit.is_some() || tip.as_ref().is_some_and(|tip| tip.is_pointed_at) {
                    show.emit(hit);
                }
                return;
            }
            let has_moved = painter.with(|scene| {
                let mut gesture = gesture.borrow_mut();
                gesture.moved(event.pointer_id(), at, scene)
            });
            if has_moved {
                tip.set(None);
                painter.request();
            }
        })
    };
    let onpointerup = {
        let (painter, gesture, show) = (painter.clone(), gesture.clone(), show.clone());
        let (onopen, onselect, toggle) =
            (props.onopen.clone(), props.onselect.clone(), toggle.clone());
        let (selected, is_selecting) = (props.selected.clone(), props.is_selecting);
        Callback::from(move |event: PointerEvent| {
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
                    if is_selecting || event.shift_key() {
                        show.emit(hit);
                        toggle.emit(id);
                    } else {
                        onopen.emit(id);
                    }
                }
                Outcome::Enclosed(mut enclosed) => {
                    if event.shift_key() {
                        enclosed.extend(selected.iter().copied());
                    }
                    onselect.emit(enclosed);
                }
            }
        })
    };
    let onpointercancel = {
        let (painter, gesture) = (painter.clone(), gesture.clone());
        Callback::from(move |_: PointerEvent| {
            painter.with(|scene| gesture.borrow_mut().cancel(scene));
            painter.request();
        })
    };
    let onpointerleave = {
        let (tip, show) = (tip.clone(), show.clone());
        Callback::from(move |_: PointerEvent| {
            if tip.as_ref().is_some_and(|tip| tip.is_pointed_at) {
                show.emit(None);
            }
        })
    };
    let onkeydown = {
        let (painter, news, tip) = (painter.clone(), news.clone(), tip.clone());
        let zoom = zoom.clone();
        let (onopen, onselect) = (props.onopen.clone(), props.onselect.clone());
        let (project, selected) = (props.project.clone(), props.selected.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() {
                return;
            }
            let active = painter.with(|scene| scene.active.and_then(|at| scene.id(at)));
            let direction = match event.key().as_str() {
                "ArrowLeft" => Some(Direction::Left),
                "ArrowRight" => Some(Direction::Right),
                "ArrowUp" => Some(Direction::Up),
                "ArrowDown" => Some(Direction::Down),
                _ => None,
            };
            match (event.key().as_str(), active) {
                (_, _) if direction.is_some() => {
                    let shown = painter.with(|scene| {
                        let next = direction.and_then(|direction| scene.next(direction));
                        scene.active = next.or(scene.active);
                        scene.reveal_active();
                        Tip::of(scene, false)
                    });
                    if let Some(shown) = &shown {
                        let is_selected = selected.contains(&shown.id);
                        news.set(described(&project, shown.id, is_selected).into());
                    }
                    tip.set(shown);
                    painter.request();
                }
                ("Enter", Some(id)) => onopen.emit(id),
                (" ", Some(id)) => {
                    let is_selected = !selected.contains(&id);
                    toggle.emit(id);
                    news.set(described(&project, id, is_selected).into());
                }
                ("+" | "=", _) => zoom.emit(Some(ZOOM_STEP)),
                ("-", _) => zoom.emit(Some(1.0 / ZOOM_STEP)),
                ("0", _) => zoom.emit(None),
                ("Escape", _) if !selected.is_empty() => onselect.emit(HashSet::new()),
                // Nothing to scroll either, when nothing is chosen yet.
                (" ", None) => {}
                _ => return,
            }
            event.prevent_default();
        })
    };
    let onblur = {
        let tip = tip.clone();
        Callback::from(move |_: FocusEvent| tip.set(None))
    };
    let live_class = (*live).and_then(|class| props.dots.classes.get(class));
    html! {
        <div class="map-picture">
            <div
                class={classes!("map-frame", props.is_selecting.then_some("is-selecting"))}
                role="application"
                tabindex="0"
                aria-label="Map of the images"
                aria-describedby={HELP_ID}
                {onkeydown}
                {onblur}
            >
                <canvas
                    ref={canvas}
                    role="img"
                    aria-label={props.summary.clone()}
                    {onpointerdown}
                    {onpointermove}
                    {onpointerup}
                    {onpointercancel}
                    {onpointerleave}
                ></canvas>
                if let Some(tip) = (*tip).clone() {
                    <MapTip {tip} project={props.project.clone()} />
                }
            </div>
            <div class="map-foot">
                <div class="map-zoom">
                    <button type="button" class="icon-button" aria-label="Zoom in" title="Zoom in" onclick={button(Some(ZOOM_STEP))}>{ glyph(Icon::Plus) }</button>
                    <button type="button" class="icon-button" aria-label="Zoom out" title="Zoom out" onclick={button(Some(1.0 / ZOOM_STEP))}>{ glyph(Icon::Minus) }</button>
                    <button type="button" class="icon-button" aria-label="Show all" title="Show all" onclick={button(None)}>{ glyph(Icon::Fit) }</button>
                </div>
                if let Some(class) = live_class {
                    <p class="map-live">{ "The picture in Try lies among “" }{ &*class.name }{ "”." }</p>
                }
            </div>
            <p id={HELP_ID} class="visually-hidden">{ HELP }</p>
            <p class="visually-hidden" role="status">{ &*news }</p>
        </div>
    }
}

fn place(event: &PointerEvent) -> [f64; 2] {
    [f64::from(event.offset_x()), f64::from(event.offset_y())]
}
