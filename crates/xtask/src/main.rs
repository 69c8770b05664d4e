//! Headstart's own tool: `cargo xtask help` lists what it does.

mod pytorch;
mod weights;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let mut options = weights::Options::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Value(value) if value == "weights" => {}
            lexopt::Arg::Value(value) => options.name = Some(value.to_string_lossy().into()),
            lexopt::Arg::Long("wheel") => options.wheel = Some(PathBuf::from(arguments.value()?)),
            lexopt::Arg::Long("f32") => options.f32 = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    weights::run(root.context("the workspace has no root")?, &options)
}
