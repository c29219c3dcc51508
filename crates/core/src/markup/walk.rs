//! Laying a document out as lines of text, which the plain, entity and markdown renderers share.

use super::{
    document::{Block, CodeBlock, Inline, Link, List, Style, Table},
    lines::Lines,
};

/// How one kind of text writes what is marked up.
pub(super) trait Dialect: Sized {
    /// What an item of a list without numbers begins with.
    const BULLET: &'static str;

    fn lines(&mut self) -> &mut Lines;
    fn text(&mut self, text: &str);
    fn code(&mut self, code: &str);
    fn styled(&mut self, style: Style, content: &[Inline]);
    fn link(&mut self, link: &Link);
    fn heading(&mut self, level: u8, content: &[Inline]);
    fn quote(&mut self, blocks: &[Block]);
    fn code_block(&mut self, block: &CodeBlock);
}

/// Writes blocks with an empty line between them.
pub(super) fn blocks<D: Dialect>(out: &mut D, blocks: &[Block]) {
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            out.lines().feed();
            out.lines().feed();
        }
        write(out, block);
    }
}

pub(super) fn inlines<D: Dialect>(out: &mut D, run: &[Inline]) {
    for inline in run {
        match inline {
            Inline::Text(text) => out.text(text),
            Inline::Code(code) => out.code(code),
            Inline::Break => out.lines().feed(),
            Inline::Styled(style, content) => out.styled(*style, content),
            Inline::Link(link) => out.link(link),
        }
    }
}

fn write<D: Dialect>(out: &mut D, block: &Block) {
    match block {
        Block::Paragraph(content) => inlines(out, content),
        Block::Heading { level, content } => out.heading(*level, content),
        Block::List(list) => items(out, list),
        Block::Code(block) => out.code_block(block),
        Block::Quote(content) => out.quote(content),
        Block::Rule => out.lines().push(RULE),
        Block::Table(table) => rows(out, table),
    }
}

/// A thematic break, as text.
pub(super) const RULE: &str = "---";

/// What stands between the cells of a row, as text.
pub(super) const CELL: &str = " | ";

/// What the item of a list begins with, as text.
pub(super) fn marker(start: Option<u64>, index: usize, bullet: &str) -> String {
    match start {
        Some(start) => format!("{}.", start.saturating_add(index as u64)),
        None => bullet.to_owned(),
    }
}

fn items<D: Dialect>(out: &mut D, list: &List) {
    for (index, item) in list.items.iter().enumerate() {
        if index > 0 {
            out.lines().feed();
        }
        let marker = marker(list.start, index, D::BULLET);
        if item.is_empty() {
            out.lines().push(&marker);
            continue;
        }
        let indentation = " ".repeat(marker.chars().count() + 1);
        out.lines().indent(marker + " ", indentation);
        for (index, block) in item.iter().enumerate() {
            if index > 0 {
                out.lines().feed();
            }
            // A list directly under the text of its item belongs to it.
            if index > 0 && !matches!(block, Block::List(_)) {
                out.lines().feed();
            }
            write(out, block);
        }
        out.lines().dedent();
    }
}

fn rows<D: Dialect>(out: &mut D, table: &Table) {
    for (index, row) in table.head.iter().chain(&table.rows).enumerate() {
        if index > 0 {
            out.lines().feed();
        }
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                out.lines().push(CELL);
            }
            inlines(out, cell);
        }
    }
}
