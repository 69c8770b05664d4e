//! The tables of names, compared with those of the real models.
#![allow(clippy::unwrap_used, reason = "a test may fail so")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;

use headstart_checkpoint::{
    BatchNorm, Checkpoint, Dtype, Mapping, Misshapen, Model, Naming, Part, TensorInfo,
    fold_batch_norm, recognise,
};
use proptest::prelude::*;
use support::golden;

/// The tensors that a file of `golden/names` lists.
fn names(file: &str) -> Vec<TensorInfo> {
    let text = fs::read_to_string(golden(&format!("names/{file}.txt"))).unwrap();
    let tensor = |line: &str| {
        let mut words: Vec<_> = line.split(' ').collect();
        let dtype = match words.last() {
            Some(&"int64") => {
                words.pop();
                Dtype::Other
            }
            _ => Dtype::F32,
        };
        TensorInfo {
            name: words[0].to_owned(),
            shape: words[1..]
                .iter()
                .map(|size| size.parse().unwrap())
                .collect(),
            dtype,
        }
    };
    text.lines().map(tensor).collect()
}

/// The models of each list; for some, torchvision's and timm's names are the same.
const LISTS: [(&str, Model, Naming); 23] = [
    ("torchvision_vgg16", Model::Vgg16, Naming::Torchvision),
    ("torchvision_vgg16_bn", Model::Vgg16Bn, Naming::Torchvision),
    ("torchvision_vgg19", Model::Vgg19, Naming::Torchvision),
    ("torchvision_vgg19_bn", Model::Vgg19Bn, Naming::Torchvision),
    (
        "torchvision_inception_v3",
        Model::InceptionV3,
        Naming::Torchvision,
    ),
    ("torchvision_resnet18", Model::ResNet18, Naming::Torchvision),
    ("torchvision_resnet50", Model::ResNet50, Naming::Torchvision),
    (
        "torchvision_mobilenet_v2",
        Model::MobileNetV2,
        Naming::Torchvision,
    ),
    (
        "torchvision_squeezenet1_1",
        Model::SqueezeNet11,
        Naming::Torchvision,
    ),
    ("timm_vgg16", Model::Vgg16, Naming::Timm),
    ("timm_vgg16_bn", Model::Vgg16Bn, Naming::Timm),
    ("timm_vgg19", Model::Vgg19, Naming::Timm),
    ("timm_vgg19_bn", Model::Vgg19Bn, Naming::Timm),
    ("timm_inception_v3", Model::InceptionV3, Naming::Torchvision),
    ("timm_resnet18", Model::ResNet18, Naming::Torchvision),
    ("timm_resnet50", Model::ResNet50, Naming::Torchvision),
    ("timm_mobilenetv2_100", Model::MobileNetV2, Naming::Timm),
    (
        "timm_tf_efficientnet_lite0",
        Model::EfficientNetLite0,
        Naming::Timm,
    ),
    (
        "timm_tf_efficientnet_lite1",
        Model::EfficientNetLite1,
        Naming::Timm,
    ),
    (
        "timm_tf_efficientnet_lite2",
        Model::EfficientNetLite2,
        Naming::Timm,
    ),
    (
        "efficientnet_lite_pytorch_lite0",
        Model::EfficientNetLite0,
        Naming::EfficientNetPytorch,
    ),
    (
        "efficientnet_lite_pytorch_lite1",
        Model::EfficientNetLite1,
        Naming::EfficientNetPytorch,
    ),
    (
        "efficientnet_lite_pytorch_lite2",
        Model::EfficientNetLite2,
        Naming::EfficientNetPytorch,
    ),
];

