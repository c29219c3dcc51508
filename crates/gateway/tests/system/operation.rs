//! What operators and their tools see of a running gateway.

use serde_json::json;
use switchboard_sandbox::{Faults, RequestFault, RequestFaultKind};
use switchboard_testkit::wait::wait_for;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn readiness_tells_of_each_channel_and_of_stopping() {
    let system = System::start(Database::Sqlite, "").await;
    let channel = json!({ "channel": "site", "owned": true, "state": "connected", "trouble": false });
    let ready = json!({ "status": "ready", "problems": [], "channels": [channel] });
    wait_for("the channel to run", PATIENCE, async || {
        let (status, answer) = system.readiness().await;
        (status == 200 && answer == ready).then_some(())
    })
    .await;

    // Whoever has begun to ask is waited for, however slow they or we are; new connections are accepted for
    // a moment only.
    let address = system.url.strip_prefix("http://").expect("a url of this machine");
    let mut asking = TcpStream::connect(address).await.expect("it listens");
    asking.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n").await.expect("it reads");
    system.gateway().terminate();
    system.gateway().wait_for_line("does not run the channel any more", PATIENCE).await;
    asking.write_all(b"\r\n").await.expect("it still reads");
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.expect("an answer, and its end");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains(r#""problems":["stopping""#), "{answer}");
    assert!(system.gateway().wait(PATIENCE).await.success());
}

#[tokio::test]
async fn gauges_follow_a_queue_until_it_is_empty() {
    let system = System::start(Database::Sqlite, "").await;
    let shows = async |direction: &str, state: &str, count: u32| {
        let labels = format!("channel=\"site\",direction=\"{direction}\",state=\"{state}\"");
        let line = format!("switchboard_deliveries{{{labels}}} {count}");
        wait_for(&line, PATIENCE, async || {
            let answer = system.http.get(format!("{}/metrics", system.url)).send().await.ok()?;
            answer.text().await.ok()?.lines().any(|it| it == line).then_some(())
        })
        .await;
    };
    for direction in ["to_ai", "to_messenger"] {
        for state in ["pending", "dead"] {
            shows(direction, state, 0).await;
        }
    }
    let away = RequestFault::always(RequestFaultKind::Status(503));
    system.sandbox.set_faults(Faults { requests: vec![away], ..Default::default() });
    let visitor = system.visitor().await;
    visitor.says("hello").await;
    shows("to_ai", "pending", 1).await;
    system.sandbox.set_faults(Faults::default());
    visitor.wait_for_answers(1).await;
    shows("to_ai", "pending", 0).await;
}
