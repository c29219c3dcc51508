//! What is said of a bad configuration, word for word.

use std::path::Path;

use super::*;

/// A good `[[ai]]`, in six lines.
const AI: &str = "\
[[ai]]
name = 'main'
kind = 'selarti'
base_url = 'https://platform.example.com'
token = '${SECRET}'
webhook_secret = '0123456789abcdef'
";

/// A good `[[channel]]`, in five lines.
const CHANNEL: &str = "\
[[channel]]
name = 'site'
kind = 'web'
ai = 'main'
task_id = '1'
";

#[track_caller]
fn assert_mistakes(text: &str, expected: &[&str]) {
    let mistakes = parse(text).map(|_| ()).expect_err("the configuration is bad").to_string();
    let lines: Vec<_> = mistakes.lines().collect();
    assert_eq!(lines, expected, "for\n{text}");
}

/// Each case is a text and what is said of it, without `config.toml:`.
#[track_caller]
fn assert_each(before: &str, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|line| format!("config.toml:{line}")).collect();
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        assert_mistakes(&format!("{before}{text}"), &expected);
    }
}

#[test]
fn the_good_parts_of_the_cases_are_good() {
    assert!(parse("").is_ok());
    assert!(parse(&format!("{AI}{CHANNEL}")).is_ok());
}

