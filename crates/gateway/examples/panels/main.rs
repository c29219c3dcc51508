//! What open panels cost: the real gateway, and very many pages that are open and idle, all on this
//! machine. Run it with `cargo xtask bench panels`.
//!
//! Prints the gateway's memory without panels, with them and after they were closed; what it
//! computes while nothing happens; how long an answer takes to a panel; and how long it takes
//! until all panels are back after a restart.

mod panel;
#[path = "../bench/process.rs"]
mod process;
mod site;

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{Instant, sleep};

use self::{
    panel::{Board, Panels},
    site::Site,
};

/// How long all panels may take to connect.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many panels have written something, so that they can be answered.
const WRITERS: usize = 100;
/// Between two answers.
const PACE: Duration = Duration::from_millis(20);
/// Until memory that was given up has been given back.
const SETTLE: Duration = Duration::from_secs(3);

#[derive(Parser)]
struct Arguments {
    /// How many panels are open
    #[arg(long, default_value_t = 10_000)]
    panels: usize,
    /// How long to watch the idle gateway, in seconds
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// How many answers are timed
    #[arg(long, default_value_t = 1_000)]
    answers: usize,
    /// The program to measure, instead of the one that was built beside this one
    #[arg(long)]
    program: Option<std::path::PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = Arguments::parse();
    raise_open_files(arguments.panels)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut site = Site::start(arguments.program).await?;
    sleep(SETTLE).await;
    println!("no panels: {:.1} MB", site.gateway.memory_mb()?);

    let sessions = site.sessions(arguments.panels).await?;
    let writers = sessions[..WRITERS.min(sessions.len())].to_vec();
    sleep(SETTLE).await;
    let before = site.gateway.memory_mb()?;
    println!("{} sessions made: {before:.1} MB", sessions.len());

    let board = Arc::new(Board::new(arguments.answers));
    let begun = Instant::now();
    let panels = Panels::open(site.address, sessions, &board);
    board.wait_for(arguments.panels, PATIENCE).await?;
    println!("{} panels open after {:.1} s", arguments.panels, begun.elapsed().as_secs_f64());
    sleep(SETTLE).await;
    report_memory(&site, before, arguments.panels)?;

    report_idle(&site, Duration::from_secs(arguments.idle)).await?;

    let chats = site.chats(&writers).await?;
    site.answer(&chats, &board, PACE).await?;
    board.report_latencies();
    report_memory(&site, before, arguments.panels)?;

    let started_in = site.restart().await?;
    let begun = Instant::now();
    board.wait_for(arguments.panels, PATIENCE).await?;
    println!(
        "restart: the gateway started in {:.1} s; all panels were back {:.1} s later, after {} attempts that \
         failed; {:.2} s of CPU",
        started_in.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        board.failures(),
        site.gateway.cpu_seconds()?
    );
    report_memory(&site, before, arguments.panels)?;
    drop(panels);
    sleep(SETTLE).await;
    println!("panels closed: {:.1} MB", site.gateway.memory_mb()?);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of panels")]
fn report_memory(site: &Site, before: f64, panels: usize) -> anyhow::Result<()> {
    let memory = site.gateway.memory_mb()?;
    println!(
        "with {panels} panels: {memory:.1} MB, {:.1} KB for each",
        (memory - before) * 1024.0 / panels as f64
    );
    Ok(())
}

async fn report_idle(site: &Site, time: Duration) -> anyhow::Result<()> {
    let cpu = site.gateway.cpu_seconds()?;
    sleep(time).await;
    let cpu = site.gateway.cpu_seconds()? - cpu;
    println!("idle for {time:?}: {cpu:.2} s of CPU, {:.2} %", cpu / time.as_secs_f64() * 100.0);
    Ok(())
}

/// A panel is an open file here, and one in the gateway, which inherits the limit.
fn raise_open_files(panels: usize) -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let enough = maximum.is_none_or(|maximum| panels as u64 + 500 <= maximum);
    ensure!(enough, "{panels} panels are more than the {maximum:?} files that may be open here (ulimit -Hn)");
    Ok(())
}
