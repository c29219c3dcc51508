//! The span tree: what a text says and how it is marked up, for no messenger in particular.
//!
//! Only [`super::parse`] makes documents, and it keeps these rules, which the renderers rely on:
//!
//! - Blocks nest at most [`MAX_NESTING`] deep, and a style or a link never contains itself, so that
//!   walking the tree by recursion is safe.
//! - Text holds no line feeds (they are [`Inline::Break`]) and no control character but the tab.
//! - Nothing is empty but an item of a list and a cell of a table. Runs of inlines neither begin nor
//!   end with white space.

/// How many quotations, lists and items may contain each other. What is nested deeper is kept, but
/// as if it stood at the last level. Matrix allows 100 levels of HTML; people read three.
pub(super) const MAX_NESTING: usize = 32;

/// A text that was parsed, ready to be rendered for any messenger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub(super) blocks: Vec<Block>,
}

impl Document {
    /// Whether there is nothing to see.
    pub fn is_blank(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// A part of a document that stands on lines of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    Heading { level: u8, content: Vec<Inline> },
    List(List),
    Code(CodeBlock),
    Quote(Vec<Block>),
    Rule,
    Table(Table),
}

/// A list. At least one of its items has content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The number of the first item, if the items are numbered.
    pub start: Option<u64>,
    pub items: Vec<Vec<Block>>,
}

/// Lines of code. They do not end with a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeBlock {
    /// A word that every messenger takes: ASCII letters, digits and `+ - # . _`.
    pub language: Option<String>,
    pub code: String,
}

/// A table. Rows may be shorter than others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The row of headings, if this piece of the table begins with it.
    pub head: Option<Row>,
    pub rows: Vec<Row>,
}

/// The cells of a row, at least one.
pub(super) type Row = Vec<Vec<Inline>>;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Code(String),
    /// The line ends here. Markdown's soft breaks are no exception: who writes a new line in a chat
    /// wants a new line.
    Break,
    Styled(Style, Vec<Inline>),
    Link(Link),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Strong,
    Emphasis,
    Strikethrough,
}

/// A link to a web page or a mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// An absolute `http`, `https` or `mailto` address without white space.
    pub url: String,
    pub content: Vec<Inline>,
    /// Whether the address must be written after the content where links cannot be shown. Not so
    /// if the content is the address, or if the content goes on in the next part.
    pub spell_out: bool,
}

impl Link {
    /// Whether it leads to a web page, which every messenger with links can show.
    pub fn is_web(&self) -> bool {
        !self.url.starts_with("mailto:")
    }

    /// What is written after the content where the link cannot be shown.
    pub fn address(&self) -> Option<String> {
        let address = self.url.strip_prefix("mailto:").unwrap_or(&self.url);
        self.spell_out.then(|| format!(" ({address})"))
    }
}
