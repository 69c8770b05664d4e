//! `cargo xtask bench`: the engine against TensorFlow.js, side by side in one browser.

use anyhow::Result;

use crate::shell::{self, Project, step};
use crate::{dist, tools};

/// Builds the site and measures; the figures are printed and left in `bench.json`.
pub fn run(project: &Project) -> Result<()> {
    let chromium = tools::chromium()?;
    tools::node_packages(project, "web")?;
    tools::node_packages(project, "web/bench")?;
    dist::build(project)?;
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
