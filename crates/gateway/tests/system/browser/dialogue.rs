//! Writing and being answered.

use std::path::Path;

use serde_json::json;
use switchboard_sandbox::Author;

use super::{Chat, chat::browser};
use crate::support::{Database, System};

#[tokio::test]
async fn a_visitor_writes_and_an_operator_answers_on_sqlite() {
    a_visitor_writes_and_an_operator_answers(Database::Sqlite).await;
}

#[tokio::test]
async fn a_visitor_writes_and_an_operator_answers_on_postgres() {
    a_visitor_writes_and_an_operator_answers(Database::postgres()).await;
}

async fn a_visitor_writes_and_an_operator_answers(database: Database) {
    let system = System::start(database, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Hello from a browser").await;
    chat.wait_for_text("You wrote: Hello from a browser").await;
    chat.answer(&system, Author::Operator, "A person is here: https://example.com/a?b=1. Good?").await;
    chat.wait_for_text("A person is here").await;

    let written = [
        "Hello from a browser",
        "You wrote: Hello from a browser",
        "A person is here: https://example.com/a?b=1. Good?",
    ];
    assert_eq!(chat.messages().await, written);
    let who = "return [...inside.querySelectorAll('.list > .message')].map((it) => \
        [it.querySelector('.who').innerText.split('\\n').pop(), it.classList[1]])";
    let expected = json!([["You", "user"], ["Assistant", "bot"], ["Operator", "operator"]]);
    assert_eq!(chat.eval(who).await, expected);
    let colours =
        "return ['.bot', '.operator'].map((it) => getComputedStyle(find(`${it} .body`)).backgroundColor)";
    let colours = chat.eval(colours).await;
    assert_ne!(colours[0], colours[1], "an operator does not look like the AI");
    let link = "const link = find('.operator a'); return [link.href, link.target, link.rel]";
    assert_eq!(
        chat.eval(link).await,
        json!(["https://example.com/a?b=1", "_blank", "noopener noreferrer nofollow"])
    );
    chat.wait_until("find('.user .meta span span').ariaLabel === 'Sent'").await;

    chat.page().refresh().await.unwrap();
    chat.wait_for_text("A person is here").await;
    assert_eq!(chat.messages().await, written, "a reload shows the same");
    assert_eq!(chat.text(".day").await, "Today");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&pictures).expect("the build's own directory");
    browser.screenshot(&pictures.join("page.png")).await.expect("for people to look at");
}

#[tokio::test]
async fn two_visitors_at_once_see_only_their_own_on_sqlite() {
    two_visitors_at_once_see_only_their_own(Database::Sqlite).await;
}

#[tokio::test]
async fn two_visitors_at_once_see_only_their_own_on_postgres() {
    two_visitors_at_once_see_only_their_own(Database::postgres()).await;
}

async fn two_visitors_at_once_see_only_their_own(database: Database) {
    let system = System::start(database, "").await;
    let browser = browser().await;
    // Two names of one machine are two origins, with nothing in common.
    let other_name = system.url.replace("127.0.0.1", "localhost");
    let one = Chat::open(&browser, &system).await;
    let one_window = one.page().window().await.unwrap();
    one.write("I am the first").await;
    one.wait_for_text("You wrote: I am the first").await;
    let one_visitor = one.visitor().await;

    let other_window = browser.client().new_window(false).await.unwrap().handle;
    browser.client().switch_to_window(other_window).await.unwrap();
    let other = Chat::open_at(&browser, &format!("{other_name}/chat/site")).await;
    other.write("I am the second").await;
    other.wait_for_text("You wrote: I am the second").await;
    super::chat::answer(&system, &one_visitor, Author::Operator, "For the first");
    other.answer(&system, Author::Operator, "For the second").await;
    other.wait_for_text("For the second").await;
    assert_eq!(other.messages().await, ["I am the second", "You wrote: I am the second", "For the second"]);

    browser.client().switch_to_window(one_window).await.unwrap();
    one.wait_for_text("For the first").await;
    assert_eq!(one.messages().await, ["I am the first", "You wrote: I am the first", "For the first"]);
}

