//! What a network says of its own parts.

/// A part of a network that is frozen or trained as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its name in the weights file.
    pub name: String,
    /// Channels, height and width of its feature map.
    pub map: [usize; 3],
    /// Channels, height and width of what the next block gets: the same, if no pooling follows.
    pub output: [usize; 3],
    /// Trained numbers in it.
    pub parameters: u64,
    /// Multiplications with an addition that it costs, for one image.
    pub multiply_adds: u64,
    /// Numbers in the largest feature map that is made on the way, for one image.
    pub largest: usize,
}

/// Blocks that work at one size and width: what is looked at as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageInfo {
    /// The name that people read.
    pub name: String,
    /// Channels, height and width of its feature map.
    pub output: [usize; 3],
    /// The block whose result the feature map is.
    pub last_block: usize,
}
