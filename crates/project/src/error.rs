//! What can go wrong, in words that a twelve-year-old understands: what happened, then what to do.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why one image cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// 0 bytes.
    #[error("the file is empty. Export or download it again.")]
    Empty,
    /// The first bytes belong to no known image format.
    #[error("this is not an image. Use JPEG, PNG, WebP, GIF, BMP or AVIF files.")]
    NotAnImage,
    /// A known image format that browsers do not decode.
    #[error(
        "{format} images cannot be opened by this browser. Save it as JPEG or PNG and try again."
    )]
    Unsupported {
        /// The format's name.
        format: String,
    },
    /// The file ends before the image does.
    #[error("the file is cut off: its end is missing. Copy or download it again.")]
    Truncated,
    /// The browser's decoder gave up.
    #[error(
        "the image is damaged and cannot be opened. Save it again in another program, or leave it out."
    )]
    Damaged,
    /// More pixels than can be decoded safely.
    #[error(
        "the image is too large ({width_px} × {height_px} pixels; the limit is {limit_mp} million pixels). Make it smaller and try again."
    )]
    TooLarge {
        /// Its width.
        width_px: u32,
        /// Its height.
        height_px: u32,
        /// The limit in millions of pixels.
        limit_mp: u32,
    },
    /// The same bytes as an image that the class already has.
    #[error("the same image is already in {class}. It was left out.")]
    Duplicate {
        /// The class that has it.
        class: String,
    },
    /// An archive in an archive.
    #[error("an archive inside the archive is not opened. Unpack it first.")]
    NestedArchive,
    /// An archive's entry whose path would lead out of the archive.
    #[error("its path leads outside the archive. It was left out.")]
    UnsafePath,
    /// An archive's entry that is in no folder, so that it has no class.
    #[error(
        "it is in no folder, so its class is unknown. Put it into a folder named after its class."
    )]
    NoClassFolder,
    /// An archive's entry that unpacks to an unreasonable size.
    #[error("it unpacks to more than {limit_mb} MB. It was left out.")]
    Oversized {
        /// The limit in megabytes.
        limit_mb: u32,
    },
    /// An archive's entry that is locked by a password.
    #[error("it is locked by a password. Make a zip without one.")]
    Encrypted,
}

/// Why an archive cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveError {
    /// Not a zip at all.
    #[error("this is not a zip file. Make a zip of a folder with one sub-folder for each class.")]
    NotAZip,
    /// A zip whose directory cannot be read.
    #[error("the zip is damaged or cut off: {detail}. Make it or download it again.")]
    Damaged {
        /// The reader's own words.
        detail: String,
    },
    /// The archive unpacks to an unreasonable size.
    #[error(
        "the zip unpacks to more than {limit_mb} MB, so reading stopped there. Split it into smaller zips."
    )]
    Bomb {
        /// The limit in megabytes.
        limit_mb: u32,
    },
    /// A project of Teachable Machine that is not about images.
    #[error(
        "this Teachable Machine project is of the kind “{kind}”. Headstart learns from images: choose an image project."
    )]
    OtherTeachableMachine {
        /// The kind as the project calls itself.
        kind: String,
    },
    /// More entries than are read.
    #[error("the zip has more than {limit} files. Split it into smaller zips.")]
    TooManyEntries {
        /// The limit.
        limit: u32,
    },
    /// No image was found.
    #[error(
        "no images were found in the zip. It should hold one folder for each class, with images inside."
    )]
    NoImages,
}

/// Why a run cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainError {
    /// Fewer than two classes take part.
    #[error("there is only one class. Add a second one: a model learns by telling classes apart.")]
    TooFewClasses,
    /// A class has no image to learn from.
    #[error("the class “{class}” has no images yet. Add some, or switch the class off.")]
    EmptyClass {
        /// The class.
        class: String,
    },
    /// A setting is out of its range.
    #[error("{setting} must be between {least} and {most}.")]
    Setting {
        /// The setting's name on the page.
        setting: String,
        /// Its least value.
        least: String,
        /// Its greatest value.
        most: String,
    },
    /// There is nothing to measure on.
    #[error(
        "there are no test images to measure on. Mark some images of each class as test images first."
    )]
    NoTestImages,
    /// What fine-tuning keeps of the images would take too much memory.
    #[error(
        "training so many layers of so many images would take {need_mb} MB of memory; at most {limit_mb} MB are used. Unfreeze fewer blocks, or make fewer varied copies."
    )]
    TooMuchMemory {
        /// Megabytes that it would take.
        need_mb: u32,
        /// The limit in megabytes.
        limit_mb: u32,
    },
    /// Some images of the run could not be embedded.
    #[error("{count} images could not be read by the model. Delete them and add them again.")]
    NotEmbedded {
        /// How many.
        count: u32,
    },
    /// All images of a class belong together, so that none of them can be predicted by a model that has learnt from the others.
    #[error(
        "all images of “{class}” are frames of one recording or nearly the same, so they can only be learnt together or not at all. Add different ones, or switch the class off."
    )]
    OneGroup {
        /// The class.
        class: String,
    },
    /// The loss is no longer a number.
    #[error(
        "training went off course: the numbers grew without bound. Lower the learning rate and train again."
    )]
    Diverged,
    /// The device or the tensor library failed.
    #[error(
        "training stopped because of an internal error ({detail}). Your images are safe; press Train again."
    )]
    Internal {
        /// The error's own words.
        detail: String,
    },
}

/// Why the engine cannot start or go on.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineError {
    /// The weights file did not arrive.
    #[error(
        "the pretrained model could not be loaded ({detail}). Check that the file is there and the connection works, then press Try again."
    )]
    WeightsMissing {
        /// HTTP status or network error.
        detail: String,
    },
    /// The weights file is not what it should be.
    #[error(
        "the pretrained model’s file is damaged ({detail}). Reload the page to fetch it again."
    )]
    WeightsCorrupt {
        /// What does not fit.
        detail: String,
    },
    /// A message did not make sense: page and engine are of different versions.
    #[error("page and engine do not understand each other ({detail}). Reload the page.")]
    Protocol {
        /// What was not understood.
        detail: String,
    },
    /// The device or the tensor library failed.
    #[error("the engine had an internal error ({detail}). Your images are safe.")]
    Internal {
        /// The error's own words.
        detail: String,
    },
}

impl TrainError {
    /// The device or the tensor library failed with this error.
    pub fn internal(error: impl Display) -> Self {
        Self::Internal {
            detail: error.to_string(),
        }
    }
}

impl EngineError {
    /// The device or the tensor library failed with this error.
    pub fn internal(error: impl Display) -> Self {
        Self::Internal {
            detail: error.to_string(),
        }
    }
}
