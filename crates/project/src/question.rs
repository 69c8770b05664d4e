//! What the page asks the engine for and gets exactly one answer to.
//!
//! [`Ask`] ties a question to its answer. A new one is a line in `questions!` with its two types, and an arm in the engine's `answering.rs`.

use serde::{Deserialize, Serialize};

use crate::{
    AugmentSettings, BackboneChoice, Frame, HeatFor, HeatMap, InEightBits, InsideStage,
    ModelExport, Packing, SampleId, SavedBackbone,
};

/// A question of the page.
///
/// Questions and answers name their *attachments* as [`Command`](crate::Command) does.
pub trait Ask: Into<Question> {
    /// What the engine answers.
    type Answer: Into<Answer>;

    /// Takes this question's answer out of any answer; `None` when it answers something else.
    fn answer(answer: Answer) -> Option<Self::Answer>;
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// In words: what happened, then what to do.
    pub sentence: String,
}

impl Failure {
    /// The page and the engine do not agree on what belongs to a question or to its answer.
    pub fn attachment(what: &str) -> Self {
        Self::of(&crate::EngineError::Protocol {
            detail: format!("{what} is missing"),
        })
    }

    /// Whoever was to answer has gone without a word.
    pub fn dropped() -> Self {
        Self::of(&crate::EngineError::internal("a question was dropped"))
    }

    fn of(error: &dyn std::error::Error) -> Self {
        Self {
            sentence: error.to_string(),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// Each question with its answer.
macro_rules! questions {
    ($($question:ident => $answer:ident,)*) => {
        /// Any question.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Question { $(
            #[doc = concat!("Answered by [`", stringify!($answer), "`].")]
            $question($question),
        )* }

        /// Any answer.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Answer { $(
            #[doc = concat!("Answers [`", stringify!($question), "`].")]
            $answer($answer),
        )* }

        $(
            impl From<$question> for Question {
                fn from(question: $question) -> Self {
                    Self::$question(question)
                }
            }

            impl From<$answer> for Answer {
                fn from(answer: $answer) -> Self {
                    Self::$answer(answer)
                }
            }

            impl Ask for $question {
                type Answer = $answer;

                fn answer(answer: Answer) -> Option<$answer> {
                    match answer {
                        Answer::$answer(answer) => Some(answer),
                        _ => None,
                    }
                }
            }
        )*
    };
}

questions! {
    OpenWeights => WeightsOpened,
    Probe => Probed,
    Predict => Prediction,
    Pack => Packed,
    Unpack => Unpacked,
    ExportModel => ModelExported,
    LookInside => Inside,
    Vary => Varied,
    ListRequests => Requests,
}

/// Bring another tool's weights file into Headstart's form. Needs no backbone. Attachments: the file as a `Blob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenWeights {
    /// Keep the fully connected layers behind the feature maps, if the file has them.
    pub keep_hidden: bool,
    /// Store them in 8 bits instead of 16.
    pub is_small: bool,
}

/// A weights file in Headstart's form. Attachments: the new file, a `Blob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightsOpened {
    /// What it holds.
    pub backbone: BackboneChoice,
    /// Whether it has the fully connected layers behind the feature maps.
    pub has_hidden: bool,
    /// What 8 bits cost, if they were asked for.
    pub in_8_bits: Option<InEightBits>,
}

/// Measure how fast the backbone is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {}

/// How fast the backbone is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// Time for one image, from normalised pixels to its embedding.
    pub image_ms: f64,
}

/// Classify one image with the newest model. Attachments: a `Blob` or an `ImageBitmap`, as `frame` says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predict {
    /// What is attached.
    pub frame: Frame,
    /// Also say where the model looked.
    pub heat: Option<HeatFor>,
}

/// What the newest model says of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// One probability a class of the newest model, summing to one.
    pub probabilities: Vec<f32>,
    /// How much the image is like the training images, higher for more; comparable with `UnknownReport::threshold`.
    pub familiarity: f32,
    /// Where the model looked, if that was asked for.
    pub heat: Option<HeatMap>,
    /// Where the image lies on the newest map, if there is one.
    pub place: Option<[f32; 2]>,
    /// Time from pixels to probabilities.
    pub elapsed_ms: f64,
}

/// Put a project or a data set together as one zip. Attachments: the file of each image of the project, in order, as a `Blob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pack {
    /// What to put together.
    pub packing: Box<Packing>,
}

/// A project or a data set is put together. Attachments: the zip, a `Blob`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packed {}

/// Open a project's file. Attachments: the file as a `Blob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unpack {
    /// Backbones whose weights are here.
    pub known: Vec<SavedBackbone>,
}

/// A project's file was opened. Attachments: the [`OpenedProject`](crate::OpenedProject) as a text, the file of each image as a `Blob`, then a `Float32Array` for each image that has an embedding, then the model as a `Uint8Array` if there is a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unpacked {}

/// Put the newest model together in every form that other tools read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportModel {
    /// What the engine does not know of it.
    pub export: ModelExport,
}

/// The model is put together. Attachments: the zip, a `Blob`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelExported {}

/// Show what each stage of the backbone makes of an image. Attachments: a `Blob` or an `ImageBitmap`, as `frame` says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookInside {
    /// What is attached.
    pub frame: Frame,
}

/// What each stage makes of an image. Attachments: the feature maps of the strongest channels, stage by stage, as one `Uint8Array` of grey values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The stages, from the first to the last.
    pub stages: Vec<InsideStage>,
}

/// Show how an image is varied. Attachments: the image as a `Blob`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vary {
    /// The image.
    pub sample: SampleId,
    /// How it is varied; as many copies are made as it says.
    pub augmentation: AugmentSettings,
    /// Decides the outcome.
    pub seed: u64,
}

/// An image was varied. Attachments: each copy as a `Blob`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Varied {}

/// List everything that the engine has asked the network for. Needs no backbone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListRequests {}

/// What the engine has asked the network for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Each with its whole address and the bytes that came over the network.
    pub requests: Vec<(String, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_its_question_and_to_no_other() {
        let probed = Probed { image_ms: 7.5 };
        let answer = Answer::from(probed);
        assert_eq!(Probe::answer(answer.clone()), Some(probed));
        assert_eq!(Pack::answer(answer), None);
    }

    #[test]
    fn a_failure_says_what_happened() {
        let failure = Failure::from(crate::Rejection::Empty);
        assert!(failure.sentence.starts_with("the file is empty."));
        let failure = Failure::attachment("the image");
        assert!(failure.sentence.contains("the image is missing"));
        assert!(failure.sentence.ends_with("Reload the page."));
    }
}
