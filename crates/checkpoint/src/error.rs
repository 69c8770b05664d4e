//! Why a weights file is refused, in words that whoever opened it understands: what is wrong, then what to do.

use std::io;

use thiserror::Error;

/// Why a weights file, or a tensor in it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Whatever holds the file refused to give its bytes.
    #[error("the file could not be read: {detail}. Choose it once more.")]
    Read {
        /// The system's or the browser's own words.
        detail: String,
    },
    /// It ends before what it promises.
    #[error("the file is cut off: its end is missing. Copy or download it again.")]
    CutOff,
    /// The first bytes belong to no form of weights.
    #[error(
        "this is not a weights file. Use a .safetensors file, or a .pth or .pt file from PyTorch."
    )]
    Unknown,
    /// A form of weights or models that is known, and not read.
    #[error(
        "this is {format}, which Headstart does not read. Save the model's state_dict() with torch.save, or as .safetensors."
    )]
    Foreign {
        /// What it is, with its article.
        format: &'static str,
    },
    /// The numbers are in the byte order of other processors.
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
    /// A zip's file that is packed or locked, so that it cannot be read in pieces.
    #[error(
        "{name} in the file is compressed or locked by a password. Use the file as PyTorch's torch.save wrote it."
    )]
    Packed {
        /// The file in the zip.
        name: String,
    },
    /// A pickle names something in Python other than what tensors need.
    #[error(
        "the file asks Python for {name}, which weights do not need. It was refused, and nothing in it was run. If it holds a whole model, save its state_dict() instead; if you do not trust its source, delete it."
    )]
    ForbiddenName {
        /// Module and name.
        name: String,
    },
    /// A pickle calls something, or sets its attributes, other than tensors need.
    #[error(
        "the file calls {name} in a way that weights do not need. It was refused, and nothing in it was run. If you do not trust its source, delete it."
    )]
    ForbiddenCall {
        /// What is called.
        name: String,
    },
    /// A pickle has an instruction that no state dictionary needs.
    #[error(
        "the file holds the pickle instruction {instruction}, which weights do not need. It was refused, and nothing in it was run. If you do not trust its source, delete it."
    )]
    ForbiddenInstruction {
        /// Its name, or its number if it has none.
        instruction: String,
    },
    /// A pickle puts a container into itself.
    #[error(
        "the file describes a list or a table that holds itself, which weights never do. It was refused."
    )]
    Recursive,
    /// A pickle nests deeper than any weights.
    #[error(
        "the file nests its lists and tables more than {limit} deep, which weights never do. It was refused."
    )]
    TooDeep {
        /// The most that is read.
        limit: usize,
    },
    /// There is more of something than any weights have.
    #[error("the file has more than {limit} {what}, far above what weights need. It was refused.")]
    TooMuch {
        /// Of what, in the plural.
        what: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// Nothing in it is a tensor.
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
    /// It needs numbers that the file does not hold.
    #[error("is larger than the numbers that the file holds for it")]
    OutOfStorage,
    /// Several of its numbers are stored as one.
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
    /// Memory ran out.
    #[error("does not fit into memory")]
    Memory,
    /// A batch norm that fits no convolution: lengths that differ, or a variance below zero.
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

/// Text from a file as it may be shown: printable and short.
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
