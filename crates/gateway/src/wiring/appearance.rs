//! The keys of a web channel that say what its visitors see.

use std::collections::BTreeMap;

use switchboard_web::{Appearance, Side, Theme, Wording, text_keys};

use crate::config::{Fault, Section};

/// The most questions that make a choice, rather than a list to read.
const MOST_QUESTIONS: usize = 8;

/// Reads them all; what is wrong is recorded, and left as it is without it.
pub(super) fn read(section: &mut Section<'_>) -> Appearance {
    let default = Appearance::default();
    let title = section.string("title").optional();
    let color = section.string("color").then(|text| {
        text.parse().map_err(|_| Fault::new(format!("{text:?} is not a colour"), "write it as \"#2f5bd8\""))
    });
    let color = color.or(default.color);
    let side = section.one_of("position", &[("right", Side::Right), ("left", Side::Left)]).or(default.side);
    let themes = [("auto", Theme::Auto), ("light", Theme::Light), ("dark", Theme::Dark)];
    let theme = section.one_of("theme", &themes).or(default.theme);
    let sound = section.boolean("sound").or(default.sound);
    let assistant_name = section.string("assistant_name").optional();
    let operator_name = section.string("operator_name").optional();
    let greeting = section.string("greeting").optional();
    let questions = questions(section).unwrap_or_default();
    let texts = texts(section);
    let mut appearance = Appearance {
        title,
        color,
        side,
        theme,
        language: None,
        sound,
        assistant_name,
        operator_name,
        greeting,
        questions,
        texts,
    };
    appearance.language = section
        .string("language")
        .then(|language| {
            if appearance.speaks(&language) {
                return Ok(language);
            }
            let remedy = format!("add [channel.texts.{language}], or take \"en\", \"ru\" or \"uz\"");
            Err(Fault::new(format!("there are no texts in {language:?}"), remedy))
        })
        .optional();
    appearance
}

fn questions(section: &mut Section<'_>) -> Option<Vec<String>> {
    let questions = section.strings("questions").then(|questions| {
        if questions.len() > MOST_QUESTIONS {
            let remedy = format!("leave the {MOST_QUESTIONS} most frequent ones");
            return Err(Fault::new(format!("{} are more than fit", questions.len()), remedy));
        }
        Ok(questions)
    });
    questions.optional()
}

/// `[channel.texts.de]` and so on.
fn texts(section: &mut Section<'_>) -> BTreeMap<String, Wording> {
    let languages = section.named_tables("texts", check_language, |section| {
        let questions = questions(section);
        let mut texts = BTreeMap::new();
        for key in text_keys() {
            if let Some(text) = section.string(key).optional() {
                texts.insert(key.to_owned(), text);
            }
        }
        Wording { texts, questions }
    });
    // A section without a text is none in that language.
    languages.into_iter().filter(|(_, wording)| *wording != Wording::default()).collect()
}

/// A language as browsers name it, in lower case.
fn check_language(name: &str) -> Result<(), Fault> {
    let mut parts = name.split('-');
    let is_part = |part: &str| {
        (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let is_language = parts.next().is_some_and(|part| part.len() <= 3 && is_part(part)) && parts.all(is_part);
    if is_language {
        return Ok(());
    }
    Err(Fault::new("is not a language", "name it as browsers do, in lower case: \"de\" or \"pt-br\""))
}
