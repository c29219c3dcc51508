//! The messenger as the one before the browser sees and uses it, wherever it is shown.

use serde_json::{Value, json};
use switchboard_sandbox::{Answer, Author};
use switchboard_testkit::{
    browser::{
        Browser,
        fantoccini::{
            Client, Locator,
            elements::{Element, ShadowRoot},
            key::Key,
        },
    },
    wait::wait_for,
};

use crate::support::{PATIENCE, System, now};

/// What all scripts of the tests begin with: the messenger's inside.
const INSIDE: &str = "const inside = document.querySelector('switchboard-chat')?.shadowRoot;\
    const find = (css) => inside?.querySelector(css);";

/// The messenger in the window that the browser shows.
pub struct Chat<'b> {
    page: &'b Client,
}

impl<'b> Chat<'b> {
    /// Opens the page of its own.
    pub async fn open(browser: &'b Browser, system: &System) -> Self {
        Self::open_at(browser, &format!("{}/chat/site", system.url)).await
    }

    /// Opens any page with the messenger on it, and waits for its script.
    pub async fn open_at(browser: &'b Browser, url: &str) -> Self {
        let chat = Self { page: browser.client() };
        chat.page.goto(url).await.expect("the page opens");
        chat.wait_until("window.Switchboard?.open").await;
        chat
    }

    /// The site's side of it.
    pub fn page(&self) -> &Client {
        self.page
    }

    /// What a script returns; in it, `find(css)` finds within the messenger.
    pub async fn eval(&self, script: &str) -> Value {
        self.page.execute(&format!("{INSIDE} {script}"), Vec::new()).await.expect("the script runs")
    }

    /// Waits until an expression is true.
    pub async fn wait_until(&self, expression: &str) {
        wait_for(expression, PATIENCE, async || {
            let script = format!("{INSIDE} return Boolean({expression})");
            let value = self.page.execute(&script, Vec::new()).await;
            (value.ok()? == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// Clicks as a person does: where something else is in the way, that is clicked, and the test fails.
    pub async fn click(&self, css: &str) {
        self.wait_until(&format!("find({css:?})?.offsetWidth")).await;
        self.element(css).await.click().await.unwrap_or_else(|error| panic!("click {css}: {error}"));
    }

    /// Types into the field without sending.
    pub async fn type_text(&self, text: &str) {
        self.wait_until("find('textarea')?.offsetWidth").await;
        self.element("textarea").await.send_keys(text).await.expect("the field takes keys");
    }

    /// Types and sends.
    pub async fn write(&self, text: &str) {
        self.type_text(&format!("{text}{}", char::from(Key::Enter))).await;
    }

    /// Puts a text into the field at once, as a clipboard does.
    pub async fn paste(&self, text: &str) {
        self.wait_until("find('textarea')").await;
        let paste = format!(
            "{INSIDE} find('textarea').value = arguments[0]; \
             find('textarea').dispatchEvent(new Event('input', {{ bubbles: true }}))"
        );
        self.page.execute(&paste, vec![json!(text)]).await.expect("the script runs");
    }

    /// Makes the window one of a phone, and waits until the page knows.
    pub async fn on_a_phone(&self, browser: &Browser) {
        browser.resize(390, 800, true).expect("the browser takes the size");
        self.wait_until("matchMedia('(max-width: 480px)').matches").await;
    }

    /// What is seen of this; nothing where it is not there.
    pub async fn text(&self, css: &str) -> String {
        let text = self.eval(&format!("return find({css:?})?.innerText ?? ''")).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the log shows this.
    pub async fn wait_for_text(&self, text: &str) {
        self.wait_for_text_in(".log", text).await;
    }

    pub async fn wait_for_text_in(&self, css: &str, text: &str) {
        self.wait_until(&format!("find({css:?})?.innerText.includes({})", json!(text))).await;
    }

    /// The bodies of all messages, in order.
    pub async fn messages(&self) -> Vec<String> {
        let texts = "return [...inside.querySelectorAll('.list > .message .body')].map((it) => it.innerText)";
        serde_json::from_value(self.eval(texts).await).expect("a list of texts")
    }

    /// The one whose conversation is shown, once there is one.
    pub async fn visitor(&self) -> String {
        let session = "JSON.parse(localStorage.getItem('switchboard /chat/site/ session'))";
        self.wait_until(session).await;
        let visitor = self.eval(&format!("return {session}.visitor")).await;
        visitor.as_str().expect("a visitor").to_owned()
    }

    /// Answers this visitor as the AI or an operator.
    pub async fn answer(&self, system: &System, author: Author, text: &str) {
        answer(system, &self.visitor().await, author, text);
    }

    async fn element(&self, css: &str) -> Element {
        self.inside().await.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    async fn inside(&self) -> ShadowRoot {
        let host = self.page.find(Locator::Css("switchboard-chat")).await.expect("the messenger is there");
        host.shadow_root().await.expect("it has a shadow root")
    }
}

/// Answers a visitor as the AI or an operator.
pub fn answer(system: &System, visitor: &str, author: Author, text: &str) {
    let chat_id = format!("site:{visitor}");
    system.sandbox.answer(&Answer { chat_id, author, text: text.to_owned(), ..Answer::default() });
}

/// A fresh browser, where it is noon: no test runs over midnight.
pub async fn browser() -> Browser {
    let browser = Browser::start().await.expect("chromium and chromedriver");
    // West of Greenwich are those with a plus.
    let zone = format!("Etc/GMT{:+}", i16::from(now().hour()) - 12);
    let zone = json!({ "timezoneId": zone });
    browser.developer_tools("Emulation.setTimezoneOverride", &zone).expect("the browser takes the zone");
    browser
}
