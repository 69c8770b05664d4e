//! The images that the engine knows: which are embedded, and which still wait.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use headstart_project::{BurstId, ClassRequest, ImageLook, NewSample, SampleId, TrainError};
use headstart_training::{ClassImages, Embedded};

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

/// An image that comes in.
#[derive(Clone, Debug)]
pub struct Arrival<F> {
    /// What the page says of it.
    pub sample: NewSample,
    /// Its file.
    pub file: F,
    /// Its embedding, if an engine before this one has made it.
    pub embedding: Option<Vec<f32>>,
}

/// An image's place in the queue. An image that is removed and added again gets another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The image.
    pub id: SampleId,
    number: u64,
}

/// An image that waits to be embedded.
#[derive(Clone, Debug)]
pub struct Waiting<F> {
    /// The image's place in the queue.
    pub ticket: Ticket,
    /// Its file.
    pub file: F,
    /// The page wants a thumbnail.
    pub needs_thumbnail: bool,
}

/// What is known. `F` is a file's handle.
#[derive(Debug)]
pub struct Samples<F> {
    embedded: HashMap<SampleId, Embedding>,
    bursts: HashMap<SampleId, BurstId>,
    files: HashMap<SampleId, F>,
    queue: VecDeque<Waiting<F>>,
    tickets: u64,
}

impl<F> Default for Samples<F> {
    fn default() -> Self {
        Self {
            embedded: HashMap::new(),
            bursts: HashMap::new(),
            files: HashMap::new(),
            queue: VecDeque::new(),
            tickets: 0,
        }
    }
}

impl<F: Clone> Samples<F> {
    /// Takes in an image; `features` is the length of an embedding.
    /// An embedding of another length is not used: the image is embedded anew.
    /// An image of the same name is replaced.
    pub fn add(&mut self, arrival: Arrival<F>, features: usize) {
        let Arrival {
            sample,
            file,
            embedding,
        } = arrival;
        if self.files.contains_key(&sample.id) {
            self.remove(&[sample.id]);
        }
        self.files.insert(sample.id, file.clone());
        if let Some(burst) = sample.burst {
            self.bursts.insert(sample.id, burst);
        }
        match embedding.filter(|values| values.len() == features) {
            Some(values) => {
                let embedding = Embedding {
                    values: values.into(),
                    look: sample.look,
                    elapsed_ms: 0.0,
                };
                self.embedded.insert(sample.id, embedding);
            }
            None => {
                self.tickets += 1;
                self.queue.push_back(Waiting {
                    ticket: Ticket {
                        id: sample.id,
                        number: self.tickets,
                    },
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
        let is_kept = |waiting: &Waiting<F>| !samples.contains(&waiting.ticket.id);
        self.queue.retain(is_kept);
    }

    /// The next images to embed, at most `most`; they stay in the queue until [`Samples::finish`].
    pub fn next(&self, most: usize) -> Vec<Waiting<F>> {
        self.queue.iter().take(most).cloned().collect()
    }

    /// Takes an image out of the queue, with its embedding unless it cannot be used.
    /// Returns false if it has been removed or replaced meanwhile.
    pub fn finish(&mut self, ticket: Ticket, embedding: Option<Embedding>) -> bool {
        let mut queue = self.queue.iter();
        let Some(at) = queue.position(|waiting| waiting.ticket == ticket) else {
            return false;
        };
        self.queue.remove(at);
        if let Some(embedding) = embedding {
            self.embedded.insert(ticket.id, embedding);
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
            let queue = self.queue.iter();
            let waiting: HashSet<SampleId> = queue.map(|waiting| waiting.ticket.id).collect();
            ids.any(|id| waiting.contains(&id))
        }
    }

    /// The classes' images with their embeddings.
    ///
    /// # Errors
    /// [`TrainError::NotEmbedded`] when some have none.
    pub fn gather(&self, classes: &[ClassRequest]) -> Result<Vec<ClassImages>, TrainError> {
        let mut missing = 0;
        let mut collect = |ids: &[SampleId]| -> Vec<Embedded> {
            let found: Vec<_> = ids.iter().filter_map(|&id| self.embedded(id)).collect();
            missing += ids.len() - found.len();
            found
        };
        let classes = classes
            .iter()
            .map(|class| ClassImages {
                name: class.name.clone(),
                train: collect(&class.train),
                test: collect(&class.test),
            })
            .collect();
        match missing {
            0 => Ok(classes),
            count => Err(TrainError::NotEmbedded {
                count: count as u32,
            }),
        }
    }

    /// An image with all that training wants to know of it.
    fn embedded(&self, id: SampleId) -> Option<Embedded> {
        let embedding = self.embedded.get(&id)?;
        Some(Embedded {
            id,
            embedding: embedding.values.clone(),
            burst: self.bursts.get(&id).copied(),
            look: embedding.look,
        })
    }

    /// The time that the classes' embeddings took, when each was made.
    pub fn embed_ms(&self, classes: &[ClassRequest]) -> f64 {
        let ids = classes.iter().flat_map(ClassRequest::samples);
        ids.filter_map(|id| Some(self.embedding(id)?.elapsed_ms))
            .sum()
    }

    /// An image's file. The browser keeps it; this is only its handle.
    pub fn file(&self, id: SampleId) -> Option<F> {
        self.files.get(&id).cloned()
    }

    /// The files of the first images.
    pub fn first_files(&self, most: usize) -> Vec<F> {
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
