//! The messenger on a company's site, which is not the gateway's and does not make it easy.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::Html,
    routing::get,
};
use serde_json::json;
use switchboard_sandbox::Author;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    Chat,
    chat::{answer, browser},
};
use crate::support::{Database, System};

/// Everything that a site's styles could do to an element that is not theirs.
const HOSTILE_STYLES: &str = "* { all: unset !important; display: none !important; visibility: hidden !important; \
    opacity: 0 !important; pointer-events: none !important; transform: scale(0) !important; \
    position: static !important; z-index: -1 !important; width: 0 !important; font: 1px fantasy !important; \
    color: transparent !important; clip-path: circle(0) !important; filter: blur(9px) !important; \
    animation: none !important; direction: rtl !important } \
    html, body { all: revert !important; display: block !important } \
    button, textarea, div, p { display: none !important }";

/// A site on an origin of its own. Ends with the test.
pub struct Site {
    pub url: String,
    listener: Option<TcpListener>,
    server: Option<JoinHandle<()>>,
}

impl Site {
    /// Takes an address, so that a gateway can be told of it; nothing is served yet.
    pub async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self { url, listener: Some(listener), server: None }
    }

    /// The setting by which a channel allows this site.
    pub fn allowed(&self) -> String {
        format!("allowed_origins = [{:?}]\n", self.url)
    }

    /// Serves a page with the widget on it, under this policy, with this in its head.
    #[expect(clippy::disallowed_methods, reason = "the task ends with the site, which the test owns")]
    pub fn serve(&mut self, system: &System, policy: &str, head: &str) {
        let tag = format!("<script async src=\"{}/chat/site/widget.js\"></script>", system.url);
        let html = format!(
            "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>A shop</title>\
             <meta name=viewport content='width=device-width,initial-scale=1'>{head}{tag}</head>\
             <body><main><h1>A shop</h1><p>What it sells.</p><button>Buy</button></main></body></html>"
        );
        let policy = HeaderValue::try_from(policy).expect("a policy is fit for a header");
        let page = move || std::future::ready(([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)));
        let router = Router::new().route("/", get(page));
        let listener = self.listener.take().expect("it is served once");
        self.server =
            Some(tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

#[tokio::test]
async fn the_widget_works_under_hostile_styles_on_sqlite() {
    the_widget_works_under_hostile_styles(Database::Sqlite).await;
}

#[tokio::test]
async fn the_widget_works_under_hostile_styles_on_postgres() {
    the_widget_works_under_hostile_styles(Database::postgres()).await;
}

async fn the_widget_works_under_hostile_styles(database: Database) {
    let mut site = Site::bind().await;
    let system = System::start(database, &site.allowed()).await;
    site.serve(&system, "default-src * 'unsafe-inline'", &format!("<style>{HOSTILE_STYLES}</style>"));
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    let looks = "const style = getComputedStyle(find('.launcher')); const box = find('.launcher').getBoundingClientRect();\
        return [style.opacity, style.visibility, style.color, Math.round(box.width), Math.round(innerWidth - box.right)]";
    assert_eq!(chat.eval(looks).await, json!(["1", "visible", "rgb(255, 255, 255)", 60, 20]));

    chat.click(".launcher").await;
    chat.write("Can you see me?").await;
    chat.wait_for_text("You wrote: Can you see me?").await;
    let width = "return [find('.panel').offsetWidth, getComputedStyle(find('.body')).fontSize]";
    assert_eq!(chat.eval(width).await, json!([392, "15px"]));
    let others =
        "return document.querySelectorAll('switchboard-chat').length + document.body.children.length";
    assert_eq!(chat.eval(others).await, 2, "it has put one element beside the body, and nothing into it");
    assert_eq!(chat.page().get_all_cookies().await.unwrap().len(), 0, "no cookie");
}

#[tokio::test]
async fn the_widget_works_under_a_strict_policy_on_sqlite() {
    the_widget_works_under_a_strict_policy(Database::Sqlite).await;
}

#[tokio::test]
async fn the_widget_works_under_a_strict_policy_on_postgres() {
    the_widget_works_under_a_strict_policy(Database::postgres()).await;
}

/// The two directives that the README names, and everything else forbidden.
async fn the_widget_works_under_a_strict_policy(database: Database) {
    let mut site = Site::bind().await;
    let system = System::start(database, &format!("{}sound = true", site.allowed())).await;
    let policy = format!("default-src 'none'; script-src {0}; connect-src {0}", system.url);
    site.serve(&system, &policy, "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    let watch = "window.refused = []; addEventListener('securitypolicyviolation', (event) => refused.push(event.violatedDirective))";
    chat.eval(watch).await;
    chat.click(".launcher").await;
    chat.write("/markdown").await;
    chat.wait_for_text("The end").await;
    chat.answer(&system, Author::Operator, "https://example.com/help").await;
    chat.wait_for_text("https://example.com/help").await;
    let background = "return getComputedStyle(find('.launcher')).backgroundColor";
    assert_eq!(chat.eval(background).await, "rgb(47, 91, 216)", "the styles are there");
    assert_eq!(chat.eval("return refused").await, json!([]));
    let loaded = "return performance.getEntriesByType('resource').map((it) => new URL(it.name).origin)";
    let origins: Vec<String> = serde_json::from_value(chat.eval(loaded).await).unwrap();
    assert!(origins.iter().all(|origin| *origin == system.url), "only the gateway is asked: {origins:?}");
}

#[tokio::test]
async fn a_site_that_is_not_allowed_gets_nothing() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, "").await;
    site.serve(&system, "default-src *", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    chat.click(".launcher").await;
    chat.write("Hello?").await;
    chat.wait_until("find('.notice').innerText || find('.failed')").await;
    assert!(system.sandbox.requests(0).is_empty());
    assert_eq!(chat.text("textarea").await, "");
    assert_eq!(chat.messages().await, ["Hello?"], "what was written is still there");
}

/// What the site can do, and what it is told.
#[tokio::test]
async fn the_site_opens_sends_listens_and_counts() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    // Calls that were made before the script came, and the script included twice.
    let twice = format!(
        "<script>window.told = []; window.Switchboard = [(it) => {{ for (const name of ['open', 'close', 'unread', \
         'message']) it.on(name, (detail) => told.push([name, detail?.text ?? detail])) }}]</script>\
         <script async src=\"{}/chat/site/widget.js\"></script>",
        system.url
    );
    site.serve(&system, "default-src * 'unsafe-inline'", &twice);
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    assert_eq!(chat.eval("return document.querySelectorAll('switchboard-chat').length").await, 1);
    assert_eq!(
        chat.eval("return Boolean(find('.panel'))").await,
        false,
        "nothing is made before it is opened"
    );

    chat.eval("Switchboard.send('From the site')").await;
    // The first answer may be there before the page listens: then it is counted, and is no news.
    chat.wait_until("find('.badge').innerText === '1'").await;
    chat.answer(&system, Author::Operator, "And one more").await;
    chat.wait_until("told.some(([, text]) => text === 'And one more')").await;
    chat.wait_until("find('.badge').innerText === '2'").await;
    assert_eq!(chat.eval("return find('.launcher').ariaLabel").await, "Open the chat. Unread: 2");

    // The next page of the site knows what was read, and what was not.
    chat.page().refresh().await.unwrap();
    chat.wait_until("find('.badge')?.innerText === '2'").await;
    chat.eval("window.told = []; Switchboard.open()").await;
    chat.wait_for_text("And one more").await;
    chat.wait_until("find('.badge').innerText === ''").await;
    let stop = "window.stop = Switchboard.on('close', () => told.push(['mine'])); Switchboard.close(); stop();\
        Switchboard.toggle(); Switchboard.close(); return told.map(([name]) => name)";
    assert_eq!(chat.eval(stop).await, json!(["unread", "open", "close", "mine", "open", "close"]));

    chat.page().refresh().await.unwrap();
    chat.wait_until("find('.launcher')").await;
    chat.answer(&system, Author::Bot, "Later").await;
    // What was read stays read: only the new one is counted.
    chat.wait_until("find('.badge').innerText === '1'").await;
}

/// The keyboard, from the button to the answer and back.
#[tokio::test]
async fn a_keyboard_is_enough() {
    let mut site = Site::bind().await;
    let channel = format!("{}questions = [\"Where is it?\"]", site.allowed());
    let system = System::start(Database::Sqlite, &channel).await;
    site.serve(&system, "default-src *", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    let focused = "return inside.activeElement?.className || inside.activeElement?.localName || null";
    chat.eval("Switchboard.open()").await;
    assert_eq!(chat.eval(focused).await, "textarea");
    chat.type_text("one\u{e008}\u{e007}\u{e000}two\u{e007}").await;
    chat.wait_for_text("You wrote: one").await;
    assert_eq!(system.sandbox.requests(0)[0].message, "one\ntwo", "shift and enter is a new line");
    chat.type_text("\u{e00c}").await;
    assert_eq!(chat.eval("return find('.panel').hidden").await, true, "escape closes");
    assert_eq!(chat.eval(focused).await, "launcher", "and the focus is back where it was");

    // Where it covers everything, the focus stays inside.
    chat.on_a_phone(&browser).await;
    chat.eval("Switchboard.open(); find('.send').focus()").await;
    assert_eq!(chat.eval("return find('.panel').ariaModal").await, "true");
    let tab = "inside.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab', bubbles: true, composed: true }))";
    chat.eval(tab).await;
    assert_eq!(chat.eval(focused).await, "sound");
    let covered = "(({ left, top, width, height }) => `${[left, top, width, height]}` === '0,0,390,800')\
        (find('.panel').getBoundingClientRect())";
    chat.wait_until(covered).await;
}

/// A question is asked with a click, and gone with the first message.
#[tokio::test]
async fn a_question_is_asked_with_a_click() {
    let system = System::start(
        Database::Sqlite,
        "greeting = \"Welcome <b>here</b>\"\nquestions = [\"Where is it?\", \"And when?\"]\nassistant_name = \"Nova\"",
    )
    .await;
    let browser = browser().await;
    let chat = Chat::open(&browser, &system).await;
    chat.wait_for_text("Welcome <b>here</b>").await;
    assert!(chat.text(".greeting").await.contains("Nova"));
    chat.click(".questions button:last-child").await;
    chat.wait_for_text("You wrote: And when?").await;
    assert_eq!(chat.messages().await, ["And when?", "You wrote: And when?"]);
    let focused = "return inside.activeElement?.classList.contains('panel')";
    assert_eq!(chat.eval(focused).await, true, "the keyboard goes on in the panel");
    let greeted = "return Boolean(find('.greeting').offsetHeight)";
    assert_eq!(chat.eval(greeted).await, false);
    chat.page().refresh().await.unwrap();
    chat.wait_for_text("You wrote: And when?").await;
    assert_eq!(chat.eval(greeted).await, false, "there is a dialogue already");
}

/// Texts, dates and direction follow the browser; anything can be said otherwise.
#[tokio::test]
async fn it_speaks_the_browsers_language() {
    let system = System::start(
        Database::Sqlite,
        "[channel.texts.ru]\noperator = \"Анна\"\n[channel.texts.ar]\nsend = \"إرسال\"\ntitle = \"محادثة\"",
    )
    .await;
    let browser = browser().await;
    let label =
        "return [find('.send').ariaLabel, find('.root').dir, document.documentElement.lang, document.title]";
    for (language, expected) in [
        ("ru-RU,ru", json!(["Отправить", "ltr", "ru-RU", "Чат"])),
        ("uz", json!(["Yuborish", "ltr", "uz", "Chat"])),
        ("ar-EG", json!(["إرسال", "rtl", "ar-EG", "محادثة"])),
        ("fr", json!(["Send", "ltr", "en", "Chat"])),
    ] {
        browser.read_language(language).unwrap();
        let chat = Chat::open(&browser, &system).await;
        assert_eq!(chat.eval(label).await, expected, "{language}");
    }
    browser.read_language("ru").unwrap();
    let chat = Chat::open(&browser, &system).await;
    chat.write("Где?").await;
    chat.wait_for_text("You wrote: Где?").await;
    answer(&system, &chat.visitor().await, Author::Operator, "Здесь");
    chat.wait_for_text_in(".operator .who", "Анна").await;
    assert_eq!(chat.text(".day").await, "Сегодня");
}

/// Twice before the page is there, and in the same breath.
#[tokio::test]
async fn the_script_is_there_once_however_often_it_is_included() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    let tag = format!("<script src=\"{}/chat/site/widget.js\"></script>", system.url);
    let early = "<script>window.Switchboard = [() => { window.called = true }]</script>";
    site.serve(&system, "default-src * 'unsafe-inline'", &format!("{early}{tag}{tag}"));
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    chat.wait_until("document.readyState === 'complete' && window.called").await;
    assert_eq!(chat.eval("return document.querySelectorAll('switchboard-chat').length").await, 1);
}

/// What single-page applications do to the document.
#[tokio::test]
async fn it_comes_back_when_the_site_removes_it() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    site.serve(&system, "default-src * 'unsafe-inline'", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    for removal in [
        "document.querySelector('switchboard-chat').remove()",
        "document.documentElement.replaceChildren(document.body)",
        "document.body.replaceWith(document.createElement('body'))",
    ] {
        chat.eval(removal).await;
        chat.wait_until("find('.launcher')?.offsetWidth").await;
    }
    chat.click(".launcher").await;
    chat.write("Still here?").await;
    chat.wait_for_text("You wrote: Still here?").await;
}

/// A full storage is no reason to open only half.
#[tokio::test]
async fn it_opens_where_nothing_can_be_stored() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    site.serve(&system, "default-src * 'unsafe-inline'", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    chat.eval("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
        .await;
    chat.click(".launcher").await;
    chat.wait_until("inside.activeElement === find('textarea')").await;
    chat.click(".close").await;
    chat.wait_until("inside.activeElement === find('.launcher')").await;
}

/// A stream that tells something else from now on, to a page whose messages never arrive.
const OTHERWISE: &str = "const event = (position, at) => `id: ${position}\\nevent: message\\ndata: ${JSON.stringify(\
        { position, author: 'bot', html: `<p>Message ${position}</p>`, at: new Date(at).toISOString() })}\\n\\n`; \
    const tell = (told) => { window.fetch = (url) => new Promise((answer) => { \
        if (!/events$/.test(url) || !told) return; \
        answer(new Response(`${told}event: ready\\ndata: {}\\n\\n`)); told = null }) };";

/// What was written today stays below what was said before today.
#[tokio::test]
async fn what_is_not_sent_stands_under_no_earlier_day() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    site.serve(&system, "default-src * 'unsafe-inline'", "");
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    chat.eval("Switchboard.send('Hello')").await;
    chat.wait_until("find('.badge').innerText === '1'").await;
    chat.eval(&format!(
        "{OTHERWISE} tell(event(900, Date.now() - 864e5)); Switchboard.send('Not sent'); Switchboard.open()"
    ))
    .await;
    chat.wait_for_text("Message 900").await;
    let shown = "return [...find('.list').children].filter((it) => it.offsetHeight).map((it) => (it.querySelector('.body') ?? it).innerText)";
    assert_eq!(chat.eval(shown).await, json!(["Yesterday", "Message 900", "Not sent"]));
}

/// A visitor whose browser refuses everything that stores is answered all the same.
#[tokio::test]
async fn who_lets_nothing_be_stored_is_answered() {
    let mut site = Site::bind().await;
    let system = System::start(Database::Sqlite, &site.allowed()).await;
    // What Chromium does where all cookies are blocked.
    let refuse = "<script>const refused = () => new DOMException('denied', 'SecurityError'); \
        for (const name of ['localStorage', 'sessionStorage']) \
        Object.defineProperty(window, name, { get() { throw refused() } }); \
        navigator.locks.request = () => Promise.reject(refused())</script>";
    site.serve(&system, "default-src * 'unsafe-inline'", refuse);
    let browser = browser().await;
    let chat = Chat::open_at(&browser, &site.url).await;
    chat.click(".launcher").await;
    chat.write("Hello").await;
    chat.wait_for_text("You wrote: Hello").await;
}
