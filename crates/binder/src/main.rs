//! Binds linked WebAssembly to JavaScript, and parts the page's.
//!
//! Both are libraries of wasm-bindgen and wasm-split here instead of their command lines: `Cargo.lock` then pins them like everything else, wasm-bindgen's version is the one that the code was compiled with, and their argument parsers and download code need not be compiled.
//! `cargo xtask` is the only caller.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "\
usage: headstart-binder bind IN.wasm FOLDER NAME web|no-modules [keep-lld-exports]
       headstart-binder part IN.wasm FOLDER NAME";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match perform(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(words: &[&str]) -> Result<()> {
    match words {
        ["bind", input, folder, name, form, rest @ ..] => {
            let keep_lld_exports = match rest {
                [] => false,
                ["keep-lld-exports"] => true,
                _ => bail!(USAGE),
            };
            bind(input, folder, name, form, keep_lld_exports)
        }
        ["part", input, folder, name] => part(Path::new(input), Path::new(folder), name),
        _ => bail!(USAGE),
    }
}

/// Writes `NAME.js` and `NAME_bg.wasm` into `folder`.
fn bind(input: &str, folder: &str, name: &str, form: &str, keep_lld_exports: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    match form {
        "web" => bindgen.web(true)?,
        "no-modules" => bindgen.no_modules(true)?,
        _ => bail!(USAGE),
    };
    bindgen
        .input_path(PathBuf::from(input))
        .out_name(name)
        .typescript(false)
        // The scripts find their binary beside themselves when nobody names it.
        .omit_default_module_path(false)
        .keep_lld_exports(keep_lld_exports)
        // What the linker has left out for size need not come back.
        .remove_name_section(true);
    bindgen
        .generate(folder)
        .with_context(|| format!("could not bind {input}"))
}

/// Writes what is left as `NAME.wasm`, the parts beside it, and the script that loads them.
fn part(input: &Path, folder: &Path, name: &str) -> Result<()> {
    let binary = fs::read(input).with_context(|| format!("could not read {}", input.display()))?;
    let main_out_path = folder.join(format!("{name}.wasm"));
    let main_module = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(&binary);
    options.output_dir = folder;
    options.main_out_path = &main_out_path;
    options.main_module = &main_module;
    wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("could not part {}: {error:#}", input.display()))?;
    Ok(())
}
