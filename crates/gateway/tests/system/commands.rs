//! The commands, as people and scripts use them.

use std::{fs, process::Output};

use serde_json::{Value, json};
use switchboard_testkit::{process, wait::wait_for};
use tempfile::TempDir;

use crate::support::{Database, PATIENCE, System, WEBHOOK_SECRET};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn check_prints_the_webhook_address() {
    let system = System::start(Database::Sqlite, "").await;
    let output = system.run(&["check"]).await;
    assert!(output.status.success());
    let address = format!("{}/webhooks/ai/main/{WEBHOOK_SECRET}", system.url);
    assert!(stdout(&output).contains(&address), "{}", stdout(&output));
}

#[tokio::test]
async fn check_and_serve_list_all_mistakes_and_exit_with_2() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("bad.toml");
    fs::write(&file, "[server]\nlisten = 8080\n[[channel]]\nname = \"a\"\nkind = \"web\"\ntaskid = \"1\"\n")
        .unwrap();
    for command in ["check", "serve"] {
        let mut program = process::switchboard().unwrap();
        let output = program.args([command, "--config"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}");
        let mistakes = String::from_utf8_lossy(&output.stderr).into_owned();
        for expected in ["bad.toml:2", "listen", "did you mean \"task_id\"?", "ai"] {
            assert!(mistakes.contains(expected), "{command}: no {expected} in {mistakes}");
        }
    }
}

