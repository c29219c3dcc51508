//! The benchmark of the Matrix channel: the real gateway on SQLite, a real Synapse, and an AI platform that answers at
//! once, all on this machine. Run it with `cargo xtask bench matrix`.
//!
//! Three measurements: what the gateway costs while nothing happens, how long a round trip takes (from before a person's
//! message is sent until that person's client has the answer), beside one between two people without a gateway, and what
//! memory it has after many messages. Synapse itself does some thirty sends per second, which bounds what is seen here.

#[path = "../telegram/ai.rs"]
mod ai;
mod person;
#[path = "../bench/process.rs"]
mod process;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use switchboard_testkit::{
    port::free_port,
    synapse::{Account, Limits, NewRoom, Peer, SynapseServer},
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use self::{person::Person, process::Program};

/// The secret of a gateway that lives for some minutes.
const WEBHOOK_SECRET: &str = "benchmark-webhook-secret";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Arguments {
    /// How many people there are, each in a direct room with the gateway's account; one more writes encrypted
    #[arg(long, default_value_t = 9)]
    people: usize,
    /// How long nothing happens, in seconds
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// How many round trips one after the other, in a plain room and in the encrypted one
    #[arg(long, default_value_t = 200)]
    alone: usize,
    /// How many round trips of all people at once
    #[arg(long, default_value_t = 1000)]
    together: usize,
}

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let synapse = SynapseServer::launch(Limits::Raised)?;
    let homeserver = synapse.homeserver();
    let bot = homeserver.register("support").await?;
    let directory = TempDir::new()?;
    let (port, ai) = (free_port()?, TcpListener::bind("127.0.0.1:0")?);
    let config = directory.path().join("config.toml");
    fs::write(&config, configuration(port, ai.local_addr()?.port(), &bot, directory.path()))?;
    let tasks = TaskTracker::new();
    ai::serve(ai, format!("http://127.0.0.1:{port}/webhooks/ai/main/{WEBHOOK_SECRET}"), &tasks)?;

    let config = config.to_str().context("an ordinary path")?;
    let ready = format!("http://127.0.0.1:{port}/readyz");
    let gateway = Program::start(&beside("../switchboard")?, &["serve", "--config", config], &ready).await?;
    let mut people = Vec::new();
    for number in 0..arguments.people {
        let account = homeserver.register(&format!("person{number}")).await?;
        let room = account.create_room(&NewRoom::direct(&bot.user_id)).await?;
        people.push(Person::new(account, room, &bot.user_id).await?);
    }
    let peer = Peer::start(&homeserver.register("careful").await?).await?;
    let secret_room = peer.account().create_room(&NewRoom::direct(&bot.user_id).encrypted()).await?;
    peer.meet(&secret_room, &bot.user_id).await?;
    for person in &mut people {
        person.round_trip("hello").await?;
    }
    encrypted(&peer, &secret_room, 1).await?;

    println!("{} rooms, one of them encrypted", people.len() + 1);
    idle(&gateway, arguments.idle).await?;
    report("between two people", bare(homeserver, arguments.alone).await?, None)?;
    let cpu = gateway.cpu_seconds()?;
    let took = alone(&mut people, arguments.alone).await?;
    report("through the gateway", took, Some(gateway.cpu_seconds()? - cpu))?;
    let cpu = gateway.cpu_seconds()?;
    let took = encrypted(&peer, &secret_room, arguments.alone).await?;
    report("through the gateway, encrypted", took, Some(gateway.cpu_seconds()? - cpu))?;
    let (cpu, begin) = (gateway.cpu_seconds()?, Instant::now());
    let took = together(people, arguments.together, &tasks).await?;
    let (count, seconds) = (took.len(), begin.elapsed().as_secs_f64());
    report("all at once", took, Some(gateway.cpu_seconds()? - cpu))?;
    #[expect(clippy::cast_precision_loss, reason = "counts of some minutes")]
    let rate = count as f64 / seconds;
    println!("  {count} round trips in {seconds:.0} s: {rate:.1}/s");
    println!("  memory after all {:.1} MB", gateway.memory_mb()?);
    gateway.stop().await;
    Ok(())
}

