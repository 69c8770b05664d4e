//! An HTML builder in which text can never become markup.

/// A growing piece of HTML.
#[derive(Default)]
pub struct Html(String);

impl Html {
    /// This crate's own markup. It is `'static`, so nothing that a user typed can enter this way.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, or the value of a double-quoted attribute; escaped.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // HTML does not allow the other control characters.
                letter if letter.is_control() && !letter.is_whitespace() => self.0.push('\u{fffd}'),
                letter => self.0.push(letter),
            }
        }
        self
    }

    /// A name chosen by a user, isolated so that its writing direction does not affect its surroundings.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.raw("<bdi>").text(name).raw("</bdi>")
    }

    /// A whole number.
    pub fn count(&mut self, number: usize) -> &mut Self {
        self.text(&number.to_string())
    }

    /// A length in a drawing, to a tenth.
    pub fn length(&mut self, length: f64) -> &mut Self {
        self.text(&format!("{length:.1}"))
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.raw("<p>").text(text).raw("</p>")
    }

    /// A paragraph in small type.
    pub fn hint(&mut self, text: &str) -> &mut Self {
        self.raw("<p class=\"hint\">").text(text).raw("</p>")
    }

    /// The header of a table.
    pub fn head(&mut self, columns: &[&'static str]) -> &mut Self {
        self.raw("<thead><tr>");
        for column in columns {
            self.raw("<th scope=\"col\">").raw(column).raw("</th>");
        }
        self.raw("</tr></thead>")
    }

    /// A cell of a table.
    pub fn cell(&mut self, text: &str) -> &mut Self {
        self.raw("<td>").text(text).raw("</td>")
    }

    /// What was built.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut html = Html::default();
        html.raw("<i title=\"")
            .text("\"><script>alert('&amp;')\0</script>\n")
            .raw("\">");
        assert_eq!(
            html.into_string(),
            "<i title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;amp;&#39;)\u{fffd}&lt;/script&gt;\n\">"
        );
    }
}
