//! Markdown as Discord reads it.
//!
//! Discord's dialect is not CommonMark: a quotation does not nest and ends with its line, fences
//! have exactly three backticks, masked links lead to web pages only and their text must not look
//! like an address. Whatever in a text could be taken for markup, a mention or an emoji is escaped.

use super::{
    document::{Block, CodeBlock, Inline, Link, Style},
    escape,
    inline::text_of,
    lines::Lines,
    walk::{self, Dialect},
};

#[cfg(test)]
mod tests;

/// Writes blocks as markdown.
pub(super) fn text(blocks: &[Block]) -> String {
    let mut markdown = Markdown::default();
    walk::blocks(&mut markdown, blocks);
    markdown.lines.into_text()
}

/// Seen by nobody, but keeps what stands before apart from what follows.
pub(super) const ZERO_WIDTH_SPACE: &str = "\u{200b}";

#[derive(Default)]
struct Markdown {
    lines: Lines,
    styles: Vec<Style>,
    in_quote: bool,
    /// Where the last delimiter ended, and its character.
    closed: Option<(usize, char)>,
}

impl Markdown {
    fn within(&mut self, style: Style, content: &[Inline]) {
        if self.styles.contains(&style) {
            return walk::inlines(self, content);
        }
        let delimiter = match style {
            Style::Strong => "**",
            Style::Emphasis => "*",
            Style::Strikethrough => "~~",
        };
        self.open(delimiter);
        self.styles.push(style);
        walk::inlines(self, content);
        self.styles.pop();
        self.close(delimiter);
    }

    /// Writes an opening delimiter, kept apart from a closing one of the same kind before it, and
    /// from an escaped backtick, with which it would look like the fence of a block.
    fn open(&mut self, delimiter: &str) {
        self.lines.begin();
        let closed =
            self.closed.is_some_and(|(end, last)| end == self.lines.len() && delimiter.starts_with(last));
        if closed || (delimiter.starts_with('`') && self.lines.ends_with('`')) {
            self.lines.push(ZERO_WIDTH_SPACE);
        }
        self.lines.push(delimiter);
    }

    fn close(&mut self, delimiter: &str) {
        self.lines.push(delimiter);
        self.closed = delimiter.chars().next().map(|last| (self.lines.len(), last));
    }
}

impl Dialect for Markdown {
    const BULLET: &'static str = "-";

    fn lines(&mut self) -> &mut Lines {
        &mut self.lines
    }

    fn text(&mut self, text: &str) {
        let escaped = escape::text(text, self.lines.at_start());
        self.lines.push(&escaped);
    }

    fn code(&mut self, code: &str) {
        // Three backticks would begin a block, so there are never more than two.
        let code = if code.contains("``") { escape::separate_backticks(code) } else { code.to_owned() };
        let delimiter = if code.contains('`') { "``" } else { "`" };
        let padding = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
        self.open(delimiter);
        self.lines.push(&format!("{padding}{code}{padding}"));
        self.close(delimiter);
    }

    fn styled(&mut self, style: Style, content: &[Inline]) {
        self.within(style, content);
    }

    fn link(&mut self, link: &Link) {
        let label = text_of(&link.content);
        let url = escape::url(&link.url);
        if link.is_web() && label == link.url {
            self.lines.push(&format!("<{url}>"));
        } else if link.is_web() && !label.contains("://") && !label.contains('\n') {
            self.lines.push("[");
            walk::inlines(self, &link.content);
            self.lines.push(&format!("](<{url}>)"));
        } else {
            walk::inlines(self, &link.content);
            match link.address() {
                Some(_) if link.is_web() => self.lines.push(&format!(" (<{url}>)")),
                Some(address) => self.text(&address),
                None => {}
            }
        }
    }

    fn heading(&mut self, level: u8, content: &[Inline]) {
        if level > 3 {
            return self.within(Style::Strong, content);
        }
        self.lines.push(&"#".repeat(level.into()));
        self.lines.push(" ");
        walk::inlines(self, content);
    }

    fn quote(&mut self, blocks: &[Block]) {
        if self.in_quote {
            return walk::blocks(self, blocks);
        }
        self.in_quote = true;
        self.lines.indent("> ".to_owned(), "> ".to_owned());
        walk::blocks(self, blocks);
        self.lines.dedent();
        self.in_quote = false;
    }

    fn code_block(&mut self, block: &CodeBlock) {
        let language = block.language.as_deref().unwrap_or_default();
        let torn = block.code.contains("```").then(|| escape::separate_backticks(&block.code));
        let code = torn.as_deref().unwrap_or(&block.code);
        self.lines.push(&format!("```{language}\n{code}\n```"));
    }
}
