//! Questions to a run of inlines, and trimming it.

use super::document::{Inline, Link};

/// The bare text, a line feed for every break.
pub(super) fn text_of(run: &[Inline]) -> String {
    fn collect(run: &[Inline], text: &mut String) {
        for inline in run {
            match inline {
                Inline::Text(piece) | Inline::Code(piece) => text.push_str(piece),
                Inline::Break => text.push('\n'),
                Inline::Styled(_, content) | Inline::Link(Link { content, .. }) => collect(content, text),
            }
        }
    }
    let mut text = String::new();
    collect(run, &mut text);
    text
}

/// Takes white space off the beginning, and what is empty then.
pub(super) fn trim_start(run: &mut Vec<Inline>) {
    let first = run.iter_mut().position(|inline| trim_one(inline, trim_start, trim_text_start));
    run.drain(..first.unwrap_or(run.len()));
}

/// Takes white space off the end, and what is empty then.
pub(super) fn trim_end(run: &mut Vec<Inline>) {
    let last = run.iter_mut().rposition(|inline| trim_one(inline, trim_end, trim_text_end));
    run.truncate(last.map_or(0, |last| last + 1));
}

/// Trims one inline and tells whether anything is left of it.
fn trim_one(inline: &mut Inline, run: fn(&mut Vec<Inline>), text: fn(&mut String)) -> bool {
    match inline {
        Inline::Text(piece) | Inline::Code(piece) => {
            text(piece);
            !piece.is_empty()
        }
        Inline::Break => false,
        Inline::Styled(_, content) | Inline::Link(Link { content, .. }) => {
            run(content);
            !content.is_empty()
        }
    }
}

fn trim_text_start(text: &mut String) {
    let white = text.len() - text.trim_start().len();
    text.drain(..white);
}

fn trim_text_end(text: &mut String) {
    text.truncate(text.trim_end().len());
}

/// Whether nobody would see anything of the text.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

/// White space, and characters that only join or separate others.
pub(super) fn is_invisible(char: char) -> bool {
    char.is_whitespace()
        || matches!(char, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
