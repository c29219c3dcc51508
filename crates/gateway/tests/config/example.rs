//! `config.example.toml`: it is good, says everything there is, and states the defaults of the code.

use std::{collections::BTreeSet, fs};

use switchboard_gateway::{
    Switchboard,
    config::{ChannelConfig, Presence},
};
use toml::{Table, Value};

use super::*;

const MINIMAL: &str = "
[[ai]]
name = 'main'
kind = 'selarti'
base_url = 'https://platform.example.com'
token = '${SECRET}'
webhook_secret = '${SECRET}'
[[channel]]
name = 'site'
kind = 'web'
ai = 'main'
task_id = '1721129985149x478019552540622850'
allowed_origins = ['https://www.example.com']
[[channel]]
name = 'support-telegram'
kind = 'telegram'
ai = 'main'
task_id = '1721129985149x478019552540622851'
token = '${TELEGRAM_TOKEN}'
[[channel]]
name = 'support-discord'
kind = 'discord'
ai = 'main'
task_id = '1721129985149x478019552540622852'
token = '${DISCORD_TOKEN}'
[[channel]]
name = 'support-matrix'
kind = 'matrix'
ai = 'main'
task_id = '1721129985149x478019552540622853'
homeserver_url = 'https://matrix.example.com'
user = '@support:example.com'
password = '${MATRIX_PASSWORD}'
state_dir = 'data/matrix-support'
";

/// The file as it is.
fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
    fs::read_to_string(path).expect("the example is at the root of the repository")
}

/// The file with every setting that is left out put in, instead of the one above it where both
/// have the same key.
fn example_with_everything() -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in example().lines() {
        let setting =
            line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if let Some(setting) = setting {
            let key = setting.split_inclusive('=').next().unwrap_or_default();
            lines.pop_if(|above| above.starts_with(key));
        }
        lines.push(setting.unwrap_or(line).to_owned());
    }
    lines.join("\n")
}

fn load<A>(text: &str, kinds: &Kinds<A>) -> Config<A> {
    let sources = Sources::new(
        |name| {
            if name == "DISCORD_TOKEN" {
                return Some("MTIz.x.y".to_owned());
            }
            if name == "TELEGRAM_TOKEN" {
                return Some("123456:0123456789abcdef".to_owned());
            }
            let known = ["SELARTI_TOKEN", "SELARTI_WEBHOOK_SECRET", "SWITCHBOARD_ADMIN_TOKEN", "SECRET"];
            let known = known.contains(&name)
                || name.starts_with("MATRIX_")
                || name.starts_with("SITE_IDENTITY_SECRET");
            known.then(|| "0123456789abcdef0123456789abcdef".to_owned())
        },
        |_| Err(io::ErrorKind::NotFound.into()),
    );
    let config = Config::parse("config.example.toml", text, &sources, kinds);
    config.unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The paths of all values, without indexes.
fn keys(table: &Table, path: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{path}{key}");
        found.insert(path.clone());
        match value {
            Value::Table(table) => keys(table, &format!("{path}."), found),
            Value::Array(elements) => {
                for table in elements.iter().filter_map(Value::as_table) {
                    keys(table, &format!("{path}."), found);
                }
            }
            _ => {}
        }
    }
}

fn keys_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    keys(&text.parse().expect("it is TOML"), "", &mut found);
    found
}

#[test]
fn every_key_is_in_the_example() {
    let (text, everything) = (example(), example_with_everything());
    let switchboard = Switchboard::standard();
    let kinds = switchboard.kinds();
    let (as_it_is, with_everything) = (load(&text, kinds), load(&everything, kinds));
    let (active, all) = (keys_in(&text), keys_in(&everything));
    assert!(with_everything.known_keys().len() > 30, "keys are known at all");
    for (key, presence) in as_it_is.known_keys().iter().chain(with_everything.known_keys()) {
        assert!(all.contains(key), "config.example.toml does not mention {key}");
        if as_it_is.known_keys().contains_key(key) && *presence != Presence::Optional {
            assert!(active.contains(key), "{key} has a default or is required, but is commented out");
        }
    }
}

#[test]
fn the_defaults_in_the_example_are_those_of_the_code() {
    let switchboard = Switchboard::standard();
    let kinds = switchboard.kinds();
    assert_eq!(shown(&load(&example(), kinds)), shown(&load(MINIMAL, kinds)));
}

/// All that does not depend on a channel's kind.
fn shown<A>(config: &Config<A>) -> Vec<String> {
    let Config { server, database, admin, log, delivery, lease, ais, channels, .. } = config;
    let mut shown = vec![
        format!("{server:#?}\n{admin:#?}\n{log:#?}\n{delivery:#?}\n{lease:#?}\n{ais:#?}"),
        // `Debug` hides the url.
        format!("{} {}", secrecy::ExposeSecret::expose_secret(&database.url), database.max_connections),
    ];
    shown.extend(channels.iter().map(|channel| {
        let ChannelConfig { name, kind, ai, task_id, groups, scope, limits, on_unknown, .. } = channel;
        let ChannelConfig { typing_cap, notice, notice_after, .. } = channel;
        format!(
            "{name} {kind} {ai} {task_id} {groups:?} {scope:?} {limits:?} {on_unknown:?} {typing_cap:?} \
             {notice:?} {notice_after:?}"
        )
    }));
    shown
}
