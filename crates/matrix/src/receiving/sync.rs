//! Asking for what is new, and storing it with the position after it.

use std::{collections::HashSet, sync::Mutex, time::Duration};

use matrix_sdk::{
    config::SyncSettings,
    deserialized_responses::TimelineEvent,
    ruma::{
        OwnedRoomId, UInt,
        api::client::{
            filter::{Filter as Types, FilterDefinition, LazyLoadOptions, RoomEventFilter},
            sync::sync_events::v3::{Filter, Request},
        },
    },
    sync::{JoinedRoomUpdate, SyncResponse, Timeline},
};
use switchboard_core::{ConnectionState, Event, PollPace, Reachability};
use tokio::time::{Instant, sleep};

use super::{
    Ended, Shared,
    late::{self, Keys},
    verification,
};
use crate::{account::StateError, error::Fault, id, inbound::Membership};

/// How many events of a room come at once. What is more is read from its history.
const TIMELINE: u32 = 100;
/// The most events of one transaction, roughly.
const BATCH: usize = 100;
/// For how long a position without messages need not be stored.
const POSITION_WAITS: Duration = Duration::from_mins(1);
/// A request may take so much longer than the homeserver is asked to hold it.
const GRACE: Duration = Duration::from_mins(1);

/// Takes what comes.
pub(super) struct Receiver<'a> {
    pub(super) shared: &'a Shared<'a>,
    /// What is to be stored next.
    pub(super) pending: Vec<Event>,
    /// The rooms of which nothing is missing up to our position.
    joined: HashSet<OwnedRoomId>,
    /// The keys that arrive. Never locked: a stream is not shared between threads, and `Self` is.
    keys: Mutex<Keys>,
    /// When our position was stored last.
    stored_at: Instant,
    /// For a homeserver that holds no request.
    pace: PollPace,
    /// Whether it has been logged that it holds none.
    told_of_haste: bool,
}

impl<'a> Receiver<'a> {
    pub(super) async fn new(shared: &'a Shared<'a>) -> Self {
        let keys = shared.keys().await;
        Self {
            shared,
            pending: Vec::new(),
            joined: HashSet::new(),
            keys: Mutex::new(keys),
            stored_at: Instant::now(),
            pace: PollPace::default(),
            told_of_haste: false,
        }
    }

    pub(super) async fn run(mut self) -> Ended {
        match Box::pin(self.begin()).await {
            Ok(()) => {}
            Err(ended) => return ended,
        }
        loop {
            if let Err(ended) = self.round(self.shared.config.sync_timeout).await {
                return ended;
            }
        }
    }

    /// Notes where the channel begins, if it never ran, and catches up with where the SDK is.
    async fn begin(&mut self) -> Result<(), Ended> {
        let Shared { account, config, inbox, .. } = self.shared;
        inbox.status().expect_progress_within(config.sync_timeout + config.call_timeout + GRACE);
        let start: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(12).collect();
        self.insist_on_state(|| account.keep(|kept| kept.begin(&start))).await;
        let next = self.shared.marks().next.clone();
        if next.is_empty() {
            let next = self.now().await?;
            self.shared.marks().begin(&account.device, start, next);
            // What is written from now on is taken, also if this process does not live to see it.
            let cursor = self.shared.marks().cursor();
            self.shared.store(Vec::new(), Some(cursor)).await?;
        } else {
            self.shared.marks().begin(&account.device, start, next);
        }
        let received = self.insist_on_state(|| account.received()).await;
        if received.is_none() {
            // The first sync of a device tells the rooms. What was written there is read from their histories,
            // as far as it came after our position.
            self.first_sync().await?;
        }
        self.forget_what_was_read().await;
        self.joined = self.rooms().filter(|room| !self.shared.marks().joining.contains(room)).collect();
        self.catch_up().await?;
        self.shared.publish_waiting();
        self.shared.changed.notify_waiters();
        Ok(())
    }

    /// What was read late is stored before a position that says so. A device without its key could not tell.
    async fn forget_what_was_read(&self) {
        let waiting: Vec<_> =
            self.shared.marks().waiting.iter().map(|it| id::event(it.event.as_str())).collect();
        // What stays is read again, if it can be.
        let Ok(known) = self.shared.inbox.known(&waiting).await else { return };
        self.shared.marks().keep_waiting(|event| !known.contains(&id::event(event.as_str())));
    }

    fn rooms(&self) -> impl Iterator<Item = OwnedRoomId> + use<> {
        self.shared.account.client.joined_rooms().into_iter().map(|room| room.room_id().to_owned())
    }

    /// The position of the homeserver's stream now. Asked until it says it.
    async fn now(&self) -> Result<String, Ended> {
        let mut request = Request::new();
        request.filter = Some(Filter::FilterDefinition(FilterDefinition::ignore_all()));
        request.timeout = Some(Duration::ZERO);
        let mut failures = 0;
        loop {
            match self.shared.account.client.send(request.clone()).await {
                Ok(response) => return Ok(response.next_batch),
                Err(error) => self.interrupted(Fault::of_call(&error), &mut failures).await?,
            }
        }
    }

