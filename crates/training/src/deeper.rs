//! Training more than the head: the last blocks of a backbone, or a small network from nothing.

pub(crate) mod average;
pub(crate) mod fine_tune;
pub(crate) mod scratch;
