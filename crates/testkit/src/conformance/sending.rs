//! What the engine has sent: shown once, whole, in the right room, and nothing else claimed.

use std::fmt::Write as _;

use switchboard_core::{Idempotency, SendError, TextSupport, markup::render_markdown};

use super::{
    Lacks,
    actions::{self, every_other_action},
    bench::{Bench, Outcome},
    harness::{Harness, Room},
};

/// Every kind of formatting, and what needs escaping somewhere.
const MARKDOWN: &str = "**Bold**, *italic*, ~~struck~~, `a < b && c`, [a link](https://example.com/?a=1&b=2)\n\n\
    > a quotation\n\n- one\n- two\n\n```rust\nlet x = \"<&>\";\n```\n\nGrüße, 世界 👩‍👩‍👧 @all \\*2 * 3_4_5\\*";

/// What stands between two paragraphs takes no more, in any unit and format.
const PARAGRAPH_BREAK: usize = 2;

/// A text with everything in it is shown as it was rendered, once, where it belongs and nowhere else.
pub async fn a_text_is_shown_once_where_it_belongs<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(1)).await?;
    bench.meet(Room::Direct(0)).await?;
    let expected = bench.send(&here, MARKDOWN).await;
    bench.shows_only(Room::Direct(1), &here, &expected).await;
    assert_eq!(bench.view(Room::Direct(0)).await.messages, [], "it belongs to another room");
    Ok(())
}

/// In a group, an answer is shown in the group, and not to its author alone.
pub async fn a_group_s_answer_is_shown_in_the_group<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let group = bench.meet(Room::Group(0)).await?;
    bench.meet(Room::Direct(0)).await?;
    let expected = bench.send(&group, MARKDOWN).await;
    bench.shows_only(Room::Group(0), &group, &expected).await;
    assert_eq!(bench.view(Room::Direct(0)).await.messages, [], "it belongs to the group");
    Ok(())
}

/// The receipt holds the id of every message that is there because of the action.
pub async fn the_receipt_names_what_is_shown<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    bench.ledger.answer(&here, "hello");
    let mut named = Vec::new();
    for part in bench.parts(&here, "hello") {
        let receipt = bench.execute(&bench.sending(&here, part)).await.expect("the text is sent");
        named.extend(receipt.messages);
    }
    let looks = bench.platform.looks("hello", &bench.parts(&here, "hello"));
    bench.until_shown(Room::Direct(0), &looks).await;
    let shown: Vec<_> =
        bench.view(Room::Direct(0)).await.messages.into_iter().filter_map(|shown| shown.id).collect();
    assert_eq!(named, shown, "the receipt and what is shown");
    Ok(())
}

/// Of a text that is longer than a message may be, every part is shown, in order.
pub async fn every_part_arrives_in_order<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let support = bench.capabilities(&here).text;
    let long = long_text(&support);
    assert!(bench.parts(&here, &long).len() > 3, "the text is longer than three messages");
    let expected = bench.send(&here, &long).await;
    bench.shows_only(Room::Direct(0), &here, &expected).await;
    Ok(())
}

/// A text that is exactly as long as the capabilities say is taken, whatever the characters.
pub async fn a_text_at_the_limit_is_taken<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let support = bench.capabilities(&here).text;
    let mut expected = Vec::new();
    for filler in ["a", "ß", "世", "😀"] {
        let text = text_at_the_limit(&support, filler);
        expected.extend(bench.send(&here, &text).await);
        bench.until_shown(Room::Direct(0), &expected).await;
    }
    Ok(())
}

/// Where the platform recognises a key, a repetition shows nothing new, and names the same message.
pub async fn a_repeated_key_is_one_message<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    if bench.capabilities(&here).idempotency == Idempotency::None {
        return Err(Lacks("the platform recognises no repetition"));
    }
    let expected = bench.send(&here, "once").await;
    bench.until_shown(Room::Direct(0), &expected).await;
    bench.ledger.answer(&here, "twice?");
    let part = bench.parts(&here, "twice?").remove(0);
    let action = bench.sending(&here, part.clone());
    let first = bench.execute(&action).await.expect("the text is sent");
    let second = bench.execute(&action).await.expect("the repetition is no mistake");
    assert_eq!(first, second, "one message, one receipt");
    let expected = [expected, bench.platform.looks("twice?", &[part])].concat();
    bench.shows_only(Room::Direct(0), &here, &expected).await;
    Ok(())
}

