//! Plain text with entities beside it, as Telegram takes it. Nothing has to be escaped.
//!
//! Telegram's rules for entities that overlap, which are kept here: one lies within the other; a
//! quotation does not contain a quotation; code contains nothing and lies in nothing but a quotation.
//! A bold text is therefore interrupted by code in it.

use super::{
    document::{Block, CodeBlock, Inline, Link, Style},
    lines::Lines,
    rendered::{Entity, EntityKind},
    walk::{self, Dialect},
};

#[cfg(test)]
mod tests;

/// How many entities of a message Telegram honours. It ignores the others.
pub(super) const MAX_ENTITIES: usize = 100;

/// Writes blocks as text and entities.
pub(super) fn text(blocks: &[Block]) -> (String, Vec<Entity>) {
    let mut out = Entities::default();
    walk::blocks(&mut out, blocks);
    // An entity that contains another was closed after it, and comes before it.
    out.closed.reverse();
    out.closed.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    (out.lines.into_text(), out.closed)
}

#[derive(Default)]
struct Entities {
    lines: Lines,
    closed: Vec<Entity>,
    open: Vec<Open>,
}

/// An entity that has begun.
struct Open {
    kind: EntityKind,
    start: usize,
}

impl Entities {
    /// Writes content inside an entity, unless it is inside such an entity already.
    fn within(&mut self, kind: EntityKind, content: impl FnOnce(&mut Self)) {
        if self.open.iter().any(|open| open.kind == kind) {
            return content(self);
        }
        self.lines.begin();
        self.open.push(Open { kind, start: self.lines.utf16() });
        content(self);
        if let Some(Open { kind, start }) = self.open.pop() {
            self.record(kind, start);
        }
    }

    /// Writes code, with everything interrupted that must not contain it.
    fn alone(&mut self, kind: EntityKind, code: &str) {
        self.interrupt();
        let start = self.lines.utf16();
        self.lines.push(code);
        self.record(kind, start);
        let end = self.lines.utf16();
        for open in self.open.iter_mut().filter(|open| open.kind != EntityKind::Blockquote) {
            open.start = end;
        }
    }

    /// Ends, at the beginning of code, all that cannot contain it.
    fn interrupt(&mut self) {
        self.lines.begin();
        let end = self.lines.utf16();
        for Open { kind, start } in &self.open {
            if *kind != EntityKind::Blockquote && *start < end {
                self.closed.push(Entity { offset: *start, length: end - start, kind: kind.clone() });
            }
        }
    }

    fn record(&mut self, kind: EntityKind, offset: usize) {
        let length = self.lines.utf16() - offset;
        if length > 0 {
            self.closed.push(Entity { offset, length, kind });
        }
    }
}

impl Dialect for Entities {
    const BULLET: &'static str = "•";

    fn lines(&mut self) -> &mut Lines {
        &mut self.lines
    }

    fn text(&mut self, text: &str) {
        self.lines.push(text);
    }

    fn code(&mut self, code: &str) {
        if self.open.iter().any(|open| matches!(open.kind, EntityKind::TextLink { .. })) {
            // Of a link and code only one is possible, and the link says more.
            self.lines.push(code);
        } else {
            self.alone(EntityKind::Code, code);
        }
    }

    fn styled(&mut self, style: Style, content: &[Inline]) {
        let kind = match style {
            Style::Strong => EntityKind::Bold,
            Style::Emphasis => EntityKind::Italic,
            Style::Strikethrough => EntityKind::Strikethrough,
        };
        self.within(kind, |out| walk::inlines(out, content));
    }

    fn link(&mut self, link: &Link) {
        if link.is_web() {
            let kind = EntityKind::TextLink { url: link.url.clone() };
            return self.within(kind, |out| walk::inlines(out, &link.content));
        }
        // Telegram links mail addresses by itself, and in no other way.
        walk::inlines(self, &link.content);
        if let Some(address) = link.address() {
            self.lines.push(&address);
        }
    }

    fn heading(&mut self, _: u8, content: &[Inline]) {
        self.within(EntityKind::Bold, |out| walk::inlines(out, content));
    }

    fn quote(&mut self, blocks: &[Block]) {
        // Quotations and code are shown as boxes, which begin and end with a line.
        let prefixes = self.lines.unindent();
        self.within(EntityKind::Blockquote, |out| walk::blocks(out, blocks));
        self.lines.indent_again(prefixes);
    }

    fn code_block(&mut self, block: &CodeBlock) {
        let prefixes = self.lines.unindent();
        self.alone(EntityKind::Pre { language: block.language.clone() }, &block.code);
        self.lines.indent_again(prefixes);
    }
}
