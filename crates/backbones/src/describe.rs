//! What a network says about its own parts.

/// A part of a network that is frozen or trained as a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its name in the weights file.
    pub name: String,
    /// Channels, height and width of its feature map.
    pub map: [usize; 3],
    /// Channels, height and width of what the next block gets: the same if no pooling follows.
    pub output: [usize; 3],
    /// The number of trained parameters.
    pub parameters: u64,
    /// The multiply-adds that it takes for one image.
    pub multiply_adds: u64,
    /// The size of the largest feature map along the way, in numbers, for one image.
    pub largest: usize,
}

/// Blocks that work at one resolution and width: the unit that people look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageInfo {
    /// The name that people read.
    pub name: String,
    /// Channels, height and width of its feature map.
    pub output: [usize; 3],
    /// The block that produces the feature map.
    pub last_block: usize,
}
