//! Zips of photographs in class folders, embedded by the real backbone.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(
    clippy::expect_used,
    reason = "what is loaded here is known to be sound"
)]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use headstart_backbones::Backbone;
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Pixels, look};
use headstart_project::{BackboneId, Part, SampleId};
use headstart_training::{ClassImages, Embedded, Host};

/// A host without a clock, a stop button or a display.
pub struct Quiet;

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        0.0
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
}

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Photographs of clothes, which are not part of the project.
pub fn clothing() -> PathBuf {
    root().join("../shared/data/clothing.zip")
}

/// The images of a zip, class by class, embedded. `None` if there is no such file.
pub fn load(path: &Path) -> Option<Vec<ClassImages>> {
    let zip = fs::read(path).ok()?;
    let weights = fs::read(root().join("weights/efficientnet-lite0.safetensors"));
    let device = Device::flex();
    let backbone = Backbone::load(
        BackboneId::EfficientNetLite0,
        &weights.expect("are in the project"),
        &device,
    );
    let backbone = backbone.expect("loads");
    let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
    let mut classes: Vec<ClassImages> = Vec::new();
    let mut next = 0;
    while let Some(item) = archive.read_next() {
        let ArchiveItem::Image(place, file) = item.expect("reads") else {
            continue;
        };
        let decoded = image::load_from_memory(&file).expect("decodes").to_rgba8();
        let pixels =
            Pixels::new(decoded.width(), decoded.height(), decoded.into_raw()).expect("fits");
        let embedding = backbone.embed(backbone.prepare(&pixels).expect("resizes"));
        let image = Embedded {
            id: SampleId(next),
            embedding: embedding.into_data().iter::<f32>().collect(),
            burst: None,
            look: Some(look(&pixels)),
        };
        next += 1;
        let known = classes.iter().position(|class| class.name == place.class);
        let at = known.unwrap_or_else(|| {
            classes.push(ClassImages {
                name: place.class.clone(),
                train: vec![],
                test: vec![],
            });
            classes.len() - 1
        });
        match place.part {
            Part::Train => classes[at].train.push(image),
            Part::Test => classes[at].test.push(image),
        }
    }
    Some(classes)
}
