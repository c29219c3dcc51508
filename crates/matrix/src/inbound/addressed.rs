//! Whether a text names the account.

use matrix_sdk::ruma::UserId;

/// Whether the text has the account's id or its name as a word, in whatever case.
pub(crate) fn names(text: &str, me: &UserId, display_name: Option<&str>) -> bool {
    let text = text.to_lowercase();
    let name = display_name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_lowercase);
    has_word(&text, &me.as_str().to_lowercase()) || name.is_some_and(|name| has_word(&text, &name))
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(begin, _)| {
        let before = text[..begin].chars().next_back();
        let after = text[begin + word.len()..].chars().next();
        let apart = |neighbour: Option<char>| neighbour.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        apart(before) && apart(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word() {
        let me = <&UserId>::try_from("@support:example.com").expect("a user");
        for (text, expected) in [
            ("Helper, where is my order?", true),
            ("thank you, HELPER", true),
            ("helpers are nice", false),
            ("a myhelper", false),
            ("@support:example.com hello", true),
            ("ask @support:example.community", false),
            ("support", false),
            ("<a href=\"https://matrix.to/#/@support:example.com\">Us</a>", true),
            ("", false),
        ] {
            assert_eq!(names(text, me, Some("Helper")), expected, "{text:?}");
        }
        assert!(!names("anything", me, Some(" ")));
        assert!(names("Ещё раз: Помощник?", me, Some("Помощник")));
    }
}
