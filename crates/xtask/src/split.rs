//! Parts the page's WebAssembly after linking: what shows the first regions stays in the page's own file, and each part of `web/src/parts.rs` gets one that the page loads by itself.
//!
//! By the relocations that `web/build.rs` keeps, the binder finds what only a part reaches and moves it out; what is left is bound to its script.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::binaries::{self, Build, PAGE};
use crate::shell::{Project, run};

/// How the splitter names the script that loads the parts.
const LOADER: &str = "__wasm_split.js";

/// Parts the page, which is compiled already, and puts it into the site in `folder`.
///
/// # Errors
/// When a tool fails, or its output is not as this pinned version leaves it.
pub fn page(project: &Project, folder: &Path, build: Build) -> Result<()> {
    let target = binaries::target_folder(project)?;
    let linked = binaries::linked(&target, build, PAGE);
    // Another build has other names, so that no cache mixes two.
    let hash = Sha256::digest(fs::read(&linked).context("the page is not compiled")?);
    let stem = format!("{}-{}", PAGE.name, HEXLOWER.encode(&hash[..8]));
    let work = target.join("parts");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }

    let mut part = binaries::binder(project)?;
    part.arg("part").arg(&linked).arg(&work).arg(&stem);
    run(part)?;

    let mut bind = binaries::binder(project)?;
    bind.arg("bind").arg(work.join(format!("{stem}.wasm")));
    bind.arg(work.join("bound")).args([&stem, "web"]);
    // The parts use the page's memory, table and stack.
    bind.arg("keep-lld-exports");
    run(bind)?;

    let bound = |name: &str| work.join("bound").join(name);
    let script = format!("{stem}.js");
    let binary = format!("{stem}_bg.wasm");
    let loader = format!("{stem}-parts.js");
    let page = replace(
        &fs::read_to_string(bound(&script))?,
        // Only in imports: the binary itself goes on to ask for the old name.
        &format!(" from \"./{LOADER}\""),
        &format!(" from \"./{loader}\""),
    )?;
    fs::write(folder.join(&script), page)?;
    fs::copy(bound(&binary), folder.join(&binary))?;

    let mut loading = robust(&fs::read_to_string(work.join(LOADER))?)?;
    for part in parts(&work, &stem)? {
        let short = part.trim_start_matches("split_").replace('_', "-");
        let name = format!("{stem}-{short}.wasm");
        let quoted = format!("\"./{part}.wasm\"");
        loading = replace(&loading, &quoted, &format!("\"./{name}\""))?;
        fs::copy(work.join(format!("{part}.wasm")), folder.join(name))?;
    }
    fs::write(folder.join(loader), loading)?;
    Ok(())
}

/// What the names of the page's files in `folder` begin with: its name and a hash of the linked binary.
///
/// # Errors
/// When there is not exactly one page.
pub fn stem(folder: &Path) -> Result<String> {
    let names = names(folder, PAGE.name, "_bg.wasm")?;
    let [stem] = names.as_slice() else {
        anyhow::bail!("the site has {} pages instead of one", names.len());
    };
    Ok(stem.clone())
}

/// The parts' own files, without their ending.
fn parts(work: &Path, stem: &str) -> Result<Vec<String>> {
    let mut parts = names(work, "", ".wasm")?;
    parts.retain(|name| name != stem);
    ensure!(!parts.is_empty(), "the page has no parts");
    Ok(parts)
}

/// The names in a folder that begin and end so, in order, without their ending.
fn names(folder: &Path, start: &str, end: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(start)
            && let Some(name) = name.strip_suffix(end)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The splitter's loader works only with servers that know the type of WebAssembly; the page itself works with all.
fn robust(loader: &str) -> Result<String> {
    let loader = replace(
        loader,
        "WebAssembly.instantiateStreaming(src, imports)",
        "instantiate(await src, imports)",
    )?;
    Ok(loader
        + "async function instantiate(response, imports) {
    if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
    return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}
")
}

/// Replaces every occurrence, of which there must be one.
fn replace(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "there is no {from} in a script");
    Ok(text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_asks_no_type_of_the_server() {
        let loader = robust("async (i) => (WebAssembly.instantiateStreaming(src, imports));\n");
        let loader = loader.expect("is the splitter's form");
        assert!(loader.starts_with("async (i) => (instantiate(await src, imports));\n"));
        assert!(robust("something else").is_err());
    }
}
