//! Fetching what was missed.

use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::{BATCH, Ended, Receiver, Warning};
use crate::{
    bot,
    client::Route,
    error::{CallError, Refusal},
    id::Address,
    inbound::Head,
};

/// The most messages that Discord gives at once.
const PAGE: usize = 100;
/// How many places are asked at once. Discord lets a bot call 50 times in a second, and answers need their share.
const AT_ONCE: usize = 5;

/// After so many failures in a row it is looked whether other places' history is shown. With the pauses, that is after a minute.
const PERSISTENT: u32 = 6;

/// What may be missing in a place.
pub(super) struct Missing {
    pub(super) place: Address,
    pub(super) guild: Option<u64>,
    /// The last message that is known there.
    pub(super) after: u64,
    /// The last message that is there, as far as Discord says; it may have been deleted. 0 where nothing is said.
    pub(super) last: u64,
}

/// What Discord shows of a place.
enum Shown {
    Page(Page),
    /// Nothing, as if nobody had written anything, or nothing but errors.
    Mute,
    /// The place is not for the bot to see. Then nothing that is written there is for it.
    Hidden,
    /// There is no such place any more.
    Gone,
}

/// Messages, oldest first.
struct Page {
    messages: Vec<(Head, Box<RawValue>)>,
    /// Whether there may be more.
    full: bool,
}

