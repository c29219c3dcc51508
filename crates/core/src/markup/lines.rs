//! A text that is written line by line, with what every line begins with: `> ` in a quotation,
//! indentation in a list.

/// The text so far. Line feeds and prefixes are written when something follows them, so that the
/// text never ends with either.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    utf16: usize,
    /// The prefixes of the line, outermost first.
    prefixes: Vec<Prefix>,
    /// Line feeds that are still to be written.
    feeds: usize,
    /// Whether the line has its prefixes already.
    begun: bool,
}

/// What lines begin with.
pub(super) struct Prefix {
    /// The first line: the marker of an item. Taken when it was written.
    first: Option<String>,
    /// All others.
    rest: String,
}

impl Lines {
    /// Begins every line from here on with `rest`, the next one with `first`.
    pub fn indent(&mut self, first: String, rest: String) {
        self.prefixes.push(Prefix { first: Some(first), rest });
    }

    /// Ends the innermost [`Self::indent`].
    pub fn dedent(&mut self) {
        self.prefixes.pop();
    }

    /// Takes all indentation away, until it is given back to [`Self::indent_again`]. A marker that
    /// was not yet written gets a line of its own.
    pub fn unindent(&mut self) -> Vec<Prefix> {
        if self.prefixes.iter().any(|prefix| prefix.first.is_some()) {
            self.begin();
            let marker = self.text.trim_end_matches(' ').len();
            self.utf16 -= self.text.len() - marker;
            self.text.truncate(marker);
            self.feed();
        }
        std::mem::take(&mut self.prefixes)
    }

    /// Ends [`Self::unindent`].
    pub fn indent_again(&mut self, prefixes: Vec<Prefix>) {
        self.prefixes = prefixes;
    }

    /// Ends the line.
    pub fn feed(&mut self) {
        self.feeds += 1;
        self.begun = false;
    }

    /// Whether nothing but prefixes stands on the line.
    pub fn at_start(&self) -> bool {
        !self.begun
    }

    /// Begins the line, so that what is written next follows directly.
    pub fn begin(&mut self) {
        if self.begun {
            return;
        }
        for feed in 0..std::mem::take(&mut self.feeds) {
            if feed > 0 {
                let blank: String =
                    self.prefixes.iter().filter(|p| p.first.is_none()).map(|p| p.rest.as_str()).collect();
                self.write(blank.trim_end());
            }
            self.write("\n");
        }
        let prefix: String =
            self.prefixes.iter_mut().map(|p| p.first.take().unwrap_or_else(|| p.rest.clone())).collect();
        self.write(&prefix);
        self.begun = true;
    }

    /// Appends text, which may have several lines.
    pub fn push(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.feed();
            }
            if !line.is_empty() {
                self.begin();
                self.write(line);
            }
        }
    }

    /// The length so far, in UTF-16 code units, as far as it was written.
    pub fn utf16(&self) -> usize {
        self.utf16
    }

    /// The length so far, in bytes, as far as it was written.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the text so far ends with this character.
    pub fn ends_with(&self, last: char) -> bool {
        self.text.ends_with(last)
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
        self.utf16 += text.encode_utf16().count();
    }
}
