//! The page and the operator's panel in a real browser.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use switchboard_testkit::{
    browser::{
        Browser,
        fantoccini::{Client, Locator, key::Key},
    },
    wait::wait_for,
};

use crate::support::{Database, PATIENCE, System};

/// What would set this mark if anything that people or the AI write could run.
const MARK: &str = "return window.hacked === undefined && document.title !== 'hacked'";

/// What a user writes to run something.
const HOSTILE_TEXT: &str = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>";
/// What a hostile AI writes.
const HOSTILE_MARKDOWN: &str = "<script>window.hacked=1</script>\n\n[click](javascript:window.hacked=1) \
    <img src=x onerror=\"window.hacked=1\"> [ok](https://example.com \"x\\\" onmouseover=window.hacked=1\")\n\n\
    ```html\n<script>window.hacked=1</script>\n```";

#[tokio::test]
async fn a_visitor_writes_and_an_operator_answers() {
    let system =
        System::start(Database::Sqlite, "title = \"<script>document.title='hacked'</script>\"").await;
    let browser = Browser::start().await.expect("chromium and chromedriver");
    let page = browser.client();
    page.goto(&format!("{}/chat/site", system.url)).await.unwrap();

    write(page, "Hello from a browser").await;
    wait_for_text(page, "#log", "You wrote").await;
    let visitor_window = page.window().await.unwrap();

    let panel_window = page.new_window(true).await.unwrap().handle;
    page.switch_to_window(panel_window).await.unwrap();
    page.goto(&system.sandbox.panel_url()).await.unwrap();
    click(page, "#dialogues li *").await;
    wait_for_text(page, "#messages", "Hello from a browser").await;
    page.find(Locator::Css("#text")).await.unwrap().send_keys("A person is here.").await.unwrap();
    click(page, "#send").await;
    wait_for_text(page, "#messages", "A person is here.").await;
    screenshot(&browser, "panel.png").await;

    page.switch_to_window(visitor_window).await.unwrap();
    wait_for_text(page, "#log", "A person is here.").await;
    let before = text(page, "#log").await;
    page.refresh().await.unwrap();
    wait_for_text(page, "#log", "A person is here.").await;
    assert_eq!(text(page, "#log").await, before, "a reload shows the same");
    assert_eq!(before.matches("A person is here.").count(), 1);
    screenshot(&browser, "page.png").await;
}

#[tokio::test]
async fn nothing_that_people_or_the_ai_write_can_run() {
    let system =
        System::start(Database::Sqlite, "title = \"<script>document.title='hacked'</script>\"").await;
    let browser = Browser::start().await.expect("chromium and chromedriver");
    let page = browser.client();
    page.goto(&format!("{}/chat/site", system.url)).await.unwrap();
    write(page, HOSTILE_TEXT).await;
    wait_for_text(page, "#log", "You wrote").await;
    assert!(text(page, "#log").await.contains("<script>window.hacked=1</script>"), "shown as text");

    let chat_id = system.sandbox.requests(0)[0].chat_id.clone();
    let webhook = |text: &str| {
        json!({
            "external_chat_id": chat_id, "message_id": text, "message_type": "bot", "task_id": "task-1",
            "message_text": text, "title": HOSTILE_TEXT,
        })
    };
    assert_eq!(system.webhook(&webhook(HOSTILE_MARKDOWN)).await.0, 200);
    assert_eq!(system.webhook(&webhook("the end")).await.0, 200);
    wait_for_text(page, "#log", "the end").await;
    for element in page.find_all(Locator::Css("#log a, #log img")).await.unwrap() {
        element.click().await.ok();
    }
    let find = "return [...document.querySelectorAll('#log *')].flatMap(e => e.getAttributeNames()\
        .map(name => name + '=' + e.getAttribute(name)))\
        .filter(it => /^on|javascript:/i.test(it))";
    assert_eq!(page.execute(find, Vec::new()).await.unwrap(), json!([]));
    let scripts = "return document.querySelectorAll('#log script, #log img').length";
    assert_eq!(page.execute(scripts, Vec::new()).await.unwrap(), json!(0));
    assert_eq!(page.execute(MARK, Vec::new()).await.unwrap(), Value::Bool(true));

    page.goto(&system.sandbox.panel_url()).await.unwrap();
    click(page, "#dialogues li *").await;
    wait_for_text(page, "#messages", "window.hacked=1").await;
    assert_eq!(page.execute(MARK, Vec::new()).await.unwrap(), Value::Bool(true));

    // The last line of defence: even an inline script that got into the page does not run.
    page.goto(&format!("{}/chat/site", system.url)).await.unwrap();
    let inject = "const s = document.createElement('script'); s.textContent = 'window.hacked=1';\
        document.body.append(s); return window.hacked === undefined";
    assert_eq!(page.execute(inject, Vec::new()).await.unwrap(), Value::Bool(true));
}

async fn write(page: &Client, text: &str) {
    let input = page.wait().at_most(PATIENCE).for_element(Locator::Id("text")).await.unwrap();
    input.send_keys(text).await.unwrap();
    input.send_keys(&char::from(Key::Enter).to_string()).await.unwrap();
}

async fn click(page: &Client, selector: &str) {
    page.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await.unwrap().click().await.unwrap();
}

async fn text(page: &Client, selector: &str) -> String {
    page.find(Locator::Css(selector)).await.unwrap().text().await.unwrap()
}

async fn wait_for_text(page: &Client, selector: &str, wanted: &str) {
    wait_for(&format!("{wanted:?} in {selector}"), PATIENCE, async || {
        let element = page.find(Locator::Css(selector)).await.ok()?;
        element.text().await.ok()?.contains(wanted).then_some(())
    })
    .await;
}

/// For people to look at: in `screenshots` beside the test's program.
async fn screenshot(browser: &Browser, name: &str) {
    let directory = directory();
    std::fs::create_dir_all(&directory).expect("the build's own directory");
    browser.screenshot(&directory.join(name)).await.expect("a screenshot");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots")
}
