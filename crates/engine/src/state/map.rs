use std::sync::Arc;

use headstart_training::place;

/// The newest map, on which new images are placed.
pub struct DrawnMap {
    /// What the images on it are for the backbone.
    pub embeddings: Vec<Arc<[f32]>>,
    /// Where each of them lies.
    pub points: Vec<[f32; 2]>,
}

impl DrawnMap {
    /// Where an image that is not on the map belongs.
    pub fn place(&self, embedding: &[f32]) -> [f32; 2] {
        let embeddings: Vec<&[f32]> = self.embeddings.iter().map(|values| &**values).collect();
        place(embedding, &embeddings, &self.points)
    }
}
