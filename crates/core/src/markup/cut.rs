//! Cutting the span tree in two.
//!
//! A place in a document is counted in bytes of its content: the text, one more for every break, and
//! one more at the end of every paragraph, heading, block of code, rule, cell and empty item. A cut
//! list goes on with the next number, a cut block of code with its language, a cut text with its
//! style. What is left of a cut item stands outside of the list, since it must not get a second marker.

use std::collections::VecDeque;

use super::{
    document::{Block, CodeBlock, Inline, Link, List, Row, Table},
    inline::{is_blank, text_of, trim_end, trim_start},
};

/// A copy of the first `size` bytes of content.
pub(super) fn head<'a>(blocks: impl IntoIterator<Item = &'a Block>, size: usize) -> Vec<Block> {
    head_blocks(blocks, &mut Budget(size))
}

/// Drops the first `size` bytes of content.
pub(super) fn drop_head(blocks: &mut VecDeque<Block>, size: usize) {
    let mut budget = Budget(size);
    while !budget.is_spent()
        && let Some(block) = blocks.pop_front()
    {
        for rest in tail_block(block, &mut budget).into_iter().rev() {
            blocks.push_front(rest);
        }
    }
}

/// The length of a row's content.
pub(super) fn row_size(row: &Row) -> usize {
    row.iter().map(|cell| text_of(cell).len() + 1).sum()
}

/// How many bytes of content are still to be taken or dropped.
struct Budget(usize);

impl Budget {
    fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// Spends up to `size` bytes and returns how many.
    fn spend(&mut self, size: usize) -> usize {
        let spent = size.min(self.0);
        self.0 -= spent;
        spent
    }
}

fn head_blocks<'a>(blocks: impl IntoIterator<Item = &'a Block>, budget: &mut Budget) -> Vec<Block> {
    let mut head = Vec::new();
    for block in blocks {
        if budget.is_spent() {
            break;
        }
        head.extend(head_block(block, budget));
    }
    head
}

fn head_block(block: &Block, budget: &mut Budget) -> Option<Block> {
    match block {
        Block::Paragraph(content) => head_line(content, budget).map(Block::Paragraph),
        Block::Heading { level, content } => {
            head_line(content, budget).map(|content| Block::Heading { level: *level, content })
        }
        Block::Code(CodeBlock { language, code }) => {
            let head = &code[..budget.spend(code.len())];
            budget.spend(1);
            code_block(language.clone(), head.strip_suffix('\n').unwrap_or(head).to_owned())
        }
        Block::Rule => {
            budget.spend(1);
            Some(Block::Rule)
        }
        Block::Quote(blocks) => {
            Some(head_blocks(blocks, budget)).filter(|head| !head.is_empty()).map(Block::Quote)
        }
        Block::List(List { start, items }) => {
            let mut head = Vec::new();
            for item in items {
                if budget.is_spent() {
                    break;
                }
                if item.is_empty() {
                    budget.spend(1);
                }
                head.push(head_blocks(item, budget));
            }
            Some(Block::List(List { start: *start, items: head }))
        }
        Block::Table(table) => head_table(table, budget),
    }
}

/// The rows that are within the budget as a whole.
fn head_table(table: &Table, budget: &mut Budget) -> Option<Block> {
    let mut fits = |row: &&Row| {
        let size = row_size(row);
        budget.spend(size) == size
    };
    let head = match &table.head {
        None => None,
        Some(row) => Some(Some(row).filter(&mut fits)?.clone()),
    };
    let rows: Vec<_> = table.rows.iter().take_while(|row| fits(row)).cloned().collect();
    (head.is_some() || !rows.is_empty()).then_some(Block::Table(Table { head, rows }))
}

/// The beginning of a paragraph or heading.
fn head_line(content: &[Inline], budget: &mut Budget) -> Option<Vec<Inline>> {
    let (mut head, complete) = head_run(content, budget);
    budget.spend(1);
    if !complete {
        trim_end(&mut head);
    }
    Some(head).filter(|head| !head.is_empty())
}

/// The beginning of a run, and whether that is all of it.
fn head_run(run: &[Inline], budget: &mut Budget) -> (Vec<Inline>, bool) {
    let mut head = Vec::new();
    for inline in run {
        if budget.is_spent() {
            return (head, false);
        }
        let complete = match inline {
            Inline::Text(text) => {
                let size = budget.spend(text.len());
                head.push(Inline::Text(text[..size].to_owned()));
                size == text.len()
            }
            Inline::Code(code) => {
                let size = budget.spend(code.len());
                head.push(Inline::Code(code[..size].to_owned()));
                size == code.len()
            }
            Inline::Break => {
                head.push(Inline::Break);
                budget.spend(1) == 1
            }
            Inline::Styled(style, content) => {
                let (content, complete) = head_run(content, budget);
                head.push(Inline::Styled(*style, content));
                complete
            }
            Inline::Link(link) => {
                let (content, complete) = head_run(&link.content, budget);
                let spell_out = link.spell_out && complete;
                head.push(Inline::Link(Link { url: link.url.clone(), content, spell_out }));
                complete
            }
        };
        if !complete {
            return (head, false);
        }
    }
    (head, true)
}

