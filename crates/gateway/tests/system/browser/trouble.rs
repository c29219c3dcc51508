//! When something is wrong: with the network, with the gateway, with what is written.

use serde_json::json;
use switchboard_sandbox::Author;

use super::{Chat, chat::browser, wire::Wire};
use crate::support::{Database, System};

#[tokio::test]
async fn a_network_that_is_cut_in_mid_answer_costs_nothing_on_sqlite() {
    a_network_that_is_cut_in_mid_answer_costs_nothing(Database::Sqlite).await;
}

#[tokio::test]
async fn a_network_that_is_cut_in_mid_answer_costs_nothing_on_postgres() {
    a_network_that_is_cut_in_mid_answer_costs_nothing(Database::postgres()).await;
}

async fn a_network_that_is_cut_in_mid_answer_costs_nothing(database: Database) {
    let system = System::start(database, "").await;
    let wire = Wire::to(&system.url).await;
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &format!("{}/chat/site", wire.url)).await;
    // There is no answer until the network is back.
    system.sandbox.pause(true);
    chat.write("Hello").await;
    chat.wait_until("find('.dots')").await;
    wire.cut();
    chat.wait_for_text_in(".banner", "No connection").await;
    assert_eq!(chat.eval("return Boolean(find('.dots'))").await, false, "nothing is known of an answer");
    chat.write("Written into the void").await;
    chat.wait_for_text_in(".sending .meta", "Sending").await;
    chat.wait_for_text_in(".notice", "No connection. Sending goes on in").await;
    chat.type_text("not finished").await;

    system.sandbox.pause(false);
    wire.mend();
    chat.wait_for_text("You wrote: Written into the void").await;
    chat.wait_until("find('.banner').innerText === '' && find('.notice').innerText === ''").await;
    let messages = chat.messages().await;
    assert_eq!(messages.len(), 4, "everything once: {messages:?}");
    assert_eq!(chat.eval("return find('textarea').value").await, "not finished");
}

#[tokio::test]
async fn open_panels_survive_a_restart_of_the_gateway_on_sqlite() {
    open_panels_survive_a_restart_of_the_gateway(Database::Sqlite).await;
}

#[tokio::test]
async fn open_panels_survive_a_restart_of_the_gateway_on_postgres() {
    open_panels_survive_a_restart_of_the_gateway(Database::postgres()).await;
}

async fn open_panels_survive_a_restart_of_the_gateway(database: Database) {
    let mut system = System::start(database, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Before").await;
    chat.wait_for_text("You wrote: Before").await;
    let first = chat.page().window().await.unwrap();
    let other_name = system.url.replace("127.0.0.1", "localhost");
    let second = browser.client().new_window(false).await.unwrap().handle;
    browser.client().switch_to_window(second).await.unwrap();
    let other = Chat::open_at(&browser, &format!("{other_name}/chat/site")).await;
    other.write("Before, too").await;
    other.wait_for_text("You wrote: Before, too").await;

    system.stop_gateway().await;
    other.wait_for_text_in(".banner", "Reconnecting").await;
    other.write("Meanwhile").await;
    other.wait_for_text_in(".sending", "Sending").await;
    system.start_gateway().await;
    other.wait_for_text("You wrote: Meanwhile").await;
    assert_eq!(other.messages().await.len(), 4);

    browser.client().switch_to_window(first).await.unwrap();
    chat.answer(&system, Author::Operator, "After").await;
    chat.wait_for_text("After").await;
    chat.wait_until("find('.banner').innerText === ''").await;
    assert_eq!(chat.messages().await, ["Before", "You wrote: Before", "After"]);
}

/// A reload with something unsent in the field's way: what was written is sent by the next page.
#[tokio::test]
async fn what_was_not_sent_is_sent_after_a_reload() {
    let system = System::start(Database::Sqlite, "").await;
    let wire = Wire::to(&system.url).await;
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &format!("{}/chat/site", wire.url)).await;
    wire.cut();
    chat.write("first").await;
    chat.write("second").await;
    chat.wait_for_text_in(".sending:last-child .meta", "Sending").await;
    wire.mend();
    chat.page().refresh().await.unwrap();
    chat.wait_for_text("You wrote: second").await;
    let texts: Vec<_> = system.sandbox.requests(0).into_iter().map(|request| request.message).collect();
    assert_eq!(texts, ["first", "second"]);
}

#[tokio::test]
async fn the_field_takes_no_more_than_the_limit_and_says_so() {
    let system = System::start(Database::Sqlite, "max_text = 20").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("   ").await;
    chat.paste("0123456789😀😀😀😀😀0123456789").await;
    assert_eq!(chat.eval("return find('textarea').value").await, "0123456789😀😀😀😀😀01234");
    assert_eq!(chat.text(".notice").await, "At most 20 characters in one message.");
    chat.type_text("\u{e003}").await;
    assert_eq!(chat.text(".notice").await, "");
    chat.write("").await;
    chat.wait_for_text("You wrote: 0123456789").await;
    assert_eq!(system.sandbox.requests(0).len(), 1, "what is empty was not sent");

    // A page from before the limit was lowered hears of it from the server.
    chat.eval("Switchboard.send('x'.repeat(30))").await;
    chat.wait_for_text_in(".failed", "At most 20 characters").await;
    chat.write("short").await;
    chat.wait_for_text("You wrote: short").await;
}

