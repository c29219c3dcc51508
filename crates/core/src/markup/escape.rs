//! What keeps text from being taken for Discord's markdown.

use super::markdown::ZERO_WIDTH_SPACE;

/// Escapes a piece of a line, `at_start` if nothing stands before it on its line.
pub(super) fn text(text: &str, at_start: bool) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    let content = text.len() - text.trim_start().len();
    let numbered = at_start.then(|| number_before_delimiter(&text[content..])).flatten();
    for (at, char) in text.char_indices() {
        let rest = &text[at + char.len_utf8()..];
        let markup = match char {
            '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' => true,
            '#' | '>' | '-' | '+' => at_start && at == content,
            '.' | ')' => numbered.is_some_and(|digits| at == content + digits),
            ':' => rest.starts_with("//") || names_emoji(rest),
            _ => false,
        };
        if markup {
            escaped.push('\\');
        }
        escaped.push(char);
        if char == '@' && (rest.is_empty() || rest.starts_with("everyone") || rest.starts_with("here")) {
            escaped.push_str(ZERO_WIDTH_SPACE);
        }
    }
    escaped
}

/// How many digits the text begins with, if they and what follows could be the number of an item.
fn number_before_delimiter(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let after = text[digits..].strip_prefix(['.', ')'])?;
    (digits > 0 && (after.is_empty() || after.starts_with(char::is_whitespace))).then_some(digits)
}

/// Whether what follows a colon is the name of an emoji and the closing colon.
fn names_emoji(text: &str) -> bool {
    const LONGEST: usize = 64;
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'+' | b'-');
    let length = text.bytes().take(LONGEST).take_while(name).count();
    length > 0 && text[length..].starts_with(':')
}

/// Writes an address so that it can neither end nor be taken for markup before its end.
pub(super) fn url(url: &str) -> String {
    let mut escaped = String::with_capacity(url.len());
    for char in url.chars() {
        match char {
            '<' | '>' | '(' | ')' | '\\' | '*' | '`' | '|' | '"' | ' ' => {
                let code = format!("%{:02X}", u32::from(char));
                escaped.push_str(&code);
            }
            char => escaped.push(char),
        }
    }
    escaped
}

/// Keeps every two backticks in a row apart from a third.
pub(super) fn separate_backticks(code: &str) -> String {
    code.replace("``", &format!("`{ZERO_WIDTH_SPACE}`"))
}