/// Drops what the budget reaches; what lies behind is moved in one go.
fn tail<T>(items: Vec<T>, budget: &mut Budget, tail_item: fn(T, &mut Budget) -> Vec<T>) -> Vec<T> {
    let mut items = items.into_iter();
    let mut tail = Vec::new();
    while !budget.is_spent()
        && let Some(item) = items.next()
    {
        tail.extend(tail_item(item, budget));
    }
    tail.extend(items);
    tail
}

fn tail_blocks(blocks: Vec<Block>, budget: &mut Budget) -> Vec<Block> {
    tail(blocks, budget, tail_block)
}

fn tail_block(block: Block, budget: &mut Budget) -> Vec<Block> {
    match block {
        Block::Paragraph(content) => tail_line(content, budget).map(Block::Paragraph).into_iter().collect(),
        Block::Heading { level, content } => {
            tail_line(content, budget).map(|content| Block::Heading { level, content }).into_iter().collect()
        }
        Block::Code(CodeBlock { language, mut code }) => {
            let size = budget.spend(code.len());
            let mut tail = code.split_off(size);
            if tail.is_empty() {
                budget.spend(1);
            } else if !code.ends_with('\n') && tail.starts_with('\n') {
                tail.remove(0);
            }
            code_block(language, tail).into_iter().collect()
        }
        Block::Rule => {
            budget.spend(1);
            Vec::new()
        }
        Block::Quote(blocks) => {
            let tail = tail_blocks(blocks, budget);
            if tail.is_empty() { Vec::new() } else { vec![Block::Quote(tail)] }
        }
        Block::List(list) => tail_list(list, budget),
        Block::Table(Table { mut head, mut rows }) => {
            let mut whole = |row: &Row| {
                let size = row_size(row);
                budget.spend(size) == size
            };
            if head.as_ref().is_none_or(&mut whole) {
                head = None;
                let dropped = rows.iter().take_while(|row| whole(row)).count();
                rows.drain(..dropped);
            }
            if head.is_none() && rows.is_empty() {
                Vec::new()
            } else {
                vec![Block::Table(Table { head, rows })]
            }
        }
    }
}

fn tail_list(List { start, items }: List, budget: &mut Budget) -> Vec<Block> {
    let mut tail = Vec::new();
    let mut items = items.into_iter();
    let mut dropped = 0;
    while !budget.is_spent()
        && let Some(item) = items.next()
    {
        dropped += 1;
        if item.is_empty() {
            budget.spend(1);
        }
        tail = tail_blocks(item, budget);
        if !tail.is_empty() {
            break;
        }
    }
    let items: Vec<_> = items.collect();
    if !items.is_empty() {
        let start = start.map(|start| start.saturating_add(dropped));
        tail.push(Block::List(List { start, items }));
    }
    tail
}

/// The rest of a paragraph or heading.
fn tail_line(content: Vec<Inline>, budget: &mut Budget) -> Option<Vec<Inline>> {
    let mut tail = tail_run(content, budget);
    if tail.is_empty() {
        budget.spend(1);
    }
    trim_start(&mut tail);
    Some(tail).filter(|tail| !tail.is_empty())
}

fn tail_run(run: Vec<Inline>, budget: &mut Budget) -> Vec<Inline> {
    tail(run, budget, |inline, budget| Vec::from_iter(tail_inline(inline, budget)))
}

fn tail_inline(inline: Inline, budget: &mut Budget) -> Option<Inline> {
    match inline {
        Inline::Text(mut text) => {
            let tail = text.split_off(budget.spend(text.len()));
            (!tail.is_empty()).then_some(Inline::Text(tail))
        }
        Inline::Code(mut code) => {
            let tail = code.split_off(budget.spend(code.len()));
            (!tail.is_empty()).then_some(Inline::Code(tail))
        }
        Inline::Break => {
            budget.spend(1);
            None
        }
        Inline::Styled(style, content) => {
            let tail = tail_run(content, budget);
            (!tail.is_empty()).then_some(Inline::Styled(style, tail))
        }
        Inline::Link(Link { url, content, spell_out }) => {
            let content = tail_run(content, budget);
            (!content.is_empty()).then_some(Inline::Link(Link { url, content, spell_out }))
        }
    }
}

fn code_block(language: Option<String>, code: String) -> Option<Block> {
    (!is_blank(&code)).then_some(Block::Code(CodeBlock { language, code }))
}
