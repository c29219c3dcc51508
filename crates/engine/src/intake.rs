//! What comes in: from an adapter's inbox into the store.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use switchboard_core::{
    AcceptError, Accepted, Addressed, Author, ChatRoute, ConversationId, ConversationMoved, Cursor, Event,
    EventId, HistoryEntry, IdempotencyKey, IncomingMessage, Intake, News, Place, Position, Reachability,
    ReadError, Unreadable, chain, chat_id,
};
use switchboard_store::{
    Accept, AcceptMessage, AcceptOutcome, ChatSpec, Incident, LeaseToken, ReplyMessage, Store, StoreError,
    StoreResult, Stored,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    channel::Channel,
    commit::{CommitError, GroupCommit},
    config::{ChannelPolicy, EngineConfig, Groups, Scope},
    render::render,
    storable::{self, without_nul},
};

/// What an adapter is told to wait before it hands the same over again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Stands behind the inbox of one channel.
pub(crate) struct ChannelIntake {
    pub(crate) channel: Arc<Channel>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commit: GroupCommit<Accept, AcceptOutcome>,
    pub(crate) config: Arc<EngineConfig>,
    /// The owner's token, for the inbox of a run; `None` for HTTP.
    pub(crate) fence: Option<LeaseToken>,
}

#[async_trait]
impl Intake for ChannelIntake {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        let mut outcomes = vec![Accepted::Ignored; events.len()];
        let mut run = Run::default();
        for (index, event) in events.into_iter().enumerate() {
            match event {
                Event::Message(message) if !self.channel.policy.takes(&message) => {}
                Event::Message(message) if storable::refusal(&message).is_none() => {
                    run.places.push(index);
                    run.messages.push(self.message(storable::clean(message)));
                }
                event => {
                    // It may be about what came before, so that is stored first.
                    self.store_run(std::mem::take(&mut run), None, &mut outcomes).await?;
                    if !self.incident(event).await? {
                        outcomes[index] = Accepted::Duplicate;
                    }
                }
            }
        }
        self.store_run(run, cursor, &mut outcomes).await?;
        Ok(outcomes)
    }

    async fn cursor(&self) -> Result<Option<Cursor>, ReadError> {
        self.store.cursor(&self.channel.policy.name).await.map_err(|error| unreadable(&error))
    }

    async fn history(
        &self,
        conversation: &ConversationId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        let channel = &self.channel.policy.name;
        self.store.history(channel, conversation, after, limit).await.map_err(|error| unreadable(&error))
    }

    async fn news(&self, after: Option<Position>) -> Result<News, ReadError> {
        self.store.news(&self.channel.policy.name, after).await.map_err(|error| unreadable(&error))
    }

    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        let stored: Vec<EventId> = events.iter().cloned().map(storable::event_id).collect();
        let known = self.store.known(&self.channel.policy.name, &stored).await;
        let known = known.map_err(|error| unreadable(&error))?;
        let pairs = events.iter().zip(&stored).filter(|(_, stored)| known.contains(stored));
        Ok(pairs.map(|(event, _)| event.clone()).collect())
    }
}

/// Messages that are stored together, and their places among the events.
#[derive(Default)]
struct Run {
    places: Vec<usize>,
    messages: Vec<AcceptMessage>,
}

impl ChannelIntake {
    async fn store_run(
        &self,
        run: Run,
        cursor: Option<Cursor>,
        outcomes: &mut [Accepted],
    ) -> Result<(), AcceptError> {
        if run.messages.is_empty() && cursor.is_none() {
            return Ok(());
        }
        // The copy is for the rare case that the store refuses it and it must be stored singly.
        match self.submit(run.messages.clone(), cursor.clone()).await? {
            Ok(stored) => {
                for (place, outcome) in run.places.into_iter().zip(stored) {
                    outcomes[place] = outcome;
                }
                Ok(())
            }
            Err(_) => self.store_singly(run, cursor, outcomes).await,
        }
    }

    /// One message that the store refuses must not keep the others out for ever: it is kept as unreadable.
    async fn store_singly(
        &self,
        run: Run,
        cursor: Option<Cursor>,
        outcomes: &mut [Accepted],
    ) -> Result<(), AcceptError> {
        for (place, message) in run.places.into_iter().zip(run.messages) {
            match self.submit(vec![message.clone()], None).await? {
                Ok(stored) => outcomes[place] = stored[0],
                Err(reason) => {
                    let raw = format!("{message:?}").into_bytes();
                    let new = self.keep_unreadable(&message.event_id, reason, raw).await?;
                    outcomes[place] = if new { Accepted::Ignored } else { Accepted::Duplicate };
                }
            }
        }
        if cursor.is_some()
            && let Err(reason) = self.submit(Vec::new(), cursor).await?
        {
            let channel = &self.channel.policy.name;
            tracing::error!(%channel, reason, "the adapter's cursor cannot be stored; it goes on without");
        }
        Ok(())
    }

