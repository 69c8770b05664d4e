//! Paths in an archive that every system can unpack.

use std::collections::{HashMap, HashSet};

use headstart_project::Part;

/// The maximum length in bytes of a folder's or a file's name, short enough for every system even when folders are nested.
const MAX_NAME_BYTES: usize = 100;

/// Gives files their paths: `train/CLASS/NAME` and `test/CLASS/NAME`.
///
/// Names stay as they are as far as Windows, macOS, Linux and `Import images` all accept them, and no two are equal on a system that ignores case.
#[derive(Clone, Debug)]
pub struct Paths {
    root: &'static str,
    used: HashSet<String>,
    numbers: HashMap<String, u32>,
}

impl Paths {
    /// The paths of a project: everything is below `images/`.
    pub fn project() -> Self {
        Self::below("images/")
    }

    /// The paths of a data set.
    pub fn data_set() -> Self {
        Self::below("")
    }

    fn below(root: &'static str) -> Self {
        Self {
            root,
            used: HashSet::new(),
            numbers: HashMap::new(),
        }
    }

    /// The folder of a class; call it once per class.
    pub fn class_folder(&mut self, class: &str) -> String {
        let mut name = safe(class, "class");
        // All but the last denote parts of a data set; the last is taken for macOS metadata.
        let is_taken = [
            "train",
            "training",
            "val",
            "valid",
            "validation",
            "test",
            "testing",
            "__macosx",
        ]
        .contains(&name.to_ascii_lowercase().as_str());
        if is_taken {
            name.push('_');
        }
        self.unique("", &name)
    }

    /// The path of a file in a folder returned by [`class_folder`](Self::class_folder).
    pub fn file(&mut self, part: Part, class_folder: &str, name: &str) -> String {
        let part = match part {
            Part::Train => "train",
            Part::Test => "test",
        };
        let parent = format!("{}{part}/{class_folder}/", self.root);
        let mut name = safe(name, "image");
        // Operating systems leave files with these names behind, so imports ignore them.
        if ["thumbs.db", "desktop.ini"].contains(&name.to_ascii_lowercase().as_str()) {
            name.insert(0, '_');
        }
        let name = self.unique(&parent, &name);
        parent + &name
    }

    /// The name, with a number if its folder already has it.
    fn unique(&mut self, parent: &str, name: &str) -> String {
        let key = folded(parent, name);
        if self.used.insert(key.clone()) {
            return name.to_owned();
        }
        let (stem, extension) = split_extension(name);
        // Remembered, so that a thousand files with the same name do not each try every number.
        let mut number = self.numbers.get(&key).copied().unwrap_or(2);
        loop {
            let numbered = format!("{stem} ({number}){extension}");
            number += 1;
            if self.used.insert(folded(parent, &numbered)) {
                self.numbers.insert(key, number);
                return numbered;
            }
        }
    }
}

/// Whether a path stays within the archive and means the same on every system.
pub(crate) fn is_safe(path: &str) -> bool {
    path.len() <= 1000
        && path.split('/').all(|part| !["", ".", ".."].contains(&part))
        && !path
            .chars()
            .any(|c| c == '\\' || c == ':' || c.is_control())
}

/// Maps all names that some system considers equal to the same key.
fn folded(parent: &str, name: &str) -> String {
    // Upper case first: this also unifies letters that share only their capital.
    let name = name.to_uppercase().to_lowercase();
    format!("{}/{name}", parent.to_lowercase())
}

/// The part before the last dot, and the rest including the dot.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 10 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// A name that is valid on every system, or `fallback` if nothing is left of it.
fn safe(name: &str, fallback: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|c| if is_forbidden(c) { '_' } else { c })
        .collect();
    let mut name = trimmed(&replaced).to_owned();
    if name.len() > MAX_NAME_BYTES {
        let (stem, extension) = split_extension(&name);
        let mut end = MAX_NAME_BYTES - extension.len();
        while !stem.is_char_boundary(end) {
            end -= 1;
        }
        name = trimmed(&stem[..end]).to_owned() + extension;
    }
    if name.is_empty() {
        name = fallback.to_owned();
    }
    // Hidden on most systems, or not a valid file on Windows.
    if name.starts_with('.') || is_device(&name) {
        name.insert(0, '_');
    }
    name
}

