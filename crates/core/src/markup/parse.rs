//! From text to the span tree.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::{
    builder::{Builder, Container},
    document::{Document, Style},
};

#[cfg(test)]
mod tests;

impl Document {
    /// Reads Markdown: CommonMark with tables and strikethrough. HTML in it is text. Web addresses
    /// become links. Text that is nothing but markup without content is taken as it was written.
    pub fn from_markdown(text: &str) -> Self {
        let text = clean(text);
        let mut builder = Builder::default();
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            take(&mut builder, event);
        }
        let document = builder.finish();
        if document.is_blank() { Self::from_plain(&text) } else { document }
    }

    /// Takes text as it was written, but for white space around it. Web addresses become links.
    pub fn from_plain(text: &str) -> Self {
        let mut builder = Builder::default();
        builder.text(&clean(text));
        builder.finish()
    }
}

/// Makes all ends of lines line feeds and drops the control characters that are no white space.
fn clean(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text =
        if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() };
    text.replace(|char: char| char.is_control() && char != '\n' && char != '\t', "")
}

fn take(builder: &mut Builder, event: Event) {
    match event {
        Event::Start(tag) => start(builder, tag),
        Event::End(_) => builder.close(),
        Event::Code(code) => builder.code(&code),
        Event::SoftBreak | Event::HardBreak => builder.line_break(),
        Event::Rule => builder.rule(),
        // The last four are not switched on.
        Event::Text(text)
        | Event::Html(text)
        | Event::InlineHtml(text)
        | Event::InlineMath(text)
        | Event::DisplayMath(text)
        | Event::FootnoteReference(text) => builder.text(&text),
        Event::TaskListMarker(_) => {}
    }
}

fn start(builder: &mut Builder, tag: Tag) {
    match tag {
        Tag::Heading { level, .. } => builder.open(Container::Heading(level as u8)),
        Tag::BlockQuote(_) => builder.open(Container::Quote),
        Tag::CodeBlock(kind) => builder.open(Container::Code { language: language(&kind), code: String::new() }),
        Tag::List(start) => builder.open(Container::List { start, items: Vec::new() }),
        Tag::Item => builder.open(Container::Item),
        Tag::Table(_) => builder.open(Container::Table { head: None, rows: Vec::new() }),
        Tag::TableHead => builder.open(Container::Row { head: true, cells: Vec::new() }),
        Tag::TableRow => builder.open(Container::Row { head: false, cells: Vec::new() }),
        Tag::TableCell => builder.open(Container::Cell),
        Tag::Emphasis => builder.open(Container::Styled(Style::Emphasis)),
        Tag::Strong => builder.open(Container::Styled(Style::Strong)),
        Tag::Strikethrough => builder.open(Container::Styled(Style::Strikethrough)),
        Tag::Link { link_type: pulldown_cmark::LinkType::Email, dest_url, .. } => {
            builder.open(Container::Link(format!("mailto:{dest_url}")));
        }
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
            builder.open(Container::Link(dest_url.into_string()));
        }
        Tag::Paragraph
        | Tag::HtmlBlock
        // The others are not switched on.
        | Tag::FootnoteDefinition(_)
        | Tag::DefinitionList
        | Tag::DefinitionListTitle
        | Tag::DefinitionListDefinition
        | Tag::Superscript
        | Tag::Subscript
        | Tag::MetadataBlock(_) => builder.open(Container::Paragraph),
    }
}

/// The first word after the fence, if every messenger takes it for a language.
fn language(kind: &CodeBlockKind) -> Option<String> {
    const LONGEST: usize = 32;
    let CodeBlockKind::Fenced(info) = kind else { return None };
    let word = info.split([' ', ',', '{', '\t']).next().unwrap_or_default();
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'#' | b'.' | b'_');
    (!word.is_empty() && word.len() <= LONGEST && word.bytes().all(taken)).then(|| word.to_owned())
}
