//! The stream that a page receives.

use std::{sync::atomic::Ordering, time::Duration};

use axum::{body::Body, http::header};
use switchboard_core::{Author, Messenger as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{
    outbound::{delivery, typing},
    support::{Site, Visitor},
};

#[tokio::test]
async fn a_stream_shows_what_is_stored_and_then_what_comes() {
    let site = Site::new();
    let (visitor, id) = (site.visitor().await, Uuid::new_v4());
    site.post_message(&visitor, id, "one").await;
    site.intake.write(&visitor.conversation, Author::Operator, "**two**");

    let mut stream = site.stream(&visitor, None).await;
    let one = stream.next().await.unwrap();
    assert_eq!((one.name.as_str(), one.id), ("message", Some(1)));
    assert_eq!(one.data["author"], "user");
    assert_eq!(one.data["id"], id.to_string());
    assert_eq!(one.data["at"], "1970-01-01T00:00:00Z");
    let two = stream.next().await.unwrap();
    assert_eq!((two.id, &two.data["author"]), (Some(2), &"operator".into()));
    assert_eq!(two.data.get("id"), None);
    assert!(two.data["html"].as_str().unwrap().contains("<strong>two</strong>"));
    stream.expect("ready").await;

    site.post_message(&visitor, Uuid::new_v4(), "three").await;
    assert_eq!(stream.message().await.0, 3);
    site.intake.write(&visitor.conversation, Author::Bot, "four");
    site.messenger.execute(&delivery(&visitor.conversation)).await.unwrap();
    assert_eq!(stream.message().await.0, 4);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen() {
    let site = Site::new();
    let (visitor, other) = (site.visitor().await, site.visitor().await);
    // More than are read at once, with somebody else's in between.
    for number in 0..450 {
        let conversation = if number % 3 == 0 { &other.conversation } else { &visitor.conversation };
        site.intake.write(conversation, Author::Bot, &number.to_string());
    }
    let expected: Vec<i64> = (0..450).filter(|number| number % 3 != 0).map(|number| number + 1).collect();

    let mut whole = site.stream(&visitor, None).await;
    let mut seen = Vec::new();
    for _ in 0..expected.len() {
        seen.push(whole.message().await.0);
    }
    whole.expect("ready").await;
    assert_eq!(seen, expected);

    let mut rest = site.stream(&visitor, Some(expected[250])).await;
    for position in &expected[251..] {
        assert_eq!(rest.message().await.0, *position);
    }
    rest.expect("ready").await;
}

#[tokio::test]
async fn what_is_no_position_is_refused() {
    let site = Site::new();
    let visitor = site.visitor().await;
    for id in ["x", "-1", "1.5", "99999999999999999999"] {
        let request = site
            .get("/events")
            .header(header::AUTHORIZATION, format!("Bearer {}", visitor.token))
            .header("last-event-id", id)
            .body(Body::empty())
            .unwrap();
        assert_eq!(site.send(request).await.refusal(), (400, "last_event_id".to_owned()), "{id}");
    }
    assert_eq!(site.messenger.open_streams(), 0);
}

#[tokio::test]
async fn hostile_text_is_inert() {
    let site = Site::new();
    let visitor = site.visitor().await;
    let hostile = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "<svg/onload=alert(1)><a href=\"javascript:alert(1)\">x</a>",
        "</p></div><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    ];
    for text in hostile {
        site.post_message(&visitor, Uuid::new_v4(), text).await;
        site.intake.write(&visitor.conversation, Author::Bot, text);
    }
    let mut stream = site.stream(&visitor, None).await;
    for _ in 0..2 * hostile.len() {
        let html = stream.message().await.1.to_lowercase();
        let tags = html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or(rest));
        for tag in tags {
            let element = tag.trim_start_matches('/').split(|c: char| !c.is_alphanumeric()).next().unwrap();
            assert!(!["script", "img", "svg", "iframe"].contains(&element), "{html}");
            assert!(!tag.contains("javascript:") && !tag.contains(" on"), "{html}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_replica_delivered_is_found_soon() {
    let site = Site::new();
    let visitor = site.visitor().await;
    let mut stream = site.stream(&visitor, None).await;
    stream.expect("ready").await;
    let begun = Instant::now();
    site.intake.write(&visitor.conversation, Author::Bot, "from afar");
    assert_eq!(stream.message().await.0, 1);
    assert!(begun.elapsed() <= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn silent_streams_beat_and_read_nothing() {
    let site = Site::new();
    let visitors = [site.visitor().await, site.visitor().await, site.visitor().await];
    let mut streams = Vec::new();
    for visitor in &visitors {
        let mut stream = site.stream(visitor, None).await;
        stream.expect("ready").await;
        streams.push(stream);
        assert_eq!(streams[0].block().await.unwrap(), ":");
    }
    let (begun, reads) = (Instant::now(), site.intake.reads.load(Ordering::SeqCst));
    for _ in 0..4 {
        assert_eq!(streams[0].block().await.unwrap(), ":");
    }
    assert_eq!(begun.elapsed().as_secs(), 100);
    assert_eq!(site.intake.reads.load(Ordering::SeqCst), reads);
    // However many are open, one question a second is asked for all of them, and none when none is.
    let looks_in_a_minute = async || {
        let before = site.intake.looks.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_mins(1)).await;
        site.intake.looks.load(Ordering::SeqCst) - before
    };
    let looks = looks_in_a_minute().await;
    assert!((59..=61).contains(&looks), "{looks}");
    drop(streams);
    assert!(looks_in_a_minute().await <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_a_store_that_is_gone_for_a_while() {
    let site = Site::new();
    let visitor = site.visitor().await;
    let mut stream = site.stream(&visitor, None).await;
    stream.expect("ready").await;
    site.intake.down.store(true, Ordering::SeqCst);
    site.intake.write(&visitor.conversation, Author::Bot, "meanwhile");
    site.messenger.execute(&delivery(&visitor.conversation)).await.unwrap();
    for _ in 0..4 {
        assert_eq!(stream.block().await.unwrap(), ":");
    }
    site.intake.down.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    assert_eq!(stream.message().await.0, 1);
    assert!(begun.elapsed() <= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_is_not_begun() {
    let site = Site::new();
    let visitor = site.visitor().await;
    site.intake.down.store(true, Ordering::SeqCst);
    let request = site.get("/events").header(header::AUTHORIZATION, format!("Bearer {}", visitor.token));
    let refused = site.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("2"));
}

#[tokio::test]
async fn typing_reaches_the_conversations_streams_only() {
    let site = Site::new();
    let (visitor, other) = (site.visitor().await, site.visitor().await);
    let mut stream = site.stream(&visitor, None).await;
    let mut others = site.stream(&other, None).await;
    stream.expect("ready").await;
    others.expect("ready").await;

    for on in [true, true, false] {
        site.messenger.execute(&typing(&visitor.conversation, on)).await.unwrap();
        assert_eq!(stream.expect("typing").await["on"], on);
    }
    site.intake.write(&other.conversation, Author::Bot, "no typing before this");
    site.messenger.execute(&delivery(&other.conversation)).await.unwrap();
    assert_eq!(others.message().await.0, 1);
}

#[tokio::test]
async fn the_sixth_stream_of_a_visitor_ends_the_first() {
    let site = Site::new();
    let (visitor, other) = (site.visitor().await, site.visitor().await);
    let mut others = site.stream(&other, None).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut stream = site.stream(&visitor, None).await;
        stream.expect("ready").await;
        streams.push(stream);
    }
    streams[0].expect("replaced").await;
    assert_eq!(streams[0].next().await, None);
    site.post_message(&visitor, Uuid::new_v4(), "hello").await;
    for stream in &mut streams[1..] {
        stream.message().await;
    }
    others.expect("ready").await;
}

#[tokio::test]
async fn one_visitors_streams_are_not_opened_without_end() {
    let site = Site::new();
    let (loud, quiet) = (site.visitor().await, site.visitor().await);
    let open = async || {
        let request = site.get("/events").header(header::AUTHORIZATION, format!("Bearer {}", loud.token));
        site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let mut opened = 0;
    let refused = loop {
        match open().await {
            // On a slow machine some more than at once are let through meanwhile.
            stream if stream.status().is_success() && opened < 200 => opened += 1,
            refused => break refused,
        }
    };
    assert!(opened >= 50, "{opened}");
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(site.intake.reads.load(Ordering::SeqCst), opened, "it is refused before anything is read");
    site.stream(&quiet, None).await;
}

/// A page that takes nothing must not have much kept for it.
#[tokio::test]
async fn long_messages_are_read_and_sent_a_few_at_once() {
    let site = Site::new();
    let visitor = site.visitor().await;
    for number in 0..200 {
        let length = if number % 2 == 0 { 40_000 } else { 1 };
        site.intake.write(&visitor.conversation, Author::Bot, &"x".repeat(length));
    }
    let mut stream = site.stream(&visitor, None).await;
    for position in 1..=200 {
        assert_eq!(stream.message().await.0, position);
        assert!(stream.unread() < 128 * 1024, "{} bytes at once", stream.unread());
    }
    stream.expect("ready").await;
    let reads = site.intake.reads.load(Ordering::SeqCst);
    assert!(reads <= 100, "{reads} reads");
}

#[tokio::test]
async fn streams_end_when_the_gateway_stops_and_are_told_when_to_come_back() {
    let site = Site::new();
    let visitor = site.visitor().await;
    let mut stream = site.stream(&visitor, None).await;
    stream.expect("ready").await;
    site.stop.cancel();
    assert_eq!(stream.block().await.as_deref(), Some("retry: 3000"));
    assert_eq!(stream.block().await, None);

    // Who comes while it stops is told the same.
    let mut late = site.stream(&visitor, None).await;
    late.expect("ready").await;
    assert_eq!(late.block().await.as_deref(), Some("retry: 3000"));
    assert_eq!(late.block().await, None);
}

#[tokio::test]
async fn a_page_that_is_closed_leaves_nothing_behind() {
    let site = Site::new();
    let visitor = site.visitor().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (TaskTracker::new(), site.stop.clone());
    let router = site.router.clone();
    tasks.spawn(async move {
        axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
    });

    let page = open_page(address, &visitor).await;
    assert_eq!(site.messenger.open_streams(), 1);
    drop(page);
    wait_for(|| site.messenger.open_streams() == 0).await;

    // And one that is left open does not hold up the shutdown.
    let _page = open_page(address, &visitor).await;
    site.stop.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(10), tasks.wait()).await.expect("the server stopped");
    assert_eq!(site.messenger.open_streams(), 0);
}

/// Opens the visitor's stream over a real connection and reads until it is ready.
async fn open_page(address: std::net::SocketAddr, visitor: &Visitor) -> TcpStream {
    let mut page = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /chat/site/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
        visitor.token
    );
    page.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("event: ready") {
        assert_ne!(page.read_buf(&mut read).await.unwrap(), 0, "the server closed the connection");
    }
    page
}

async fn wait_for(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the condition came true");
}
