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
    Stored,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    channel::Channel,
    commit::GroupCommit,
    config::{ChannelPolicy, EngineConfig, Groups, Scope},
    render::render,
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
            let id = event.id().clone();
            match event {
                Event::Message(message) => {
                    if self.channel.policy.takes(&message) {
                        run.places.push(index);
                        run.messages.push(self.message(message));
                    }
                    continue;
                }
                // What follows may be about what came before, so that is stored first.
                _ => self.store_run(std::mem::take(&mut run), None, &mut outcomes).await?,
            }
            let recorded = match event {
                Event::Moved(moved) => self.moved(&moved).await?,
                Event::Reachable(Reachability { conversation, reachable, .. }) => {
                    self.record(&id, Incident::Reachable { conversation, reachable }).await?
                }
                Event::Unreadable(Unreadable { reason, raw, .. }) => {
                    let (reason, raw) = (without_nul(reason), raw.into_bytes());
                    self.record(&id, Incident::Unreadable { reason, raw }).await?
                }
                _ => continue,
            };
            if !recorded {
                outcomes[index] = Accepted::Duplicate;
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
        self.store.known(&self.channel.policy.name, events).await.map_err(|error| unreadable(&error))
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
        let asked_at = Instant::now();
        let channel = self.channel.policy.name.clone();
        let accept = Accept { channel, fence: self.fence, messages: run.messages, cursor };
        let stored = match self.commit.submit(accept).await {
            Ok(AcceptOutcome::Committed(stored)) => stored,
            Ok(AcceptOutcome::NotOwner) => return Err(AcceptError::NotOwner),
            Err(_) => return Err(AcceptError::Unavailable { retry_after: RETRY_AFTER }),
        };
        let mut all = Vec::new();
        for (place, stored) in run.places.into_iter().zip(stored) {
            outcomes[place] = match stored {
                Stored::New { position, deliveries } => {
                    all.extend(deliveries);
                    Accepted::Stored(position)
                }
                Stored::Duplicate => Accepted::Duplicate,
            };
        }
        self.channel.push(all, asked_at);
        Ok(())
    }

    /// Gives the conversation its new address. Handed over again, it changes nothing.
    async fn moved(&self, moved: &ConversationMoved) -> Result<bool, AcceptError> {
        let channel = &self.channel.policy.name;
        self.store.move_conversation(channel, &moved.from, &moved.to).await.map_err(|error| later(&error))?;
        tracing::info!(%channel, from = %moved.from, to = %moved.to, "a conversation has another id now");
        Ok(true)
    }

    /// `false`: it had been recorded before.
    async fn record(&self, event: &EventId, incident: Incident) -> Result<bool, AcceptError> {
        let channel = &self.channel.policy.name;
        let unreadable = matches!(incident, Incident::Unreadable { .. });
        let new = self.store.record(channel, event, incident).await.map_err(|error| later(&error))?;
        if new && unreadable {
            tracing::warn!(%channel, %event, "an event could not be read; it is kept in the table unreadable");
        }
        Ok(new)
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
            text: without_nul(message.text),
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
            user_name: message.user_name.clone().map(without_nul),
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

/// Postgres cannot store U+0000.
pub(crate) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
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
