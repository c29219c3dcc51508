//! What the engine asks of the messenger.

use std::sync::Arc;

use switchboard_core::{
    Action, ChannelStatus, ConnectionState, ConversationId, Delete, IdempotencyKey, Inbox, MessageId,
    Messenger as _, Receipt, SendError, SendText, Severity, Typing, markup::Rendered,
};
use tokio_util::sync::CancellationToken;

use crate::support::Site;

/// The engine's delivery of a text that is stored.
pub fn delivery(conversation: &ConversationId) -> Action {
    Action::SendText(SendText {
        key: IdempotencyKey::new("000000000000000000000001"),
        conversation: conversation.clone(),
        text: Rendered::Html { text: "stored".to_owned(), html: "<p>stored</p>".to_owned() },
        reply_to: None,
    })
}

pub fn typing(conversation: &ConversationId, on: bool) -> Action {
    Action::Typing(Typing { conversation: conversation.clone(), on })
}

#[tokio::test]
async fn what_the_capabilities_allow_is_done_and_nothing_else() {
    let site = Site::new();
    let here = ConversationId::new("here");
    let delete = Action::Delete(Delete {
        key: IdempotencyKey::new("000000000000000000000002"),
        conversation: here.clone(),
        message: MessageId::new("1"),
    });
    for action in [delivery(&here), typing(&here, true)] {
        site.messenger.capabilities(&here).allow(&action).unwrap();
        assert_eq!(site.messenger.execute(&action).await.unwrap(), Receipt::default());
    }
    assert!(site.messenger.capabilities(&here).allow(&delete).is_err());
    let refused = site.messenger.execute(&delete).await;
    assert!(matches!(refused, Err(SendError::Rejected { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_run_is_connected_until_it_is_stopped() {
    let site = Site::new();
    let (status, stop) = (ChannelStatus::new(), CancellationToken::new());
    let inbox = Inbox::new(site.intake.clone(), status.clone());
    let messenger = Arc::clone(&site.messenger);
    let end = stop.clone();
    let watch = async {
        let connected = status.subscribe().next(&ConnectionState::Stopped).await;
        assert_eq!(connected, Some(ConnectionState::Connected));
        end.cancel();
    };
    let (ended, ()) = tokio::join!(messenger.run(inbox, stop), watch);
    assert_eq!((ended, status.state()), (Ok(()), ConnectionState::Stopped));
}

#[tokio::test]
async fn unencrypted_sites_are_pointed_out() {
    let site = Site::with("site", |config| {
        config.allowed_origins =
            ["https://a.example", "http://b.example", "http://localhost:3000"].map(str::to_owned).to_vec();
    });
    let findings = site.messenger.probe().await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(findings[0].what.contains("http://b.example"));
}
