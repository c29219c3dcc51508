//! Fetching what was missed.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::{Ended, Receiver, Warning};
use crate::{client::Route, error::CallError, id::Address, inbound::Head};

/// The most messages that Discord gives at once.
const PAGE: usize = 100;

impl Receiver<'_> {
    /// Fetches from all direct channels that are known, the busiest first.
    pub(super) async fn fetch_direct(&mut self) -> Result<(), Ended> {
        for place in self.marks.direct() {
            if !self.fetched.contains_key(&place) {
                let after = self.marks.of(place);
                self.fetch(place, None, after, None).await?;
            }
        }
        self.marks.behind = false;
        self.store().await
    }

    /// Fetches and stores what was written in a place after a message, up to another one, which is not taken.
    pub(super) async fn fetch(
        &mut self,
        place: Address,
        guild: Option<u64>,
        mut after: u64,
        before: Option<u64>,
    ) -> Result<(), Ended> {
        if !self.pending.is_empty() {
            self.store().await?;
        }
        let mut last = 0;
        loop {
            let page = self.page(place, after).await?;
            let full = page.len() == PAGE;
            let end = before.unwrap_or(u64::MAX);
            for (head, raw) in page.iter().filter(|(head, _)| head.id.get() < end) {
                (after, last) = (head.id.get(), head.id.get());
                self.push(raw, head, place, guild).await?;
            }
            let over = page.last().is_none_or(|(head, _)| head.id.get() >= end);
            if !self.pending.is_empty() {
                self.store().await?;
            }
            if !full || over {
                break;
            }
        }
        self.fetched.insert(place, last);
        Ok(())
    }

    /// The oldest messages after one, oldest first. None where Discord shows none.
    async fn page(&mut self, place: Address, after: u64) -> Result<Vec<(Head, Box<RawValue>)>, Ended> {
        let route = Route { name: "GET messages", major: place.channel };
        let path = format!("/channels/{}/messages?limit={PAGE}&after={after}", place.channel);
        let Some(page) = self.insist::<Vec<Box<RawValue>>>(route, &path).await? else {
            self.warn_of_history(place);
            return Ok(Vec::new());
        };
        // What has no id cannot be told from what is known.
        let mut page: Vec<_> =
            page.into_iter().filter_map(|raw| Head::read(&raw).map(|head| (head, raw))).collect();
        page.sort_unstable_by_key(|(head, _)| head.id);
        Ok(page)
    }

    pub(super) fn warn_of_history(&mut self, place: Address) {
        if self.told.insert(Warning::History(place.channel)) {
            tracing::warn!(
                channel = %self.config.channel,
                place = place.channel,
                "history cannot be read, so what was missed there is lost; see the bot's permissions"
            );
        }
    }

    /// Asks until there is an answer. `None` where it is a refusal.
    pub(super) async fn insist<R: DeserializeOwned>(
        &self,
        route: Route,
        path: &str,
    ) -> Result<Option<R>, Ended> {
        let mut failures = 0;
        loop {
            let error = match self.client.get(route, path).await {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => error,
            };
            if let Some(error) = error.needs_a_person() {
                return Err(Ended::Fatal(error));
            }
            if matches!(&error, CallError::Refused(refusal) if refusal.status < 500) {
                return Ok(None);
            }
            let pause = error.retry_after().unwrap_or_else(|| self.config.pause(failures));
            if error.retry_after().is_none() {
                let reason = error.describe();
                tracing::warn!(channel = %self.config.channel, reason, "fetching what was missed is interrupted");
            }
            failures = failures.saturating_add(1);
            sleep(pause).await;
        }
    }
}
