//! `cargo xtask dist`: the finished static site in `dist/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io, thread};

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::read::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::binaries::{self, Binary, Build, FIRST_ENGINE, LATER, PAGE};
use crate::shell::{Project, run, run_quietly, step};
use crate::{site, split, tools};

/// The most that the page's own WebAssembly may weigh on its way to the browser: what shows the first regions.
/// Its parts (`web/src/parts.rs`) come after it, so they are not counted; what should wait belongs into one of them.
const PAGE_LIMIT_BYTES: u64 = 400_000;

/// What the site is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be looked at as soon as possible: the page and the engine that every browser can run.
    First,
    /// To be worked on.
    Work,
    /// To be given away, and tested.
    Publish,
}

/// By this variable `finish` knows that the binaries are compiled already, and what for; Trunk hands it through.
const COMPILED: &str = "HEADSTART_COMPILED";

impl Purpose {
    const ALL: [Self; 3] = [Self::First, Self::Work, Self::Publish];

    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Work => "work",
            Self::Publish => "publish",
        }
    }

    fn build(self) -> Build {
        match self {
            Self::First | Self::Work => Build::Working,
            Self::Publish => Build::Published,
        }
    }

    /// What comes beside the page.
    fn beside_page(self) -> Vec<Binary> {
        let later: &[Binary] = match self {
            Self::First => &[],
            Self::Work | Self::Publish => &LATER,
        };
        [&[FIRST_ENGINE], later].concat()
    }

    /// All that is compiled.
    fn binaries(self) -> Vec<Binary> {
        [&[PAGE][..], &self.beside_page()].concat()
    }
}

/// Builds the site, optimized.
pub fn build(project: &Project, purpose: Purpose) -> Result<()> {
    tools::wasm_target(project)?;
    let binaries = purpose.binaries();
    // Most of what is compiled leaves a core idle now and then.
    thread::scope(|scope| {
        let packers = scope.spawn(|| {
            tools::trunk(project)?;
            step("Compiling what binds and parts WebAssembly", || {
                run_quietly(binaries::compile_binder(project)?)
            })
        });
        let title = match purpose {
            Purpose::First => {
                "Compiling the page and its engine for the processor (minutes the first time: burn is compiled for the browser)"
            }
            Purpose::Work | Purpose::Publish => {
                "Compiling the page and its engines (minutes the first time: burn and wgpu are compiled for the browser)"
            }
        };
        let compiled = step(title, || {
            binaries::compile(project, purpose.build(), &binaries)
        });
        let packed = packers.join();
        compiled?;
        packed.unwrap_or_else(|_| bail!("installing what packs the site has failed"))
    })?;
    step("Packing the site with Trunk", || {
        let mut trunk = project.command("trunk")?;
        trunk.args(["build", "--release"]);
        trunk.arg("--dist").arg(project.dist());
        trunk.env(COMPILED, purpose.name());
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
    let compiled = env::var(COMPILED).ok();
    let compiled = Purpose::ALL
        .into_iter()
        .find(|purpose| compiled.as_deref() == Some(purpose.name()));
    let purpose = compiled.unwrap_or(Purpose::Publish);
    // Somebody calls Trunk by hand, who may want it without optimizing.
    let build = match compiled {
        None if from_trunk("TRUNK_PROFILE")? == "debug" => Build::Debug,
        _ => purpose.build(),
    };
    if compiled.is_none() {
        binaries::compile(project, build, &purpose.binaries())?;
    }
    split::page(project, &folder, build)?;
    for binary in purpose.beside_page() {
        binaries::add(project, build, binary, &folder)?;
    }
    site::finish(project, &folder)
}

/// Builds what [`Purpose::First`] leaves out, and puts each into the site as soon as it is there.
pub fn build_later(project: &Project) -> Result<()> {
    for binary in LATER {
        step(&format!("Compiling {}", binary.title), || {
            binaries::compile(project, Build::Working, &[binary])
        })?;
        binaries::add(project, Build::Working, binary, &project.dist())?;
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
