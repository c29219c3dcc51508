//! The programs that the commands need, and how to get them.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use switchboard_testkit::postgres::{Binaries, OLDEST_VERSION};

use crate::step::{run, step};

/// A program that is not part of the Rust toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The server, its client and `initdb`, in a version the gateway works with.
    Postgres,
    /// The command `sqlite3`.
    Sqlite,
    /// A browser for tests of pages.
    Chromium,
    /// What drives it.
    ChromeDriver,
    /// Python with its `venv` module, in a version for which there are packages of what is installed with it.
    Python,
}

impl Tool {
    /// Debian's package.
    fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Sqlite => "sqlite3",
            Self::Chromium => "chromium",
            Self::ChromeDriver => "chromium-driver",
            Self::Python => "python3-venv",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Postgres => Binaries::find().is_ok(),
            Self::Sqlite => works("sqlite3", &["--version"]),
            Self::Chromium => works("chromium", &["--version"]),
            Self::ChromeDriver => works("chromedriver", &["--version"]),
            Self::Python => {
                let check = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
                works("python3", &["-c", check])
            }
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres => write!(out, "PostgreSQL {OLDEST_VERSION} or newer (postgres, initdb, psql)"),
            Self::Sqlite => write!(out, "the command sqlite3"),
            Self::Chromium => write!(out, "the browser chromium"),
            Self::ChromeDriver => write!(out, "chromedriver"),
            Self::Python => write!(out, "python3, 3.10 or newer, with the modules venv and ensurepip"),
        }
    }
}

/// Tools that are missing and that this process may not or could not install.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct Missing(Vec<Tool>);

impl Missing {
    fn text(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|tool| format!("  - {tool}")).collect();
        let packages: Vec<&str> = self.0.iter().map(|tool| tool.package()).collect();
        format!(
            "this machine lacks:\n{}\nOn Debian or Ubuntu: sudo apt-get install {}\n\
             Elsewhere: install them from where your system takes its programs, and have them in PATH.",
            names.join("\n"),
            packages.join(" "),
        )
    }
}

/// Makes sure that `tools` are there: installs what is missing where we are root and there is `apt-get`.
pub fn require(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    if may_install() {
        install(&missing)?;
    }
    let missing = self::missing(tools);
    if missing.is_empty() { Ok(()) } else { Err(Missing(missing).into()) }
}

/// Whether `program` is there and runs.
pub fn works(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools.iter().copied().filter(|tool| !tool.is_there()).collect()
}

fn may_install() -> bool {
    Path::new("/usr/bin/apt-get").exists() && switchboard_testkit::is_root()
}

fn install(tools: &[Tool]) -> Result<()> {
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package()).collect();
    step(&format!("install {}", packages.join(" ")), || {
        run(apt_get().arg("update"))?;
        run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&packages))
    })
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--quiet"]).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}
