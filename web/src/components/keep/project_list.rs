//! The kept projects: open one, begin another, rename, copy, delete and bring back.

use js_sys::Date;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::OpenProject;
use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::services::keep::storage::{self, Space};
use crate::services::samples::media::ObjectUrl;
use crate::state::Action;
use crate::state::saved::Summary;
use crate::state::storage::Stage;
use crate::text;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub projects: Vec<Summary>,
}

#[component]
pub fn ProjectList(props: &Props) -> Html {
    let app = use_app();
    let space = use_state_eq(|| None::<Space>);
    {
        let space = space.clone();
        use_effect_with(props.projects.clone(), move |_| {
            spawn_local(async move { space.set(storage::space().await) });
        });
    }
    let begin = {
        let app = app.clone();
        Callback::from(move |_: MouseEvent| {
            let app = app.clone();
            spawn_local(async move { app.projects.begin(&app).await });
        })
    };
    html! {
        <>
            <div class="projects-head">
                <h2>{ "Your projects" }</h2>
                <div class="button-row">
                    <OpenProject />
                    <button type="button" class="button button-primary" onclick={begin}>
                        { glyph(Icon::Plus) }{ "New project" }
                    </button>
                </div>
            </div>
            <ul class="project-list" role="list">
                { for props.projects.iter().map(|project| html! {
                    <ProjectCard key={project.id.0.clone()} project={project.clone()} all={props.projects.clone()} />
                }) }
            </ul>
            if let Some(space) = *space {
                <p class={classes!("hint", space.is_nearly_full().then_some("problem"))}>
                    { space.words() }
                </p>
            }
        </>
    }
}

#[derive(Properties, PartialEq)]
struct CardProps {
    project: Summary,
    all: Vec<Summary>,
}

#[component]
fn ProjectCard(props: &CardProps) -> Html {
    let app = use_app();
    let project = &props.project;
    let cover = use_state(|| None::<ObjectUrl>);
    {
        let (app, cover) = (app.clone(), cover.clone());
        use_effect_with((project.id.clone(), project.cover), move |(id, sample)| {
            let (id, sample) = (id.clone(), *sample);
            spawn_local(async move {
                if let (Some(store), Some(sample)) = (app.projects.store(), sample) {
                    let thumbnail = store.thumbnail(&id, sample).await;
                    cover.set(thumbnail.as_ref().and_then(ObjectUrl::new));
                }
            });
        });
    }
    let show = {
        let (app, all, id) = (app.clone(), props.all.clone(), project.id.clone());
        move |changed: Option<Summary>, added: Option<Summary>| {
            let shown = all.iter().map(|known| match &changed {
                Some(changed) if known.id == id => changed.clone(),
                _ => known.clone(),
            });
            let shown = added.into_iter().chain(shown).collect();
            app.dispatch(Action::SetStage(Stage::Start(shown)));
        }
    };
    let change = {
        let (app, show) = (app.clone(), show.clone());
        move |changed: Summary| {
            show(Some(changed.clone()), None);
            let app = app.clone();
            spawn_local(async move { app.projects.change(&app, &changed).await });
        }
    };
    let rename = {
        let (change, project) = (change.clone(), project.clone());
        Callback::from(move |event: Event| {
            let input: HtmlInputElement = event.target_unchecked_into();
            let title = input.value().trim().to_owned();
            if !title.is_empty() {
                change(Summary {
                    title,
                    ..project.clone()
                });
            }
        })
    };
    let set_deleted = |is_deleted: bool| {
        let (change, project) = (change.clone(), project.clone());
        Callback::from(move |_: MouseEvent| {
            change(Summary {
                deleted_ms: is_deleted.then(Date::now),
                ..project.clone()
            });
        })
    };
    if project.deleted_ms.is_some() {
        return html! {
            <li class="card project is-deleted">
                <p>{ format!("“{}” is deleted when this page is opened the next time.", project.title) }</p>
                <button type="button" class="button" onclick={set_deleted(false)}>
                    { glyph(Icon::Undo) }{ "Bring it back" }
                </button>
            </li>
        };
    }
    let open = {
        let (app, project) = (app.clone(), project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project) = (app.clone(), project.clone());
            spawn_local(async move { app.projects.open(&app, project).await });
        })
    };
    let duplicate = {
        let (app, project) = (app.clone(), project.clone());
        Callback::from(move |_: MouseEvent| {
            let (app, project, show) = (app.clone(), project.clone(), show.clone());
            spawn_local(async move {
                if let Some(copy) = app.projects.duplicate(&app, &project).await {
                    show(None, Some(copy));
                }
            });
        })
    };
    html! {
        <li class="card project">
            <button type="button" class="project-cover" aria-label={format!("Open {}", project.title)} onclick={open.clone()}>
                if let Some(cover) = &*cover {
                    <img src={cover.get()} alt="" width="160" height="160" />
                } else {
                    { glyph(Icon::Folder) }
                }
            </button>
            <div class="project-words">
                <label class="project-title">
                    <span class="visually-hidden">{ "Project name" }</span>
                    <input type="text" value={project.title.clone()} onchange={rename} maxlength="80" autocomplete="off" spellcheck="false" />
                </label>
                <p class="hint">{ facts(project) }</p>
                <div class="class-tools">
                    <button type="button" class="button" onclick={open}>{ "Open" }</button>
                    <button type="button" class="text-button" onclick={duplicate}>{ "Duplicate" }</button>
                    <button type="button" class="text-button" aria-label={format!("Delete {}", project.title)} onclick={set_deleted(true)}>
                        { glyph(Icon::Trash) }{ "Delete" }
                    </button>
                </div>
            </div>
        </li>
    }
}

fn facts(project: &Summary) -> String {
    let date = Date::new(&JsValue::from_f64(project.changed_ms));
    let date = String::from(date.to_locale_date_string("en-GB", &JsValue::UNDEFINED));
    format!(
        "{} in {}, {} MB, changed {date}",
        text::count(project.images as usize, "image"),
        text::classes(project.classes as usize),
        storage::megabytes(project.bytes),
    )
}
