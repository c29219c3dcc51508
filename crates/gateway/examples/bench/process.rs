//! A program under measurement.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use switchboard_testkit::{
    child::{self, DeathSignal},
    process::Process,
};

/// How many clock ticks `/proc` counts in a second: `sysconf(_SC_CLK_TCK)`, 100 on every Linux of
/// today.
const TICKS: f64 = 100.0;

/// A running program. Ends when dropped.
pub struct Program {
    process: Process,
    /// From its start until it answered.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub started_in: Duration,
}

impl Program {
    /// Starts it.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn spawn(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = child::command(program, DeathSignal::Kill);
        command.args(arguments);
        Ok(Self { process: Process::spawn(command)?, started_in: Duration::ZERO })
    }

    /// Starts it and waits until a GET of `ready` succeeds.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub async fn start(program: &Path, arguments: &[&str], ready: &str) -> anyhow::Result<Self> {
        let mut command = child::command(program, DeathSignal::Kill);
        command.args(arguments);
        #[expect(clippy::disallowed_methods, reason = "this is a measurement")]
        let begin = Instant::now();
        let process = Process::spawn(command)?;
        process.wait_for_success(ready, Duration::from_secs(30)).await;
        Ok(Self { process, started_in: begin.elapsed() })
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub async fn stop(&self) {
        self.process.terminate();
        self.process.wait(Duration::from_mins(1)).await;
    }

    /// The memory that it has in use (resident), in megabytes.
    pub fn memory_mb(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
        let kilobytes: f64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// What it has had written to disks, in bytes.
    #[allow(dead_code, reason = "not every benchmark needs it")]
    pub fn written_bytes(&self) -> anyhow::Result<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.process.id()))?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("write_bytes")?;
        line.trim().parse().context("a number")
    }

    /// The processor time that it has used, in seconds.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(&self.process.id().to_string())
    }
}

/// The processor time that this very program has used, in seconds.
#[allow(dead_code, reason = "not every benchmark needs it")]
pub fn own_cpu_seconds() -> anyhow::Result<f64> {
    cpu_seconds("self")
}

fn cpu_seconds(process: &str) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The fields after the name, which may contain blanks: user and system time are the 12th and 13th of
    // them.
    let Some((_, fields)) = stat.rsplit_once(") ") else { bail!("no name in {stat:?}") };
    let ticks = |at: usize| fields.split(' ').nth(at).context("a field")?.parse::<f64>().context("a number");
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}
