//! The history of a room, read on from a position: oldest first, page by page.

use std::collections::HashSet;

use matrix_sdk::{
    Room,
    room::{Messages, MessagesOptions},
    ruma::{OwnedEventId, OwnedRoomId, UInt, api::client::context::get_context},
    sync::{JoinedRoomUpdate, State},
};
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::{Ended, sync::Receiver};
use crate::{
    error::Fault,
    inbound::{self, Membership, Read},
};

/// How many events are asked for at once.
const PAGE: u32 = 100;

impl Receiver<'_> {
    /// Takes what happened in the room after a position, until it meets what is known to have come.
    pub(super) async fn read_history(
        &mut self,
        room: &OwnedRoomId,
        after: &str,
        known: &HashSet<OwnedEventId>,
    ) -> Result<(), Ended> {
        let Some(handle) = self.shared.account.client.get_room(room) else { return Ok(()) };
        let mut from = after.to_owned();
        loop {
            let Some(page) = self.page(&handle, &from).await? else { return Ok(()) };
            for event in &page.chunk {
                if event.event_id().is_some_and(|event| known.contains(&event)) {
                    return Ok(());
                }
                self.push(room, event.raw().json()).await?;
            }
            self.shared.inbox.status().progress();
            // A page may be empty because nothing of it may be seen.
            match page.end {
                Some(end) if end != from => from = end,
                _ => return Ok(()),
            }
        }
    }

    /// Takes what happened in the room since the account was invited, or else since it came in.
    pub(super) async fn read_from_the_invitation(
        &mut self,
        room: &OwnedRoomId,
        membership: &Membership,
    ) -> Result<(), Ended> {
        let Some(handle) = self.shared.account.client.get_room(room) else { return Ok(()) };
        let mut beginnings = membership.replaces.iter().chain([&membership.event]).cloned();
        let from = loop {
            let Some(event) = beginnings.next() else { return Ok(()) };
            let mut request = get_context::v3::Request::new(room.clone(), event);
            request.limit = UInt::from(0_u32);
            let answer = self.insist(&handle, || async {
                let answer = self.shared.account.client.send(request.clone()).await;
                answer.map_err(|error| Fault::of_call(&error))
            });
            if let Some(from) = answer.await?.and_then(|answer| answer.end) {
                break from;
            }
        };
        self.read_history(room, &from, &HashSet::new()).await
    }

    /// The event by which the account came in.
    pub(super) async fn entrance(
        &self,
        room: &OwnedRoomId,
        update: &JoinedRoomUpdate,
    ) -> Result<Option<Membership>, Ended> {
        let timeline = update.timeline.events.iter().map(|event| event.raw().json());
        let (State::Before(state) | State::After(state)) = &update.state;
        let found = timeline
            .chain(state.iter().map(matrix_sdk::ruma::serde::Raw::json))
            .filter_map(|raw| self.membership(raw));
        if let Some(membership) = found.last() {
            return Ok(Some(membership));
        }
        // It is not in what came, or nothing came because the process ended before.
        let Some(handle) = self.shared.account.client.get_room(room) else { return Ok(None) };
        let page = self.insist(&handle, || async {
            let mut options = MessagesOptions::backward();
            options.limit = UInt::from(PAGE);
            options.filter.types = Some(vec!["m.room.member".to_owned()]);
            handle.messages(options).await.map_err(|error| Fault::of(&error))
        });
        let page = page.await?.map(|page| page.chunk).unwrap_or_default();
        Ok(page.iter().find_map(|event| self.membership(event.raw().json())))
    }

    fn membership(&self, raw: &RawValue) -> Option<Membership> {
        match inbound::read(raw, &self.shared.account.me, self.shared.config.edited) {
            Read::Membership(membership) if membership.joined => Some(membership),
            _ => None,
        }
    }

    /// The oldest events after a position. `None` where the homeserver shows none.
    async fn page(&self, room: &Room, from: &str) -> Result<Option<Messages>, Ended> {
        self.insist(room, || async {
            let mut options = MessagesOptions::forward().from(from);
            options.limit = UInt::from(PAGE);
            room.messages(options).await.map_err(|error| Fault::of(&error))
        })
        .await
    }

    /// Asks until there is an answer. `None` where it is a refusal.
    pub(super) async fn insist<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        room: &Room,
        mut ask: impl FnMut() -> F,
    ) -> Result<Option<T>, Ended> {
        let mut failures = 0;
        loop {
            let fault = match ask().await {
                Ok(answer) => return Ok(Some(answer)),
                Err(fault) => fault,
            };
            let fault = self.shared.confirmed(fault, failures).await?;
            let reason = fault.describe();
            let channel = &self.shared.config.channel;
            if matches!(fault, Fault::Refused { .. }) {
                let place = room.room_id().as_str();
                if self.shared.tell_once(place) {
                    tracing::warn!(%channel, place, reason, "the room's history cannot be read, so what was missed there is lost");
                }
                return Ok(None);
            }
            tracing::warn!(%channel, reason, "reading what was missed is interrupted");
            sleep(fault.retry_after().unwrap_or_else(|| self.shared.config.pause(failures))).await;
            failures = failures.saturating_add(1);
        }
    }
}
