//! What comes in and is no ordinary message: moves, who can be reached, what could not be read, answers of
//! the gateway's own; and attempts that a process's end cut off.

mod support;

use std::{collections::HashSet, time::Duration};

use support::{Database, Replica, Setup, message, sent, texts, until};
use switchboard_core::{
    Accepted, AiName, Author, ChannelName, ChatId, ConversationId, ConversationMoved, Cursor, Event, EventId,
    Idempotency, IdempotencyKey, IncomingMessage, Place, Reachability, ThreadUpdate, Unreadable, UserId,
    markup::Rendered,
};
use switchboard_engine::OnUnknown;
use switchboard_store::{Begin, Begun, DeliveryState, NewPart, REACHABLE, Reply, ReplyMessage};

#[tokio::test]
async fn a_chat_goes_on_at_the_new_address_of_its_conversation() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let inbox = replica.inbox().await;
    let to = ConversationId::new("dm-ann-moved");
    let moved = ConversationMoved {
        event_id: EventId::new("move"),
        from: ConversationId::new("dm-ann"),
        to: to.clone(),
    };
    let Event::Message(mut after) = message("ann", "after") else { unreachable!("it is a message") };
    after.conversation = to;
    // All in one hand-over: each must see what came before it.
    let events = vec![message("ann", "before"), Event::Moved(moved.clone()), Event::Message(after)];
    let accepted = inbox.accept(events, None).await.unwrap();
    assert!(matches!(accepted[0], Accepted::Stored(_)) && matches!(accepted[2], Accepted::Stored(_)));
    inbox.accept(vec![Event::Moved(moved)], None).await.unwrap();

    let requests = replica.ai.requests.wait(2).await;
    assert!(requests.iter().all(|(chat, _)| chat == "c:ann"), "it stays one chat: {requests:?}");
    replica.answers("ann", "hi").await;
    assert_eq!(replica.messenger.sends.wait(1).await[0].0, "dm-ann-moved");
    replica.stop().await;
}

#[tokio::test]
async fn a_message_with_an_answer_of_its_own_does_not_go_to_the_ai() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let Event::Message(mut start) = message("ann", "/start") else { unreachable!("it is a message") };
    start.answer = Some("Hello, **you**".to_owned());
    let inbox = replica.inbox().await;
    for expected in [true, false] {
        let accepted = inbox.accept(vec![Event::Message(start.clone())], None).await.unwrap();
        assert_eq!(matches!(accepted[0], Accepted::Stored(_)), expected);
    }
    assert_eq!(sent(&replica.messenger.sends.wait(1).await), ["Hello, you"]);

    replica.says("ann", "a question").await;
    assert_eq!(texts(&replica.ai.requests.wait(1).await), ["a question"]);
    replica.stop().await;
    assert_eq!(database.deliveries().await.len(), 2);
}

#[tokio::test]
async fn who_can_be_reached_and_what_cannot_be_read_is_stored_once() {
    let database = Database::new().await;
    let replica = Replica::start(&database, Setup::default());
    let inbox = replica.inbox().await;
    let events = vec![
        message("ann", "hello"),
        Event::Reachable(Reachability {
            event_id: EventId::new("blocked"),
            conversation: ConversationId::new("dm-ann"),
            reachable: false,
        }),
        Event::Unreadable(Unreadable {
            event_id: EventId::new("odd"),
            reason: "no type".to_owned(),
            raw: "{\"new\":true}".to_owned(),
        }),
    ];
    inbox.accept(events.clone(), None).await.unwrap();
    let again = inbox.accept(events, None).await.unwrap();
    assert_eq!(again, [Accepted::Duplicate; 3]);
    let seen = inbox.known(&[EventId::new("odd")]).await.unwrap();
    assert_eq!(seen, HashSet::from([EventId::new("odd")]));
    replica.stop().await;

    let chat = database.store.chat(&ChatId::new("c:ann")).await.unwrap().expect("the chat is there");
    let events: Vec<_> = chat.threads[0].events.iter().map(|event| (&*event.flag, event.value)).collect();
    assert_eq!(events, [(REACHABLE, false)]);
}

