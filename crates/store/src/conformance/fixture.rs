//! What the cases are written with: a channel and its owner, messages, answers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use switchboard_core::{
    AiName, Author, ChannelName, ChatRoute, ConversationId, Cursor, EventId, Flag, IdempotencyKey, MessageId,
    Place, Position, Receipt, ThreadUpdate, UserId, chat_id, markup::Rendered,
};

use crate::{
    Accept, AcceptMessage, AcceptOutcome, ChatDetail, ChatRef, ChatSpec, Delivery, DeliveryDetail, Direction,
    LaneState, LeaseToken, NewPart, Notice, Outcome, ReadyLane, Reply, ReplyMessage, ReplyOutcome, ScanFrom,
    Settle, Settled, Store, Stored,
};

/// Long enough for no case to see it pass.
pub const HOUR: Duration = Duration::from_hours(1);

/// A registered channel and the lease of its owner.
pub struct Owner {
    pub store: Arc<dyn Store>,
    pub channel: ChannelName,
    pub token: LeaseToken,
}

impl Owner {
    /// Registers the channel and takes it for an hour.
    pub async fn of(store: &Arc<dyn Store>, channel: &str) -> Self {
        let channel = ChannelName::new(channel);
        store.register_channel(&channel, "web").await.expect("a channel can be registered");
        let token = take(store, &channel, "replica-a").await;
        Self { store: store.clone(), channel, token }
    }

    /// Takes the channel away, as another replica would after this one's death.
    pub async fn successor(&self) -> Self {
        let token = take(&self.store, &self.channel, "replica-b").await;
        Self { store: self.store.clone(), channel: self.channel.clone(), token }
    }

    /// A message of this user in a direct conversation.
    pub fn direct(&self, user: &str, event: &str) -> AcceptMessage {
        let (conversation, user) = (ConversationId::new(format!("dm-{user}")), UserId::new(user));
        let names = chat_id(&self.channel, ChatRoute::Direct { conversation: &conversation, user: &user });
        let spec = ChatSpec {
            conversation,
            user: Some(user),
            chat_id: names,
            place: Place::Direct,
            user_name: None,
        };
        message(spec, event)
    }

    /// A message of this user in a group, where everybody has a chat of their own.
    pub fn group(&self, group: &str, user: &str, event: &str) -> AcceptMessage {
        let (conversation, user) = (ConversationId::new(group), UserId::new(user));
        let names = chat_id(&self.channel, ChatRoute::GroupUser { conversation: &conversation, user: &user });
        let spec =
            ChatSpec { conversation, user: Some(user), chat_id: names, place: Place::Group, user_name: None };
        message(spec, event)
    }

    /// A message in a group that shares one chat.
    pub fn room(&self, group: &str, event: &str) -> AcceptMessage {
        let conversation = ConversationId::new(group);
        let names = chat_id(&self.channel, ChatRoute::Room { conversation: &conversation });
        let spec =
            ChatSpec { conversation, user: None, chat_id: names, place: Place::Group, user_name: None };
        message(spec, event)
    }

    /// What the owner's adapter hands over.
    pub fn batch(&self, messages: Vec<AcceptMessage>, cursor: Option<&str>) -> Accept {
        Accept {
            channel: self.channel.clone(),
            fence: Some(self.token),
            messages,
            cursor: cursor.map(Cursor::new),
        }
    }

    /// Stores messages in one call.
    pub async fn take_in(&self, messages: Vec<AcceptMessage>) -> Vec<Stored> {
        let outcomes = self.store.accept(vec![self.batch(messages, None)]).await.expect("accept works");
        let [outcome] = <[_; 1]>::try_from(outcomes).expect("one item, one outcome");
        committed(outcome)
    }

    /// Stores one message that was not seen before.
    pub async fn say(&self, message: AcceptMessage) -> Said {
        let stored = self.take_in(vec![message]).await;
        let [stored] = <[_; 1]>::try_from(stored).expect("one message, one outcome");
        said(stored)
    }

