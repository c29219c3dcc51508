//! A program under test as a child process: its output captured, its end in the test's hands.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;

use crate::child::{self, Child, DeathSignal};
use crate::wait::wait_for;

/// Names the `switchboard` to test, where it is not the one beside the tests.
pub const PROGRAM_VARIABLE: &str = "SWITCHBOARD_TEST_PROGRAM";

/// A command for the `switchboard` that was built with the tests: `target/debug/switchboard`.
///
/// The test run must have built it, as `cargo xtask test` does.
pub fn switchboard() -> Result<Command> {
    let program = match env::var_os(PROGRAM_VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => beside_the_tests()?,
    };
    ensure!(
        program.is_file(),
        "{} is not there: cargo build -p switchboard-gateway, or cargo xtask test",
        program.display()
    );
    Ok(child::command(program, DeathSignal::Kill))
}

/// Test executables are in `target/{profile}/deps`, programs in `target/{profile}`.
fn beside_the_tests() -> Result<PathBuf> {
    let test = env::current_exe().context("find the test's own executable")?;
    let profile = test.parent().and_then(|deps| deps.parent()).context("the folder of the built programs")?;
    Ok(profile.join("switchboard"))
}

/// A running program. Killed when dropped; if the test fails, what it printed is shown.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Lines,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Process {
    /// Starts `command`, which comes from [`switchboard`] or [`child::command`], and captures its output.
    pub fn spawn(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = command.get_program().to_owned();
        let (child, pipes) = Child::spawn(command).with_context(|| format!("start {}", program.display()))?;
        let lines = Lines::default();
        if let Some(stdout) = pipes.stdout {
            capture(stdout, &lines);
        }
        if let Some(stderr) = pipes.stderr {
            capture(stderr, &lines);
        }
        Ok(Self { child, lines })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far, on both outputs, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has printed a line with `text` in it, and returns that line. Panics after `limit`.
    pub async fn wait_for_line(&self, text: &str, limit: Duration) -> String {
        let find = async || self.lines().into_iter().find(|line| line.contains(text));
        wait_for(&format!("a line with {text:?}"), limit, find).await
    }

    /// Waits until a GET of `url`, plain http, is answered with success. Panics after `limit`.
    pub async fn wait_for_success(&self, url: &str, limit: Duration) {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let get = async || {
            let answer = client.get(url.parse().expect("the test names a url")).await.ok()?;
            answer.status().is_success().then_some(())
        };
        wait_for(&format!("{url} to answer with success"), limit, get).await;
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub async fn kill(&self) -> ExitStatus {
        self.child.signal(Signal::KILL);
        // One that waits for a slow disk ends when the disk has answered.
        self.wait(Duration::from_mins(1)).await
    }

    /// Asks it to end, as a service manager does. [`wait`](Self::wait) tells how it ended.
    pub fn terminate(&self) {
        self.child.signal(Signal::TERM);
    }

    /// Waits until it has ended. Panics after `limit`.
    pub async fn wait(&self, limit: Duration) -> ExitStatus {
        wait_for("the program to end", limit, async || self.child.wait(Duration::ZERO)).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- what process {} printed:\n{}\n---", self.id(), self.lines().join("\n"));
        }
    }
}

fn capture(output: impl Read + Send + 'static, lines: &Lines) {
    let lines = Arc::clone(lines);
    // Ends with the output, that is with the program and all that inherited the output from it.
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}
