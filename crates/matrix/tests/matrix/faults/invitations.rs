//! Which rooms are entered, and what of them is taken in.

use switchboard_matrix::Invites;
use switchboard_testkit::{matrix::Fault, wait::wait_for};

use super::scene::Scene;
use crate::channel::LIMIT;

#[tokio::test]
async fn a_room_that_cannot_be_joined_at_first_is_tried_again() {
    let mut scene = Scene::new().await;
    scene.run().await;
    scene
        .fake
        .plan(Fault::refused(403, "M_FORBIDDEN", "You are not invited"))
        .on("POST /rooms/*/join")
        .next(1);
    let room = scene.alice.direct(&scene.bot);
    scene.alice.sends(&room, "first");
    scene.holds(&["first"]).await;
    assert_eq!(scene.fake.calls("POST /rooms/*/join").len(), 2);
}

#[tokio::test]
async fn an_invitation_is_remembered_over_a_kill() {
    let mut scene = Scene::new().await;
    scene.run().await;
    scene
        .fake
        .plan(Fault::refused(403, "M_FORBIDDEN", "You are not invited"))
        .on("POST /rooms/*/join")
        .always();
    let room = scene.alice.direct(&scene.bot);
    scene.alice.sends(&room, "first");
    scene.fake.wait_for_calls("POST /rooms/*/join", 1, LIMIT).await;
    scene.kill().await;
    scene.fake.heals();
    scene.run().await;
    scene.holds(&["first"]).await;
}

#[tokio::test]
async fn only_those_who_may_invite() {
    let mut scene = Scene::new().await;
    let bob = scene.fake.person("Bob");
    for (invites, of_alice, of_bob) in [
        (Invites::None, "invite", "invite"),
        (Invites::From(vec![bob.id().to_owned()]), "invite", "join"),
        (Invites::From(vec![scene.fake.server_name().to_owned()]), "join", "join"),
    ] {
        scene.config.invites = invites;
        scene.run().await;
        let (hers, his) = (scene.alice.direct(&scene.bot), bob.direct(&scene.bot));
        let decided = async || {
            let joined = hers.membership(&scene.bot) == of_alice && his.membership(&scene.bot) == of_bob;
            (joined && scene.bot.is_up_to_date()).then_some(())
        };
        wait_for("the rooms to be entered", LIMIT, decided).await;
        scene.stop().await;
        assert_eq!(
            (hers.membership(&scene.bot), his.membership(&scene.bot)),
            (of_alice.into(), of_bob.into())
        );
    }
}

#[tokio::test]
async fn what_is_said_while_the_bot_is_not_there_is_not_its_business() {
    let (mut scene, room) = Scene::start().await;
    scene.alice.sends(&room, "1");
    scene.holds(&["1"]).await;
    scene.alice.kicks(&room, &scene.bot);
    scene.alice.sends(&room, "behind its back");
    scene.reachable(2).await;
    scene.alice.sends(&room, "still");
    scene.alice.invites(&room, &scene.bot);
    scene.alice.sends(&room, "2");
    scene.holds(&["1", "2"]).await;
    scene.stop().await;
    scene.alice.kicks(&room, &scene.bot);
    scene.alice.sends(&room, "while it is away");
    scene.alice.invites(&room, &scene.bot);
    scene.alice.sends(&room, "3");
    scene.run().await;
    scene.holds(&["1", "2", "3"]).await;
    let reachable: Vec<bool> = scene.reachable(3).await.into_iter().map(|(_, reachable)| reachable).collect();
    assert_eq!(reachable.last(), Some(&true), "{reachable:?}");
}

#[tokio::test]
async fn who_leaves_and_comes_back_meanwhile_can_be_reached() {
    let (mut scene, room) = Scene::start().await;
    scene.alice.sends(&room, "1");
    scene.holds(&["1"]).await;
    scene.stop().await;
    scene.alice.kicks(&room, &scene.bot);
    room.adds(&scene.bot);
    scene.alice.sends(&room, "2");
    scene.run().await;
    scene.holds(&["1", "2"]).await;
    let here = |reachable| (room.id().to_owned(), reachable);
    assert_eq!(scene.reachable(3).await, [here(true), here(false), here(true)]);
}
