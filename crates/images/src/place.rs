//! From a path in a folder or an archive to a class.

use headstart_project::{Part, Rejection};

/// Where an imported image belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The class: the name of the folder that holds the file.
    pub class: String,
    /// `Test` below a `test` folder, otherwise `Train`.
    pub part: Part,
    /// The file's own name.
    pub name: String,
}

/// Reads the class and the part from a path such as `shoes/train/boot/001.jpg`.
/// Both kinds of slash separate folders; the innermost folder is the class; a `train` or `test` folder (in any case) above it gives the part.
///
/// # Errors
/// [`Rejection::UnsafePath`] for an absolute path or one with `..`, [`Rejection::NoClassFolder`] when no folder gives a class.
pub fn place(path: &str) -> Result<Placement, Rejection> {
    let is_absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    let parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if is_absolute || parts.contains(&"..") {
        return Err(Rejection::UnsafePath);
    }
    let [folders @ .., class, name] = parts.as_slice() else {
        return Err(Rejection::NoClassFolder);
    };
    if part_of(class).is_some() {
        return Err(Rejection::NoClassFolder);
    }
    Ok(Placement {
        class: class.trim().to_owned(),
        part: folders
            .iter()
            .rev()
            .find_map(|folder| part_of(folder))
            .unwrap_or_default(),
        name: (*name).to_owned(),
    })
}

/// The part that a folder of this name stands for.
fn part_of(folder: &str) -> Option<Part> {
    match folder.to_ascii_lowercase().as_str() {
        "train" | "training" | "val" | "valid" | "validation" => Some(Part::Train),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

/// Files that operating systems leave behind and that nobody means to import.
pub fn is_junk(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']).rev();
    let name = parts.next().unwrap_or_default();
    name.starts_with('.')
        || ["thumbs.db", "desktop.ini"].contains(&name.to_ascii_lowercase().as_str())
        || parts.any(|folder| folder == "__MACOSX")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(path: &str) -> (String, Part) {
        let placement = place(path).expect("has a place");
        (placement.class, placement.part)
    }

    #[test]
    fn the_folder_next_to_the_file_is_the_class() {
        assert_eq!(placed("cats/1.jpg"), ("cats".into(), Part::Train));
        assert_eq!(placed("pets/cats/1.jpg"), ("cats".into(), Part::Train));
        assert_eq!(placed("pets\\cats\\1.jpg"), ("cats".into(), Part::Train));
    }

    #[test]
    fn train_and_test_folders_give_the_part() {
        assert_eq!(placed("train/cats/1.jpg"), ("cats".into(), Part::Train));
        assert_eq!(placed("data/Test/cats/1.jpg"), ("cats".into(), Part::Test));
        assert_eq!(
            placed("data/test/more/cats/1.jpg"),
            ("cats".into(), Part::Test)
        );
    }

    #[test]
    fn paths_without_a_class_or_out_of_the_archive_are_refused() {
        assert_eq!(place("1.jpg"), Err(Rejection::NoClassFolder));
        assert_eq!(place("test/1.jpg"), Err(Rejection::NoClassFolder));
        for path in [
            "/etc/cats/1.jpg",
            "cats/../../1.jpg",
            "C:\\cats\\1.jpg",
            "..\\cats\\1.jpg",
        ] {
            assert_eq!(place(path), Err(Rejection::UnsafePath), "{path}");
        }
    }

    #[test]
    fn leftovers_of_operating_systems_are_junk() {
        assert!(is_junk("__MACOSX/cats/._1.jpg"));
        assert!(is_junk("cats/.DS_Store"));
        assert!(is_junk("cats\\Thumbs.db"));
        assert!(!is_junk("cats/1.jpg"));
    }
}
