//! Two gateways on one database: a page does not notice which of them it is connected to.

use std::{fs, time::Duration};

use switchboard_sandbox::{Answer, Author};
use switchboard_testkit::{port::free_port, process::Process};
use tokio::time::{Instant, timeout};

use crate::support::{Database, Events, PATIENCE, Shown, System, Visitor};

/// How long an answer may take to a page on another replica than the channel's. It is told of it at
/// once; the rest is for a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_page_on_another_replica_than_the_channels_shows_answers_soon() {
    let mut system = System::prepare(Database::postgres(), "").await;
    // The channel must not change hands by itself because the disk was slow for two seconds.
    let text = fs::read_to_string(&system.config).expect("the configuration");
    fs::write(&system.config, text.replace("ttl = \"2s\"", "ttl = \"8s\"")).expect("it is ours");
    system.start_gateway().await;
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

    // Only the channel's replica knows that an answer is being written. It comes when that was seen.
    system.sandbox.pause(true);
    visitor.says("take your time").await;
    assert_eq!(shown(&mut page).await.author, "user");
    shows_typing(&mut page).await;
    system.sandbox.pause(false);
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

/// Waits until the page is told that an answer is being written, which has not come yet.
async fn shows_typing(page: &mut Events) {
    let told = async {
        loop {
            let (event, data) = page.next().await.expect("the stream goes on");
            assert_ne!(event, "message", "{data}");
            // What is left of an earlier answer says that none is being written.
            if event == "typing" && data == r#"{"on":true}"# {
                return;
            }
        }
    };
    timeout(PATIENCE, told).await.expect("in time");
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
