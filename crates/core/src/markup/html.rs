//! HTML: the part of it that Matrix allows, which is what the web page shows too.
//!
//! The markup is written here and every text in it is escaped; then ammonia reads it as a browser
//! would and lets through only what the list below names. Either alone would do. What is written is
//! what ammonia itself would write, so that its length is known without asking it.

use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::document::{Block, CodeBlock, Inline, Link, List, Row, Style, Table};

#[cfg(test)]
mod tests;

/// Writes blocks as HTML that is still to be sanitised, which makes it no longer.
pub(super) fn unsanitised(blocks: &[Block]) -> String {
    let mut html = String::new();
    write_blocks(&mut html, blocks);
    html
}

/// Lets through what is harmless.
pub(super) fn sanitise(html: &str) -> String {
    SANITISER.clean(html).to_string()
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut sanitiser = Builder::empty();
    sanitiser
        .tags(TAGS.split(' ').collect())
        .clean_content_tags(["script", "style"].into())
        .generic_attributes([].into())
        .tag_attributes([("a", ["href"].into()), ("ol", ["start"].into()), ("code", ["class"].into())].into())
        .attribute_filter(|tag, attribute, value| match (tag, attribute) {
            ("code", "class") => is_language_class(value).then(|| value.into()),
            ("ol", "start") => value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.into()),
            _ => Some(value.into()),
        })
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some(REL));
    sanitiser
});

const REL: &str = "noopener noreferrer nofollow";

const TAGS: &str =
    "p br strong em del code pre blockquote a ul ol li h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td";

fn is_language_class(value: &str) -> bool {
    value
        .strip_prefix("language-")
        .is_some_and(|language| language.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn write_blocks(html: &mut String, blocks: &[Block]) {
    for block in blocks {
        write_block(html, block);
    }
}

fn write_block(html: &mut String, block: &Block) {
    match block {
        Block::Paragraph(content) => element(html, "p", |html| write_inlines(html, content)),
        Block::Heading { level, content } => {
            element(html, &format!("h{level}"), |html| write_inlines(html, content));
        }
        Block::List(list) => write_list(html, list),
        Block::Code(block) => write_code_block(html, block),
        Block::Quote(blocks) => element(html, "blockquote", |html| write_blocks(html, blocks)),
        Block::Rule => html.push_str("<hr>"),
        Block::Table(table) => write_table(html, table),
    }
}

fn write_list(html: &mut String, list: &List) {
    let (begin, end) = match list.start {
        None => ("<ul>".to_owned(), "</ul>"),
        Some(1) => ("<ol>".to_owned(), "</ol>"),
        Some(start) => (format!("<ol start=\"{start}\">"), "</ol>"),
    };
    html.push_str(&begin);
    for item in &list.items {
        element(html, "li", |html| write_item(html, item));
    }
    html.push_str(end);
}

/// Writes an item; a single paragraph in it goes without tags, which only add space around it.
fn write_item(html: &mut String, item: &[Block]) {
    match item {
        [Block::Paragraph(content), rest @ ..]
            if rest.iter().all(|block| matches!(block, Block::List(_))) =>
        {
            write_inlines(html, content);
            write_blocks(html, rest);
        }
        blocks => write_blocks(html, blocks),
    }
}

fn write_code_block(html: &mut String, block: &CodeBlock) {
    html.push_str("<pre><code");
    if let Some(language) = &block.language {
        html.push_str(" class=\"language-");
        escape_value(html, language);
        html.push('"');
    }
    html.push('>');
    write_text(html, &block.code);
    html.push_str("</code></pre>");
}

fn write_table(html: &mut String, table: &Table) {
    element(html, "table", |html| {
        if let Some(head) = &table.head {
            element(html, "thead", |html| write_row(html, head, "th"));
        }
        if !table.rows.is_empty() {
            element(html, "tbody", |html| {
                for row in &table.rows {
                    write_row(html, row, "td");
                }
            });
        }
    });
}

fn write_row(html: &mut String, row: &Row, cell: &str) {
    element(html, "tr", |html| {
        for content in row {
            element(html, cell, |html| write_inlines(html, content));
        }
    });
}

fn write_inlines(html: &mut String, run: &[Inline]) {
    for inline in run {
        match inline {
            Inline::Text(text) => write_text(html, text),
            Inline::Code(code) => element(html, "code", |html| write_text(html, code)),
            Inline::Break => html.push_str("<br>"),
            Inline::Styled(style, content) => element(html, tag(*style), |html| write_inlines(html, content)),
            Inline::Link(link) => write_link(html, link),
        }
    }
}

fn tag(style: Style) -> &'static str {
    match style {
        Style::Strong => "strong",
        Style::Emphasis => "em",
        Style::Strikethrough => "del",
    }
}

fn write_link(html: &mut String, link: &Link) {
    html.push_str("<a href=\"");
    escape_value(html, &link.url);
    html.push_str("\" rel=\"");
    html.push_str(REL);
    html.push_str("\">");
    write_inlines(html, &link.content);
    html.push_str("</a>");
}

fn element(html: &mut String, tag: &str, content: impl FnOnce(&mut String)) {
    html.push('<');
    html.push_str(tag);
    html.push('>');
    content(html);
    html.push_str("</");
    html.push_str(tag);
    html.push('>');
}

/// Appends text between tags.
///
/// html5ever's writer takes time that grows with the square of a text's length if it is full of `&`.
/// A comment now and then, which the sanitiser drops, makes several texts of a long one.
fn write_text(html: &mut String, text: &str) {
    const LONGEST: usize = 4096;
    let mut rest = text;
    while rest.len() > LONGEST {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(LONGEST));
        escape(html, piece);
        html.push_str("<!---->");
        rest = more;
    }
    escape(html, rest);
}

fn escape(html: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\u{a0}' => html.push_str("&nbsp;"),
            char => html.push(char),
        }
    }
}

/// Appends the value of an attribute, which stands in double quotes.
fn escape_value(html: &mut String, value: &str) {
    for (index, piece) in value.split('"').enumerate() {
        if index > 0 {
            html.push_str("&quot;");
        }
        escape(html, piece);
    }
}
