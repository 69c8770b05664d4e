//! What the file of a saved project says, and why one may not open. `docs/format.md` describes the file.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    BurstId, DeviceInfo, ImageLook, Part, SampleId, TrainOutcome, TrainRequest, TrainSettings,
};

/// `project.json` of a saved project.
/// Fields may be added; those that stand here stay, and readers ignore what they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectFile {
    /// The format's version, [`ProjectFile::VERSION`] when this code wrote it.
    pub headstart_project: u32,
    /// The version of the program that wrote it, for people.
    pub headstart: String,
    /// The project's name.
    pub name: String,
    /// When it was started, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last changed, in milliseconds since 1970.
    pub changed_ms: u64,
    /// What made the embeddings, and what the model is built on.
    pub backbone: SavedBackbone,
    /// How the next head will be trained.
    pub settings: TrainSettings,
    /// The same with everything switched on, so that what was chosen for it is back when it is switched on again; absent when `settings` says it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<TrainSettings>,
    /// Images less familiar than this belong to none of the classes; absent where the run's own threshold is in use.
    pub threshold: Option<f32>,
    /// The classes in the order of the page.
    pub classes: Vec<SavedClass>,
}

impl ProjectFile {
    /// The version that this code writes, and the highest that it reads.
    pub const VERSION: u32 = 1;

    /// All images, class by class.
    pub fn samples(&self) -> impl Iterator<Item = &SavedSample> {
        self.classes.iter().flat_map(|class| &class.samples)
    }
}

/// A backbone, described exactly enough to know whether embeddings made with it can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedBackbone {
    /// Its name in files, as `BackboneId::name` gives it.
    pub name: String,
    /// SHA-256 of its weights file, in hexadecimal digits.
    pub sha256: String,
    /// Length of an embedding.
    pub features: u32,
}

/// A class of a saved project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedClass {
    /// As the user typed it.
    pub name: String,
    /// Index of its colour.
    pub color: u8,
    /// Whether it takes part in the next run.
    pub enabled: bool,
    /// Its images in the order of the page.
    pub samples: Vec<SavedSample>,
}

/// An image of a saved project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedSample {
    /// Its name in the results.
    pub id: SampleId,
    /// Where its file is in the archive.
    pub path: String,
    /// The file's original name.
    pub name: String,
    /// What it is for.
    pub part: Part,
    /// Width and height as displayed.
    pub size_px: Option<(u32, u32)>,
    /// The recording that it is a frame of.
    pub burst: Option<BurstId>,
    /// What can be told of it without a network.
    pub look: Option<ImageLook>,
    /// Its row in the tensor of embeddings.
    pub embedding: Option<u32>,
}

/// `results.json` of a saved project: the run that made the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedRun {
    /// What was asked for. Its classes are in the order of the head's outputs.
    pub request: TrainRequest,
    /// For each class of the request, its index in the project; absent when it has been deleted since.
    pub classes: Vec<Option<u32>>,
    /// Where it was computed.
    pub device: DeviceInfo,
    /// Its result.
    pub outcome: TrainOutcome,
}

/// An opened project file, without the files in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedProject {
    /// What it says.
    pub project: ProjectFile,
    /// The run that made the model.
    pub run: Option<SavedRun>,
    /// What was left out.
    pub notes: Vec<ProjectNote>,
}

/// Why a project file cannot be opened. The open project stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectFileError {
    /// Not a zip at all.
    #[error("this is not a Headstart project. Choose a file that Save project has made.")]
    NotAProject,
    /// A zip of something else.
    #[error(
        "there is no Headstart project in this zip. If it holds images, choose it in Import images instead."
    )]
    NoProject,
    /// A project of Teachable Machine.
    #[error(
        "this is a project of Teachable Machine. Choose it in Import images instead, which takes its images."
    )]
    TeachableMachine,
    /// Written by a newer program than this one.
    #[error(
        "this project was saved by a newer Headstart (its format is number {found}, this Headstart knows up to {known}). Reload the page to get the newest Headstart, then open the project again."
    )]
    Newer {
        /// The version that was found.
        found: u32,
        /// The highest version that can be read.
        known: u32,
    },
    /// The zip itself cannot be read, so that nothing in it can.
    #[error(
        "the project file is damaged or cut off ({detail}). Copy or download it again from where it came from."
    )]
    Damaged {
        /// The reader's own words.
        detail: String,
    },
    /// The description does not make sense.
    #[error(
        "the project’s description is damaged ({detail}). Copy or download the file again. If that does not help, choose it in Import images, which takes the images without the description."
    )]
    Description {
        /// What does not fit.
        detail: String,
    },
    /// An image is not what was saved.
    #[error(
        "an image in the project file is damaged ({path}). Copy or download the file again. If that does not help, choose it in Import images, which takes all images that are whole."
    )]
    DamagedImage {
        /// Its path in the archive.
        path: String,
    },
    /// The description names an image that is not there.
    #[error(
        "an image is missing from the project file ({path}). Copy or download the file again. If that does not help, choose it in Import images, which takes all images that are there."
    )]
    MissingImage {
        /// Its path in the archive.
        path: String,
    },
    /// A path would lead out of the archive.
    #[error(
        "the project file names a path that leads out of it ({path}), which no Headstart writes. Do not trust this file."
    )]
    UnsafePath {
        /// The path.
        path: String,
    },
    /// An entry is locked by a password.
    #[error("the project file is locked by a password. Make one without a password.")]
    Locked,
    /// More entries than are read.
    #[error(
        "the project file holds more than {limit} files. Split the project into smaller ones before you save it."
    )]
    TooManyEntries {
        /// The limit.
        limit: u32,
    },
    /// An entry that unpacks to an unreasonable size.
    #[error("a file in the project unpacks to more than {limit_mb} MB ({path}). Make it smaller.")]
    Oversized {
        /// Its path in the archive.
        path: String,
        /// The limit in megabytes.
        limit_mb: u32,
    },
    /// Everything together unpacks to an unreasonable size.
    #[error(
        "the project file unpacks to more than {limit_mb} MB, so reading stopped there. Split the project into smaller ones before you save it."
    )]
    Bomb {
        /// The limit in megabytes.
        limit_mb: u32,
    },
}

/// What was left out of a project that could be opened all the same.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectNote {
    /// Embeddings were damaged.
    #[error(
        "what the pretrained model saw in {count} images was damaged in the file, so it looks at them again. Nothing is lost."
    )]
    EmbeddingsLost {
        /// Images that have to be embedded again.
        count: u32,
    },
    /// The model or the results were damaged; neither is of use without the other.
    #[error(
        "the trained model or its results were damaged in the file and left out. Press Train to make them again."
    )]
    ModelLost,
    /// Embeddings and model belong to a backbone that is not available.
    #[error(
        "the project was made with another pretrained model ({name}), so all images are looked at again. Press Train to make a new model."
    )]
    OtherBackbone {
        /// The name of the backbone that it was made with.
        name: String,
    },
}
