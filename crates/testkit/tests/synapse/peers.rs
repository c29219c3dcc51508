//! What peers do in encrypted rooms.

use anyhow::{Context, Result};
use serde_json::json;
use switchboard_testkit::synapse::{Homeserver, Limits, NewRoom, Peer, Secrecy, SynapseServer, homeserver};

/// Two peers in a room of theirs.
struct Pair {
    alice: Peer,
    bob: Peer,
    room: String,
}

impl Pair {
    async fn new(homeserver: &Homeserver, encrypted: bool) -> Result<Self> {
        let alice = Peer::start(&homeserver.register("alice").await?).await?;
        let bob = homeserver.register("bob").await?;
        let room = NewRoom::direct(&bob.user_id);
        let room = if encrypted { room.encrypted() } else { room };
        let room = alice.account().create_room(&room).await?;
        // Alice knows that he is there before he has keys.
        bob.join(&room).await?;
        let bob = Peer::start(&bob).await?;
        alice.meet(&room, &bob.account().user_id).await?;
        bob.meet(&room, &alice.account().user_id).await?;
        Ok(Self { alice, bob, room })
    }
}

#[tokio::test]
async fn what_peers_say_is_encrypted_both_ways() -> Result<()> {
    let Pair { alice, bob, room } = Pair::new(&homeserver()?, true).await?;
    let question = alice.say(&room, "Where is my parcel?").await?;
    let heard = bob.next_message(&room).await;
    assert_eq!((heard.event_id.as_str(), heard.body()), (question.as_str(), "Where is my parcel?"));
    assert_eq!(
        (heard.sender.as_str(), heard.secrecy),
        (alice.account().user_id.as_str(), Secrecy::Decrypted)
    );

    let html = json!({
        "msgtype": "m.text",
        "body": "On its way.",
        "format": "org.matrix.custom.html",
        "formatted_body": "On its <b>way</b>.",
    });
    bob.send(&room, &html).await?;
    bob.say_in_thread(&room, &question, "It comes today.").await?;
    assert_eq!(alice.next_message(&room).await.formatted_body(), Some("On its <b>way</b>."));
    let reply = alice.next_message(&room).await;
    assert_eq!(reply.body(), "It comes today.");
    assert_eq!(reply.relates_to().context("a relation")?["event_id"], question.as_str());

    assert!(alice.account().messages(&room).await?.is_empty(), "the server sees no message");
    let history = alice.account().history(&room).await?;
    assert_eq!(history.iter().filter(|event| event.kind == "m.room.encrypted").count(), 3);
    Ok(())
}

#[tokio::test]
async fn a_room_without_encryption_is_readable_by_all() -> Result<()> {
    let Pair { alice, bob, room } = Pair::new(&homeserver()?, false).await?;
    alice.say(&room, "Where is my parcel?").await?;
    let heard = bob.wait_for_message(&room, |message| message.body().contains("parcel")).await;
    assert_eq!(heard.secrecy, Secrecy::Plain);
    assert_eq!(bob.account().messages(&room).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_peer_that_was_away_decrypts_what_was_said() -> Result<()> {
    let Pair { alice, mut bob, room } = Pair::new(&homeserver()?, true).await?;
    alice.say(&room, "before").await?;
    assert_eq!(bob.next_message(&room).await.body(), "before");

    bob.stop().await;
    assert!(bob.say(&room, "away").await.is_err());
    for number in 0..30 {
        alice.say(&room, &format!("while away {number}")).await?;
    }
    bob.resume().await?;
    for number in 0..30 {
        let heard = bob.next_message(&room).await;
        assert_eq!((heard.body(), heard.secrecy), (&*format!("while away {number}"), Secrecy::Decrypted));
    }
    bob.say(&room, "back").await?;
    assert_eq!(alice.next_message(&room).await.body(), "back");
    Ok(())
}

#[tokio::test]
async fn only_devices_with_the_key_decrypt() -> Result<()> {
    let Pair { alice, bob, room } = Pair::new(&homeserver()?, true).await?;
    alice.say(&room, "for the first device").await?;
    let account = bob.account();
    let second = account.homeserver().login(&account.user_id, &account.password).await?;
    let second = Peer::start(&second).await?;
    alice.say(&room, "for both devices").await?;

    let early = second.next_message(&room).await;
    assert_eq!((early.secrecy, early.body()), (Secrecy::Undecryptable, ""));
    let late = second.next_message(&room).await;
    assert_eq!((late.secrecy, late.body()), (Secrecy::Decrypted, "for both devices"));
    let bodies: Vec<_> = [bob.next_message(&room).await, bob.next_message(&room).await]
        .iter()
        .map(|message| message.body().to_owned())
        .collect();
    assert_eq!(bodies, ["for the first device", "for both devices"]);
    Ok(())
}

#[tokio::test]
async fn peers_outlast_a_restart_of_the_server() -> Result<()> {
    let mut server = SynapseServer::launch(Limits::Raised)?;
    let Pair { alice, bob, room } = Pair::new(server.homeserver(), true).await?;
    alice.say(&room, "before").await?;
    assert_eq!(bob.next_message(&room).await.body(), "before");
    server.kill()?;
    server.start()?;
    alice.say(&room, "after").await?;
    assert_eq!(bob.next_message(&room).await.body(), "after");
    Ok(())
}