    /// What became of each message; or why the store refuses them.
    async fn submit(
        &self,
        messages: Vec<AcceptMessage>,
        cursor: Option<Cursor>,
    ) -> Result<Result<Vec<Accepted>, String>, AcceptError> {
        let asked_at = Instant::now();
        let channel = self.channel.policy.name.clone();
        let accept = Accept { channel, fence: self.fence, messages, cursor };
        let stored = match self.commit.submit(accept).await {
            Ok(AcceptOutcome::Committed(stored)) => stored,
            Ok(AcceptOutcome::NotOwner) => return Err(AcceptError::NotOwner),
            Err(CommitError::Unavailable) => {
                return Err(AcceptError::Unavailable { retry_after: RETRY_AFTER });
            }
            Err(CommitError::Refused(reason)) => return Ok(Err(reason)),
        };
        let mut all = Vec::new();
        let accepted = stored.into_iter().map(|stored| match stored {
            Stored::New { position, deliveries } => {
                all.extend(deliveries);
                Accepted::Stored(position)
            }
            Stored::Duplicate => Accepted::Duplicate,
        });
        let accepted = accepted.collect();
        self.channel.push(all, asked_at);
        Ok(Ok(accepted))
    }

    /// Stores what is no message, or one whose ids no store takes. `false`: it had been stored before.
    async fn incident(&self, event: Event) -> Result<bool, AcceptError> {
        let id = storable::event_id(event.id().clone());
        let stored = match event.clone() {
            Event::Moved(moved) => self.moved(&moved).await,
            Event::Reachable(Reachability { conversation, reachable, .. }) => {
                self.record(&id, Incident::Reachable { conversation, reachable }).await
            }
            Event::Unreadable(Unreadable { reason, raw, .. }) => {
                return self.keep_unreadable(&id, reason, raw.into_bytes()).await;
            }
            Event::Message(message) => {
                let reason = storable::refusal(&message).unwrap_or_default();
                return self.keep_unreadable(&id, reason, format!("{message:?}").into_bytes()).await;
            }
            _ => return Ok(true),
        };
        match stored {
            Ok(new) => Ok(new),
            Err(error) if error.is_transient() => Err(later(&error)),
            Err(error) => self.keep_unreadable(&id, chain(&error), format!("{event:?}").into_bytes()).await,
        }
    }

    /// Gives the conversation its new address. Handed over again, it changes nothing.
    async fn moved(&self, moved: &ConversationMoved) -> StoreResult<bool> {
        let channel = &self.channel.policy.name;
        self.store.move_conversation(channel, &moved.from, &moved.to).await?;
        tracing::info!(%channel, from = %moved.from, to = %moved.to, "a conversation has another id now");
        Ok(true)
    }

    /// `false`: it had been recorded before.
    async fn record(&self, event: &EventId, incident: Incident) -> StoreResult<bool> {
        self.store.record(&self.channel.policy.name, event, incident).await
    }

    /// Keeps what cannot be read or stored for a person to look at. `false`: it is kept already.
    async fn keep_unreadable(
        &self,
        event: &EventId,
        reason: String,
        raw: Vec<u8>,
    ) -> Result<bool, AcceptError> {
        let channel = &self.channel.policy.name;
        let reason = without_nul(reason);
        match self.record(event, Incident::Unreadable { reason: reason.clone(), raw }).await {
            Ok(new) => {
                if new {
                    tracing::warn!(%channel, %event, reason, "an event could not be taken in; it is kept in the table unreadable");
                }
                Ok(new)
            }
            Err(error) if error.is_transient() => Err(later(&error)),
            // Nothing of it depends on what strangers choose any more, but no event may hold up all others.
            Err(error) => {
                tracing::error!(%channel, %event, error = %chain(&error), "an event could not even be kept as unreadable");
                Ok(true)
            }
        }
    }

    /// The gateway's own answer, rendered and split for the channel.
    fn answer(&self, conversation: &ConversationId, text: String) -> ReplyMessage {
        let ttl = self.config.messenger_ttl;
        render(self.channel.messenger(), conversation, Author::Gateway, text, ttl)
    }

