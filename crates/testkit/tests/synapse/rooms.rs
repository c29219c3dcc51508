//! What accounts do in rooms without encryption.

use anyhow::Result;
use serde_json::json;
use switchboard_testkit::synapse::{Account, NewRoom, homeserver};

async fn alice_and_bob() -> Result<(Account, Account)> {
    let homeserver = homeserver()?;
    Ok((homeserver.register("alice").await?, homeserver.register("bob").await?))
}

#[tokio::test]
async fn two_talk_in_a_direct_room() -> Result<()> {
    let (alice, bob) = alice_and_bob().await?;
    let room = alice.create_room(&NewRoom::direct(&bob.user_id)).await?;
    assert_eq!(alice.members(&room).await?, [alice.user_id.as_str()], "who is invited is not there yet");
    bob.join(&room).await?;
    assert_eq!(alice.members(&room).await?, [alice.user_id.as_str(), bob.user_id.as_str()]);

    let question = alice.say(&room, "Where is my parcel?").await?;
    let answer = bob.send(&room, &json!({ "msgtype": "m.notice", "body": "On its way." })).await?;
    for reader in [&alice, &bob] {
        let messages = reader.messages(&room).await?;
        let seen: Vec<_> =
            messages.iter().map(|one| (one.id.as_str(), one.sender.as_str(), one.body())).collect();
        assert_eq!(
            seen,
            [
                (question.as_str(), alice.user_id.as_str(), "Where is my parcel?"),
                (answer.as_str(), bob.user_id.as_str(), "On its way."),
            ]
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_transaction_is_carried_out_once() -> Result<()> {
    let (alice, _) = alice_and_bob().await?;
    let room = alice.create_room(&NewRoom::group("Parcels")).await?;
    let content = json!({ "msgtype": "m.text", "body": "once" });
    let first = alice.send_as(&room, "m.room.message", "same", &content).await?;
    let second = alice.send_as(&room, "m.room.message", "same", &content).await?;
    assert_eq!(first, second);
    assert_eq!(alice.messages(&room).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_was_taken_back_says_nothing() -> Result<()> {
    let (alice, _) = alice_and_bob().await?;
    let room = alice.create_room(&NewRoom::group("Parcels")).await?;
    let event = alice.say(&room, "a mistake").await?;
    alice.redact(&room, &event).await?;
    let messages = alice.messages(&room).await?;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content, json!({}));
    Ok(())
}

#[tokio::test]
async fn people_come_go_and_type() -> Result<()> {
    let (alice, bob) = alice_and_bob().await?;
    let room = alice.create_room(&NewRoom::group("Parcels").encrypted()).await?;
    assert!(bob.join(&room).await.is_err(), "nobody comes uninvited");
    alice.invite(&room, &bob.user_id).await?;
    bob.join(&room).await?;

    bob.types(&room, true).await?;
    assert_eq!(alice.typing(&room).await?, [bob.user_id.as_str()]);
    bob.types(&room, false).await?;
    assert_eq!(alice.typing(&room).await?, Vec::<String>::new());

    bob.leave(&room).await?;
    assert_eq!(alice.members(&room).await?, [alice.user_id.as_str()]);
    let history = alice.history(&room).await?;
    assert_eq!(history[0].kind, "m.room.create", "the history begins at the beginning");
    assert!(history.iter().any(|event| event.kind == "m.room.encryption"));
    Ok(())
}