#[tokio::test]
async fn an_attempt_that_was_cut_off_is_not_repeated_where_so_configured() {
    for (on_unknown, expected) in
        [(OnUnknown::Drop, DeliveryState::Dead), (OnUnknown::Retry, DeliveryState::Sent)]
    {
        let database = Database::new().await;
        let setup = || Setup { idempotency: Idempotency::None, on_unknown, ..Setup::default() };
        let replica = Replica::start(&database, setup());
        replica.says("ann", "hello").await;
        replica.ai.requests.wait(1).await;
        replica.stop().await;

        // The answer comes while nobody runs the channel.
        let chat = database.store.find_chat(&ChatId::new("c:ann")).await.unwrap().expect("the chat is there");
        let text = Rendered::Plain { text: "perhaps".to_owned() };
        let message = ReplyMessage {
            author: Author::Bot,
            text: "perhaps".to_owned(),
            parts: vec![NewPart { key: IdempotencyKey::new("key of perhaps"), text }],
            ttl: Duration::from_hours(1),
        };
        let reply = Reply {
            ai: AiName::new("main"),
            chat,
            message_id: None,
            thread: ThreadUpdate::default(),
            message: Some(message),
        };
        database.store.reply(vec![reply]).await.unwrap();

        // An owner that begins an attempt and is never heard of again.
        let channel = ChannelName::new("c");
        let lease = database.store.acquire(&channel, "dead", Duration::ZERO, true).await.unwrap();
        let fence = lease.expect("force always takes").token;
        let delivery = database.deliveries().await[1].id;
        let key = IdempotencyKey::new("key of perhaps");
        let begun = database.store.begin(vec![Begin { channel, fence, delivery, key }]).await.unwrap();
        assert_eq!(begun, [Begun::Committed]);

        let replica = Replica::start(&database, setup());
        let state = async || database.deliveries().await[1].state;
        until("it is settled", async || state().await != DeliveryState::Pending).await;
        assert_eq!(state().await, expected);
        assert_eq!(replica.messenger.sends.calls().len(), usize::from(on_unknown == OnUnknown::Retry));
        replica.stop().await;
    }
}

/// Nobody else's messages are kept out by one that no store takes, and the adapter goes on.
#[tokio::test]
async fn an_event_that_cannot_be_stored_keeps_no_other_out() {
    // Escaped in the chat's name, two of these are longer than a key of PostgreSQL may be.
    let mut random = fastrand::Rng::with_seed(1);
    let mut long = || -> String { (0..900).map(|_| char::from(random.u8(b'!'..=b'~'))).collect() };
    for (database, takes_all) in [(Database::new().await, true), (Database::postgres().await, false)] {
        let replica = Replica::start(&database, Setup::default());
        let inbox = replica.inbox().await;
        let (conversation, user) = (ConversationId::new(long()), UserId::new(long()));
        let poisoned = |change: &dyn Fn(&mut IncomingMessage)| {
            let Event::Message(mut message) = message("mallory", "poison") else { unreachable!() };
            change(&mut message);
            Event::Message(message)
        };
        let events = vec![
            message("ann", "one"),
            poisoned(&|it| it.sent_at = Some(time::macros::datetime!(-7537-01-01 0:00 UTC))),
            poisoned(&|it| it.user = UserId::new("nul\0")),
            poisoned(&|it| {
                it.place = Place::Group;
                (it.conversation, it.user) = (conversation.clone(), user.clone());
            }),
            poisoned(&|it| it.event_id = EventId::new("e".repeat(5000))),
            message("ben", "two"),
        ];
        let cursor = Cursor::new("after the poison");
        let outcomes = inbox.accept(events.clone(), Some(cursor.clone())).await.expect("it is taken");
        let stored = |at: usize| matches!(outcomes[at], Accepted::Stored(_));
        assert!(stored(0) && stored(1) && stored(4) && stored(5), "{outcomes:?}");
        assert_eq!(outcomes[2], Accepted::Ignored);
        assert_eq!(stored(3), takes_all, "{outcomes:?}");
        assert_eq!(inbox.cursor().await, Ok(Some(cursor)));
        let ids: Vec<EventId> = events.iter().map(|event| event.id().clone()).collect();
        let known = inbox.known(&ids).await.expect("the store works");
        assert_eq!(known.len(), ids.len(), "what is unreadable is kept, too");
        let again = inbox.accept(events, None).await.expect("it is taken again");
        assert!(again.iter().all(|outcome| *outcome == Accepted::Duplicate), "{again:?}");
        replica.stop().await;
    }
}
