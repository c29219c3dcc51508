//! Which sites may call the routes.

use axum::{
    body::Body,
    http::{Method, header},
};

use crate::support::{ALLOWED, Answer, Site};

/// Asks for a session from this origin.
async fn session_from(site: &Site, origin: &str) -> Answer {
    site.send(site.post("/session").header(header::ORIGIN, origin).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_own_origin_and_the_configured_ones_are_allowed() {
    let site = Site::new();
    for origin in ["https://chat.example.com", "http://chat.example.com", ALLOWED] {
        let answer = session_from(&site, origin).await;
        assert_eq!(answer.status.as_u16(), 200, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn foreign_origins_are_refused() {
    let site = Site::new();
    let foreign = [
        "https://evil.example",
        "http://www.example.com",
        "https://www.example.com.evil.example",
        "https://www.example.com:8443",
        "https://chat.example.com:8443",
        "null",
    ];
    for origin in foreign {
        let answer = session_from(&site, origin).await;
        assert_eq!(answer.refusal(), (403, "origin".to_owned()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn behind_a_proxy_that_changes_the_host_the_browsers_word_counts() {
    let site = Site::new();
    let request = site
        .post("/session")
        .header(header::ORIGIN, "https://public.example")
        .header("sec-fetch-site", "same-origin")
        .body(Body::empty())
        .unwrap();
    assert_eq!(site.send(request).await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_allowed_sites_browser_may_ask_first() {
    let site = Site::new();
    let ask = |origin: &str| {
        let request = site.get("/events").method(Method::OPTIONS).header(header::ORIGIN, origin);
        request.header("access-control-request-headers", "authorization").body(Body::empty()).unwrap()
    };
    let answer = site.send(ask(ALLOWED)).await;
    assert_eq!(answer.status.as_u16(), 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(["authorization", "content-type", "last-event-id"].iter().all(|name| allowed.contains(name)));

    let refused = site.send(ask("https://evil.example")).await;
    assert_eq!(refused.refusal(), (403, "origin".to_owned()));
}

#[tokio::test]
async fn every_route_is_closed_to_foreign_origins() {
    let site = Site::new();
    let visitor = site.visitor().await;
    for foreign in ["https://evil.example", "null", ""] {
        for request in [site.post("/session"), site.post("/messages"), site.get("/events")] {
            let request = request
                .header(header::ORIGIN, foreign)
                .header(header::AUTHORIZATION, format!("Bearer {}", visitor.token))
                .body(Body::from(r#"{"id":"5f2c9c1e-7a32-4a53-9f6e-0d6c2c1f5a11","text":"hello"}"#));
            let answer = site.send(request.unwrap()).await;
            assert_eq!(answer.refusal(), (403, "origin".to_owned()), "{foreign:?}");
            assert_eq!(answer.header("vary"), Some("Origin"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert!(site.intake.texts(&visitor.conversation).is_empty());
}

#[tokio::test]
async fn what_has_no_origin_to_name_is_foreign_whatever_the_browser_adds() {
    let site = Site::new();
    let request =
        site.post("/session").header(header::ORIGIN, "null").header("sec-fetch-site", "same-origin");
    let answer = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.refusal(), (403, "origin".to_owned()));
}

#[tokio::test]
async fn a_site_can_read_why_it_was_refused() {
    let site = Site::new();
    let request = site.post("/messages").header(header::ORIGIN, ALLOWED).body(Body::from("{}")).unwrap();
    let answer = site.send(request).await;
    assert_eq!(answer.refusal(), (401, "token".to_owned()));
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("retry-after"));
}
