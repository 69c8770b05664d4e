//! The zip that `Export model` gives.

use std::io::{Seek, Write};

use serde_json::Value;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::backbone::Facts;
use crate::{ExportError, Model, Program, manifest, onnx, page, safetensors};

/// What goes into the zip.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    /// The model.
    pub model: Model<'a>,
    /// What people call it.
    pub title: &'a str,
    /// The run record as `Download run record` gives it, or `null`.
    pub run: &'a Value,
    /// What `classify.html` is made of; `None` leaves that file out.
    pub program: Option<Program<'a>>,
}

/// Writes the zip into `file` and returns it.
///
/// # Errors
/// When the parts of the model do not fit together, or writing fails.
pub fn bundle<W: Write + Seek>(bundle: &Bundle<'_>, file: W) -> Result<W, ExportError> {
    let Bundle {
        model, title, run, ..
    } = bundle;
    let facts = Facts::of(model.backbone);
    let mut zip = Zip(ZipWriter::new(file));
    zip.text("README.md", &readme(bundle, &facts))?;
    zip.text("model.json", &manifest(model, title, run)?)?;
    zip.binary("model.onnx", &onnx(model)?)?;
    zip.binary("model.safetensors", &safetensors(model)?)?;
    if let Some(program) = &bundle.program {
        zip.binary("classify.html", page(model, title, program)?.as_bytes())?;
    }
    zip.text("predict.py", include_str!("../templates/predict.py"))?;
    zip.text(
        "continue_training.py",
        include_str!("../templates/continue_training.py"),
    )?;
    zip.text("LICENSE-weights", license(facts.license))?;
    zip.0.finish().map_err(refused)
}

/// The text of the weights' licence, by its SPDX name.
fn license(name: &str) -> &'static str {
    match name {
        "Apache-2.0" => include_str!("../../../weights/LICENSE"),
        "MIT" => include_str!("../../../weights/LICENSE-squeezenet1-1"),
        _ => {
            "The weights of this model's backbone come from a file that was opened in Headstart.\n\
             Their licence is that of whoever published them.\n"
        }
    }
}

struct Zip<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Zip<W> {
    fn text(&mut self, name: &str, text: &str) -> Result<(), ExportError> {
        self.entry(name, text.as_bytes(), CompressionMethod::Deflated)
    }

    /// Compressing weights takes long and gains next to nothing.
    fn binary(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.entry(name, bytes, CompressionMethod::Stored)
    }

    fn entry(
        &mut self,
        name: &str,
        bytes: &[u8],
        method: CompressionMethod,
    ) -> Result<(), ExportError> {
        // No date, so that the same model always gives the same file.
        let options = SimpleFileOptions::default().compression_method(method);
        self.0.start_file(name, options).map_err(refused)?;
        self.0
            .write_all(bytes)
            .map_err(|error| refused(ZipError::Io(error)))
    }
}

fn refused(error: ZipError) -> ExportError {
    ExportError::Archive(error.to_string())
}

/// Fills in `README.md`.
fn readme(bundle: &Bundle<'_>, facts: &Facts) -> String {
    let page = match bundle.program {
        Some(_) => include_str!("../templates/README-page.md"),
        None => "",
    };
    let classes = bundle.model.classes.iter();
    let classes: Vec<String> = classes.map(|name| format!("- {}", plain(name))).collect();
    let side = facts.input_px.to_string();
    let [mean, deviation] = [facts.mean, facts.deviation].map(|[red, green, blue]| {
        if red == green && green == blue {
            red.to_string()
        } else {
            format!("[{red}, {green}, {blue}]")
        }
    });
    fill(
        include_str!("../templates/README.md"),
        &[
            ("title", &plain(bundle.title)),
            ("version", env!("CARGO_PKG_VERSION")),
            ("page", page),
            ("classes", &classes.join("\n")),
            ("backbone", bundle.model.backbone.title()),
            ("side", &side),
            ("mean", &mean),
            ("deviation", &deviation),
            ("license", facts.license),
            ("source", facts.source),
        ],
    )
}

/// Makes a name safe for Markdown: one line, and no markup.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        match letter {
            letter if letter.is_control() => text.push(' '),
            letter if letter.is_ascii_punctuation() => text.extend(['\\', letter]),
            letter => text.push(letter),
        }
    }
    text
}

/// Replaces each `{{name}}` in a template, in one pass: what has been filled in is never scanned.
pub fn fill(template: &str, texts: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = after;
            break;
        };
        let text = texts.iter().find(|(candidate, _)| *candidate == name);
        filled.push_str(text.map_or("", |(_, text)| text));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use headstart_project::BackboneId;
    use zip::ZipArchive;

    use super::*;
    use crate::testing::{Made, names};

    fn written(classes: &[String], program: Option<Program<'_>>) -> Vec<u8> {
        let made = Made::default();
        let given = Bundle {
            model: made.model(classes),
            title: "My *fruit*",
            run: &Value::Null,
            program,
        };
        bundle(&given, Cursor::new(Vec::new()))
            .expect("writes")
            .into_inner()
    }

    fn read(zip: &[u8], name: &str) -> String {
        let mut zip = ZipArchive::new(Cursor::new(zip)).expect("opens");
        let mut text = String::new();
        let mut file = zip.by_name(name).expect("is there");
        file.read_to_string(&mut text).expect("is text");
        text
    }

    #[test]
    fn it_holds_every_form_of_the_model() {
        let program = Program {
            glue: "let wasm_bindgen;",
            wasm: b"\0asm",
            fonts: [b"", b""],
        };
        let file = written(&names(3), Some(program));
        let zip = ZipArchive::new(Cursor::new(&file)).expect("opens");
        let names: Vec<_> = zip
            .file_names()
            .map(|name| name.expect("is UTF-8"))
            .collect();
        assert_eq!(
            names,
            [
                "README.md",
                "model.json",
                "model.onnx",
                "model.safetensors",
                "classify.html",
                "predict.py",
                "continue_training.py",
                "LICENSE-weights",
            ]
        );
        assert!(read(&file, "README.md").contains("classify.html"));
    }

    #[test]
    fn every_licence_that_cards_name_has_its_text() {
        for id in BackboneId::ALL {
            let facts = Facts::of(id);
            let text = license(facts.license);
            let is_stated = facts.license != "NOASSERTION";
            assert_eq!(text.contains("licence is that of"), !is_stated);
        }
        assert!(license("MIT").starts_with("MIT License"));
    }

    #[test]
    fn the_same_model_gives_the_same_file() {
        assert!(written(&names(3), None) == written(&names(3), None));
    }

    #[test]
    fn names_are_no_markup_in_the_readme() {
        let classes = ["[a](b)", "two\nlines", "<b>"].map(str::to_owned);
        let readme = read(&written(&classes, None), "README.md");
        assert!(readme.starts_with("# My \\*fruit\\*\n"));
        assert!(readme.contains("- \\[a\\]\\(b\\)\n- two lines\n- \\<b\\>\n"));
        assert!(!readme.contains("{{") && !readme.contains("classify.html"));
    }

    #[test]
    fn what_is_filled_in_is_not_looked_through() {
        let texts = [("a", "{{b}}"), ("b", "no")];
        assert_eq!(fill("1 {{a}} 2 {{none}} 3", &texts), "1 {{b}} 2  3");
    }
}
