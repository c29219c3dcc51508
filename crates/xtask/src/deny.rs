//! What code of other people is taken: `deny.toml` says what may be, and cargo-deny looks whether it is so.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::python::target_directory;
use crate::requirements::works;
use crate::step::{cargo, root, run, step};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks licences, sources and banned crates. Advisories are not checked: they change without a change of ours.
pub fn check() -> Result<()> {
    let program = installed()?;
    step("licences and sources of dependencies", || {
        let checks = ["--locked", "check", "bans", "licenses", "sources"];
        run(Command::new(program).current_dir(root()).args(checks))
    })
}

/// Builds cargo-deny where it is not there yet, which takes a minute or two, once: it is kept beside what cargo builds.
fn installed() -> Result<PathBuf> {
    let directory = target_directory().join("xtask").join(format!("cargo-deny-{VERSION}"));
    let program = directory.join("bin").join("cargo-deny");
    if !works(&program, &["--version"]) {
        step("install cargo-deny", || {
            let build = directory.join("build");
            // Unoptimized it is built in half the time, and is quick enough.
            let options = ["--version", VERSION, "--locked", "--debug", "--root"];
            let mut install = cargo(&["install", "cargo-deny"]);
            run(install.args(options).arg(&directory).arg("--target-dir").arg(&build))?;
            fs::remove_dir_all(&build).with_context(|| format!("remove {}", build.display()))
        })?;
    }
    Ok(program)
}
