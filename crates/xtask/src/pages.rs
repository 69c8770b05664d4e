//! The static pages beside the app: they get the stylesheets' built names, and the glossary its words.

#[path = "../../../web/src/glossary.rs"]
mod glossary;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use self::glossary::Word;

/// Where a page wants the whole glossary.
const WORDS: &str = "<!-- words -->";

/// Finishes every page in `folder` but the app's own.
///
/// # Errors
/// When a page names a stylesheet that the site does not have.
pub fn finish(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_page = |file: &&String| file.ends_with(".html") && *file != "index.html";
    for file in files.iter().filter(is_page) {
        let path = folder.join(file);
        let page = fs::read_to_string(&path)?;
        let page = with_styles(&page, &files).with_context(|| format!("{file} is not right"))?;
        fs::write(path, page.replace(WORDS, &all_words()))?;
    }
    Ok(())
}

/// Trunk puts a hash into the names of the stylesheets that it copies; `files` are all names of the site.
fn with_styles(page: &str, files: &[String]) -> Result<String> {
    const OPEN: &str = "<link rel=\"stylesheet\" href=\"./";
    const CLOSE: &str = ".css\"";
    let mut parts = page.split(OPEN);
    let mut finished = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part
            .split_once(CLOSE)
            .context("the address of a stylesheet does not end")?;
        let built = files
            .iter()
            .filter_map(|file| file.strip_suffix(".css"))
            .find(|stem| is_built_from(stem, name))
            .with_context(|| format!("the site has no stylesheet {name}"))?;
        finished += &format!("{OPEN}{built}{CLOSE}{rest}");
    }
    Ok(finished)
}

/// `tokens-0f1e2d` is built from `tokens`, and so is `tokens` itself.
fn is_built_from(stem: &str, name: &str) -> bool {
    stem.strip_prefix(name)
        .is_some_and(|end| match end.strip_prefix('-') {
            Some(hash) => !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => end.is_empty(),
        })
}

/// The words in alphabetical order, each with its meaning, as entries of a description list.
fn all_words() -> String {
    let mut words = Word::ALL.to_vec();
    words.sort_by_key(|word| word.name().to_lowercase());
    let entry = |word: &Word| {
        format!(
            "<div id=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n",
            word.anchor(),
            word.name(),
            with_links(word.meaning(), *word)
        )
    };
    words.iter().map(entry).collect()
}

/// The meaning of `own` as HTML, in which the other words lead to their own meanings where they first appear.
fn with_links(meaning: &str, own: Word) -> String {
    let mut others: Vec<_> = Word::ALL.iter().filter(|word| **word != own).collect();
    // “heat map” before anything that it begins with.
    others.sort_by_key(|word| std::cmp::Reverse(word.name().len()));
    let mut html = String::new();
    let mut rest = meaning;
    let mut may_begin = true;
    while let Some(letter) = rest.chars().next() {
        let found = others
            .iter()
            .enumerate()
            .filter(|_| may_begin)
            .find_map(|(at, word)| Some((at, word.anchor(), begins_with(rest, word.name())?)));
        if let Some((at, anchor, length)) = found {
            html += &format!("<a href=\"#{anchor}\">{}</a>", &rest[..length]);
            rest = &rest[length..];
            others.remove(at);
            may_begin = false;
            continue;
        }
        match letter {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            _ => html.push(letter),
        }
        may_begin = !is_of_word(letter);
        rest = &rest[letter.len_utf8()..];
    }
    html
}

/// The length in bytes of the word at the beginning of the text, in the singular or in the plural.
fn begins_with(text: &str, word: &str) -> Option<usize> {
    let beginning = text.get(..word.len())?;
    let after = &text[word.len()..];
    let end = ["es", "s", ""].into_iter().find(|end| {
        let after = after.strip_prefix(end);
        after.is_some_and(|after| !after.starts_with(is_of_word))
    })?;
    beginning
        .eq_ignore_ascii_case(word)
        .then_some(word.len() + end.len())
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '-'
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn stylesheets_get_their_built_names() {
        let files = ["base-12ab.css", "base-of.css", "base.js", "pages.css"].map(String::from);
        let page = "<head><link rel=\"stylesheet\" href=\"./base.css\" />\n<link rel=\"stylesheet\" href=\"./pages.css\" /></head>";
        assert_eq!(
            with_styles(page, &files).expect("all are there"),
            "<head><link rel=\"stylesheet\" href=\"./base-12ab.css\" />\n<link rel=\"stylesheet\" href=\"./pages.css\" /></head>"
        );
        assert!(with_styles(&page.replace("base", "bas"), &files).is_err());
        assert!(with_styles("<link rel=\"stylesheet\" href=\"./base", &files).is_err());
    }

    #[test]
    fn every_word_is_listed_once_and_in_order() {
        let list = all_words();
        let entries = list.split("<div id=\"").skip(1);
        let anchors: Vec<_> = entries
            .filter_map(|entry| Some(entry.split_once('"')?.0.to_lowercase()))
            .collect();
        assert_eq!(anchors.len(), Word::ALL.len());
        assert_eq!(
            anchors.iter().collect::<HashSet<_>>().len(),
            Word::ALL.len()
        );
        assert!(anchors.is_sorted());
        assert!(anchors.iter().all(|anchor| !anchor.contains([' ', '<'])));
    }

    #[test]
    fn links_stand_at_whole_words_once_and_not_at_the_own_one() {
        assert_eq!(
            with_links(
                "Heads ahead: <b> a backbone & headers, the head’s losses, a loss.",
                Word::Backbone
            ),
            "<a href=\"#head\">Heads</a> ahead: &lt;b> a backbone &amp; headers, the head’s <a href=\"#loss\">losses</a>, a loss."
        );
        assert_eq!(
            with_links("a near-duplicate head-on", Word::Head),
            "a <a href=\"#near-duplicate\">near-duplicate</a> head-on"
        );
    }
}
