//! A person with a client that listens.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use switchboard_testkit::synapse::{Account, Method};
use tokio::time::Instant;

use super::{PATIENCE, ai};

/// Somebody in a room with one other.
pub struct Person {
    account: Account,
    room: String,
    other: String,
    since: String,
}

impl Person {
    /// Listens from now on.
    pub async fn new(account: Account, room: String, other: &str) -> anyhow::Result<Self> {
        let sync = account.client(Method::GET, "/sync?timeout=0", None).await?;
        let since = sync["next_batch"].as_str().context("a position")?.to_owned();
        Ok(Self { account, room, other: other.to_owned(), since })
    }

    /// Says something, and waits for the answer to it.
    pub async fn round_trip(&mut self, text: &str) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        self.account.say(&self.room, text).await?;
        self.hear(&format!("{}{text}", ai::ANSWER)).await?;
        Ok(begin.elapsed())
    }

    /// Waits until the other has said this, next.
    pub async fn hear(&mut self, text: &str) -> anyhow::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let path = format!("/sync?timeout=30000&since={}", self.since);
            let sync = self.account.client(Method::GET, &path, None).await?;
            sync["next_batch"].as_str().context("a position")?.clone_into(&mut self.since);
            let events = sync["rooms"]["join"][&self.room]["timeline"]["events"].as_array();
            let theirs = |event: &&Value| event["sender"] == *self.other && event["type"] == "m.room.message";
            if let Some(event) = events.into_iter().flatten().find(theirs) {
                ensure!(
                    event["content"]["body"] == *text,
                    "{} came instead of {text}",
                    event["content"]["body"]
                );
                return Ok(());
            }
        }
        anyhow::bail!("{text} did not come")
    }
}
