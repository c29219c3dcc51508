//! Where links may lead, and finding web addresses in text.

use super::{
    document::{Inline, Link},
    inline::text_of,
};

#[cfg(test)]
mod tests;

/// What becomes of a link's target.
pub(super) enum Target {
    /// It is a link.
    Link(String),
    /// It is written as text: it cannot be followed from a messenger, but says something.
    Text(String),
    /// It is left out: it is code or data. This is its scheme.
    Hidden(String),
    /// There is none, or it is a place on a page that nobody sees.
    None,
}

/// The longest address that becomes a link, in bytes. Few browsers take longer ones.
const LONGEST: usize = 4096;

/// Decides about a target as it was written.
pub(super) fn target(written: &str) -> Target {
    let mut url = String::with_capacity(written.len());
    for char in written.trim().chars().filter(|char| !char.is_control()) {
        match char {
            ' ' => url.push_str("%20"),
            char if char.is_whitespace() => {}
            char => url.push(char),
        }
    }
    let (scheme, rest) = url.split_once(':').unwrap_or(("", &url));
    match scheme.to_ascii_lowercase().as_str() {
        scheme @ ("http" | "https") if rest.len() > 2 && rest.starts_with("//") && url.len() <= LONGEST => {
            Target::Link(format!("{scheme}:{rest}"))
        }
        "mailto" if !rest.is_empty() && url.len() <= LONGEST => Target::Link(format!("mailto:{rest}")),
        scheme @ ("javascript" | "vbscript" | "data" | "blob") => Target::Hidden(scheme.to_owned()),
        _ if url.is_empty() || url.starts_with('#') => Target::None,
        _ => Target::Text(url),
    }
}

/// The inlines that a link to `written` with this content becomes.
pub(super) fn link(written: &str, mut content: Vec<Inline>) -> Vec<Inline> {
    let label = text_of(&content);
    let label = label.trim();
    let empty = content.is_empty();
    match target(written) {
        Target::Link(url) => {
            let address = url.strip_prefix("mailto:").unwrap_or(&url);
            let spell_out = !empty && label != url && label != address;
            if empty {
                content.push(Inline::Text(address.to_owned()));
            }
            vec![Inline::Link(Link { url, content, spell_out })]
        }
        Target::Text(url) if empty => vec![Inline::Text(url)],
        Target::Text(url) if label != url => {
            content.push(Inline::Text(format!(" ({url})")));
            content
        }
        Target::Hidden(scheme) if empty => vec![Inline::Text(format!("{scheme}:…"))],
        Target::None if empty => vec![Inline::Text(format!("[]({})", written.trim()))],
        Target::Text(_) | Target::Hidden(_) | Target::None => content,
    }
}

/// Makes links of the web addresses that stand in the text of a run.
pub(super) fn find_links(run: Vec<Inline>) -> Vec<Inline> {
    let mut found = Vec::with_capacity(run.len());
    for inline in run {
        match inline {
            Inline::Text(text) => split_at_addresses(&text, &mut found),
            Inline::Styled(style, content) => found.push(Inline::Styled(style, find_links(content))),
            other @ (Inline::Code(_) | Inline::Break | Inline::Link(_)) => found.push(other),
        }
    }
    found
}

fn split_at_addresses(mut text: &str, run: &mut Vec<Inline>) {
    let mut from = 0;
    while let Some(colon) = text[from..].find("://").map(|at| from + at) {
        match address_around(text, colon) {
            Some((start, end)) => {
                if start > 0 {
                    run.push(Inline::Text(text[..start].to_owned()));
                }
                run.extend(link(&text[start..end], vec![Inline::Text(text[start..end].to_owned())]));
                text = &text[end..];
                from = 0;
            }
            None => from = colon + "://".len(),
        }
    }
    if !text.is_empty() {
        run.push(Inline::Text(text.to_owned()));
    }
}

/// Where the address begins and ends whose `://` is at `colon`.
fn address_around(text: &str, colon: usize) -> Option<(usize, usize)> {
    let scheme = ["https", "http"].into_iter().find(|scheme| {
        let start = colon.checked_sub(scheme.len());
        start.and_then(|start| text.get(start..colon)).is_some_and(|word| word.eq_ignore_ascii_case(scheme))
    })?;
    let (start, after) = (colon - scheme.len(), colon + "://".len());
    if text[..start].chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let rest = &text[after..];
    let address = trim_punctuation(&rest[..rest.find(ends_address).unwrap_or(rest.len())]);
    address
        .starts_with(|char: char| char.is_alphanumeric() || char == '[')
        .then(|| (start, after + address.len()))
}

/// Whether the character cannot be a part of an address in running text. Ideographic and full-width
/// punctuation ends an address too, since it is written without a space before it.
fn ends_address(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char, '<' | '>' | '"' | '`' | '|' | '\\' | '^' | '{' | '}' | '«' | '»' | '“' | '”' | '„')
        || matches!(char, '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
}

/// Takes off the end what belongs to the sentence: punctuation, and brackets that the address does
/// not open itself.
fn trim_punctuation(mut address: &str) -> &str {
    let count = |bracket| address.matches(bracket).count();
    let mut round = count(')').saturating_sub(count('('));
    let mut square = count(']').saturating_sub(count('['));
    while let Some(last) = address.chars().next_back() {
        match last {
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '_' | '~' | '’' | '…' => {}
            _ => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address
}
