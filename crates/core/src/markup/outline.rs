//! Where a document can be cut, and how well.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    cut::row_size,
    document::{Block, Inline, Link, Row},
    inline::text_of,
};

/// What ends at a place. The better the place for a cut, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// What people see as one character.
    Cluster,
    Word,
    Line,
    Paragraph,
}

/// A place where a document can be cut, counted as [`super::cut`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub at: usize,
    pub end: End,
}

/// The beginning of a document as bare text, in which every byte is one of content.
#[derive(Debug, Default)]
pub(super) struct Outline {
    text: String,
    /// The ends of blocks and rows.
    ends: Vec<Place>,
    /// From where to where the rows of tables reach, which are not cut.
    rows: Vec<(usize, usize)>,
    /// How many characters may still be added.
    room: usize,
}

impl Outline {
    /// Outlines at most the first `chars` characters of content.
    pub fn new<'a>(blocks: impl IntoIterator<Item = &'a Block>, chars: usize) -> Self {
        let mut outline = Self { room: chars, ..Self::default() };
        outline.blocks(blocks, End::Paragraph);
        outline
    }

    /// Whether the document goes on after the outline.
    pub fn is_cut(&self) -> bool {
        self.room == 0
    }

    /// All places between what people see as characters, in order. Neither the beginning nor the end.
    pub fn places(&self) -> Vec<Place> {
        let mut ends = self.ends.iter().peekable();
        let mut rows = self.rows.iter().peekable();
        let mut places = Vec::new();
        let mut before = "";
        for (at, cluster) in self.text.grapheme_indices(true) {
            while ends.next_if(|end| end.at < at).is_some() {}
            while rows.next_if(|(_, to)| *to <= at).is_some() {}
            if at > 0 && rows.peek().is_none_or(|(from, _)| *from >= at) {
                let end = ends
                    .peek()
                    .filter(|end| end.at == at)
                    .map_or_else(|| end_in_text(&self.text[..at], before), |end| end.end);
                places.push(Place { at, end });
            }
            before = cluster;
        }
        places
    }

    /// All places between characters, for what has to be cut inside of what people see as one.
    pub fn char_places(&self) -> Vec<Place> {
        self.text.char_indices().skip(1).map(|(at, _)| Place { at, end: End::Cluster }).collect()
    }

    /// Where the first character ends.
    pub fn first_char(&self) -> usize {
        self.text.chars().next().map_or(1, char::len_utf8)
    }

    fn blocks<'a>(&mut self, blocks: impl IntoIterator<Item = &'a Block>, end: End) {
        for block in blocks {
            if self.is_cut() {
                return;
            }
            self.block(block, end);
        }
    }

    fn block(&mut self, block: &Block, end: End) {
        match block {
            Block::Paragraph(content) | Block::Heading { content, .. } => self.run(content),
            Block::Code(code) => self.push(&code.code),
            Block::Rule => {}
            Block::Quote(blocks) => {
                self.blocks(blocks, End::Paragraph);
                return self.end_again(end);
            }
            Block::List(list) => {
                for item in &list.items {
                    if self.is_cut() {
                        break;
                    }
                    self.blocks(item, End::Line);
                    if item.is_empty() {
                        self.end(End::Line);
                    }
                }
                return self.end_again(end);
            }
            Block::Table(table) => {
                for row in table.head.iter().chain(&table.rows) {
                    if self.is_cut() {
                        break;
                    }
                    self.row(row);
                }
                return self.end_again(end);
            }
        }
        // A heading had better stay with what it is the heading of.
        self.end(if matches!(block, Block::Heading { .. }) { End::Line } else { end });
    }

    fn row(&mut self, row: &Row) {
        let from = self.text.len();
        for cell in row {
            self.push(&text_of(cell));
            self.push("\n");
        }
        self.rows.push((from, from + row_size(row)));
        self.ends.push(Place { at: from + row_size(row), end: End::Line });
    }

    fn run(&mut self, run: &[Inline]) {
        for inline in run {
            if self.is_cut() {
                return;
            }
            match inline {
                Inline::Text(text) | Inline::Code(text) => self.push(text),
                Inline::Break => self.push("\n"),
                Inline::Styled(_, content) | Inline::Link(Link { content, .. }) => self.run(content),
            }
        }
    }

    fn push(&mut self, text: &str) {
        let size = text.char_indices().nth(self.room).map_or(text.len(), |(at, _)| at);
        self.text.push_str(&text[..size]);
        self.room -= text[..size].chars().count();
    }

    /// Ends a paragraph or what is like it.
    fn end(&mut self, end: End) {
        self.push("\n");
        self.ends.push(Place { at: self.text.len(), end });
    }

    /// Ends a container, the last part of which has just ended.
    fn end_again(&mut self, end: End) {
        if !self.is_cut()
            && let Some(last) = self.ends.last_mut()
        {
            last.end = end;
        }
    }
}

/// What ends where the text ends, within a paragraph or a block of code. `last` is its last character.
fn end_in_text(text: &str, last: &str) -> End {
    match last {
        "\n" if text.ends_with("\n\n") => End::Paragraph,
        "\n" => End::Line,
        last if last.chars().all(char::is_whitespace) => End::Word,
        _ => End::Cluster,
    }
}
