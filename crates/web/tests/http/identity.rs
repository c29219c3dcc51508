//! Visitors whom the site has named.

use std::{fs, io, process::Command};

use axum::{body::Body, http::header};
use secrecy::SecretString;
use switchboard_core::{Author, ChannelName};
use switchboard_web::sign_identity;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::support::{Site, Visitor};

const SECRET: &str = "the site's key, thirty-two bytes or more";

fn site() -> Site {
    Site::with("site", |config| config.identity_secrets = vec![SECRET.into()])
}

fn identity(user: &str, name: Option<&str>) -> String {
    identity_signed_at(OffsetDateTime::UNIX_EPOCH, user, name)
}

fn identity_signed_at(now: OffsetDateTime, user: &str, name: Option<&str>) -> String {
    sign_identity(&SECRET.into(), &ChannelName::new("site"), user, name, now..now + Duration::HOUR)
}

async fn identified(site: &Site, user: &str) -> Visitor {
    site.identify(&identity(user, None)).await.session()
}

#[tokio::test]
async fn the_same_user_has_the_same_conversation_on_every_device() {
    let site = site();
    let (phone, desk) = (identified(&site, "42").await, identified(&site, "42").await);
    let mut stream = site.stream(&desk, None).await;
    stream.expect("ready").await;
    site.post_message(&phone, Uuid::new_v4(), "from the phone").await;
    assert!(stream.message().await.1.contains("from the phone"));
    assert_eq!(phone.conversation, desk.conversation);
    assert_eq!(phone.conversation.as_str(), "user=42");
}

#[tokio::test]
async fn the_users_name_goes_with_what_they_write() {
    let site = site();
    let ann = site.identify(&identity("42", Some("Ann"))).await;
    assert_eq!((&ann.json()["identified"], &ann.json()["expires_in"]), (&true.into(), &86_400.into()));
    site.post_message(&ann.session(), Uuid::new_v4(), "hello").await;
    site.post_message(&site.visitor().await, Uuid::new_v4(), "hello").await;
    let users = site.intake.users.lock().unwrap();
    assert_eq!((users[0].0.as_str(), users[0].1.as_deref()), ("user=42", Some("Ann")));
    assert_eq!(users[1].1, None);
}

#[tokio::test]
async fn nobody_gets_into_a_users_conversation_by_an_id() {
    let site = site();
    let ann = identified(&site, "42").await;
    site.post_message(&ann, Uuid::new_v4(), "for me alone").await;
    let stranger = site.visitor().await;
    // Users whom the site would have to name like that, and visitors who are nobody's users.
    let mut others = vec![stranger];
    for user in ["43", "user=42", "42 ", "042", "42/x"] {
        others.push(identified(&site, user).await);
    }
    for other in others {
        assert_ne!(other.conversation, ann.conversation);
        let mut stream = site.stream(&other, None).await;
        stream.expect("ready").await;
        site.intake.write(&other.conversation, Author::Bot, "yours");
        site.renew(&other.token).await;
    }
    // A user cannot be named like an anonymous visitor either.
    let anonymous = site.visitor().await;
    let impostor = identified(&site, anonymous.conversation.as_str()).await;
    assert_ne!(impostor.conversation, anonymous.conversation);
}

#[tokio::test]
async fn what_the_site_did_not_sign_is_refused() {
    let (site, unconfigured) = (site(), Site::new());
    let good = identity("42", None);
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let other = sign_identity(
        &SecretString::from("another key"),
        &ChannelName::new("site"),
        "42",
        None,
        OffsetDateTime::UNIX_EPOCH..OffsetDateTime::UNIX_EPOCH + Duration::HOUR,
    );
    let cases = [
        (&site, "42".to_owned(), 401, "identity_malformed"),
        (&site, String::new(), 401, "identity_malformed"),
        (&site, format!("{unsigned}."), 401, "identity_signature"),
        (&site, other, 401, "identity_signature"),
        (&unconfigured, good.clone(), 403, "identity_not_configured"),
    ];
    for (site, token, status, code) in cases {
        let answer = site.identify(&token).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{token}");
        assert!(answer.json()["reason"].as_str().is_some_and(|reason| reason.contains("identity")));
    }
    *site.now.lock().unwrap() += Duration::HOUR;
    assert_eq!(site.identify(&good).await.refusal(), (401, "identity_expired".to_owned()));
}

