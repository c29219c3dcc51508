//! Text without any formatting: for messengers that have none, and beside HTML.

use super::{
    document::{Block, CodeBlock, Inline, Link, Style},
    lines::Lines,
    walk::{self, Dialect},
};

#[cfg(test)]
mod tests;

/// Writes blocks as plain text.
pub(super) fn text(blocks: &[Block]) -> String {
    let mut plain = Plain::default();
    walk::blocks(&mut plain, blocks);
    plain.lines.into_text()
}

#[derive(Default)]
struct Plain {
    lines: Lines,
}

impl Dialect for Plain {
    const BULLET: &'static str = "•";

    fn lines(&mut self) -> &mut Lines {
        &mut self.lines
    }

    fn text(&mut self, text: &str) {
        self.lines.push(text);
    }

    fn code(&mut self, code: &str) {
        self.lines.push(code);
    }

    fn styled(&mut self, _: Style, content: &[Inline]) {
        walk::inlines(self, content);
    }

    fn link(&mut self, link: &Link) {
        walk::inlines(self, &link.content);
        if let Some(address) = link.address() {
            self.lines.push(&address);
        }
    }

    fn heading(&mut self, _: u8, content: &[Inline]) {
        walk::inlines(self, content);
    }

    fn quote(&mut self, blocks: &[Block]) {
        self.lines.indent("> ".to_owned(), "> ".to_owned());
        walk::blocks(self, blocks);
        self.lines.dedent();
    }

    fn code_block(&mut self, block: &CodeBlock) {
        self.lines.push(&block.code);
    }
}
