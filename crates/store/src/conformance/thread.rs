//! What the AI's webhooks say of its dialogue.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use switchboard_core::{Flag, ThreadFields, ThreadUpdate};

use super::fixture::{Owner, answer, chat_detail, receive, receive_new, states, webhook};
use crate::{ChatRef, Reply, ReplyOutcome, Store, ThreadRow};

/// The first message opens a thread; its id is known with the first webhook, and stays.
pub async fn the_first_webhook_names_the_thread(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    assert_eq!(outline(&store, &chat).await, [(None, true)]);
    for _ in 0..2 {
        update(&store, &chat, states(Some("t1"), [])).await;
        assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), true)]);
    }
    owner.say(owner.direct("anna", "e2")).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), true)], "the thread goes on");
}

/// The platform began another dialogue: it becomes the open one.
pub async fn another_id_opens_another_thread(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    update(&store, &chat, states(Some("t1"), [(Flag::Interest, true)])).await;
    update(&store, &chat, states(Some("t2"), [(Flag::Success, true)])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false), (Some("t2".to_owned()), true)]);
    let threads = chat_detail(&store, &chat).await.threads;
    assert_eq!(threads[0].flags, [(Flag::Interest, true)].into());
    assert_eq!(threads[1].flags, [(Flag::Success, true)].into());

    // The same id on another chat is another thread.
    let boris = owner.chat("boris").await;
    update(&store, &boris, states(Some("t1"), [])).await;
    assert!(chat_detail(&store, &boris).await.threads[0].flags.is_empty());
}

/// After a close, the user's next message begins a new dialogue.
pub async fn a_closed_thread_is_left_by_the_next_message(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    update(&store, &chat, states(Some("t1"), [(Flag::Close, false)])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), true)]);
    update(&store, &chat, states(Some("t1"), [(Flag::Close, true)])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false)]);

    owner.say(owner.direct("anna", "e2")).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false), (None, true)]);
    update(&store, &chat, states(Some("t2"), [])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false), (Some("t2".to_owned()), true)]);

    // A thread may also be born closed.
    update(&store, &chat, states(Some("t3"), [(Flag::Close, true)])).await;
    let closed = |id: &str| (Some(id.to_owned()), false);
    assert_eq!(outline(&store, &chat).await.last(), Some(&closed("t3")));
}

/// A late webhook names its thread: it changes that one and leaves the open one alone.
pub async fn a_webhook_for_an_old_thread_stays_there(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    update(&store, &chat, states(Some("t1"), [(Flag::Close, true)])).await;
    owner.say(owner.direct("anna", "e2")).await;
    update(&store, &chat, states(Some("t1"), [(Flag::Success, true)])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false), (None, true)]);
    update(&store, &chat, states(Some("t1"), [(Flag::Close, true)])).await;
    assert_eq!(outline(&store, &chat).await, [(Some("t1".to_owned()), false), (None, true)]);
    let threads = chat_detail(&store, &chat).await.threads;
    assert_eq!(threads[0].flags, [(Flag::Close, true), (Flag::Success, true)].into());
    assert!(threads[1].flags.is_empty());
}

/// A webhook that names no thread means the open one, else the latest.
pub async fn without_an_id_the_open_or_latest_thread_is_meant(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    update(&store, &chat, states(None, [(Flag::Interest, true)])).await;
    assert_eq!(outline(&store, &chat).await, [(None, true)]);
    update(&store, &chat, states(Some("t1"), [])).await;
    update(&store, &chat, states(Some("t2"), [(Flag::Close, true)])).await;
    update(&store, &chat, states(None, [(Flag::Success, true)])).await;
    receive_new(&store, answer(&chat, "for the latest")).await;

    let threads = chat_detail(&store, &chat).await.threads;
    assert_eq!(threads.len(), 2);
    assert_eq!(threads[0].flags, [(Flag::Interest, true)].into());
    assert_eq!(threads[1].flags, [(Flag::Close, true), (Flag::Success, true)].into());
}

