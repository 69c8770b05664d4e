//! The last touch to a site: the page is started by a script of its own, and its scripts know which files and engines there are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::dist::collect_files;
use crate::shell::Project;
use crate::{binaries, split, weights};

/// Where the scripts come from that know what the site consists of.
const SCRIPTS: &str = "web/public";
/// The service worker's script, in which the list of files is filled in.
const WORKER: &str = "sw.js";
/// The engine's script, in which the engines are filled in.
const ENGINE: &str = "engine.js";
/// The script that starts the page.
const START: &str = "start.js";

/// Finishes the site in `folder`, as Trunk has left it and with the page's binary in it.
///
/// # Errors
/// When the site does not look as Trunk leaves it.
pub fn finish(project: &Project, folder: &Path) -> Result<()> {
    crate::pages::finish(folder)?;
    let index = folder.join("index.html");
    let page = fs::read_to_string(&index)
        .with_context(|| format!("there is no built site in {}", folder.display()))?;
    let (page, script) = with_start(&page, &split::stem(folder)?)?;
    fs::write(folder.join(START), script)?;
    fs::write(&index, page)?;
    know(project, folder)
}

/// Tells the site's scripts which engines and files there are now.
///
/// # Errors
/// When a script has no place for it.
pub fn know(project: &Project, folder: &Path) -> Result<()> {
    let source = |name: &str| {
        let path = project.path(SCRIPTS).join(name);
        fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))
    };
    let engines = binaries::engines_in(folder)?;
    let engine = with_engines(&source(ENGINE)?, &engines)?;
    fs::write(folder.join(ENGINE), engine)?;
    // Last, since it has the hashes of all others.
    let worker = fill_in(&source(WORKER)?, &list(folder)?)?;
    fs::write(folder.join(WORKER), worker)?;
    Ok(())
}

/// The page with what starts it, whose files' names begin with `stem`, and the script that does. The page's own security policy forbids inline scripts.
fn with_start(page: &str, stem: &str) -> Result<(String, String)> {
    const END: &str = "</head>";
    ensure!(
        !page.contains("<script"),
        "there is a script in the page, which this one would start beside"
    );
    let (head, body) = page
        .split_once(END)
        .context("Trunk has left a page without a head")?;
    let page = format!(
        "{head}  <script type=\"module\" src=\"./{START}\"></script>\n    \
         <link rel=\"modulepreload\" href=\"./{stem}.js\" />\n    \
         <link rel=\"modulepreload\" href=\"./{stem}-parts.js\" />\n    \
         <link rel=\"preload\" href=\"./{stem}_bg.wasm\" as=\"fetch\" type=\"application/wasm\" crossorigin />\n  \
         {END}{body}"
    );
    let script = format!(
        "import init from \"./{stem}.js\";\n\
         await init({{ module_or_path: \"./{stem}_bg.wasm\" }});\n"
    );
    Ok((page, script))
}

/// Writes which engines there are into the engine's script.
fn with_engines(source: &str, engines: &[&str]) -> Result<String> {
    const ENGINES: &str = "const ENGINES = [];";
    ensure!(
        source.contains(ENGINES),
        "the engine's script has no place for the engines' names"
    );
    let names = serde_json::to_string(engines)?;
    Ok(source.replace(ENGINES, &format!("const ENGINES = {names};")))
}

/// Every file that the service worker keeps, by its path with `/`, with its SHA-256, in order.
fn list(folder: &Path) -> Result<Vec<(String, [u8; 32])>> {
    let mut files: Vec<PathBuf> = Vec::new();
    collect_files(folder, &mut files)?;
    let mut list = Vec::new();
    for file in files {
        let path = file.strip_prefix(folder)?;
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        let path = parts.join("/");
        if path != WORKER && !weights::is_extra(&path) {
            list.push((path, Sha256::digest(fs::read(&file)?).into()));
        }
    }
    list.sort();
    Ok(list)
}

/// Writes the files and the version, which is made of them all, into the service worker's script.
fn fill_in(source: &str, files: &[(String, [u8; 32])]) -> Result<String> {
    const FILES: &str = "const FILES = {};";
    const VERSION: &str = "const VERSION = \"\";";
    ensure!(
        source.contains(FILES) && source.contains(VERSION),
        "the service worker has no places for its files and its version"
    );
    let mut whole = Sha256::new();
    let mut lines = String::new();
    for (path, hash) in files {
        whole.update(path);
        whole.update(hash);
        lines += &format!(
            "  {}: \"sha256-{}\",\n",
            serde_json::to_string(path)?,
            BASE64.encode(hash)
        );
    }
    let version = HEXLOWER.encode(&whole.finalize()[..8]);
    Ok(source
        .replace(FILES, &format!("const FILES = {{\n{lines}}};"))
        .replace(VERSION, &format!("const VERSION = \"{version}\";")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_started_by_a_script_of_its_own() {
        let (page, script) = with_start("<head></head><body>", "web-1").expect("has a head");
        assert!(page.contains("<script type=\"module\" src=\"./start.js\"></script>"));
        assert!(page.contains("href=\"./web-1_bg.wasm\" as=\"fetch\""));
        assert!(page.ends_with("</head><body>"));
        assert!(script.starts_with("import init from \"./web-1.js\";"));
        assert!(with_start("<body>", "web-1").is_err());
        assert!(with_start(&page, "web-1").is_err(), "a second start");
    }

    #[test]
    fn the_engines_of_the_site_are_named() {
        let script = with_engines("const ENGINES = [];\n", &["engine-cpu"]).expect("has the place");
        assert_eq!(script, "const ENGINES = [\"engine-cpu\"];\n");
        assert!(with_engines("nothing", &[]).is_err());
    }

    #[test]
    fn another_file_is_another_version() {
        let source = "const VERSION = \"\";\nconst FILES = {};\n";
        let one = fill_in(source, &[("a".into(), [1; 32])]).expect("has the places");
        let other = fill_in(source, &[("a".into(), [2; 32])]).expect("has the places");
        assert!(one.contains("\"a\": \"sha256-AQEB"));
        assert_ne!(one.lines().next(), other.lines().next());
        assert!(fill_in("nothing", &[]).is_err());
    }
}
