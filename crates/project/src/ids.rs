use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);
    };
}

id!(
    /// One of the user's images. Unique within a project and never reused.
    SampleId
);
id!(
    /// One press of Train.
    RunId
);
id!(
    /// One archive that is being read.
    ImportId
);
id!(
    /// One question of the page.
    RequestId
);
id!(
    /// One press of the record button: its frames are nearly the same image.
    BurstId
);
id!(
    /// One analysis of the data or the model.
    JobId
);
