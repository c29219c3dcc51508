//! What a good configuration yields.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use switchboard_core::{Rate, Rates};
use switchboard_engine::{Groups, Limits, OnUnknown, Scope};
use switchboard_gateway::config::LogFormat;

use super::*;

const EVERYTHING: &str = "
[server]
listen = '[::]:80'
public_url = 'https://chat.example.com/gateway'
client_address_header = 'X-Real-IP'
shutdown_timeout = '1m 30s'
[database]
url = 'postgres://switchboard:${SECRET}@db/switchboard'
max_connections = 3
[admin]
token = '${SECRET}'
listen = '127.0.0.1:8081'
[log]
format = 'json'
filter = 'warn,switchboard_engine=debug'
[delivery]
ai_ttl = '1h'
messenger_ttl = '2h'
retry_min = '2s'
retry_max = '3s'
in_flight = 1
[lease]
ttl = '4s'
[[ai]]
name = 'main'
kind = 'selarti'
base_url = 'https://platform.example.com/base'
token = '${file:/run/secrets/token}'
webhook_secret = '0123456789_abc-DEF'
timeout = '5s'
[[channel]]
name = 'site-1'
kind = 'web'
ai = 'main'
task_id = '17x4$${8'
groups = 'all'
scope = 'room'
limits = { channel = { burst = 30, per_second = 20 }, conversation = { burst = 10, per_second = 0.2 } }
on_unknown = 'drop'
typing_cap = '30s'
notice = 'Please *wait*'
notice_after = '10s'
allowed_origins = ['https://a.example', 'https://b.example']
title = 'Chat'
[[channel]]
name = 'pager_2'
kind = 'pager'
number = 0x7
secret = '${SECRET}'
ai = 'main'
task_id = '2'
limits = 'off'
";

fn everything() -> Config<Adapter> {
    parse(EVERYTHING).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn every_setting_of_the_gateway_arrives() {
    let config = everything();
    assert_eq!(config.server.listen.to_string(), "[::]:80");
    assert_eq!(config.server.client_address_header, Some("x-real-ip".parse().unwrap()));
    let public_url = config.server.public_url(config.server.listen);
    assert_eq!(public_url.as_str(), "https://chat.example.com/gateway");
    assert_eq!(config.server.shutdown_timeout, Duration::from_secs(90));
    let url = format!("postgres://switchboard:{SECRET}@db/switchboard");
    assert_eq!(config.database.url.expose_secret(), url);
    assert_eq!(config.database.max_connections, 3);
    assert_eq!(config.admin.token.as_ref().map(ExposeSecret::expose_secret), Some(SECRET));
    assert_eq!(config.admin.listen.map(|listen| listen.port()), Some(8081));
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "warn,switchboard_engine=debug");
    assert_eq!(config.delivery.ai_ttl, Duration::from_hours(1));
    assert_eq!(config.delivery.messenger_ttl, Duration::from_hours(2));
    assert_eq!(config.delivery.retry_min, Duration::from_secs(2));
    assert_eq!(config.delivery.retry_max, Duration::from_secs(3));
    assert_eq!(config.delivery.in_flight, 1);
    assert_eq!(config.lease.ttl, Duration::from_secs(4));
}

#[test]
fn every_setting_of_an_ai_arrives() {
    let config = everything();
    let [ai] = &config.ais[..] else { panic!("there is one") };
    assert_eq!((ai.name.as_str(), ai.kind.as_str()), ("main", "selarti"));
    assert_eq!(ai.base_url.as_str(), "https://platform.example.com/base");
    // Without the line break at the end of the file.
    assert_eq!(ai.token.read().expect("the file is there").expose_secret(), SECRET_IN_FILE);
    assert_eq!(ai.webhook_secret.expose_secret(), "0123456789_abc-DEF");
    assert_eq!(ai.timeout, Duration::from_secs(5));
}

#[test]
fn every_setting_of_a_channel_arrives() {
    let config = everything();
    let [first, second] = &config.channels[..] else { panic!("there are two") };
    assert_eq!((first.name.as_str(), first.kind.as_str(), first.ai.as_str()), ("site-1", "web", "main"));
    assert_eq!(first.task_id, "17x4${8");
    assert_eq!((first.groups, first.scope), (Groups::All, Scope::Room));
    let rate = |burst, millis| Rate {
        burst: NonZeroU32::new(burst).expect("not zero"),
        period: Duration::from_millis(millis),
    };
    let rates = Rates { channel: Some(rate(30, 50)), conversation: Some(rate(10, 5000)) };
    assert_eq!(first.limits, Limits::Rates(rates));
    assert_eq!(first.on_unknown, OnUnknown::Drop);
    assert_eq!(first.typing_cap, Duration::from_secs(30));
    assert_eq!(first.notice.as_deref(), Some("Please *wait*"));
    assert_eq!(first.notice_after, Duration::from_secs(10));
    let Adapter::Web { allowed_origins, title } = &first.adapter else { panic!("it is a web channel") };
    assert_eq!(allowed_origins, &["https://a.example", "https://b.example"]);
    assert_eq!(title.as_deref(), Some("Chat"));

    assert_eq!((second.name.as_str(), &second.limits), ("pager_2", &Limits::Off));
    assert_eq!((second.groups, second.scope), (Groups::Mention, Scope::User));
    assert_eq!(second.on_unknown, OnUnknown::Retry);
    let Adapter::Pager { number, secret } = &second.adapter else { panic!("it is a pager") };
    assert_eq!(*number, 7);
    assert_eq!(secret.as_ref().map(ExposeSecret::expose_secret), Some(SECRET));
}

#[test]
fn one_rate_may_be_left_out() {
    let text = EVERYTHING.replace("limits = 'off'", "[channel.limits.channel]\nburst = 1\nper_second = 1");
    let config = parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let Limits::Rates(rates) = &config.channels[1].limits else { panic!("a table is a table") };
    assert!(rates.channel.is_some() && rates.conversation.is_none());
}

#[test]
fn without_a_public_url_it_is_the_address_that_was_bound() {
    let config = parse("server.listen = '127.0.0.1:0'").expect("it is good");
    let bound = "127.0.0.1:4711".parse().expect("an address");
    assert_eq!(config.server.public_url(bound).as_str(), "http://127.0.0.1:4711/");
}

#[test]
fn a_token_is_read_again_from_where_it_came() {
    let reads = Arc::new(AtomicUsize::new(0));
    let sources = Sources::new(
        |_| None,
        move |_| match reads.fetch_add(1, Ordering::Relaxed) {
            0 => Ok("first".to_owned()),
            1 => Ok("second\n".to_owned()),
            2 => Ok("\n".to_owned()),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        },
    );
    let read = |section: &mut Section<'_>| section.secret_source("token").required();
    let source = Section::parse("token = '${file:/t}'", &sources, read).expect("it is good");
    assert_eq!(source.read().expect("it was replaced").expose_secret(), "second");
    assert_eq!(source.read().map(|_| ()), Err("is empty".to_owned()));
    assert_eq!(source.read().map(|_| ()), Err("cannot read the file /t: permission denied".to_owned()));
}

#[test]
fn debug_shows_no_secret() {
    let config = format!("{:?}", everything());
    for secret in [SECRET, SECRET_IN_FILE, "0123456789_abc-DEF", "${SECRET}", "/run/secrets/token"] {
        assert!(!config.contains(secret), "{secret} is in {config}");
    }
    assert!(config.contains("REDACTED"), "the settings are shown at all: {config}");
}