/// One visitor with two windows is one visitor: each shows what the other writes.
#[tokio::test]
async fn two_windows_of_one_visitor_show_the_same() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    let first = chat.page().window().await.unwrap();
    let second = browser.client().new_window(false).await.unwrap().handle;
    browser.client().switch_to_window(second.clone()).await.unwrap();
    let chat_too = Chat::open(&browser, &system).await;
    browser.client().switch_to_window(first).await.unwrap();
    chat.write("Seen in both").await;
    chat.wait_for_text("You wrote: Seen in both").await;
    browser.client().switch_to_window(second).await.unwrap();
    chat_too.wait_for_text("You wrote: Seen in both").await;
    assert_eq!(chat_too.messages().await, ["Seen in both", "You wrote: Seen in both"]);
}

/// A browser has six connections to a host over HTTP/1.1. However many windows show the messenger,
/// each of them can send and hears the answer.
#[tokio::test]
async fn many_windows_leave_each_other_room() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("In window 1").await;
    chat.wait_for_text("You wrote: In window 1").await;
    for number in 2..=8 {
        let window = browser.client().new_window(true).await.unwrap().handle;
        browser.client().switch_to_window(window).await.unwrap();
        let chat = Chat::open(&browser, &system).await;
        chat.wait_for_text("You wrote: In window 1").await;
        chat.write(&format!("In window {number}")).await;
        chat.wait_for_text(&format!("You wrote: In window {number}")).await;
    }
}

#[tokio::test]
async fn a_long_answer_is_read_from_its_beginning() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Tell me everything").await;
    chat.wait_for_text("You wrote").await;
    let long = format!("It begins here.\n\n{}It ends here.", "A long paragraph. ".repeat(400));
    chat.answer(&system, Author::Bot, &long).await;
    chat.wait_for_text("It begins here").await;
    let top = "const box = (css) => [...inside.querySelectorAll(css)].pop().getBoundingClientRect().top; \
        return Math.abs(box('.list > .message') - box('.log'))";
    assert!(chat.eval(top).await.as_f64().unwrap() < 40.0);
    chat.click(".latest").await;
    chat.wait_until("find('.log').scrollHeight - find('.log').scrollTop - find('.log').clientHeight < 2")
        .await;
}

/// However long what was answered before is, who comes back sees the latest.
#[tokio::test]
async fn a_history_with_a_long_answer_is_shown_at_its_end() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Tell me everything").await;
    chat.wait_for_text("You wrote").await;
    chat.answer(&system, Author::Bot, &"A long paragraph. ".repeat(400)).await;
    chat.wait_for_text("A long paragraph").await;
    chat.answer(&system, Author::Bot, "Anything else?").await;
    chat.wait_for_text("Anything else?").await;
    chat.page().refresh().await.unwrap();
    chat.wait_for_text("Anything else?").await;
    chat.wait_until("find('.log').scrollHeight - find('.log').scrollTop - find('.log').clientHeight < 2")
        .await;
}

/// What ends the choice of a character is not yet what sends. Safari tells the two apart by an old
/// number only.
#[tokio::test]
async fn the_enter_of_an_input_method_does_not_send() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.type_text("にほん").await;
    let choose = "const press = (it) => find('textarea').dispatchEvent(new KeyboardEvent('keydown', \
        { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true, ...it }));\
        return [press({}), press({ isComposing: true }), find('textarea').value]";
    assert_eq!(chat.eval(choose).await, json!([true, true, "にほん"]));
    chat.write("").await;
    chat.wait_for_text("You wrote: にほん").await;
}

/// A page may stay open for longer than a day.
#[tokio::test]
async fn today_becomes_yesterday() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.write("Good night").await;
    chat.wait_for_text("You wrote: Good night").await;
    chat.wait_for_text_in(".day", "Today").await;
    chat.eval(
        "const now = Date.now; Date.now = () => now() + 864e5; document.dispatchEvent(new Event('visibilitychange'))",
    )
    .await;
    assert_eq!(chat.text(".day").await, "Yesterday");
}