#[tokio::test]
async fn check_names_settings_that_do_not_go_together() {
    let mut system = System::start(Database::Sqlite, "").await;
    system.stop_gateway().await;
    let mut text = fs::read_to_string(&system.config).unwrap();
    text += "\n[[channel]]\nname = \"bot\"\nkind = \"telegram\"\nai = \"main\"\ntask_id = \"task-1\"\n\
        token = \"123456:token\"\nmode = \"webhook\"\n";
    fs::write(&system.config, text).unwrap();
    let output = system.run(&["check"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    let mistakes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(mistakes.contains("channel \"bot\": Telegram calls webhooks by https"), "{mistakes}");
}

#[tokio::test]
async fn two_channels_cannot_share_a_bot() {
    let bot = |name: &str, token: &str| {
        format!(
            "\n[[channel]]\nname = \"{name}\"\nkind = \"telegram\"\nai = \"main\"\ntask_id = \"task-1\"\n\
             token = \"{token}\"\n"
        )
    };
    let channels = bot("first", "123456:token") + &bot("second", "123456:renewed-token");
    let system = System::prepare(Database::Sqlite, &channels).await;
    for command in ["check", "serve"] {
        let output = system.run(&[command]).await;
        assert_eq!(output.status.code(), Some(2), "{command}");
        let mistakes = String::from_utf8_lossy(&output.stderr).into_owned();
        for expected in ["channel \"second\"", "the bot 123456 is that of channel \"first\""] {
            assert!(mistakes.contains(expected), "{command}: {mistakes}");
        }
        assert!(!mistakes.contains("token\""), "{command}: {mistakes}");
    }
}

#[tokio::test]
async fn doctor_is_content_with_a_running_system_and_names_what_is_broken() {
    let mut system = System::start(Database::Sqlite, "").await;
    // It is ready a moment before it has taken its channels.
    let told = wait_for("the doctor to see that a gateway runs the channel", PATIENCE, async || {
        let output = system.run(&["doctor"]).await;
        assert!(output.status.success(), "{}", stdout(&output));
        Some(stdout(&output)).filter(|told| told.contains("a gateway runs it"))
    })
    .await;
    for part in ["database", "AI main", "channel site"] {
        assert!(told.contains(part), "{told}");
    }
    system.stop_gateway().await;
    let text = fs::read_to_string(&system.config).unwrap();
    let base = system.sandbox.base_url();
    fs::write(&system.config, text.replace(base.as_str(), "http://127.0.0.1:1/")).unwrap();
    let output = system.run(&["doctor"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("error"), "{}", stdout(&output));
}

#[tokio::test]
async fn doctor_says_when_the_tables_are_missing() {
    for database in [Database::Sqlite, Database::postgres()] {
        let system = System::prepare(database, "").await;
        let output = system.run(&["doctor"]).await;
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert!(stdout(&output).contains("run `switchboard migrate`"), "{}", stdout(&output));
        assert!(system.run(&["migrate"]).await.status.success());
        let output = system.run(&["doctor"]).await;
        assert!(output.status.success(), "{}", stdout(&output));
    }
}

#[tokio::test]
async fn looking_makes_no_database_that_the_gateway_could_not_open() {
    let system = System::prepare(Database::Sqlite, "").await;
    for command in [&["doctor"][..], &["deliveries", "list"]] {
        let output = system.run(command).await;
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("there is no file"), "{command:?}: {told}");
        assert!(!system.config.with_file_name("test.db").exists(), "{command:?}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_shown_and_discarded() {
    let mut system = System::start(Database::Sqlite, "").await;
    system.sandbox.set_faults(switchboard_sandbox::Faults {
        requests: vec![switchboard_sandbox::RequestFault::always(
            switchboard_sandbox::RequestFaultKind::Status(503),
        )],
        ..Default::default()
    });
    let visitor = system.visitor().await;
    visitor.says("stuck").await;
    system.wait_for_requests(2).await;
    system.stop_gateway().await;
    let list = stdout(&system.run(&["deliveries", "list", "--state", "pending"]).await);
    assert!(list.contains("to_ai") && list.contains(&visitor.chat_id()), "{list}");
    let id = system.deliveries().await[0]["id"].to_string();
    let shown = stdout(&system.run(&["deliveries", "show", &id]).await);
    assert!(shown.contains("stuck") && shown.contains("503"), "{shown}");

    assert!(system.run(&["deliveries", "discard", &id]).await.status.success());
    assert_eq!(system.deliveries().await[0]["state"], "discarded");
    let again = system.run(&["deliveries", "discard", &id]).await;
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("discarded"));
    let missing = system.run(&["deliveries", "show", "999999"]).await;
    assert!(!missing.status.success());

    assert!(system.run(&["deliveries", "retry", &id]).await.status.success());
    system.sandbox.set_faults(switchboard_sandbox::Faults::default());
    system.start_gateway().await;
    wait_for("the retried message to be answered", PATIENCE, async || {
        system.deliveries().await.iter().all(|it| it["state"] == "sent").then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_gateways_on_one_sqlite_file_are_refused() {
    let system = System::start(Database::Sqlite, "").await;
    let text = fs::read_to_string(&system.config).unwrap();
    let port = system.url.rsplit(':').next().unwrap();
    let other = system.config.with_file_name("other.toml");
    fs::write(&other, text.replace(port, "0")).unwrap();
    let mut program = process::switchboard().unwrap();
    let output = program.args(["serve", "--config"]).arg(&other).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("another"), "{error}");
}

#[tokio::test]
async fn the_demo_prints_addresses_that_work() {
    crate::support::install_tls();
    let directory = TempDir::new().unwrap();
    let mut program = process::switchboard().unwrap();
    program.args(["demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--data"]);
    let demo = process::Process::spawn({
        program.arg(directory.path());
        program
    })
    .unwrap();
    let address = async |label: &str| {
        let line = demo.wait_for_line(label, PATIENCE).await;
        line.split_whitespace().last().unwrap().to_owned()
    };
    let page = address("Write as a visitor").await;
    let panel = address("Answer as operator").await;
    demo.wait_for_success(&page, PATIENCE).await;
    demo.wait_for_success(&panel, PATIENCE).await;
    let http = reqwest::Client::new();
    let visitor = crate::support::Visitor::new(http, page).await;
    visitor.says("hello").await;
    let shown = visitor.wait_for_answers(1).await;
    assert!(shown.last().unwrap().html.contains("hello"));
    assert!(directory.path().join("switchboard.db").is_file());
    demo.terminate();
    assert!(demo.wait(PATIENCE).await.success());
}

#[tokio::test]
async fn the_demo_overwrites_no_configuration_of_somebody_s_own() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("config.toml");
    fs::write(&file, "[server]\n").unwrap();
    let mut demo = process::switchboard().unwrap();
    demo.args(["demo", "--listen", "127.0.0.1:0", "--sandbox-listen", "127.0.0.1:0", "--data"]);
    let output = tokio::process::Command::from(demo).arg(directory.path()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--data"), "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "[server]\n");
}

#[tokio::test]
async fn an_identity_is_signed_and_believed() {
    let key = "identity_secret = \"0123456789abcdef0123456789abcdef\"";
    let system = System::start(Database::Sqlite, key).await;
    let arguments = ["identity", "--channel", "site", "--user", "42", "--name", "Ann"];
    let identity = stdout(&system.run(&arguments).await);
    let url = format!("{}/chat/site/session", system.url);
    let session = system.http.post(url).json(&json!({ "identity": identity.trim() })).send().await.unwrap();
    let session: Value = session.json().await.unwrap();
    assert_eq!((&session["visitor"], &session["identified"]), (&json!("user=42"), &json!(true)), "{session}");

    for (arguments, reason) in [
        (&["identity", "--channel", "shop", "--user", "42"][..], "there is no channel \"shop\""),
        (&["identity", "--channel", "site", "--user", ""], "1 to 255 bytes"),
        (&["identity", "--channel", "site", "--user", "42", "--expires", "2d"], "24h at most"),
    ] {
        let output = system.run(arguments).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(reason), "{arguments:?}: {told}");
    }
}

#[tokio::test]
async fn settings_that_would_let_anybody_or_nobody_in_are_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("bad.toml");
    for (setting, expected) in [
        ("identity_secret = \"guess me\"", "identity_secret: is too short"),
        ("previous_identity_secret = \"guess me\"", "previous_identity_secret: is too short"),
        ("sessions_valid_from = \"2999-01-01T00:00:00Z\"", "is in the future"),
        ("sessions_valid_from = \"yesterday\"", "is not a time"),
        ("sessions_ended = { \"user=42\" = \"2999-01-01T00:00:00Z\" }", "is in the future"),
        ("[channel.sessions_ended]\n\"user=42\" = 2026-01-31T12:00:00Z", "found a date or time; write it as"),
        ("[channel.sessions_ended]\n\"a:user=42\" = \"2026-01-31T12:00:00Z\"", "write it as \"user=42\""),
        ("[channel.sessions_ended]\nann = \"2026-01-31T12:00:00Z\"", "sessions_ended.ann: is no visitor"),
    ] {
        fs::write(&file, format!("[[channel]]\nname = \"a\"\nkind = \"web\"\n{setting}\n")).unwrap();
        let mut program = process::switchboard().unwrap();
        let output = program.args(["check", "--config"]).arg(&file).output().unwrap();
        let mistakes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(mistakes.contains(expected) && !mistakes.contains("guess"), "{setting}: {mistakes}");
    }
}
