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
    /// One image of the user's. Unique within a project and never used twice.
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
    /// One hold of the record button: its frames are all but the same image.
    BurstId
);
id!(
    /// One analysis of the data or the model.
    JobId
);