fn is_optional(mapping: &Mapping, name: &str) -> bool {
    mapping
        .optional
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[test]
fn every_published_naming_is_recognised_and_read_whole() {
    for (file, model, naming) in LISTS {
        let found = names(file);
        let mapping = recognise(&found).unwrap_or_else(|| panic!("{file} is not recognised"));
        assert_eq!((mapping.model, mapping.naming), (model, naming), "{file}");
        let plan = mapping
            .fit(&found)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(plan.has(Part::Classifier), "{file}");
        assert_eq!(plan.layers, mapping.layers, "{file}");
        // Only counters and what only training needs are left over.
        for name in &plan.left_out {
            let is_known = name.ends_with("num_batches_tracked") || name.starts_with("AuxLogits.");
            assert!(is_known, "{file} leaves out {name}");
        }
        let unique: BTreeSet<_> = plan.layers.iter().map(|layer| &layer.name).collect();
        assert_eq!(unique.len(), plan.layers.len(), "{file}");
    }
}

#[test]
fn every_list_and_every_table_is_tested() {
    let tested: BTreeSet<_> = LISTS
        .iter()
        .map(|(file, ..)| format!("{file}.txt"))
        .collect();
    let listed: BTreeSet<_> = fs::read_dir(golden("names"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("other_"))
        .collect();
    assert_eq!(tested, listed);
    for mapping in Model::ALL.into_iter().flat_map(Model::mappings) {
        let is_tested = |(_, model, naming)| (model, naming) == (mapping.model, mapping.naming);
        assert!(LISTS.into_iter().any(is_tested), "{:?}", mapping.model);
    }
}

#[test]
fn the_names_of_a_model_are_the_same_from_every_source() {
    for model in Model::ALL {
        let mappings = model.mappings();
        let layers = |mapping: &Mapping| -> Vec<_> {
            let layers = mapping.layers.iter();
            layers
                .map(|layer| (layer.name.clone(), layer.shape.clone()))
                .collect()
        };
        for mapping in &mappings {
            assert_eq!(layers(mapping), layers(&mappings[0]), "{}", model.title());
        }
    }
}

#[test]
fn models_that_look_alike_are_not_mistaken() {
    for file in [
        "resnet34",
        "resnet101",
        "wide_resnet50_2",
        "vgg13",
        "squeezenet1_0",
        "densenet121",
    ] {
        let found = names(&format!("other_{file}"));
        assert_eq!(
            recognise(&found).map(|mapping| mapping.model),
            None,
            "{file}"
        );
    }
    assert_eq!(recognise(&[]), None);
}

#[test]
fn a_classifier_may_be_missing_or_another() {
    for (file, model, _) in LISTS {
        let mut found = names(file);
        let mapping = recognise(&found).unwrap();
        let backbone = |plan: &headstart_checkpoint::Plan| {
            assert!(plan.has(Part::Backbone));
            assert!(!plan.has(Part::Classifier));
        };
        let other = format!("{}new.weight", mapping.optional[0]);
        for tensor in &mut found {
            if is_optional(&mapping, &tensor.name) && tensor.shape.first() == Some(&1000) {
                tensor.shape[0] = 7;
            }
        }
        found.push(TensorInfo {
            name: other.clone(),
            shape: vec![7, 3],
            dtype: Dtype::F32,
        });
        assert_eq!(recognise(&found).unwrap().model, model, "{file}");
        let plan = mapping.fit(&found).unwrap();
        backbone(&plan);
        assert!(plan.left_out.contains(&other), "{file}");
        // VGG's hidden layers still fit; only the last layer is different.
        assert_eq!(plan.has(Part::Hidden), file.contains("vgg"), "{file}");

        found.retain(|tensor| !is_optional(&mapping, &tensor.name));
        assert_eq!(recognise(&found).unwrap().model, model, "{file}");
        let plan = mapping.fit(&found).unwrap();
        backbone(&plan);
        assert!(!plan.has(Part::Hidden), "{file}");
    }
}

#[test]
fn what_does_not_fit_is_listed_by_name() {
    let mut found = names("torchvision_resnet50");
    let mapping = recognise(&found).unwrap();
    found.retain(|tensor| !tensor.name.starts_with("layer2.3.bn1"));
    let change = |found: &mut Vec<TensorInfo>, name: &str, change: &dyn Fn(&mut TensorInfo)| {
        change(found.iter_mut().find(|tensor| tensor.name == name).unwrap());
    };
    change(&mut found, "conv1.weight", &|tensor| {
        tensor.shape = vec![64, 1, 7, 7]
    });
    change(&mut found, "bn1.bias", &|tensor| {
        tensor.dtype = Dtype::Other
    });
    found.push(TensorInfo {
        name: "attention.weight".into(),
        shape: vec![3],
        dtype: Dtype::F32,
    });
    assert_eq!(recognise(&found).unwrap().model, Model::ResNet50);
    let mismatch = mapping.fit(&found).unwrap_err();
    assert_eq!(
        mismatch.missing,
        ["weight", "bias", "running_mean", "running_var"]
            .map(|part| format!("layer2.3.bn1.{part}"))
    );
    assert_eq!(mismatch.extra, ["attention.weight"]);
    assert_eq!(mismatch.not_float, ["bn1.bias"]);
    let misshapen = Misshapen {
        name: "conv1.weight".into(),
        found: vec![64, 1, 7, 7],
        expected: vec![64, 3, 7, 7],
    };
    assert_eq!(mismatch.misshapen, [misshapen]);
    assert_eq!(
        mismatch.to_string(),
        "4 tensors are missing: layer2.3.bn1.weight, layer2.3.bn1.bias, layer2.3.bn1.running_mean, layer2.3.bn1.running_var. \
         1 tensor is not known to this model: attention.weight. \
         1 tensor is of another shape: conv1.weight ([64, 1, 7, 7] instead of [64, 3, 7, 7]). \
         1 tensor is not floating-point numbers: bn1.bias."
    );
    // A file of another model still gets a short message.
    let mismatch = mapping.fit(&names("torchvision_vgg16")).unwrap_err();
    assert!(mismatch.to_string().len() < 500, "{mismatch}");
    assert!(mismatch.to_string().contains("and 260 more"), "{mismatch}");
}

#[test]
fn the_shipped_weights_bear_the_tables_names() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../weights/efficientnet-lite0.safetensors"
    );
    let checkpoint = Checkpoint::open(fs::File::open(path).unwrap()).unwrap();
    let shipped: BTreeMap<_, _> = checkpoint
        .tensors()
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.shape.clone()))
        .collect();
    let mut expected = BTreeMap::new();
    for layer in &Model::EfficientNetLite0.mappings()[0].layers {
        if layer.part == Part::Backbone {
            expected.insert(format!("{}.weight", layer.name), layer.shape.clone());
            expected.insert(format!("{}.bias", layer.name), vec![layer.rows()]);
        }
    }
    assert_eq!(shipped, expected);
}

