//! What the AI platform was asked, beside what somebody wrote and when the gateway was killed.

use std::collections::HashMap;

use switchboard_sandbox::ReceivedRequest;
use time::OffsetDateTime;

use super::System;

/// From before the gateway was killed until it ran again.
pub type Kill = (OffsetDateTime, OffsetDateTime);

#[expect(clippy::disallowed_methods, reason = "compared with the sandbox's own times")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Of the messages m0, m1, m2 … of a chat the AI was asked all that were written, in order, and something twice only
/// around a kill. What it was asked.
pub fn check_questions(system: &System, chat_id: &str, written: usize, kills: &[Kill]) -> Vec<String> {
    let requests: Vec<ReceivedRequest> =
        system.sandbox.requests(0).into_iter().filter(|it| it.chat_id == chat_id).collect();
    let mut first_seen: Vec<usize> = Vec::new();
    let mut times: HashMap<usize, OffsetDateTime> = HashMap::new();
    for request in &requests {
        let number: usize = request.message.strip_prefix('m').expect("ours").parse().expect("a number");
        if let Some(before) = times.insert(number, request.at) {
            let killed = kills.iter().any(|(from, to)| before <= *to && request.at >= *from);
            assert!(killed, "m{number} was asked twice without a kill in between");
            assert_eq!(first_seen.last(), Some(&number), "m{number} came again after a later one");
        } else {
            first_seen.push(number);
        }
    }
    assert_eq!(first_seen, (0..written).collect::<Vec<_>>(), "lost or out of order on the way to the AI");
    requests.into_iter().map(|request| request.message).collect()
}

/// The question that the sandbox answers with this text.
pub fn answered(text: &str) -> String {
    format!("m{}", text.chars().filter(char::is_ascii_digit).collect::<String>())
}
