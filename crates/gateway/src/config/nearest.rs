//! Guessing what somebody meant to write.

/// A remedy for a word that is not known: the nearest known one, else all of them.
pub(super) fn remedy(written: &str, known: &[&str]) -> String {
    // A third of the letters may be wrong: "tokn" is "token", but "id" is not "ai".
    let allowed = (written.chars().count() / 3).max(1);
    let nearest = known
        .iter()
        .map(|&word| (strsim::damerau_levenshtein(written, word), word))
        .filter(|&(distance, word)| distance <= allowed && distance < word.len())
        .min();
    match nearest {
        Some((_, word)) => format!("did you mean {word:?}?"),
        None if known.is_empty() => "take it out".to_owned(),
        None => format!("take one of {}", list(known)),
    }
}

/// `"a", "b", "c"`
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

/// `"a" or "b" or "c"`; where there are none, a place for one.
pub(super) fn any_of(words: &[&str]) -> String {
    if words.is_empty() {
        return "\"…\"".to_owned();
    }
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_else_all() {
        let known = ["token", "task_id", "ai"];
        assert_eq!(remedy("tokn", &known), "did you mean \"token\"?");
        assert_eq!(remedy("taskid", &known), "did you mean \"task_id\"?");
        assert_eq!(remedy("id", &known), "take one of \"token\", \"task_id\", \"ai\"");
        assert_eq!(remedy("id", &[]), "take it out");
    }
}
