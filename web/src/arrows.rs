//! The page's arrows go one way (ARCHITECTURE.md says which), and this reads the sources for it.

use std::fs;
use std::path::{Path, PathBuf};

/// Regions that others may show.
const SHARED: [&str; 3] = ["common", "gallery", "heat"];
/// The root, which puts the regions on the page.
const ROOT: &str = "shell/app.rs";

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All sources in a folder and in the file of its name, each with its path from `src`.
fn sources(module: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![src().join(module), src().join(format!("{module}.rs"))];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("is a folder");
            open.extend(entries.map(|entry| entry.expect("can be read").path()));
        } else if path.is_file() {
            let name = path.strip_prefix(src()).expect("is in it");
            let text = fs::read_to_string(&path).expect("is text");
            found.push((name.to_string_lossy().replace('\\', "/"), text));
        }
    }
    assert!(!found.is_empty(), "{module} has moved");
    found
}

/// Names that follow a path in a text: `services` and `text` in `crate::services::live` and `crate::{text, words}`.
fn named<'a>(text: &'a str, path: &str) -> Vec<&'a str> {
    let ends = |c: char| !c.is_alphanumeric() && c != '_';
    let after = text.split(path).skip(1);
    let lists = after.map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split(['}', ';']).next().unwrap_or(list),
        None => rest.split(ends).next().unwrap_or(rest),
    });
    lists
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().split(ends).next())
        .collect()
}

#[test]
fn lower_modules_know_no_higher_ones() {
    for (module, strangers) in [
        ("state", &["services", "hooks", "components", "parts"][..]),
        ("services", &["hooks", "components", "parts"]),
        ("map", &["hooks", "components", "parts"]),
        ("hooks", &["components", "parts"]),
    ] {
        for (name, text) in sources(module) {
            let known = named(&text, "crate::");
            let stranger = known.iter().find(|known| strangers.contains(known));
            assert_eq!(stranger, None, "in {name}");
        }
    }
}

#[test]
fn regions_know_only_what_they_share() {
    for (name, text) in sources("components") {
        let Some(name) = name.strip_prefix("components/") else {
            continue;
        };
        let own = name.split(['/', '.']).next().unwrap_or_default();
        for known in named(&text, "crate::components::") {
            let is_shared = match own {
                "common" => false,
                "heat" => known == "common",
                "gallery" => ["common", "heat"].contains(&known),
                _ => SHARED.contains(&known),
            };
            assert!(
                known == own || is_shared || name == ROOT,
                "{name} knows {known}"
            );
        }
    }
}

#[test]
fn every_component_is_in_its_regions_folder() {
    for (name, text) in sources("components") {
        let Some(region) = name.strip_prefix("components/") else {
            continue;
        };
        if let (None, Some(region)) = (region.find('/'), region.strip_suffix(".rs")) {
            let folder = src().join("components").join(region);
            assert!(folder.is_dir(), "{name} has no folder");
            assert!(text.contains("mod "), "{name} names no module");
        }
    }
}
