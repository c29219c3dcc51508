//! What comes in: from an adapter's inbox into the store.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use switchboard_core::{
    AcceptError, Accepted, Addressed, ChatRoute, ConversationId, Cursor, Event, EventId, HistoryEntry,
    IdempotencyKey, IncomingMessage, Intake, Place, Position, ReadError, chain, chat_id,
};
use switchboard_store::{
    Accept, AcceptMessage, AcceptOutcome, ChatSpec, LeaseToken, Store, StoreError, Stored,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    channel::Channel,
    commit::GroupCommit,
    config::{ChannelPolicy, Groups, Scope},
};

/// What an adapter is told to wait before it hands the same over again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Stands behind the inbox of one channel.
pub(crate) struct ChannelIntake {
    pub(crate) channel: Arc<Channel>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) commit: GroupCommit<Accept, AcceptOutcome>,
    pub(crate) ai_ttl: Duration,
    /// The owner's token, for the inbox of a run; `None` for HTTP.
    pub(crate) fence: Option<LeaseToken>,
}

#[async_trait]
impl Intake for ChannelIntake {
    async fn accept(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<Vec<Accepted>, AcceptError> {
        let policy = &self.channel.policy;
        let mut outcomes = vec![Accepted::Ignored; events.len()];
        let mut taken = Vec::new();
        let mut messages = Vec::new();
        for (index, event) in events.into_iter().enumerate() {
            let Event::Message(message) = event else { continue };
            if policy.takes(&message) {
                taken.push(index);
                messages.push(self.message(message));
            }
        }
        if messages.is_empty() && cursor.is_none() {
            return Ok(outcomes);
        }

        let asked_at = Instant::now();
        let accept = Accept { channel: policy.name.clone(), fence: self.fence, messages, cursor };
        let stored = match self.commit.submit(accept).await {
            Ok(AcceptOutcome::Committed(stored)) => stored,
            Ok(AcceptOutcome::NotOwner) => return Err(AcceptError::NotOwner),
            Err(_) => return Err(AcceptError::Unavailable { retry_after: RETRY_AFTER }),
        };
        let mut deliveries = Vec::new();
        for (index, stored) in taken.into_iter().zip(stored) {
            outcomes[index] = match stored {
                Stored::New { position, delivery } => {
                    deliveries.push(*delivery);
                    Accepted::Stored(position)
                }
                Stored::Duplicate => Accepted::Duplicate,
            };
        }
        self.channel.push(deliveries, asked_at);
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

    async fn known(&self, events: &[EventId]) -> Result<HashSet<EventId>, ReadError> {
        self.store.known(&self.channel.policy.name, events).await.map_err(|error| unreadable(&error))
    }
}

impl ChannelIntake {
    fn message(&self, message: IncomingMessage) -> AcceptMessage {
        let policy = &self.channel.policy;
        AcceptMessage {
            chat: policy.chat(&message),
            event_id: message.event_id,
            text: without_nul(message.text),
            native_id: message.native_id,
            sent_at: message.sent_at,
            key: new_key(),
            ttl: self.ai_ttl,
            notice_after: policy.notice.as_ref().map(|(_, after)| *after),
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
