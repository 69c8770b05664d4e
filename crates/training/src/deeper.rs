//! Training more than the head: the last blocks of a backbone, or a small network from nothing.

pub(crate) mod average;
pub(crate) mod embed;
pub(crate) mod estimates;
pub(crate) mod fine_tune;
mod kept;
mod pieces;
mod schedule;
pub(crate) mod scratch;
#[cfg(test)]
mod testing;
mod trainee;

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use half::f16;
use headstart_backbones::Tail;
use headstart_project::{SampleId, TrainError, TrainSettings};

use crate::data::parts::Parts;
use crate::{Activations, Examples, Fitted, Host, Interrupted, embed, fine_tune};

/// What fine-tuning needs in addition to the embeddings.
#[derive(Debug)]
pub struct Deeper {
    /// The pretrained last blocks.
    pub tail: Tail,
    /// Channels, height and width of the activations that an image has before them.
    pub boundary: [usize; 3],
    /// The activations of every image in the run: first those of the image itself, then those of its varied copies.
    pub activations: HashMap<SampleId, Vec<Arc<[f16]>>>,
    /// Where the last blocks are trained.
    pub device: Device,
}

/// A head that was trained together with the last blocks of the backbone.
pub(crate) struct Deepened {
    /// Head, history and best epoch, continuing those of the head's own training.
    pub fitted: Fitted,
    /// The parts, embedded by the trained blocks; without varied copies.
    pub parts: Parts,
    pub tail: Tail,
}

impl Deeper {
    /// Trains the last blocks together with a head that has already been trained.
    ///
    /// # Errors
    /// When an image has no activations, the host cancels, the loss diverges, or the device fails.
    pub(crate) async fn train(
        self,
        fitted: Fitted,
        parts: &Parts,
        classes: usize,
        settings: &TrainSettings,
        host: &impl Host,
    ) -> Result<Deepened, Interrupted> {
        let train = self.activations(&parts.train, true)?;
        let validation = self.activations(&parts.validation, false)?;
        let test = self.activations(&parts.test, false)?;
        let (tail, head, device) = (self.tail, fitted.head, &self.device);
        let tuned = fine_tune(
            tail,
            head,
            &train,
            &validation,
            classes,
            settings,
            device,
            host,
        )
        .await?;
        let parts = Parts {
            train: embed(&tuned.tail, &train.originals(), device, host).await?,
            validation: embed(&tuned.tail, &validation, device, host).await?,
            test: embed(&tuned.tail, &test, device, host).await?,
            not_held_back: parts.not_held_back.clone(),
        };
        let mut history = fitted.history;
        history.extend(tuned.history);
        let best_epoch = match tuned.best_epoch {
            0 => fitted.best_epoch,
            epoch => settings.epochs + epoch,
        };
        Ok(Deepened {
            fitted: Fitted {
                // A head is so small that it is always fastest on the CPU.
                head: tuned.head.to_cpu().await?,
                history,
                best_epoch,
            },
            parts,
            tail: tuned.tail,
        })
    }

    /// The activations of images, with or without those of their copies.
    fn activations(&self, of: &Examples, is_varied: bool) -> Result<Activations, TrainError> {
        let mut activations = Activations::new(self.boundary);
        for (&id, &label) in of.ids.iter().zip(&of.labels) {
            let Some(known) = self.activations.get(&id).filter(|known| !known.is_empty()) else {
                return Err(TrainError::NotEmbedded { count: 1 });
            };
            for values in known.iter().take(if is_varied { usize::MAX } else { 1 }) {
                activations.push(id, Arc::clone(values), label);
            }
        }
        Ok(activations)
    }
}
