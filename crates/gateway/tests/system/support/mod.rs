//! A gateway with everything around it.

mod questions;
mod visitor;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Once,
    time::Duration,
};

use secrecy::SecretString;
use serde_json::Value;
use switchboard_sandbox::{Handle, Sandbox, SandboxConfig};
use switchboard_testkit::{
    port::free_port,
    postgres::{self, TestDatabase},
    process::{self, Process},
    wait::wait_for,
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    questions::{answered, check_questions, now},
    visitor::{Events, Shown, Visitor},
};

/// How long a test waits for what takes a moment.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The secret in the webhook's address.
pub const WEBHOOK_SECRET: &str = "webhook-secret-0123456789";
/// The token of the AI platform.
pub const AI_TOKEN: &str = "ai-token-0123456789";

/// Installs the TLS provider, once.
pub fn install_tls() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().expect("nobody else installs one");
    });
}

/// Where a gateway stores.
pub enum Database {
    /// A file in the system's own directory.
    Sqlite,
    /// A database that this test made.
    Postgres(TestDatabase),
    /// A database of a server that this test steers itself.
    At(String),
}

impl Database {
    /// A database of its own on the test run's Postgres.
    pub fn postgres() -> Self {
        Self::Postgres(postgres::database().expect("a Postgres for tests"))
    }
}

/// One gateway with its AI platform. Ends with the test.
pub struct System {
    /// `http://…` of the gateway.
    pub url: String,
    /// Steers the AI platform's stand-in.
    pub sandbox: Handle,
    /// The configuration file.
    pub config: PathBuf,
    /// For requests of the test's own.
    pub http: reqwest::Client,
    secrets: Vec<String>,
    process: Option<Process>,
    earlier_output: Vec<String>,
    stop: CancellationToken,
    _tasks: TaskTracker,
    _directory: TempDir,
    _database: Database,
}

impl System {
    /// Starts a gateway over this database; `channel` is added to the configuration of its page
    /// messenger.
    pub async fn start(database: Database, channel: &str) -> Self {
        let mut system = Self::prepare(database, channel).await;
        system.start_gateway().await;
        system
    }

    /// Everything but the gateway itself.
    pub async fn prepare(database: Database, channel: &str) -> Self {
        install_tls();
        let directory = TempDir::new().expect("a directory for temporary files");
        let port = free_port().expect("a free port");
        let url = format!("http://127.0.0.1:{port}");

        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut sandbox = SandboxConfig::new(listen, SecretString::from(AI_TOKEN));
        sandbox.webhook_url =
            Some(format!("{url}/webhooks/ai/main/{WEBHOOK_SECRET}").parse().expect("a url"));
        let sandbox = Sandbox::bind(sandbox).await.expect("a free port");
        let (handle, stop, tasks) = (sandbox.handle(), CancellationToken::new(), TaskTracker::new());
        tasks.spawn(sandbox.run(stop.clone()));

        let database_url = match &database {
            Database::Sqlite => format!("sqlite://{}", directory.path().join("test.db").display()),
            Database::Postgres(database) => database.url().to_owned(),
            Database::At(url) => url.clone(),
        };
        let config = directory.path().join("config.toml");
        let text = configuration(port, &database_url, handle.base_url().as_str(), channel);
        fs::write(&config, text).expect("a new file");
        Self {
            url,
            sandbox: handle,
            config,
            http: reqwest::Client::new(),
            secrets: vec![WEBHOOK_SECRET.to_owned(), AI_TOKEN.to_owned()],
            process: None,
            earlier_output: Vec::new(),
            stop,
            _tasks: tasks,
            _directory: directory,
            _database: database,
        }
    }

    /// The test fails if the gateway prints this, ever.
    pub fn has_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Starts the gateway's process, and waits until it is ready.
    pub async fn start_gateway(&mut self) {
        self.spawn_gateway();
        self.wait_until_ready().await;
    }

    /// Starts the gateway's process.
    pub fn spawn_gateway(&mut self) {
        self.process = Some(Process::spawn(self.command(&["serve"])).expect("the gateway starts"));
    }

    /// Waits until the gateway says that it is ready.
    pub async fn wait_until_ready(&self) {
        self.gateway().wait_for_success(&format!("{}/readyz", self.url), PATIENCE).await;
    }

