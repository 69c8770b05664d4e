//! Opening a project.

use std::io::{Read, Seek};

use headstart_images::ArchiveLimits;
use headstart_project::{
    ArchiveError, ProjectFile, ProjectFileError, ProjectNote, SavedBackbone, SavedRun, SavedSample,
};
use safetensors::SafeTensors;
use zip::ZipArchive;

use crate::description::{brief, forget_rows, makes_sense, read_description};
use crate::embeddings::Embeddings;
use crate::paths::is_safe;
use crate::source::{EntryError, entry_bytes, open_zip, read_entry};
use crate::{EMBEDDINGS, MODEL, PROJECT, RESULTS};

/// The maximum size of each description in bytes: 50,000 images take about 15 MB.
const MAX_TEXT_BYTES: u64 = 32_000_000;

/// The maximum size of a model in bytes, not counting what it keeps of each image.
const MAX_HEAD_BYTES: u64 = 64_000_000;

/// A project of which every byte has been checked.
pub struct OpenedProject<R> {
    zip: ZipArchive<R>,
    limits: ArchiveLimits,
    project: ProjectFile,
    run: Option<SavedRun>,
    model: Option<Vec<u8>>,
    embeddings: Option<Embeddings>,
    notes: Vec<ProjectNote>,
    /// The archive entry of each image.
    entries: Vec<usize>,
}

/// Opens a project in one go: runs [`ProjectCheck`] to its end.
///
/// # Errors
/// As [`ProjectCheck`].
pub fn open<R: Read + Seek>(
    reader: R,
    backbones: &[SavedBackbone],
    limits: ArchiveLimits,
) -> Result<OpenedProject<R>, ProjectFileError> {
    ProjectCheck::begin(reader, backbones, limits)?.finish()
}

impl<R: Read + Seek> OpenedProject<R> {
    /// The description. It no longer refers to embeddings that cannot be used.
    pub fn project(&self) -> &ProjectFile {
        &self.project
    }

    /// The last run, present if and only if there is a model.
    pub fn run(&self) -> Option<&SavedRun> {
        self.run.as_ref()
    }

    /// The last run's model, a readable safetensors file.
    pub fn model(&self) -> Option<&[u8]> {
        self.model.as_deref()
    }

    /// What was left out.
    pub fn notes(&self) -> &[ProjectNote] {
        &self.notes
    }

    /// The embedding of an image in the description; `None` if it has to be embedded again.
    pub fn embedding(&self, sample: &SavedSample) -> Option<Vec<f32>> {
        self.embeddings.as_ref()?.row(sample.embedding?)
    }

    /// The file of the image at this place among [`ProjectFile::samples`].
    ///
    /// # Errors
    /// [`ProjectFileError::DamagedImage`] when the archive has changed since it was checked.
    pub fn image(&mut self, index: usize) -> Result<Vec<u8>, ProjectFileError> {
        let entry = self.entries.get(index).copied();
        let entry = entry.ok_or(EntryError::Damaged);
        let limit = self.limits.entry_bytes;
        entry
            .and_then(|entry| entry_bytes(&mut self.zip, entry, limit))
            .map_err(|error| self.told(error, index))
    }

    fn told(&self, error: EntryError, index: usize) -> ProjectFileError {
        let sample = self.project.samples().nth(index);
        let path = sample.map_or_else(String::new, |sample| sample.path.clone());
        match error {
            EntryError::Locked => ProjectFileError::Locked,
            EntryError::Damaged => ProjectFileError::DamagedImage { path },
            EntryError::Oversized => ProjectFileError::Oversized {
                path,
                limit_mb: megabytes(self.limits.entry_bytes),
            },
        }
    }
}

/// A project that is being opened, image by image, so that the caller can do other work in between.
pub struct ProjectCheck<R> {
    opened: OpenedProject<R>,
    checked: usize,
    unpacked_bytes: u64,
}

