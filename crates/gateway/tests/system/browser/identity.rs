//! Visitors whom the site knows.

use secrecy::SecretString;
use switchboard_core::ChannelName;
use switchboard_web::sign_identity;
use time::{Duration, OffsetDateTime};

use super::{Chat, chat::browser};
use crate::support::{Database, System};

const SECRET: &str = "a secret of the site and the gateway";

/// What the site's server would sign.
#[expect(clippy::disallowed_methods, reason = "the gateway under test has the machine's clock")]
fn identity(user: &str, lasts: Duration) -> String {
    let expires = OffsetDateTime::now_utc() + lasts;
    sign_identity(&SecretString::from(SECRET), &ChannelName::new("site"), user, None, expires)
}

async fn identify(chat: &Chat<'_>, user: &str) {
    let identity = identity(user, Duration::HOUR);
    chat.eval(&format!("window.known = false; Switchboard.identify('{identity}').then(() => known = true)"))
        .await;
    chat.wait_until("known").await;
}

#[tokio::test]
async fn a_second_device_shows_the_same_chat_on_sqlite() {
    a_second_device_shows_the_same_chat(Database::Sqlite).await;
}

#[tokio::test]
async fn a_second_device_shows_the_same_chat_on_postgres() {
    a_second_device_shows_the_same_chat(Database::postgres()).await;
}

async fn a_second_device_shows_the_same_chat(database: Database) {
    let system = System::start(database, &format!("identity_secret = \"{SECRET}\"")).await;
    let (one, other) = (browser().await, browser().await);
    let phone = Chat::open(&one, &system).await;
    identify(&phone, "user 17").await;
    phone.write("From the phone").await;
    phone.wait_for_text("You wrote: From the phone").await;

    let laptop = Chat::open(&other, &system).await;
    identify(&laptop, "user 17").await;
    laptop.wait_for_text("You wrote: From the phone").await;
    laptop.write("From the laptop").await;
    phone.wait_for_text("You wrote: From the laptop").await;
    assert_eq!(phone.messages().await, laptop.messages().await);
    assert_eq!(
        phone.eval("return Object.keys(localStorage).some((it) => / session$/.test(it))").await,
        false
    );
}

/// Who was there before, and who comes after, each have their own.
#[tokio::test]
async fn signing_in_and_out_changes_the_chat() {
    let system = System::start(Database::Sqlite, &format!("identity_secret = \"{SECRET}\"")).await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Nobody knows me").await;
    chat.wait_for_text("You wrote: Nobody knows me").await;
    identify(&chat, "anna").await;
    chat.wait_until("find('.greeting').offsetHeight").await;
    assert_eq!(chat.messages().await, Vec::<String>::new());
    chat.write("I am Anna").await;
    chat.wait_for_text("You wrote: I am Anna").await;
    identify(&chat, "boris").await;
    chat.wait_until("find('.greeting').offsetHeight").await;
    assert_eq!(chat.messages().await, Vec::<String>::new());
    identify(&chat, "anna").await;
    chat.wait_for_text("You wrote: I am Anna").await;
    chat.eval("Switchboard.identify(null)").await;
    chat.wait_for_text("You wrote: Nobody knows me").await;
    assert_eq!(chat.messages().await, ["Nobody knows me", "You wrote: Nobody knows me"]);
}

#[tokio::test]
async fn an_identity_that_is_not_good_is_told_to_the_site_and_the_visitor() {
    let system = System::start(Database::Sqlite, &format!("identity_secret = \"{SECRET}\"")).await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval("window.expired = 0; Switchboard.on('expired', () => expired += 1)").await;
    let old = identity("anna", -Duration::HOUR);
    chat.eval(&format!("Switchboard.identify('{old}').catch(() => expired += 10)")).await;
    chat.wait_until("expired === 11").await;
    assert_eq!(chat.text(".notice").await, "Please sign in again to go on.");
    chat.write("Am I somebody?").await;
    identify(&chat, "anna").await;
    chat.wait_for_text("You wrote: Am I somebody?").await;
    assert_eq!(system.sandbox.requests(0).len(), 1, "it was not sent as nobody's");
}
