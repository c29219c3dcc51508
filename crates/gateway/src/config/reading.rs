//! One pass over one configuration: the text, and what was found on the way.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::de::DeTable;

use super::{
    entry::Presence,
    mistake::{Fault, Invalid, Mistake, Mistakes},
    section::Section,
    source::Sources,
};

/// What all sections of one configuration share while it is read.
pub(super) struct Reading<'a> {
    file: &'a str,
    text: &'a str,
    pub(super) sources: &'a Sources,
    mistakes: RefCell<Vec<Mistake>>,
    known_keys: RefCell<BTreeMap<String, Presence>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, sources: &'a Sources) -> Self {
        Self { file, text, sources, mistakes: RefCell::default(), known_keys: RefCell::default() }
    }

    /// Hands out the whole configuration as a section, unless it is not TOML.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Section<'_>) -> Result<T, Invalid>,
    ) -> Result<T, Invalid> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            self.not_toml(&errors);
            return Err(Invalid(()));
        }
        let mut root = Section::root(self, document.get_ref());
        let value = read(&mut root);
        root.close();
        value
    }

    /// The value, if nothing at all was wrong.
    pub(super) fn finish<T>(self, value: Result<T, Invalid>) -> Result<T, Mistakes> {
        let mistakes = self.mistakes.into_inner();
        match value {
            Ok(value) if mistakes.is_empty() => Ok(value),
            _ => Err(Mistakes::new(mistakes)),
        }
    }

    pub(super) fn known_keys(&self) -> BTreeMap<String, Presence> {
        self.known_keys.borrow().clone()
    }

    pub(super) fn know(&self, path: &str, presence: Presence) {
        self.known_keys.borrow_mut().insert(without_indexes(path), presence);
    }

    pub(super) fn report(&self, path: String, line: Option<usize>, fault: Fault) {
        self.push(path, line, None, fault);
    }

    /// The line of a place in the text, counted from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.before(span).matches('\n').count() + 1
    }

    /// Says what keeps the text from being TOML, once for each line: what follows in the same line
    /// is mostly a consequence.
    fn not_toml(&self, errors: &[toml::de::Error]) {
        let mut lines = BTreeSet::new();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let line = self.line(&span);
            if lines.insert(line) {
                let before = self.before(&span);
                let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
                let remedy = if error.message().contains("duplicate key") {
                    "give each name once; a section that is repeated is written [[ai]] or [[channel]]"
                } else {
                    "correct this line"
                };
                let fault = Fault::new(format!("not valid TOML: {}", error.message()), remedy);
                self.push(String::new(), Some(line), Some(column), fault);
            }
        }
    }

    fn before(&self, span: &Range<usize>) -> &str {
        self.text.get(..span.start).unwrap_or(self.text)
    }

    fn push(&self, path: String, line: Option<usize>, column: Option<usize>, fault: Fault) {
        let Fault { problem, remedy } = fault;
        let file = self.file.to_owned();
        self.mistakes.borrow_mut().push(Mistake { file, line, column, path, problem, remedy });
    }
}

/// `channel[1].token` as `channel.token`.
pub(super) fn without_indexes(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default();
    parts.fold(first.to_owned(), |path, part| path + part.split_once(']').map_or(part, |(_, rest)| rest))
}
