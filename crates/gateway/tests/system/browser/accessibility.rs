//! axe-core finds nothing, with what is shown in light and in dark, large and small.

use switchboard_sandbox::Author;
use switchboard_testkit::{axe, browser::Browser};

use super::{Chat, chat::browser, site::Site};
use crate::support::{Database, System};

/// Looks in both colours.
async fn look(browser: &Browser, chat: &Chat<'_>, what: &str) {
    for dark in [false, true] {
        browser.prefer_dark(dark).unwrap();
        let wanted = if dark { "find('.root.dark')" } else { "!find('.root.dark')" };
        chat.wait_until(wanted).await;
        // The contrast of what is still moving cannot be measured.
        chat.wait_until(
            "inside.getAnimations().every((it) => it.effect.getTiming().iterations === Infinity)",
        )
        .await;
        let violations = axe::violations(chat.page()).await.unwrap();
        assert_eq!(violations, Vec::<String>::new(), "{what}, dark: {dark}");
    }
}

/// Everything that a dialogue may have.
async fn talk(chat: &Chat<'_>, system: &System) {
    chat.write("Hello https://example.com").await;
    chat.wait_for_text("You wrote").await;
    chat.write("/markdown").await;
    chat.wait_for_text("The end").await;
    chat.answer(system, Author::Operator, "A person, with a [link](https://example.com) and `code`").await;
    chat.wait_for_text("A person").await;
}

#[tokio::test]
async fn the_page_has_no_barriers() {
    let settings = "greeting = \"Hello!\"\nquestions = [\"Where is it?\"]\ncolor = \"#ffd400\"";
    let system = System::start(Database::Sqlite, settings).await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.wait_for_text("Hello!").await;
    look(&browser, &chat, "an empty page").await;
    talk(&chat, &system).await;
    look(&browser, &chat, "a page with a dialogue").await;
    chat.write("/slow 30").await;
    chat.wait_until("find('.dots')").await;
    chat.eval("dispatchEvent(new Event('offline'))").await;
    chat.paste(&"x".repeat(8_001)).await;
    look(&browser, &chat, "a page in trouble").await;
    chat.on_a_phone(&browser).await;
    look(&browser, &chat, "a page on a phone").await;
}

#[tokio::test]
async fn the_widget_has_no_barriers() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    site.serve(&system, "default-src * 'unsafe-inline' 'unsafe-eval'", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    // It stands beside the body, where axe-core cannot tell what is behind what.
    chat.eval("document.body.append(document.querySelector('switchboard-chat'))").await;
    look(&browser, &chat, "the button").await;
    chat.click(".launcher").await;
    look(&browser, &chat, "an empty panel").await;
    talk(&chat, &system).await;
    look(&browser, &chat, "a panel with a dialogue").await;
    chat.click(".close").await;
    chat.answer(&system, Author::Bot, "Still there?").await;
    chat.wait_until("find('.badge').innerText === '1'").await;
    look(&browser, &chat, "the button with a number").await;
    chat.on_a_phone(&browser).await;
    chat.click(".launcher").await;
    look(&browser, &chat, "a panel on a phone").await;
}
