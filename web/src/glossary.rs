//! The field's words, explained once, for whoever meets them first here.

/// A word that is explained where it appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Backbone,
    Batch,
    Confusion,
    Dropout,
    Embedding,
    Epoch,
    Head,
    HiddenLayer,
    LearningRate,
    Loss,
    Overfitting,
    Seed,
    Test,
    TransferLearning,
    Validation,
}

impl Word {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backbone => "backbone",
            Self::Batch => "batch",
            Self::Confusion => "confusion matrix",
            Self::Dropout => "dropout",
            Self::Embedding => "embedding",
            Self::Epoch => "epoch",
            Self::Head => "head",
            Self::HiddenLayer => "hidden layer",
            Self::LearningRate => "learning rate",
            Self::Loss => "loss",
            Self::Overfitting => "overfitting",
            Self::Seed => "seed",
            Self::Test => "test images",
            Self::TransferLearning => "transfer learning",
            Self::Validation => "validation",
        }
    }

    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Backbone => {
                "The big part of the model. It was trained on more than a million photos before you came, so it already sees edges, shapes and parts. It stays as it is."
            }
            Self::Batch => {
                "The model does not look at all images at once. It takes a few, corrects itself a little, and takes the next few. One such handful is a batch."
            }
            Self::Confusion => {
                "A table of right and wrong answers. Each row is what an image really shows, each column is what the model said. Right answers are on the diagonal."
            }
            Self::Dropout => {
                "While learning, some units are switched off at random, so that the model cannot rely on any single one. It can help against overfitting."
            }
            Self::Embedding => {
                "The list of numbers by which the backbone describes an image. Images that look alike get similar numbers. Each image is described only once."
            }
            Self::Epoch => {
                "One pass over all training images. In 50 epochs the model sees every image 50 times."
            }
            Self::Head => {
                "The small last part of the model. It turns the backbone’s description of an image into one of your classes. Only the head is trained here, which is why it is fast."
            }
            Self::HiddenLayer => {
                "A row of units between the backbone and the answer. More units can learn finer differences, but need more images."
            }
            Self::LearningRate => {
                "How big a step the model takes each time it corrects itself. Too big and it jumps about, too small and it takes forever."
            }
            Self::Loss => {
                "How wrong the model’s answers are, as a number. Saying a wrong class with great certainty costs most. Lower is better."
            }
            Self::Overfitting => {
                "Learning the training images by heart instead of what they have in common. You see it when the training curve gets better while the validation curve gets worse."
            }
            Self::Seed => {
                "The number that all chance in the training starts from. The same seed and the same images give the same result."
            }
            Self::Test => {
                "Images that are kept aside and never learnt from. How often the model is right on them tells how it will do on new images."
            }
            Self::TransferLearning => {
                "Using what a model has learnt from one task for another one. It takes minutes instead of days, and a handful of images instead of millions."
            }
            Self::Validation => {
                "A few images of each class are held back while the model learns. After each epoch it is checked on them, and the best epoch is kept."
            }
        }
    }
}
