//! The backbone, split into a frozen and a trained part, and looked into.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

use std::fs;
use std::path::PathBuf;

use burn::tensor::{Device, Distribution, Tensor};
use headstart_backbones::Backbone;
use headstart_project::BackboneId;

fn file() -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read(root.join("weights/efficientnet-lite0.safetensors")).expect("weights")
}

fn backbone() -> Backbone {
    Backbone::load(BackboneId::EfficientNetLite0, &file(), &Device::flex()).expect("loads")
}

/// Something that resembles an image: `[3, 224, 224]`, from -1 to 1.
fn planes() -> Vec<f32> {
    let device = Device::flex();
    device.seed(4);
    let noise = Tensor::<1>::random([3 * 224 * 224], Distribution::Uniform(-0.3, 0.3), &device);
    let noise: Vec<f32> = noise.into_data().iter().collect();
    let wave = |at: usize| ((at % 224) as f32 / 17.0).sin() * 0.7;
    noise
        .iter()
        .enumerate()
        .map(|(at, it)| it + wave(at))
        .collect()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

#[test]
fn both_parts_together_are_the_whole_wherever_the_cut_is() {
    let backbone = backbone();
    let whole = values(backbone.embed(planes()));
    assert_eq!(backbone.most_unfrozen(), 17);
    for unfrozen in [0, 1, 2, 7, 17] {
        let boundary = backbone.forward_frozen(planes(), unfrozen);
        let [channels, height, width] = backbone.boundary(unfrozen);
        assert_eq!(boundary.dims(), [1, channels, height, width]);
        let tail = backbone.tail(unfrozen);
        if unfrozen > 0 {
            assert_eq!(tail.len(), unfrozen + 1);
            assert!(values(tail.forward(boundary)) == whole, "{unfrozen}");
        }
    }
}

#[test]
fn blocks_and_stages_describe_what_is_computed() {
    let backbone = backbone();
    let blocks = backbone.blocks();
    let names: Vec<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(
        (names.len(), names[0], names[1], names[17]),
        (18, "stem", "blocks.0", "head")
    );
    let parameters: u64 = blocks.iter().map(|block| block.parameters).sum();
    assert_eq!(parameters, backbone.parameters());
    // The paper's repository states 407 M multiply-adds, including a classifier of 1.28 M.
    let cost: u64 = blocks.iter().map(|block| block.multiply_adds).sum();
    assert!((380_000_000..410_000_000).contains(&cost), "{cost}");
    let stages = backbone.stages();
    let maps = backbone.stage_maps(planes());
    assert_eq!((stages.len(), maps.len()), (9, 9));
    for (stage, map) in stages.iter().zip(&maps) {
        let [channels, height, width] = stage.output;
        assert_eq!(map.dims(), [1, channels, height, width], "{}", stage.name);
        assert_eq!(blocks[stage.last_block].output, stage.output);
    }
    assert_eq!(stages[0].output, [32, 112, 112]);
    let last = maps.last().expect("has stages").clone();
    assert_eq!(values(last), values(backbone.maps(planes())));
}

#[test]
fn a_binding_holds_so_many_images() {
    let backbone = backbone();
    // The largest feature map is that of the second block: 96 channels of 112 × 112 positions.
    let one = 4 * 96 * 112 * 112;
    assert_eq!(backbone.most_images(128 << 20), (128 << 20) / one);
    assert_eq!(backbone.most_images(one as u64 - 1), 1);
}

#[test]
fn a_backbone_survives_its_file_to_the_last_bit() {
    let backbone = backbone();
    let written = pollster::block_on(backbone.to_safetensors()).expect("writes");
    // The shipped weights are f16, so nothing grows.
    assert!(written.len() <= file().len() + 4096, "{}", written.len());
    let random = Backbone::random(BackboneId::EfficientNetLite0, 3, &Device::flex());
    for backbone in [backbone, random] {
        let file = pollster::block_on(backbone.to_safetensors()).expect("writes");
        let again = Backbone::load(backbone.id(), &file, &Device::flex()).expect("loads");
        assert_eq!(
            values(again.embed(planes())),
            values(backbone.embed(planes()))
        );
    }
}

#[test]
fn a_trained_tail_takes_the_place_of_the_old_one() {
    let backbone = backbone();
    let random = Backbone::random(BackboneId::EfficientNetLite0, 5, &Device::flex());
    let other = backbone.with_tail(random.tail(2).trainable());
    let boundary = backbone.forward_frozen(planes(), 2);
    assert_eq!(
        values(other.embed(planes())),
        values(random.tail(2).forward(boundary))
    );
    assert_eq!(
        values(other.forward_frozen(planes(), 2)),
        values(backbone.forward_frozen(planes(), 2))
    );
}

#[test]
fn random_weights_neither_blow_up_nor_vanish_through_the_depth() {
    let mut first = None;
    for seed in 0..3 {
        let backbone = Backbone::random(BackboneId::EfficientNetLite0, seed, &Device::flex());
        for (stage, map) in backbone.stages().iter().zip(backbone.stage_maps(planes())) {
            let values = values(map);
            let square = values.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
            let size = (square / values.len() as f64).sqrt();
            println!("{seed} {}: {size:.3}", stage.name);
            assert!((0.05..6.0).contains(&size), "{}: {size}", stage.name);
        }
        let embedding = values(backbone.embed(planes()));
        assert!(Some(&embedding) != first.as_ref());
        if seed == 0 {
            let again = Backbone::random(BackboneId::EfficientNetLite0, 0, &Device::flex());
            assert!(values(again.embed(planes())) == embedding);
            first = Some(embedding);
        }
    }
}
