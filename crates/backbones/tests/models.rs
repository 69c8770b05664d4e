//! Every backbone, compared with PyTorch: with torchvision's model, or with timm's where torchvision has none.
//!
//! `tests/golden/models` holds what `tools/make-backbone-goldens.py` computed in f64, with weights that are derived from their names.
//! The same weights are generated here, put into a safetensors file under their published names, and opened like a user's file.
//!
//! Tolerance: each probed number of each stage, and each feature, within 5e-4 of the stage's root mean square; the mean and the root mean square themselves within 5e-5 of it.
//! Here everything is computed in f32, with up to 94 convolutions in sequence.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod support;

use std::collections::BTreeMap;
use std::io::Cursor;

use burn::tensor::{Device, Tensor};
use headstart_backbones::{Backbone, Conversion, Storage, config, recognise};
use headstart_checkpoint::Checkpoint;
use headstart_project::BackboneId;
use support::{cosine, golden, picture, published};

const NEAR: f64 = 5e-4;
const AS_GOOD_AS_EQUAL: f64 = 5e-5;

struct Golden(BTreeMap<String, Vec<f64>>);

impl Golden {
    fn read(name: &str) -> Self {
        Self(golden("models", name))
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

/// Opens the file, recognises it, and compares everything that is in the golden.
fn compare(id: BackboneId, name: &str) {
    let golden = Golden::read(name);
    let file = published(id, false);
    let mut checkpoint = Checkpoint::open(Cursor::new(&file)).expect("opens");
    let (found, plan) = recognise(checkpoint.tensors()).expect("is known");
    assert_eq!(found, id);
    let plan = plan.expect("fits");
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
        // The feature map of a stage is that of its last layer.
        let is_of_stage = |layer: &str| layer == stage || layer.starts_with(&format!("{stage}."));
        let map = maps.iter().rev().find(|(layer, _)| is_of_stage(layer));
        golden.check(stage, map.expect("is there").1.clone());
    }
    let features = network.forward(picture(golden.side()));
    let features: Vec<f64> = features.into_data().iter().collect();
    assert_eq!(features.len(), id.card().features as usize);
    near(&features, &golden.0["features"]);
}

/// Checks that features are as close as they should be.
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

/// The fully connected layers of VGG, the first of which is read in parts.
#[test]
fn vgg16_hidden() {
    let id = BackboneId::Vgg16;
    let golden = Golden::read("vgg16_hidden");
    let file = published(id, true);
    let mut checkpoint = Checkpoint::open(Cursor::new(&file)).expect("opens");
    let (_, plan) = recognise(checkpoint.tensors()).expect("is known");
    let plan = plan.expect("fits");
    let device = Device::flex();
    let backbone = Backbone::open(id, &mut checkpoint, &plan, true, &device).expect("opens");
    assert_eq!((backbone.features(), backbone.map_side()), (4096, 1));
    let features = backbone.embed(picture(golden.side()).into_data().iter().collect());
    let features: Vec<f64> = features.into_data().iter().collect();
    near(&features, &golden.0["features"]);
    // No tensor exceeds WebGPU's default binding size.
    let shapes = config(id, true).layers;
    let shapes = shapes.iter().flat_map(|layer| layer.convs());
    let largest = shapes
        .map(|conv| conv.shape.iter().product::<usize>())
        .max();
    assert!(largest.expect("has some") * 4 <= 128 << 20);

    // A file in Headstart's own format keeps them and is recognised by them.
    let mut conversion =
        Conversion::new(id, &mut checkpoint, &plan, Storage::Int8, true).expect("begins");
    let mut own = Vec::new();
    while let Some(piece) = conversion.next().expect("converts") {
        own.extend(piece);
    }
    assert!(own.len() < 140_000_000, "{}", own.len());
    let again = Backbone::load(id, &own, &device).expect("loads");
    assert_eq!(again.features(), 4096);
    let found = again.embed(picture(golden.side()).into_data().iter().collect());
    let found: Vec<f64> = found.into_data().iter().collect();
    let cosine = cosine(&found, &features);
    println!("int8: {} bytes, {cosine:.6}", own.len());
    assert!(cosine > 0.999, "{cosine}");
}

/// The figures on each card, compared with the network itself.
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