    fn message(&self, message: IncomingMessage) -> AcceptMessage {
        let policy = &self.channel.policy;
        let answer = message.answer.clone().map(|text| self.answer(&message.conversation, text));
        AcceptMessage {
            chat: policy.chat(&message),
            event_id: message.event_id,
            text: message.text,
            native_id: message.native_id,
            sent_at: message.sent_at,
            key: new_key(),
            ttl: self.config.ai_ttl,
            notice_after: policy.notice.as_ref().map(|(_, after)| *after),
            answer,
        }
    }
}

impl ChannelPolicy {
    /// Whether the channel's rules let this message in.
    fn takes(&self, message: &IncomingMessage) -> bool {
        message.place == Place::Direct
            || match self.groups {
                Groups::All => true,
                Groups::Mention => message.addressed == Addressed::ToBot,
                Groups::Off => false,
            }
    }

    /// The chat that this message belongs to.
    fn chat(&self, message: &IncomingMessage) -> ChatSpec {
        let (conversation, user) = (&message.conversation, &message.user);
        let (route, user) = match (message.place, self.scope) {
            (Place::Direct, _) => (ChatRoute::Direct { conversation, user }, Some(user)),
            (Place::Group, Scope::User) => (ChatRoute::GroupUser { conversation, user }, Some(user)),
            (Place::Group, Scope::Room) => (ChatRoute::Room { conversation }, None),
        };
        ChatSpec {
            conversation: conversation.clone(),
            user: user.cloned(),
            chat_id: chat_id(&self.name, route),
            place: message.place,
            user_name: message.user_name.clone(),
        }
    }
}

/// A new idempotency key: 24 hexadecimal digits, which is as long as the shortest limit of a
/// platform (Discord's 25 characters) lets it be.
pub(crate) fn new_key() -> IdempotencyKey {
    let mut key = Uuid::new_v4().simple().to_string();
    key.truncate(24);
    IdempotencyKey::new(key)
}

/// The adapter hands the same over again.
fn later(error: &StoreError) -> AcceptError {
    tracing::warn!(error = %chain(error), "the store did not take it");
    AcceptError::Unavailable { retry_after: RETRY_AFTER }
}

fn unreadable(error: &StoreError) -> ReadError {
    tracing::warn!(error = %chain(error), "the store did not answer");
    ReadError
}

#[cfg(test)]
mod tests {
    use switchboard_core::{AiName, ChannelName, UserId};

    use super::*;
    use crate::config::{Limits, OnUnknown};

    fn policy(groups: Groups, scope: Scope) -> ChannelPolicy {
        ChannelPolicy {
            name: ChannelName::new("c"),
            kind: "test".to_owned(),
            ai: AiName::new("main"),
            task_id: "1".to_owned(),
            groups,
            scope,
            limits: Limits::Off,
            on_unknown: OnUnknown::Retry,
            typing_cap: Duration::from_mins(2),
            notice: None,
        }
    }

    fn message(place: Place, addressed: Addressed) -> IncomingMessage {
        IncomingMessage {
            event_id: EventId::new("e"),
            conversation: ConversationId::new("room"),
            place,
            addressed,
            user: UserId::new("u"),
            user_name: None,
            native_id: None,
            text: "hi".to_owned(),
            sent_at: None,
            answer: None,
        }
    }

    #[test]
    fn groups_are_let_in_as_configured_and_direct_messages_always() {
        use Addressed::{ToBot, ToRoom};
        for (groups, to_bot, to_room) in
            [(Groups::Mention, true, false), (Groups::All, true, true), (Groups::Off, false, false)]
        {
            let policy = policy(groups, Scope::User);
            assert_eq!(policy.takes(&message(Place::Group, ToBot)), to_bot, "{groups:?}");
            assert_eq!(policy.takes(&message(Place::Group, ToRoom)), to_room, "{groups:?}");
            assert!(policy.takes(&message(Place::Direct, ToBot)), "{groups:?}");
        }
    }

    #[test]
    fn a_room_shares_one_chat_where_configured() {
        let in_group = message(Place::Group, Addressed::ToBot);
        let one = policy(Groups::All, Scope::User).chat(&in_group);
        assert_eq!((one.chat_id.preferred.as_str(), one.user.is_some()), ("c:room:u", true));
        let shared = policy(Groups::All, Scope::Room).chat(&in_group);
        assert_eq!((shared.chat_id.preferred.as_str(), shared.user), ("c:room", None));
    }
}
