//! The status line: what is going on, in one sentence.

use super::State;
use super::engine::Phase;
use crate::text;

/// What the status line says, with the share that is done where it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub text: String,
    pub share: Option<f64>,
}

/// Composes the line; the work that the user is waiting for comes first.
pub fn status(state: &State) -> Status {
    let work = [
        training(state),
        adding(state),
        importing(state),
        loading(state),
        looking(state),
    ];
    let work: Vec<Status> = work.into_iter().flatten().collect();
    if work.is_empty() {
        return Status {
            text: idle(state),
            share: None,
        };
    }
    let share = work.iter().find_map(|status| status.share);
    let texts: Vec<_> = work.into_iter().map(|status| status.text).collect();
    Status {
        text: texts.join(" · "),
        share,
    }
}

fn training(state: &State) -> Option<Status> {
    let run = state.run.as_ref()?;
    if run.stop_requested {
        return Some(Status {
            text: "Stopping the training".into(),
            share: None,
        });
    }
    let epochs = run.plan.request.settings.most_epochs();
    let Some(last) = run.history.last() else {
        let text = match (&state.engine.phase, &state.engine.embed) {
            (Phase::Ready, Some(embed)) => {
                let left = embed.total.saturating_sub(embed.done) as usize;
                format!(
                    "Training starts after the last {}",
                    text::count(left, "image")
                )
            }
            (Phase::Ready, None) => "Training starts".into(),
            _ => "Training starts as soon as the engine is ready".into(),
        };
        return Some(Status { text, share: None });
    };
    let mut text = format!("Training: epoch {} of {epochs}", last.epoch);
    if let Some(remaining_ms) = run.remaining_ms {
        text = format!("{text}, {}", text::remaining(remaining_ms));
    }
    Some(Status {
        text,
        share: Some(f64::from(last.epoch) / f64::from(epochs.max(1))),
    })
}

fn adding(state: &State) -> Option<Status> {
    let (done, total) = state.intake?;
    Some(Status {
        text: format!(
            "Adding images: {} of {}",
            text::grouped(done as u64),
            text::grouped(total as u64)
        ),
        share: Some(done as f64 / total.max(1) as f64),
    })
}

fn importing(state: &State) -> Option<Status> {
    let import = state.imports.first()?;
    Some(Status {
        text: format!(
            "Reading {}: {} so far",
            import.name,
            text::count(import.images, "image")
        ),
        share: None,
    })
}

fn loading(state: &State) -> Option<Status> {
    match (&state.engine.phase, &state.engine.load) {
        (Phase::Starting, _) => Some(Status {
            text: "Loading the engine".into(),
            share: None,
        }),
        (Phase::Loading, Some(load)) => Some(Status {
            text: format!(
                "Loading the pretrained model: {}",
                text::megabytes(load.done, load.total)
            ),
            share: (load.total > 0).then(|| load.done as f64 / load.total as f64),
        }),
        (Phase::Loading, None) => Some(Status {
            text: "Loading the pretrained model".into(),
            share: None,
        }),
        (Phase::Ready | Phase::Failed(_) | Phase::GaveUp { .. }, _) => None,
    }
}

fn looking(state: &State) -> Option<Status> {
    let embed = state.engine.embed.as_ref()?;
    let mut text = format!(
        "Looking at your images: {} of {}",
        text::grouped(embed.done),
        text::grouped(embed.total)
    );
    if let Some(remaining_ms) = embed.remaining_ms {
        text = format!("{text}, {}", text::remaining(remaining_ms));
    }
    Some(Status {
        text,
        share: (embed.total > 0).then(|| embed.done as f64 / embed.total as f64),
    })
}

fn idle(state: &State) -> String {
    match (&state.engine.phase, &state.news) {
        (Phase::Failed(_) | Phase::GaveUp { .. }, _) => "The engine does not run.".into(),
        (_, Some(news)) => news.clone(),
        _ if !state.project.is_empty() => format!(
            "Ready: {} in {}.",
            text::count(state.project.len(), "image"),
            text::classes(state.project.classes.len())
        ),
        _ => "Ready. Add some pictures to begin.".into(),
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::{Activity, DevicePreference, Progress};

    use super::*;

    #[test]
    fn the_line_tells_what_is_loading() {
        let mut state = State::new(DevicePreference::Auto);
        assert_eq!(status(&state).text, "Loading the engine");
        state.engine.phase = Phase::Loading;
        state.engine.load = Some(Progress {
            activity: Activity::LoadBackbone,
            done: 3_100_000,
            total: 6_200_000,
            remaining_ms: None,
        });
        let line = status(&state);
        assert_eq!(line.text, "Loading the pretrained model: 3.1 of 6.2 MB");
        assert_eq!(line.share, Some(0.5));
    }

    #[test]
    fn two_things_at_once_are_both_told() {
        let mut state = State::new(DevicePreference::Auto);
        state.engine.phase = Phase::Ready;
        state.intake = Some((32, 3000));
        state.engine.embed = Some(Progress {
            activity: Activity::Embed,
            done: 12,
            total: 40,
            remaining_ms: Some(2000.0),
        });
        assert_eq!(
            status(&state).text,
            "Adding images: 32 of 3,000 · Looking at your images: 12 of 40, about 2 s left"
        );
    }

    #[test]
    fn an_idle_page_says_what_it_has() {
        let mut state = State::new(DevicePreference::Auto);
        state.engine.phase = Phase::Ready;
        assert_eq!(status(&state).text, "Ready. Add some pictures to begin.");
        state.news = Some("Undone.".into());
        assert_eq!(status(&state).text, "Undone.");
    }
}
