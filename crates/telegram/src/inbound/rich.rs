//! A rich message as plain text: the words of its headings, lists and tables, line by line.
//!
//! teloxide does not know rich messages. What is a picture or a sound in one is named in brackets, as
//! elsewhere, and whatever Telegram adds to them gives at least its words.

use serde_json::{Value, json};

/// The text of a `RichMessage`, and its entities that address somebody.
pub(super) fn text(message: &Value) -> (String, Value) {
    let mut page = Page::default();
    page.blocks(&message["blocks"]);
    if page.text.is_empty() {
        page.push("[rich message]");
    }
    (page.text, page.entities.into())
}

/// What has been written so far.
#[derive(Default)]
struct Page {
    text: String,
    /// How long it is, in UTF-16 code units.
    length: usize,
    entities: Vec<Value>,
    /// Where the content of the last line begins, after what marks it as an item of a list.
    line: usize,
}

impl Page {
    fn blocks(&mut self, blocks: &Value) {
        for block in elements(blocks) {
            self.block(block);
        }
    }

    fn block(&mut self, block: &Value) {
        let kind = block["type"].as_str().unwrap_or("block");
        if matches!(kind, "anchor" | "divider") {
            return;
        }
        self.begin_line();
        let before = self.text.len();
        match kind {
            "animation" | "audio" | "photo" | "video" => self.thing(kind),
            "voice_note" => self.thing("voice message"),
            "map" => {
                let place = &block["location"];
                self.thing(&format!("location: {}, {}", place["latitude"], place["longitude"]));
            }
            _ => {}
        }
        for words in ["summary", "text"] {
            self.line_of(&block[words]);
        }
        self.span(&block["expression"]);
        self.blocks(&block["blocks"]);
        for item in elements(&block["items"]) {
            self.item(item);
        }
        for row in elements(&block["cells"]) {
            self.row(row);
        }
        // A table's caption is a text, any other has one and may name somebody.
        let caption = &block["caption"];
        let words = if caption["text"].is_null() { caption } else { &caption["text"] };
        for words in [words, &caption["credit"], &block["credit"]] {
            self.line_of(words);
        }
        if self.text.len() == before {
            self.thing(kind);
        }
    }

    /// What is no text.
    fn thing(&mut self, what: &str) {
        for words in ["[", what, "]"] {
            self.push(words);
        }
    }

    fn item(&mut self, item: &Value) {
        self.begin_line();
        let checkbox = match (item["has_checkbox"].as_bool(), item["is_checked"].as_bool()) {
            (Some(true), Some(true)) => "[x] ",
            (Some(true), _) => "[ ] ",
            _ => "",
        };
        for words in [item["label"].as_str().unwrap_or("-"), " ", checkbox] {
            self.push(words);
        }
        self.line = self.text.len();
        self.blocks(&item["blocks"]);
    }

    fn row(&mut self, row: &Value) {
        self.begin_line();
        for (column, cell) in elements(row).iter().enumerate() {
            if column > 0 {
                self.push(" | ");
            }
            self.span(&cell["text"]);
        }
    }

    fn line_of(&mut self, words: &Value) {
        if !words.is_null() {
            self.begin_line();
            self.span(words);
        }
    }

    /// A `RichText`: a text, several of them, or one with a meaning.
    fn span(&mut self, words: &Value) {
        match words {
            Value::String(text) => self.push(text),
            Value::Array(parts) => parts.iter().for_each(|part| self.span(part)),
            Value::Object(_) => self.meaningful(words),
            _ => {}
        }
    }

    fn meaningful(&mut self, words: &Value) {
        let offset = self.length;
        match words["type"].as_str().unwrap_or_default() {
            "custom_emoji" => self.span(&words["alternative_text"]),
            "mathematical_expression" => self.span(&words["expression"]),
            "mention" => {
                let name = words["username"].as_str().unwrap_or_default();
                self.push("@");
                self.push(name.trim_start_matches('@'));
            }
            _ => self.span(&words["text"]),
        }
        let length = self.length - offset;
        let mut entity = json!({ "type": words["type"], "offset": offset, "length": length });
        if words["user"].is_object() {
            entity["user"] = words["user"].clone();
        }
        self.entities.push(entity);
    }

    /// Begins a line, unless one has just begun.
    fn begin_line(&mut self) {
        if self.text.len() > self.line {
            self.push("\n");
            self.line = self.text.len();
        }
    }

    fn push(&mut self, words: &str) {
        self.text.push_str(words);
        self.length += words.encode_utf16().count();
    }
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