impl Receiver<'_> {
    /// Fetches from all direct channels that are known, the busiest first.
    pub(super) async fn fetch_direct(&mut self) -> Result<(), Ended> {
        let direct = self.marks.direct().into_iter().filter(|place| !self.fetched.contains(place));
        let missing = |place| Missing { place, guild: None, after: self.marks.of(place), last: 0 };
        let missing = direct.map(missing).collect();
        self.fetch_all(missing).await?;
        self.marks.behind = false;
        self.store().await
    }

    /// Fetches from several places, asking some of them at once. Each one's messages stay in order.
    pub(super) async fn fetch_all(&mut self, missing: Vec<Missing>) -> Result<(), Ended> {
        for some in missing.chunks(AT_ONCE) {
            self.store_if(1).await?;
            let shown = try_join_all(some.iter().map(|missing| self.look(missing))).await?;
            for (missing, shown) in some.iter().zip(shown) {
                self.take_in(missing, None, shown).await?;
            }
        }
        Ok(())
    }

    /// Fetches what was written in a place, up to a message which is not taken.
    pub(super) async fn fetch(&mut self, missing: Missing, before: Option<u64>) -> Result<(), Ended> {
        self.store_if(1).await?;
        let shown = self.look(&missing).await?;
        self.take_in(&missing, before, shown).await
    }

    async fn take_in(&mut self, missing: &Missing, before: Option<u64>, shown: Shown) -> Result<(), Ended> {
        let Missing { place, guild, last: named, .. } = *missing;
        let end = before.unwrap_or(u64::MAX);
        let mut shown = shown;
        while let Shown::Page(page) = &shown {
            for (head, raw) in page.messages.iter().filter(|(head, _)| head.id.get() < end) {
                self.push(raw, head, place, guild).await?;
            }
            let last = page.messages.last().map(|(head, _)| head.id.get()).filter(|last| *last < end);
            let Some(last) = last.filter(|_| page.full) else { break };
            self.store_if(BATCH).await?;
            shown = self.page(place, last).await?;
        }
        if matches!(shown, Shown::Mute) {
            self.warn_of_history(place);
        }
        if matches!(shown, Shown::Gone) {
            self.marks.forget(place);
        } else if before.is_none() && named > 0 {
            // Where the last message was deleted or is not shown, it is not asked for again.
            self.marks.advance(place, named);
        }
        self.fetched.insert(place);
        self.store_if(BATCH).await
    }

    /// The first page after what is known, or why there is none.
    async fn look(&self, missing: &Missing) -> Result<Shown, Ended> {
        let place = missing.place;
        let shown = self.page(place, missing.after).await?;
        let nothing = matches!(&shown, Shown::Page(page) if page.messages.is_empty());
        if !nothing || missing.last == 0 {
            return Ok(shown);
        }
        // Either the last message was deleted, or history may not be read, of which the list says nothing.
        let route = Route { name: "GET message", major: place.channel };
        let path = format!("/channels/{}/messages/{}", place.channel, missing.last);
        let refused = self.insist::<IgnoredAny>(route, &path).await?.err();
        Ok(if refused.is_some_and(|refusal| refusal.status == 403) { Shown::Mute } else { shown })
    }

    async fn page(&self, place: Address, after: u64) -> Result<Shown, Ended> {
        let route = Route { name: "GET messages", major: place.channel };
        let path = format!("/channels/{}/messages?limit={PAGE}&after={after}", place.channel);
        Ok(match self.insist::<Vec<Box<RawValue>>>(route, &path).await? {
            Ok(page) => {
                let full = page.len() == PAGE;
                // What has no id cannot be told from what is known.
                let messages = page.into_iter().filter_map(|raw| Head::read(&raw).map(|head| (head, raw)));
                let mut messages: Vec<_> = messages.collect();
                messages.sort_unstable_by_key(|(head, _)| head.id);
                Shown::Page(Page { messages, full })
            }
            Err(refusal) if refusal.status == 404 => Shown::Gone,
            Err(refusal) if refusal.status >= 500 => Shown::Mute,
            Err(_) => Shown::Hidden,
        })
    }

    fn warn_of_history(&mut self, place: Address) {
        if self.told.insert(Warning::History(place.channel)) {
            tracing::warn!(
                channel = %self.config.channel,
                place = place.channel,
                "history cannot be read, so what was missed there is lost; doctor looks at the bot's permissions"
            );
        }
    }

    /// Whether Discord answers the same question about other places; where there are none, whether it answers at
    /// all. `answered`: how many answers there were before this one began to fail.
    async fn only_this_fails(&self, route: Route, answered: u64) -> bool {
        if self.answered.load(Ordering::Relaxed) > answered {
            return true;
        }
        let known = self.marks.direct().into_iter().chain(self.fetched.iter().copied());
        let Some(other) = known.map(|place| place.channel).find(|channel| *channel != route.major) else {
            return bot::ask_me(self.client).await.is_ok();
        };
        let route = Route { name: "GET messages", major: other };
        let path = format!("/channels/{other}/messages?limit=1");
        match self.client.get::<IgnoredAny>(route, &path).await {
            Ok(_) => true,
            Err(error) => matches!(error, CallError::Refused(refusal) if refusal.is_final()),
        }
    }

    /// Stores where so many events are pending.
    async fn store_if(&mut self, pending: usize) -> Result<(), Ended> {
        if self.pending.len() >= pending { self.store().await } else { Ok(()) }
    }

    /// Asks until there is an answer, which may be a refusal. One of them is made up for what goes on failing while
    /// Discord answers otherwise: it must not hold up everything else.
    pub(super) async fn insist<R: DeserializeOwned>(
        &self,
        route: Route,
        path: &str,
    ) -> Result<Result<R, Refusal>, Ended> {
        let answered = self.answered.load(Ordering::Relaxed);
        let mut failures = 0;
        loop {
            let error = match self.client.get(route, path).await {
                Ok(answer) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return Ok(Ok(answer));
                }
                // Believed only after a while: what refused a good token once may do so for a moment.
                Err(error) if error.needs_a_person().is_some() => {
                    sleep(self.config.pause(failures)).await;
                    bot::confirm(self.client, error).await
                }
                Err(error) => error,
            };
            if let Some(error) = error.needs_a_person() {
                return Err(Ended::Fatal(error));
            }
            let named = error.retry_after().filter(|pause| !pause.is_zero());
            match error {
                CallError::Refused(refusal) if refusal.is_final() => return Ok(Err(refusal)),
                CallError::Limited { .. } => {}
                error => {
                    let reason = error.describe();
                    if failures >= PERSISTENT && self.only_this_fails(route, answered).await {
                        return Ok(Err(Refusal { status: 500, code: 0, message: reason, retry_after: None }));
                    }
                    failures = failures.saturating_add(1);
                    tracing::warn!(channel = %self.config.channel, reason, "fetching what was missed is interrupted");
                }
            }
            sleep(named.unwrap_or_else(|| self.config.pause(failures.saturating_sub(1)))).await;
        }
    }
}
