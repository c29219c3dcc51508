//! What a Matrix channel can be told, as the real reader takes it.

use switchboard_gateway::Switchboard;

use super::*;

/// What a channel needs, in three lines.
const NEEDED: [&str; 3] =
    ["homeserver_url = 'https://matrix.example.com'", "user = '@support:example.com'", "state_dir = 'state'"];

/// What is said of a Matrix channel with these settings.
fn told(settings: &[&str]) -> String {
    let text = format!(
        "[[ai]]\nname = 'main'\nkind = 'selarti'\nbase_url = 'https://a.example'\ntoken = '${{SECRET}}'\n\
         webhook_secret = '0123456789abcdef0123456789abcdef'\n\
         [[channel]]\nname = 'bot'\nkind = 'matrix'\nai = 'main'\ntask_id = '1'\n{}",
        settings.join("\n")
    );
    let switchboard = Switchboard::standard();
    let config = Config::parse("config.toml", &text, &sources(), switchboard.kinds());
    config.map_or_else(|mistakes| mistakes.to_string(), |_| String::new())
}

fn told_beside(settings: &[&str]) -> String {
    told(&[&NEEDED[..], settings].concat())
}

#[test]
fn everything_can_be_set() {
    let common = [
        "passphrase = '${SECRET}'",
        "recovery_key = '${SECRET}'",
        "replaces_device = 'ABCDEFGHIJ'",
        "invites = ['example.com', '@anna:example.org']",
        "edited = 'forward'",
        "read_receipts = true",
    ];
    let with_password = [&["password = '${SECRET}'"][..], &common].concat();
    assert_eq!(told_beside(&with_password), "");
    let with_token = [&["access_token = '${SECRET}'", "device_id = 'ABCDEFGHIJ'"][..], &common].concat();
    assert_eq!(told_beside(&with_token), "");
    assert_eq!(told_beside(&[&with_token[..], &["password = '${SECRET}'"]].concat()), "");
    for invites in ["invites = 'all'", "invites = 'none'"] {
        assert_eq!(told_beside(&["password = '${SECRET}'", invites]), "");
    }
}

#[test]
fn mistakes_are_told_with_their_remedy() {
    let cases: [(&[&str], &str); 11] = [
        (&[], "channel[0].password: missing; add password = \"${NAME}\""),
        (&["access_token = '${SECRET}'"], "channel[0].device_id: missing"),
        (&["device_id = 'ABCDEFGHIJ'"], "channel[0].access_token: missing"),
        (&["pasword = '${SECRET}'"], "channel[0].pasword: unknown key; did you mean \"password\"?"),
        (&["acces_token = '${SECRET}'"], "did you mean \"access_token\"?"),
        (&["invites = 'nobody'"], "channel[0].invites: \"nobody\" is not known here"),
        (
            &["invites = ['*.example.com']"],
            "channel[0].invites[0]: \"*.example.com\" is neither a user nor a server",
        ),
        (&["invites = ['@anna']"], "channel[0].invites[0]: \"@anna\" is neither a user nor a server"),
        (&["edited = 'froward'"], "did you mean \"forward\"?"),
        (&["read_receipts = 'yes'"], "channel[0].read_receipts: expected true or false"),
        (&["passphrase = ''"], "channel[0].passphrase: is empty"),
    ];
    for (settings, expected) in cases {
        assert!(told_beside(settings).contains(expected), "{settings:?}: {}", told_beside(settings));
    }
    let needed = [
        ("homeserver_url = 'matrix.example.com'", "channel[0].homeserver_url: is not a URL"),
        (
            "homeserver_url = 'https://example.com/_matrix/client'",
            "write it as \"https://matrix.example.com\"",
        ),
        ("user = 'support'", "write it with its server, as \"@support:example.com\""),
        ("user = '@support'", "write it with its server, as \"@support:example.com\""),
        ("state_dir = ''", "channel[0].state_dir: is empty"),
    ];
    for (setting, expected) in needed {
        let key = setting.split(' ').next().expect("a key");
        let others: Vec<&str> = NEEDED.into_iter().filter(|it| !it.starts_with(key)).collect();
        let settings = [&others[..], &["password = '${SECRET}'", setting]].concat();
        assert!(told(&settings).contains(expected), "{setting}: {}", told(&settings));
        let missing = [&others[..], &["password = '${SECRET}'"]].concat();
        assert!(told(&missing).contains(&format!("channel[0].{key}: missing")), "{key}: {}", told(&missing));
    }
}
