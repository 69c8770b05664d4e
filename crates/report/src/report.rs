//! The report: its contents and its frame.

use headstart_project::RunRecord;

use crate::markup::Html;
use crate::{figures, findings, making};

/// The most mistakes that are shown.
pub const MOST_MISTAKES: usize = 60;
/// The most images in a probably wrong class that are shown.
pub const MOST_SUSPECTS: usize = 24;

/// Everything that a report says. Names may be arbitrary text.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The project's name.
    pub title: String,
    /// The number of the run.
    pub run: u32,
    /// When the report was made.
    pub made: Moment,
    /// The figures.
    pub record: RunRecord,
    /// Whether images or classes have changed since the run.
    pub is_outdated: bool,
    /// Wrong answers on the images that the accuracy refers to, the most confident first; not necessarily all.
    pub mistakes: Vec<Picture>,
    /// Images that are probably in the wrong class, the most suspect first; not necessarily all.
    pub suspects: Vec<Picture>,
}

/// A point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// As ISO 8601, for machines.
    pub iso: String,
    /// For people.
    pub words: String,
}

/// An image, and what the model said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// A `data:` URL of a JPEG or PNG; anything else is not shown.
    pub source: Option<String>,
    /// Its file's name.
    pub name: String,
    /// The class that it is in.
    pub actual: String,
    /// The class that it was mistaken for.
    pub predicted: String,
    /// For mistakes, the probability of the class that it was mistaken for; for suspects, that of the class that it is in.
    pub probability: f32,
}

/// The report as one HTML file. It contains no script, and its policy forbids it to load anything.
pub fn html(report: &Report) -> String {
    let mut page = Html::default();
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
        .text(&report.title)
        .raw(" – Headstart report</title>\n<style>\n")
        .raw(include_str!("report.css"))
        .raw("</style>\n</head>\n<body>\n<main>\n");
    making::title(&mut page, report);
    figures::accuracy(&mut page, report);
    figures::confusion(&mut page, report);
    figures::classes(&mut page, report);
    figures::mistakes(&mut page, report);
    findings::trust(&mut page, &report.record);
    findings::unknowns(&mut page, &report.record);
    findings::cross_validation(&mut page, &report.record);
    findings::comparison(&mut page, &report.record);
    findings::doctor(&mut page, report);
    making::training(&mut page, &report.record);
    making::images(&mut page, &report.record);
    making::settings(&mut page, &report.record);
    making::reading(&mut page);
    page.raw("</main>\n</body>\n</html>\n");
    page.into_string()
}

/// Images with their names, and what the model said about each.
pub(crate) fn pictures(page: &mut Html, pictures: &[Picture], said: impl Fn(&mut Html, &Picture)) {
    page.raw("<ul class=\"pictures\">");
    for picture in pictures {
        page.raw("<li>");
        match picture
            .source
            .as_deref()
            .filter(|source| is_picture(source))
        {
            Some(source) => {
                page.raw("<img width=\"160\" height=\"160\" alt=\"")
                    .text(&picture.name)
                    .raw("\" src=\"")
                    .text(source)
                    .raw("\">");
            }
            None => {
                page.raw("<span class=\"gone\">no picture</span>");
            }
        }
        page.raw("<p>");
        said(page, picture);
        page.raw("</p><p class=\"hint\">")
            .name(&picture.name)
            .raw("</p></li>");
    }
    page.raw("</ul>");
}

/// Whether an address is itself an image, in one of the formats that thumbnails have.
fn is_picture(source: &str) -> bool {
    ["jpeg", "png"].into_iter().any(|format| {
        source
            .strip_prefix("data:image/")
            .and_then(|rest| rest.strip_prefix(format))
            .and_then(|rest| rest.strip_prefix(";base64,"))
            .is_some_and(|data| {
                data.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{bare, check_tags, named, report};

    #[test]
    fn everything_is_in_it() {
        let html = html(&report());
        for text in [
            "<title>Shapes – Headstart report</title>",
            "<strong>75%</strong>",
            "With 8 test images",
            "41% to 93%",
            "<caption>Confusion matrix</caption>",
            "Each class by itself",
            "taken for",
            "87% sure",
            "Is it right as often as it says?",
            "What transfer learning is worth here",
            "<th scope=\"row\">From scratch</th>",
            "90% ± 0%",
            "what it had learnt from other pictures helped",
            "Always the largest class",
            "AUROC 0.910",
            "Cross-validation",
            "has few images to learn from",
            "EfficientNet-Lite0",
            "One hidden layer of 100 units",
            "How to read this report",
        ] {
            assert!(html.contains(text), "{text} is missing");
        }
        check_tags(&html);
    }

    #[test]
    fn a_run_without_any_findings_is_a_report_too() {
        let html = html(&bare());
        assert!(html.contains("No images were held back"));
        assert!(html.contains("It was not done for these images."));
        check_tags(&html);
    }

    #[test]
    fn nothing_is_loaded_or_run() {
        let html = html(&report());
        for forbidden in [
            "<script",
            "<link",
            "<iframe",
            "href=",
            "http:",
            "https:",
            "url(",
            "@import",
            "javascript:",
            "onload=",
            "onerror=",
            "onclick=",
        ] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        // Only pictures have an address, and that is a `data:` URL.
        assert!(
            html.split(" src=\"")
                .skip(1)
                .all(|rest| rest.starts_with("data:image/"))
        );
        assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:;"));
    }

    #[test]
    fn only_images_are_shown() {
        assert!(is_picture("data:image/jpeg;base64,/9j/4AAQ+w=="));
        assert!(is_picture("data:image/png;base64,iVBORw0KGgo="));
        for source in [
            "https://example.org/a.jpg",
            "data:image/svg+xml;base64,AAAA",
            "data:text/html;base64,AAAA",
            "data:image/jpeg;base64,AA\" onerror=\"alert(1)",
        ] {
            assert!(!is_picture(source), "{source}");
        }
    }

    /// Marks where a name begins and ends, so that it is found again.
    const BEGIN: char = '\u{e000}';
    const END: char = '\u{e001}';

    proptest! {
        #[test]
        fn names_stay_text(name in "[a-z<>&\"'/=;! \\u{0}\\u{8}é漢\\u{202e}-]{0,16}") {
            let html = html(&named(&format!("{BEGIN}{name}{END}")));
            check_tags(&html);
            let mut pieces = html.split(BEGIN);
            let mut outside = pieces.next().unwrap_or_default().to_owned();
            let mut found = 0;
            for piece in pieces {
                let (inside, after) = piece.split_once(END).expect("each name ends");
                prop_assert!(!inside.contains(['<', '>', '"', '\'']));
                let expected: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
                prop_assert_eq!(unescaped(inside), expected);
                outside.push_str(after);
                found += 1;
            }
            prop_assert!(found > 20, "title, classes, adapter and images are all named: {}", found);
            // The text around the names does not depend on them.
            let other = super::html(&named(&format!("{BEGIN}{END}")));
            prop_assert_eq!(outside, other.replace([BEGIN, END], ""));
        }
    }

    fn unescaped(text: &str) -> String {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }
}
