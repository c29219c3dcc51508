//! What visitors see of a channel, as configured: colours, place, and texts.

use std::{collections::BTreeMap, str::FromStr};

use crate::texts;

/// The settings of what visitors see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// The heading, and the page's title, in every language. Default: "Chat", translated.
    pub title: Option<String>,
    /// Of the button, the heading and the visitor's own messages. Default: a blue.
    pub color: Color,
    /// In which corner of the site's pages the button is. Default: right.
    pub side: Side,
    /// Whether it is light or dark. Default: as the visitor has set it in the browser.
    pub theme: Theme,
    /// The language, where it is not to be the browser's.
    pub language: Option<String>,
    /// Whether new messages are heard by visitors who have not chosen. Default: no.
    pub sound: bool,
    /// What the AI is called, in every language. Default: "Assistant", translated.
    pub assistant_name: Option<String>,
    /// What an operator is called, in every language. Default: "Operator", translated.
    pub operator_name: Option<String>,
    /// What is shown before the first message, in every language. Default: an offer to help.
    pub greeting: Option<String>,
    /// What a visitor can ask with one click, before the first message, in every language. Default:
    /// none.
    pub questions: Vec<String>,
    /// Other texts than the built-in ones, by language (`de`, `pt-br`): of a built-in language what
    /// shall be different, and of any other what there is. What is missing there is in English.
    pub texts: BTreeMap<String, Wording>,
}

/// Texts in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// By their keys, which are [`text_keys`](crate::text_keys).
    pub texts: BTreeMap<String, String>,
    /// Instead of [`Appearance::questions`].
    pub questions: Option<Vec<String>>,
}

/// In which corner of a page the button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// At the bottom right.
    #[default]
    Right,
    /// At the bottom left.
    Left,
}

/// Whether it is light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the visitor has set it in the browser.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// A colour, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// It is not written as six hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a colour as #2f5bd8")]
pub struct NotAColor;

impl Default for Appearance {
    fn default() -> Self {
        Self {
            title: None,
            color: Color { red: 0x2f, green: 0x5b, blue: 0xd8 },
            side: Side::default(),
            theme: Theme::default(),
            language: None,
            sound: false,
            assistant_name: None,
            operator_name: None,
            greeting: None,
            questions: Vec::new(),
            texts: BTreeMap::new(),
        }
    }
}

impl Appearance {
    /// Whether there are texts in this language.
    pub fn speaks(&self, language: &str) -> bool {
        texts::built_in().contains_key(language) || self.texts.contains_key(language)
    }
}

impl Color {
    /// White or black, whichever can be read better on this colour: always at least 4.5 to 1, which
    /// is what WCAG asks for.
    pub(crate) fn text(self) -> &'static str {
        let light = self.luminance() + 0.05;
        if 1.05 / light >= light / 0.05 { "#ffffff" } else { "#000000" }
    }

    /// The relative luminance, as WCAG 2.2 defines it: from 0 for black to 1 for white.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl FromStr for Color {
    type Err = NotAColor;

    fn from_str(text: &str) -> Result<Self, NotAColor> {
        let digits =
            text.strip_prefix('#').filter(|it| it.len() == 6 && it.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = u32::from_str_radix(digits.ok_or(NotAColor)?, 16).map_err(|_| NotAColor)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written() {
        assert_eq!("#2F5bd8".parse::<Color>().unwrap().to_string(), "#2f5bd8");
        for wrong in ["2f5bd8", "#2f5bd", "#2f5bd80", "#2f5bdg", "#+f5bd8", "blue", ""] {
            assert_eq!(wrong.parse::<Color>(), Err(NotAColor), "{wrong}");
        }
    }

    #[test]
    fn text_can_be_read_on_every_colour() {
        for number in (0_u32..0x0100_0000).step_by(997) {
            let [_, red, green, blue] = number.to_be_bytes();
            let color = Color { red, green, blue };
            let text: Color = color.text().parse().unwrap();
            let (one, other) = (color.luminance() + 0.05, text.luminance() + 0.05);
            let contrast = f64::max(one / other, other / one);
            assert!(contrast >= 4.5, "{contrast} with {color}");
        }
        assert_eq!("#ffd400".parse::<Color>().unwrap().text(), "#000000");
        assert_eq!(Appearance::default().color.text(), "#ffffff");
    }
}
