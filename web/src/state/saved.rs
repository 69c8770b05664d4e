//! What of the state is kept in the browser, and how it comes back.

use headstart_project::{BackboneChoice, Part, SampleId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::State;
use super::analysis::Analyses;
use super::backbones::PastResult;
use super::project::Project;
use super::run::Results;
use super::settings::Draft;

/// Identifies a project. Never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(pub String);

/// A kept project as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub id: ProjectId,
    pub title: String,
    /// Milliseconds since 1970.
    pub created_ms: f64,
    pub changed_ms: f64,
    pub images: u32,
    pub classes: u32,
    /// Bytes of the images' files.
    pub bytes: f64,
    /// The image on its cover.
    pub cover: Option<SampleId>,
    /// When it was deleted. It can be restored until the page is next opened.
    pub deleted_ms: Option<f64>,
}

impl Summary {
    /// Stands for a project of which nothing else could be read.
    pub fn lost(id: ProjectId, now_ms: f64) -> Self {
        Self {
            id,
            title: "Recovered project".into(),
            created_ms: now_ms,
            changed_ms: now_ms,
            images: 0,
            classes: 0,
            bytes: 0.0,
            cover: None,
            deleted_ms: None,
        }
    }
}

/// A project without its images' files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The form's version, [`Saved::VERSION`] when this code wrote it.
    pub version: u32,
    pub title: String,
    pub project: Project,
    pub settings: Draft,
    pub results: Option<Results>,
    pub runs: u32,
    pub threshold: Option<f32>,
    pub analyses: Analyses,
    /// Version 1 knew one backbone only.
    #[serde(default)]
    pub backbone: BackboneChoice,
    #[serde(default)]
    pub past: Vec<PastResult>,
}

/// Why a kept project's text cannot be read.
#[derive(Debug, Error)]
pub enum UnreadableProject {
    #[error("It was saved by a newer version of Headstart. Reload the page to get that version.")]
    Newer,
    #[error("Its description is damaged ({0}).")]
    Damaged(#[from] serde_json::Error),
}

impl Saved {
    /// Grows when older code could not read what this code writes. [`Saved::read`] reads older forms.
    pub const VERSION: u32 = 2;

    pub fn of(state: &State) -> Self {
        let mut analyses = state.analyses.clone();
        // Analyses under way end with the page.
        analyses.jobs.clear();
        Self {
            version: Self::VERSION,
            title: state.title.clone(),
            project: state.project.clone(),
            settings: state.settings.clone(),
            results: state.results.clone(),
            runs: state.runs,
            threshold: state.threshold,
            analyses,
            backbone: state.backbones.choice.clone(),
            past: state.backbones.past.clone(),
        }
    }

    /// Reads a kept project's text.
    ///
    /// # Errors
    /// When the text is damaged or newer than this code.
    pub fn read(text: &str) -> Result<Self, UnreadableProject> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = headstart_wire::from_json(text)?;
        if head.version > Self::VERSION {
            return Err(UnreadableProject::Newer);
        }
        Ok(headstart_wire::from_json(text)?)
    }

    /// Whether nothing has been made yet.
    pub fn is_untouched(&self) -> bool {
        self.project.is_empty() && self.project.classes.iter().all(|class| class.placeholder)
    }

    /// Its entry in a list of projects; the caller knows the dates and the sizes.
    pub fn summary(&self, id: ProjectId, created_ms: f64, changed_ms: f64, bytes: f64) -> Summary {
        let cover = self
            .project
            .samples()
            .find(|sample| sample.part == Part::Train);
        Summary {
            id,
            title: self.title.clone(),
            created_ms,
            changed_ms,
            images: self.project.len() as u32,
            classes: self.project.classes.len() as u32,
            bytes,
            cover: cover.map(|sample| sample.id),
            deleted_ms: None,
        }
    }
}

impl State {
    /// Replaces the present project by a kept one.
    pub(super) fn open(&mut self, saved: Saved) {
        self.title = saved.title;
        self.project = saved.project;
        self.project.membership += 1;
        self.settings = saved.settings;
        self.results = saved.results;
        self.runs = saved.runs;
        self.threshold = saved.threshold;
        self.analyses = saved.analyses;
        self.backbones.choice = saved.backbone;
        self.backbones.past = saved.past;
    }
}

#[cfg(test)]
mod tests {
    use headstart_project::DevicePreference;

    use super::*;

    #[test]
    fn a_project_comes_back_as_it_was() {
        let mut state = State::new(DevicePreference::Auto);
        state.title = "Birds".into();
        let id = state.project.class_named("Crow");
        if let Some(class) = state.project.class_mut(id) {
            class.enabled = false;
        }
        let text = serde_json::to_string(&Saved::of(&state)).expect("is plain data");
        let mut again = State::new(DevicePreference::Auto);
        again.open(Saved::read(&text).expect("was just written"));
        assert_eq!(again.project.classes, state.project.classes);
        assert_eq!(again.title, "Birds");
    }

    #[test]
    fn newer_and_damaged_texts_are_refused_with_words() {
        let newer = Saved::read(r#"{"version":99,"wings":2}"#).expect_err("is newer");
        assert!(matches!(newer, UnreadableProject::Newer));
        let damaged = Saved::read(r#"{"version":1,"title":"#).expect_err("is cut off");
        assert!(matches!(damaged, UnreadableProject::Damaged(_)));
    }
}
