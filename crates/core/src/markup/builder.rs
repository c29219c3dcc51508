//! Building the span tree from what the parser reports, keeping the rules of [`super::document`].

use super::{
    document::{Block, CodeBlock, Document, Inline, List, MAX_NESTING, Row, Style, Table},
    inline::{is_blank, text_of, trim_end, trim_start},
    link::{find_links, link},
};

/// What has begun. The content is collected beside it, in its [`Frame`], unless it has a place here.
pub(super) enum Container {
    Paragraph,
    Heading(u8),
    Quote,
    Code { language: Option<String>, code: String },
    List { start: Option<u64>, items: Vec<Vec<Block>> },
    Item,
    Table { head: Option<Row>, rows: Vec<Row> },
    Row { head: bool, cells: Row },
    Cell,
    Styled(Style),
    Link(String),
}

struct Frame {
    container: Container,
    content: Content,
}

/// What was collected for a container. Inlines directly in a container of blocks are a paragraph.
#[derive(Default)]
struct Content {
    blocks: Vec<Block>,
    inlines: Vec<Inline>,
}

/// How a container has begun.
enum Begun {
    Framed,
    /// A container of blocks that is nested too deep. Its content belongs to the one around it.
    FlatBlock,
    /// A style or link within its like. Its content belongs to the container around it.
    FlatInline,
}

/// Takes the beginnings and ends of containers, properly nested, and what is in them.
#[derive(Default)]
pub(super) struct Builder {
    document: Content,
    frames: Vec<Frame>,
    /// What has begun, with or without a frame.
    begun: Vec<Begun>,
    /// How many frames are quotations, lists and items.
    nesting: usize,
}

impl Builder {
    pub fn open(&mut self, container: Container) {
        if !is_inline(&container) {
            self.content().end_paragraph();
        }
        if self.keeps(&container) {
            self.nesting += usize::from(nests(&container));
            self.frames.push(Frame { container, content: Content::default() });
            self.begun.push(Begun::Framed);
        } else {
            self.begun.push(if is_inline(&container) { Begun::FlatInline } else { Begun::FlatBlock });
        }
    }

    /// Ends the container that was opened last.
    pub fn close(&mut self) {
        match self.begun.pop() {
            Some(Begun::Framed) => {}
            Some(Begun::FlatBlock) => return self.content().end_paragraph(),
            Some(Begun::FlatInline) | None => return,
        }
        if let Some(Frame { container, content }) = self.frames.pop() {
            self.nesting -= usize::from(nests(&container));
            self.put(container, content);
        }
    }

