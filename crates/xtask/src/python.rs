//! Packages of Python that checks and tests use, each in an environment of its own beside what cargo builds, outside of
//! the repository. They are fetched once.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::requirements::works;
use crate::step::{root, run};

/// The environment that has `package`, given with its exact version, installed with these options of pip.
///
/// Without the network where an earlier run has installed it.
pub fn installed(package: &str, options: &[&str]) -> Result<PathBuf> {
    let environments = target_directory().join("xtask");
    let name = directory_name(package);
    fs::create_dir_all(&environments).with_context(|| format!("make {}", environments.display()))?;
    // Held until this returns: two runs at once must not make the same environment.
    let lock = File::create(environments.join(format!("{name}.lock"))).context("make a lock")?;
    lock.lock().context("wait for another run that installs")?;

    let environment = environments.join(name);
    // Written last: an environment without it is what an interrupted run has left.
    let complete = environment.join("complete");
    // The system's Python, to which it refers, may have become another.
    if complete.exists() && works(environment.join("bin/python"), &["--version"]) {
        return Ok(environment);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut install = Command::new(environment.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(options);
    run(install.arg(package)).with_context(|| format!("install {package} from Python's package index"))?;
    fs::write(complete, "")?;
    Ok(environment)
}

/// `matrix-nio-e2e-0.26.0` for `matrix-nio[e2e]==0.26.0`.
fn directory_name(package: &str) -> String {
    package.replace("==", "-").replace('[', "-").replace(']', "")
}

/// Where cargo puts what it builds, kept from run to run.
pub fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}
