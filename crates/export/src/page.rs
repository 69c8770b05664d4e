//! `classify.html`: one file that classifies images on its own, opened with a double click, without a network.

use std::io::Write;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::backbone::Facts;
use crate::bundle::fill;
use crate::{ExportError, Model};

/// What runs the model inside the page: `crates/classifier`, built for the browser, and our fonts.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The script that wasm-bindgen writes with `--target no-modules`.
    pub glue: &'a str,
    /// The WebAssembly that belongs to it.
    pub wasm: &'a [u8],
    /// Figtree for text and Bricolage Grotesque for headings, WOFF2; empty to use the system's.
    pub fonts: [&'a [u8]; 2],
}

/// What the page's script needs to know.
#[derive(Serialize)]
struct About<'a> {
    classes: &'a [String],
    threshold: Option<f32>,
    backbone: &'a str,
}

/// The page, with program and model inside.
/// Names and title are data and never markup, and the page's policy allows no script but the two that it contains.
///
/// # Errors
/// When the script cannot be embedded in a page.
pub fn page(model: &Model<'_>, title: &str, program: &Program<'_>) -> Result<String, ExportError> {
    // Both end a script element or change how it is parsed.
    let lower = program.glue.to_ascii_lowercase();
    if lower.contains("</script") || lower.contains("<!--") {
        return Err(ExportError::Script);
    }
    let script = include_str!("../templates/classify.js");
    let style = format!(
        "{}{}",
        fonts(program.fonts),
        include_str!("../templates/classify.css")
    );
    let about = About {
        classes: model.classes,
        threshold: model.threshold,
        backbone: model.backbone.name(),
    };
    let facts = Facts::of(model.backbone);
    let policy = format!(
        "default-src 'none'; script-src {} {} 'wasm-unsafe-eval'; style-src {}; font-src data:; \
         img-src blob:; media-src blob:; base-uri 'none'; form-action 'none'",
        hash(program.glue),
        hash(script),
        hash(&style)
    );
    let texts = [
        ("policy", policy.as_str()),
        ("title", &escaped(title)),
        ("style", &style),
        ("about", &json(&about)?),
        ("trained", &base64(model.trained)),
        ("weights", &base64(model.weights)),
        ("wasm", &base64(&gzip(program.wasm)?)),
        ("glue", program.glue),
        ("script", script),
        ("backbone", model.backbone.title()),
        ("license", facts.license),
        ("source", &escaped(facts.source)),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    Ok(fill(include_str!("../templates/classify.html"), &texts))
}

/// Text between tags or inside a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// JSON that can be embedded in a script element: whatever could end the element is escaped.
fn json(data: &impl Serialize) -> Result<String, ExportError> {
    let text =
        serde_json::to_string(data).map_err(|error| ExportError::Archive(error.to_string()))?;
    // JSON has these characters only in strings, where an escape means the same character.
    Ok(text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026"))
}

/// The data in base64, however long they are: where addresses have 32 bits, the library takes no more than 8 MB at a time, and panics.
fn base64(bytes: &[u8]) -> String {
    // A multiple of three, so that only the last piece is padded.
    const PIECE_BYTES: usize = 3 << 20;
    let mut text = String::new();
    for piece in bytes.chunks(PIECE_BYTES) {
        BASE64.encode_append(piece, &mut text);
    }
    text
}

/// The source expression with which a content security policy allows exactly this text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text)))
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, ExportError> {
    let refused = |error: std::io::Error| ExportError::Archive(error.to_string());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).map_err(refused)?;
    gzip.finish().map_err(refused)
}

fn fonts([text, display]: [&[u8]; 2]) -> String {
    let mut style = String::new();
    for (name, file) in [("Figtree", text), ("Bricolage Grotesque", display)] {
        if !file.is_empty() {
            style += &format!(
                "@font-face {{ font-family: \"{name}\"; font-weight: 200 900; \
                 src: url(data:font/woff2;base64,{}) format(\"woff2\"); }}\n",
                base64(file)
            );
        }
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Made, names};

    const PROGRAM: Program<'static> = Program {
        glue: "let wasm_bindgen = 1;",
        wasm: b"\0asm",
        fonts: [b"text", b"display"],
    };

    /// The text between two others.
    fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
        let (_, rest) = text.split_once(before).expect("begins");
        rest.split_once(after).expect("ends").0
    }

    fn made(classes: &[String], title: &str) -> String {
        page(&Made::default().model(classes), title, &PROGRAM).expect("is made")
    }

    #[test]
    fn names_and_title_cannot_break_out() {
        let nasty = [
            "</script><b>",
            "\"quotes\" and 'more'",
            "<!--<script>",
            "a\u{2028}b\\",
            "{{glue}}",
            "]]>&lt;",
        ]
        .map(str::to_owned);
        let made = Made::default();
        let mut model = made.model(&nasty);
        model.threshold = None;
        let title = "</title><script>alert(\"1\")</script>{{wasm}}";
        let html = page(&model, title, &PROGRAM).expect("is made");
        let about = between(&html, "id=\"about\">", "</script>");
        let read: serde_json::Value = serde_json::from_str(about).expect("is JSON");
        assert_eq!(read["classes"], serde_json::json!(nasty));
        assert_eq!(read["threshold"], serde_json::Value::Null);
        assert!(!about.contains(['<', '>', '&']));
        // As many elements as with harmless names.
        let harmless = super::tests::made(&names(3), "Fruit");
        for tag in ["<script", "</script", "<b>", "</title"] {
            assert_eq!(
                html.matches(tag).count(),
                harmless.matches(tag).count(),
                "{tag}"
            );
        }
        assert!(html.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)"));
    }

    #[test]
    fn the_policy_allows_the_scripts_and_the_style_that_are_there_and_nothing_else() {
        let html = made(&names(3), "Fruit");
        let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
        assert!(policy.starts_with("default-src 'none';"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("connect-src"));
        let mut running = 0;
        for piece in html.split("<script").skip(1) {
            let (attributes, rest) = piece.split_once('>').expect("is a tag");
            if !attributes.contains("type=") {
                let text = rest.split_once("</script>").expect("ends").0;
                assert!(policy.contains(&hash(text)));
                running += 1;
            }
        }
        assert_eq!(running, 2);
        assert!(policy.contains(&hash(between(&html, "<style>", "</style>"))));
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        let html = made(&names(3), "Fruit");
        for word in [
            "src=\"",
            "http-equiv=\"refresh",
            "@import",
            "fetch(",
            "XMLHttpRequest",
        ] {
            assert!(!html.contains(word), "{word}");
        }
        // The only addresses are links that people may follow, and fonts inside the file.
        assert_eq!(
            html.matches("url(").count(),
            html.matches("url(data:").count()
        );
    }

    #[test]
    fn model_and_weights_are_inside() {
        let files = Made::default();
        let classes = names(3);
        let model = files.model(&classes);
        let html = made(&classes, "Fruit");
        assert_eq!(
            between(&html, "id=\"weights\">", "<"),
            BASE64.encode(model.weights)
        );
        assert_eq!(
            between(&html, "id=\"trained\">", "<"),
            BASE64.encode(model.trained)
        );
    }

    #[test]
    fn long_data_are_encoded_as_if_in_one_piece() {
        for length in [0, 1, (3 << 20) - 1, (3 << 20) + 1, (6 << 20) + 2] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            assert_eq!(base64(&bytes), BASE64.encode(&bytes));
        }
    }

    #[test]
    fn a_script_that_would_end_its_element_is_refused() {
        let files = Made::default();
        let classes = names(3);
        for glue in ["'</Script>'", "// <!-- "] {
            let program = Program { glue, ..PROGRAM };
            let refused = page(&files.model(&classes), "Fruit", &program);
            assert!(matches!(refused, Err(ExportError::Script)));
        }
    }
}
