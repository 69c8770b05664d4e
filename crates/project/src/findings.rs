//! What the analyses find out, and what a run says beyond its accuracy.

use serde::{Deserialize, Serialize};

use crate::{Evaluation, Experiment, SampleId};

/// The images that a figure was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasuredOn {
    /// Held back by the split. Also used to choose the epoch, the temperature and the threshold, so figures are a little too good.
    Validation,
    /// The user's own test images.
    Test,
}

/// How far the probabilities can be trusted.
/// Guo et al., “On Calibration of Modern Neural Networks”, ICML 2017, arXiv:1706.04599.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What the logits are divided by, fitted on the validation images; 1 changes nothing.
    pub temperature: f64,
    /// The images that the two diagrams were measured on.
    pub measured_on: MeasuredOn,
    /// At temperature 1.
    pub before: Reliability,
    /// At the fitted temperature.
    pub after: Reliability,
}

/// A reliability diagram.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Expected calibration error: the mean distance between confidence and accuracy, weighted by the bins' counts, 0 to 1.
    pub error: f64,
    /// Ten bins of equal width by confidence, the lowest first.
    pub bins: Vec<ReliabilityBin>,
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Images in it.
    pub count: u32,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// Share of them predicted right.
    pub accuracy: f64,
}

/// What the simplest methods achieve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The images that were predicted.
    pub measured_on: MeasuredOn,
    /// Accuracy of always saying the class with the most training images.
    pub largest_class: f64,
    /// Accuracy of a vote among the nearest training images, by the cosine of the embeddings.
    pub nearest_neighbours: f64,
    /// How many neighbours vote.
    pub neighbours: u32,
}

/// How well images of no class are told apart from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownReport {
    /// Images less familiar than this are taken for unknown; chosen so that 95 % of the known images are not (80 % when there are only a few to compare with), both of the validation images and of the training images when each is left out of the comparison.
    pub threshold: f32,
    /// The images behind `known`.
    pub measured_on: MeasuredOn,
    /// Familiarity of each image that was measured on.
    pub known: Vec<f32>,
    /// Familiarity of the same images, each with its own class hidden from the comparison: a stand-in for images of no class.
    pub hidden: Vec<f32>,
    /// Area under the ROC curve of `known` against `hidden`.
    pub auroc: f64,
}

/// Where the model looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatMap {
    /// Index of the class that it speaks for.
    pub class: u32,
    /// Cells along one side of the centred square that the model sees.
    pub side: u32,
    /// What each cell adds to the class's logit, row by row; negative where it speaks against the class.
    pub values: Vec<f32>,
}

/// What an analysis found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Findings {
    /// Of `Analysis::CrossValidate`.
    CrossValidation(CrossValidation),
    /// Of `Analysis::Examine`.
    Examination(Examination),
    /// Of `Analysis::Map`.
    Map(DataMap),
    /// Of `Analysis::Compare`.
    Comparison(Experiment),
    /// Of `Analysis::Excite`.
    Excited(Excited),
    /// Of `Analysis::Occlude`.
    Occlusion(Occlusion),
}

/// The images that a channel responds to most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excited {
    /// Index of the stage.
    pub stage: u32,
    /// Index of the channel in it.
    pub channel: u32,
    /// The images, the most exciting one first.
    pub images: Vec<SampleId>,
}

/// What a stage of the backbone makes of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsideStage {
    /// The stage's name.
    pub name: String,
    /// How many channels it has.
    pub channels: u32,
    /// Side of its feature map, in cells.
    pub side: u32,
    /// Side of the maps that are shown, which may be smaller.
    pub shown_side: u32,
    /// Its strongest channels, the strongest first.
    pub strongest: Vec<InsideChannel>,
}

/// A channel and how strongly it responds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InsideChannel {
    /// Its index.
    pub channel: u32,
    /// Standard deviation of its map.
    pub strength: f32,
}

/// Every image predicted once, by a model that has not learnt from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// Accuracy of each fold.
    pub folds: Vec<f64>,
    /// Mean of the folds' accuracies.
    pub mean: f64,
    /// Standard deviation of the folds' accuracies (n - 1).
    pub deviation: f64,
    /// All images together, each predicted by the fold that it was held out of.
    pub evaluation: Evaluation,
    /// How long it took.
    pub elapsed_ms: f64,
}

/// What is wrong with the images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Examination {
    /// Images that look the same, in groups of two or more, the largest first; the images of a group are all for training or all for testing. Recordings are not listed: their frames are alike by nature.
    pub duplicates: Vec<Vec<SampleId>>,
    /// Test images that look the same as training images, and so measure nothing, with those training images.
    pub leaks: Vec<Leak>,
    /// Images that are probably in the wrong class, the most suspect first.
    pub labels: Vec<LabelSuspect>,
    /// Classes that are too small or one-sided.
    pub classes: Vec<ClassFinding>,
    /// How long it took.
    pub elapsed_ms: f64,
}

/// A test image that was seen in training, or nearly so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The test image.
    pub test: SampleId,
    /// Training images that are nearly identical, or frames of the same recording.
    pub train: Vec<SampleId>,
}

/// An image that is probably in the wrong class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelSuspect {
    /// The image.
    pub id: SampleId,
    /// Index of the class that it is in.
    pub given: u32,
    /// Index of the class that it looks like.
    pub suggested: u32,
    /// Probability of the class that it is in, by models that have not learnt from it.
    pub probability: f32,
}

/// A class that is too small or one-sided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFinding {
    /// Index of the class.
    pub class: u32,
    /// What is wrong.
    pub problem: ClassProblem,
    /// The images behind it.
    pub samples: Vec<SampleId>,
}

/// What can be wrong with a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassProblem {
    /// Few images to learn from.
    TooFew,
    /// Far fewer images than the largest class.
    FarSmaller,
    /// All images are frames of one recording.
    OneRecording,
    /// Nearly all images are dark, unlike those of the other classes.
    AllDark,
    /// Nearly all images are very bright, unlike those of the other classes.
    AllBright,
    /// Nearly all images are blurred, unlike those of the other classes.
    AllBlurred,
}

/// Images on a plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataMap {
    /// How they were placed.
    pub method: MapMethod,
    /// One point per image, both coordinates from -1 to 1.
    pub points: Vec<MapPoint>,
}

/// How images are placed on the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapMethod {
    /// The two directions in which the embeddings differ most.
    Pca,
    /// Neighbours stay neighbours.
    Tsne,
}

/// An image on the plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    /// The image.
    pub id: SampleId,
    /// From left to right.
    pub x: f32,
    /// From bottom to top.
    pub y: f32,
}

/// How a class's probability changes when parts of the image are covered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occlusion {
    /// Index of the class.
    pub class: u32,
    /// Its probability for the whole image.
    pub probability: f32,
    /// Positions of the patch along one side of the centred square that the model sees.
    pub side: u32,
    /// Probability with the patch there minus `probability`, row by row: negative where the covered part speaks for the class.
    pub changes: Vec<f32>,
}
