//! The AI is in trouble.

use std::{fs, time::Duration};

use switchboard_sandbox::{Faults, RequestFault, RequestFaultKind};
use switchboard_testkit::wait::wait_for;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::{Database, PATIENCE, System};

async fn three_messages_at_once(database: Database) {
    let system = System::start(database, "").await;
    let visitor = system.visitor().await;
    for text in ["one", "two", "three"] {
        visitor.says(text).await;
    }
    let page = visitor.wait_for_answers(3).await;
    let asked: Vec<_> = system.sandbox.requests(0).into_iter().map(|request| request.message).collect();
    assert_eq!(asked, ["one", "two", "three"]);
    let answers: Vec<_> = page.iter().filter(|it| it.author == "bot").map(|it| it.html.as_str()).collect();
    for (answer, text) in answers.iter().zip(["one", "two", "three"]) {
        assert!(answer.contains(text), "{answers:?}");
    }
}

#[tokio::test]
async fn three_messages_are_answered_in_order_on_sqlite() {
    three_messages_at_once(Database::Sqlite).await;
}

#[tokio::test]
async fn three_messages_are_answered_in_order_on_postgres() {
    three_messages_at_once(Database::postgres()).await;
}

#[tokio::test]
async fn while_the_ai_fails_or_hangs_the_visitor_is_told_once_and_all_answers_come() {
    let notice = "notice = \"It takes longer.\"\nnotice_after = \"1s\"";
    let system = System::start(Database::Sqlite, notice).await;
    let (visitor, other) = (system.visitor().await, system.visitor().await);
    let fault = |kind| RequestFault { chat_id: Some(visitor.chat_id()), ..RequestFault::always(kind) };
    let faults = |kind| Faults { requests: vec![fault(kind)], ..Faults::default() };
    system.sandbox.set_faults(faults(RequestFaultKind::Status(500)));
    visitor.says("first").await;
    visitor.says("second").await;
    other.says("unaffected").await;
    other.wait_for_answers(1).await;
    let page = visitor.wait_for_answers(1).await;
    assert_eq!(page.last().map(|it| it.author.as_str()), Some("gateway"));

    system.sandbox.set_faults(faults(RequestFaultKind::Hang));
    let hung = system.sandbox.requests(0).len();
    system.wait_for_requests(hung + 1).await;
    system.sandbox.set_faults(Faults::default());
    let page = visitor.wait_for_answers(3).await;
    let answers: Vec<_> = page
        .iter()
        .filter(|it| it.author != "user")
        .map(|it| (it.author.as_str(), it.html.as_str()))
        .collect();
    assert_eq!(answers.iter().filter(|(author, _)| *author == "gateway").count(), 1, "{answers:?}");
    assert!(answers[1].1.contains("first") && answers[2].1.contains("second"), "{answers:?}");
}

#[tokio::test]
async fn a_message_that_the_ai_refuses_is_dead_and_can_be_retried_by_command() {
    let system = System::start(Database::Sqlite, "").await;
    let visitor = system.visitor().await;
    let refuse = RequestFault::next(1, RequestFaultKind::Status(400));
    system.sandbox.set_faults(Faults { requests: vec![refuse], ..Faults::default() });
    visitor.says("refused").await;
    visitor.says("accepted").await;
    visitor.wait_for_answers(1).await;
    let deliveries = wait_for("the answer to be settled", PATIENCE, async || {
        let deliveries = system.deliveries().await;
        deliveries.iter().all(|it| it["state"] != "pending").then_some(deliveries)
    })
    .await;
    let dead: Vec<_> = deliveries.iter().filter(|it| it["state"] == "dead").collect();
    assert_eq!(dead.len(), 1, "{deliveries:#?}");
    assert!(dead[0]["last_error"].as_str().unwrap().contains("400"));

    let id = dead[0]["id"].to_string();
    let retried = system.run(&["deliveries", "retry", &id]).await;
    assert!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
    let page = visitor.wait_for_answers(2).await;
    assert!(page.last().unwrap().html.contains("refused"));
}

#[tokio::test]
async fn one_visitor_who_floods_is_told_to_wait_and_others_are_not() {
    let channel = "flood = { burst = 3, per_second = 0.01 }";
    let system = System::start(Database::Sqlite, channel).await;
    let (flooder, other) = (system.visitor().await, system.visitor().await);
    for number in 0..3 {
        flooder.says(&format!("{number}")).await;
    }
    let refused = flooder.post(uuid::Uuid::new_v4(), "too much").await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait > Duration::from_mins(1).as_secs());
    other.says("hello").await;
    other.wait_for_answers(1).await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the gateway under test has the machine's clock")]
async fn one_visitors_session_is_ended_by_the_configuration() {
    let mut system = System::start(Database::Sqlite, "").await;
    let (lost, other) = (system.visitor().await, system.visitor().await);
    lost.says("hello").await;
    system.stop_gateway().await;
    let text = fs::read_to_string(&system.config).unwrap();
    let visitor = lost.chat_id().replace("site:", "");
    let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap();
    let ended = format!("{text}[channel.sessions_ended]\n\"{visitor}\" = \"{now}\"\n");
    fs::write(&system.config, ended).unwrap();
    system.start_gateway().await;
    assert_eq!(lost.post(uuid::Uuid::new_v4(), "still me").await.unwrap().status(), 401);
    other.says("hello").await;
    system.visitor().await.says("hello").await;
}

#[tokio::test]
async fn one_address_does_not_use_up_the_sessions_of_all() {
    let channel = "sessions_per_address = { burst = 2, per_second = 0.01 }";
    let mut system = System::prepare(Database::Sqlite, channel).await;
    let text = fs::read_to_string(&system.config).unwrap();
    let header = "[server]\nclient_address_header = \"X-Forwarded-For\"\n";
    fs::write(&system.config, text.replace("[server]\n", header)).unwrap();
    system.start_gateway().await;
    let ask = async |forwarded: &str| {
        let request = system.http.post(format!("{}/chat/site/session", system.url));
        let answer = request.header("x-forwarded-for", forwarded).send().await.unwrap();
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
        (answer.status().as_u16(), wait)
    };
    for _ in 0..2 {
        assert_eq!(ask("203.0.113.7").await, (200, None));
    }
    for same in ["203.0.113.7", "198.51.100.1, 203.0.113.7"] {
        let (status, wait) = ask(same).await;
        assert!(status == 429 && wait > Some(60), "{same}: {status} {wait:?}");
    }
    for other in ["203.0.113.8", "203.0.113.7, 203.0.113.9"] {
        assert_eq!(ask(other).await, (200, None));
    }
    // Whoever comes past the proxy, from a network that could be anybody's.
    for _ in 0..3 {
        system.visitor().await;
    }
}
