//! Names of channels and AIs: well-formed, and each given once.

use std::collections::BTreeMap;

use super::{
    mistake::{Fault, Invalid},
    nearest,
    section::Section,
    value::{self, Text},
};

/// The most characters of a name.
const LONGEST: usize = 64;

/// The names that were given so far, with the paths of their sections.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Reads the key `name` of a section and takes the name for it.
    pub(super) fn claim(&mut self, section: &mut Section<'_>) -> Result<String, Invalid> {
        let path = section.path().to_owned();
        section.text("name", "\"…\"").then(well_formed).then(|text| self.take(text, path)).required()
    }

    /// Reads a key that names one of these.
    pub(super) fn refer(
        &self,
        section: &mut Section<'_>,
        key: &'static str,
        what: &str,
    ) -> Result<String, Invalid> {
        let known: Vec<_> = self.0.keys().map(String::as_str).collect();
        let existing = |text: Text| {
            if self.0.contains_key(&text.resolved) {
                return Ok(text.resolved);
            }
            let mut fault = value::none_of(&text, &known);
            fault.problem = format!("there is no {what} named {:?}", text.written);
            if known.is_empty() {
                fault.remedy = format!("add {what} with this name");
            }
            Err(fault)
        };
        section.text(key, nearest::any_of(&known)).then(existing).required()
    }

    fn take(&mut self, text: Text, path: String) -> Result<String, Fault> {
        if let Some(owner) = self.0.get(&text.resolved) {
            let problem = format!("{:?} is the name of {owner} already", text.written);
            return Err(Fault::new(problem, "choose another"));
        }
        self.0.insert(text.resolved.clone(), path);
        Ok(text.resolved)
    }
}

fn well_formed(text: Text) -> Result<Text, Fault> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if text.resolved.len() <= LONGEST && text.resolved.bytes().all(allowed) {
        return Ok(text);
    }
    let problem = format!("{:?} cannot be a name", text.written);
    Err(Fault::new(problem, format!("use at most {LONGEST} of a-z, 0-9, \"_\" and \"-\"")))
}
