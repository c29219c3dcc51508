//! What happens besides messages: blocking, migration, edits, `/start`, and what nobody can read.

use serde_json::json;
use switchboard_core::{Event, Reachability};
use switchboard_telegram::Edited;

use crate::support::Channel;

fn reachability(events: &[Event]) -> Vec<(String, bool)> {
    let of = |event: &Event| match event {
        Event::Reachable(Reachability { conversation, reachable, .. }) => {
            Some((conversation.to_string(), *reachable))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[tokio::test]
async fn blocking_and_removing_the_bot_are_events_on_the_chat() {
    let channel = Channel::start(|_| {}).await;
    let (ann, group) = (channel.bot.user("Ann"), channel.bot.group("Team"));
    ann.blocks();
    ann.unblocks();
    group.kicks_bot(&ann);
    group.adds_bot(&ann);
    let events = channel.events(4).await;
    let (ann, group) = (ann.id().to_string(), group.id().to_string());
    let expected = [(ann.clone(), false), (ann, true), (group.clone(), false), (group, true)];
    assert_eq!(reachability(&events), expected);
}

#[tokio::test]
async fn other_rights_are_no_event() {
    let channel = Channel::start(|_| {}).await;
    let (ann, group) = (channel.bot.user("Ann"), channel.bot.group("Team"));
    let me = json!({ "id": channel.bot.id(), "is_bot": true, "first_name": "Stand-in" });
    let from = json!({ "id": ann.id(), "is_bot": false, "first_name": "Ann" });
    channel.bot.push_update(json!({ "my_chat_member": {
        "chat": { "id": group.id(), "type": "group", "title": "Team" }, "from": from, "date": 1_700_000_000,
        "old_chat_member": { "status": "member", "user": me },
        "new_chat_member": { "status": "administrator", "user": me, "can_be_edited": false, "is_anonymous": false,
            "can_manage_chat": true, "can_delete_messages": true, "can_manage_video_chats": true,
            "can_restrict_members": true, "can_promote_members": false, "can_change_info": true,
            "can_invite_users": true, "can_post_stories": false, "can_edit_stories": false,
            "can_delete_stories": false },
    } }));
    ann.sends("after that");
    let events = channel.events(1).await;
    assert!(matches!(&events[..], [Event::Message(_)]), "{events:?}");
}

#[tokio::test]
async fn a_group_that_becomes_a_supergroup_moves() {
    let channel = Channel::start(|_| {}).await;
    let (ann, group) = (channel.bot.user("Ann"), channel.bot.group("Team"));
    ann.says("before").to(&group).send();
    let supergroup = group.migrates(&ann);
    ann.says("after").to(&supergroup).send();
    let events = channel.events(4).await;
    // Told in the old chat and in the new one.
    for event in &events[1..3] {
        let Event::Moved(moved) = event else { panic!("{event:?}") };
        assert_eq!(moved.from.as_str(), group.id().to_string());
        assert_eq!(moved.to.as_str(), supergroup.id().to_string());
    }
    assert_ne!(events[1].id(), events[2].id());
}

#[tokio::test]
async fn edits_come_in_as_configured() {
    for (edited, expected) in [
        (Edited::Ignore, vec!["two fish", "the end"]),
        (
            Edited::Forward,
            vec!["two fish", "[edited message]\nto fish", "[edited message]\nto swim", "the end"],
        ),
    ] {
        let channel = Channel::start(|config| config.edited = edited).await;
        channel.bot.wait_until_polled(crate::support::LIMIT).await;
        let ann = channel.bot.user("Ann");
        let posted = ann.sends("two fish");
        ann.edits(posted, "to fish");
        ann.edits(posted, "to swim");
        ann.sends("the end");
        let messages = channel.messages(expected.len()).await;
        let texts: Vec<&str> = messages.iter().map(|message| &*message.text).collect();
        assert_eq!(texts, expected, "{edited:?}");
    }
}

#[tokio::test]
async fn a_live_location_that_moves_is_said_once() {
    let channel = Channel::start(|config| config.edited = Edited::Forward).await;
    channel.bot.wait_until_polled(crate::support::LIMIT).await;
    let ann = channel.bot.user("Ann");
    let place = json!({ "latitude": 1.5, "longitude": 2.5, "live_period": 900 });
    let posted = ann.posts(json!({ "location": place })).send();
    channel.bot.push_update(json!({ "edited_message": {
        "message_id": posted.message_id, "date": 1_700_000_000, "edit_date": 1_700_000_010, "location": place,
        "chat": { "id": ann.id(), "type": "private", "first_name": "Ann" },
        "from": { "id": ann.id(), "is_bot": false, "first_name": "Ann" },
    } }));
    ann.sends("the end");
    let texts: Vec<String> = channel.messages(2).await.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["[live location: 1.5, 2.5]", "the end"]);
}

#[tokio::test]
async fn start_is_forwarded_or_answered_by_the_greeting() {
    let said = ["/start", "/start from-the-site", "/start@stand_in_123456_bot", "/started", "hello"];
    for greeting in [None, Some("**Welcome!**")] {
        let channel = Channel::start(|config| config.greeting = greeting.map(str::to_owned)).await;
        let (ann, group) = (channel.bot.user("Ann"), channel.bot.group("Team"));
        for text in said {
            ann.sends(text);
        }
        ann.says("/start").to(&group).send();
        let messages = channel.messages(said.len() + 1).await;
        let answers: Vec<Option<&str>> = messages.iter().map(|message| message.answer.as_deref()).collect();
        assert_eq!(answers, [greeting, greeting, greeting, None, None, None], "{greeting:?}");
        let texts: Vec<&str> = messages[..said.len()].iter().map(|message| &*message.text).collect();
        assert_eq!(texts, said);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_passed_over() {
    let channel = Channel::start(|_| {}).await;
    channel.bot.wait_until_polled(crate::support::LIMIT).await;
    let broken = [
        json!({ "message": { "some fields are missing": true } }),
        json!({ "message": "no object" }),
        json!({ "my_chat_member": { "chat": 7 } }),
        json!({}),
    ];
    for update in &broken {
        channel.bot.push_update(update.clone());
    }
    channel.bot.user("Ann").sends("after them");
    let events = channel.events(broken.len() + 1).await;
    for (event, update) in events.iter().zip(&broken) {
        let Event::Unreadable(unreadable) = event else { panic!("{event:?}") };
        assert!(!unreadable.reason.is_empty());
        let raw: serde_json::Value = serde_json::from_str(&unreadable.raw).unwrap();
        assert!(update.as_object().unwrap().iter().all(|(name, value)| raw[name] == *value), "{raw}");
    }
    assert!(matches!(events.last(), Some(Event::Message(message)) if message.text == "after them"));
    channel.bot.wait_until_confirmed(crate::support::LIMIT).await;
}