/// A flag may be stated with every webhook; only a change is an event. Unknown to *no* is none.
pub async fn every_change_of_a_flag_is_one_event(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    for (number, flag) in Flag::ALL.into_iter().enumerate() {
        let chat = owner.chat(&format!("user-{number}")).await;
        let mut expected = Vec::new();
        for (stated, changes) in
            [(false, false), (true, true), (true, false), (false, true), (false, false), (true, true)]
        {
            update(&store, &chat, states(Some("t1"), [(flag, stated)])).await;
            expected.extend(changes.then_some((flag.as_str(), stated)));
            let thread = only_thread(&store, &chat).await;
            assert_eq!(thread.flags, [(flag, stated)].into());
            let events: Vec<_> =
                thread.events.iter().map(|event| (event.flag.as_str(), event.value)).collect();
            assert_eq!(events, expected, "after {flag:?} = {stated}");
        }
    }
    let chat = owner.chat("all").await;
    update(&store, &chat, states(Some("t1"), Flag::ALL.map(|flag| (flag, true)))).await;
    update(&store, &chat, states(Some("t1"), [(Flag::Operator, false)])).await;
    let thread = only_thread(&store, &chat).await;
    assert_eq!(thread.events.len(), 7);
    assert!(Flag::ALL.iter().all(|flag| thread.flags[flag] == (*flag != Flag::Operator)));
}

/// What is stated replaces what was stored; what is not stated stays; extras are merged by name.
pub async fn fields_are_replaced_and_extras_merged(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let object = |value: Value| value.as_object().cloned().expect("an object");
    let first = ThreadFields {
        task_id: Some("task".to_owned()),
        title: Some("Анна \"A\"".to_owned()),
        contacts: Some(json!({"phone": "+7"})),
        panel_url: Some("https://panel.example.com/1".to_owned()),
        extra: object(json!({"a": 1, "b": {"deep": [1, null, "x"]}})),
        ..ThreadFields::default()
    };
    let second = ThreadFields {
        title: Some("Anna".to_owned()),
        contacts: Some(json!(["+7", "@anna"])),
        share_url: Some("https://share.example.com/1".to_owned()),
        extra: object(json!({"b": {"other": true}, "c": "new"})),
        ..ThreadFields::default()
    };
    for fields in [first.clone(), second] {
        let thread = ThreadUpdate { thread_id: Some("t1".to_owned()), fields, ..ThreadUpdate::default() };
        update(&store, &chat, thread).await;
    }
    let expected = ThreadFields {
        title: Some("Anna".to_owned()),
        contacts: Some(json!(["+7", "@anna"])),
        share_url: Some("https://share.example.com/1".to_owned()),
        extra: object(json!({"a": 1, "b": {"other": true}, "c": "new"})),
        ..first
    };
    let thread = only_thread(&store, &chat).await;
    assert_eq!(thread.fields, expected);
    assert!(thread.updated_at >= thread.created_at);
    assert!(thread.flags.is_empty() && thread.events.is_empty());
}

/// A webhook that says nothing of the thread leaves it exactly as it was.
pub async fn what_states_nothing_changes_nothing(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    update(&store, &chat, states(Some("t1"), [(Flag::Close, true)])).await;
    let before = chat_detail(&store, &chat).await;
    update(&store, &chat, ThreadUpdate::default()).await;
    assert_eq!(chat_detail(&store, &chat).await, before);
    assert_eq!(before.threads[0].fields.extra, Map::new());
}

/// The platform may repeat a message with newer flags: the flags count.
pub async fn a_seen_message_still_updates_the_thread(store: Arc<dyn Store>) {
    let owner = Owner::of(&store, "site").await;
    let chat = owner.chat("anna").await;
    let reply = |success| Reply {
        message_id: Some("m1".to_owned()),
        thread: states(Some("t1"), [(Flag::Success, success)]),
        ..answer(&chat, "hello")
    };
    receive_new(&store, reply(true)).await;
    let outcome = receive(&store, reply(false)).await;
    assert!(matches!(outcome, ReplyOutcome::Duplicate), "{outcome:?}");
    let thread = only_thread(&store, &chat).await;
    assert_eq!(thread.flags, [(Flag::Success, false)].into());
    assert_eq!(thread.events.len(), 2);
    assert_eq!(owner.history(&chat.conversation).await.len(), 2);
}

async fn update(store: &Arc<dyn Store>, chat: &ChatRef, thread: ThreadUpdate) {
    let outcome = receive(store, Reply { thread, ..webhook(chat) }).await;
    assert!(matches!(outcome, ReplyOutcome::Updated), "{outcome:?}");
}

async fn only_thread(store: &Arc<dyn Store>, chat: &ChatRef) -> ThreadRow {
    let threads = chat_detail(store, chat).await.threads;
    let [thread] = <[_; 1]>::try_from(threads).expect("there is one thread");
    thread
}

/// The ids of a chat's threads, and which one is open.
async fn outline(store: &Arc<dyn Store>, chat: &ChatRef) -> Vec<(Option<String>, bool)> {
    let threads = chat_detail(store, chat).await.threads;
    threads.into_iter().map(|thread| (thread.thread_id, thread.open)).collect()
}
