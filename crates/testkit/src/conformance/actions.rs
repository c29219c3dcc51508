//! The actions other than sending text.

use switchboard_core::{
    Action, ConversationId, Delete, Edit, MessageId, React, SendAttachment, Typing, markup::Rendered,
};

use super::{
    Lacks,
    bench::{Bench, Outcome},
    harness::{Harness, Room},
};

pub(super) fn typing(conversation: &ConversationId, on: bool) -> Action {
    Action::Typing(Typing { conversation: conversation.clone(), on })
}

/// One action of every kind but text, on this message.
pub(super) fn every_other_action<H: Harness>(
    bench: &Bench<H>,
    here: &ConversationId,
    message: &MessageId,
) -> Vec<Action> {
    let (conversation, message) = (here.clone(), message.clone());
    vec![
        typing(here, true),
        edit(bench, here, &message),
        Action::React(React {
            key: bench.key(),
            conversation: conversation.clone(),
            message: message.clone(),
            emoji: "👍".to_owned(),
        }),
        Action::SendAttachment(SendAttachment {
            key: bench.key(),
            conversation: conversation.clone(),
            name: "hello.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            content: b"hello".to_vec(),
        }),
        Action::Delete(Delete { key: bench.key(), conversation, message }),
    ]
}

fn edit<H: Harness>(bench: &Bench<H>, conversation: &ConversationId, message: &MessageId) -> Action {
    Action::Edit(Edit {
        key: bench.key(),
        conversation: conversation.clone(),
        message: message.clone(),
        text: edited(bench, conversation),
    })
}

fn edited<H: Harness>(bench: &Bench<H>, conversation: &ConversationId) -> Rendered {
    bench.parts(conversation, "**another** text").remove(0)
}

/// Sends a text and returns its id, or one that nothing has where the messenger names none, and what is shown.
pub(super) async fn a_message<H: Harness>(
    bench: &Bench<H>,
    room: Room,
    here: &ConversationId,
    text: &str,
) -> (MessageId, Vec<Rendered>) {
    let shown = bench.send(here, text).await;
    bench.until_shown(room, &shown).await;
    let last = bench.view(room).await.messages.pop();
    (last.and_then(|shown| shown.id).unwrap_or_else(|| MessageId::new("1")), shown)
}

/// Carries out whatever the capabilities list besides text and typing, each on a message that is there.
pub(super) async fn carry_out<H: Harness>(bench: &Bench<H>, room: Room, here: &ConversationId) -> Outcome {
    let capabilities = bench.capabilities(here);
    let (message, _) = a_message(bench, room, here, "hello").await;
    let mut listed = 0;
    for action in every_other_action(bench, here, &message) {
        if matches!(action, Action::Typing(_)) || capabilities.allow(&action).is_err() {
            continue;
        }
        listed += 1;
        let done = bench.execute(&action).await;
        assert!(done.is_ok(), "{action:?} is listed and was not done: {done:?}");
        if let Action::Edit(_) = action {
            until_changed(bench, room, &[edited(bench, here)]).await;
        }
        if let Action::Delete(_) = action {
            until_changed(bench, room, &[]).await;
        }
    }
    if listed == 0 {
        return Err(Lacks("the capabilities list text and typing only"));
    }
    Ok(())
}

/// Waits until exactly these texts are shown, where what was shown may change. Attachments are left out of account.
async fn until_changed<H: Harness>(bench: &Bench<H>, room: Room, expected: &[Rendered]) {
    bench
        .until(&format!("{room:?} to show {expected:?}"), async || {
            let view = bench.view(room).await;
            view.messages.iter().map(|shown| &shown.text).eq(expected).then_some(())
        })
        .await;
}
