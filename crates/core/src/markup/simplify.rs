//! Taking markup off the beginning of a document, where a part has no room for it.
//!
//! That happens where an address alone is as long as a message may be, and with limits of a few
//! dozen characters. The text stays.

use std::collections::VecDeque;

use super::{
    document::{Block, Inline, List, Row, Table},
    walk::{CELL, RULE, marker},
};

/// Takes off one piece of markup, the innermost around the first character. Returns whether there
/// was any.
pub(super) fn simplify(blocks: &mut VecDeque<Block>) -> bool {
    let Some(first) = blocks.pop_front() else { return false };
    let (simpler, changed) = simplify_block(first);
    simpler.into_iter().rev().for_each(|block| blocks.push_front(block));
    changed
}

fn simplify_block(block: Block) -> (Vec<Block>, bool) {
    match block {
        Block::Paragraph(mut content) => {
            let changed = simplify_run(&mut content);
            (vec![Block::Paragraph(content)], changed)
        }
        Block::Heading { level, mut content } => {
            let inner = simplify_run(&mut content);
            let block = if inner { Block::Heading { level, content } } else { Block::Paragraph(content) };
            (vec![block], true)
        }
        Block::Code(block) => (vec![Block::Paragraph(lines(&block.code))], true),
        Block::Rule => (vec![Block::Paragraph(vec![Inline::Text(RULE.to_owned())])], true),
        Block::Quote(mut blocks) => {
            let inner = simplify_first(&mut blocks);
            (if inner { vec![Block::Quote(blocks)] } else { blocks }, true)
        }
        Block::List(list) => (simplify_list(list), true),
        Block::Table(Table { head, mut rows }) => {
            let first = head.unwrap_or_else(|| rows.remove(0));
            let mut blocks = vec![Block::Paragraph(cells(first))];
            if !rows.is_empty() {
                blocks.push(Block::Table(Table { head: None, rows }));
            }
            (blocks, true)
        }
    }
}

fn simplify_first(blocks: &mut Vec<Block>) -> bool {
    if blocks.is_empty() {
        return false;
    }
    let (simpler, changed) = simplify_block(blocks.remove(0));
    blocks.splice(0..0, simpler);
    changed
}

/// Simplifies the first item, or puts it before the list with its marker as text.
fn simplify_list(List { start, mut items }: List) -> Vec<Block> {
    if items.is_empty() || simplify_first(&mut items[0]) {
        return vec![Block::List(List { start, items })];
    }
    let mut blocks = items.remove(0);
    let marker = marker(start, 0, "•");
    match blocks.first_mut() {
        Some(Block::Paragraph(content)) => content.insert(0, Inline::Text(marker + " ")),
        _ => blocks.insert(0, Block::Paragraph(vec![Inline::Text(marker)])),
    }
    if !items.is_empty() {
        blocks.push(Block::List(List { start: start.map(|start| start.saturating_add(1)), items }));
    }
    blocks
}

fn simplify_run(run: &mut Vec<Inline>) -> bool {
    let simpler = match run.first_mut() {
        None | Some(Inline::Text(_) | Inline::Break) => return false,
        Some(Inline::Code(code)) => vec![Inline::Text(std::mem::take(code))],
        Some(Inline::Styled(_, content)) => {
            if simplify_run(content) {
                return true;
            }
            std::mem::take(content)
        }
        Some(Inline::Link(link)) => {
            if simplify_run(&mut link.content) {
                return true;
            }
            let address = link.address().map(Inline::Text);
            std::mem::take(&mut link.content).into_iter().chain(address).collect()
        }
    };
    run.splice(0..1, simpler);
    true
}

fn cells(row: Row) -> Vec<Inline> {
    let mut run = Vec::new();
    for (index, cell) in row.into_iter().enumerate() {
        if index > 0 {
            run.push(Inline::Text(CELL.to_owned()));
        }
        run.extend(cell);
    }
    run
}

fn lines(code: &str) -> Vec<Inline> {
    let mut run = Vec::new();
    for (index, line) in code.split('\n').enumerate() {
        if index > 0 {
            run.push(Inline::Break);
        }
        if !line.is_empty() {
            run.push(Inline::Text(line.to_owned()));
        }
    }
    run
}
