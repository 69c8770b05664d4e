//! What a project says about itself, and whether that makes sense.

use std::collections::HashSet;

use headstart_images::ArchiveLimits;
use headstart_project::{Evaluation, ProjectFile, ProjectFileError, SavedRun};
use serde::Deserialize;

use crate::embeddings::Embeddings;

/// Reads the text and checks that it is consistent.
///
/// # Errors
/// [`ProjectFileError::Newer`], [`ProjectFileError::Description`] or [`ProjectFileError::TooManyEntries`].
pub fn read_description(
    text: &[u8],
    limits: ArchiveLimits,
) -> Result<ProjectFile, ProjectFileError> {
    #[derive(Deserialize)]
    struct Head {
        headstart_project: u32,
    }
    let described = |detail: String| ProjectFileError::Description {
        detail: brief(&detail),
    };
    // The version comes first: what a newer one says need not make sense here.
    let head: Head = serde_json::from_slice(text).map_err(|error| described(error.to_string()))?;
    if head.headstart_project > ProjectFile::VERSION {
        return Err(ProjectFileError::Newer {
            found: head.headstart_project,
            known: ProjectFile::VERSION,
        });
    }
    if head.headstart_project == 0 {
        return Err(described("there is no version 0".into()));
    }
    let project: ProjectFile =
        serde_json::from_slice(text).map_err(|error| described(error.to_string()))?;
    if project.samples().count() > limits.entries {
        return Err(ProjectFileError::TooManyEntries {
            limit: limits.entries as u32,
        });
    }
    let mut ids = HashSet::new();
    let mut paths = HashSet::new();
    for sample in project.samples() {
        if !ids.insert(sample.id) {
            return Err(described(format!("two images have the id {}", sample.id.0)));
        }
        if !paths.insert(&sample.path) {
            return Err(described(format!("two images are at {}", sample.path)));
        }
    }
    Ok(project)
}

/// Removes the rows that cannot be used, and returns how many there were.
pub fn forget_rows(project: &mut ProjectFile, embeddings: Option<&Embeddings>) -> u32 {
    let mut lost = 0;
    let mut used = HashSet::new();
    let classes = project.classes.iter_mut();
    for sample in classes.flat_map(|class| &mut class.samples) {
        let Some(row) = sample.embedding else {
            continue;
        };
        // Two images share a row: for at least one of them it is the wrong one.
        let is_usable =
            embeddings.is_some_and(|embeddings| embeddings.row(row).is_some()) && used.insert(row);
        if !is_usable {
            sample.embedding = None;
            lost += 1;
        }
    }
    lost
}

/// Whether every class index in the results exists.
pub fn makes_sense(run: &SavedRun, project: &ProjectFile) -> bool {
    let classes = run.request.classes.len();
    let outcome = &run.outcome;
    let is_class = |index: u32| (index as usize) < classes;
    let fits = |evaluation: &Evaluation| {
        evaluation.confusion.len() == classes
            && evaluation.confusion.iter().all(|row| row.len() == classes)
            && evaluation
                .verdicts
                .iter()
                .all(|verdict| is_class(verdict.actual) && is_class(verdict.predicted))
    };
    run.classes.len() == classes
        && (run.classes.iter().flatten()).all(|&class| (class as usize) < project.classes.len())
        && outcome.validation.iter().all(fits)
        && outcome.test.iter().all(fits)
        && outcome.not_held_back.iter().all(|&class| is_class(class))
}

/// Text from a file may be as long as the file; what people have to read may not.
pub fn brief(text: &str) -> String {
    const MOST_CHARS: usize = 200;
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
