//! A run from beginning to end, and the comparison of many.

pub(crate) mod compare;
pub(crate) mod measure;
pub(crate) mod run;
