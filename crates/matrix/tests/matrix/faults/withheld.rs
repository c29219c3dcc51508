//! Keys that are refused, and requests for verification.

use serde_json::{Value, json};
use switchboard_core::{Addressed, IncomingMessage, Place};
use switchboard_matrix::Verification;
use switchboard_testkit::{
    matrix::{Posted, Room, User},
    wait::wait_for,
};

use super::scene::Scene;
use crate::channel::LIMIT;

const SENDER_KEY: &str = "yxDgTgfy2XpIZtFYIEw1IYUvQfQk5fLjmqYiUYBDbmI";

/// A message of Megolm's form, of which nobody has the key: version, index, 16 bytes, and as many of a MAC and a signature
/// as belong there.
fn ciphertext() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = [vec![3_u8, 8, 0, 18, 16], vec![7; 16 + 8 + 64]].concat();
    let bits = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
    let digits = (0..(bytes.len() * 8).div_ceil(6)).map(|digit| {
        let (byte, shift) = (digit * 6 / 8, 10 - digit * 6 % 8);
        let pair = bits(byte) << 8 | bits(byte + 1);
        char::from(DIGITS[(pair >> shift & 63) as usize])
    });
    digits.collect()
}

fn encrypts(author: &User, room: &Room, session: &str) -> Posted {
    let content = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": ciphertext(), "session_id": session,
        "sender_key": SENDER_KEY, "device_id": "PHONE",
    });
    author.posts(room, content).of_type("m.room.encrypted").send()
}

fn withheld(room: &Room, session: &str, code: &str) -> Value {
    json!({
        "algorithm": "m.megolm.v1.aes-sha2", "code": code, "reason": "no", "room_id": room.id(),
        "session_id": session, "sender_key": SENDER_KEY,
    })
}

/// The answers that were stored for messages that cannot be read.
async fn answers(scene: &Scene, count: usize) -> Vec<IncomingMessage> {
    let told = scene.messages(count).await;
    assert!(told.iter().all(|it| it.text.contains("cannot be decrypted")), "{told:?}");
    told
}

#[tokio::test]
async fn an_author_whose_client_refuses_the_key_is_told_once_for_each_session() {
    let (mut scene, room) = Scene::start().await;
    // The refusal comes before the message, and after it.
    scene.alice.tells_devices(&scene.bot, "m.room_key.withheld", &withheld(&room, "first", "m.unverified"));
    let question = encrypts(&scene.alice, &room, "first");
    let told = answers(&scene, 1).await;
    assert!(told[0].answer.as_deref().is_some_and(|answer| answer.contains("verified devices")), "{told:?}");
    assert_eq!(
        told[0].native_id.as_ref().map(switchboard_core::MessageId::as_str),
        Some(&*question.event_id)
    );
    assert_eq!((told[0].place, told[0].addressed), (Place::Direct, Addressed::ToBot));
    encrypts(&scene.alice, &room, "first");
    encrypts(&scene.alice, &room, "second");
    scene.undecrypted(1).await;
    scene.alice.tells_devices(&scene.bot, "m.room_key.withheld", &withheld(&room, "second", "m.blacklisted"));
    let told = answers(&scene, 2).await;
    assert!(told[1].answer.as_deref().is_some_and(|answer| answer.contains("blocked")), "{told:?}");
    scene.undecrypted(0).await;
    scene.restart().await;
    scene.alice.sends(&room, "readable");
    assert_eq!(scene.messages(3).await[2].text, "readable", "nobody is told again");
}

#[tokio::test]
async fn a_client_that_cannot_reach_the_device_is_told_apart() {
    let (scene, room) = Scene::start().await;
    encrypts(&scene.alice, &room, "first");
    scene.undecrypted(1).await;
    let refusal =
        json!({ "algorithm": "m.megolm.v1.aes-sha2", "code": "m.no_olm", "sender_key": SENDER_KEY });
    scene.fake.person("Mallory").tells_devices(&scene.bot, "m.room_key.withheld", &refusal);
    scene.alice.tells_devices(&scene.bot, "m.room_key.withheld", &refusal);
    let told = answers(&scene, 1).await;
    assert!(told[0].answer.as_deref().is_some_and(|answer| answer.contains("secure channel")), "{told:?}");
}

#[tokio::test]
async fn requests_for_verification_are_refused_with_a_reason() {
    let (scene, room) = Scene::start().await;
    let request = json!({
        "msgtype": "m.key.verification.request", "body": "verify me", "to": scene.bot.id(),
        "from_device": "PHONE", "methods": ["m.sas.v1"],
    });
    let asked = scene.alice.posts(&room, request).send();
    let cancel = |event: &Value| event["type"] == "m.key.verification.cancel";
    let refused = async || room.events().into_iter().find(cancel);
    let refused = wait_for("a refusal", LIMIT, refused).await;
    assert_eq!(refused["content"]["m.relates_to"]["event_id"], *asked.event_id);
    assert!(refused["content"]["reason"].as_str().is_some_and(|reason| reason.contains("program")));

    let request = json!({
        "from_device": "PHONE", "transaction_id": "t1", "methods": ["m.sas.v1"], "timestamp": 1_700_000_000_000_u64,
    });
    scene.alice.tells_devices(&scene.bot, "m.key.verification.request", &request);
    let calls = || scene.fake.calls("PUT /sendToDevice/*/*");
    let refused = async || calls().into_iter().find(|call| call.names[0] == "m.key.verification.cancel");
    let refused = wait_for("a refusal to the device", LIMIT, refused).await;
    assert_eq!(refused.body["messages"][scene.alice.id()]["PHONE"]["transaction_id"], "t1");
}

#[tokio::test]
async fn requests_for_verification_are_left_alone_where_that_is_configured() {
    let mut scene = Scene::new().await;
    scene.config.verification = Verification::Ignore;
    scene.run().await;
    let room = scene.alice.direct(&scene.bot);
    scene.reachable(1).await;
    let request = json!({
        "msgtype": "m.key.verification.request", "body": "verify me", "to": scene.bot.id(), "from_device": "PHONE",
    });
    scene.alice.posts(&room, request).send();
    scene.alice.sends(&room, "after that");
    scene.holds(&["after that"]).await;
    scene.stop().await;
    let refused = room.events().iter().filter(|event| event["type"] == "m.key.verification.cancel").count();
    assert_eq!(refused, 0);
}
