//! The picture of the map, by pointer and by keyboard.

use std::collections::HashSet;
use std::rc::Rc;

use headstart_project::SampleId;
use yew::prelude::*;

use super::board::{Board, ZOOM_STEP};
use super::keys;
use super::pointer::Listeners;
use super::tip::{MapTip, Tip};
use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::hooks::use_painting::use_painting;
use crate::map::Dots;
use crate::map::gesture::Gesture;
use crate::map::painter::Painter;
use crate::state::project::Project;

const HELP_ID: &str = "map-help";

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

    let board = Board {
        painter: (*painter).clone(),
        tip: tip.clone(),
        project: props.project.clone(),
        selected: props.selected.clone(),
        is_selecting: props.is_selecting,
        onselect: props.onselect.clone(),
        onopen: props.onopen.clone(),
    };
    let pointer = Listeners::new(&board, &gesture);
    let onkeydown = keys::listener(&board, &news);
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
                    onpointerdown={pointer.ondown}
                    onpointermove={pointer.onmove}
                    onpointerup={pointer.onup}
                    onpointercancel={pointer.oncancel}
                    onpointerleave={pointer.onleave}
                ></canvas>
                if let Some(tip) = (*tip).clone() {
                    <MapTip {tip} project={props.project.clone()} />
                }
            </div>
            <div class="map-foot">
                <div class="map-zoom">
                    <button type="button" class="icon-button" aria-label="Zoom in" title="Zoom in" onclick={board.zoom_button(Some(ZOOM_STEP))}>{ glyph(Icon::Plus) }</button>
                    <button type="button" class="icon-button" aria-label="Zoom out" title="Zoom out" onclick={board.zoom_button(Some(1.0 / ZOOM_STEP))}>{ glyph(Icon::Minus) }</button>
                    <button type="button" class="icon-button" aria-label="Show all" title="Show all" onclick={board.zoom_button(None)}>{ glyph(Icon::Fit) }</button>
                </div>
                if let Some(class) = live_class {
                    <p class="map-live">{ "The picture in Try lies among “" }{ &*class.name }{ "”." }</p>
                }
            </div>
            <p id={HELP_ID} class="visually-hidden">{ keys::HELP }</p>
            <p class="visually-hidden" role="status">{ &*news }</p>
        </div>
    }
}
