//! A dialog with images behind a figure: to look at, to select, to move, to delete.

mod chunk;
pub mod image_actions;
pub mod thumbs;
mod viewer;

use std::collections::HashSet;
use std::rc::Rc;

use gloo_events::EventListener;
use headstart_project::SampleId;
use web_sys::{Element, HtmlDialogElement, HtmlElement};
use yew::prelude::*;

use self::chunk::GalleryChunk;
use self::image_actions::ImageActions;
use self::viewer::Viewer;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::stops::move_focus;
use crate::context::use_app;
use crate::state::Action;
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::text;

/// Images that are drawn, and decoded, together.
const CHUNK: usize = 48;
const TITLE_ID: &str = "gallery-title";
/// Where the focus goes when what had it before is gone.
const HOME_ID: &str = "check";

/// One image of a gallery.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: SampleId,
    /// What is to be said of it here beside its class; may be empty.
    pub caption: AttrValue,
}

/// What a gallery shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    pub title: AttrValue,
    pub items: Rc<[Item]>,
    /// The one to show large from the beginning.
    pub large: Option<SampleId>,
}

impl Opened {
    /// Images without captions.
    pub fn plain(title: impl Into<AttrValue>, ids: &[SampleId]) -> Self {
        let item = |&id| Item {
            id,
            caption: AttrValue::default(),
        };
        Self {
            title: title.into(),
            items: ids.iter().map(item).collect(),
            large: None,
        }
    }
}

#[derive(Properties, PartialEq)]
pub struct Props {
    pub opened: Opened,
    pub project: Project,
    /// The run whose model says where it looked, if there is one.
    pub plan: Option<Rc<Plan>>,
    /// What can be taken back.
    pub undo: Option<AttrValue>,
    pub onclose: Callback<()>,
}

#[component]
pub fn Gallery(props: &Props) -> Html {
    let app = use_app();
    let dialog = use_node_ref();
    let grid = use_node_ref();
    let selected = use_state_eq(|| Rc::new(HashSet::<SampleId>::new()));
    let large = use_state_eq(|| props.opened.large);
    let active = use_state_eq(|| None::<SampleId>);
    use_modal(&dialog, &props.onclose);

    // Images that are gone meanwhile are left out, and stand here again when they come back.
    let items: Vec<Item> = props
        .opened
        .items
        .iter()
        .filter(|item| props.project.find(item.id).is_some())
        .cloned()
        .collect();
    let chosen: Vec<SampleId> = items
        .iter()
        .map(|item| item.id)
        .filter(|id| selected.contains(id))
        .collect();
    let show = {
        let large = large.clone();
        Callback::from(move |id: Option<SampleId>| large.set(id))
    };
    let close = {
        let dialog = dialog.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(dialog) = dialog.cast::<HtmlDialogElement>() {
                dialog.close();
            }
        })
    };
    let body = match *large {
        _ if items.is_empty() => html! {
            <p class="gallery-empty">{ "None of these images is left." }</p>
        },
        Some(id) => html! {
            <Viewer {id} items={Rc::<[Item]>::from(items)} project={props.project.clone()} plan={props.plan.clone()} onshow={show} />
        },
        None => html! {
            <>
                { pictures(&grid, &items, &chosen, &selected, &active, &props.project, &show) }
                { foot(items.iter().map(|item| item.id).collect(), chosen, &selected, &props.project) }
            </>
        },
    };
    html! {
        <dialog ref={dialog} class="gallery" aria-labelledby={TITLE_ID}>
            <div class="gallery-head">
                <h2 id={TITLE_ID}>{ &props.opened.title }</h2>
                <button type="button" class="icon-button" aria-label="Close" title="Close" onclick={close}>
                    { glyph(Icon::Close) }
                </button>
            </div>
            { body }
            <div class="gallery-undo" aria-live="polite">
                if let Some(label) = &props.undo {
                    <span>{ label }</span>
                    <button type="button" class="text-button" onclick={app.callback(|_: MouseEvent| Action::Undo)}>
                        { glyph(Icon::Undo) }{ "Undo" }
                    </button>
                }
            </div>
        </dialog>
    }
}

/// The images that are selected, also those that are gone and may come back.
type Selected = UseStateHandle<Rc<HashSet<SampleId>>>;