/// What the capabilities do not list is refused, never passed off as done.
pub async fn what_is_not_supported_is_refused<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let capabilities = bench.capabilities(&here);
    let (message, mut expected) = actions::a_message(bench, Room::Direct(0), &here, "hello").await;
    for action in every_other_action(bench, &here, &message) {
        if capabilities.allow(&action).is_err() {
            let done = bench.execute(&action).await;
            let refused = matches!(done, Err(SendError::Rejected { .. }));
            assert!(refused, "{action:?} is not supported and was not rejected: {done:?}");
        }
    }
    expected.extend(bench.send(&here, "and last").await);
    bench.until_shown(Room::Direct(0), &expected).await;
    Ok(())
}

/// What the capabilities list besides text is done.
pub async fn what_is_supported_is_done<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    actions::carry_out(bench, Room::Direct(0), &here).await
}

/// Typing is seen when it is on, and not any more when it was hidden, where it must be hidden.
pub async fn typing_is_shown<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    let Some(support) = bench.capabilities(&here).typing else {
        return Err(Lacks("the messenger shows nobody typing"));
    };
    let typing = |on| actions::typing(&here, on);
    bench.execute(&typing(true)).await.expect("typing is supported");
    let seen = async |wanted| (bench.view(Room::Direct(0)).await.typing == wanted).then_some(());
    bench.until("typing to be seen", async || seen(true).await).await;
    bench.execute(&typing(false)).await.expect("typing is supported");
    if support.hide {
        bench.until("typing to be hidden", async || seen(false).await).await;
    }
    assert_eq!(bench.view(Room::Direct(0)).await.messages, [], "typing is no message");
    Ok(())
}

/// Sends to several rooms at once do not disturb each other.
pub async fn several_rooms_are_served_at_once<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let mut rooms = Vec::new();
    for room in [0, 1, 2].map(Room::Direct) {
        rooms.push((room, bench.meet(room).await?));
    }
    let serve = async |(room, conversation): &(Room, _)| {
        let mut expected = Vec::new();
        for number in 0..5 {
            expected.extend(bench.send(conversation, &format!("{room:?} {number}")).await);
        }
        expected
    };
    let (first, second, third) = tokio::join!(serve(&rooms[0]), serve(&rooms[1]), serve(&rooms[2]));
    for ((room, _), expected) in rooms.iter().zip([first, second, third]) {
        bench.until_shown(*room, &expected).await;
    }
    Ok(())
}

/// Sending does not need the run: after it was stopped, and in a process that has not begun it.
pub async fn texts_are_sent_without_a_run<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    bench.connect().await;
    let here = bench.meet(Room::Direct(0)).await?;
    assert_eq!(bench.stop().await, Ok(()));
    let mut expected = bench.send(&here, "after the run").await;
    bench.until_shown(Room::Direct(0), &expected).await;
    bench.kill().await;
    bench.start_without_a_run().await;
    expected.extend(bench.send(&here, "without a run").await);
    bench.until_shown(Room::Direct(0), &expected).await;
    Ok(())
}

/// Paragraphs and a block of code, in Markdown, several messages long.
fn long_text(support: &TextSupport) -> String {
    let mut text = String::new();
    let mut number = 0;
    while support.unit.measure(&text) < support.limit * 2 {
        writeln!(text, "Paragraph {number} of *many*, with 👩‍👩‍👧 & others: word, Wörter, 世界.\n")
            .expect("a String takes everything");
        number += 1;
    }
    text.push_str("```\n");
    while support.unit.measure(&text) < support.limit * 7 / 2 {
        writeln!(text, "line {number} of code; a < b && c > d // 😀").expect("a String takes everything");
        number += 1;
    }
    text + "```\n\nThe end."
}

/// A text that, rendered, is exactly as long as one message may be, made of this character as far as possible.
fn text_at_the_limit(support: &TextSupport, filler: &str) -> String {
    let measure = |text: &str| match render_markdown(text, support).as_slice() {
        [part] => support.unit.measure(part.text()),
        parts => panic!("{} parts for {} characters", parts.len(), text.chars().count()),
    };
    let markup = measure("a") - support.unit.measure("a");
    let fillers = (support.limit - markup) / support.unit.measure(filler);
    // In paragraphs, since the renderer may take a little more for a line of thousands of characters.
    let paragraph = filler.repeat(fillers.min(60));
    let first = measure(&paragraph);
    let more = support.unit.measure(&paragraph) + markup + PARAGRAPH_BREAK;
    let mut text = [&*paragraph].repeat(1 + (support.limit - first) / more).join("\n\n");
    text.push_str(&"a".repeat(support.limit - measure(&text)));
    assert_eq!(measure(&text), support.limit, "the kit fills a message exactly");
    text
}