async fn idle(gateway: &Program, seconds: u64) -> anyhow::Result<()> {
    let (cpu, written) = (gateway.cpu_seconds()?, gateway.written_bytes()?);
    sleep(Duration::from_secs(seconds)).await;
    println!(
        "  idle for {seconds} s: {:.2} s of CPU, {} bytes written, memory {:.1} MB",
        gateway.cpu_seconds()? - cpu,
        gateway.written_bytes()? - written,
        gateway.memory_mb()?,
    );
    Ok(())
}

/// From one person to another.
async fn bare(
    homeserver: &switchboard_testkit::synapse::Homeserver,
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let (anna, boris) = (homeserver.register("anna").await?, homeserver.register("boris").await?);
    let room = anna.create_room(&NewRoom::direct(&boris.user_id)).await?;
    boris.join(&room).await?;
    let mut boris = Person::new(boris, room.clone(), &anna.user_id).await?;
    let mut took = Vec::new();
    for number in 0..count {
        let begin = Instant::now();
        anna.say(&room, &format!("message {number}")).await?;
        boris.hear(&format!("message {number}")).await?;
        took.push(begin.elapsed());
    }
    Ok(took)
}

async fn alone(people: &mut [Person], count: usize) -> anyhow::Result<Vec<Duration>> {
    let person = people.first_mut().context("there are people")?;
    let mut took = Vec::new();
    for number in 0..count {
        took.push(person.round_trip(&format!("alone {number}")).await?);
    }
    Ok(took)
}

async fn encrypted(peer: &Peer, room: &str, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for number in 0..count {
        let begin = Instant::now();
        peer.say(room, &format!("secret {number}")).await?;
        let answer = timeout(PATIENCE, peer.next_message(room)).await.context("no answer came")?;
        took.push(begin.elapsed());
        ensure!(answer.body() == format!("{}secret {number}", ai::ANSWER), "another answer came");
    }
    Ok(took)
}

async fn together(people: Vec<Person>, count: usize, tasks: &TaskTracker) -> anyhow::Result<Vec<Duration>> {
    let each = count / people.len();
    let tasks: Vec<_> = people
        .into_iter()
        .map(|mut person| {
            tasks.spawn(async move {
                let mut took = Vec::new();
                for number in 0..each {
                    took.push(person.round_trip(&format!("together {number}")).await?);
                }
                anyhow::Ok(took)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

fn report(what: &str, mut took: Vec<Duration>, cpu: Option<f64>) -> anyhow::Result<()> {
    ensure!(!took.is_empty(), "nothing was measured");
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    #[expect(clippy::cast_precision_loss, reason = "counts of some minutes")]
    let cpu = cpu.map(|cpu| format!(", {:.2} s of CPU per 1,000", cpu / took.len() as f64 * 1000.0));
    println!(
        "  {what}: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms{}",
        at(50),
        at(99),
        at(100),
        cpu.unwrap_or_default()
    );
    Ok(())
}

/// A program that was built with this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let examples = std::env::current_exe()?;
    let program = examples.parent().unwrap_or(Path::new(".")).join(name);
    ensure!(program.is_file(), "{} is not there: run cargo xtask bench matrix", program.display());
    Ok(program)
}

fn configuration(port: u16, ai_port: u16, bot: &Account, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"
[server]
listen = "127.0.0.1:{port}"
[database]
url = "sqlite://{directory}/bench.db"
[log]
filter = "warn"
[[ai]]
name = "main"
kind = "selarti"
base_url = "http://127.0.0.1:{ai_port}"
token = "benchmark"
webhook_secret = "{WEBHOOK_SECRET}"
[[channel]]
name = "bench"
kind = "matrix"
ai = "main"
task_id = "1"
homeserver_url = "{}"
user = "{}"
password = "{}"
state_dir = "{directory}/state"
limits = "off"
"#,
        bot.homeserver().base_url(),
        bot.user_id,
        bot.password,
    )
}
