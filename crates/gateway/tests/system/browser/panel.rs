//! The operator's panel of the AI platform's stand-in, with which people demonstrate.

use serde_json::{Value, json};
use switchboard_testkit::{
    axe,
    browser::{
        Browser,
        fantoccini::{Client, Locator, key::Key},
    },
    wait::wait_for,
};

use super::chat::browser;
use crate::support::{Database, PATIENCE, System, Visitor};

/// What the page's script would find under this id.
const BY_ID: &str = "const byId = (id) => document.getElementById(id);";

async fn wait_until(panel: &Client, expression: &str) {
    let script = format!("{BY_ID} return Boolean({expression})");
    wait_for(expression, PATIENCE, async || {
        (panel.execute(&script, Vec::new()).await.ok()? == Value::Bool(true)).then_some(())
    })
    .await;
}

/// Gives the keys to what has the focus.
async fn press(panel: &Client, keys: &str) {
    let focused = panel.active_element().await.expect("something has the focus");
    focused.send_keys(keys).await.expect("it takes keys");
}

async fn open(browser: &Browser, system: &System, visitor: &Visitor) {
    let panel = browser.client();
    panel.goto(&system.sandbox.panel_url()).await.expect("the panel opens");
    wait_until(panel, "document.querySelector('#dialogues a')").await;
    let link = format!("#dialogues a[href='#{}']", visitor.chat_id().replace(':', "%3A"));
    let script = format!("document.querySelector({}).focus()", json!(link));
    panel.execute(&script, Vec::new()).await.expect("the dialogue is in the list");
    press(panel, &char::from(Key::Enter).to_string()).await;
    wait_until(panel, "!byId('opened').hidden && byId('messages').children.length").await;
    // The last thing that opening does: whoever moves the focus earlier loses it again.
    wait_until(panel, "document.activeElement === byId('text')").await;
}

#[tokio::test]
async fn an_operator_takes_over_answers_and_closes_with_the_keyboard() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = system.visitor().await;
    visitor.says("My number is +998 90 123-45-67").await;
    visitor.wait_for_answers(1).await;
    let browser = browser().await;
    open(&browser, &system, &visitor).await;
    let panel = browser.client();
    wait_until(panel, "!byId('captured').hidden && byId('contact').innerText.includes('+998 90')").await;
    wait_until(panel, "byId('phase').innerText === 'AI answers'").await;

    let enter = char::from(Key::Enter).to_string();
    panel.execute("document.getElementById('to-operator').focus()", Vec::new()).await.unwrap();
    press(panel, &enter).await;
    // Who has taken a dialogue over can write at once.
    wait_until(panel, "document.activeElement === byId('text')").await;
    press(panel, &format!("Anna here, **hello**{enter}")).await;
    let answers = visitor.wait_for_answers(3).await;
    assert_eq!(answers.last().unwrap().author, "operator");
    assert!(answers.last().unwrap().html.contains("<strong>hello</strong>"), "{answers:?}");
    visitor.says("Thank you").await;
    wait_until(panel, "byId('messages').innerText.includes('Thank you') && byId('text').value === ''").await;

    panel.execute("document.getElementById('close').focus()", Vec::new()).await.unwrap();
    press(panel, &enter).await;
    wait_until(panel, "byId('answer').hidden && byId('phase').innerText === 'Closed'").await;
    visitor.wait_for_answers(4).await;
    visitor.says("One more thing").await;
    wait_until(panel, "!byId('answer').hidden && byId('phase').innerText === 'AI answers'").await;
}

#[tokio::test]
async fn the_panel_has_no_barriers() {
    let system = System::start(Database::Sqlite, "").await;
    let browser = browser().await;
    let panel = browser.client();
    panel.goto(&system.sandbox.panel_url()).await.expect("the panel opens");
    wait_until(panel, "byId('live').innerText === 'Live' && !byId('first-steps').hidden").await;
    look(&browser, "an empty panel").await;
    let (visitor, other) = (system.visitor().await, system.visitor().await);
    visitor.says("/markdown").await;
    other.says("/operator").await;
    visitor.says("write to ann@example.org").await;
    visitor.wait_for_answers(2).await;
    open(&browser, &system, &visitor).await;
    wait_until(panel, "!byId('captured').hidden").await;
    look(&browser, "a dialogue").await;
    browser.resize(390, 800, true).unwrap();
    wait_until(panel, "byId('show-details').offsetWidth").await;
    look(&browser, "a dialogue on a phone").await;
    panel.find(Locator::Css("#show-details")).await.unwrap().click().await.unwrap();
    look(&browser, "its details on a phone").await;
    panel.find(Locator::Css("#hide-details")).await.unwrap().click().await.unwrap();
    panel.find(Locator::Css("#back")).await.unwrap().click().await.unwrap();
    wait_until(panel, "byId('list').offsetWidth").await;
    look(&browser, "the list on a phone").await;
}

/// axe-core finds nothing in light and in dark.
async fn look(browser: &Browser, what: &str) {
    for dark in [false, true] {
        browser.prefer_dark(dark).unwrap();
        let violations = axe::violations(browser.client()).await.unwrap();
        assert_eq!(violations, Vec::<String>::new(), "{what}, dark: {dark}");
    }
}
