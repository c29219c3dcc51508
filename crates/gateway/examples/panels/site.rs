//! The gateway under measurement with one page, and the AI platform's stand-in.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use switchboard_testkit::port::free_port;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::{
    panel::{Board, MARK},
    process::Program,
};

/// The channel's path.
pub const PATH: &str = "/chat/bench";

/// The secrets of a gateway that lives for a minute.
const WEBHOOK_SECRET: &str = "benchmark-webhook-secret";
const AI_TOKEN: &str = "benchmark-token";

/// How long answers may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A visitor.
#[derive(Clone)]
pub struct Session {
    pub token: String,
    pub visitor: String,
}

pub struct Site {
    pub gateway: Program,
    pub address: SocketAddr,
    program: PathBuf,
    config: String,
    http: Client,
    _sandbox: Program,
    _directory: TempDir,
}

impl Site {
    pub async fn start(program: Option<PathBuf>) -> anyhow::Result<Self> {
        let program = program.map_or_else(switchboard, Ok)?;
        let directory = TempDir::new()?;
        let (port, sandbox_port) = (free_port()?, free_port()?);
        let config = directory.path().join("config.toml");
        let database = directory.path().join("bench.db");
        fs::write(&config, configuration(port, sandbox_port, &format!("sqlite://{}", database.display())))?;
        let sandbox = sandbox(&program, port, sandbox_port).await?;
        let config = config.to_str().context("an ordinary path")?.to_owned();
        let gateway = gateway(&program, &config, port).await?;
        Ok(Self {
            gateway,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            program,
            config,
            http: Client::new(),
            _sandbox: sandbox,
            _directory: directory,
        })
    }

    /// So many new visitors.
    pub async fn sessions(&self, count: usize) -> anyhow::Result<Vec<Session>> {
        let mut sessions = Vec::with_capacity(count);
        while sessions.len() < count {
            let session = self.http.post(self.url("session")).send().await?;
            if session.status() == StatusCode::TOO_MANY_REQUESTS {
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            let session: Value = session.json().await?;
            let text = |field: &str| session[field].as_str().context("a text").map(str::to_owned);
            sessions.push(Session { token: text("token")?, visitor: text("visitor")? });
        }
        Ok(sessions)
    }

    /// Has these visitors write, so that they have chats; the ids of the chats.
    pub async fn chats(&self, writers: &[Session]) -> anyhow::Result<Vec<String>> {
        let mut chats = Vec::with_capacity(writers.len());
        for Session { token, visitor } in writers {
            let body = json!({ "id": Uuid::new_v4(), "text": "hello" });
            let posted = self.http.post(self.url("messages")).bearer_auth(token).json(&body).send().await?;
            ensure!(posted.status().is_success(), "a message: {}", posted.status());
            chats.push(format!("bench:{visitor}"));
        }
        Ok(chats)
    }

    /// Answers the chats in turn, and waits until the answers are on the panels.
    pub async fn answer(&self, chats: &[String], board: &Board, pace: Duration) -> anyhow::Result<()> {
        let url = format!("http://{}/webhooks/ai/main/{WEBHOOK_SECRET}", self.address);
        let mut due = Instant::now();
        for number in 0..board.answers() {
            sleep_until(due).await;
            due += pace;
            let body = json!({
                "external_chat_id": chats[number % chats.len()],
                "message_id": format!("answer-{number}"),
                "message_text": format!("{}{number}.", String::from_utf8_lossy(MARK)),
                "message_type": "bot",
                "task_id": "1",
            });
            board.posted(number, Instant::now());
            let answer = self.http.post(&url).json(&body).send().await?;
            ensure!(answer.status().is_success(), "a webhook: {}", answer.status());
            board.confirmed(number);
        }
        sleep(PATIENCE).await;
        Ok(())
    }

    /// Stops the gateway as a deployment does and starts it again; how long it took to start.
    pub async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.gateway.stop().await;
        self.gateway = gateway(&self.program, &self.config, self.address.port()).await?;
        Ok(self.gateway.started_in)
    }

    fn url(&self, what: &str) -> String {
        format!("http://{}{PATH}/{what}", self.address)
    }
}

async fn gateway(program: &std::path::Path, config: &str, port: u16) -> anyhow::Result<Program> {
    Program::start(program, &["serve", "--config", config], &format!("http://127.0.0.1:{port}/readyz")).await
}

async fn sandbox(program: &std::path::Path, port: u16, sandbox_port: u16) -> anyhow::Result<Program> {
    let listen = format!("127.0.0.1:{sandbox_port}");
    let webhook = format!("http://127.0.0.1:{port}/webhooks/ai/main/{WEBHOOK_SECRET}");
    let arguments =
        ["sandbox", "--listen", &listen, "--token", AI_TOKEN, "--delay", "0", "--webhook-url", &webhook];
    Program::start(program, &arguments, &format!("http://{listen}/panel")).await
}

/// The program that was built beside this one.
fn switchboard() -> anyhow::Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let profile = examples.parent().and_then(|it| it.parent()).context("target/{profile}/examples")?;
    let program = profile.join("switchboard");
    ensure!(program.is_file(), "{} is not there: run cargo xtask bench", program.display());
    Ok(program)
}

fn configuration(port: u16, sandbox_port: u16, database_url: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
[database]
url = "{database_url}"
[log]
filter = "warn"
[[ai]]
name = "main"
kind = "selarti"
base_url = "http://127.0.0.1:{sandbox_port}"
token = "{AI_TOKEN}"
webhook_secret = "{WEBHOOK_SECRET}"
[[channel]]
name = "bench"
kind = "web"
ai = "main"
task_id = "1"
allowed_origins = ["https://www.example.com"]
sessions = {{ burst = 100000, per_second = 100000 }}
"#
    )
}
