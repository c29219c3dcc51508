//! Visitors whom the site knows.

use secrecy::SecretString;
use switchboard_core::ChannelName;
use switchboard_web::sign_identity;
use time::{Duration, OffsetDateTime};

use super::{Chat, chat::browser, wire::Wire};
use crate::support::{Database, System};

const SECRET: &str = "a secret of the site and the gateway";

/// What the site's server would sign.
#[expect(clippy::disallowed_methods, reason = "the gateway under test has the machine's clock")]
fn identity(user: &str, lasts: Duration) -> String {
    let now = OffsetDateTime::now_utc();
    sign_identity(&SecretString::from(SECRET), &ChannelName::new("site"), user, None, now..now + lasts)
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
    laptop.wait_for_text("You wrote: From the laptop").await;
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

/// What is under way to the gateway when the site names somebody becomes theirs.
#[tokio::test]
async fn what_is_being_sent_goes_with_who_signs_in() {
    let system = System::start(Database::Sqlite, &format!("identity_secret = \"{SECRET}\"")).await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval(
        "const real = fetch; const opened = new Promise((open) => { window.letGo = open }); \
         window.fetch = async (url, options) => { \
           if (/messages$/.test(url)) { window.held = true; await opened } return real(url, options) }",
    )
    .await;
    chat.write("Who will I be?").await;
    chat.wait_until("window.held").await;
    identify(&chat, "anna").await;
    chat.eval("letGo()").await;
    chat.wait_for_text("You wrote: Who will I be?").await;
    assert_eq!(chat.messages().await, ["Who will I be?", "You wrote: Who will I be?"]);
    let asked: Vec<_> = system.sandbox.requests(0).into_iter().map(|request| request.chat_id).collect();
    // It was sent as nobody's, too, and which of the two chats is asked first is open.
    assert!(asked.iter().any(|chat_id| chat_id == "site:user=anna"), "{asked:?}");
}

/// What somebody could not send any more is not shown to who comes after them, and not lost.
#[tokio::test]
async fn what_was_not_sent_waits_for_who_wrote_it() {
    let system = System::start(Database::Sqlite, &format!("identity_secret = \"{SECRET}\"")).await;
    let wire = Wire::to(&system.url).await;
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &format!("{}/chat/site", wire.url)).await;
    identify(&chat, "anna").await;
    wire.cut();
    chat.write("Nobody else may read this").await;
    chat.wait_for_text_in(".sending .meta", "Sending").await;
    chat.eval("Switchboard.identify(null)").await;
    chat.wait_until("!find('.user')").await;
    wire.mend();
    chat.write("I am somebody else").await;
    chat.wait_for_text("You wrote: I am somebody else").await;
    // Taken along, it would have been sent before what was written later.
    let asked = system.sandbox.requests(0).into_iter();
    let mut others = asked.filter(|request| request.chat_id != "site:user=anna");
    assert_eq!(others.next().map(|request| request.message).as_deref(), Some("I am somebody else"));
    identify(&chat, "anna").await;
    chat.wait_for_text("You wrote: Nobody else may read this").await;
    assert_eq!(chat.messages().await.len(), 2);
}
