//! Packages of Python that checks and tests use, each in an environment of its own beside what cargo builds, outside of
//! the repository. They are fetched once.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::step::{root, run};

/// The environment that has `package`, given with its exact version, installed with these options of pip.
pub fn installed(package: &str, options: &[&str]) -> Result<PathBuf> {
    let environment = target_directory().join("xtask").join(directory_name(package));
    // Written last: an environment without it is what an interrupted run has left.
    let complete = environment.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut install = Command::new(environment.join("bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check"]).args(options).arg(package);
        run(&mut install)?;
        std::fs::write(complete, "")?;
    }
    Ok(environment)
}

/// `matrix-nio-e2e-0.26.0` for `matrix-nio[e2e]==0.26.0`.
fn directory_name(package: &str) -> String {
    package.replace("==", "-").replace('[', "-").replace(']', "")
}

/// Where cargo puts what it builds, kept from run to run.
fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}
