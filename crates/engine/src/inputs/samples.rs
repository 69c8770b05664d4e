//! The images that the engine knows: which are embedded, and which still wait.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use headstart_project::{BurstId, ImageLook, NewSample, SampleId};
use headstart_training::Embedded;
use js_sys::Float32Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

/// An embedding, and the time that it took.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The numbers.
    pub values: Arc<[f32]>,
    /// What the image looks like; unknown when an engine before this one embedded it and the page did not keep it.
    pub look: Option<ImageLook>,
    /// Time from file to embedding; 0 when it was made elsewhere.
    pub elapsed_ms: f64,
}

/// An image that waits to be embedded.
#[derive(Debug)]
pub struct Waiting {
    /// The image.
    pub id: SampleId,
    /// Its file.
    pub file: Blob,
    /// The page wants a thumbnail.
    pub needs_thumbnail: bool,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Samples {
    embedded: HashMap<SampleId, Embedding>,
    bursts: HashMap<SampleId, BurstId>,
    files: HashMap<SampleId, Blob>,
    queue: VecDeque<Waiting>,
}

impl Samples {
    /// Takes in new images; `attachments` are as in `Command::AddSamples`, and `features` is the length of an embedding.
    /// An attached embedding of another length is not used: the image is embedded anew.
    pub fn add(&mut self, samples: &[NewSample], attachments: &[JsValue], features: usize) {
        let (files, embeddings) = attachments.split_at(samples.len().min(attachments.len()));
        let mut embeddings = embeddings.iter();
        for (sample, file) in samples.iter().zip(files) {
            if let Ok(file) = file.clone().dyn_into() {
                self.files.insert(sample.id, file);
            }
            if let Some(burst) = sample.burst {
                self.bursts.insert(sample.id, burst);
            }
            let embedding = sample
                .has_embedding
                .then(|| embeddings.next())
                .flatten()
                .and_then(|values| values.dyn_ref::<Float32Array>())
                .map(Float32Array::to_vec)
                .filter(|values| values.len() == features);
            if let Some(values) = embedding {
                let values = values.into();
                let embedding = Embedding {
                    values,
                    look: sample.look,
                    elapsed_ms: 0.0,
                };
                self.embedded.insert(sample.id, embedding);
            } else if let Ok(file) = file.clone().dyn_into() {
                self.queue.push_back(Waiting {
                    id: sample.id,
                    file,
                    needs_thumbnail: sample.needs_thumbnail,
                });
            }
        }
    }

    /// Forgets images.
    pub fn remove(&mut self, samples: &[SampleId]) {
        for id in samples {
            self.embedded.remove(id);
            self.bursts.remove(id);
            self.files.remove(id);
        }
        self.queue.retain(|waiting| !samples.contains(&waiting.id));
    }

    /// The next images to embed, at most `most`; they stay in the queue until [`Samples::finish`].
    pub fn next(&self, most: usize) -> impl Iterator<Item = &Waiting> {
        self.queue.iter().take(most)
    }

    /// Takes an image out of the queue, with its embedding unless it cannot be used.
    /// Returns false if it has been removed meanwhile.
    pub fn finish(&mut self, id: SampleId, embedding: Option<Embedding>) -> bool {
        let Some(at) = self.queue.iter().position(|waiting| waiting.id == id) else {
            return false;
        };
        self.queue.remove(at);
        if let Some(embedding) = embedding {
            self.embedded.insert(id, embedding);
        }
        true
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether any of these images waits.
    pub fn any_waiting(&self, mut ids: impl Iterator<Item = SampleId>) -> bool {
        !self.queue.is_empty() && {
            let waiting: std::collections::HashSet<_> =
                self.queue.iter().map(|waiting| waiting.id).collect();
            ids.any(|id| waiting.contains(&id))
        }
    }

    /// An image with all that training wants to know of it.
    pub fn embedded(&self, id: SampleId) -> Option<Embedded> {
        let embedding = self.embedded.get(&id)?;
        Some(Embedded {
            id,
            embedding: embedding.values.clone(),
            burst: self.bursts.get(&id).copied(),
            look: embedding.look,
        })
    }

    /// An image's file. The browser keeps it; this is only its handle.
    pub fn file(&self, id: SampleId) -> Option<Blob> {
        self.files.get(&id).cloned()
    }

    /// The files of the first images.
    pub fn first_files(&self, most: usize) -> Vec<Blob> {
        let mut ids: Vec<SampleId> = self.files.keys().copied().collect();
        ids.sort_unstable();
        let files = ids.into_iter().filter_map(|id| self.file(id));
        files.take(most).collect()
    }

    /// An image's embedding.
    pub fn embedding(&self, id: SampleId) -> Option<&Embedding> {
        self.embedded.get(&id)
    }
}