    /// The first message of a new direct chat, settled: its lane to the AI is idle.
    pub async fn chat(&self, user: &str) -> ChatRef {
        let said = self.say(self.direct(user, &format!("first-{user}"))).await;
        self.settle(&said.delivery, sent()).await;
        said.delivery.chat
    }

    /// What the owner reports of an attempt.
    pub fn completion(&self, delivery: &Delivery, outcome: Outcome) -> Settle {
        Settle {
            channel: self.channel.clone(),
            fence: self.token,
            lane: delivery.lane,
            delivery: delivery.id,
            key: delivery.key.clone(),
            outcome,
            attempted: true,
        }
    }

    /// Completes one attempt.
    pub async fn settle(&self, delivery: &Delivery, outcome: Outcome) -> LaneState {
        match self.settle_all(vec![self.completion(delivery, outcome)]).await[..] {
            [Settled::Committed(state)] => state,
            ref other => panic!("not committed: {other:?}"),
        }
    }

    /// Completes attempts in one call.
    pub async fn settle_all(&self, batch: Vec<Settle>) -> Vec<Settled> {
        self.store.settle(batch).await.expect("settle works")
    }

    /// All lanes of the channel to the AI that may run now.
    pub async fn ready(&self) -> Vec<ReadyLane> {
        self.ready_in(Direction::ToAi).await
    }

    /// All lanes of the channel in this direction that may run now.
    pub async fn ready_in(&self, direction: Direction) -> Vec<ReadyLane> {
        let from = ScanFrom::default();
        self.store.ready_lanes(&self.channel, direction, from, 1000).await.expect("ready_lanes works")
    }

    /// The pending deliveries of a lane.
    pub async fn pending(&self, lane: crate::LaneId) -> Vec<Delivery> {
        self.store.load(&self.channel, &[lane], 1000).await.expect("load works")
    }

    /// What was said in a conversation.
    pub async fn history(&self, conversation: &ConversationId) -> Vec<switchboard_core::HistoryEntry> {
        let all = self.store.history(&self.channel, conversation, Position(0), 1000).await;
        all.expect("history works")
    }
}

async fn take(store: &Arc<dyn Store>, channel: &ChannelName, replica: &str) -> LeaseToken {
    let lease = store.acquire(channel, replica, HOUR, true).await.expect("acquire works");
    lease.expect("force always takes").token
}

fn message(chat: ChatSpec, event: &str) -> AcceptMessage {
    AcceptMessage {
        event_id: EventId::new(event),
        chat,
        text: format!("text of {event}"),
        native_id: Some(MessageId::new(format!("native-{event}"))),
        sent_at: None,
        key: key(),
        ttl: HOUR,
        notice_after: None,
        answer: None,
    }
}

