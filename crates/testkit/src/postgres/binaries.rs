//! Where `PostgreSQL`'s programs are on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The oldest major version that the gateway works with.
pub const OLDEST_VERSION: u32 = 15;

/// Names the folder with `postgres`, `initdb` and `psql`, where several versions are installed or none is found.
pub const DIRECTORY_VARIABLE: &str = "SWITCHBOARD_TEST_POSTGRES_BIN";

/// The programs of one installed `PostgreSQL`.
#[derive(Clone, Debug)]
pub struct Binaries {
    directory: PathBuf,
    version: u32,
}

impl Binaries {
    /// Looks in the folder that [`DIRECTORY_VARIABLE`] names; else for the newest of Debian's versions; else in `PATH`.
    pub fn find() -> Result<Self> {
        if let Some(directory) = env::var_os(DIRECTORY_VARIABLE) {
            return Self::in_directory(Path::new(&directory))
                .with_context(|| format!("{DIRECTORY_VARIABLE}={}", directory.display()));
        }
        let debian = installed_by_debian().into_iter().filter_map(|path| Self::in_directory(&path).ok());
        if let Some(newest) = debian.max_by_key(|found| found.version) {
            return Ok(newest);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).find_map(|path| Self::in_directory(&path).ok()).with_context(|| {
            format!(
                "PostgreSQL {OLDEST_VERSION} or newer was not found. On Debian: apt-get install postgresql. \
                 Elsewhere: install it and name its folder of programs in {DIRECTORY_VARIABLE}."
            )
        })
    }

    /// The major version, 15 for instance.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The path of one of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn in_directory(directory: &Path) -> Result<Self> {
        for name in ["postgres", "initdb", "psql"] {
            ensure!(directory.join(name).is_file(), "there is no {name} in {}", directory.display());
        }
        let version = version_of(&directory.join("postgres"))?;
        if version < OLDEST_VERSION {
            bail!("PostgreSQL {version} in {} is older than {OLDEST_VERSION}", directory.display());
        }
        Ok(Self { directory: directory.to_owned(), version })
    }
}

fn installed_by_debian() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|entry| entry.path().join("bin")).collect()
}

/// Reads the major version out of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version_of(postgres: &Path) -> Result<u32> {
    let output = Command::new(postgres).arg("--version").output().context("run postgres --version")?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = line.split_whitespace().nth(2).unwrap_or_default();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("no version in {line:?}"))
}
