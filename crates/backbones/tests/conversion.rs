//! Weights files of other tools, converted to Headstart's own format.
#![expect(
    clippy::disallowed_methods,
    reason = "natively a tensor may be read synchronously"
)]
#![expect(clippy::expect_used, reason = "a test may fail so")]

mod support;

use std::fs;
use std::io::Cursor;

use burn::tensor::Device;
use headstart_backbones::{Backbone, Conversion, OpenError, Storage, own_plan, recognise};
use headstart_checkpoint::{Checkpoint, Plan};
use headstart_project::BackboneId;
use support::{cosine, features, picture, published, root};

/// The whole converted file, and the longest of its pieces.
fn converted(
    id: BackboneId,
    file: &[u8],
    plan: Option<&Plan>,
    storage: Storage,
) -> Result<(Vec<u8>, usize), OpenError> {
    let mut checkpoint = Checkpoint::open(Cursor::new(file))?;
    let found = recognise(checkpoint.tensors());
    let found = found.and_then(|(_, plan)| plan.ok());
    let plan = plan.or(found.as_ref()).expect("fits");
    let mut conversion = Conversion::new(id, &mut checkpoint, plan, storage, false)?;
    let (mut whole, mut longest) = (Vec::new(), 0);
    while let Some(piece) = conversion.next()? {
        longest = longest.max(piece.len());
        whole.extend(piece);
        let (done, total) = conversion.progress();
        assert!(done == whole.len() as u64 && done <= total);
    }
    let (done, total) = conversion.progress();
    assert_eq!(done, total);
    Ok((whole, longest))
}

fn opened(id: BackboneId, file: &[u8]) -> Backbone {
    let mut checkpoint = Checkpoint::open(Cursor::new(file)).expect("opens");
    let (found, plan) = recognise(checkpoint.tensors()).expect("is known");
    assert_eq!(found, id);
    let plan = plan.expect("fits");
    Backbone::open(id, &mut checkpoint, &plan, false, &Device::flex()).expect("opens")
}

/// Random weights, which have no structure that could mask an error: real ones stay closer.
#[test]
fn a_converted_file_gives_the_features_of_the_file_itself() {
    for id in [
        BackboneId::MobileNetV2,
        BackboneId::ResNet18,
        BackboneId::InceptionV3,
    ] {
        let file = published(id, false);
        let expected = features(&opened(id, &file));
        for (storage, least) in [(Storage::F16, 0.9999), (Storage::Int8, 0.9995)] {
            let (own, longest) = converted(id, &file, None, storage).expect("converts");
            assert!(longest <= 16 << 20, "{longest}");
            let backbone = Backbone::load(id, &own, &Device::flex()).expect("loads");
            let cosine = cosine(&features(&backbone), &expected);
            println!(
                "{} {storage:?}: {} bytes, {cosine:.6}",
                id.name(),
                own.len()
            );
            assert!(cosine > least, "{} {storage:?}: {cosine}", id.name());
        }
    }
}

/// The weights that come with the page, and those made in addition, if they are there.
#[test]
fn weights_in_8_bits_keep_the_direction_of_the_features() {
    for id in BackboneId::ALL {
        let path = root().join(format!("weights/{}.safetensors", id.name()));
        let Ok(file) = fs::read(&path) else {
            println!("skipped: {} is not here", path.display());
            assert!(!id.is_shipped());
            continue;
        };
        let expected = features(&Backbone::load(id, &file, &Device::flex()).expect("loads"));
        let plan = own_plan(id);
        let (small, _) = converted(id, &file, Some(&plan), Storage::Int8).expect("converts");
        assert!(small.len() * 100 < file.len() * 75);
        let backbone = Backbone::load(id, &small, &Device::flex()).expect("loads");
        let cosine = cosine(&features(&backbone), &expected);
        println!(
            "{}: {} of {} bytes, {cosine:.6}",
            id.name(),
            small.len(),
            file.len()
        );
        assert!(cosine > 0.999, "{}: {cosine}", id.name());
    }
}

#[test]
fn files_that_headstart_has_written_are_known() {
    let id = BackboneId::SqueezeNet11;
    let (own, _) = converted(id, &published(id, false), None, Storage::F16).expect("converts");
    let expected = features(&Backbone::load(id, &own, &Device::flex()).expect("loads"));
    assert_eq!(features(&opened(id, &own)), expected);
}

#[test]
fn a_plan_of_another_model_is_refused() {
    let file = published(BackboneId::ResNet18, false);
    let mut checkpoint = Checkpoint::open(Cursor::new(&file)).expect("opens");
    let (_, plan) = recognise(checkpoint.tensors()).expect("is known");
    let plan = plan.expect("fits");
    let other = BackboneId::ResNet50;
    let opened = Backbone::open(other, &mut checkpoint, &plan, false, &Device::flex());
    assert!(matches!(opened, Err(OpenError::Layer(_))));
    let conversion = Conversion::new(other, &mut checkpoint, &plan, Storage::F16, false);
    assert!(matches!(conversion, Err(OpenError::Layer(_))));
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_refused() {
    let id = BackboneId::SqueezeNet11;
    let (own, _) = converted(id, &published(id, false), None, Storage::Int8).expect("converts");
    let device = Device::flex();
    assert!(Backbone::load(id, &own[..own.len() - 1], &device).is_err());
    assert!(Backbone::load(BackboneId::ResNet18, &own, &device).is_err());
    // Scales that are NaN; they belong to the last convolution and are at the end of the file.
    let mut broken = own.clone();
    let end = broken.len();
    broken[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(Backbone::load(id, &broken, &device).is_err());
    // Without its scales, an integer tensor means nothing.
    let text = |from: &str, to: &str| {
        let at = own.windows(from.len()).position(|it| it == from.as_bytes());
        let at = at.expect("is there");
        let mut file = own.clone();
        file[at..at + to.len()].copy_from_slice(to.as_bytes());
        file
    };
    let renamed = text("\"fires.7.expand3.scale\"", "\"fires.7.expand3.other\"");
    assert!(Backbone::load(id, &renamed, &device).is_err());
}

/// The features with the weights made by `cargo xtask weights`, compared with the networks published with the original weights.
///
/// Tolerance: our weights are rounded to f16, so the cosine is at least 0.9999, and no feature is off by more than 5 % of their root mean square.
#[test]
fn made_weights_give_the_features_of_the_published_ones() {
    for id in [
        BackboneId::EfficientNetLite1,
        BackboneId::EfficientNetLite2,
        BackboneId::SqueezeNet11,
    ] {
        let path = root().join(format!("weights/{}.safetensors", id.name()));
        let Ok(file) = fs::read(&path) else {
            println!("skipped: {} is not here", path.display());
            assert!(!id.is_shipped());
            continue;
        };
        let golden = support::golden("published", id.name());
        let side = golden["input_px"][0] as usize;
        assert_eq!(side, id.card().input_px as usize);
        let backbone = Backbone::load(id, &file, &Device::flex()).expect("loads");
        let planes = picture(side).into_data().iter().collect();
        let found: Vec<f64> = backbone.embed(planes).into_data().iter().collect();
        let expected = &golden["features"];
        let cosine = cosine(&found, expected);
        let size = expected.iter().map(|it| it * it).sum::<f64>() / expected.len() as f64;
        let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let worst = errors.fold(0.0, f64::max) / size.sqrt();
        println!("{}: cosine {cosine:.7}, worst error {worst:.1e}", id.name());
        assert!(
            cosine >= 0.9999 && worst <= 0.05,
            "{}: {cosine} {worst}",
            id.name()
        );
    }
}
