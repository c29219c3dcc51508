//! What operators and their tools see of a running gateway.

use serde_json::json;
use switchboard_sandbox::{Faults, RequestFault, RequestFaultKind};
use switchboard_testkit::wait::wait_for;

use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn readiness_tells_of_each_channel_and_of_stopping() {
    let system = System::start(Database::Sqlite, "").await;
    let channel = json!({ "channel": "site", "owned": true, "state": "connected", "trouble": false });
    let ready = json!({ "status": "ready", "problems": [], "channels": [channel] });
    wait_for("the channel to run", PATIENCE, async || {
        let (status, answer) = system.readiness().await;
        assert_eq!(status, 200, "{answer}");
        (answer == ready).then_some(())
    })
    .await;

    system.gateway().terminate();
    // Each over a connection of its own: new ones are still accepted.
    wait_for("it to say that it stops", PATIENCE, async || {
        let (status, answer) = system.readiness().await;
        (status == 503 && answer["problems"] == json!(["stopping"])).then_some(())
    })
    .await;
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
