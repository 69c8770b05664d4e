//! Where the model looked, on the real backbone: pictures of the sample data set, shrunk into one quarter of a plain image.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use headstart_backbones::Backbone;
use headstart_images::{Archive, ArchiveItem, ArchiveLimits, Pixels};
use headstart_project::{BackboneId, EpochMetrics, Part, SampleId, TrainSettings};
use headstart_training::{Examples, Head, Host, Interrupted, fit, heat_map, occlude, softmax};
use image::{RgbaImage, imageops};

const SIDE_PX: u32 = 224;

struct Quiet;

impl Host for Quiet {
    fn now_ms(&self) -> f64 {
        0.0
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    async fn pause(&self) {}
    fn report_epoch(&self, _: EpochMetrics, _: f64) {}
}

struct Photograph {
    class: usize,
    part: Part,
    image: RgbaImage,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn photographs() -> Vec<Photograph> {
    let zip = fs::read(root().join("web/sample/sample.zip")).expect("the sample");
    let mut archive = Archive::open(Cursor::new(zip), ArchiveLimits::default()).expect("opens");
    let (mut names, mut photographs) = (Vec::new(), Vec::new());
    while let Some(item) = archive.read_next() {
        let Ok(ArchiveItem::Image(place, file)) = item else {
            continue;
        };
        if !names.contains(&place.class) {
            names.push(place.class.clone());
        }
        photographs.push(Photograph {
            class: names
                .iter()
                .position(|name| *name == place.class)
                .expect("is there"),
            part: place.part,
            image: image::load_from_memory(&file).expect("decodes").to_rgba8(),
        });
    }
    photographs
}

fn planes(backbone: &Backbone, image: &RgbaImage) -> Vec<f32> {
    let pixels = Pixels::new(image.width(), image.height(), image.as_raw().clone()).expect("fits");
    backbone.prepare(&pixels).expect("resizes")
}

fn embed(backbone: &Backbone, planes: Vec<f32>) -> Vec<f32> {
    backbone.embed(planes).into_data().iter().collect()
}

fn examples(backbone: &Backbone, photographs: &[Photograph]) -> Examples {
    let mut examples = Examples::new(backbone.features());
    for (index, photograph) in photographs.iter().enumerate() {
        if photograph.part == Part::Train {
            let embedding = embed(backbone, planes(backbone, &photograph.image));
            examples.push(SampleId(index as u32), &embedding, photograph.class);
        }
    }
    examples
}

fn train(examples: &Examples, hidden_units: u32) -> Head {
    let settings = TrainSettings {
        hidden_units,
        ..TrainSettings::default()
    };
    let (nothing, device) = (Examples::new(examples.features), Device::flex());
    let fitted = fit(examples, &nothing, 4, &settings, &device, &Quiet);
    pollster::block_on(fitted).expect("trains").head
}

/// The picture at half its size in one quarter (0 to 3, row by row), on a background of its corner's colour.
fn in_quarter(image: &RgbaImage, quarter: u32) -> RgbaImage {
    let half = SIDE_PX / 2;
    let small = imageops::resize(image, half, half, imageops::FilterType::Triangle);
    let mut canvas = RgbaImage::from_pixel(SIDE_PX, SIDE_PX, *image.get_pixel(0, 0));
    let (left, top) = (quarter % 2 * half, quarter / 2 * half);
    imageops::replace(&mut canvas, &small, i64::from(left), i64::from(top));
    canvas
}

/// The quarter in which most of the values lie; the middle row and column belong to none.
fn heaviest_quarter(values: &[f32], side: usize) -> u32 {
    let half = side / 2;
    let mut sums = [0.0; 4];
    for (at, value) in values.iter().enumerate() {
        let [row, column] = [at / side, at % side];
        let is_middle = side % 2 == 1 && (row == half || column == half);
        if !is_middle {
            sums[2 * usize::from(row >= half) + usize::from(column >= half)] += value.max(0.0);
        }
    }
    (0..4)
        .max_by(|&a, &b| sums[a as usize].total_cmp(&sums[b as usize]))
        .expect("four")
}

/// A picture of the class that the head has not learnt from.
fn unseen(photographs: &[Photograph], class: usize) -> &RgbaImage {
    let mut photographs = photographs.iter();
    let is_unseen = |it: &&Photograph| it.class == class && it.part == Part::Test;
    &photographs
        .find(is_unseen)
        .expect("has a test picture")
        .image
}

fn backbone() -> Backbone {
    let weights = fs::read(root().join("weights/efficientnet-lite0.safetensors")).expect("weights");
    Backbone::load(BackboneId::EfficientNetLite0, &weights, &Device::flex()).expect("loads")
}

#[test]
fn heat_is_in_the_quarter_of_the_object() {
    let (backbone, photographs) = (backbone(), photographs());
    let examples = examples(&backbone, &photographs);
    let heads = [0, 100].map(|hidden_units| train(&examples, hidden_units));
    let side = backbone.map_side();
    for class in 0..4 {
        for quarter in 0..4 {
            let image = in_quarter(unseen(&photographs, class), quarter);
            let maps = backbone.maps(planes(&backbone, &image));
            let maps: Vec<f32> = maps.into_data().iter().collect();
            for head in &heads {
                let heat = pollster::block_on(heat_map(head, &maps, side, class)).expect("fits");
                let found = heaviest_quarter(&heat.values, side);
                assert_eq!(found, quarter, "class {class}: {heat:?}");
            }
        }
    }
}

#[test]
fn covering_the_quarter_of_the_object_changes_most() {
    let (backbone, photographs) = (backbone(), photographs());
    let head = train(&examples(&backbone, &photographs), 0);
    // Occlusion takes many embeddings, so each quarter gets a picture of only one class.
    for (quarter, class) in (0..4).zip([2, 0, 3, 1]) {
        let judge = async |planes: Vec<f32>| -> Result<f32, Interrupted> {
            let embedding = TensorData::new(embed(&backbone, planes), [1, backbone.features()]);
            let logits = head.forward(Tensor::from_data(embedding, &Device::flex()));
            let logits: Vec<f32> = logits.into_data().iter().collect();
            Ok(softmax(&logits)[class])
        };
        let image = planes(&backbone, &in_quarter(unseen(&photographs, class), quarter));
        let changes = occlude(image, SIDE_PX as usize, 4, judge, &Quiet);
        let changes = pollster::block_on(changes).expect("judges");
        let losses: Vec<f32> = changes.iter().map(|change| -change).collect();
        let found = heaviest_quarter(&losses, 4);
        assert_eq!(found, quarter, "class {class}: {changes:?}");
    }
}
