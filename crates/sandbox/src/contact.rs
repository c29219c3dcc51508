//! Finding a phone number or an e-mail address in what a user writes, as the platform's AI does.
//!
//! It is a guess, and errs on the side of silence: dates, amounts and ids are not phone numbers.

/// How many digits a phone number has that begins with `+`.
const INTERNATIONAL_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// How many digits it has otherwise. Shorter ones are more often something else.
const OTHER_DIGITS: std::ops::RangeInclusive<usize> = 9..=15;
/// The longest e-mail address there can be, in bytes.
const LONGEST_EMAIL: usize = 254;

/// How somebody can be reached. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    /// As it was written.
    pub(crate) phone: String,
    /// As it was written.
    pub(crate) email: String,
}

impl Contact {
    pub(crate) fn is_empty(&self) -> bool {
        self.phone.is_empty() && self.email.is_empty()
    }

    /// Takes over what the other one knows.
    pub(crate) fn update(&mut self, newer: Self) {
        if !newer.phone.is_empty() {
            self.phone = newer.phone;
        }
        if !newer.email.is_empty() {
            self.email = newer.email;
        }
    }
}

/// The first phone number and the first e-mail address in this text.
pub(crate) fn find(text: &str) -> Contact {
    Contact {
        phone: phone(text).unwrap_or_default().to_owned(),
        email: email(text).unwrap_or_default().to_owned(),
    }
}

fn email(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "<>()[]{}\"',;:|".contains(c));
    words.map(|word| word.trim_matches(['.', '!', '?', '*', '`'])).find(|word| is_email(word))
}

fn is_email(word: &str) -> bool {
    let Some((name, domain)) = word.split_once('@') else { return false };
    let name_fits = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    let label_fits = |label: &str| {
        let inside = !label.starts_with('-') && !label.ends_with('-');
        inside && !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    word.len() <= LONGEST_EMAIL
        && !name.is_empty()
        && name.chars().all(name_fits)
        && domain.split('.').all(label_fits)
        && last.chars().count() >= 2
        && last.chars().all(char::is_alphabetic)
}

fn phone(text: &str) -> Option<&str> {
    // The stretches of characters that numbers are written with.
    let belongs = |c: char| c.is_ascii_digit() || "+-() \u{a0}".contains(c);
    let mut rest = text;
    while let Some(start) = rest.find(belongs) {
        let run = &rest[start..];
        let end = run.find(|c| !belongs(c)).unwrap_or(run.len());
        if let Some(found) = phone_in(&rest[..start], &run[..end], &run[end..]) {
            return Some(found);
        }
        rest = &run[end..];
    }
    None
}

fn phone_in<'a>(before: &str, run: &'a str, after: &str) -> Option<&'a str> {
    let number = run.trim_start_matches(|c: char| c.is_whitespace() || "-)".contains(c));
    let prefix = &run[..run.len() - number.len()];
    let trimmed = number.trim_end_matches(|c: char| !c.is_ascii_digit());
    let suffix = &number[trimmed.len()..];
    // A number that touches a letter is a part of something longer, such as an id.
    let touches = |between: &str| between.chars().all(|c| c == '-');
    if touches(prefix) && before.chars().next_back().is_some_and(glues) || touches(suffix) && goes_on(after) {
        return None;
    }
    let number = match trimmed.strip_prefix('(') {
        Some(inside) if !inside.contains(')') => inside,
        _ => trimmed,
    };
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let allowed = if number.starts_with('+') { INTERNATIONAL_DIGITS } else { OTHER_DIGITS };
    let one_number = !number.chars().skip(1).any(|c| c == '+');
    (one_number && allowed.contains(&digits) && !is_date(number)).then_some(number)
}

/// Whether a number beside this character is a part of something longer.
fn glues(c: char) -> bool {
    c.is_alphanumeric() || "_/:@#=&%$€₽£".contains(c)
}

/// Whether a number before this text goes on in it. A full stop ends a sentence, or parts a number
/// that is no phone number.
fn goes_on(after: &str) -> bool {
    let mut after = after.chars();
    let next = after.next();
    next.is_some_and(glues)
        || matches!(next, Some('.' | ',')) && after.next().is_some_and(|c| c.is_ascii_digit())
}

/// `2026-01-31`, with or without something behind it.
fn is_date(number: &str) -> bool {
    let shape: String = number.chars().take(10).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_found_as_people_write_them() {
        for (text, expected) in [
            ("+998 90 123-45-67", "+998 90 123-45-67"),
            ("call me at +1 (555) 010-0199, please", "+1 (555) 010-0199"),
            ("8 (912) 345-67-89.", "8 (912) 345-67-89"),
            ("(901) 234 5678 or later", "(901) 234 5678"),
            ("мой номер: 901234567!", "901234567"),
            ("on 2026-01-31 call +49 30 1234567", "+49 30 1234567"),
            ("(+998 90 1234567)", "+998 90 1234567"),
            ("901234567(mobile)", "901234567"),
            ("order 17 and tel. +4930123456", "+4930123456"),
        ] {
            assert_eq!(find(text).phone, expected, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not_phone_numbers() {
        for text in [
            "",
            "message 12345",
            "2026-01-31 10:30",
            "2026-01-31 10",
            "192.168.100.200",
            "1234567890.50",
            "https://example.com/1721129985149",
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a71f-446655440000",
            "id_1234567890",
            "1721129985149x478019552540622850",
            "1234567890123456",
            "1 + 2 + 3 + 456789012",
        ] {
            assert_eq!(find(text).phone, "", "{text}");
        }
    }

    #[test]
    fn addresses_are_found_as_people_write_them() {
        for (text, expected) in [
            ("write to anna.b+1@mail.example.com.", "anna.b+1@mail.example.com"),
            ("<ann@example.org>, thanks", "ann@example.org"),
            ("почта: анна@пример.рф", "анна@пример.рф"),
            ("/help@support_bot", ""),
            ("@ann:example.org", ""),
            ("ann@example", ""),
            ("ann@@example.org", ""),
            ("ann@example..org", ""),
            ("ann@10.0.0.1", ""),
        ] {
            assert_eq!(find(text).email, expected, "{text}");
        }
    }

    #[test]
    fn what_is_newer_replaces_only_what_it_knows() {
        let mut contact = find("ann@example.org");
        contact.update(find("+998901234567"));
        assert_eq!((contact.phone.as_str(), contact.email.as_str()), ("+998901234567", "ann@example.org"));
        assert!(!contact.is_empty() && Contact::default().is_empty());
    }
}
