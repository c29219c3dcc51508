//! Visitors and their tokens.

use std::{net::IpAddr, time::Duration as StdDuration};

use axum::{
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{StatusCode, header},
};
use futures_util::stream;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::support::{Answer, Site, rate};

async fn status_with(site: &Site, token: &str) -> StatusCode {
    let body = json!({ "id": Uuid::new_v4(), "text": "hello" }).to_string();
    site.post_body(token, body).await.status
}

#[tokio::test]
async fn every_session_is_another_visitor_and_stores_nothing() {
    let site = Site::new();
    let (first, second) = (site.visitor().await, site.visitor().await);
    assert_ne!(first.conversation, second.conversation);
    assert_ne!(first.token, second.token);
    assert!(site.intake.texts(&first.conversation).is_empty());
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let site = Site::new();
    let good = site.visitor().await.token;
    assert_eq!(status_with(&site, &good).await, StatusCode::OK);
    let mut other = good.clone().into_bytes();
    other[10] = if other[10] == b'A' { b'B' } else { b'A' };
    let forged = [String::from_utf8(other).unwrap(), good[1..].to_owned(), String::new(), "x".repeat(5_000)];
    for token in forged {
        assert_eq!(status_with(&site, &token).await, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_token_of_another_channel_or_secret_is_refused() {
    let site = Site::new();
    let other_channel = Site::with("shop", |_| ());
    let other_secret = Site::with("site", |config| config.secret = "another secret, also long enough".into());
    let same = Site::new();
    let token = site.visitor().await.token;
    assert_eq!(status_with(&other_channel, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&other_secret, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&same, &token).await, StatusCode::OK, "any replica takes it");
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let site = Site::new();
    let token = site.visitor().await.token;
    *site.now.lock().unwrap() += Duration::days(90) - Duration::SECOND;
    assert_eq!(status_with(&site, &token).await, StatusCode::OK);
    *site.now.lock().unwrap() += Duration::SECOND;
    assert_eq!(status_with(&site, &token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_renewed_after_half_of_its_life() {
    let site = Site::new();
    let visitor = site.visitor().await;
    site.stream(&visitor, None).await.expect("ready").await;

    *site.now.lock().unwrap() += Duration::days(46);
    let fresh = site.stream(&visitor, None).await.expect("token").await;
    assert_eq!(fresh["visitor"], visitor.conversation.as_str());
    *site.now.lock().unwrap() += Duration::days(60);
    assert_eq!(status_with(&site, &visitor.token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status_with(&site, fresh["token"].as_str().unwrap()).await, StatusCode::OK);
}

#[tokio::test]
async fn routes_without_a_token_are_refused() {
    let site = Site::new();
    let body = || Body::from(r#"{"id":"5f2c9c1e-7a32-4a53-9f6e-0d6c2c1f5a11","text":"hello"}"#);
    let requests = [
        site.post("/messages").body(body()).unwrap(),
        site.post("/messages").header(header::AUTHORIZATION, "Basic eDp5").body(body()).unwrap(),
        site.get("/events").body(Body::empty()).unwrap(),
    ];
    for request in requests {
        let answer = site.send(request).await;
        assert_eq!(answer.refusal(), (401, "token".to_owned()));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn sessions_are_limited() {
    let site = Site::with("site", |config| config.sessions = rate(3));
    for _ in 0..3 {
        site.visitor().await;
    }
    let answer = site.send(site.post("/session").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.refusal(), (429, "flood".to_owned()));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(answer.json()["retry_after"], wait);
}

/// Asks for a session from this address.
async fn session_from(site: &Site, address: &str) -> Answer {
    let address: IpAddr = address.parse().unwrap();
    site.send(site.post("/session").extension(ConnectInfo(address)).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn one_address_does_not_use_up_the_sessions_of_all() {
    let site = Site::with("site", |config| {
        config.sessions = rate(6);
        config.sessions_per_address = rate(2);
    });
    for (address, same) in [("203.0.113.7", "::ffff:203.0.113.7"), ("2001:db8::1", "2001:db8::ffff:0:0:1")] {
        for address in [address, same] {
            assert_eq!(session_from(&site, address).await.status, StatusCode::OK, "{address}");
        }
        for address in [address, same, address, same] {
            let refused = session_from(&site, address).await;
            assert_eq!(refused.refusal(), (429, "flood".to_owned()), "{address}");
            let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((3_500..=3_600).contains(&wait), "{wait}");
        }
    }
    // What was refused was not taken from the others.
    assert_eq!(session_from(&site, "203.0.113.8").await.status, StatusCode::OK);
    assert_eq!(session_from(&site, "2001:db8:0:1::1").await.status, StatusCode::OK);
    assert_eq!(session_from(&site, "203.0.113.9").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn an_unknown_address_is_not_limited_alone() {
    let site = Site::with("site", |config| config.sessions_per_address = rate(1));
    for _ in 0..5 {
        site.visitor().await;
    }
}

#[tokio::test]
async fn who_is_known_does_not_wait_for_those_who_come() {
    let site = Site::with("site", |config| config.sessions = rate(1));
    let visitor = site.visitor().await;
    for _ in 0..5 {
        assert_eq!(site.renew(&visitor.token).await.session().conversation, visitor.conversation);
    }
}

#[tokio::test]
async fn a_session_tells_how_long_it_lasts_and_whose_it_is() {
    let site = Site::new();
    let session = site.send(site.post("/session").body(Body::empty()).unwrap()).await.json();
    assert_eq!(session["expires_in"], 90 * 24 * 3600);
    assert_eq!(session["identified"], false);
}

#[tokio::test]
async fn a_token_can_be_exchanged_for_a_new_one_of_the_same_visitor() {
    let site = Site::new();
    let visitor = site.visitor().await;
    *site.now.lock().unwrap() += Duration::days(89);
    let renewed = site.renew(&visitor.token).await.session();
    assert_eq!(renewed.conversation, visitor.conversation);
    *site.now.lock().unwrap() += Duration::days(89);
    assert_eq!(status_with(&site, &renewed.token).await, StatusCode::OK);
    assert_eq!(site.renew(&visitor.token).await.refusal(), (401, "token".to_owned()));
    assert_eq!(site.renew("x").await.refusal(), (401, "token".to_owned()));
}

#[tokio::test]
async fn sessions_can_be_revoked() {
    let revoked_at = OffsetDateTime::UNIX_EPOCH + Duration::HOUR;
    let before = Site::new();
    let after = Site::with("site", |config| {
        config.clock = std::sync::Arc::new(move || revoked_at);
        config.sessions_valid_from = Some(revoked_at);
    });
    let token = before.visitor().await.token;
    // On a replica that does not know of it yet, or by whoever was quick.
    *before.now.lock().unwrap() = revoked_at;
    let renewed = before.renew(&token).await.session().token;
    for token in [token, renewed] {
        assert_eq!(status_with(&before, &token).await, StatusCode::OK);
        assert_eq!(status_with(&after, &token).await, StatusCode::UNAUTHORIZED);
        assert_eq!(after.renew(&token).await.refusal(), (401, "token".to_owned()));
    }
    let token = after.visitor().await.token;
    assert_eq!(status_with(&after, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn one_visitors_session_can_be_ended() {
    let ended_at = OffsetDateTime::UNIX_EPOCH + Duration::HOUR;
    let before = Site::new();
    let (lost, other) = (before.visitor().await, before.visitor().await);
    *before.now.lock().unwrap() = ended_at;
    let late = before.visitor().await;
    let after = Site::with("site", |config| {
        config.clock = std::sync::Arc::new(move || ended_at);
        let visitors = [&lost, &late].map(|visitor| visitor.conversation.to_string());
        config.sessions_ended = visitors.map(|visitor| (visitor, ended_at)).to_vec();
    });
    let renewed = before.renew(&lost.token).await.session();
    assert_eq!(renewed.conversation, lost.conversation);
    for token in [&lost.token, &renewed.token] {
        assert_eq!(status_with(&after, token).await, StatusCode::UNAUTHORIZED);
        assert_eq!(after.renew(token).await.refusal(), (401, "token".to_owned()));
        let stream = after.get("/events").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let answer = after.send(stream.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.refusal(), (401, "token".to_owned()));
    }
    assert_eq!(status_with(&after, &other.token).await, StatusCode::OK);
    assert_eq!(status_with(&after, &late.token).await, StatusCode::OK, "it began after that time");
    assert_ne!(after.visitor().await.conversation, lost.conversation);
}

#[tokio::test]
async fn what_is_no_question_for_a_session_is_refused() {
    let site = Site::new();
    for body in [r#"{"user":"42"}"#, r#"{"identity":42}"#, "{", "42"] {
        let answer = site.send(site.post("/session").body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.refusal(), (400, "json".to_owned()), "{body}");
    }
    for body in ["", " \n", "{}", r#"{"identity":null}"#] {
        let answer = site.send(site.post("/session").body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.json()["identified"], false, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let site = Site::new();
    let token = site.visitor().await.token;
    for path in ["/session", "/messages"] {
        let drops = stream::unfold((), async |()| {
            tokio::time::sleep(StdDuration::from_secs(20)).await;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b" ")), ()))
        });
        let request = site.post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let began = tokio::time::Instant::now();
        let answer = site.send(request.body(Body::from_stream(drops)).unwrap()).await;
        assert_eq!(answer.refusal(), (408, "slow".to_owned()), "{path}");
        assert_eq!(began.elapsed().as_secs(), 30);
    }
}
