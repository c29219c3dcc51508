//! The requests that were received, for tests to look at.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A request to `send_message_external`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedRequest {
    /// Counts from 1, in the order in which they arrived.
    pub number: u64,
    /// When it arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Its task. Empty if it was not understood.
    pub task_id: String,
    /// Its chat. Empty if it was not understood.
    pub chat_id: String,
    /// Its message. Empty if it was not understood.
    pub message: String,
    /// How it was answered.
    pub outcome: Outcome,
    /// Whether the message became a part of its dialogue.
    pub taken: bool,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With this status.
    Answered(u16),
    /// Not at all.
    Hung,
    /// By closing the connection.
    Closed,
}

/// The last requests.
#[derive(Debug)]
pub(crate) struct Journal {
    requests: VecDeque<ReceivedRequest>,
    limit: usize,
    total: u64,
}

impl Journal {
    pub(crate) fn new(limit: usize) -> Self {
        Self { requests: VecDeque::new(), limit, total: 0 }
    }

    /// Adds a request and gives it its number.
    pub(crate) fn add(&mut self, mut request: ReceivedRequest) {
        self.total += 1;
        request.number = self.total;
        self.requests.push_back(request);
        while self.requests.len() > self.limit {
            self.requests.pop_front();
        }
    }

    /// How many there were in all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Those with a greater number, in order.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = &ReceivedRequest> {
        let first = self.requests.partition_point(|request| request.number <= number);
        self.requests.range(first..)
    }
}