proptest! {
    /// The message names whatever was removed from the file or changed in it, and nothing else.
    #[test]
    fn each_change_is_reported(list in 0..LISTS.len(), removed in any::<prop::sample::Index>(), reshaped in any::<prop::sample::Index>()) {
        let (file, ..) = LISTS[list];
        let mut found = names(file);
        let mapping = recognise(&found).unwrap();
        let of_backbone = |found: &[TensorInfo]| -> Vec<usize> {
            (0..found.len())
                .filter(|&index| found[index].dtype == Dtype::F32 && !is_optional(&mapping, &found[index].name))
                .collect()
        };
        let candidates = of_backbone(&found);
        let removed = found.remove(*removed.get(&candidates)).name;
        let candidates = of_backbone(&found);
        let index = *reshaped.get(&candidates);
        found[index].shape[0] += 1;
        let mismatch = mapping.fit(&found).unwrap_err();
        prop_assert_eq!(mismatch.missing, [removed]);
        prop_assert_eq!(mismatch.misshapen.len(), 1);
        prop_assert_eq!(&mismatch.misshapen[0].name, &found[index].name);
        prop_assert!(mismatch.extra.is_empty() && mismatch.not_float.is_empty());
    }
}

/// A file written by PyTorch, all the way to the layer's numbers.
#[test]
fn a_layer_is_read_with_its_batch_norm_folded() {
    let file = fs::read(golden("forms/training_zip.pth")).unwrap();
    let mut checkpoint = Checkpoint::open(Cursor::new(file)).unwrap();
    let mut layer = Model::Vgg16Bn.mappings()[0].layers[0].clone();
    let norm = layer.norm.as_mut().unwrap();
    norm.name = "bn".into();
    let epsilon = norm.epsilon;
    layer.weight = "conv.weight".into();
    layer.bias = Some("conv.bias".into());
    let norm = BatchNorm {
        gamma: checkpoint.read("bn.weight").unwrap(),
        beta: checkpoint.read("bn.bias").unwrap(),
        mean: checkpoint.read("bn.running_mean").unwrap(),
        variance: checkpoint.read("bn.running_var").unwrap(),
        epsilon,
    };
    let (weight, bias) = (
        checkpoint.read("conv.weight").unwrap(),
        checkpoint.read("conv.bias").unwrap(),
    );
    let (weight, bias) = fold_batch_norm(weight, Some(&bias), &norm).unwrap();
    assert_eq!(
        checkpoint.read_layer(&layer, 0..4).unwrap(),
        (weight.clone(), bias.clone())
    );
    assert_eq!(
        checkpoint.read_layer(&layer, 1..3).unwrap(),
        (weight[27..81].to_vec(), bias[1..3].to_vec())
    );
    layer.norm = None;
    layer.bias = None;
    let (_, bias) = checkpoint.read_layer(&layer, 1..3).unwrap();
    assert_eq!(bias, [0.0, 0.0]);
}