    /// Text, which may have several lines. In a block of code it is code.
    pub fn text(&mut self, text: &str) {
        if let Some(Frame { container: Container::Code { code, .. }, .. }) = self.frames.last_mut() {
            return code.push_str(text);
        }
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            // Markdown can name any character by its number, so there may be new ones.
            let line = line.replace(|char: char| char.is_control() && char != '\t', "");
            match self.content().inlines.last_mut() {
                _ if line.is_empty() => {}
                Some(Inline::Text(before)) => before.push_str(&line),
                _ => self.content().inlines.push(Inline::Text(line)),
            }
        }
    }

    pub fn code(&mut self, code: &str) {
        if is_blank(code) {
            return self.text(code);
        }
        self.content().inlines.push(Inline::Code(code.replace('\n', " ")));
    }

    /// Ends a line. A heading and a cell have only one.
    pub fn line_break(&mut self) {
        let single = self.frames.iter().rev().find_map(|frame| match frame.container {
            Container::Styled(_) | Container::Link(_) => None,
            _ => Some(matches!(frame.container, Container::Heading(_) | Container::Cell)),
        });
        if single == Some(true) { self.text(" ") } else { self.content().inlines.push(Inline::Break) }
    }

    pub fn rule(&mut self) {
        self.content().put(Block::Rule);
    }

    pub fn finish(mut self) -> Document {
        while !self.begun.is_empty() {
            self.close();
        }
        self.document.end_paragraph();
        Document { blocks: self.document.blocks }
    }

    /// Whether a container gets a frame of its own.
    fn keeps(&self, container: &Container) -> bool {
        match container {
            Container::Quote => self.nesting < MAX_NESTING,
            // A list needs room for its items.
            Container::List { .. } => self.nesting + 2 <= MAX_NESTING,
            Container::Item => {
                self.frames.last().is_some_and(|frame| matches!(frame.container, Container::List { .. }))
            }
            Container::Styled(style) => {
                !self.open_inlines().any(|open| matches!(open, Container::Styled(other) if other == style))
            }
            Container::Link(_) => !self.open_inlines().any(|open| matches!(open, Container::Link(_))),
            _ => true,
        }
    }

    /// The styles and links that have begun, of which there are never more than four.
    fn open_inlines(&self) -> impl Iterator<Item = &Container> {
        self.frames.iter().rev().map(|frame| &frame.container).take_while(|container| is_inline(container))
    }

    fn content(&mut self) -> &mut Content {
        self.frames.last_mut().map_or(&mut self.document, |frame| &mut frame.content)
    }

    /// Puts a container that has ended into the one around it.
    fn put(&mut self, container: Container, mut content: Content) {
        match container {
            Container::Paragraph => {
                content.end_paragraph();
                content.blocks.into_iter().for_each(|block| self.content().put(block));
            }
            Container::Heading(level) => {
                if let Some(content) = finish_run(content.inlines) {
                    self.content().put(Block::Heading { level, content });
                }
            }
            Container::Quote => {
                content.end_paragraph();
                if !content.blocks.is_empty() {
                    self.content().put(Block::Quote(content.blocks));
                }
            }
            Container::Code { language, code } => self.put_code(language, &code),
            Container::List { start, items } => {
                if items.iter().any(|item| !item.is_empty()) {
                    self.content().put(Block::List(List { start, items }));
                }
            }
            Container::Table { head, rows } => {
                if head.is_some() || !rows.is_empty() {
                    self.content().put(Block::Table(Table { head, rows }));
                }
            }
            Container::Item => self.put_item(content),
            Container::Row { head, cells } => self.put_row(head, cells),
            Container::Cell => self.put_cell(content),
            Container::Styled(style) => {
                if !content.inlines.is_empty() {
                    self.content().inlines.push(Inline::Styled(style, content.inlines));
                }
            }
            Container::Link(url) => {
                let label = if is_blank(&text_of(&content.inlines)) { Vec::new() } else { content.inlines };
                self.content().inlines.extend(link(&url, label));
            }
        }
    }

    fn put_code(&mut self, language: Option<String>, code: &str) {
        if !is_blank(code) {
            let code = code.trim_end_matches('\n').to_owned();
            self.content().put(Block::Code(CodeBlock { language, code }));
        }
    }

    fn put_item(&mut self, mut content: Content) {
        content.end_paragraph();
        if let Some(Container::List { items, .. }) = self.around() {
            items.push(content.blocks);
        }
    }

    fn put_cell(&mut self, content: Content) {
        let cell = finish_run(content.inlines).unwrap_or_default();
        if let Some(Container::Row { cells, .. }) = self.around() {
            cells.push(cell);
        }
    }

    /// Rows that are shorter than the heading were filled up with cells, which are taken off again:
    /// there can be very many.
    fn put_row(&mut self, is_head: bool, mut cells: Row) {
        while cells.pop_if(|cell| cell.is_empty()).is_some() {}
        if cells.is_empty() {
            return;
        }
        if let Some(Container::Table { head, rows }) = self.around() {
            if is_head { *head = Some(cells) } else { rows.push(cells) }
        }
    }

    fn around(&mut self) -> Option<&mut Container> {
        self.frames.last_mut().map(|frame| &mut frame.container)
    }
}

impl Content {
    fn put(&mut self, block: Block) {
        self.end_paragraph();
        self.blocks.push(block);
    }

    /// Makes a paragraph of the inlines, if there are any.
    fn end_paragraph(&mut self) {
        if !self.inlines.is_empty() {
            let run = finish_run(std::mem::take(&mut self.inlines));
            self.blocks.extend(run.map(Block::Paragraph));
        }
    }
}

fn is_inline(container: &Container) -> bool {
    matches!(container, Container::Styled(_) | Container::Link(_))
}

fn nests(container: &Container) -> bool {
    matches!(container, Container::Quote | Container::List { .. } | Container::Item)
}

/// Makes a run of inlines as a block holds it, if anything of it can be seen.
fn finish_run(mut run: Vec<Inline>) -> Option<Vec<Inline>> {
    trim_start(&mut run);
    trim_end(&mut run);
    (!is_blank(&text_of(&run))).then(|| find_links(run))
}
