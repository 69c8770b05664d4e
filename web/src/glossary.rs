//! The field's words, explained once, for whoever meets them first here.
//!
//! The page explains a word where it stands; `cargo xtask finish` includes this file, too, and writes all words into the page glossary.html.

/// Declares the words and the list of them all, which so cannot miss one.
macro_rules! words {
    ($($word:ident,)+) => {
        /// A word that is explained where it appears.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word {
            $($word,)+
        }

        impl Word {
            pub const ALL: &[Self] = &[$(Self::$word,)+];
        }
    };
}

words! {
    Accuracy,
    Augmentation,
    Backbone,
    Baseline,
    Batch,
    Calibration,
    Channel,
    Class,
    ConfidenceInterval,
    Confusion,
    CrossValidation,
    Dropout,
    Embedding,
    Epoch,
    F1,
    Familiarity,
    Feature,
    FineTuning,
    Head,
    HeatMap,
    HiddenLayer,
    LearningRate,
    Loss,
    Model,
    NearDuplicate,
    NearestNeighbours,
    Overfitting,
    Parameter,
    Precision,
    Pretrained,
    Probability,
    Recall,
    Recording,
    Seed,
    Temperature,
    Test,
    TransferLearning,
    Tsne,
    Validation,
}

impl Word {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Augmentation => "augmentation",
            Self::Backbone => "backbone",
            Self::Baseline => "baseline",
            Self::Batch => "batch",
            Self::Calibration => "calibration",
            Self::Channel => "channel",
            Self::Class => "class",
            Self::ConfidenceInterval => "confidence interval",
            Self::Confusion => "confusion matrix",
            Self::CrossValidation => "cross-validation",
            Self::Dropout => "dropout",
            Self::Embedding => "embedding",
            Self::Epoch => "epoch",
            Self::F1 => "F1",
            Self::Familiarity => "familiarity",
            Self::Feature => "feature",
            Self::FineTuning => "fine-tuning",
            Self::Head => "head",
            Self::HeatMap => "heat map",
            Self::HiddenLayer => "hidden layer",
            Self::LearningRate => "learning rate",
            Self::Loss => "loss",
            Self::Model => "model",
            Self::NearDuplicate => "near-duplicate",
            Self::NearestNeighbours => "nearest neighbours",
            Self::Overfitting => "overfitting",
            Self::Parameter => "parameter",
            Self::Precision => "precision",
            Self::Pretrained => "pretrained",
            Self::Probability => "probability",
            Self::Recall => "recall",
            Self::Recording => "recording",
            Self::Seed => "seed",
            Self::Temperature => "temperature",
            Self::Test => "test images",
            Self::TransferLearning => "transfer learning",
            Self::Tsne => "t-SNE",
            Self::Validation => "validation",
        }
    }

    /// Where the word stands in glossary.html: `confidence-interval`.
    pub fn anchor(self) -> String {
        self.name().replace(' ', "-")
    }

    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Accuracy => {
                "The share of images that the model gets right. With 95%, 19 of 20 answers were right."
            }
            Self::Augmentation => {
                "Showing the model changed copies of its images, such as mirrored, turned or brighter ones. So it learns that such changes do not make another thing of them."
            }
            Self::Backbone => {
                "The big part of the model. It was trained on more than a million photos before you came, so it already sees edges, shapes and parts. It stays as it is, unless you unfreeze its last blocks."
            }
            Self::Baseline => {
                "A very simple method that solves the same task. A model is only worth having if it does better than that."
            }
            Self::Batch => {
                "The model does not look at all images at once. It takes a few, corrects itself a little, and takes the next few. One such handful is a batch."
            }
            Self::Calibration => {
                "Whether the model is right as often as it says. If it is 80% sure of ten answers, about eight of them should be right."
            }
            Self::Channel => {
                "One of the many things that a layer looks for, such as slanted edges. Its map is bright where the image has that."
            }
            Self::Class => {
                "One of the things that the model should tell apart, such as cats or dogs. You give each class a name and examples."
            }
            Self::ConfidenceInterval => {
                "The range in which the true figure most likely lies. If you repeated the test many times with other images, about 95 of 100 such ranges would hold the true figure."
            }
            Self::Confusion => {
                "A table of right and wrong answers. Each row is what an image really shows, each column is what the model said. Right answers are on the diagonal."
            }
            Self::CrossValidation => {
                "The images are cut into five parts. Five models are trained, and each one predicts the part that it has not seen. So every image is predicted once by a model that does not know it."
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
            Self::F1 => "Precision and recall in one number. It is only high when both are.",
            Self::Familiarity => {
                "How much an image is like the images that the model has learnt from, by its embedding. Something new and strange has a low familiarity."
            }
            Self::Feature => {
                "Something in an image that helps to recognise it, such as an edge, a colour or the shape of an ear. The backbone says for each feature, by a number, how strongly it sees it."
            }
            Self::FineTuning => {
                "Training the last layers of the backbone as well, in small steps. It can get better than a new head alone, but takes longer and needs more images."
            }
            Self::Head => {
                "The small last part of the model. It turns the backbone’s description of an image into one of your classes. Unless you go deeper, only the head is trained, which is why it is fast."
            }
            Self::HeatMap => {
                "The image with colours on it that show which parts spoke for the answer, and how strongly."
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
            Self::Model => {
                "What training makes: one long calculation that turns an image into an answer. Here it has two parts, the backbone and the head."
            }
            Self::NearDuplicate => {
                "Two images that look all but the same, such as two frames of one recording or a photo that was saved twice."
            }
            Self::NearestNeighbours => {
                "The training images most like the new one. They vote, and the class with the most votes is the answer. Nothing needs to be trained for that."
            }
            Self::Overfitting => {
                "Learning the training images by heart instead of what they have in common. You see it when the training curve gets better while the validation curve gets worse."
            }
            Self::Parameter => {
                "One of the numbers that a model calculates with. Training means to look for good values of these numbers."
            }
            Self::Precision => {
                "How often the model is right when it says this class. It drops when other things are taken for the class."
            }
            Self::Pretrained => {
                "Trained before, on other images and for another task. What was learnt there is used again, so you need far fewer images."
            }
            Self::Probability => {
                "How sure the model is of a class, from 0% to 100%. Together the classes always make 100%. It can be sure of an answer and still be wrong."
            }
            Self::Recall => {
                "How many of the images of this class the model finds. It drops when images of the class are taken for something else."
            }
            Self::Recording => {
                "The frames that the camera took while you held the button once. They look much alike, so they are all learnt from or all held back, never some of each."
            }
            Self::Seed => {
                "The number that all chance in the training starts from. The same seed and the same images give the same result."
            }
            Self::Temperature => {
                "A number that makes all answers a bit less sure, or surer, without changing any of them. It is chosen so that the model is right as often as it says."
            }
            Self::Test => {
                "Images that are kept aside and never learnt from. How often the model is right on them tells how it will do on new images."
            }
            Self::TransferLearning => {
                "Using what a model has learnt from one task for another one. It takes minutes instead of days, and a handful of images instead of millions."
            }
            Self::Tsne => {
                "A method that puts things with many numbers on a flat map. It cares for neighbours: what is alike stays together. Distances between groups that are far apart mean little."
            }
            Self::Validation => {
                "A few images of each class are held back while the model learns. After each epoch it is checked on them, and the best epoch is kept."
            }
        }
    }
}