/// A key that was never used before.
pub fn key() -> IdempotencyKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    IdempotencyKey::new(format!("{:024x}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A message that was stored.
#[derive(Debug)]
pub struct Said {
    pub position: Position,
    pub delivery: Delivery,
}

/// The outcome of an item that was committed.
pub fn committed(outcome: AcceptOutcome) -> Vec<Stored> {
    match outcome {
        AcceptOutcome::Committed(stored) => stored,
        AcceptOutcome::NotOwner => panic!("the owner was taken for another"),
    }
}

/// A message that was new.
pub fn said(stored: Stored) -> Said {
    match stored {
        Stored::New { position, mut deliveries } => {
            assert_eq!(deliveries.len(), 1, "one delivery to the AI");
            Said { position, delivery: deliveries.remove(0) }
        }
        Stored::Duplicate => panic!("a new message was taken for a duplicate"),
    }
}

/// The notice that may be due in this chat.
pub fn notice_in(chat: &ChatRef) -> Notice {
    Notice { chat: chat.key, chat_id: chat.chat_id.clone(), conversation: chat.conversation.clone() }
}

/// A webhook that states nothing and brings nothing.
pub fn webhook(chat: &ChatRef) -> Reply {
    Reply {
        ai: AiName::new("main"),
        chat: chat.clone(),
        message_id: None,
        thread: ThreadUpdate::default(),
        message: None,
    }
}

/// A webhook with the AI's answer, in one part.
pub fn answer(chat: &ChatRef, text: &str) -> Reply {
    Reply { message: Some(reply_message(Author::Bot, &[text])), ..webhook(chat) }
}

/// A message for the user, of these parts.
pub fn reply_message(author: Author, parts: &[&str]) -> ReplyMessage {
    let part = |text: &&str| NewPart { key: key(), text: Rendered::Plain { text: (*text).to_owned() } };
    ReplyMessage { author, text: parts.concat(), parts: parts.iter().map(part).collect(), ttl: HOUR }
}

/// What a webhook states of its thread.
pub fn states<const N: usize>(thread_id: Option<&str>, flags: [(Flag, bool); N]) -> ThreadUpdate {
    ThreadUpdate {
        thread_id: thread_id.map(str::to_owned),
        flags: BTreeMap::from(flags),
        ..ThreadUpdate::default()
    }
}

/// Stores one webhook.
pub async fn receive(store: &Arc<dyn Store>, reply: Reply) -> ReplyOutcome {
    let outcomes = store.reply(vec![reply]).await.expect("reply works");
    let [outcome] = <[_; 1]>::try_from(outcomes).expect("one webhook, one outcome");
    outcome
}

/// Stores one webhook whose message is new, and gives its deliveries.
pub async fn receive_new(store: &Arc<dyn Store>, reply: Reply) -> Vec<Delivery> {
    match receive(store, reply).await {
        ReplyOutcome::Stored { deliveries, .. } => deliveries,
        other => panic!("not stored: {other:?}"),
    }
}

/// A lane whose first pending delivery, this one, may run now.
pub fn ready_with(head: &Delivery) -> LaneState {
    LaneState::Ready { seq: head.seq, after: Duration::ZERO }
}

/// An attempt that sent it.
pub fn sent() -> Outcome {
    Outcome::Sent(Receipt::default())
}

/// An attempt that is repeated.
pub fn retry(after: Duration) -> Outcome {
    Outcome::Retry { after, error: "busy".to_owned() }
}

/// An attempt that is not repeated.
pub fn dead(error: &str) -> Outcome {
    Outcome::Dead { error: error.to_owned() }
}

/// A delivery with its history.
pub async fn detail(store: &Arc<dyn Store>, delivery: &Delivery) -> DeliveryDetail {
    store.delivery(delivery.id).await.expect("delivery works").expect("the delivery exists")
}

/// A chat with its threads.
pub async fn chat_detail(store: &Arc<dyn Store>, chat: &ChatRef) -> ChatDetail {
    store.chat(&chat.chat_id).await.expect("chat works").expect("the chat exists")
}

/// Texts that a store could spoil.
pub fn hard_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " leading and trailing ",
        "'; DROP TABLE message; --",
        "\"quoted\" and `ticked` and \\back\\slashed \\u0000 \\x00",
        "первая\nвторая\r\nтретья\tстрока",
        "👩‍👩‍👧‍👦 🇷🇺 é e\u{301} \u{202e}rtl\u{202c} \u{feff}bom",
        "\u{1}\u{7f}\u{fffd}\u{10ffff}",
        "{\"v\":1}",
        "$1 ?1 :name %s {}",
    ]
    .map(str::to_owned)
    .into();
    // 64 KB, of characters with four bytes.
    texts.push("🐘".repeat(16 * 1024));
    texts
}

/// Looks until it is there. A condition that never comes fails the case.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let deadline = Duration::from_mins(2);
    tokio::time::timeout(deadline, search).await.unwrap_or_else(|_| panic!("never came: {what}"))
}
