//! The adapter itself: carrying out what the engine asks.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use matrix_sdk::{
    RoomState,
    ruma::{
        OwnedTransactionId,
        api::client::typing::create_typing_event::v3::{Request as TypingRequest, Typing, TypingInfo},
    },
};
use serde_json::Value;
use switchboard_core::{
    Action, Capabilities, ConversationId, Cursor, Finding, Inbox, Messenger, Receipt, RunError, SendError,
    SendText,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    ConfigError, MatrixConfig,
    account::{Account, OpenError, Purpose},
    capabilities::{TYPING_SHOWN, capabilities},
    connection::Connection,
    error::Fault,
    format, id,
    id::Address,
    marks::Marks,
    probe, receiving,
};

/// How long a send waits for the device to be opened, which takes longest when it logs in for the first time.
const PATIENCE: Duration = Duration::from_secs(20);

/// One Matrix channel, as the engine sees it.
pub struct MatrixMessenger {
    config: MatrixConfig,
    connection: Connection,
    /// For a probe.
    stands_at: Option<Cursor>,
}

impl MatrixMessenger {
    /// Makes the channel. Opens nothing. Fails on the first mistake that [`MatrixConfig::mistakes`] finds.
    pub fn new(config: MatrixConfig) -> Result<Self, ConfigError> {
        match config.mistakes().into_iter().next() {
            Some(mistake) => Err(mistake),
            None => Ok(Self { config, connection: Connection::new(), stands_at: None }),
        }
    }

    /// Tells a probe where the channel stands: what was stored with its messages, while it may run elsewhere.
    pub fn stands_at(mut self, cursor: Option<Cursor>) -> Self {
        self.stands_at = cursor;
        self
    }

    async fn account(&self) -> Result<Arc<Account>, SendError> {
        let opened = timeout(PATIENCE, self.connection.open(&self.config, Purpose::Send)).await;
        match opened {
            Ok(Ok(account)) => Ok(account),
            Ok(Err(OpenError::Fatal(error))) => Err(SendError::Unauthorized { reason: error.to_string() }),
            Ok(Err(OpenError::Trouble { reason, .. })) => Err(SendError::Unavailable(reason.into())),
            Err(_) => Err(SendError::Unavailable("the account is still being opened".into())),
        }
    }

    async fn send(&self, address: Address, send: &SendText) -> Result<Receipt, SendError> {
        let Some(content) = format::content(send, address.thread.as_deref()) else {
            return Err(rejected("Matrix takes HTML only"));
        };
        let account = self.account().await?;
        let outcome = send_text(&account, &address, send, content).await;
        account.release().await;
        outcome
    }

    async fn show_typing(&self, address: Address, on: bool) -> Result<Receipt, SendError> {
        let account = self.account().await?;
        let typing = if on { Typing::Yes(TypingInfo::new(TYPING_SHOWN)) } else { Typing::No };
        let request = TypingRequest::new(account.me.clone(), address.room, typing);
        let outcome = match account.client.send(request).await {
            Ok(_) => Ok(Receipt::default()),
            Err(error) => Err(account.confirm(Fault::of_call(&error)).await.into_send_error(true)),
        };
        account.release().await;
        outcome
    }
}

async fn send_text(
    account: &Account,
    address: &Address,
    text: &SendText,
    content: Value,
) -> Result<Receipt, SendError> {
    let room = account.client.get_room(&address.room);
    let Some(room) = room.filter(|room| room.state() == RoomState::Joined) else {
        return Err(not_joined(account).await);
    };
    let transaction = OwnedTransactionId::from(text.key.as_str());
    // Large where the room is encrypted.
    let sending =
        Box::pin(async { room.send_raw("m.room.message", content).with_transaction_id(&transaction).await });
    match sending.await {
        Ok(sent) => Ok(Receipt { messages: vec![id::message(&sent.response.event_id)] }),
        Err(error) => {
            let fault = account.confirm(Fault::of(&error)).await;
            Err(fault.into_send_error(room.state() == RoomState::Joined))
        }
    }
}

/// A room that the account is not in is gone, unless we do not know its rooms yet.
async fn not_joined(account: &Account) -> SendError {
    match account.received().await {
        Ok(Some(_)) => SendError::Gone { reason: "the account is not in the room".to_owned() },
        _ => SendError::Unavailable("the account's rooms are not known yet".into()),
    }
}

fn rejected(reason: &str) -> SendError {
    SendError::Rejected { reason: reason.to_owned() }
}

#[async_trait]
impl Messenger for MatrixMessenger {
    fn capabilities(&self, _: &ConversationId) -> Capabilities {
        capabilities()
    }

    async fn probe(&self) -> Vec<Finding> {
        probe::probe(&self.config, self.stands_at.as_ref().and_then(Marks::parse).as_ref()).await
    }

    async fn run(&self, inbox: Inbox, stop: CancellationToken) -> Result<(), RunError> {
        receiving::run(&self.connection, &self.config, inbox, stop).await
    }

    async fn execute(&self, action: &Action) -> Result<Receipt, SendError> {
        let Some(address) = Address::parse(action.conversation()) else {
            return Err(rejected("the conversation is not one of Matrix"));
        };
        match action {
            Action::SendText(send) => self.send(address, send).await,
            Action::Typing(typing) => self.show_typing(address, typing.on).await,
            Action::Edit(_) | Action::Delete(_) | Action::React(_) | Action::SendAttachment(_) => {
                Err(rejected("the channel does not do this"))
            }
        }
    }
}

impl fmt::Debug for MatrixMessenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatrixMessenger").field("config", &self.config).finish_non_exhaustive()
    }
}
