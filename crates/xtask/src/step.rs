//! Running one command as a step that says what it is and how long it took.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    // This crate is in crates/xtask.
    manifest.ancestors().nth(2).map(PathBuf::from).unwrap_or(manifest)
}

/// The cargo that runs this, on this workspace.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    command
}

/// Runs `work` as a step with a heading.
#[expect(clippy::disallowed_methods, reason = "the time that a step took is for people to read")]
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("\n=== {name}");
    let start = Instant::now();
    let result = work().with_context(|| format!("step failed: {name}"));
    eprintln!("=== {name}: {:.1} s", start.elapsed().as_secs_f64());
    result
}

/// Runs `command` and fails where it fails. What it prints is seen as it comes.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
