//! Trains a small model on the sample data set and exports it, together with its answers for every test image:
//!
//! `cargo run --profile test --package headstart-export --example sample_model -- FOLDER [CLASSIFIER] [BACKBONE] [int8]`
//!
//! FOLDER gets `model.zip`, `images.rgb` (the test images, RGB, at the backbone's size, one after the other) and `expected.json`.
//! CLASSIFIER is a folder with `classifier.js` and `classifier_bg.wasm`, as in the built site; if it is given, the zip contains `classify.html` too.
//! BACKBONE is a backbone's name as used in files; it gets random weights if `weights/` has none for it. `int8` stores them in 8 bits.
//! `tools/check-export.py FOLDER` compares the answers with those of onnxruntime and PyTorch.
#![expect(
    clippy::expect_used,
    reason = "an example may fail so: whoever runs it reads why"
)]

use std::cell::Cell;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, Storage, own_plan};
use headstart_checkpoint::Checkpoint;
use headstart_export::{Bundle, Model, Program, bundle};
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Pixels};
use headstart_project::{
    BackboneId, DeviceInfo, DeviceKind, EpochMetrics, Part, RunRecord, SampleId, TrainSettings,
};
use headstart_training::{ClassImages, Embedded, Host, train};
use serde_json::json;

/// A host for a run that nobody watches.
struct Quiet(Cell<f64>);

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        self.0.set(self.0.get() + 1.0);
        self.0.get()
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
    fn report_epoch(&self, _: EpochMetrics, _: f64) {}
}

/// An image that the model has not learnt from.
struct TestImage {
    name: String,
    class: String,
    rgb: Vec<u8>,
    embedding: Arc<[f32]>,
}

fn main() {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("names a folder to write into"));
    let (mut program, mut id, mut storage) = (None, BackboneId::default(), None);
    for argument in arguments {
        match BackboneId::of_name(&argument) {
            Some(named) => id = named,
            None if argument == "int8" => storage = Some(Storage::Int8),
            None => program = Some(PathBuf::from(argument)),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut weights = weights(&root, id);
    if let Some(storage) = storage {
        weights = stored(id, &weights, storage);
    }
    let sample = fs::read(root.join("web/sample/sample.zip")).expect("reads");
    let backbone = Backbone::load(id, &weights, &Device::flex()).expect("loads");

    let (classes, tests) = embed(&backbone, sample);
    let settings = TrainSettings::default();
    let (host, cpu) = (Quiet(Cell::new(0.0)), Device::flex());
    let run = train(&classes, backbone.features(), &settings, &cpu, &host);
    let run = pollster::block_on(run).expect("trains");
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let trained = pollster::block_on(run.model.to_safetensors()).expect("writes");
    let device = DeviceInfo {
        kind: DeviceKind::Cpu,
        adapter: "native".to_owned(),
        fallback: None,
    };
    let record = RunRecord::new(id, &device, settings, names.clone(), &run.outcome);
    let record = serde_json::to_value(&record).expect("is JSON");

    let parts = program.map(|folder| {
        let fonts = root.join("web/public/fonts");
        let font = |name: &str| fs::read(fonts.join(name)).expect("reads");
        (
            fs::read_to_string(folder.join("classifier.js")).expect("reads"),
            fs::read(folder.join("classifier_bg.wasm")).expect("reads"),
            font("figtree-latin-wght-normal.woff2"),
            font("bricolage-grotesque-latin-wght-normal.woff2"),
        )
    });
    let program = parts.as_ref().map(|(glue, wasm, text, display)| Program {
        glue,
        wasm,
        fonts: [text, display],
    });
    let given = Bundle {
        model: Model {
            backbone: id,
            weights: &weights,
            trained: &trained,
            classes: &names,
            threshold: Some(run.model.threshold),
        },
        title: "Nature",
        run: &record,
        program,
    };
    let zip = bundle(&given, Cursor::new(Vec::new()))
        .expect("exports")
        .into_inner();

    let expected: Vec<_> = tests
        .iter()
        .map(|test| {
            let judgement = pollster::block_on(run.model.judge(&test.embedding)).expect("judges");
            json!({
                "name": test.name,
                "class": test.class,
                "probabilities": judgement.probabilities,
                "familiarity": judgement.familiarity,
                "embedding": &test.embedding[..],
            })
        })
        .collect();
    let expected = serde_json::to_string_pretty(&expected).expect("is JSON");
    let pixels: Vec<u8> = tests.into_iter().flat_map(|test| test.rgb).collect();
    fs::create_dir_all(&folder).expect("makes the folder");
    println!("{} bytes", zip.len());
    fs::write(folder.join("model.zip"), zip).expect("writes");
    fs::write(folder.join("images.rgb"), pixels).expect("writes");
    fs::write(folder.join("expected.json"), expected).expect("writes");
}

/// The project's weights, or random ones.
fn weights(root: &Path, id: BackboneId) -> Vec<u8> {
    let file = root.join(format!("weights/{}.safetensors", id.name()));
    fs::read(file).unwrap_or_else(|_| {
        let backbone = Backbone::random(id, 1, &Device::flex());
        pollster::block_on(backbone.to_safetensors()).expect("writes")
    })
}

/// A weights file in another form.
fn stored(id: BackboneId, file: &[u8], storage: Storage) -> Vec<u8> {
    let mut checkpoint = Checkpoint::open(Cursor::new(file)).expect("opens");
    let plan = own_plan(id);
    let conversion = Conversion::new(id, &mut checkpoint, &plan, storage, false);
    let mut conversion = conversion.expect("fits");
    let mut whole = Vec::new();
    while let Some(piece) = conversion.next().expect("converts") {
        whole.extend(piece);
    }
    whole
}

/// The classes of the sample data set, and its test images once more.
fn embed(backbone: &Backbone, sample: Vec<u8>) -> (Vec<ClassImages>, Vec<TestImage>) {
    let mut archive = Archive::open(Cursor::new(sample), ArchiveLimits::default()).expect("opens");
    let mut classes: Vec<ClassImages> = Vec::new();
    let mut tests = Vec::new();
    let mut next = 0;
    while let Some(item) = archive.read_next() {
        let ArchiveItem::Image(place, file) = item.expect("reads") else {
            continue;
        };
        let decoded = image::load_from_memory(&file).expect("decodes").to_rgba8();
        let pixels = Pixels::new(decoded.width(), decoded.height(), decoded.into_raw());
        let pixels = pixels.expect("fits");
        let square = pixels.center_square(backbone.input_px()).expect("resizes");
        let embedding = backbone.embed(backbone.prepare(&square).expect("prepares"));
        let embedding = pollster::block_on(embedding.into_data_async()).expect("reads");
        let embedding: Arc<[f32]> = embedding.iter::<f32>().collect();
        let known = classes.iter().position(|class| class.name == place.class);
        let index = known.unwrap_or_else(|| {
            classes.push(ClassImages {
                name: place.class.clone(),
                train: vec![],
                test: vec![],
            });
            classes.len() - 1
        });
        let image = Embedded {
            id: SampleId(next),
            embedding: embedding.clone(),
            burst: None,
            look: None,
        };
        next += 1;
        match place.part {
            Part::Train => classes[index].train.push(image),
            Part::Test => {
                classes[index].test.push(image);
                tests.push(TestImage {
                    name: place.name,
                    class: place.class,
                    rgb: square
                        .rgba()
                        .chunks_exact(4)
                        .flat_map(|rgba| [rgba[0], rgba[1], rgba[2]])
                        .collect(),
                    embedding,
                });
            }
        }
    }
    (classes, tests)
}
