//! The bot's answers. There is no AI here.

use std::{fmt::Write as _, time::Duration};

/// How long `/slow` takes unless it says otherwise, in seconds.
const SLOW_SECONDS: u64 = 10;
/// The longest that `/slow` takes, in seconds.
const SLOWEST_SECONDS: u64 = 300;
/// How long the text of `/long` is unless it says otherwise, in characters.
const LONG_CHARACTERS: usize = 10_000;
/// The longest text of `/long`, in characters.
const LONGEST_CHARACTERS: usize = 100_000;

const HELP: &str = "\
I am a **stand-in**, not an AI: I repeat what you write. I know these commands:

- `/markdown` shows every kind of formatting
- `/long` writes a long text; `/long 5000` one of that many characters
- `/slow` takes ten seconds to answer; `/slow 3` takes three
- `/operator` hands this dialogue to an operator, and I fall silent
- `/bot` brings me back
- `/contact` behaves as if you had left a contact; so does a phone number or an e-mail address
- `/close` closes this dialogue; your next message opens a new one
- `/help` lists all this";

const MARKDOWN: &str = "\
# A heading

Some **bold**, *italic*, ***both***, ~~struck~~ and `code`, and a [link](https://example.com/?a=1&b=2).

1. first
2. second
   - nested
   - again

> A quotation
> of two lines

```rust
fn main() {
    println!(\"<b>not bold</b> & *not italic*\");
}
```

| left | right |
|:-----|------:|
| a    | 1     |
| b    | 2     |

---

The end: 5 * 3 < 16 & snake_case_name, <script>alert('shown, not run')</script>";

/// What the bot says, and what else happens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Markdown.
    pub(crate) text: String,
    /// How much longer than usual it takes.
    pub(crate) extra_delay: Duration,
    /// What it changes about the dialogue.
    pub(crate) change: Change,
}

/// What changes about a dialogue with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// The bot is silent and an operator answers, or the other way round.
    Operator(bool),
    /// The user left a contact and is interested.
    Contact,
    /// It ends successfully.
    Close,
}

/// The bot's reply to this message. While an operator has the dialogue it only knows how to come
/// back.
pub(crate) fn reply(message: &str, operator: bool) -> Option<Reply> {
    let mut words = message.split_whitespace();
    // In groups some messengers write `/help@bot`.
    let command = words.next().and_then(|word| word.split('@').next()).unwrap_or("").to_lowercase();
    let number = words.next().and_then(|word| word.parse().ok());
    if operator {
        let reply = Reply::new("I am back. The operator has left this dialogue.");
        return (command == "/bot").then(|| reply.with(Change::Operator(false)));
    }
    Some(match command.as_str() {
        "/help" | "/start" => Reply::new(HELP),
        "/markdown" => Reply::new(MARKDOWN),
        "/long" => Reply::new(long_text(number)),
        "/slow" => slow(number),
        "/operator" => Reply::new("An **operator** takes over and I fall silent. `/bot` brings me back.")
            .with(Change::Operator(true)),
        "/bot" => Reply::new("I am here already."),
        "/contact" => Reply::new("Thank you, your contact is noted.").with(Change::Contact),
        "/close" => {
            Reply::new("This dialogue is closed. Your next message opens a new one.").with(Change::Close)
        }
        _ => Reply::new(format!("You wrote: {message}")),
    })
}

impl Reply {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), extra_delay: Duration::ZERO, change: Change::Nothing }
    }

    fn with(self, change: Change) -> Self {
        Self { change, ..self }
    }
}

fn slow(seconds: Option<usize>) -> Reply {
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(SLOW_SECONDS);
    let seconds = seconds.min(SLOWEST_SECONDS);
    let reply = Reply::new(format!("That took {seconds} seconds longer than usual."));
    Reply { extra_delay: Duration::from_secs(seconds), ..reply }
}

/// Numbered paragraphs, so that a reader sees when one is missing, and code that must be cut.
fn long_text(characters: Option<usize>) -> String {
    let characters = characters.unwrap_or(LONG_CHARACTERS).min(LONGEST_CHARACTERS);
    let mut text = String::with_capacity(characters + 1000);
    let mut number = 1;
    while text.len() < characters {
        if number % 10 == 0 {
            text.push_str("```text\n");
            for line in 1..=20 {
                writeln!(text, "code block after paragraph {number}, line {line} of 20").expect(INFALLIBLE);
            }
            text.push_str("```\n\n");
        } else {
            writeln!(
                text,
                "**Paragraph {number}.** A long answer must arrive whole and in order, whatever the \
                 messenger's limit is. Nothing in here means anything.\n"
            )
            .expect(INFALLIBLE);
        }
        number += 1;
    }
    text.push_str("*The end of the long text.*");
    text
}

const INFALLIBLE: &str = "writing to a String cannot fail";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_of_their_own_in_any_case() {
        for message in ["/help", " /HELP me", "/help@support_bot", "/start"] {
            assert_eq!(reply(message, false), Some(Reply::new(HELP)), "{message}");
        }
        for message in ["help", "/helpless", "say /help", ""] {
            assert_eq!(reply(message, false), Some(Reply::new(format!("You wrote: {message}"))));
        }
    }

    #[test]
    fn while_an_operator_answers_the_bot_only_comes_back() {
        for message in ["hello", "/help", "/operator", "/close"] {
            assert_eq!(reply(message, true), None);
        }
        assert_eq!(reply("/bot", true).map(|reply| reply.change), Some(Change::Operator(false)));
    }

    #[test]
    fn lengths_and_delays_can_be_named_within_limits() {
        let length = |message: &str| reply(message, false).map_or(0, |reply| reply.text.len());
        assert!((5000..6500).contains(&length("/long 5000")));
        assert!((10_000..11_500).contains(&length("/long")));
        assert!(length("/long 99999999999") < 102_000);
        let delay = |message: &str| reply(message, false).map(|reply| reply.extra_delay.as_secs());
        assert_eq!(delay("/slow"), Some(10));
        assert_eq!(delay("/slow 3"), Some(3));
        assert_eq!(delay("/slow 99999"), Some(300));
    }
}
