//! Two gateways on one database: a page does not notice which of them it is connected to.

use std::{fs, time::Duration};

use switchboard_sandbox::{Answer, Author};
use switchboard_testkit::{port::free_port, process::Process};
use tokio::time::{Instant, timeout};

use crate::support::{Database, Events, PATIENCE, Shown, System, Visitor};

/// How long an answer may take to a page on another replica than the channel's. It is told of it at
/// once; the rest is for a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_page_on_another_replica_than_the_channels_shows_answers_soon() {
    let mut system = System::start(Database::postgres(), "").await;
    let other = Replica::start(&system).await;
    let visitor = Visitor::new(system.http.clone(), format!("{}/chat/site", other.url)).await;
    let mut page = visitor.events(0).await;
    visitor.says("hello").await;
    assert_eq!(shown(&mut page).await.author, "user");
    assert!(shown(&mut page).await.html.contains("You wrote: hello"));

    for text in ["first", "second", "third"] {
        let asked = Instant::now();
        let answer = Answer {
            chat_id: visitor.chat_id(),
            author: Author::Operator,
            text: text.to_owned(),
            ..Answer::default()
        };
        system.sandbox.answer(&answer);
        let message = shown(&mut page).await;
        assert!(message.html.contains(text), "in order, and once: {message:?}");
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    }
    assert_eq!(visitor.page().await.len(), 5);

    // Only the channel's replica knows that an answer is being written.
    visitor.says("/slow 1").await;
    assert_eq!(shown(&mut page).await.author, "user");
    let typing = timeout(PATIENCE, page.next()).await.expect("in time").expect("the stream goes on");
    assert_eq!(typing, ("typing".to_owned(), r#"{"on":true}"#.to_owned()));
    assert_eq!(shown(&mut page).await.author, "bot");

    // The channel changes hands, and the page stays where it is.
    system.kill_gateway().await;
    visitor.says("still there?").await;
    assert_eq!(shown(&mut page).await.author, "user");
    system.wait_for_requests(3).await;
}

async fn shown(page: &mut Events) -> Shown {
    timeout(PATIENCE, page.next_message()).await.expect("in time").expect("the stream goes on")
}

/// A second gateway with the same configuration, but for the port.
struct Replica {
    url: String,
    /// Ends with the test.
    _process: Process,
}

impl Replica {
    async fn start(system: &System) -> Self {
        let port = free_port().expect("a free port");
        let url = format!("http://127.0.0.1:{port}");
        let first = system.url.strip_prefix("http://").expect("a url of this machine");
        let text = fs::read_to_string(&system.config).expect("the configuration");
        let config = system.config.with_file_name("replica.toml");
        fs::write(&config, text.replace(first, &format!("127.0.0.1:{port}"))).expect("a new file");
        let mut command = switchboard_testkit::process::switchboard().expect("the program was built");
        command.args(["serve", "--config"]).arg(&config);
        let process = Process::spawn(command).expect("the replica starts");
        process.wait_for_success(&format!("{url}/readyz"), PATIENCE).await;
        Self { url, _process: process }
    }
}
