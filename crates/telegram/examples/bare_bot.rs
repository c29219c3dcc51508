//! The least that a bot can be: it answers every text and stores nothing, with teloxide as its guide begins.
//! For comparison with the gateway, by `cargo xtask bench telegram`.
//!
//! Arguments: the Bot API's address, and the token.

use anyhow::Context as _;
use teloxide::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let api_url = arguments.next().context("the Bot API's address is missing")?;
    let token = arguments.next().context("the token is missing")?;
    let bot = Bot::new(token).set_api_url(api_url.parse()?);
    teloxide::repl(bot, |bot: Bot, message: Message| async move {
        if let Some(text) = message.text() {
            bot.send_message(message.chat.id, format!("re: {text}")).await?;
        }
        Ok(())
    })
    .await;
    Ok(())
}
