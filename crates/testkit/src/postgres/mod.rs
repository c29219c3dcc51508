//! A real `PostgreSQL` for tests, with fsync on, in a temporary directory on a free loopback port.
//!
//! A test that stores something calls [`database`] and gets an empty database of its own. A test that takes the server
//! away launches its own [`PostgresServer`]. All calls block; none needs an async runtime.

mod binaries;
mod database;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;

pub use binaries::{Binaries, DIRECTORY_VARIABLE, OLDEST_VERSION};
pub use database::{SERVER_VARIABLE, TestDatabase, database, execute, psql};

use crate::child::{self, Child, DeathSignal};
use crate::directory::ScratchDirectory;
use crate::port::free_port;

/// A server of one's own. Stopped and removed with its data when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: Binaries,
    account: Option<Account>,
    port: u16,
    password: String,
    child: Option<Child>,
    // After the child, so that the server is gone when its files go.
    directory: ScratchDirectory,
}

impl PostgresServer {
    /// Makes an empty cluster and starts it. Returns when it takes connections.
    pub fn launch() -> Result<Self> {
        let mut server = Self {
            binaries: Binaries::find()?,
            account: Account::for_server()?,
            port: free_port()?,
            password: random_hex()?,
            child: None,
            directory: ScratchDirectory::create("postgres")?,
        };
        server.init().context("make a PostgreSQL cluster")?;
        server.start()?;
        Ok(server)
    }

    /// The superuser's url; the same after every [`start`](Self::start).
    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// An empty database on this server.
    pub fn create_database(&self) -> Result<TestDatabase> {
        TestDatabase::create(&self.url())
    }

    /// Starts a stopped server with the data and the port it had; a running one is left alone.
    pub fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut command = self.command("postgres", DeathSignal::Quit);
        command.arg("-D").arg(self.data_path());
        command.args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "fsync=on",
            "full_page_writes=on",
            "synchronous_commit=on",
            "logging_collector=off",
        ] {
            command.args(["-c", setting]);
        }
        // A Ctrl-C at the terminal is for the test run, which stops the server when it is done with it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let (child, _) = Child::spawn(command).context("start postgres")?;
        self.wait_until_ready(&child)?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends all connections and shuts down in order. Does nothing where the server is down.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::INT)
    }

    /// Ends as a crash would: at once, without a checkpoint. The next start recovers from the log.
    pub fn kill(&mut self) -> Result<()> {
        // SIGKILL would leave its workers behind for a moment, and with them a lock that refuses the next start.
        self.end(Signal::QUIT)
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        let Some(child) = self.child.take() else { return Ok(()) };
        child.signal(signal);
        child
            .wait(Duration::from_mins(2))
            .with_context(|| format!("postgres ignored {signal:?} for two minutes"))?;
        Ok(())
    }

    fn init(&self) -> Result<()> {
        let password_path = self.directory.path().join("password");
        fs::write(&password_path, &self.password)?;
        if let Some(account) = self.account {
            chown(self.directory.path(), Some(account.uid), Some(account.gid))?;
            chown(&password_path, Some(account.uid), Some(account.gid))?;
        }
        // What initdb writes need not survive a crash of this machine, so it does not wait for the disk.
        let mut command = self.command("initdb", DeathSignal::Kill);
        command.args(["--username=postgres", "--encoding=UTF8", "--no-locale", "--auth=scram-sha-256"]);
        command.args(["--no-sync", "--no-instructions"]);
        command.arg("--pwfile").arg(password_path).arg("-D").arg(self.data_path());
        let output = command.output().context("run initdb")?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn command(&self, program: &str, signal: DeathSignal) -> Command {
        let mut command = child::command(self.binaries.program(program), signal);
        command.current_dir(self.directory.path());
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn wait_until_ready(&self, child: &Child) -> Result<()> {
        const PAUSE: Duration = Duration::from_millis(20);
        // A server that recovers from a crash refuses connections until it has replayed its log.
        for _ in 0..3000 {
            if let Some(status) = child.wait(PAUSE) {
                bail!("postgres ended ({status}) instead of starting: {}", self.log_tail());
            }
            let listens = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            if listens && execute(&self.url(), "SELECT 1").is_ok() {
                return Ok(());
            }
        }
        bail!("postgres takes no connections: {}", self.log_tail())
    }

    fn data_path(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("postgres.log")
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // The quickest end that still lets the server end its own children; the data go next.
        let _ = self.kill();
    }
}

/// The account that the server runs under where we are root, since it refuses to run as root.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn for_server() -> Result<Option<Self>> {
        if !crate::is_root() {
            return Ok(None);
        }
        let found = ["postgres", "nobody"].into_iter().find_map(Self::named);
        found.map(Some).context("PostgreSQL does not run as root, and there is no user postgres or nobody")
    }

    fn named(user: &str) -> Option<Self> {
        let id = |flag: &str| {
            let output = Command::new("id").args([flag, user]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { uid: id("-u")?, gid: id("-g")? })
    }
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
