//! The experiment of Compare: each of its runs on the images that the engine has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_images::Normalization;
use headstart_project::{
    BackboneChoice, BackboneId, Cell, CellResult, ClassRequest, Evaluation, Experiment, Findings,
    FineTuneSettings, JobId, Method, RunId, SampleId, TrainError, TrainRequest, TrainSettings,
    WeightsPlace,
};
use headstart_training::{
    ClassImages, Embedded, Host, Interrupted, ScratchConfig, SmallImages, largest, pause,
    scratch_logits, subset, train, train_from_scratch,
};
use web_sys::Blob;

use crate::browser::port;
use crate::files::fetch;
use crate::inputs::pictures::Picture;
use crate::state::{Prepared, Shared};
use crate::work::preparing;

/// Blocks that are unfrozen where the user has not said how many.
const BLOCKS: u32 = 2;

type Embeddings = HashMap<SampleId, Arc<[f32]>>;

/// Other backbones, and where their weights are.
pub struct Others(Vec<(BackboneChoice, WeightsPlace, Option<Blob>)>);

impl Others {
    /// `weights` are in the order of `choices`, and `attachments` are those of them that are attached.
    pub fn new(
        choices: &[BackboneChoice],
        weights: Vec<WeightsPlace>,
        attachments: Vec<Blob>,
    ) -> Self {
        let mut attachments = attachments.into_iter();
        let others = choices.iter().cloned().zip(weights);
        let others = others.map(|(choice, place)| {
            let attached = match place {
                WeightsPlace::Attached => attachments.next(),
                WeightsPlace::Site { .. } => None,
            };
            (choice, place, attached)
        });
        Self(others.collect())
    }
}

/// What another backbone made of the images so far.
#[derive(Default)]
struct Seen {
    embeddings: Embeddings,
    /// Time that one image takes, in milliseconds.
    image_ms: f64,
}

/// What the runs have in common.
struct Runs<'a, H> {
    shared: &'a Shared,
    classes: Vec<ClassImages>,
    settings: &'a TrainSettings,
    others: Others,
    /// The other backbone that was loaded last: one at a time, since some are large.
    loaded: Option<Backbone>,
    seen: HashMap<BackboneId, Seen>,
    /// Embeddings by the backbone with random weights of this seed.
    random: Option<(u64, Embeddings)>,
    /// Small images for the network from scratch, by their side.
    small: HashMap<SampleId, Vec<f32>>,
    /// Beside that of the user's own runs, which may take place in between.
    prepared: RefCell<Prepared>,
    host: Quiet<'a, H>,
}

/// Carries out what the experiment still lacks, and announces each result.
pub async fn compare(
    shared: &Shared,
    job: JobId,
    classes: Vec<ClassImages>,
    settings: &TrainSettings,
    mut experiment: Experiment,
    others: Others,
    host: &impl Host,
) -> Result<Findings, Interrupted> {
    let mut runs = Runs {
        shared,
        classes,
        settings,
        others,
        loaded: None,
        seen: HashMap::new(),
        random: None,
        small: HashMap::new(),
        prepared: RefCell::default(),
        host: Quiet(host),
    };
    let tested: usize = runs.classes.iter().map(|class| class.test.len()).sum();
    if tested == 0 {
        return Err(TrainError::NoTestImages.into());
    }
    let run = async |cell: Cell| runs.run(cell).await;
    let found = |experiment: &Experiment| {
        port::post_findings(job, &Findings::Comparison(experiment.clone()), false);
    };
    headstart_training::compare(&mut experiment, host, run, found).await?;
    Ok(Findings::Comparison(experiment))
}