/// Windows drops trailing dots and spaces, and `Import images` trims the spaces around a class.
fn trimmed(name: &str) -> &str {
    name.trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// What Windows forbids, what separates folders, and what reverses the direction of text, which can hide an extension.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || "<>:\"/\\|?*".contains(c)
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Names that denote devices on Windows, whatever their extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let number = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        let mut digits = number.chars();
        let digit = digits.next();
        digits.next().is_none() && digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use headstart_images::{is_junk, place};
    use proptest::prelude::*;

    use super::*;

    fn path_of(class: &str, name: &str) -> String {
        let mut paths = Paths::data_set();
        let folder = paths.class_folder(class);
        paths.file(Part::Train, &folder, name)
    }

    #[test]
    fn names_stay_what_they_are_where_every_system_can_bear_them() {
        for (class, name, path) in [
            (
                "Äpfel & Birnen",
                "Foto 1.JPG",
                "train/Äpfel & Birnen/Foto 1.JPG",
            ),
            ("猫", "猫 🐈.png", "train/猫/猫 🐈.png"),
            ("a/b", "x\\y:z?.png", "train/a_b/x_y_z_.png"),
            ("..", "../../etc/passwd", "train/class/_.._.._etc_passwd"),
            ("test", ".hidden.png", "train/test_/_.hidden.png"),
            ("con", "NUL.tar.png", "train/_con/_NUL.tar.png"),
            ("COM¹", "com10.png", "train/_COM¹/com10.png"),
            (" cats ", "a. . ", "train/cats/a"),
            ("", "\u{202e}gpj.exe", "train/class/_gpj.exe"),
            ("__MACOSX", "Thumbs.db", "train/__MACOSX_/_Thumbs.db"),
        ] {
            assert_eq!(path_of(class, name), path);
        }
    }

    #[test]
    fn equal_names_are_numbered_whatever_their_case() {
        let mut paths = Paths::project();
        let folder = paths.class_folder("Cat");
        assert_eq!(paths.class_folder("CAT"), "CAT (2)");
        assert_eq!(paths.class_folder("cat "), "cat (3)");
        let mut file = |name| paths.file(Part::Test, &folder, name);
        assert_eq!(file("a.jpg"), "images/test/Cat/a.jpg");
        assert_eq!(file("A.JPG"), "images/test/Cat/A (2).JPG");
        assert_eq!(file("a (3).jpg"), "images/test/Cat/a (3).jpg");
        assert_eq!(file("a.jpg"), "images/test/Cat/a (4).jpg");
        assert_eq!(file("straße"), "images/test/Cat/straße");
        assert_eq!(file("STRASSE"), "images/test/Cat/STRASSE (2)");
    }

    #[test]
    fn long_names_keep_their_extensions() {
        let path = path_of(&"ü".repeat(200), &("猫".repeat(200) + ".jpeg"));
        let parts: Vec<&str> = path.split('/').collect();
        assert_eq!(parts[1], "ü".repeat(50));
        assert_eq!(parts[2], "猫".repeat(31) + ".jpeg");
    }

    #[test]
    fn many_equal_names_take_no_time() {
        let mut paths = Paths::project();
        let folder = paths.class_folder("Cat");
        let all: HashSet<String> = (0..50_000)
            .map(|_| paths.file(Part::Train, &folder, "webcam.jpg"))
            .collect();
        assert_eq!(all.len(), 50_000);
        assert!(all.contains("images/train/Cat/webcam (50000).jpg"));
    }

    proptest! {
        #[test]
        fn every_path_is_safe_unique_and_read_again(
            classes in prop::collection::vec("\\PC{0,30}|[a-cA-C. ]{0,3}|\\.*|[tT]est|val", 1..6),
            names in prop::collection::vec("\\PC{0,120}|[a-bA-B.]{0,3}|(?s:.){0,20}|com[0-9]", 1..8),
        ) {
            let mut paths = Paths::data_set();
            let mut seen = HashSet::new();
            for class in &classes {
                let folder = paths.class_folder(class);
                for name in &names {
                    for part in [Part::Train, Part::Test] {
                        let path = paths.file(part, &folder, name);
                        prop_assert!(is_safe(&path), "{path}");
                        prop_assert!(!is_junk(&path), "{path}");
                        prop_assert!(seen.insert(path.to_lowercase()), "{path}");
                        let placement = place(&path).expect("has a place");
                        prop_assert_eq!(placement.part, part);
                        prop_assert_eq!(placement.class, folder.clone());
                        for part in path.split('/') {
                            prop_assert!(part.len() <= MAX_NAME_BYTES + 16);
                            prop_assert!(!part.ends_with(['.', ' ']), "{path}");
                            prop_assert!(!is_device(part), "{path}");
                        }
                    }
                }
            }
        }
    }
}