    async fn first_sync(&self) -> Result<(), Ended> {
        let mut failures = 0;
        loop {
            let settings = SyncSettings::new().timeout(Duration::ZERO).filter(filter(1));
            match Box::pin(self.shared.account.client.sync_once(settings)).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    if self.received().await.is_some() {
                        return Ok(());
                    }
                    self.interrupted(Fault::of(&error), &mut failures).await?;
                }
            }
        }
    }

    /// Asks once for what is new, and stores it.
    async fn round(&mut self, hold: Duration) -> Result<(), Ended> {
        let mut failures = 0;
        loop {
            // After trouble, the answer is wanted at once.
            let quiet = !*self.shared.connected.borrow() || failures > 0;
            let hold = if quiet { Duration::ZERO } else { hold };
            let settings = SyncSettings::new().timeout(hold).filter(filter(TIMELINE));
            let asked = Instant::now();
            match Box::pin(self.shared.account.client.sync_once(settings)).await {
                Ok(response) => {
                    self.progressed();
                    // With another position it may be about devices and keys, which the SDK takes for itself.
                    let moved = response.next_batch != self.shared.marks().next;
                    let pause = self.pace.after(is_empty(&response) && !moved, hold, asked.elapsed());
                    // The same answer again comes without a position, and has nothing.
                    if !response.next_batch.is_empty() {
                        self.take(response).await?;
                    }
                    self.slow_down(pause).await;
                    return Ok(());
                }
                Err(error) => {
                    // The SDK failed on what came, after it had noted that it had it.
                    if self.received().await.is_some_and(|received| received != self.shared.marks().next) {
                        let reason = Fault::of(&error).describe();
                        tracing::warn!(channel = %self.shared.config.channel, reason, "reading what came from the rooms' histories");
                        self.progressed();
                        return self.catch_up().await;
                    }
                    self.interrupted(Fault::of(&error), &mut failures).await?;
                }
            }
        }
    }

    /// Waits where the homeserver answers at once with nothing.
    async fn slow_down(&mut self, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        if !std::mem::replace(&mut self.told_of_haste, true) {
            tracing::warn!(
                channel = %self.shared.config.channel,
                "syncs are answered at once with nothing, as by a broken proxy; the channel syncs more slowly"
            );
        }
        sleep(pause).await;
    }

    fn progressed(&self) {
        let status = self.shared.inbox.status();
        status.progress();
        if status.state() != ConnectionState::Connected {
            status.set(ConnectionState::Connected);
            tracing::info!(channel = %self.shared.config.channel, "connected to the homeserver");
        }
        self.shared.connected.send_replace(true);
    }

    async fn interrupted(&self, fault: Fault, failures: &mut u32) -> Result<(), Ended> {
        let reason = fault.describe();
        tracing::warn!(channel = %self.shared.config.channel, reason, "receiving is interrupted");
        self.shared.inbox.status().set(ConnectionState::Interrupted(reason));
        let waited = fault.ends_the_session();
        let fault = self.shared.confirmed(fault, *failures).await?;
        if !waited {
            sleep(fault.retry_after().unwrap_or_else(|| self.shared.config.pause(*failures))).await;
        }
        *failures = failures.saturating_add(1);
        Ok(())
    }

    async fn take(&mut self, response: SyncResponse) -> Result<(), Ended> {
        self.shared.refusals().take(&response.to_device);
        verification::requests(&response.to_device).for_each(|request| self.shared.offer_refusal(request));
        // What came before its key is older than what comes now.
        let arrived = late::arrived(self.keys.get_mut().expect("nobody panics while holding it"));
        self.shared.read_again_with(&arrived).await?;
        let since = self.shared.marks().next.clone();
        for (room, update) in response.rooms.joined {
            if self.joined.contains(&room) {
                self.take_timeline(&room, update.timeline, &since).await?;
            } else {
                self.enter(&room, &update).await?;
            }
        }
        for (room, update) in response.rooms.left {
            self.take_timeline(&room, update.timeline, &since).await?;
            self.joined.remove(&room);
            self.shared.marks().joining.remove(&room);
        }
        for (room, _) in response.rooms.invited {
            // It may have been left without a word of that.
            self.joined.remove(&room);
            self.shared.invited(&room).await;
        }
        self.shared.marks().next = response.next_batch;
        // An invitation can be accepted at once: as long as this position is not stored, the room is read from
        // before the invitation.
        self.shared.changed.notify_waiters();
        self.store_position().await
    }

    /// What happened in a room that the account was in.
    async fn take_timeline(
        &mut self,
        room: &OwnedRoomId,
        timeline: Timeline,
        since: &str,
    ) -> Result<(), Ended> {
        if timeline.limited {
            let known: HashSet<_> = timeline.events.iter().filter_map(TimelineEvent::event_id).collect();
            self.read_history(room, since, &known).await?;
        }
        for event in timeline.events {
            self.push(room, event.raw().json()).await?;
        }
        Ok(())
    }

    /// The room is the account's from now on: what was written since it was invited was written to it.
    async fn enter(&mut self, room: &OwnedRoomId, update: &JoinedRoomUpdate) -> Result<(), Ended> {
        if let Some(membership) = self.entrance(room, update).await? {
            self.read_from_the_invitation(room, &membership).await?;
            self.came_or_left(room, &membership);
        }
        self.joined.insert(room.clone());
        self.shared.marks().joining.remove(room);
        Ok(())
    }

    /// Notes whether the account is in the room from here on.
    pub(super) fn came_or_left(&mut self, room: &OwnedRoomId, membership: &Membership) {
        if membership.stayed {
            return;
        }
        let event_id = id::event(membership.event.as_str());
        // Its history, where a room is entered, may have it too.
        if self.pending.iter().any(|event| *event.id() == event_id) {
            return;
        }
        let conversation = id::Address { room: room.clone(), thread: None }.conversation();
        let reachable = membership.joined;
        self.pending.push(Event::Reachable(Reachability { event_id, conversation, reachable }));
    }

    /// Reads everything from our position to the SDK's, of every room.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        let account = self.shared.account;
        let Some(received) = self.insist_on_state(|| account.received()).await else {
            return Ok(());
        };
        let since = self.shared.marks().next.clone();
        if received != since {
            let rooms: Vec<_> = self.rooms().collect();
            for room in rooms {
                if self.joined.contains(&room) {
                    self.read_history(&room, &since, &HashSet::new()).await?;
                } else {
                    self.enter(&room, &JoinedRoomUpdate::default()).await?;
                }
            }
            // Where the account was thrown out meanwhile, it could see everything up to that.
            for room in account.client.left_rooms() {
                self.read_history(&room.room_id().to_owned(), &since, &HashSet::new()).await?;
            }
        }
        for room in account.client.invited_rooms() {
            self.shared.invited(room.room_id()).await;
        }
        self.shared.marks().next = received;
        self.store_position().await
    }

    /// Stores what is pending, if it is much.
    pub(super) async fn store_batch(&mut self) -> Result<(), Ended> {
        if self.pending.len() < BATCH {
            return Ok(());
        }
        // Our position stays, so that after a kill the rest is read again.
        let events = std::mem::take(&mut self.pending);
        let last = super::receipts::last_of_each_room(&events);
        self.shared.store(events, None).await?;
        self.shared.offer_receipts(last);
        Ok(())
    }

    /// Stores what is pending with where the channel stands. A position that comes with nothing else may wait: what
    /// is read again after a kill is recognised.
    async fn store_position(&mut self) -> Result<(), Ended> {
        let (cursor, entering) = {
            let marks = self.shared.marks();
            (marks.cursor(), !marks.joining.is_empty())
        };
        self.shared.publish_waiting();
        if self.pending.is_empty() && !entering && self.stored_at.elapsed() < POSITION_WAITS {
            *self.shared.unsaved.lock().expect("nobody panics while holding it") = Some(cursor);
            return Ok(());
        }
        let events = std::mem::take(&mut self.pending);
        let last = super::receipts::last_of_each_room(&events);
        self.shared.store(events, Some(cursor)).await?;
        *self.shared.unsaved.lock().expect("nobody panics while holding it") = None;
        self.stored_at = Instant::now();
        self.shared.offer_receipts(last);
        Ok(())
    }

    async fn received(&self) -> Option<String> {
        self.shared.account.received().await.ok().flatten()
    }

    /// Uses the state until it works: a full disk gets room.
    async fn insist_on_state<T, F>(&self, mut action: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, StateError>>,
    {
        loop {
            match action().await {
                Ok(value) => return value,
                Err(error) => {
                    let reason = switchboard_core::chain(&error);
                    tracing::error!(channel = %self.shared.config.channel, reason, "the state cannot be used");
                    self.shared.inbox.status().set(ConnectionState::Interrupted(reason));
                    sleep(self.shared.config.longest_pause).await;
                }
            }
        }
    }
}

/// Whether the answer has nothing for which it need not have been held.
fn is_empty(response: &SyncResponse) -> bool {
    let rooms = &response.rooms;
    let quiet = rooms.joined.is_empty() && rooms.left.is_empty() && rooms.invited.is_empty();
    quiet && response.to_device.is_empty()
}

/// Only what concerns us: who is online, who types and who has read what would wake us for nothing.
fn filter(timeline: u32) -> Filter {
    let mut definition = FilterDefinition::empty();
    definition.presence = Types::ignore_all();
    definition.room.ephemeral = RoomEventFilter::ignore_all();
    definition.room.account_data = RoomEventFilter::ignore_all();
    let members = LazyLoadOptions::Enabled { include_redundant_members: false };
    definition.room.state.lazy_load_options = members;
    definition.room.timeline.lazy_load_options = members;
    definition.room.timeline.limit = Some(UInt::from(timeline));
    Filter::FilterDefinition(definition)
}
