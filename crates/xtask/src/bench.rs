//! `cargo xtask bench`: the engine against TensorFlow.js, side by side in one browser; and what the methods are worth.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{self, Project, step};
use crate::{binaries, dist, tools};

/// Where `web/bench/run.mjs` looks for the engine.
const FOLDER: &str = "target/bench-engine";

/// Builds the site and measures; the figures are printed and left in `bench.json`.
pub fn run(project: &Project) -> Result<()> {
    let chromium = tools::chromium()?;
    tools::node_packages(project, "web")?;
    tools::node_packages(project, "web/bench")?;
    dist::build(project, dist::Purpose::Publish)?;
    step("Building the engine for the benchmark", || {
        build_engine(project, "cpu", "relaxed-simd")?;
        build_engine(project, "webgpu", "webgpu")?;
        // The script of the worker imports them from its own folder.
        let script = project.path("web/bench/bench-engine.js");
        fs::copy(script, project.path(FOLDER).join("bench-engine.js"))?;
        Ok(())
    })?;
    step(
        "Measuring in Chromium (about 10 minutes; leave the machine alone)",
        || {
            let mut node = project.command("node")?;
            node.arg("bench/run.mjs").arg("--dist").arg(project.dist());
            node.arg("--out").arg(project.path("bench.json"));
            node.current_dir(project.path("web"))
                .env("CHROMIUM", chromium);
            shell::run(node)
        },
    )
}

/// What `quality` measures.
#[derive(Default)]
pub struct Quality {
    /// A zip of photographs in class folders.
    pub data: Option<PathBuf>,
    /// Whether to measure the learning curves instead, which takes hours.
    pub curve: bool,
}

/// Measures on real photographs what the methods are worth, natively and by the same crates.
pub fn quality(project: &Project, options: Quality) -> Result<()> {
    let (example, title) = if options.curve {
        (
            "curve",
            "Measuring learning curves on photographs (an hour or more)",
        )
    } else {
        ("quality", "Measuring on photographs (about an hour)")
    };
    step(title, || {
        // The tests' profile is optimized, and takes minutes less to build than a release.
        let mut cargo = project.cargo(&["run", "--locked", "--profile", "test"])?;
        cargo.args([
            "--package",
            "headstart-training",
            "--example",
            example,
            "--",
        ]);
        cargo.args(options.data);
        shell::run(cargo)
    })
}

/// Builds the engine without page and messages into the folder of `device`.
fn build_engine(project: &Project, device: &str, feature: &str) -> Result<()> {
    let mut cargo = project.cargo(&["build", "--locked", "--release"])?;
    cargo.args(["--package", "headstart-engine", "--bin", "engine-bench"]);
    cargo.args(["--target", "wasm32-unknown-unknown"]);
    cargo.args(["--features", &format!("bench,{feature}")]);
    // Where the next command looks, also for people who keep all their builds in one place.
    cargo.env("CARGO_TARGET_DIR", project.path("target"));
    shell::run(cargo)?;
    let mut bind = binaries::binder(project)?;
    bind.arg("bind");
    bind.arg(project.path("target/wasm32-unknown-unknown/release/engine-bench.wasm"));
    bind.arg(project.path(FOLDER).join(device));
    bind.args(["engine-bench", "web"]);
    shell::run(bind)
}