impl<H: Host> Runs<'_, H> {
    async fn run(&mut self, cell: Cell) -> Result<CellResult, Interrupted> {
        let classes = self.chosen(cell);
        let tested: usize = classes.iter().map(|class| class.test.len()).sum();
        let (right, elapsed_ms) = match cell.method {
            Method::Scratch => self.learn_from_scratch(&classes, cell.seed).await?,
            Method::RandomBackbone => self.on_random_backbone(classes, cell.seed).await?,
            Method::Frozen => self.frozen(&classes, cell.seed).await?,
            Method::FineTuned => self.fine_tuned(&classes, cell.seed).await?,
            Method::On(id) => self.on_other_backbone(classes, id, cell.seed).await?,
        };
        Ok(CellResult {
            cell,
            right,
            total: tested as u32,
            elapsed_ms,
        })
    }

    /// The classes with so many images to learn from, and all test images.
    fn chosen(&self, cell: Cell) -> Vec<ClassImages> {
        let classes = self.classes.iter().enumerate();
        classes
            .map(|(index, class)| {
                let chosen = subset(class.train.len(), cell.per_class, index, cell.seed);
                ClassImages {
                    name: class.name.clone(),
                    train: chosen.iter().map(|&at| class.train[at].clone()).collect(),
                    test: class.test.clone(),
                }
            })
            .collect()
    }

    /// The user's settings for a head alone.
    fn head(&self, seed: u64) -> TrainSettings {
        let defaults = TrainSettings::default();
        TrainSettings {
            seed,
            fine_tuning: defaults.fine_tuning,
            augmentation: defaults.augmentation,
            ..self.settings.clone()
        }
    }

    async fn frozen(&self, classes: &[ClassImages], seed: u64) -> Result<(u32, f64), Interrupted> {
        let first = classes.iter().flat_map(|class| &class.train).next();
        let features = first.map_or(0, |image| image.embedding.len());
        let start_ms = port::now_ms();
        let settings = self.head(seed);
        let trained = train(classes, features, &settings, &Device::flex(), &self.host).await?;
        Ok((
            right(trained.outcome.test.as_ref()),
            port::now_ms() - start_ms,
        ))
    }

    async fn fine_tuned(
        &self,
        classes: &[ClassImages],
        seed: u64,
    ) -> Result<(u32, f64), Interrupted> {
        let blocks = match self.settings.fine_tuning.blocks {
            0 => BLOCKS,
            blocks => blocks,
        };
        let settings = TrainSettings {
            fine_tuning: FineTuneSettings {
                blocks,
                ..self.settings.fine_tuning.clone()
            },
            ..self.head(seed)
        };
        let ids = |images: &[Embedded]| images.iter().map(|image| image.id).collect();
        let request = TrainRequest {
            run: RunId(0),
            settings,
            classes: classes
                .iter()
                .map(|class| ClassRequest {
                    name: class.name.clone(),
                    train: ids(&class.train),
                    test: ids(&class.test),
                })
                .collect(),
        };
        let learnt = preparing::learn(self.shared, &request, classes, &self.prepared, &self.host);
        let (trained, elapsed_ms) = learnt.await?;
        Ok((right(trained.outcome.test.as_ref()), elapsed_ms))
    }

    /// The time is that of the head and of looking at the images that it learns from.
    async fn on_other_backbone(
        &mut self,
        mut classes: Vec<ClassImages>,
        id: BackboneId,
        seed: u64,
    ) -> Result<(u32, f64), Interrupted> {
        for class in &mut classes {
            for image in class.train.iter_mut().chain(&mut class.test) {
                image.embedding = self.embedding_by(id, image.id).await?;
            }
        }
        let (right, head_ms) = self.frozen(&classes, seed).await?;
        let learnt: usize = classes.iter().map(|class| class.train.len()).sum();
        let image_ms = self.seen.get(&id).map_or(0.0, |seen| seen.image_ms);
        Ok((right, head_ms + learnt as f64 * image_ms))
    }

    async fn embedding_by(
        &mut self,
        id: BackboneId,
        image: SampleId,
    ) -> Result<Arc<[f32]>, Interrupted> {
        let known = self
            .seen
            .get(&id)
            .and_then(|seen| seen.embeddings.get(&image));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let backbone = self.load(id).await?;
        let pixels = self
            .picture(image)
            .await?
            .pixels()
            .map_err(TrainError::internal)?;
        let start_ms = port::now_ms();
        let planes = backbone.prepare(&pixels).map_err(TrainError::internal)?;
        let embedding = backbone.embed(planes).into_data_async().await;
        let embedding: Arc<[f32]> = embedding
            .map_err(TrainError::internal)?
            .iter::<f32>()
            .collect();
        let elapsed_ms = port::now_ms() - start_ms;
        let seen = self.seen.entry(id).or_default();
        let count = seen.embeddings.len() as f64;
        seen.image_ms = (seen.image_ms * count + elapsed_ms) / (count + 1.0);
        seen.embeddings.insert(image, embedding.clone());
        pause(&self.host).await?;
        Ok(embedding)
    }

    async fn load(&mut self, id: BackboneId) -> Result<Backbone, Interrupted> {
        if let Some(loaded) = self.loaded.as_ref().filter(|loaded| loaded.id() == id) {
            return Ok(loaded.clone());
        }
        self.loaded = None;
        let found = self.others.0.iter().find(|(choice, ..)| choice.id == id);
        let (choice, place, attached) = found.ok_or_else(|| {
            TrainError::internal(format!("the weights of {} are missing", id.title()))
        })?;
        let weights = fetch::weights(place.clone(), attached.clone(), &choice.sha256);
        let weights = weights.await.map_err(TrainError::internal)?;
        // On the CPU, as all of the experiment.
        let backbone =
            Backbone::load(id, &weights, &Device::flex()).map_err(TrainError::internal)?;
        self.loaded = Some(backbone.clone());
        Ok(backbone)
    }

    async fn on_random_backbone(
        &mut self,
        mut classes: Vec<ClassImages>,
        seed: u64,
    ) -> Result<(u32, f64), Interrupted> {
        if self.random.as_ref().is_none_or(|(known, _)| *known != seed) {
            self.random = Some((seed, HashMap::new()));
        }
        let backbone = Backbone::random(self.backbone()?.id(), seed, &Device::flex());
        for class in &mut classes {
            for image in class.train.iter_mut().chain(&mut class.test) {
                image.embedding = self.random_embedding(&backbone, image.id).await?;
            }
        }
        self.frozen(&classes, seed).await
    }

    async fn random_embedding(
        &mut self,
        backbone: &Backbone,
        id: SampleId,
    ) -> Result<Arc<[f32]>, Interrupted> {
        let known = self.random.as_ref().and_then(|(_, known)| known.get(&id));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let pixels = self
            .picture(id)
            .await?
            .pixels()
            .map_err(TrainError::internal)?;
        let planes = backbone.prepare(&pixels).map_err(TrainError::internal)?;
        let embedding = backbone.embed(planes).into_data_async().await;
        let embedding: Arc<[f32]> = embedding
            .map_err(TrainError::internal)?
            .iter::<f32>()
            .collect();
        if let Some((_, known)) = &mut self.random {
            known.insert(id, embedding.clone());
        }
        pause(&self.host).await?;
        Ok(embedding)
    }

    async fn learn_from_scratch(
        &mut self,
        classes: &[ClassImages],
        seed: u64,
    ) -> Result<(u32, f64), Interrupted> {
        let config = ScratchConfig::new(classes.len()).with_seed(seed);
        let (mut learnt, mut test) = (SmallImages::default(), SmallImages::default());
        for (label, class) in classes.iter().enumerate() {
            for (images, to) in [(&class.train, &mut learnt), (&class.test, &mut test)] {
                for image in images {
                    to.planes
                        .extend(self.small(image.id, config.side_px).await?);
                    to.labels.push(label);
                }
            }
        }
        let (start_ms, device) = (port::now_ms(), Device::flex());
        let (network, _) = train_from_scratch(&learnt, &config, &device, &self.host).await?;
        let elapsed_ms = port::now_ms() - start_ms;
        let logits = scratch_logits(&network, &test, &device, &self.host).await?;
        let answers = logits.chunks_exact(classes.len()).zip(&test.labels);
        let right = answers.filter(|(logits, label)| largest(logits) == **label);
        Ok((right.count() as u32, elapsed_ms))
    }

    /// An image's normalised planes, `[3, side_px, side_px]`.
    async fn small(&mut self, id: SampleId, side_px: usize) -> Result<Vec<f32>, Interrupted> {
        if let Some(known) = self.small.get(&id) {
            return Ok(known.clone());
        }
        let normalization = Normalization {
            mean: [127.0; 3],
            deviation: [64.0; 3],
        };
        let pixels = self
            .picture(id)
            .await?
            .pixels()
            .map_err(TrainError::internal)?;
        let square = pixels
            .center_square(side_px as u32)
            .map_err(TrainError::internal)?;
        let mut planes = vec![0.0; 3 * side_px * side_px];
        square.write_planes(&normalization, &mut planes);
        self.small.insert(id, planes.clone());
        pause(&self.host).await?;
        Ok(planes)
    }

    async fn picture(&self, id: SampleId) -> Result<Picture, Interrupted> {
        let file = self.shared.file(id);
        let file = file.ok_or(TrainError::NotEmbedded { count: 1 })?;
        Ok(Picture::decode(&file).await.map_err(TrainError::internal)?)
    }

    fn backbone(&self) -> Result<Backbone, Interrupted> {
        let ready = self.shared.ready();
        let ready = ready.ok_or_else(|| TrainError::internal("no backbone"))?;
        Ok(ready.backbone.clone())
    }
}

/// Test images that were recognised.
fn right(test: Option<&Evaluation>) -> u32 {
    let rows = test.map_or(&[][..], |test| &test.confusion);
    let diagonal = rows.iter().enumerate();
    diagonal
        .map(|(at, row)| row.get(at).copied().unwrap_or(0))
        .sum()
}

/// The experiment's host without the progress of its parts.
struct Quiet<'a, H>(&'a H);

impl<H: Host> Host for Quiet<'_, H> {
    fn now_ms(&self) -> f64 {
        self.0.now_ms()
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    async fn pause(&self) {
        self.0.pause().await;
    }
}
