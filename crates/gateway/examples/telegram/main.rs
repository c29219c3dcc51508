//! The benchmark of the Telegram channel: the real gateway, a real database, a stand-in for Telegram and
//! an AI platform that answers at once, all on this machine; and beside it, over the same stand-in, a
//! bare bot that stores nothing. Run it with `cargo xtask bench telegram`.
//!
//! Two measurements: how fast waiting updates become answers (a backlog after downtime), and how long
//! an answer takes at a steady rate, from when the message was written to when Telegram has its answer.

mod ai;
#[path = "../bench/process.rs"]
mod process;

use std::{
    collections::HashMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use switchboard_testkit::{
    port::free_port,
    postgres::PostgresServer,
    telegram::{Bot, FakeTelegram, Sent, User},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::TaskTracker;

use self::process::Program;

/// The secrets of a gateway that lives for a minute.
const WEBHOOK_SECRET: &str = "benchmark-webhook-secret";
const GATEWAY_TOKEN: &str = "1:benchmark-gateway-0123456789abcdefghi";
const BARE_TOKEN: &str = "2:benchmark-bare-bot-0123456789abcdefghi";
/// How long the last answer may take.
const PATIENCE: Duration = Duration::from_mins(5);

#[derive(Parser)]
struct Arguments {
    /// Where the gateway stores
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// How many updates wait when the bot starts
    #[arg(long, default_value_t = 20_000)]
    updates: usize,
    /// How many people wrote them, each in a chat of their own
    #[arg(long, default_value_t = 1000)]
    chats: usize,
    /// How long each steady rate is held, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// The steady rates, in messages per second
    #[arg(long, value_delimiter = ',', default_values_t = [50_u32, 200, 1000])]
    rates: Vec<u32>,
    /// How many deliveries are under way at once (`delivery.in_flight`)
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Leave the bare bot out
    #[arg(long)]
    no_bare_bot: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StoreKind {
    Sqlite,
    Postgres,
}

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let telegram = FakeTelegram::start().await?;
    println!("{} updates from {} chats", arguments.updates, arguments.chats);
    if !arguments.no_bare_bot {
        println!("\na bare bot, which stores nothing");
        let crowd = Crowd::waiting(&telegram, BARE_TOKEN, &arguments);
        let url = telegram.url();
        crowd.measure(&arguments, async || Program::spawn(&beside("bare_bot")?, &[&url, BARE_TOKEN])).await?;
    }
    println!("\nthe gateway on {:?}", arguments.store);
    gateway(&telegram, &arguments).await
}

async fn gateway(telegram: &FakeTelegram, arguments: &Arguments) -> anyhow::Result<()> {
    let directory = TempDir::new()?;
    let (database, url) = match arguments.store {
        StoreKind::Sqlite => (None, format!("sqlite://{}", directory.path().join("bench.db").display())),
        StoreKind::Postgres => {
            let server = PostgresServer::launch()?;
            let database = server.create_database()?;
            let url = database.url().to_owned();
            (Some((database, server)), url)
        }
    };
    let port = free_port()?;
    let ai = TcpListener::bind("127.0.0.1:0")?;
    let config = directory.path().join("config.toml");
    fs::write(
        &config,
        configuration(port, ai.local_addr()?.port(), &url, &telegram.url(), arguments.in_flight),
    )?;
    let tasks = TaskTracker::new();
    ai::serve(ai, format!("http://127.0.0.1:{port}/webhooks/ai/main/{WEBHOOK_SECRET}"), &tasks)?;

    let crowd = Crowd::waiting(telegram, GATEWAY_TOKEN, arguments);
    let config = config.to_str().context("an ordinary path")?;
    let gateway = || Program::spawn(&beside("../switchboard")?, &["serve", "--config", config]);
    crowd.measure(arguments, async || gateway()).await?;
    drop(database);
    Ok(())
}

/// People who write to one bot.
struct Crowd {
    bot: Bot,
    people: Vec<User>,
    /// What each was written, in order.
    written: Vec<Vec<String>>,
}

impl Crowd {
    /// All of the updates wait, everybody's in turn.
    fn waiting(telegram: &FakeTelegram, token: &str, arguments: &Arguments) -> Self {
        let bot = telegram.bot(token);
        bot.throttled(false);
        let people: Vec<User> =
            (0..arguments.chats).map(|number| bot.user(&format!("User {number}"))).collect();
        let written = vec![Vec::new(); people.len()];
        let mut crowd = Self { bot, people, written };
        for number in 0..arguments.updates {
            crowd.write(number);
        }
        crowd
    }

    /// The next person writes.
    fn write(&mut self, number: usize) -> (i64, String) {
        let at = number % self.people.len();
        let text = format!("message {number} of a person who would like to know something");
        self.people[at].sends(&text);
        self.written[at].push(text.clone());
        (self.people[at].id(), text)
    }

    async fn measure(
        mut self,
        arguments: &Arguments,
        start: impl AsyncFnOnce() -> anyhow::Result<Program>,
    ) -> anyhow::Result<()> {
        let mut number = arguments.updates;
        let own = process::own_cpu_seconds()?;
        let program = start().await?;
        let all = self.answers(number).await?;
        let calls = self.bot.calls("getUpdates");
        let begin = calls.first().context("nothing was polled")?.at;
        let took = all.last().context("nothing was sent")?.at - begin;
        report_drain(number, took, program.cpu_seconds()?, process::own_cpu_seconds()? - own);
        println!("  memory after it {:.1} MB", program.memory_mb()?);
        for &rate in &arguments.rates {
            let cpu = program.cpu_seconds()?;
            let begin = Instant::now();
            let mut due = HashMap::new();
            for step in 0..rate * arguments.seconds {
                let at = begin + Duration::from_secs(1) * step / rate;
                sleep_until(at).await;
                due.insert(self.write(number), at);
                number += 1;
            }
            let sent = self.answers(number).await?;
            let took = sent[number - due.len()..].iter().map(|sent| {
                let question = (sent.chat_id, question(sent).to_owned());
                sent.at - due[&question]
            });
            report_latency(rate, took.collect(), program.cpu_seconds()? - cpu)?;
        }
        println!("  memory after all {:.1} MB", program.memory_mb()?);
        self.check()?;
        program.stop().await;
        Ok(())
    }

    /// Waits until so many answers were sent in all.
    async fn answers(&self, count: usize) -> anyhow::Result<Vec<Sent>> {
        let deadline = Instant::now() + PATIENCE;
        while self.bot.sent_count() < count {
            ensure!(Instant::now() < deadline, "only {} of {count} answers came", self.bot.sent_count());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(self.bot.sent())
    }

    /// Everybody got an answer to everything, once, in order, and nothing else.
    fn check(&self) -> anyhow::Result<()> {
        let mut got: HashMap<i64, Vec<String>> = HashMap::new();
        for sent in self.bot.sent() {
            got.entry(sent.chat_id).or_default().push(question(&sent).to_owned());
        }
        for (person, written) in self.people.iter().zip(&self.written) {
            let answered = got.remove(&person.id()).unwrap_or_default();
            ensure!(answered == *written, "the answers to {} are not those to what was written", person.id());
        }
        ensure!(got.is_empty(), "somebody got an answer who wrote nothing");
        println!("  nothing lost, doubled, misplaced or out of order");
        Ok(())
    }
}

/// What is answered.
fn question(sent: &Sent) -> &str {
    sent.text().trim_start_matches(ai::ANSWER)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
fn report_drain(count: usize, took: Duration, cpu: f64, own: f64) {
    let thousands = count as f64 / 1000.0;
    println!(
        "  drained {count} in {:.1} s: {:.0}/s, {:.2} s of CPU per 1,000 (and {:.2} s here, for Telegram and the AI)",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        cpu / thousands,
        own / thousands,
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
fn report_latency(rate: u32, mut latencies: Vec<Duration>, cpu: f64) -> anyhow::Result<()> {
    ensure!(!latencies.is_empty(), "no answer came at {rate}/s");
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "  {rate}/s: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, {:.2} s of CPU per 1,000",
        at(50),
        at(99),
        at(100),
        cpu / latencies.len() as f64 * 1000.0,
    );
    Ok(())
}

/// A program that was built with this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let program = examples.parent().unwrap_or(Path::new(".")).join(name);
    ensure!(program.is_file(), "{} is not there: run cargo xtask bench telegram", program.display());
    Ok(program)
}

fn configuration(port: u16, ai_port: u16, database_url: &str, api_url: &str, in_flight: usize) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
[database]
url = "{database_url}"
[log]
filter = "warn"
[delivery]
in_flight = {in_flight}
[[ai]]
name = "main"
kind = "selarti"
base_url = "http://127.0.0.1:{ai_port}"
token = "benchmark"
webhook_secret = "{WEBHOOK_SECRET}"
[[channel]]
name = "bench"
kind = "telegram"
ai = "main"
task_id = "1"
token = "{GATEWAY_TOKEN}"
api_url = "{api_url}"
limits = "off"
"#
    )
}
