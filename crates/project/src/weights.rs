//! Weights files: where they are, and why one may be unusable.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::BackboneId;

/// Where a backbone's weights are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsPlace {
    /// A file on the site.
    Site {
        /// Its absolute address.
        url: String,
    },
    /// A file that the browser keeps; it is attached.
    Attached,
}

/// A backbone and the exact weights that make its embeddings. Embeddings of two different choices cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackboneChoice {
    /// The backbone.
    pub id: BackboneId,
    /// SHA-256 of its weights file in Headstart's form, in hexadecimal digits.
    pub sha256: String,
}

impl BackboneChoice {
    /// The weights that `cargo xtask weights` makes; `None` when every user opens a file of their own.
    pub fn of_site(id: BackboneId) -> Option<Self> {
        let sha256 = id.sha256()?.to_owned();
        Some(Self { id, sha256 })
    }
}

impl Default for BackboneChoice {
    /// The weights that come with the page.
    fn default() -> Self {
        Self {
            id: BackboneId::default(),
            sha256: BackboneId::default()
                .sha256()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// What storing a backbone's weights in 8 bits costs, measured on the user's images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InEightBits {
    /// The lowest cosine between an image's features by these weights and by the original ones.
    pub cosine: f64,
    /// Whether that is good enough; otherwise the weights are stored in 16 bits.
    pub is_used: bool,
}

/// Why a weights file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsProblem {
    /// It cannot be read.
    #[error(
        "this file cannot be read as weights: {detail}. Use a .safetensors file, or a .pth or .pt file that holds a state dict."
    )]
    Unreadable {
        /// The reader's own words.
        detail: String,
    },
    /// Its tensors belong to none of the models.
    #[error(
        "the names of its {tensors} tensors are not those of any model here; the first is {first}. Use weights as torchvision or timm publish them."
    )]
    Unknown {
        /// How many tensors it has.
        tensors: u32,
        /// The first one's name.
        first: String,
    },
    /// It is nearly one of the models.
    #[error("it looks like {title}, but does not fit: {detail}")]
    Mismatch {
        /// The model that it is most like.
        title: String,
        /// What is missing, superfluous, or of another shape, by name.
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_page_is_the_default() {
        let of_site = BackboneChoice::of_site(BackboneId::default());
        assert_eq!(of_site, Some(BackboneChoice::default()));
        assert_eq!(BackboneChoice::of_site(BackboneId::Vgg16), None);
    }
}
