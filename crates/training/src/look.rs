//! Looking at the data and into the model: the data doctor, heat maps, and the map of all images.

pub(crate) mod examine;
pub(crate) mod explain;
pub(crate) mod projection;
pub(crate) mod suspects;
