//! Nothing is lost, doubled or out of order.

use std::time::Duration;

use serde_json::json;
use switchboard_core::{ConversationId, Event, Verdict};
use switchboard_testkit::{
    matrix::{Fault, Room},
    wait::wait_for,
};

use super::scene::Scene;
use crate::channel::LIMIT;

/// Kills the channel when the SDK has noted what came and the channel has not stored it.
async fn kill_before_commit(scene: &mut Scene, room: &Room, text: &str) {
    scene.store.hold(true);
    scene.alice.sends(room, text);
    wait_for("a commit", LIMIT, async || scene.store.is_holding().then_some(())).await;
    scene.kill().await;
    scene.store.hold(false);
}

#[tokio::test]
async fn a_malformed_event_costs_its_neighbours_nothing() {
    let (scene, room) = Scene::start().await;
    let poison = json!({ "event_id": "$poison", "sender": scene.alice.id(), "content": { "body": "?" } });
    scene
        .at_once(|alice| {
            alice.sends(&room, "before");
            room.injects(poison);
            alice.sends(&room, "after");
        })
        .await;
    scene.holds(&["before", "after"]).await;
    scene.alice.sends(&room, "later");
    scene.holds(&["before", "after", "later"]).await;
    let unreadable = |event: &Event| match event {
        Event::Unreadable(it) => Some((it.event_id.as_str().to_owned(), it.raw.contains("$poison"))),
        _ => None,
    };
    assert_eq!(scene.events(1, unreadable).await, [("$poison".to_owned(), true)]);
}

#[tokio::test]
async fn a_kill_before_the_commit_loses_nothing() {
    let (mut scene, room) = Scene::start().await;
    scene.alice.sends(&room, "0");
    scene.holds(&["0"]).await;
    kill_before_commit(&mut scene, &room, "1").await;
    scene.alice.sends(&room, "2");
    scene.run().await;
    scene.holds(&["0", "1", "2"]).await;
    // Nothing new has come: the homeserver's answer is the one that the SDK has had.
    kill_before_commit(&mut scene, &room, "3").await;
    scene.run().await;
    scene.holds(&["0", "1", "2", "3"]).await;
    scene.alice.sends(&room, "4");
    scene.holds(&["0", "1", "2", "3", "4"]).await;
}

#[tokio::test]
async fn a_kill_hides_no_coming_and_going() {
    let (mut scene, room) = Scene::start().await;
    kill_before_commit(&mut scene, &room, "1").await;
    scene.alice.kicks(&room, &scene.bot);
    scene.run().await;
    scene.holds(&["1"]).await;
    let here = |reachable| (room.id().to_owned(), reachable);
    assert_eq!(scene.reachable(2).await, [here(true), here(false)]);

    scene.alice.invites(&room, &scene.bot);
    scene.reachable(3).await;
    scene.store.hold(true);
    scene.alice.sends(&room, "2");
    scene.alice.kicks(&room, &scene.bot);
    wait_for("a commit", LIMIT, async || scene.store.is_holding().then_some(())).await;
    let left = async || (!scene.bot.is_up_to_date()).then_some(());
    wait_for("the kick", LIMIT, left).await;
    scene.kill().await;
    scene.store.hold(false);
    scene.run().await;
    scene.holds(&["1", "2"]).await;
    assert_eq!(scene.reachable(4).await, [here(true), here(false), here(true), here(false)]);
}

#[tokio::test]
async fn a_kill_before_a_room_is_entered_enters_it_later() {
    let mut scene = Scene::new().await;
    scene.run().await;
    scene.store.hold(true);
    let room = scene.alice.direct(&scene.bot);
    scene.alice.sends(&room, "first");
    let joined = async || (room.membership(&scene.bot) == "join").then_some(());
    wait_for("a commit", LIMIT, async || scene.store.is_holding().then_some(())).await;
    wait_for("the joining", LIMIT, joined).await;
    scene.kill().await;
    scene.store.hold(false);
    scene.run().await;
    scene.holds(&["first"]).await;
    assert_eq!(scene.reachable(1).await, [(room.id().to_owned(), true)]);
}

#[tokio::test]
async fn answers_that_are_repeated_lost_or_broken_change_nothing() {
    let (scene, room) = Scene::start().await;
    let mut all = Vec::new();
    for (number, fault) in [
        Fault::Repeated,
        Fault::AnswerLost,
        Fault::Garbled,
        Fault::bad_gateway(),
        Fault::Closed,
        Fault::LimitExceeded(Duration::from_millis(50)),
        Fault::internal_error(),
    ]
    .into_iter()
    .enumerate()
    {
        scene.fake.plan(fault.clone()).on("GET /sync").next(2);
        for part in 0..3 {
            all.push(format!("{number} {part}"));
            scene.alice.sends(&room, &all[all.len() - 1]);
        }
        scene.holds(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn history_that_fails_for_a_while_is_read_in_order() {
    let (mut scene, room) = Scene::start().await;
    scene.stop().await;
    let texts: Vec<String> = (0..250).map(|number| format!("{number}")).collect();
    for text in &texts {
        scene.alice.sends(&room, text);
    }
    for fault in [Fault::bad_gateway(), Fault::AnswerLost, Fault::internal_error()] {
        scene.fake.plan(fault).on("GET /rooms/*/messages").next(1);
    }
    scene.run().await;
    scene.holds(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    scene.alice.sends(&room, "after");
    assert_eq!(scene.messages(251).await[250].text, "after");
}

#[tokio::test]
async fn a_key_is_one_transaction_over_restarts() {
    let (mut scene, room) = Scene::start().await;
    let conversation = ConversationId::new(room.id());
    scene.fake.plan(Fault::AnswerLost).on("PUT /rooms/*/send/*/*").next(1);
    let lost = scene.says(&conversation, "answer").await.unwrap_err();
    assert_eq!(lost.verdict(), Verdict::Unknown);
    scene.restart().await;
    scene.says(&conversation, "answer").await.unwrap();
    assert_eq!(scene.fake.texts_to(room.id()), ["answer"]);
    let calls = scene.fake.calls("PUT /rooms/*/send/*/*");
    assert_eq!((calls.len(), &calls[0].names), (2, &calls[1].names));
}

#[tokio::test]
async fn syncs_that_are_answered_at_once_with_nothing_are_slowed_down() {
    let (mut scene, room) = Scene::start().await;
    scene.restart().await;
    let before = scene.fake.calls("GET /sync").len();
    scene.fake.plan(Fault::Repeated).on("GET /sync").next(6);
    // The sync under way ends.
    scene.alice.sends(&room, "1");
    let enough = async || Some(scene.fake.calls("GET /sync")).filter(|calls| calls.len() >= before + 7);
    let calls = wait_for("seven syncs", LIMIT, enough).await.split_off(before);
    let pauses: Vec<_> = calls.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // The first one may happen.
    for (pause, least) in pauses[1..].iter().zip([50, 100, 200, 400]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
    scene.alice.sends(&room, "2");
    scene.holds(&["1", "2"]).await;
}