/// The pictures, one stop for Tab; within them the arrow keys move.
fn pictures(
    grid: &NodeRef,
    items: &[Item],
    chosen: &[SampleId],
    selected: &Selected,
    active: &UseStateHandle<Option<SampleId>>,
    project: &Project,
    show: &Callback<Option<SampleId>>,
) -> Html {
    let first = active.filter(|id| items.iter().any(|item| item.id == *id));
    let first = first.or_else(|| items.first().map(|item| item.id));
    let toggle = {
        let selected = selected.clone();
        Callback::from(move |id: SampleId| {
            let mut next = (**selected).clone();
            if !next.remove(&id) {
                next.insert(id);
            }
            selected.set(Rc::new(next));
        })
    };
    let onactive = {
        let active = active.clone();
        Callback::from(move |id: SampleId| active.set(Some(id)))
    };
    let onkeydown = {
        let grid = grid.clone();
        Callback::from(move |event: KeyboardEvent| {
            if let Some(grid) = grid.cast::<Element>()
                && move_focus(&grid, &event)
            {
                event.prevent_default();
            }
        })
    };
    html! {
        <div ref={grid.clone()} class="gallery-grid" role="group" aria-label="Images. Arrow keys move between them." {onkeydown}>
            { for items.chunks(CHUNK).map(|chunk| {
                let ids: HashSet<_> = chunk.iter().map(|item| item.id).collect();
                html! {
                    <GalleryChunk
                        key={chunk.first().map_or(0, |item| item.id.0)}
                        items={Rc::<[Item]>::from(chunk)}
                        project={project.clone()}
                        selected={chosen.iter().copied().filter(|id| ids.contains(id)).collect::<Vec<_>>()}
                        active={first.filter(|id| ids.contains(id))}
                        onactive={onactive.clone()}
                        onopen={show.reform(Some)}
                        ontoggle={toggle.clone()}
                    />
                }
            }) }
        </div>
    }
}

/// What can be done with those that are selected.
fn foot(all: Vec<SampleId>, chosen: Vec<SampleId>, selected: &Selected, project: &Project) -> Html {
    let select = |ids: Vec<SampleId>| {
        let selected = selected.clone();
        Callback::from(move |_: MouseEvent| selected.set(Rc::new(ids.iter().copied().collect())))
    };
    let ondone = {
        let selected = selected.clone();
        Callback::from(move |()| selected.set(Rc::default()))
    };
    html! {
        <div class="gallery-foot">
            <p class="gallery-count" role="status">
                { match chosen.len() {
                    0 => "Select images to move or delete them.".to_owned(),
                    count => format!("{} selected", text::count(count, "image")),
                } }
            </p>
            <div class="button-row">
                <button type="button" class="text-button" onclick={select(all)}>{ "Select all" }</button>
                <button type="button" class="text-button" aria-disabled={chosen.is_empty().then_some("true")} onclick={select(Vec::new())}>{ "Select none" }</button>
            </div>
            <ImageActions ids={chosen} project={project.clone()} {ondone} />
        </div>
    }
}

/// Opens the dialog when it is there. The browser keeps the focus in it, closes it on Escape and gives the focus back.
#[hook]
fn use_modal(dialog: &NodeRef, onclose: &Callback<()>) {
    let (dialog, onclose) = (dialog.clone(), onclose.clone());
    use_effect_with((), move |()| {
        let element = dialog.cast::<HtmlDialogElement>();
        let listener = element.as_ref().map(|element| {
            EventListener::new(element, "close", move |_| {
                restore_focus();
                onclose.emit(());
            })
        });
        if let Some(Err(error)) = element.map(|element| element.show_modal()) {
            web_sys::console::error_2(&"Headstart: the dialog does not open".into(), &error);
        }
        move || drop(listener)
    });
}

/// What opened the dialog may be gone with the image that it stood for; then the focus goes to the part of the page that it was in.
fn restore_focus() {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else {
        return;
    };
    let is_lost = document
        .active_element()
        .is_none_or(|element| element.tag_name() == "BODY");
    if let (true, Some(home)) = (is_lost, document.get_element_by_id(HOME_ID)) {
        let home: HtmlElement = wasm_bindgen::JsCast::unchecked_into(home);
        // Focusing an element that is on the page does not fail.
        let _ = home.focus();
    }
}
