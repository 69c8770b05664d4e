//! What a result is worth.

pub(crate) mod baselines;
pub(crate) mod calibration;
pub(crate) mod cross_validate;
pub(crate) mod evaluate;
pub(crate) mod familiarity;