#[test]
fn sections_for_the_whole_gateway() {
    assert_each(
        "",
        &[
            ("[server]\nlistn = 1", &[r#"2: server.listn: unknown key; did you mean "listen"?"#]),
            (
                "[server]\n'a b' = 1",
                &[
                    r#"2: server."a b": unknown key; take one of "listen", "public_url", "client_address_header", "connections_per_address", "shutdown_timeout""#,
                ],
            ),
            (
                "[server]\nclient_address_header = 'the client'",
                &["2: server.client_address_header: is not the name of a header; \
                   take \"X-Forwarded-For\", or what your proxy calls the header with nothing but addresses"],
            ),
            (
                "[server]\nclient_address_header = 'Forwarded'",
                &["2: server.client_address_header: has more in it than addresses; \
                   take \"X-Forwarded-For\", or what your proxy calls the header with nothing but addresses"],
            ),
            (
                "[server]\nlisten = 'localhost:80'",
                &[
                    r#"2: server.listen: is not an IP address with a port; write it as "127.0.0.1:8080" or "[::]:8080""#,
                ],
            ),
            (
                "[server]\npublic_url = 'ftp://x'",
                &[
                    r#"2: server.public_url: does not begin with https:// or http://; write it as "https://www.example.com""#,
                ],
            ),
            (
                "[server]\npublic_url = 'chat.example.com'",
                &[
                    r#"2: server.public_url: is not a URL: relative URL without a base; write it as "https://www.example.com""#,
                ],
            ),
            (
                "[server]\npublic_url = 'https://x/?a=b'",
                &[r##"2: server.public_url: has a "?" or a "#" in it; end it with the path"##],
            ),
            (
                "[server]\nshutdown_timeout = 20",
                &[
                    r#"2: server.shutdown_timeout: expected a string, found a whole number; write it as "30s""#,
                ],
            ),
            (
                "[database]\nurl = 'postgres://u:p/w@db/x'",
                &["2: database.url: is not a URL: invalid port number; \
                   write it as scheme://user:password@host/name, with %XX for special characters"],
            ),
            (
                "[database]\nurl = 'mysql://db/x'",
                &[
                    r#"2: database.url: does not begin with a database that is known here; take one of "postgres", "sqlite""#,
                ],
            ),
            (
                "[database]\nmax_connections = '5'",
                &["2: database.max_connections: expected a whole number, found a string; \
                   write it without quotes and without a point"],
            ),
            ("[admin]\ntoken = ''", &["2: admin.token: is empty; give it a value"]),
            (
                "[admin]\ntoken = '${EMPTY}'",
                &["2: admin.token: stands for something empty; fill the variable or file"],
            ),
            ("[log]\nformat = 'jsn'", &[r#"2: log.format: "jsn" is not known here; did you mean "json"?"#]),
            ("[log]\nfilter = 'inof'", &[r#"2: log.filter: "inof" is not a filter; did you mean "info"?"#]),
            (
                "[log]\nfilter = 'info,a=b=c'",
                &[
                    r#"2: log.filter: "info,a=b=c" is not a filter; write it as "info,switchboard_engine=debug""#,
                ],
            ),
            (
                "[delivery]\nretry_min = '2m'\nretry_max = '1m'",
                &["2: delivery.retry_min: is longer than retry_max; make it shorter, or retry_max longer"],
            ),
            ("[delivery]\nin_flight = 0", &["2: delivery.in_flight: 0 is out of range; take 1 to 10000"]),
            (
                "[delivery]\nin_flight = 0xffffffffffffffffff",
                &["2: delivery.in_flight: 0xffffffffffffffffff is out of range; take 1 to 10000"],
            ),
            (
                "[delivery]\nai_ttl = '1 day soon'",
                &[r#"2: delivery.ai_ttl: "1 day soon" is not a duration; write it as "30s", "5m" or "24h""#],
            ),
            ("[lease]\nttl = '1h'", &[r#"2: lease.ttl: "1h" is out of range; take "1s" to "5m""#]),
        ],
    );
}

#[test]
fn references_that_lead_nowhere() {
    assert_each(
        "",
        &[
            (
                "[database]\nurl = 'postgres://${USER_}:${PASSWORD}@db/x'",
                &[
                    "2: database.url: the environment variable USER_ is not set; set it where the gateway is started",
                    "2: database.url: the environment variable PASSWORD is not set; set it where the gateway is started",
                ],
            ),
            (
                "[admin]\ntoken = '${file:/nowhere}'",
                &["2: admin.token: cannot read the file /nowhere: entity not found; \
                   create it, or let this process read it"],
            ),
            (
                "[admin]\ntoken = 'a${b'",
                &[
                    r#"2: admin.token: has a "${" that begins neither ${NAME} nor ${file:/path}; write "$${" where you mean a plain "${""#,
                ],
            ),
        ],
    );
}

#[test]
fn keys_of_an_ai() {
    let rest = |name: &str| {
        format!(
            "[[ai]]\nname = '{name}'\n{}",
            AI.split_once("kind").map_or("", |(_, rest)| rest).trim_start().replacen("= ", "kind = ", 1)
        )
    };
    let long = "n".repeat(65);
    assert_mistakes(
        &format!("{AI}{}{}{}", rest("main"), rest("Main"), rest(&long)),
        &[
            r#"config.toml:8: ai[1].name: "main" is the name of ai[0] already; choose another"#,
            r#"config.toml:14: ai[2].name: "Main" cannot be a name; use at most 64 of a-z, 0-9, "_" and "-""#,
            &format!(
                r#"config.toml:20: ai[3].name: "{long}" cannot be a name; use at most 64 of a-z, 0-9, "_" and "-""#
            ),
        ],
    );
    assert_mistakes(
        "[[ai]]\nname = 'a'\nkind = 'selarty'\nbase_url = 'https://u:p@x'\ntoken = \"a\\nb\"\nwebhook_secret = 'short'\ntimeout = '0s'",
        &[
            r#"config.toml:3: ai[0].kind: "selarty" is not known here; did you mean "selarti"?"#,
            "config.toml:4: ai[0].base_url: has a user or a password in it; take them out",
            "config.toml:5: ai[0].token: has a line break or another control character in it; take it out",
            "config.toml:6: ai[0].webhook_secret: has fewer than 16 characters; make one with `openssl rand -hex 32`",
            r#"config.toml:7: ai[0].timeout: "0s" is out of range; take "100ms" to "10m""#,
        ],
    );
    assert_mistakes(
        &AI.replace("0123456789abcdef", "0123456789/abcdef"),
        &["config.toml:6: ai[0].webhook_secret: has characters other than A-Z, a-z, 0-9, \"_\" and \"-\"; \
           make one with `openssl rand -hex 32`"],
    );
}

#[test]
fn keys_of_every_channel() {
    let limits = "limits = { channel = { burst = 0, per_second = 0 } }";
    assert_each(
        &format!("{AI}{CHANNEL}"),
        &[
            (
                "groups = 'mentoin'",
                &[r#"12: channel[0].groups: "mentoin" is not known here; did you mean "mention"?"#],
            ),
            (
                "scope = 'all'",
                &[r#"12: channel[0].scope: "all" is not known here; take one of "user", "room""#],
            ),
            (
                "on_unknown = true",
                &[
                    r#"12: channel[0].on_unknown: expected a string, found true or false; write it as "retry" or "drop""#,
                ],
            ),
            ("limits = 'of'", &[r#"12: channel[0].limits: "of" is not known here; did you mean "off"?"#]),
            (
                "limits = {}",
                &[
                    r#"12: channel[0].limits.conversation: missing, and so is channel; add conversation = { burst = 3, per_second = 1 }, or take "off" instead of the table"#,
                ],
            ),
            (
                limits,
                &[
                    "12: channel[0].limits.channel.burst: 0 is out of range; take 1 to 100000",
                    "12: channel[0].limits.channel.per_second: 0 is out of range; take 0.001 to 100000",
                ],
            ),
            (
                "[channel.limits]\nconversation = nan\nconverstion = {}",
                &[
                    "13: channel[0].limits.conversation: expected a table, found a number with a point; \
                     write [channel.limits.conversation]",
                    r#"14: channel[0].limits.converstion: unknown key; did you mean "conversation"?"#,
                ],
            ),
            (
                &CHANNEL.replace("main", "mian"),
                &[
                    r#"13: channel[1].name: "site" is the name of channel[0] already; choose another"#,
                    r#"15: channel[1].ai: there is no [[ai]] named "mian"; did you mean "main"?"#,
                ],
            ),
        ],
    );
    assert_mistakes(
        CHANNEL,
        &[r#"config.toml:4: channel[0].ai: there is no [[ai]] named "main"; add [[ai]] with this name"#],
    );
}

#[test]
fn keys_of_one_kind_of_channel() {
    assert_each(
        &format!("{AI}{CHANNEL}"),
        &[
            (
                "allowed_origns = []\n",
                &[r#"12: channel[0].allowed_origns: unknown key; did you mean "allowed_origins"?"#],
            ),
            (
                "allowed_origins = [\n 'a',\n 'b/',\n 5,\n '${NOPE}' ]",
                &[
                    "14: channel[0].allowed_origins[1]: is not an origin; take the slash off its end",
                    r#"15: channel[0].allowed_origins[2]: expected a string, found a whole number; write it as "…""#,
                    "16: channel[0].allowed_origins[3]: the environment variable NOPE is not set; \
                     set it where the gateway is started",
                ],
            ),
            (
                "allowed_origins = 'a'",
                &[
                    r#"12: channel[0].allowed_origins: expected a list of strings, found a string; write it as ["…"]"#,
                ],
            ),
        ],
    );
    let pager = CHANNEL.replace("web", "pager");
    assert_each(
        &format!("{AI}{pager}"),
        &[
            ("", &["7: channel[0].number: missing; add number = 10"]),
            ("number = 9\nloud = true", &["13: channel[0].loud: 9 is never loud; take another number"]),
            // A key of another kind is as unknown as any other.
            (
                "number = 1\ntitle = 'x'\nloud = 'no'",
                &[
                    "13: channel[0].title: unknown key; take one of \"name\", \"ai\", \"task_id\", \"groups\", \"scope\", \
                     \"limits\", \"on_unknown\", \"typing_cap\", \"notice\", \"notice_after\", \"kind\", \"number\", \"loud\", \"secret\"",
                    "14: channel[0].loud: expected true or false, found a string; write it without quotes",
                ],
            ),
        ],
    );
    // The keys of a kind that nobody knows are not called unknown.
    assert_mistakes(
        &format!("{AI}{}colour = 'red'", CHANNEL.replace("web", "fax")),
        &[r#"config.toml:9: channel[0].kind: "fax" is not known here; take one of "pager", "web""#],
    );
}

#[test]
fn everything_is_said_at_once_in_the_order_of_the_file() {
    let text = "[server]\nlisten = 8080\n[databse]\n[[ai]]\n[[channel]]\ntokn = 1\nkind = 'pager'\n[[channel]]\n[lease]\nttl = '1'";
    assert_mistakes(
        text,
        &[
            r#"config.toml:2: server.listen: expected a string, found a whole number; write it as "127.0.0.1:8080""#,
            r#"config.toml:3: databse: unknown key; did you mean "database"?"#,
            r#"config.toml:4: ai[0].base_url: missing; add base_url = "https://…""#,
            r#"config.toml:4: ai[0].kind: missing; add kind = "selarti""#,
            r#"config.toml:4: ai[0].name: missing; add name = "…""#,
            r#"config.toml:4: ai[0].token: missing; add token = "${NAME}""#,
            r#"config.toml:4: ai[0].webhook_secret: missing; add webhook_secret = "${NAME}""#,
            r#"config.toml:5: channel[0].ai: missing; add ai = "…""#,
            r#"config.toml:5: channel[0].name: missing; add name = "…""#,
            "config.toml:5: channel[0].number: missing; add number = 10",
            r#"config.toml:5: channel[0].task_id: missing; add task_id = "…""#,
            r#"config.toml:6: channel[0].tokn: unknown key; take one of "name", "ai", "task_id", "groups", "scope", "limits", "on_unknown", "typing_cap", "notice", "notice_after", "kind", "number", "loud", "secret""#,
            r#"config.toml:8: channel[1].ai: missing; add ai = "…""#,
            r#"config.toml:8: channel[1].kind: missing; add kind = "pager" or "web""#,
            r#"config.toml:8: channel[1].name: missing; add name = "…""#,
            r#"config.toml:8: channel[1].task_id: missing; add task_id = "…""#,
            r#"config.toml:10: lease.ttl: "1" is not a duration; write it as "30s", "5m" or "24h""#,
        ],
    );
}

#[test]
fn tables_of_the_wrong_shape() {
    assert_each(
        "",
        &[
            (
                "[channel]\nname = 'x'",
                &["1: channel: expected a list of tables, found a table; write [[channel]]"],
            ),
            ("[[server]]\nlisten = 1", &["1: server: expected a table, found a list; write [server]"]),
            ("ai = [1]", &["1: ai[0]: expected a table, found a whole number; write [[ai]]"]),
            ("log = 'json'", &["1: log: expected a table, found a string; write [log]"]),
        ],
    );
}

#[test]
fn what_is_not_toml() {
    assert_each(
        "",
        &[
            (
                "[log]\nformat = = 'json'",
                &["2:10: not valid TOML: extra `=`, expected nothing; correct this line"],
            ),
            (
                "a = 1\na = 2",
                &["2:1: not valid TOML: duplicate key; \
                   give each name once; a section that is repeated is written [[ai]] or [[channel]]"],
            ),
            (
                "[server\n[log]\n# ü\nx = 'ü' 'y'",
                &[
                    "1:8: not valid TOML: unclosed table, expected `]`; correct this line",
                    "4:9: not valid TOML: unexpected key or value, expected newline, `#`; correct this line",
                ],
            ),
        ],
    );
}

#[test]
fn a_file_that_is_not_there() {
    let mistakes =
        Config::load(Path::new("/no/config.toml"), &sources(), &kinds()).expect_err("it is not there");
    assert_eq!(
        mistakes.to_string(),
        "/no/config.toml: cannot be read: entity not found; name the configuration file with --config"
    );
}

/// Secrets in every place that might repeat what it was given.
#[test]
fn no_mistake_shows_a_secret() {
    let mut text = "[server]\nlisten = 'X'\npublic_url = 'X'\nshutdown_timeout = 'X'\n[database]\nurl = 'X'\n\
                    [admin]\nlisten = 'X'\n[log]\nformat = 'X'\nfilter = 'a=X'\n[delivery]\nai_ttl = 'X'\n\
                    [[ai]]\nname = 'X/'\nkind = 'X'\nbase_url = 'https://X:X@X'\ntoken = \"X\\n\"\nwebhook_secret = 'X/X'\n\
                    [[channel]]\nname = 'X!'\nkind = 'X'\nai = 'X'\ngroups = 'X'\nlimits = 'X'\n\
                    [[channel]]\nkind = 'web'\nallowed_origins = ['X/']\n[[channel]]\nkind = 'pager'\nsecret = \"X\\n\""
        .to_owned();
    for (reference, secret) in [("${SECRET}", SECRET), ("${file:/run/secrets/token}", SECRET_IN_FILE)] {
        let mistakes = parse(&text.replace('X', reference)).expect_err("nothing in it is good");
        assert!(mistakes.iter().count() >= 20, "{mistakes}");
        assert!(!format!("{mistakes} {mistakes:?}").contains(secret), "{mistakes}");
    }
    // Where secrets belong, not even what stands in the file itself is shown.
    text = format!(
        "[database]\nurl = '{SECRET}'\n[[ai]]\nbase_url = '{SECRET}'\ntoken = \"{SECRET}\\n\"\nwebhook_secret = '{SECRET}/'"
    );
    let mistakes = parse(&text).expect_err("nothing in it is good");
    assert!(!format!("{mistakes} {mistakes:?}").contains(SECRET), "{mistakes}");
}
