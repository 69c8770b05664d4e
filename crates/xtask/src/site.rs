//! The last touch to a built site, called by Trunk (see `Trunk.toml`) after the page was parted: no inline script is left, and the service worker knows every file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::dist::collect_files;
use crate::split;

/// The service worker's script, in which the list of files is filled in.
const WORKER: &str = "sw.js";
/// The weights that come with every page. Others are larger; the page keeps them when they are chosen.
const SHIPPED_WEIGHTS: [&str; 2] = [
    "weights/efficientnet-lite0.safetensors",
    "weights/squeezenet1-1.safetensors",
];
/// What the inline script of Trunk becomes.
const START: &str = "start.js";

/// Finishes the site in `folder`.
///
/// # Errors
/// When the site does not look as Trunk leaves it.
pub fn finish(folder: &Path) -> Result<()> {
    crate::pages::finish(folder)?;
    let index = folder.join("index.html");
    let page = fs::read_to_string(&index)
        .with_context(|| format!("there is no built site in {}", folder.display()))?;
    let (page, script) = move_script_out(&page, &split::loader(folder)?)?;
    fs::write(folder.join(START), script)?;
    fs::write(&index, page)?;

    let worker = folder.join(WORKER);
    let source = fs::read_to_string(&worker).context("the site has no service worker")?;
    fs::write(worker, fill_in(&source, &list(folder)?)?)?;
    Ok(())
}

/// Trunk starts the page by an inline script, which the page's own security policy forbids. Returns the page and the script.
/// The page also says that `loader` is needed from the beginning: the script that the page's own imports.
fn move_script_out(page: &str, loader: &str) -> Result<(String, String)> {
    const OPEN: &str = "<script type=\"module\">";
    const CLOSE: &str = "</script>";
    let (before, rest) = page
        .split_once(OPEN)
        .context("Trunk has left no script that starts the page")?;
    let (script, after) = rest.split_once(CLOSE).context("a script does not end")?;
    ensure!(
        !after.contains("<script>") && !after.contains(OPEN),
        "there is a second inline script, which the page's security policy forbids"
    );
    ensure!(
        !page
            .split('<')
            .any(|tag| tag.contains(split::PAGE) && tag.contains("integrity=")),
        "Trunk has noted a hash of a file that parting the page has replaced"
    );
    let moved = format!(
        "{before}<script type=\"module\" src=\"./{START}\"></script>\n\
         <link rel=\"modulepreload\" href=\"{loader}\">{after}"
    );
    Ok((moved, script.trim().to_owned() + "\n"))
}

/// Whether the service worker keeps a file from the first visit on.
fn is_kept(path: &str) -> bool {
    let is_weights = path.starts_with("weights/") && path.ends_with(".safetensors");
    !is_weights || SHIPPED_WEIGHTS.contains(&path)
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
        if path != WORKER && is_kept(&path) {
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
            base64(hash)
        );
    }
    let version: String = whole
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(source
        .replace(FILES, &format!("const FILES = {{\n{lines}}};"))
        .replace(VERSION, &format!("const VERSION = \"{version}\";")))
}

/// Base64 with padding, as integrity values are written.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits = (0..3).fold(0u32, |bits, at| {
                bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
            });
            let digit = move |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]);
            (0..4).map(move |at| if at <= chunk.len() { digit(at) } else { '=' })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn only_the_weights_that_come_with_every_page_are_kept() {
        assert!(SHIPPED_WEIGHTS.into_iter().all(is_kept));
        assert!(is_kept("weights/README.md") && is_kept("index.html"));
        assert!(!is_kept("weights/efficientnet-lite2.safetensors"));
    }

    #[test]
    fn the_script_moves_out_of_the_page() {
        let page = "<head><script type=\"module\">\nimport init from './a.js';\n</script></head>";
        let (page, script) = move_script_out(page, "./b.js").expect("has a script");
        assert_eq!(
            page,
            "<head><script type=\"module\" src=\"./start.js\"></script>\n\
             <link rel=\"modulepreload\" href=\"./b.js\"></head>"
        );
        assert_eq!(script, "import init from './a.js';\n");
        assert!(move_script_out(&page, "./b.js").is_err());
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
