//! A run from beginning to end, and the comparison of many.

pub(crate) mod compare;
pub(crate) mod run;
