//! Every backbone against PyTorch: torchvision's model, or timm's where torchvision has none.
//!
//! `tests/golden/models` holds what `tools/make-backbone-goldens.py` computed in f64, for weights that follow from their names.
//! The same weights are made here, put into a safetensors file under their published names, and opened as a user's file would be.
//!
//! Tolerance: each probed number of each stage, and each feature, within 2e-3 of the stage's root mean square; mean and root mean square themselves within 1e-4 of it.
//! Here everything is computed in f32, through up to 94 convolutions.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::{collections::BTreeMap, fs, io::Cursor, path::PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use headstart_backbones::{config, model, recognise};
use headstart_checkpoint::{Checkpoint, Mapping, Naming, Part};
use headstart_project::BackboneId;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

const NEAR: f64 = 2e-3;
const AS_GOOD_AS_EQUAL: f64 = 1e-4;

/// Numbers from -1 to 1, as `noise` in `tools/make-backbone-goldens.py`.
fn noise(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = crc32fast::hash(name.as_bytes());
    (0..count as u32).map(move |place| {
        let mut x = place.wrapping_mul(0x9E37_79B9).wrapping_add(start);
        x ^= x >> 16;
        x = x.wrapping_mul(0x85EB_CA6B);
        x ^= x >> 13;
        x = x.wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        f64::from(x >> 8) / 8_388_608.0 - 1.0
    })
}

/// A tensor of a state dictionary, as `values` there.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let count: usize = shape.iter().product();
    let fan_in: usize = shape.iter().skip(1).product();
    let scale = (6.0 / fan_in as f64).sqrt();
    let value = |noise: f64| match name {
        _ if shape.len() > 1 => noise * scale,
        _ if name.ends_with("running_var") => 1.0 + 0.5 * noise,
        _ if name.ends_with(".weight") => 1.0 + 0.2 * noise,
        _ => 0.2 * noise,
    };
    noise(name, count)
        .map(|noise| value(noise) as f32)
        .collect()
}

/// The published names that `id`'s golden was made with.
fn mapping(id: BackboneId) -> Mapping {
    use BackboneId::{EfficientNetLite0, EfficientNetLite1, EfficientNetLite2};
    let is_of_timm = matches!(
        id,
        EfficientNetLite0 | EfficientNetLite1 | EfficientNetLite2
    );
    let naming = if is_of_timm {
        Naming::Timm
    } else {
        Naming::Torchvision
    };
    let mut mappings = model(id).mappings().into_iter();
    mappings
        .find(|mapping| mapping.naming == naming)
        .expect("is published so")
}

