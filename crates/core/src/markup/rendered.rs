//! What a messenger is given to send.

use serde::{Deserialize, Serialize};

/// Text in the form that a messenger takes. Stored with its delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "format")]
pub enum Rendered {
    /// Text without any formatting.
    Plain {
        /// The text.
        text: String,
    },
    /// Text with formatting beside it (Telegram). Nothing in the text needs escaping.
    Entities {
        /// The text.
        text: String,
        /// What is formatted how; within the text, sorted by offset.
        entities: Vec<Entity>,
    },
    /// A markdown dialect (Discord), escaped.
    Markdown {
        /// The markdown.
        text: String,
    },
    /// Sanitised HTML, with the same as plain text for those who cannot show it (Matrix, web).
    Html {
        /// The plain text.
        text: String,
        /// The HTML.
        html: String,
    },
}

impl Rendered {
    /// The text whose length the messenger limits.
    pub fn text(&self) -> &str {
        match self {
            Self::Plain { text } | Self::Entities { text, .. } | Self::Markdown { text } => text,
            Self::Html { html, .. } => html,
        }
    }
}

/// A formatted range of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Where it begins, in UTF-16 code units.
    pub offset: usize,
    /// How long it is, in UTF-16 code units. Not zero.
    pub length: usize,
    /// What it is.
    #[serde(flatten)]
    pub kind: EntityKind,
}

/// How a range is formatted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum EntityKind {
    /// Bold.
    Bold,
    /// Italic.
    Italic,
    /// Struck through.
    Strikethrough,
    /// Code within a line.
    Code,
    /// A block of code.
    Pre {
        /// Its language, if one was named.
        language: Option<String>,
    },
    /// A quotation.
    Blockquote,
    /// A link with a text of its own.
    TextLink {
        /// Where it leads.
        url: String,
    },
}

/// What a messenger understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// [`Rendered::Plain`].
    Plain,
    /// [`Rendered::Entities`].
    Entities,
    /// [`Rendered::Markdown`].
    Markdown,
    /// [`Rendered::Html`].
    Html,
}

/// What a messenger counts when it limits a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// UTF-16 code units.
    Utf16,
    /// Unicode code points.
    CodePoints,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// How long the text is.
    pub fn measure(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.encode_utf16().count(),
            Self::CodePoints => text.chars().count(),
            Self::Bytes => text.len(),
        }
    }
}
