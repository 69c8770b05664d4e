//! `cargo xtask dist`: the finished static site in `dist/`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::shell::{Project, run, step};
use crate::{split, tools};

/// The most that the page's own WebAssembly may weigh on its way to the browser: what shows the first regions.
/// Its parts (`web/src/parts.rs`) come after it, so they are not counted; what should wait belongs into one of them.
const PAGE_LIMIT_BYTES: u64 = 400_000;

/// Builds the site in release mode.
pub fn build(project: &Project) -> Result<()> {
    tools::wasm_target(project)?;
    tools::bundlers(project)?;
    let title = "Building the site with Trunk (the first time takes several minutes: burn and wgpu \
                 are compiled for the browser)";
    step(title, || {
        let mut trunk = project.command("trunk")?;
        trunk.args(["build", "--release", "--skip-version-check"]);
        trunk.arg("--dist").arg(project.dist());
        run(trunk)
    })?;
    ensure!(
        project.dist().join("index.html").is_file(),
        "Trunk has left no dist/index.html"
    );
    Ok(())
}

/// The site's zip, beside `dist/`.
const ZIP: &str = "headstart-site.zip";

/// Puts the site into one file, and returns its name.
pub fn pack(project: &Project) -> Result<&'static str> {
    let mut files = Vec::new();
    collect_files(&project.dist(), &mut files)?;
    files.sort();
    let mut zip = ZipWriter::new(File::create(project.path(ZIP))?);
    for file in files {
        let path = file.strip_prefix(project.dist())?;
        zip.start_file_from_path(
            Path::new("headstart").join(path),
            SimpleFileOptions::default(),
        )?;
        io::copy(&mut File::open(&file)?, &mut zip)?;
    }
    zip.finish()?;
    Ok(ZIP)
}

/// Prints what the larger files weigh over the wire, with all parts of the page, and fails when the page itself is too heavy.
pub fn check_sizes(project: &Project) -> Result<()> {
    let mut files = Vec::new();
    collect_files(&project.dist(), &mut files)?;
    let mut page = None;
    println!(
        "    {:>12} {:>12}  over the wire: gzip, then raw, in bytes",
        "gzip", "raw"
    );
    files.sort();
    for file in files {
        let raw_bytes = fs::metadata(&file)?.len();
        let name = file
            .strip_prefix(project.dist())?
            .to_string_lossy()
            .into_owned();
        let is_of_page = name.starts_with(split::PAGE) && name.ends_with(".wasm");
        if raw_bytes < 10_000 && !is_of_page {
            continue;
        }
        let gzip_bytes = gzip_bytes(&file)?;
        println!("    {gzip_bytes:>12} {raw_bytes:>12}  {name}");
        if is_of_page && name.ends_with("_bg.wasm") {
            page = Some(gzip_bytes);
        }
    }
    let page = page.context("dist holds no page (headstart-web…_bg.wasm)")?;
    ensure!(
        page <= PAGE_LIMIT_BYTES,
        "the page weighs {page} bytes after gzip; at most {PAGE_LIMIT_BYTES} are allowed, so that \
         it appears quickly on a slow line"
    );
    Ok(())
}

fn gzip_bytes(file: &Path) -> Result<u64> {
    let input = File::open(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(io::copy(
        &mut GzEncoder::new(input, Compression::best()),
        &mut io::sink(),
    )?)
}

/// All files below `folder`.
pub fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
