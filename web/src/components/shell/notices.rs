//! Messages about what went wrong, each with what to do. They stay until they are dismissed, and never take the focus.

use yew::prelude::*;

use crate::components::common::icon::{Icon, glyph};
use crate::context::use_app;
use crate::state::Action;
use crate::state::engine::Phase;
use crate::state::notice::{LeftOut, Message, Notice, Notices as List};
use crate::text;

/// Files that are named before the rest is folded away.
const SHOWN: usize = 6;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub notices: List,
    pub phase: Phase,
}

#[component]
pub fn Notices(props: &Props) -> Html {
    html! {
        <div class="notices">
            <EngineNotice phase={props.phase.clone()} />
            <div class="notice-list">
                { for props.notices.items.iter().map(|notice| html! {
                    <NoticeCard key={notice.id} notice={notice.clone()} />
                }) }
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct EngineProps {
    phase: Phase,
}

/// Stands until the engine runs again.
#[component]
fn EngineNotice(props: &EngineProps) -> Html {
    let app = use_app();
    let (title, detail) = match &props.phase {
        Phase::Failed(reason) => (
            "The engine cannot start",
            text::sentence(&reason.to_string()),
        ),
        Phase::GaveUp { message } => ("The engine does not run", message.clone()),
        Phase::Starting | Phase::Loading | Phase::Ready => return Html::default(),
    };
    let retry = Callback::from(move |_| app.engine.retry(&app));
    html! {
        <div class="notice" role="alert">
            { glyph(Icon::Warning) }
            <div class="notice-text">
                <strong>{ title }</strong>
                <p>{ detail }</p>
                <button type="button" class="button" onclick={retry}>{ "Try again" }</button>
            </div>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct CardProps {
    notice: Notice,
}

#[component]
fn NoticeCard(props: &CardProps) -> Html {
    let app = use_app();
    let id = props.notice.id;
    let dismiss = app.callback(move |_: MouseEvent| Action::Dismiss(id));
    let body = match &props.notice.message {
        Message::Problem { title, detail } => html! {
            <>
                <strong>{ title }</strong>
                <p>{ detail }</p>
            </>
        },
        Message::LeftOut { files, count } => left_out(files, *count),
    };
    html! {
        <div class="notice" role="alert">
            { glyph(Icon::Warning) }
            <div class="notice-text">{ body }</div>
            <button type="button" class="icon-button" aria-label="Dismiss this message" onclick={dismiss}>
                { glyph(Icon::Close) }
            </button>
        </div>
    }
}

fn left_out(files: &[LeftOut], count: usize) -> Html {
    let verb = if count == 1 { "was" } else { "were" };
    let item = |file: &LeftOut| {
        html! {
            <li><b>{ &file.name }</b>{ ": " }{ &file.reason }</li>
        }
    };
    let folded = files.get(SHOWN..).unwrap_or_default();
    let unnamed = count.saturating_sub(files.len());
    html! {
        <>
            <strong>{ format!("{} {verb} left out", text::count(count, "file")) }</strong>
            <ul>{ for files.iter().take(SHOWN).map(item) }</ul>
            if !folded.is_empty() {
                <details>
                    <summary>{ format!("Show {} more", count - SHOWN) }</summary>
                    <ul>{ for folded.iter().map(item) }</ul>
                    if unnamed > 0 {
                        <p>{ format!("… and {} more.", text::grouped(unnamed as u64)) }</p>
                    }
                </details>
            }
        </>
    }
}
