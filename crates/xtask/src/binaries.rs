//! The site's WebAssembly: which binaries there are, how Cargo compiles them, and how they get into the site.
//!
//! The page and all engines come out of one dependency graph: Cargo is always asked for the same packages, so that their dependencies have the same features and are compiled once, and only the wanted binaries are linked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{Project, read, run};

/// The target that everything is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How the binaries are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Without optimizing, by `trunk serve`.
    Debug,
    /// To work on the page: fast to build, and the engines as they are published.
    Working,
    /// To give away: the page as small as it gets.
    Published,
}

impl Build {
    /// Cargo's profile for a binary.
    fn profile(self, binary: Binary) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Published if binary == PAGE => "page",
            Self::Working | Self::Published => "release",
        }
    }

    /// Where Cargo puts it.
    fn folder(self, binary: Binary) -> &'static str {
        match self.profile(binary) {
            "dev" => "debug",
            profile => profile,
        }
    }
}

/// A WebAssembly binary of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Its name, for Cargo and in the site.
    pub name: &'static str,
    /// What it is compiled with beyond its package's defaults.
    features: &'static str,
    /// The form of its script: a module, or one for workers and pages that take no modules.
    form: &'static str,
    /// What it is, for people who wait for it.
    pub title: &'static str,
}

/// The page, which is parted after linking.
pub const PAGE: Binary = Binary {
    name: "headstart-web",
    features: "",
    form: "web",
    title: "the page",
};

/// The engine that every browser can run: enough to work with the page.
pub const FIRST_ENGINE: Binary = Binary {
    name: "engine-cpu",
    features: "",
    form: "web",
    title: "the engine for the processor",
};

/// What may come later: the engines that `web/public/engine.js` prefers where it can, and what is needed to export.
pub const LATER: [Binary; 3] = [
    Binary {
        name: "engine-cpu-relaxed",
        features: "headstart-engine/relaxed-simd",
        form: "web",
        title: "the engine for processors with fused multiply-add (faster)",
    },
    // The classifier inside the page that Export model gives.
    Binary {
        name: "classifier",
        features: "",
        form: "no-modules",
        title: "the classifier for exported pages",
    },
    Binary {
        name: "engine-webgpu",
        features: "headstart-engine/webgpu",
        form: "web",
        title: "the engine for graphics cards",
    },
];

/// What the names of engines begin with; `engine.js` has to know which of them a site has.
const ENGINE: &str = "engine-";

/// Has Cargo compile and link `binaries`, those that share their profile and features in one call.
///
/// # Errors
/// When Cargo fails.
pub fn compile(project: &Project, build: Build, binaries: &[Binary]) -> Result<()> {
    let mut calls: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for &binary in binaries {
        let call = (build.profile(binary), binary.features);
        calls.entry(call).or_default().push(binary.name);
    }
    for ((profile, features), names) in calls {
        let mut cargo = project.cargo(&["build", "--target", TARGET, "--profile", profile])?;
        for package in ["web", "engine", "classifier"] {
            cargo.args(["--package", &format!("headstart-{package}")]);
        }
        if !features.is_empty() {
            cargo.args(["--features", features]);
        }
        for name in names {
            cargo.args(["--bin", name]);
        }
        run(cargo)?;
    }
    Ok(())
}

/// Puts an engine or the classifier, which is compiled already, into the site in `folder`.
///
/// # Errors
/// When the binder fails or a file cannot be written.
pub fn add(project: &Project, build: Build, binary: Binary, folder: &Path) -> Result<()> {
    let target = target_folder(project)?;
    let linked = linked(&target, build, binary);
    let bound = target.join("bound").join(build.folder(binary));
    let files = [
        format!("{}.js", binary.name),
        format!("{}_bg.wasm", binary.name),
    ];
    // Binding the largest takes seconds, and a change to the page leaves the engines as they are.
    let is_fresh = || -> Result<bool> {
        let linked = fs::metadata(&linked)?.modified()?;
        let bound = fs::metadata(bound.join(&files[0])).and_then(|it| it.modified());
        Ok(bound.is_ok_and(|bound| bound > linked))
    };
    if !is_fresh().with_context(|| format!("{} is not compiled", binary.name))? {
        let mut bind = binder(project)?;
        bind.arg("bind").arg(&linked).arg(&bound);
        bind.args([binary.name, binary.form]);
        run(bind)?;
    }
    for file in files {
        // A browser that asks in this moment gets the old file or the new one.
        let part = folder.join(format!("{file}.part"));
        fs::copy(bound.join(&file), &part)?;
        fs::rename(part, folder.join(file))?;
    }
    Ok(())
}

/// The names of the engines that the site in `folder` has, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn engines_in(folder: &Path) -> Result<Vec<&'static str>> {
    let all = [FIRST_ENGINE].into_iter().chain(LATER);
    Ok(all
        .map(|binary| binary.name)
        .filter(|name| name.starts_with(ENGINE))
        .filter(|name| folder.join(format!("{name}_bg.wasm")).is_file())
        .collect())
}

/// What Cargo has linked.
pub fn linked(target: &Path, build: Build, binary: Binary) -> PathBuf {
    let file = format!("{}.wasm", binary.name);
    target.join(TARGET).join(build.folder(binary)).join(file)
}

/// The program that binds and parts: `crates/binder`, compiled when it is first needed.
///
/// # Errors
/// When Cargo cannot be called.
pub fn binder(project: &Project) -> Result<Command> {
    let mut command = project.cargo(&["run", "--quiet", "--profile", "binder"])?;
    command.args(["--package", "headstart-binder", "--"]);
    Ok(command)
}

/// Has Cargo compile the binder, so that nothing waits for it later.
///
/// # Errors
/// When Cargo cannot be called.
pub fn compile_binder(project: &Project) -> Result<Command> {
    project.cargo(&[
        "build",
        "--profile",
        "binder",
        "--package",
        "headstart-binder",
    ])
}

/// Where Cargo puts what it builds.
///
/// # Errors
/// When Cargo does not say.
pub fn target_folder(project: &Project) -> Result<PathBuf> {
    let metadata = read(project.cargo(&["metadata", "--no-deps", "--format-version", "1"])?);
    let metadata = metadata.context("cargo metadata does not answer")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata.get("target_directory").and_then(|it| it.as_str());
    Ok(folder.context("cargo names no target folder")?.into())
}
