//! `cargo xtask dist`: the finished static site in `dist/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io, thread};

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::read::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::binaries::{self, Binary, FIRST_ENGINE, LATER, PAGE};
use crate::shell::{Project, run, run_quietly, step};
use crate::{site, split, tools};

/// The most that the page's own WebAssembly may weigh on its way to the browser: what shows the first regions.
/// Its parts (`web/src/parts.rs`) come after it, so they are not counted; what should wait belongs into one of them.
const PAGE_LIMIT_BYTES: u64 = 400_000;

/// How much of the site is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The page and the engine that every browser can run.
    First,
    /// Everything.
    Whole,
}

/// By this variable `finish` knows that the binaries are compiled already, and which; Trunk hands it through.
const COMPILED: &str = "HEADSTART_COMPILED";

impl Extent {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Whole => "whole",
        }
    }

    /// What comes beside the page.
    fn beside_page(self) -> Vec<Binary> {
        let later: &[Binary] = match self {
            Self::First => &[],
            Self::Whole => &LATER,
        };
        [&[FIRST_ENGINE], later].concat()
    }
}

/// Builds the site in release mode.
pub fn build(project: &Project, extent: Extent) -> Result<()> {
    tools::wasm_target(project)?;
    let binaries = [&[PAGE][..], &extent.beside_page()].concat();
    // Most of what is compiled leaves a core idle now and then.
    thread::scope(|scope| {
        let packers = scope.spawn(|| {
            tools::trunk(project)?;
            step("Compiling what binds and parts WebAssembly", || {
                run_quietly(binaries::compile_binder(project)?)
            })
        });
        let title = match extent {
            Extent::First => {
                "Compiling the page and its engine for the processor (minutes the first time: burn is compiled for the browser)"
            }
            Extent::Whole => {
                "Compiling the page and its engines (minutes the first time: burn and wgpu are compiled for the browser)"
            }
        };
        let compiled = step(title, || binaries::compile(project, "release", &binaries));
        let packed = packers.join();
        compiled?;
        packed.unwrap_or_else(|_| bail!("installing what packs the site has failed"))
    })?;
    step("Packing the site with Trunk", || {
        let mut trunk = project.command("trunk")?;
        trunk.args(["build", "--release"]);
        trunk.arg("--dist").arg(project.dist());
        trunk.env(COMPILED, extent.name());
        run(trunk)
    })?;
    ensure!(
        project.dist().join("index.html").is_file(),
        "Trunk has left no dist/index.html"
    );
    Ok(())
}

/// Puts the page and the engines into the site that Trunk is packing; Trunk calls it (`Trunk.toml`).
pub fn finish(project: &Project) -> Result<()> {
    let from_trunk = |name| {
        let value = env::var_os(name);
        value.with_context(|| format!("finish is called by Trunk, which sets {name}"))
    };
    let folder = PathBuf::from(from_trunk("TRUNK_STAGING_DIR")?);
    let profile = from_trunk("TRUNK_PROFILE")?;
    let profile = profile.to_string_lossy();
    let compiled = env::var(COMPILED).unwrap_or_default();
    let extent = if compiled == Extent::First.name() {
        Extent::First
    } else {
        Extent::Whole
    };
    let engines = extent.beside_page();
    if compiled.is_empty() {
        let binaries = [&[PAGE][..], &engines].concat();
        binaries::compile(project, &profile, &binaries)?;
    }
    split::page(project, &folder, &profile)?;
    for binary in engines {
        binaries::add(project, &profile, binary, &folder)?;
    }
    site::finish(project, &folder)
}

/// Builds what [`Extent::First`] leaves out, and puts each into the site as soon as it is there.
pub fn build_later(project: &Project) -> Result<()> {
    for binary in LATER {
        step(&format!("Compiling {}", binary.title), || {
            binaries::compile(project, "release", &[binary])
        })?;
        binaries::add(project, "release", binary, &project.dist())?;
        site::know(project, &project.dist())?;
    }
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
        let is_of_page = name.starts_with(PAGE.name) && name.ends_with(".wasm");
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