#[tokio::test]
async fn a_refusal_can_be_read_by_the_page() {
    let site = Site::new();
    let request = site.post("/session").header(header::ORIGIN, crate::support::ALLOWED);
    let answer = site.send(request.body(Body::from(r#"{"identity":"x"}"#)).unwrap()).await;
    assert_eq!(answer.refusal(), (403, "identity_not_configured".to_owned()));
    assert_eq!(answer.header("access-control-allow-origin"), Some(crate::support::ALLOWED));
}

#[tokio::test]
async fn a_session_does_not_outlive_the_sites_word() {
    let site = site();
    let ann = identified(&site, "42").await;
    *site.now.lock().unwrap() += Duration::hours(23);
    let renewed = site.renew(&ann.token).await;
    assert_eq!(renewed.json()["expires_in"], 3600);
    let mut stream = site.stream(&ann, None).await;
    stream.expect("ready").await;
    *site.now.lock().unwrap() += Duration::HOUR;
    for token in [&ann.token, &renewed.session().token] {
        assert_eq!(site.renew(token).await.refusal(), (401, "token".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_ends_with_its_session() {
    let site = site();
    let ann = identified(&site, "42").await;
    let mut stream = site.stream(&ann, None).await;
    stream.expect("ready").await;
    assert_eq!(stream.block().await.unwrap(), ":");
    *site.now.lock().unwrap() += Duration::hours(24);
    assert_eq!(stream.next().await, None);
    assert_eq!(site.messenger.open_streams(), 0);
}

#[tokio::test]
async fn one_users_sessions_can_be_ended() {
    let ended_at = OffsetDateTime::UNIX_EPOCH + Duration::minutes(30);
    let before = site();
    let after = Site::with("site", |config| {
        config.identity_secrets = vec![SECRET.into()];
        config.clock = std::sync::Arc::new(move || ended_at + Duration::SECOND);
        config.sessions_ended = vec![("user=42".to_owned(), ended_at)];
    });
    let (ann, bob) = (identified(&before, "42").await, identified(&before, "43").await);
    let renewed = before.renew(&ann.token).await.session();
    for token in [&ann.token, &renewed.token] {
        assert_eq!(after.renew(token).await.refusal(), (401, "token".to_owned()));
        assert_eq!(after.post_body(token, "{}").await.refusal(), (401, "token".to_owned()));
    }
    assert_eq!(after.renew(&bob.token).await.status.as_u16(), 200);

    // What the site has signed before is of no use to whoever kept it; what it signs now is.
    let kept = after.identify(&identity("42", None)).await;
    assert_eq!(kept.refusal(), (401, "identity_ended".to_owned()));
    assert_eq!(after.identify(&identity("43", None)).await.status.as_u16(), 200);
    let ann = after.identify(&identity_signed_at(ended_at, "42", None)).await.session();
    assert_eq!(after.post_message(&ann, Uuid::new_v4(), "hello").await.status.as_u16(), 200);
}

/// What the README tells sites to do, for the interpreters that are here.
#[tokio::test]
async fn the_examples_make_tokens_that_are_believed() {
    let call = |name: &str| format!("identity('{SECRET_PLAIN}', 'site', 42, '{name}', 3600)");
    let name = "Ann Ли 😀";
    let python = run("python3", "-c", &format!("{}\nprint({})", example("python"), call(name)));
    let node = run("node", "-e", &format!("{}\nconsole.log({})", example("js"), call(name)));
    let php = run("php", "-r", &format!("{}\necho {};", example("php"), call(name)));
    assert!(python.is_some(), "the tests need python3");
    let site = Site::with("site", |config| config.identity_secrets = vec![SECRET_PLAIN.into()]);
    for (number, token) in [python, node, php].into_iter().flatten().enumerate() {
        let answer = site.identify(token.trim()).await;
        assert_eq!(answer.status.as_u16(), 200, "{token}: {}", answer.text());
        site.post_message(&answer.session(), Uuid::new_v4(), "hello").await;
        let users = site.intake.users.lock().unwrap();
        assert_eq!((users[number].0.as_str(), users[number].1.as_deref()), ("user=42", Some(name)));
    }
}

/// Without characters that a language would read in a text.
const SECRET_PLAIN: &str = "0123456789abcdef0123456789abcdef";

/// The README's code in this language.
fn example(language: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, block) = readme.split_once(&format!("```{language}\n")).expect("the README has an example");
    block.split("```").next().expect("a split gives at least one").to_owned()
}

/// What the program prints; `None` where there is no such interpreter.
fn run(interpreter: &str, option: &str, program: &str) -> Option<String> {
    let output = match Command::new(interpreter).arg(option).arg(program).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{interpreter}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