impl<R: Read + Seek> ProjectCheck<R> {
    /// Reads everything but the images.
    /// `backbones` are those that can be loaded: embeddings and models of any other are dropped.
    ///
    /// # Errors
    /// Why this file cannot be opened. Whatever can be recomputed (embeddings, model, results) is never a reason; it is dropped and noted.
    pub fn begin(
        reader: R,
        backbones: &[SavedBackbone],
        limits: ArchiveLimits,
    ) -> Result<Self, ProjectFileError> {
        let mut zip = open_zip(reader, limits).map_err(told)?;
        let folder = find_folder(&zip)?;
        let text = |zip: &mut ZipArchive<R>, name: &str| {
            let index = index_of(zip, &folder, name)?;
            Some(entry_bytes(zip, index, MAX_TEXT_BYTES))
        };
        let description = text(&mut zip, PROJECT).ok_or(ProjectFileError::NoProject)?;
        let description = description.map_err(told_of_description)?;
        let mut project = read_description(&description, limits)?;
        drop(description);

        let mut entries = Vec::new();
        for sample in project.samples() {
            let path = sample.path.clone();
            if !is_safe(&path) {
                return Err(ProjectFileError::UnsafePath { path: brief(&path) });
            }
            match index_of(&zip, &folder, &path) {
                Some(index) => entries.push(index),
                None => return Err(ProjectFileError::MissingImage { path }),
            }
        }

        let mut notes = Vec::new();
        let is_known = backbones.contains(&project.backbone);
        let per_image = entries.len() as u64 * 4 * u64::from(project.backbone.features);
        let mut usable = |name: &str, limit: u64| {
            let index = index_of(&zip, &folder, name).filter(|_| is_known)?;
            entry_bytes(&mut zip, index, limit).ok()
        };
        // The rows and a line of text.
        let embeddings = usable(EMBEDDINGS, per_image.saturating_add(10_000))
            .and_then(|file| Embeddings::read(file, project.backbone.features));
        let model = usable(MODEL, per_image.saturating_add(MAX_HEAD_BYTES))
            .filter(|file| SafeTensors::deserialize(file).is_ok());
        let run = usable(RESULTS, MAX_TEXT_BYTES)
            .and_then(|text| serde_json::from_slice(&text).ok())
            .filter(|run| makes_sense(run, &project));
        let (run, model) = run.zip(model).unzip();

        let lost = forget_rows(&mut project, embeddings.as_ref());
        let had_model = [MODEL, RESULTS]
            .iter()
            .any(|name| index_of(&zip, &folder, name).is_some());
        if is_known {
            notes.extend((lost > 0).then_some(ProjectNote::EmbeddingsLost { count: lost }));
            notes.extend((had_model && model.is_none()).then_some(ProjectNote::ModelLost));
        } else if lost > 0 || had_model {
            notes.push(ProjectNote::OtherBackbone {
                name: brief(&project.backbone.name),
            });
        }
        Ok(Self {
            opened: OpenedProject {
                zip,
                limits,
                project,
                run,
                model,
                embeddings,
                notes,
                entries,
            },
            checked: 0,
            unpacked_bytes: 0,
        })
    }

    /// How many images have been checked, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.checked, self.opened.entries.len())
    }

    /// Checks the next image; `false` once all have been checked.
    ///
    /// # Errors
    /// When the image is damaged or locked, or too much has been unpacked.
    pub fn step(&mut self) -> Result<bool, ProjectFileError> {
        let opened = &mut self.opened;
        let Some(&entry) = opened.entries.get(self.checked) else {
            return Ok(false);
        };
        let length = read_entry(&mut opened.zip, entry, opened.limits.entry_bytes, |_| {})
            .map_err(|error| opened.told(error, self.checked))?;
        self.checked += 1;
        self.unpacked_bytes += length;
        let limit = opened.limits.total_bytes;
        if self.unpacked_bytes > limit {
            return Err(ProjectFileError::Bomb {
                limit_mb: megabytes(limit),
            });
        }
        Ok(true)
    }

    /// Checks the remaining images and returns the project.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn finish(mut self) -> Result<OpenedProject<R>, ProjectFileError> {
        while self.step()? {}
        Ok(self.opened)
    }
}

/// The folder that contains the project: none, or the one that a file manager added when somebody zipped it again.
fn find_folder<R: Read + Seek>(zip: &ZipArchive<R>) -> Result<String, ProjectFileError> {
    if zip.index_for_name_raw(PROJECT.as_bytes()).is_some() {
        return Ok(String::new());
    }
    let mut is_teachable_machine = false;
    for name in zip.file_names_raw() {
        let Ok(name) = str::from_utf8(name) else {
            continue;
        };
        if let Some(folder) = name.strip_suffix(PROJECT)
            && folder.ends_with('/')
            && folder.matches('/').count() == 1
            && folder != "__MACOSX/"
        {
            return Ok(folder.to_owned());
        }
        is_teachable_machine |= crate::teachable::place(name).is_some();
    }
    Err(if is_teachable_machine {
        ProjectFileError::TeachableMachine
    } else {
        ProjectFileError::NoProject
    })
}

fn index_of<R: Read + Seek>(zip: &ZipArchive<R>, folder: &str, path: &str) -> Option<usize> {
    zip.index_for_name_raw(format!("{folder}{path}").as_bytes())
}

fn told_of_description(error: EntryError) -> ProjectFileError {
    match error {
        EntryError::Locked => ProjectFileError::Locked,
        EntryError::Damaged => ProjectFileError::Description {
            detail: format!("{PROJECT} is not what was saved"),
        },
        EntryError::Oversized => ProjectFileError::Oversized {
            path: PROJECT.into(),
            limit_mb: megabytes(MAX_TEXT_BYTES),
        },
    }
}

/// Why a zip cannot be read, worded for a project.
fn told(error: ArchiveError) -> ProjectFileError {
    match error {
        ArchiveError::NotAZip => ProjectFileError::NotAProject,
        ArchiveError::NoImages | ArchiveError::OtherTeachableMachine { .. } => {
            ProjectFileError::NoProject
        }
        ArchiveError::Damaged { detail } => ProjectFileError::Damaged {
            detail: brief(&detail),
        },
        ArchiveError::TooManyEntries { limit } => ProjectFileError::TooManyEntries { limit },
        ArchiveError::Bomb { limit_mb } => ProjectFileError::Bomb { limit_mb },
    }
}

fn megabytes(bytes: u64) -> u32 {
    (bytes / 1_000_000) as u32
}