/// The weights as a file without a classifier.
fn published(id: BackboneId, is_hidden_kept: bool) -> Vec<u8> {
    let mapping = mapping(id);
    let layers = mapping.layers.iter().filter(|layer| match layer.part {
        Part::Backbone => true,
        Part::Hidden => is_hidden_kept,
        Part::Classifier => false,
    });
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = layers
        .flat_map(|layer| layer.tensors())
        .map(|(name, shape)| {
            let bytes = values(&name, &shape).into_iter().flat_map(f32::to_le_bytes);
            let bytes = bytes.collect();
            (name, shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("fits");
        (name.as_str(), view)
    });
    safetensors::serialize(views, None).expect("writes")
}

/// As `picture` there: `[1, 3, side, side]`.
fn picture(side: usize) -> Tensor<4> {
    let pixel = |c: usize, y: usize, x: usize| {
        let wave =
            ((c + 2) as f64 * x as f64 / 7.0).sin() + ((c + 3) as f64 * y as f64 / 11.0).cos();
        let is_bright = (side / 4..side / 2).contains(&y) && (side / 2..3 * side / 4).contains(&x);
        (wave + f64::from(u8::from(is_bright))) as f32
    };
    let places =
        (0..3).flat_map(|c| (0..side).flat_map(move |y| (0..side).map(move |x| (c, y, x))));
    let pixels: Vec<f32> = places.map(|(c, y, x)| pixel(c, y, x)).collect();
    Tensor::from_data(TensorData::new(pixels, [1, 3, side, side]), &Device::flex())
}

struct Golden(BTreeMap<String, Vec<f64>>);

impl Golden {
    fn read(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models");
        let file = fs::read(folder.join(format!("{name}.safetensors"))).expect("reads");
        let file = SafeTensors::deserialize(&file).expect("parses");
        let tensors = file.tensors().into_iter().map(|(name, tensor)| {
            let numbers = match tensor.dtype() {
                Dtype::I64 => {
                    let (numbers, _) = tensor.data().as_chunks();
                    numbers
                        .iter()
                        .map(|&it| i64::from_le_bytes(it) as f64)
                        .collect()
                }
                _ => {
                    let (numbers, _) = tensor.data().as_chunks();
                    numbers
                        .iter()
                        .map(|&it| f64::from(f32::from_le_bytes(it)))
                        .collect()
                }
            };
            (name, numbers)
        });
        Self(tensors.collect())
    }

    fn side(&self) -> usize {
        self.0["input_px"][0] as usize
    }

    /// Compares a stage's feature map.
    fn check(&self, stage: &str, map: Tensor<4>) {
        let shape: Vec<f64> = map.dims().into_iter().map(|size| size as f64).collect();
        assert_eq!(shape, self.0[&format!("{stage}.shape")], "{stage}");
        let found: Vec<f64> = map.into_data().iter().collect();
        let [mean, size] = self.0[&format!("{stage}.summary")][..] else {
            panic!("{stage} has no summary");
        };
        let count = found.len() as f64;
        let found_mean = found.iter().sum::<f64>() / count;
        let found_size = (found.iter().map(|it| it * it).sum::<f64>() / count).sqrt();
        assert!(
            (found_mean - mean).abs() <= AS_GOOD_AS_EQUAL * size,
            "{stage}: mean {found_mean} {mean}"
        );
        assert!(
            (found_size - size).abs() <= AS_GOOD_AS_EQUAL * size,
            "{stage}: size {found_size} {size}"
        );
        let expected = &self.0[&format!("{stage}.values")];
        for (index, expected) in expected.iter().enumerate() {
            let place = index * (found.len() - 1) / (expected_count(&self.0, stage) - 1);
            let error = (found[place] - expected).abs();
            assert!(
                error <= NEAR * size,
                "{stage} {place}: {} {expected}",
                found[place]
            );
        }
    }
}

fn expected_count(golden: &BTreeMap<String, Vec<f64>>, stage: &str) -> usize {
    golden[&format!("{stage}.values")].len()
}

/// Opens the file, recognises it, and compares everything that the golden holds.
fn compare(id: BackboneId, name: &str) {
    let golden = Golden::read(name);
    let file = published(id, false);
    let mut checkpoint = Checkpoint::open(Cursor::new(&file)).expect("opens");
    let (found, mapping) = recognise(checkpoint.tensors()).expect("is known");
    assert_eq!(found, id);
    let plan = mapping.fit(checkpoint.tensors()).expect("fits");
    let network = config(id, false).init(&Device::flex());
    let network = network
        .load_checkpoint(&mut checkpoint, &plan)
        .expect("loads");

    let mut maps = Vec::new();
    let mut x = picture(golden.side());
    for layer in network.layers() {
        let map = layer.forward_map(x);
        maps.push((layer.config().name.clone(), map.clone()));
        x = layer.forward_pool(map);
    }
    let stages: Vec<&str> = golden
        .0
        .keys()
        .filter_map(|key| key.strip_suffix(".shape"))
        .collect();
    assert!(stages.len() >= 5);
    for stage in stages {
        // A stage of several layers is what its last one gives.
        let is_of_stage = |layer: &str| layer == stage || layer.starts_with(&format!("{stage}."));
        let map = maps.iter().rev().find(|(layer, _)| is_of_stage(layer));
        golden.check(stage, map.expect("is there").1.clone());
    }
    let features = network.forward(picture(golden.side()));
    let features: Vec<f64> = features.into_data().iter().collect();
    assert_eq!(features.len(), id.card().features as usize);
    near(&features, &golden.0["features"]);
}

/// Whether features are as near as they should be.
fn near(found: &[f64], expected: &[f64]) {
    let size = expected.iter().map(|it| it * it).sum::<f64>() / expected.len() as f64;
    let size = size.sqrt();
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!("features: worst error {:.1e} of their size", worst / size);
    assert_eq!(found.len(), expected.len());
    assert!(worst <= NEAR * size, "{worst} of {size}");
}

macro_rules! goldens {
    ($($test:ident: $id:ident,)*) => {$(
        #[test]
        fn $test() {
            compare(BackboneId::$id, stringify!($test));
        }
    )*

        #[test]
        fn every_backbone_has_a_golden() {
            assert_eq!([$(BackboneId::$id),*], BackboneId::ALL);
        }
    };
}

goldens! {
    efficientnet_lite0: EfficientNetLite0,
    efficientnet_lite1: EfficientNetLite1,
    efficientnet_lite2: EfficientNetLite2,
    mobilenet_v2: MobileNetV2,
    squeezenet1_1: SqueezeNet11,
    resnet18: ResNet18,
    resnet50: ResNet50,
    inception_v3: InceptionV3,
    vgg16: Vgg16,
    vgg16_bn: Vgg16Bn,
    vgg19: Vgg19,
    vgg19_bn: Vgg19Bn,
}

/// The figures of a card against the network itself.
#[test]
fn every_card_says_what_its_network_is() {
    let mut wrong = Vec::new();
    for id in BackboneId::ALL {
        let card = id.card();
        let network = config(id, false).init(&Device::flex());
        let blocks = network.blocks(card.input_px as usize);
        let parameters: u64 = blocks.iter().map(|block| block.parameters).sum();
        let multiply_adds: u64 = blocks.iter().map(|block| block.multiply_adds).sum();
        let last = blocks.last().expect("has blocks").output;
        let found = (parameters, multiply_adds, last[0] as u32);
        if found != (card.parameters, card.multiply_adds, card.features) {
            wrong.push(format!("{}: {found:?}, map of {last:?}", card.name));
        }
        if let Some(features) = card.hidden_features {
            let network = config(id, true).init(&Device::flex());
            let last = network
                .blocks(card.input_px as usize)
                .pop()
                .expect("has blocks");
            assert_eq!(last.output, [features as usize, 1, 1]);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
