//! Why a weights file is refused, in words that make sense to whoever opened it: what is wrong, then what to do.

use std::io;

use thiserror::Error;

/// Why a weights file, or a tensor in it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The file could not be read.
    #[error("the file could not be read: {detail}. Choose it once more.")]
    Read {
        /// The message of the system or the browser.
        detail: String,
    },
    /// It is shorter than it says.
    #[error("the file is cut off: its end is missing. Copy or download it again.")]
    CutOff,
    /// The first bytes belong to no known format.
    #[error(
        "this is not a weights file. Use a .safetensors file, or a .pth or .pt file from PyTorch."
    )]
    Unknown,
    /// A format of weights or models that is known but not supported.
    #[error(
        "this is {format}, which Headstart does not read. Save the model's state_dict() with torch.save, or as .safetensors."
    )]
    Foreign {
        /// What it is, with its article.
        format: &'static str,
    },
    /// The numbers are in the other byte order.
    #[error(
        "the file was written on a big-endian machine. Load it in PyTorch on a PC and save it again."
    )]
    BigEndian,
    /// It contradicts itself.
    #[error("the file is damaged: {detail}. Download it again.")]
    Damaged {
        /// What does not fit.
        detail: String,
    },
    /// A file in a zip is compressed or locked, so that it cannot be read in pieces.
    #[error(
        "{name} in the file is compressed or locked by a password. Use the file as PyTorch's torch.save wrote it."
    )]
    Packed {
        /// The file in the zip.
        name: String,
    },
    /// A pickle refers to something in Python that tensors do not need.
    #[error(
        "the file asks Python for {name}, which weights do not need. It was refused, and nothing in it was run. If it holds a whole model, save its state_dict() instead; if you do not trust its source, delete it."
    )]
    ForbiddenName {
        /// Module and name.
        name: String,
    },
    /// A pickle calls something, or sets attributes of something, that tensors do not need.
    #[error(
        "the file calls {name} in a way that weights do not need. It was refused, and nothing in it was run. If you do not trust its source, delete it."
    )]
    ForbiddenCall {
        /// What is called.
        name: String,
    },
    /// A pickle contains an instruction that no state dictionary needs.
    #[error(
        "the file holds the pickle instruction {instruction}, which weights do not need. It was refused, and nothing in it was run. If you do not trust its source, delete it."
    )]
    ForbiddenInstruction {
        /// Its name, or its number if it has no name.
        instruction: String,
    },
    /// A pickle puts a container into itself.
    #[error(
        "the file describes a list or a table that holds itself, which weights never do. It was refused."
    )]
    Recursive,
    /// A pickle nests deeper than any weights do.
    #[error(
        "the file nests its lists and tables more than {limit} deep, which weights never do. It was refused."
    )]
    TooDeep {
        /// The most that is accepted.
        limit: usize,
    },
    /// There is more of something than any weights file has.
    #[error("the file has more than {limit} {what}, far above what weights need. It was refused.")]
    TooMuch {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// The most that is accepted.
        limit: u64,
    },
    /// It contains no tensor.
    #[error(
        "the file holds no weights. Save the model's state_dict() with torch.save, or as .safetensors."
    )]
    NoTensors,
    /// A tensor cannot be read.
    #[error("the tensor {name} {problem}.")]
    Tensor {
        /// Its name in the file.
        name: String,
        /// What is wrong with it.
        problem: TensorProblem,
    },
}

/// What is wrong with a tensor, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TensorProblem {
    /// No tensor has this name.
    #[error("is not in the file")]
    Missing,
    /// Two tensors have this name.
    #[error("is in the file twice")]
    Twice,
    /// Its numbers are not floating-point numbers.
    #[error("holds no floating-point numbers of 16, 32 or 64 bits")]
    NotFloat,
    /// It needs numbers that are not in the file.
    #[error("is larger than the numbers that the file holds for it")]
    OutOfStorage,
    /// Several of its elements share one stored number.
    #[error("is stored with numbers that overlap; call its contiguous() in PyTorch before saving")]
    Overlapping,
    /// Too many dimensions, or sizes that no computer can hold.
    #[error("has a shape that no tensor can have")]
    Shape,
    /// A range of rows that it does not have.
    #[error("has fewer rows than were asked for")]
    Rows,
    /// A number is infinite, is not a number, or is beyond f32.
    #[error("holds a value that is not a finite number")]
    NotFinite,
    /// Out of memory.
    #[error("does not fit into memory")]
    Memory,
    /// A batch norm that fits no convolution: its lengths differ, or a variance is negative.
    #[error("does not fit its batch norm")]
    BatchNorm,
}

impl TensorProblem {
    pub(crate) fn of(self, name: &str) -> CheckpointError {
        CheckpointError::Tensor {
            name: clipped(name.as_bytes()),
            problem: self,
        }
    }
}

impl From<io::Error> for CheckpointError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::CutOff
        } else {
            Self::Read {
                detail: error.to_string(),
            }
        }
    }
}

pub(crate) fn damaged(detail: impl Into<String>) -> CheckpointError {
    CheckpointError::Damaged {
        detail: detail.into(),
    }
}

/// Text from a file, made fit to be shown: printable and short.
pub(crate) fn clipped(text: &[u8]) -> String {
    const MOST: usize = 120;
    let shown = String::from_utf8_lossy(text);
    let mut shown: String = shown
        .chars()
        .map(|sign| if sign.is_control() { '\u{fffd}' } else { sign })
        .take(MOST + 1)
        .collect();
    if shown.chars().count() > MOST {
        shown.pop();
        shown.push('…');
    }
    shown
}
