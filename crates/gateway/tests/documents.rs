//! `README.md` and `ARCHITECTURE.md`: what they show works, and what they name exists.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use switchboard_testkit::{
    port::free_port,
    process::{Process, switchboard},
};
use tempfile::TempDir;

/// How long a test waits for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(30);
/// Stands for every secret of a configuration.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The variables that the README's configurations refer to.
const VARIABLES: [&str; 5] =
    ["SELARTI_TOKEN", "SELARTI_WEBHOOK_SECRET", "DB_PASSWORD", "MATRIX_PASSWORD", "MATRIX_PASSPHRASE"];
/// What stands for the token of a bot.
const BOT_TOKENS: [(&str, &str); 2] =
    [("TELEGRAM_TOKEN", "123456:a-token-that-no-bot-has"), ("DISCORD_TOKEN", "a.token-that-no.bot-has")];
/// A channel for the route that only bots have whom Telegram calls. Nobody is there to be registered with.
const BOT: &str = r#"
[[channel]]
name = "bot"
kind = "telegram"
ai = "main"
task_id = "2"
token = "${TELEGRAM_TOKEN}"
api_url = "http://127.0.0.1:9"
mode = "webhook"
"#;
/// How the README has the program run in a container.
const IN_CONTAINER: [(&str, &str); 2] = [
    ("docker compose run --rm gateway ", "switchboard "),
    ("docker compose exec gateway switchboard ", "switchboard "),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks in this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut current: Option<(bool, String)> = None;
    for line in document.lines() {
        current = match (current, line.strip_prefix("```")) {
            (None, None) => None,
            (None, Some(opened)) => Some((opened == language, String::new())),
            (Some((wanted, text)), None) => Some((wanted, text + line + "\n")),
            (Some((wanted, text)), Some(_)) => {
                blocks.extend(Some(text).filter(|_| wanted));
                None
            }
        };
    }
    assert!(current.is_none(), "a code block is not closed");
    blocks
}

/// What stands between backticks, outside of code blocks.
fn code_spans(document: &str) -> Vec<&str> {
    let prose = document.split("```").step_by(2);
    prose.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

/// The section under this heading.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, rest) = document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let level = heading.split(' ').next().expect("a heading begins with its level");
    rest.split(&format!("\n{level} ")).next().expect("a split gives at least one")
}

/// Every source file of the repository, in one text.
fn sources() -> String {
    fn collect(directory: &Path, into: &mut String) {
        for entry in fs::read_dir(directory).expect("a directory of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    let mut text = String::new();
    collect(&root().join("crates"), &mut text);
    text
}

fn with_secrets(mut command: Command) -> Command {
    command.envs(VARIABLES.map(|name| (name, SECRET))).envs(BOT_TOKENS);
    command
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_command_line_is_understood() {
    let mut seen = 0;
    for block in blocks(&read("README.md"), "sh") {
        for line in block.lines() {
            let line =
                IN_CONTAINER.iter().fold(line.to_owned(), |line, (inside, own)| line.replace(inside, own));
            let Some(arguments) = line.strip_prefix("switchboard ") else { continue };
            // Asked for help last, the program reads everything before and does nothing.
            let arguments = arguments.split_whitespace().map(|word| word.trim_matches('"'));
            let output = switchboard().unwrap().args(arguments).arg("--help").output().unwrap();
            assert!(output.status.success(), "{line}\n{}", told(&output));
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} command lines were found");
}

#[test]
fn every_configuration_is_good() {
    let blocks = blocks(&read("README.md"), "toml");
    assert!(blocks.len() >= 2, "only {} configurations were found", blocks.len());
    for block in blocks {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("config.toml");
        fs::write(&file, &block).unwrap();
        let mut check = with_secrets(switchboard().unwrap());
        let output = check.args(["check", "--config"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", told(&output));
    }
}

/// The first configuration is served, and each route of the table asked for.
#[tokio::test]
async fn every_route_is_there() {
    rustls::crypto::ring::default_provider().install_default().expect("nobody else installs one");
    let readme = read("README.md");
    let directory = TempDir::new().unwrap();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let config = blocks(&readme, "toml").remove(0).replace("127.0.0.1:8080", &address);
    fs::write(directory.path().join("config.toml"), config + BOT).unwrap();
    let mut serve = with_secrets(switchboard().unwrap());
    serve.arg("serve").current_dir(directory.path());
    let gateway = Process::spawn(serve).unwrap();
    gateway.wait_for_success(&format!("http://{address}/chat/site"), PATIENCE).await;

    let http = reqwest::Client::new();
    let rows = section(&readme, "### Routes").lines().filter_map(|line| line.strip_prefix("| `"));
    let routes: Vec<_> = rows.filter_map(|row| row.split('`').next()?.split_once(' ')).collect();
    assert!(routes.len() >= 5, "only {routes:?} were found");
    for (method, route) in routes {
        let path = route.replace("telegram/{channel}", "telegram/bot").replace("{channel}", "site");
        let path = path.replace("{ai}", "main").replace("{secret}", SECRET);
        let url = format!("http://{address}{path}");
        let answer = http.request(method.parse().unwrap(), url).send().await.unwrap();
        assert!(![404, 405].contains(&answer.status().as_u16()), "{method} {route}: {}", answer.status());
    }
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    for name in ["README.md", "ARCHITECTURE.md"] {
        let document = read(name);
        let headings: Vec<String> =
            document.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
        for link in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            match link.strip_prefix('#') {
                Some(anchor) => assert!(headings.iter().any(|it| it == anchor), "{name}: no heading {link}"),
                None => assert!(root().join(link).exists(), "{name}: no file {link}"),
            }
        }
    }
}

/// As web sites that show Markdown name a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn what_is_named_exists() {
    let sources = sources();
    let exists =
        |name: &str| sources.contains(&format!("fn {name}(")) || sources.contains(&format!("fn {name}<"));
    for name in ["README.md", "ARCHITECTURE.md"] {
        for span in code_spans(&read(name)) {
            if let Some(function) = span.strip_suffix("()").and_then(|path| path.rsplit("::").next()) {
                assert!(exists(function), "{name}: no function {span}");
            }
            if span.starts_with("crates/") || span.starts_with("migrations/") {
                assert!(root().join(span).exists(), "{name}: no file {span}");
            }
        }
    }
    let readme = read("README.md");
    let tests: Vec<_> = code_spans(section(&readme, "## What is promised"))
        .into_iter()
        .filter(|span| span.matches('_').count() >= 3)
        .collect();
    assert!(tests.len() >= 10, "only {tests:?} were found");
    for test in tests {
        assert!(exists(test), "README.md: no test {test}");
    }
    let telemetry = read("crates/gateway/src/telemetry.rs");
    for metric in code_spans(&readme).into_iter().filter(|span| span.starts_with("switchboard_")) {
        let name = metric.split('{').next().expect("a split gives at least one");
        assert!(telemetry.contains(&format!("\"{name}\"")), "README.md: no metric {name}");
    }
}

#[test]
fn the_example_is_the_one_that_is_compiled() {
    let compiled = read("crates/gateway/src/lib.rs").replace("//! ", "");
    let blocks = blocks(&read("README.md"), "rust");
    assert_eq!(blocks.len(), 1);
    assert!(compiled.contains(&blocks[0]), "crates/gateway/src/lib.rs has another example");
}

#[test]
fn the_map_is_short_and_has_every_crate() {
    let architecture = read("ARCHITECTURE.md");
    assert!(architecture.lines().count() <= 150, "{} lines", architecture.lines().count());
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(architecture.contains(&format!("| `crates/{name}` |")), "the code map has no crates/{name}");
    }
}
