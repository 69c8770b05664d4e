use serde::{Deserialize, Serialize};

/// What can be told of an image without a network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageLook {
    /// A difference hash of 64 bits: images that look the same differ in few of them.
    pub hash: u64,
    /// Mean luma, 0 (black) to 1 (white).
    pub brightness: f32,
    /// Standard deviation of the Laplacian of the luma at a fixed size, in units of the luma's range; low when blurred.
    pub sharpness: f32,
}
