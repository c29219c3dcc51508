//! What visitors, operators and a hostile AI write cannot run.

use serde_json::{Value, json};
use switchboard_testkit::browser::fantoccini::Client;

use super::{Chat, chat::browser};
use crate::support::{Database, System};

/// What would set this mark if anything that people or the AI write could run.
const UNHARMED: &str = "return window.hacked === undefined && document.title !== 'hacked'";

/// What a user writes to run something.
const HOSTILE_TEXT: &str = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>";
/// What a hostile AI writes.
const HOSTILE_MARKDOWN: &str = "<script>window.hacked=1</script>\n\n[click](javascript:window.hacked=1) \
    <img src=x onerror=\"window.hacked=1\"> [ok](https://example.com \"x\\\" onmouseover=window.hacked=1\")\n\n\
    ![picture](https://example.com/picture.png)\n\n```html\n<script>window.hacked=1</script>\n```";
const HOSTILE_SETTINGS: &str = "title = \"<script>document.title='hacked'</script>\"\n\
    greeting = \"<img src=x onerror=window.hacked=1>\"\nquestions = [\"</script><script>window.hacked=1</script>\"]";

#[tokio::test]
async fn nothing_that_people_or_the_ai_write_can_run_on_sqlite() {
    nothing_that_people_or_the_ai_write_can_run(Database::Sqlite).await;
}

#[tokio::test]
async fn nothing_that_people_or_the_ai_write_can_run_on_postgres() {
    nothing_that_people_or_the_ai_write_can_run(Database::postgres()).await;
}

async fn nothing_that_people_or_the_ai_write_can_run(database: Database) {
    let system = System::start(database, HOSTILE_SETTINGS).await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.wait_for_text("<img src=x onerror=window.hacked=1>").await;
    chat.write(HOSTILE_TEXT).await;
    chat.wait_for_text("You wrote").await;
    assert_eq!(chat.messages().await[0], HOSTILE_TEXT, "shown as text");

    let chat_id = system.sandbox.requests(0)[0].chat_id.clone();
    let webhook = |text: &str| {
        json!({
            "external_chat_id": chat_id, "message_id": text, "message_type": "bot", "task_id": "task-1",
            "message_text": text, "title": HOSTILE_TEXT,
        })
    };
    assert_eq!(system.webhook(&webhook(HOSTILE_MARKDOWN)).await.0, 200);
    assert_eq!(system.webhook(&webhook("the end")).await.0, 200);
    chat.wait_for_text("the end").await;
    chat.eval("for (const it of inside.querySelectorAll('.log a')) { it.target = '_self'; if (!it.href) it.click() }").await;
    let find_bad = "return [...inside.querySelectorAll('.log *')].flatMap((it) => it.getAttributeNames()\
        .map((name) => `${name}=${it.getAttribute(name)}`)).filter((it) => /^on|javascript:|^style/i.test(it))";
    assert_eq!(chat.eval(find_bad).await, json!([]));
    assert_eq!(
        chat.eval("return inside.querySelectorAll('script, img, style, iframe').length").await,
        json!(0)
    );
    assert_eq!(chat.eval("return find('.log a[href$=\"picture.png\"]').innerText").await, "picture");
    assert!(is_unharmed(chat.page()).await);

    // The last lines of defence: nothing can be made of a text, and even a script that got into the
    // page does not run.
    for attempt in [
        "const script = document.createElement('script'); script.textContent = 'window.hacked=1'; document.body.append(script)",
        "const script = document.createElement('script'); script.append('window.hacked=1'); document.body.append(script)",
        "document.body.innerHTML = '<img src=x onerror=window.hacked=1>'",
        "document.body.setAttribute('onclick', 'window.hacked=1'); document.body.click()",
    ] {
        chat.eval(&format!("try {{ {attempt} }} catch {{ return 'refused' }}")).await;
        assert!(is_unharmed(chat.page()).await, "{attempt}");
    }

    chat.page().goto(&system.sandbox.panel_url()).await.unwrap();
    let shown = "return document.body.innerText.includes('window.hacked=1')";
    switchboard_testkit::wait::wait_for("the panel's list", crate::support::PATIENCE, async || {
        (chat.page().execute(shown, Vec::new()).await.ok()? == Value::Bool(true)).then_some(())
    })
    .await;
    assert!(is_unharmed(chat.page()).await);
}

async fn is_unharmed(page: &Client) -> bool {
    page.execute(UNHARMED, Vec::new()).await.unwrap() == Value::Bool(true)
}
