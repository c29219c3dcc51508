//! What each outcome of a request means.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use secrecy::SecretString;
use switchboard_ai::{
    AiBackend, AiError, AiRequest, AiVerdict,
    selarti::{ConfigError, Selarti, SelartiConfig, TokenError, TokenSource},
};
use switchboard_core::{ChatId, Severity, chain};
use tokio::net::{TcpListener, TcpSocket};

use crate::{TOKEN, fixed, platform::Platform, selarti};

async fn send(selarti: &Selarti) -> Result<(), AiError> {
    let chat_id = ChatId::new("site:42");
    let request = AiRequest { task_id: "172x47", chat_id: &chat_id, text: "Привет, \"AI\"\n🙂" };
    let outcome = selarti.send(&request).await;
    if let Err(error) = &outcome {
        assert!(!chain(error).contains(TOKEN), "{}", chain(error));
        assert!(!format!("{error:?}").contains(TOKEN), "{error:?}");
    }
    outcome
}

#[tokio::test]
async fn the_request_is_what_the_platform_documents() {
    let platform = Platform::answering("whatever").await;
    let account = selarti(&format!("{}/version-test/", platform.url), fixed());
    send(&account).await.expect("it is taken");
    let [request] = &platform.received()[..] else { panic!("one request") };
    assert_eq!(request.line, "POST /version-test/api/1.1/wf/send_message_external");
    assert_eq!(request.authorization, format!("Bearer {TOKEN}"));
    assert_eq!(request.content_type, "application/json");
    let body: serde_json::Value = serde_json::from_str(&request.body).expect("it is JSON");
    let expected =
        serde_json::json!({"task_id": "172x47", "chat_id": "site:42", "message": "Привет, \"AI\"\n🙂"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_status_decides_what_happens_next() {
    let reject = AiVerdict::Reject;
    for (status, expected) in [
        (301, AiVerdict::Retry),
        (304, AiVerdict::Retry),
        (307, AiVerdict::Retry),
        (400, reject),
        (403, reject),
        (404, reject),
        (408, AiVerdict::Retry),
        (422, reject),
        (429, AiVerdict::Pause(Some(Duration::from_secs(7)))),
        (500, AiVerdict::Retry),
        (502, AiVerdict::Retry),
        (503, AiVerdict::Retry),
        (401, AiVerdict::Pause(None)),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        let platform = Platform::answering((status, [("retry-after", "7")], "no")).await;
        let error = send(&selarti(&platform.url, fixed())).await.expect_err("it is refused");
        assert_eq!(error.verdict(), expected, "{status}: {error}");
        assert_eq!(platform.received().len(), 1, "{status}: nothing is sent twice");
    }
    for status in [StatusCode::OK, StatusCode::CREATED, StatusCode::ACCEPTED, StatusCode::NO_CONTENT] {
        let platform = Platform::answering(status).await;
        send(&selarti(&platform.url, fixed())).await.expect("it is taken");
    }
}

#[tokio::test]
async fn a_refusal_says_why_without_the_token() {
    let body = format!("bad task, by Bearer {TOKEN} {}", "x".repeat(1000));
    let platform = Platform::answering((StatusCode::BAD_REQUEST, body)).await;
    let error = send(&selarti(&platform.url, fixed())).await.expect_err("it is refused");
    let AiError::Rejected { status: 400, reason } = error else { panic!("{error:?}") };
    assert!(reason.starts_with("bad task, by Bearer [token] xxx"), "{reason}");
    assert_eq!(reason.chars().count(), 200);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Platform::answering("taken").await;
    let location = format!("{}/stolen", target.url);
    let platform = Platform::answering(Redirect::temporary(&location)).await;
    let error = send(&selarti(&platform.url, fixed())).await.expect_err("it is not taken");
    assert!(matches!(error, AiError::Unavailable { status: 307 }), "{error:?}");
    assert_eq!(target.received(), []);
}

/// A port that nobody listens on, and that nobody else can get while the socket lives.
fn refused_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let url = format!("http://{}", socket.local_addr().expect("it is bound"));
    (socket, url)
}

#[tokio::test]
async fn a_refused_port_is_unreachable() {
    let (_socket, url) = refused_port();
    let error = send(&selarti(&url, fixed())).await.expect_err("nobody listens");
    assert!(matches!(error, AiError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_missing_answer_is_an_unknown_outcome() {
    let silent = Platform::start(|_| None).await;
    let account = selarti(&silent.url, fixed());
    let (outcome, ()) = tokio::join!(send(&account), async {
        while silent.received().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // It has arrived whole. What is left of the time limit passes at once.
        tokio::time::pause();
    });
    tokio::time::resume();
    let error = outcome.expect_err("it never answers");
    assert!(matches!(error, AiError::Interrupted(_)), "{error:?}");
    assert_eq!(silent.received().len(), 1);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let account = selarti(&url, fixed());
    let (outcome, ()) = tokio::join!(send(&account), async {
        let (connection, _) = listener.accept().await.expect("the client connects");
        connection.readable().await.expect("the client writes");
        drop(connection);
    });
    let error = outcome.expect_err("the connection is closed");
    assert!(matches!(error, AiError::Interrupted(_)), "{error:?}");
}

/// A source that gives `first`, and from the second reading on `second`.
fn changing(first: &'static str, second: Result<&'static str, &'static str>) -> TokenSource {
    let readings = AtomicUsize::new(0);
    TokenSource::reread(Arc::new(move || match readings.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(SecretString::from(first)),
        _ => second.map(SecretString::from).map_err(str::to_owned),
    }))
}

async fn platform_with_token(token: &'static str) -> Platform {
    Platform::start(move |request| {
        let accepted = request.authorization == format!("Bearer {token}");
        Some(if accepted { StatusCode::OK } else { StatusCode::UNAUTHORIZED }.into_response())
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_read_again_and_kept() {
    let platform = platform_with_token("new").await;
    let account = selarti(&platform.url, changing("old", Ok(" new\n")));
    send(&account).await.expect("the newer token is accepted");
    send(&account).await.expect("the newer token is kept");
    let tokens: Vec<_> = platform.received().into_iter().map(|request| request.authorization).collect();
    assert_eq!(tokens, ["Bearer old", "Bearer new", "Bearer new"]);
}

#[tokio::test]
async fn a_token_that_stays_refused_is_reported() {
    for (second, requests) in [(Ok("old"), 1), (Ok("also wrong"), 2), (Err("gone"), 1), (Ok(""), 1)] {
        let platform = platform_with_token("new").await;
        let account = selarti(&platform.url, changing("old", second));
        let error = send(&account).await.expect_err("the token is wrong");
        assert!(matches!(error, AiError::Unauthorized), "{error:?}");
        assert_eq!(platform.received().len(), requests, "{second:?}");
    }
}

#[test]
fn an_account_without_a_usable_token_is_refused() {
    for (token, expected) in
        [("", TokenError::Empty), (" \n", TokenError::Empty), ("a\nb", TokenError::Unusable)]
    {
        let url = "https://platform.example.com".parse().expect("a url");
        let config = SelartiConfig::new(url, TokenSource::fixed(SecretString::from(token)));
        let error = Selarti::new(config).expect_err("there is no token");
        assert!(matches!(error, ConfigError::Token(actual) if actual == expected), "{token:?}");
    }
}

#[test]
fn debug_shows_no_token() {
    let shown = format!("{:?}", selarti("https://platform.example.com", fixed()));
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(shown.contains("platform.example.com"), "{shown}");
}

#[tokio::test]
async fn a_probe_says_whether_the_platform_answers() {
    let platform = Platform::answering(StatusCode::NOT_FOUND).await;
    let account = selarti(&format!("{}/version-test", platform.url), fixed());
    let findings = account.probe().await;
    assert_eq!(findings.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Ok; 2], "{findings:?}");
    let [request] = &platform.received()[..] else { panic!("one request") };
    assert_eq!((request.line.as_str(), request.authorization.as_str()), ("GET /", ""));

    let elsewhere = Platform::answering(Redirect::permanent("https://other.example/login")).await;
    let findings = selarti(&elsewhere.url, fixed()).probe().await;
    assert_eq!(findings[1].severity, Severity::Warning);
    assert!(findings[1].remedy.as_deref().is_some_and(|r| r.ends_with("https://other.example/")));
}

#[tokio::test]
async fn a_probe_says_what_to_do() {
    let (_socket, url) = refused_port();
    let findings = selarti(&url, changing("old", Err("no such file"))).probe().await;
    assert_eq!(findings.len(), 2);
    for finding in &findings {
        assert_eq!(finding.severity, Severity::Error, "{finding:?}");
        assert!(finding.remedy.is_some(), "{finding:?}");
    }
    assert!(findings[0].what.contains("no such file"), "{findings:?}");
}