    /// What the gateway says to whoever asks whether it is ready, over a connection of its own; the
    /// status and the answer.
    pub async fn readiness(&self) -> (u16, Value) {
        let answer = reqwest::get(format!("{}/readyz", self.url)).await.expect("the gateway answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Waits until the gateway shows that this channel is connected.
    pub async fn wait_until_connected(&self, channel: &str) {
        wait_for(&format!("the channel {channel} to be connected"), PATIENCE, async || {
            let (_, body) = self.readiness().await;
            let mut channels = body["channels"].as_array().into_iter().flatten();
            channels.any(|it| it["channel"] == channel && it["state"] == "connected").then_some(())
        })
        .await;
    }

    /// Waits until the gateway shows that this channel is in trouble and is ready all the same: the others work.
    /// Returns what it shows.
    pub async fn wait_until_in_trouble(&self, channel: &str) -> Value {
        wait_for(&format!("the channel {channel} to be in trouble"), PATIENCE, async || {
            let (status, body) = self.readiness().await;
            (status == 200 && troubled(&body) == [channel]).then_some(body)
        })
        .await
    }

    /// A command of the gateway's program with this configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::switchboard().expect("the program was built");
        command.args(arguments).arg("--config").arg(&self.config);
        command
    }

    /// The gateway's process.
    pub fn gateway(&self) -> &Process {
        self.process.as_ref().expect("the gateway runs")
    }

    /// Ends the gateway as `kill -9` does.
    pub async fn kill_gateway(&mut self) {
        let process = self.process.take().expect("the gateway runs");
        process.kill().await;
        self.earlier_output.extend(process.lines());
    }

    /// Asks the gateway to stop, as a service manager does, and expects it to do so cleanly.
    pub async fn stop_gateway(&mut self) {
        let process = self.process.take().expect("the gateway runs");
        process.terminate();
        let status = process.wait(PATIENCE).await;
        self.earlier_output.extend(process.lines());
        assert!(status.success(), "{status}: {:#?}", self.earlier_output);
    }

    /// Everything that the gateway printed, over all its starts.
    pub fn output(&self) -> Vec<String> {
        let now = self.process.as_ref().map(Process::lines).unwrap_or_default();
        self.earlier_output.iter().cloned().chain(now).collect()
    }

    /// A new visitor of the page.
    pub async fn visitor(&self) -> Visitor {
        Visitor::new(self.http.clone(), format!("{}/chat/site", self.url)).await
    }

    /// Posts a webhook as the AI platform would; the status and the answer.
    pub async fn webhook(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/webhooks/ai/main/{WEBHOOK_SECRET}", self.url);
        let answer = self.http.post(url).json(body).send().await.expect("the gateway answers");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Runs a command of the gateway's program to its end, while the AI platform goes on.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let command = self.command(arguments);
        tokio::process::Command::from(command).output().await.expect("the command runs")
    }

    /// The deliveries, newest first, as the command lists them.
    pub async fn deliveries(&self) -> Vec<Value> {
        let output = self.run(&["deliveries", "list", "--limit", "10000", "--json"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("a JSON list")
    }

    /// Waits until the AI platform has been asked so many times.
    pub async fn wait_for_requests(&self, count: usize) {
        let enough = async || (self.sandbox.requests(0).len() >= count).then_some(());
        wait_for(&format!("{count} requests to the AI"), PATIENCE, enough).await;
    }
}

/// The channels that are in trouble.
fn troubled(readiness: &Value) -> Vec<&str> {
    let channels = readiness["channels"].as_array().into_iter().flatten();
    channels.filter(|it| it["trouble"] == true).filter_map(|it| it["channel"].as_str()).collect()
}

impl Drop for System {
    fn drop(&mut self) {
        self.stop.cancel();
        for secret in &self.secrets {
            let leaked = self.output().into_iter().find(|line| line.contains(secret));
            assert!(leaked.is_none() || std::thread::panicking(), "a secret was printed");
        }
    }
}

fn configuration(port: u16, database_url: &str, ai_url: &str, channel: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"

[database]
url = "{database_url}"

[log]
filter = "info,switchboard_engine=debug,switchboard_gateway=debug"

[lease]
ttl = "2s"

[delivery]
retry_min = "50ms"
retry_max = "500ms"

[[ai]]
name = "main"
kind = "selarti"
base_url = "{ai_url}"
token = "{AI_TOKEN}"
webhook_secret = "{WEBHOOK_SECRET}"
timeout = "10s"

[[channel]]
name = "site"
kind = "web"
ai = "main"
task_id = "task-1"
{channel}
"#
    )
}
