//! The page's pictograms, drawn for it on a grid of 24.

use yew::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Archive,
    Camera,
    Close,
    Cover,
    Download,
    Eye,
    Fit,
    Flip,
    Folder,
    Lasso,
    Left,
    Minus,
    Moon,
    Pictures,
    Play,
    Plus,
    Record,
    Right,
    Select,
    Shield,
    Sparkle,
    Stop,
    Sun,
    Trash,
    Undo,
    Upload,
    Warning,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Archive => {
                "M4 8h16v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 19zM3 4h18v4H3zM10 12h4"
            }
            Self::Camera => {
                "M4 7.5h3l1.6-2.5h6.8L17 7.5h3A1.5 1.5 0 0 1 21.5 9v9.5A1.5 1.5 0 0 1 20 20H4a1.5 1.5 0 0 1-1.5-1.5V9A1.5 1.5 0 0 1 4 7.5zM12 17a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5z"
            }
            Self::Close => "M6 6l12 12M18 6 6 18",
            Self::Cover => "M4 4h16v16H4zM9 9h6v6H9zM9 12l3-3M12 15l3-3",
            Self::Download => "M12 4v11m-5-4.5 5 5 5-5M4.5 20h15",
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z"
            }
            Self::Fit => "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
            Self::Flip => {
                "M4 9a8 8 0 0 1 14-3.5L20 8M20 3.5V8h-4.5M20 15a8 8 0 0 1-14 3.5L4 16M4 20.5V16h4.5"
            }
            Self::Folder => {
                "M3 6.5A1.5 1.5 0 0 1 4.5 5h4.6l2 2.5h8.4A1.5 1.5 0 0 1 21 9v8.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z"
            }
            Self::Lasso => {
                "M12 4.5c5 0 8.5 2.3 8.5 5.5s-3.5 5.5-8.5 5.5S3.5 13.2 3.5 10 7 4.5 12 4.5zM6.5 14a2 2 0 1 0 .5 3.5c0 1.5-.8 2.5-2 3"
            }
            Self::Left => "M15 5l-7 7 7 7",
            Self::Minus => "M5 12h14",
            Self::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
            Self::Pictures => "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
            Self::Play => "M7 4.5v15l12.5-7.5z",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Record => "M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14z",
            Self::Right => "M9 5l7 7-7 7",
            Self::Select => "M4 4h16v16H4zM8 12l3 3 5-6",
            Self::Shield => {
                "M12 3l7.5 2.8v5.7c0 4.6-3.1 7.9-7.5 9.5-4.4-1.6-7.5-4.9-7.5-9.5V5.8zM8.5 12l2.5 2.5 4.5-5"
            }
            Self::Sparkle => "M12 3.5l2 6.5 6.5 2-6.5 2-2 6.5-2-6.5-6.5-2 6.5-2zM19 3v4M17 5h4",
            Self::Stop => "M6.5 6.5h11v11h-11z",
            Self::Sun => {
                "M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M5 19l1.7-1.7M17.3 6.7 19 5"
            }
            Self::Trash => "M4 6.5h16M9 6.5V4h6v2.5M6 6.5 7 20h10l1-13.5M10 10.5v6M14 10.5v6",
            Self::Undo => "M8.5 4.5 4 9l4.5 4.5M4 9h10a6 6 0 0 1 0 12h-4",
            Self::Upload => "M12 16V4.5M7 9l5-5 5 5M4.5 20h15",
            Self::Warning => "M12 4 2.5 20h19zM12 10v4.5M12 17.2v.3",
        }
    }
}

/// Decoration beside words, or in a button that has a name of its own.
pub fn glyph(icon: Icon) -> Html {
    html! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d={icon.path()} />
        </svg>
    }
}

/// The mark: a stack of layers whose top one is ahead.
pub fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 40 40" aria-hidden="true" focusable="false">
            <rect class="logo-ahead" x="14" y="6" width="23" height="8" rx="4" />
            <rect class="logo-layer" x="3" y="16.5" width="23" height="8" rx="4" />
            <rect class="logo-layer" x="3" y="27" width="23" height="8" rx="4" />
        </svg>
    }
}
