//! The benchmark: the real gateway, a real database, the sandbox without delay, and visitors on the
//! page messenger, all on this machine. Run it with `cargo xtask bench`.
//!
//! Two measurements: how many round trips per second are possible (every visitor writes again as
//! soon as the answer is there), and how long a round trip takes at a steady rate (from when the
//! message should have been sent to when its answer is on the page).

mod load;
mod process;

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use switchboard_testkit::{port::free_port, postgres::PostgresServer};
use tempfile::TempDir;

use self::process::Program;

/// The secrets of a gateway that lives for a minute.
const WEBHOOK_SECRET: &str = "benchmark-webhook-secret";
const AI_TOKEN: &str = "benchmark-token";

#[derive(Parser)]
struct Arguments {
    /// Where the gateway stores
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// How many visitors write
    #[arg(long, default_value_t = 100)]
    visitors: usize,
    /// How long each measurement lasts, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// The steady rates, in messages per second
    #[arg(long, value_delimiter = ',', default_values_t = [50_u32, 100, 200])]
    rates: Vec<u32>,
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
    let directory = TempDir::new()?;
    let (server, url) = match arguments.store {
        StoreKind::Sqlite => (None, format!("sqlite://{}", directory.path().join("bench.db").display())),
        StoreKind::Postgres => {
            let server = PostgresServer::launch()?;
            let database = server.create_database()?;
            let url = database.url().to_owned();
            (Some((database, server)), url)
        }
    };
    let (port, sandbox_port) = (free_port()?, free_port()?);
    let config = directory.path().join("config.toml");
    fs::write(&config, configuration(port, sandbox_port, &url))?;
    let switchboard = switchboard()?;
    let sandbox = Program::start(
        &switchboard,
        &[
            "sandbox",
            "--listen",
            &format!("127.0.0.1:{sandbox_port}"),
            "--token",
            AI_TOKEN,
            "--delay",
            "0",
            "--webhook-url",
            &format!("http://127.0.0.1:{port}/webhooks/ai/main/{WEBHOOK_SECRET}"),
        ],
        &format!("http://127.0.0.1:{sandbox_port}/panel"),
    )
    .await?;
    let config = config.to_str().context("an ordinary path")?;
    let ready = format!("http://127.0.0.1:{port}/readyz");
    let gateway = Program::start(&switchboard, &["serve", "--config", config], &ready).await?;
    println!("store {:?}, {} visitors", arguments.store, arguments.visitors);
    println!("started in {:?}", gateway.started_in);
    // Whatever the allocator gives back, it has given back by then.
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("idle memory {:.1} MB", gateway.memory_mb()?);

    let base = format!("http://127.0.0.1:{port}/chat/bench");
    let visitors = load::visitors(&base, arguments.visitors).await?;
    let time = Duration::from_secs(arguments.seconds.into());
    load::drain(&visitors, Duration::from_secs(2)).await;
    let cpu = gateway.cpu_seconds()?;
    let count = load::drain(&visitors, time).await;
    report_throughput(count, time, gateway.cpu_seconds()? - cpu);
    for rate in arguments.rates {
        let cpu = gateway.cpu_seconds()?;
        let latencies = load::steady(&visitors, rate, arguments.seconds).await;
        report_latency(rate, latencies, gateway.cpu_seconds()? - cpu)?;
    }
    println!("memory after it {:.1} MB", gateway.memory_mb()?);
    gateway.stop().await;
    drop((gateway, sandbox, server));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
fn report_throughput(count: usize, time: Duration, cpu: f64) {
    let (count, seconds) = (count as f64, time.as_secs_f64());
    println!("{:.0} round trips/s, {:.2} s of CPU per 1,000", count / seconds, cpu / count * 1000.0);
}

#[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
fn report_latency(rate: u32, mut latencies: Vec<Duration>, cpu: f64) -> anyhow::Result<()> {
    ensure!(!latencies.is_empty(), "no answer came at {rate}/s");
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!(
        "{rate}/s: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, {:.2} s of CPU per 1,000 ({} answers)",
        at(50),
        at(99),
        at(100),
        cpu / latencies.len() as f64 * 1000.0,
        latencies.len(),
    );
    Ok(())
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
flood = {{ burst = 100000, per_second = 100000 }}
"#
    )
}
