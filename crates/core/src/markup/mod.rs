//! Text: parsed once from Markdown into a span tree, rendered per messenger, split to its limit.
//!
//! Whatever the AI or an operator writes is Markdown ([`render_markdown`]); what the configuration
//! says or a user wrote is plain text ([`render_plain`]). Both are total: every text can be rendered
//! for every messenger, nothing visible is lost, and no part is longer than the messenger takes.

mod builder;
mod cut;
mod document;
mod entities;
mod escape;
mod html;
mod inline;
mod lines;
mod link;
mod markdown;
mod outline;
mod parse;
mod plain;
mod rendered;
mod simplify;
mod split;
mod walk;

#[cfg(test)]
mod properties;

use crate::TextSupport;

pub use document::Document;
pub use rendered::{Entity, EntityKind, Rendered, TextFormat, Unit};
pub use split::{MIN_LIMIT, render};

/// Renders Markdown in parts that the messenger takes. Empty only if there is nothing to see.
pub fn render_markdown(text: &str, support: &TextSupport) -> Vec<Rendered> {
    render(&Document::from_markdown(text), support.format, support.unit, support.limit)
}

/// Renders text as it was written in parts that the messenger takes. Empty only if there is nothing
/// to see.
pub fn render_plain(text: &str, support: &TextSupport) -> Vec<Rendered> {
    render(&Document::from_plain(text), support.format, support.unit, support.limit)
}

/// Markdown as HTML for a page of our own: sanitised, in one piece.
pub fn to_html(markdown: &str) -> String {
    html::sanitise(&html::unsanitised(&Document::from_markdown(markdown).blocks))
}

/// Text as it was written as HTML for a page of our own: escaped, with line breaks, and web
/// addresses as links. Spaces are kept, but shown as one unless the page asks for `pre-wrap`.
pub fn plain_to_html(text: &str) -> String {
    html::sanitise(&html::unsanitised(&Document::from_plain(text).blocks))
}