#[tokio::test]
async fn who_writes_too_fast_sees_the_wait_and_it_goes_on() {
    let system = System::start(Database::Sqlite, "flood = { burst = 2, per_second = 0.2 }").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    // In one breath, however long typing takes here.
    chat.eval("for (const text of ['one', 'two', 'three']) Switchboard.send(text)").await;
    chat.wait_for_text_in(".notice", "That was quick. Sending goes on in").await;
    chat.wait_for_text("You wrote: three").await;
    chat.wait_until("find('.notice').innerText === ''").await;
    let texts: Vec<_> = system.sandbox.requests(0).into_iter().map(|request| request.message).collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

/// A token that is not good (any more) begins anew, and what is being written stays.
#[tokio::test]
async fn a_token_that_is_refused_begins_anew_without_losing_what_is_typed() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Before").await;
    chat.wait_for_text("You wrote: Before").await;
    let before = chat.visitor().await;
    chat.type_text("half a sen").await;
    // The stored token is spoilt, and the stream comes back with it.
    let spoil = "const key = 'switchboard /chat/site/ session'; const session = JSON.parse(localStorage.getItem(key)); \
        localStorage.setItem(key, JSON.stringify({ ...session, token: `${session.token.slice(0, -4)}AAAA` })); \
        dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))";
    chat.eval(spoil).await;
    chat.wait_for_text_in(".notice", "The earlier conversation has ended").await;
    assert_eq!(chat.eval("return find('textarea').value").await, "half a sen");
    assert_eq!(chat.messages().await, Vec::<String>::new());
    chat.write("tence").await;
    chat.wait_for_text("You wrote: half a sentence").await;
    assert_ne!(chat.visitor().await, before);
    assert_eq!(chat.messages().await, ["half a sentence", "You wrote: half a sentence"]);
}

/// The site may have used up what a browser stores for it, or the browser may store nothing.
#[tokio::test]
async fn a_storage_that_takes_nothing_is_in_nobodys_way() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
        .await;
    for text in ["one", "two"] {
        chat.write(text).await;
        chat.wait_for_text(&format!("You wrote: {text}")).await;
    }
    assert_eq!(chat.messages().await, ["one", "You wrote: one", "two", "You wrote: two"]);
}

/// Who is refused for good can try again.
#[tokio::test]
async fn what_is_refused_can_be_sent_again() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval(
        "const real = fetch; window.refuse = true; window.fetch = (url, options) => refuse && /messages$/.test(url) \
         ? Promise.resolve(new Response('{}', { status: 403 })) : real(url, options)",
    )
    .await;
    chat.write("Let me in").await;
    chat.wait_for_text_in(".failed .meta", "Not sent").await;
    chat.eval("window.refuse = false").await;
    chat.click(".failed .meta button").await;
    chat.wait_for_text("You wrote: Let me in").await;
    assert_eq!(
        chat.eval("return [find('.failed'), inside.querySelectorAll('.user').length]").await,
        json!([null, 1])
    );
}

/// Also to those who have nothing to be connected for yet.
#[tokio::test]
async fn who_is_back_online_is_not_told_otherwise() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval("dispatchEvent(new Event('offline'))").await;
    chat.wait_until("find('.banner').innerText").await;
    chat.eval("dispatchEvent(new Event('online'))").await;
    chat.wait_until("find('.banner').innerText === ''").await;
}

#[tokio::test]
async fn a_page_that_made_room_for_others_says_so() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Hello").await;
    chat.wait_for_text("You wrote: Hello").await;
    chat.eval(
        "const real = fetch; window.fetch = (url, options) => /events$/.test(url) \
         ? Promise.resolve(new Response('event: replaced\\ndata: {}\\n\\n')) : real(url, options); \
         dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))",
    )
    .await;
    chat.wait_for_text_in(".banner", "The chat is open in other windows.").await;
    assert_eq!(chat.text(".banner").await, "The chat is open in other windows.");
}

/// While a computer sleeps its connections die, and nobody tells it.
#[tokio::test]
async fn who_was_asleep_does_not_trust_the_old_connection() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Good night").await;
    chat.wait_for_text("You wrote: Good night").await;
    chat.eval(
        "const real = fetch; window.asked = 0; \
         window.fetch = (url, options) => { asked += /events$/.test(url); return real(url, options) }; \
         const now = Date.now; Date.now = () => now() + 6e5; document.dispatchEvent(new Event('visibilitychange'))",
    )
    .await;
    chat.wait_until("asked === 1").await;
    chat.answer(&system, Author::Operator, "Good morning").await;
    chat.wait_for_text("Good morning").await;
    assert_eq!(chat.messages().await, ["Good night", "You wrote: Good night", "Good morning"]);
}

/// Half a character, as it is left where a text was cut without regard.
#[tokio::test]
async fn half_a_character_does_not_keep_a_text_back() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.eval("Switchboard.send('\\ude00 cut 😀😀'.slice(0, -1))").await;
    chat.wait_for_text("You wrote:").await;
    assert_eq!(system.sandbox.requests(0)[0].message.trim(), "cut 😀");
}

/// Whoever comes next does not find what somebody was about to say.
#[tokio::test]
async fn who_signs_out_leaves_nothing_in_the_field() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.type_text("a public thought").await;
    chat.eval("Switchboard.identify(null)").await;
    assert_eq!(chat.eval("return find('textarea').value").await, "a public thought");
    chat.eval("Switchboard.identify('somebody').catch(() => {})").await;
    chat.wait_for_text_in(".notice", "Please sign in again").await;
    assert_eq!(chat.eval("return find('textarea').value").await, "a public thought");
    chat.eval("Switchboard.identify(null)").await;
    assert_eq!(chat.eval("return find('textarea').value").await, "");
}
