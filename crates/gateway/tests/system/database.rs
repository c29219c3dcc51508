//! The database goes away for a while.

use std::time::Duration;

use serde_json::json;
use switchboard_testkit::{postgres::PostgresServer, wait::wait_for};
use uuid::Uuid;

use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn intake_says_so_the_process_lives_and_everything_resumes() {
    let mut server = PostgresServer::launch().expect("a Postgres of its own");
    let database = server.create_database().expect("a database");
    let system = System::start(Database::At(database.url().to_owned()), "").await;
    let (visitor, other) = (system.visitor().await, system.visitor().await);
    visitor.says("before").await;
    visitor.wait_for_answers(1).await;

    // An answer that the AI wants to give while the database is away.
    system.sandbox.set_delay(Duration::from_secs(1));
    visitor.says("asked before, answered during").await;
    system.wait_for_requests(2).await;
    server.stop().expect("the server stops");

    let refused = wait_for("the intake to say that the database is away", PATIENCE, async || {
        let answer = visitor.post(Uuid::new_v4(), "refused").await.ok()?;
        (answer.status() == 503).then_some(answer)
    })
    .await;
    let retry_after = refused.headers()["retry-after"].to_str().unwrap().parse::<u64>();
    assert!(retry_after.is_ok_and(|seconds| seconds > 0));
    let get = async |path: &str| {
        system.http.get(format!("{}{path}", system.url)).send().await.expect("it lives").status()
    };
    wait_for("it to say that it is not ready", PATIENCE, async || {
        (get("/readyz").await == 503).then_some(())
    })
    .await;
    assert_eq!(get("/healthz").await, 200);
    let metrics = system.http.get(format!("{}/metrics", system.url)).send().await.expect("it lives");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("switchboard_database_up 0\n"), "{metrics}");
    assert!(metrics.contains("switchboard_channel_up{channel=\"site\"}"), "{metrics}");
    assert!(!metrics.contains("switchboard_deliveries"), "nobody knows how long the queues are: {metrics}");
    // Longer than the lease, so that it must be taken up again.
    wait_for("the lease to run out", PATIENCE, async || {
        let told = |line: &String| line.contains("lease cannot be renewed");
        system.output().iter().any(told).then_some(())
    })
    .await;

    server.start().expect("the server starts");
    other.says("after").await;
    system.wait_until_ready().await;
    let page = visitor.wait_for_answers(2).await;
    assert!(page.last().unwrap().html.contains("answered during"));
    other.wait_for_answers(1).await;
    let refused_is_not_there = visitor.page().await.iter().all(|it| !it.html.contains("refused"));
    assert!(refused_is_not_there);
}

#[tokio::test]
async fn a_gateway_that_starts_first_says_so_and_waits_for_its_database() {
    let mut server = PostgresServer::launch().expect("a Postgres of its own");
    let database = server.create_database().expect("a database");
    server.stop().expect("the server stops");
    let mut system = System::prepare(Database::At(database.url().to_owned()), "").await;
    system.spawn_gateway();

    system.gateway().wait_for_success(&format!("{}/healthz", system.url), PATIENCE).await;
    for path in ["/chat/site", "/readyz", "/metrics", "/nothing"] {
        let answer = system.http.get(format!("{}{path}", system.url)).send().await.expect("it lives");
        assert_eq!(answer.status(), 503, "{path}");
        assert!(answer.headers().contains_key("retry-after"), "{path}");
    }
    let body = json!({ "status": "not ready", "problems": ["starting"], "channels": [] });
    assert_eq!(system.readiness().await, (503, body));

    server.start().expect("the server starts");
    system.wait_until_ready().await;
    // Over the connections from before, too.
    let visitor = system.visitor().await;
    visitor.says("hello").await;
    visitor.wait_for_answers(1).await;
}
