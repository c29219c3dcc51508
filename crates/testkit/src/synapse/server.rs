//! The server's process.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;

use super::PYTHON_VARIABLE;
use super::settings::{Limits, Settings};
use super::shared::Homeserver;
use crate::child::{self, Child, DeathSignal};
use crate::directory::ScratchDirectory;
use crate::port::free_port;

/// A server of one's own. Killed and removed with its data when dropped.
///
/// Its start takes two seconds and its life 120 MB, so most tests are better off with [`homeserver`](super::homeserver).
/// All calls block; none needs an async runtime.
#[derive(Debug)]
pub struct SynapseServer {
    python: PathBuf,
    homeserver: Homeserver,
    port: u16,
    child: Option<Child>,
    // After the child, so that the server is gone when its files go.
    directory: ScratchDirectory,
}

impl SynapseServer {
    /// Starts a server without users, from the environment that [`PYTHON_VARIABLE`] names. Returns when it answers.
    pub fn launch(limits: Limits) -> Result<Self> {
        let environment = env::var_os(PYTHON_VARIABLE).with_context(|| {
            format!("{PYTHON_VARIABLE} does not say where Synapse is; use cargo xtask test")
        })?;
        Self::launch_from(Path::new(&environment), limits)
    }

    /// Starts a server without users, from this Python environment. Returns when it answers.
    pub fn launch_from(environment: &Path, limits: Limits) -> Result<Self> {
        let (port, secret) = (free_port()?, random_hex()?);
        let directory = ScratchDirectory::create("synapse")?;
        let settings = Settings { directory: directory.path(), port, secret: &secret, limits };
        settings.write().context("write Synapse's configuration")?;
        let homeserver = Homeserver::new(port, secret);
        let python = environment.join("bin/python");
        let mut server = Self { python, homeserver, port, child: None, directory };
        server.start()?;
        Ok(server)
    }

    /// What its users know of it; the same after every [`start`](Self::start).
    pub fn homeserver(&self) -> &Homeserver {
        &self.homeserver
    }

    /// Starts a stopped server with the data and the port it had; a running one is left alone.
    pub fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut command = child::command(&self.python, DeathSignal::Kill);
        command.args(["-m", "synapse.app.homeserver", "--config-path", "homeserver.yaml"]);
        command.current_dir(self.directory.path());
        // A Ctrl-C at the terminal is for the test run, which kills the server when it is done with it.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let (child, _) =
            Child::spawn(command).with_context(|| format!("start Synapse with {}", self.python.display()))?;
        self.wait_until_ready(&child)?;
        self.child = Some(child);
        Ok(())
    }

    /// Lets it finish what it does, and waits until it is gone. Does nothing where the server is down.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::TERM)
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.end(Signal::KILL)
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        let Some(child) = self.child.take() else { return Ok(()) };
        child.signal(signal);
        child
            .wait(Duration::from_mins(2))
            .with_context(|| format!("Synapse ignored {signal:?} for two minutes"))?;
        Ok(())
    }

    fn wait_until_ready(&self, child: &Child) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(20);
        for _ in 0..3000 {
            if let Some(status) = child.wait(PAUSE) {
                bail!("Synapse ended ({status}) instead of starting: {}", self.log_tail());
            }
            if answers(self.port).unwrap_or(false) {
                return Ok(());
            }
        }
        bail!("Synapse does not answer: {}", self.log_tail())
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("synapse.log")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Whether a client would get an answer. By hand, so that `cargo xtask` needs no HTTP client.
fn answers(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET /_matrix/client/versions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"HTTP/1.1 200")
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
