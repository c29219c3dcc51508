//! What comes in, and as what.

use switchboard_core::{Addressed, IncomingMessage, Place};

use super::{
    bench::{Bench, Outcome},
    harness::{Harness, Oddity, Room},
    ledger::message,
};

/// Nothing in it may be taken for markup, trimmed or normalised.
const TEXT: &str = "Grüße, 世界 👩‍👩‍👧! <b>1 &amp; 2</b> *3* _4_ `5` \\ ~6~ [7](8)\n\nthe third line, e\u{301}";

/// Something written to the channel directly comes in as it was written, and as direct.
pub async fn a_direct_message_comes_in_as_written<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let came = bench.receive(Room::Direct(0), TEXT).await?;
    assert_eq!(came.place, Place::Direct, "it was written in a direct conversation");
    assert_eq!(came.addressed, Addressed::ToBot, "what is written directly is meant for the channel");
    Ok(())
}

/// Something written in a group for the channel comes in as that.
pub async fn a_group_s_message_says_so<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let came = bench.receive(Room::Group(0), &bench.text("hello")).await?;
    assert_eq!(came.place, Place::Group, "it was written in a group");
    assert_eq!(came.addressed, Addressed::ToBot, "it was addressed to the channel");
    let direct = bench.receive(Room::Direct(0), &bench.text("hello")).await?;
    assert_ne!(direct.conversation, came.conversation, "a group is not a direct conversation");
    Ok(())
}

/// The same person is the same user in the same conversation, and another person is neither.
pub async fn people_are_told_apart<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let mut came = Vec::new();
    for room in [Room::Direct(0), Room::Direct(1), Room::Direct(0)] {
        came.push(bench.receive(room, &bench.text("hello")).await?);
    }
    let ids = |message: &IncomingMessage| (message.user.clone(), message.conversation.clone());
    assert_eq!(ids(&came[0]), ids(&came[2]), "one person wrote twice");
    assert_ne!(came[0].user, came[1].user, "two persons wrote");
    assert_ne!(came[0].conversation, came[1].conversation, "two persons wrote directly");
    Ok(())
}

/// What is written in one room comes in in its order, each message once, whatever is written elsewhere.
pub async fn every_room_keeps_its_order<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let rooms = [Room::Direct(0), Room::Direct(1), Room::Direct(2)];
    let texts: Vec<String> = (0..30).map(|number| format!("{} {number}", number % rooms.len())).collect();
    for (number, text) in texts.iter().enumerate() {
        bench.platform.write(rooms[number % rooms.len()], text).await?;
    }
    bench.until_stored(&texts).await;
    let stored: Vec<String> = bench.ledger.messages().into_iter().map(|message| message.text).collect();
    for room in 0..rooms.len() {
        let of_room = |texts: &[String]| -> Vec<String> {
            texts.iter().filter(|text| text.starts_with(&format!("{room} "))).cloned().collect()
        };
        assert_eq!(of_room(&stored), of_room(&texts), "the order of one room");
    }
    Ok(())
}

/// What has no text comes in in words. (No message without a text is ever handed over; see `rules`.)
pub async fn what_is_no_text_comes_in_as_words<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let before = bench.ledger.messages().len();
    let written = bench.platform.happen(Room::Direct(0), Oddity::Wordless).await?;
    assert!(!written.is_empty(), "a harness that knows something wordless has it sent");
    let what = format!("{} wordless messages to be stored", written.len());
    bench
        .until(&what, async || (bench.ledger.messages().len() >= before + written.len()).then_some(()))
        .await;
    bench.receive(Room::Direct(0), &bench.text("after them")).await?;
    assert_eq!(bench.ledger.messages().len(), before + written.len() + 1, "each is one message");
    Ok(())
}

/// The channel's own messages, other bots' and everything that nobody wrote are no messages, and hold nothing up.
pub async fn what_is_no_message_is_left_out<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let written = bench.platform.happen(Room::Direct(0), Oddity::NoMessage).await?;
    let last = bench.text("from a person");
    bench.receive(Room::Direct(0), &last).await?;
    let attempts = bench.ledger.attempts();
    let others = attempts.iter().flat_map(|attempt| &attempt.events).filter_map(message);
    let others: Vec<_> = others.filter(|message| message.text != last).collect();
    assert!(others.is_empty(), "nobody wrote {others:?}");
    for written in &written {
        bench.until_confirmed(written).await;
    }
    Ok(())
}
