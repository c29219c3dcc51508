//! The least that a bot can be: it answers every text, in the order of each chat, and stores nothing. It
//! works as teloxide's dispatcher does, with a task per chat. For comparison with the gateway, by
//! `cargo xtask bench telegram`.
//!
//! Arguments: the Bot API's address, and the token.

use std::collections::HashMap;

use anyhow::Context as _;
use teloxide_core::{
    Bot,
    payloads::GetUpdatesSetters as _,
    requests::{Request as _, Requester as _},
    types::{ChatId, UpdateKind},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let api_url = arguments.next().context("the Bot API's address is missing")?;
    let token = arguments.next().context("the token is missing")?;
    let bot = Bot::new(token).set_api_url(api_url.parse()?);
    let tasks = TaskTracker::new();
    let mut chats: HashMap<ChatId, UnboundedSender<String>> = HashMap::new();
    let mut offset = 0;
    loop {
        let updates = bot.get_updates().offset(offset).timeout(10).limit(100).send().await?;
        for update in updates {
            offset = i32::try_from(update.id.0)? + 1;
            let UpdateKind::Message(message) = update.kind else { continue };
            let Some(text) = message.text() else { continue };
            let chat = chats.entry(message.chat.id).or_insert_with(|| {
                let (texts, waiting) = unbounded_channel();
                tasks.spawn(answer(bot.clone(), message.chat.id, waiting));
                texts
            });
            chat.send(text.to_owned())?;
        }
    }
}

async fn answer(bot: Bot, chat: ChatId, mut texts: UnboundedReceiver<String>) {
    while let Some(text) = texts.recv().await {
        if let Err(error) = bot.send_message(chat, format!("re: {text}")).await {
            eprintln!("not sent: {error}");
        }
    }
}
