//! What visitors read, by language: the built-in texts, what the channel has changed, and whose
//! browser gets which.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value};

use crate::Appearance;

/// The texts of each language, by their keys.
type Tables = BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>;

/// The language of those for whose languages there is nothing.
const FALLBACK: &str = "en";

/// English, Russian and Uzbek; in all of them the same keys.
pub(crate) fn built_in() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| {
        serde_json::from_str(include_str!("page/texts.json"))
            .expect("the built-in texts are JSON without escapes")
    });
    &TABLES
}

/// The keys of all texts, in the order of the alphabet.
pub fn text_keys() -> impl Iterator<Item = &'static str> {
    built_in()[FALLBACK].keys().copied()
}

/// Every language of the channel with its texts, as the script gets them.
pub(crate) fn tables(appearance: &Appearance) -> BTreeMap<String, Value> {
    let own = appearance.texts.keys().map(String::as_str);
    let languages = built_in().keys().copied().chain(own);
    languages.map(|language| (language.to_owned(), Value::Object(table(appearance, language)))).collect()
}

/// From the least to the most particular: what is built in, what the channel has set for all
/// languages, what it has set for this one.
fn table(appearance: &Appearance, language: &str) -> Map<String, Value> {
    let built_in = built_in().get(language).unwrap_or(&built_in()[FALLBACK]);
    let mut table: Map<String, Value> =
        built_in.iter().map(|(&key, &text)| (key.to_owned(), text.into())).collect();
    let everywhere = [
        ("title", &appearance.title),
        ("assistant", &appearance.assistant_name),
        ("operator", &appearance.operator_name),
        ("greeting", &appearance.greeting),
    ];
    for (key, text) in everywhere {
        if let Some(text) = text {
            table.insert(key.to_owned(), text.as_str().into());
        }
    }
    let own = appearance.texts.get(language);
    for (key, text) in own.iter().flat_map(|own| &own.texts) {
        table.insert(key.clone(), text.as_str().into());
    }
    let questions = own.and_then(|own| own.questions.as_ref()).unwrap_or(&appearance.questions);
    table.insert("questions".to_owned(), questions.as_slice().into());
    table
}

/// The first language of those in `Accept-Language` that is spoken here, as it is wished for or
/// without the region.
pub(crate) fn choose<'t>(accept_language: &str, spoken: impl Fn(&str) -> Option<&'t str>) -> &'t str {
    let mut wishes: Vec<(f32, String)> = accept_language.split(',').filter_map(wish).collect();
    // Stable: of equal wishes the first one counts.
    wishes.sort_by(|one, other| other.0.total_cmp(&one.0));
    let found = wishes.iter().find_map(|(_, tag)| {
        let base = tag.split('-').next().unwrap_or_default();
        spoken(tag).or_else(|| spoken(base))
    });
    found.or_else(|| spoken(FALLBACK)).expect("English is built in")
}

/// `ru-RU;q=0.8` as 0.8 and `ru-ru`.
fn wish(text: &str) -> Option<(f32, String)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next()?.to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    (quality > 0.0).then_some((quality, tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wording;

    #[test]
    fn every_language_has_every_text() {
        let keys: Vec<_> = text_keys().collect();
        assert_eq!(built_in().keys().copied().collect::<Vec<_>>(), ["en", "ru", "uz"]);
        for (language, table) in built_in() {
            assert_eq!(table.keys().copied().collect::<Vec<_>>(), keys, "{language}");
            for (key, text) in table {
                assert_eq!(text.contains("{n}"), built_in()["en"][key].contains("{n}"), "{language}.{key}");
            }
        }
    }

    #[test]
    fn the_most_particular_text_counts() {
        let wording = |key: &str, text: &str| Wording {
            texts: [(key.to_owned(), text.to_owned())].into(),
            questions: Some(vec!["Wo?".to_owned()]),
        };
        let appearance = Appearance {
            greeting: Some("Hi!".to_owned()),
            questions: vec!["Where?".to_owned()],
            texts: [
                ("de".to_owned(), wording("send", "Senden")),
                ("ru".to_owned(), wording("greeting", "Привет")),
            ]
            .into(),
            ..Appearance::default()
        };
        let tables = tables(&appearance);
        assert_eq!(tables.keys().collect::<Vec<_>>(), ["de", "en", "ru", "uz"]);
        assert_eq!(tables["de"]["send"], "Senden");
        assert_eq!(tables["de"]["retry"], "Try again", "English where there is nothing");
        assert_eq!(tables["de"]["questions"][0], "Wo?");
        assert_eq!((&tables["de"]["greeting"], &tables["ru"]["greeting"]), (&"Hi!".into(), &"Привет".into()));
        assert_eq!(tables["uz"]["questions"][0], "Where?");
    }

    #[test]
    fn the_browsers_first_language_that_is_spoken_is_chosen() {
        let spoken = |tag: &str| ["de", "en", "pt-br", "ru", "uz"].into_iter().find(|it| *it == tag);
        let cases = [
            ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
            ("fr, uz;q=0.7, en;q=0.3", "uz"),
            ("en;q=0.3, uz-Latn-UZ;q=0.7", "uz"),
            ("pt-BR", "pt-br"),
            ("pt", "en"),
            ("ru;q=0", "en"),
            ("", "en"),
            ("*", "en"),
            (";;;q=x,,", "en"),
        ];
        for (header, expected) in cases {
            assert_eq!(choose(header, spoken), expected, "{header}");
        }
    }
}
