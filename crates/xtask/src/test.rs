//! `cargo xtask test`: every test, on real servers, with one command on a fresh machine.

use std::env;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use switchboard_testkit::axe::AXE_VARIABLE;
use switchboard_testkit::postgres::{self, PostgresServer};
use switchboard_testkit::synapse::{Limits, PEER_VARIABLE, PYTHON_VARIABLE, SERVER_VARIABLE, SynapseServer};

use crate::requirements::{Tool, require, works};
use crate::step::{cargo, root, run, step};
use crate::{axe, synapse};

/// How many tests nextest runs at the same time, where it is not told by `-j`.
const THREADS_VARIABLE: &str = "NEXTEST_TEST_THREADS";

/// Builds `switchboard` and runs the tests on a `PostgreSQL` and a Synapse that it starts for the run.
///
/// `arguments` go to the test runner: `-p switchboard-web some_filter`. Without any, everything is tested.
pub fn test(arguments: &[String]) -> Result<()> {
    require(&[Tool::Postgres, Tool::Chromium, Tool::ChromeDriver, Tool::Python])?;
    // A Ctrl-C also reaches the test runner, which ends; then this function ends, and the server with it.
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::new(AtomicBool::new(false)))?;

    let everything = arguments.is_empty();
    step("build", || run(&mut build(everything)))?;
    if everything {
        documentation_examples()?;
    }
    let axe = step("fetch axe-core", axe::script)?;
    let python = step("fetch Synapse", synapse::homeserver)?;
    let peer = step("fetch matrix-nio", synapse::client)?;
    let postgres = step("start PostgreSQL", PostgresServer::launch)?;
    let synapse = step("start Synapse", || SynapseServer::launch_from(&python, Limits::Raised))?;
    let mut runner = runner(arguments);
    // Most tests of the whole program wait, for a server or for time to pass.
    if env::var_os(THREADS_VARIABLE).is_none() {
        let threads = 2 * available_parallelism().map_or(1, NonZero::get);
        runner.env(THREADS_VARIABLE, threads.to_string());
    }
    runner.env(postgres::SERVER_VARIABLE, postgres.url()).env(AXE_VARIABLE, axe);
    runner.env(SERVER_VARIABLE, synapse.homeserver().to_variable());
    runner.env(PYTHON_VARIABLE, &python).env(PEER_VARIABLE, peer);
    step("test", || run(&mut runner))
}

/// Tests start the program that they find beside themselves, so it is built first.
fn build(everything: bool) -> Command {
    if everything {
        // Together with the tests, since alone it would be built with other features of its dependencies: twice.
        cargo(&["build", "--workspace", "--tests", "--bin", "switchboard"])
    } else {
        cargo(&["build", "--package", "switchboard-gateway"])
    }
}

fn runner(arguments: &[String]) -> Command {
    let mut command = if works("cargo-nextest", &["nextest", "--version"]) {
        cargo(&["nextest", "run"])
    } else {
        eprintln!("cargo-nextest is not there, so this is the slower cargo test.");
        eprintln!("To install it: cargo install cargo-nextest --locked");
        cargo(&["test"])
    };
    let chooses_packages = arguments.iter().any(|argument| {
        argument.starts_with("-p") || argument.starts_with("--package") || argument == "--workspace"
    });
    if !chooses_packages {
        command.arg("--workspace");
    }
    command.args(arguments);
    command
}

/// Runs the examples in the documentation, which nextest does not, of the crates that have some.
fn documentation_examples() -> Result<()> {
    let mut command = cargo(&["test", "--doc", "--quiet"]);
    let mut found = false;
    let crates = root().join("crates");
    for entry in fs::read_dir(&crates).with_context(|| format!("read {}", crates.display()))? {
        let entry = entry?;
        if has_examples(&entry.path().join("src"))? {
            found = true;
            command.arg(format!("--package=switchboard-{}", entry.file_name().to_string_lossy()));
        }
    }
    if found { step("examples in the documentation", || run(&mut command)) } else { Ok(()) }
}

fn has_examples(directory: &Path) -> Result<bool> {
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_examples(&path)?
        } else {
            fs::read_to_string(&path).is_ok_and(|text| opens_an_example(&text))
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a documentation comment opens a block of Rust: one without a language, or with one of rustdoc's own words.
fn opens_an_example(source: &str) -> bool {
    let mut in_block = false;
    for line in source.lines() {
        let comment = line.trim_start();
        let text = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
        let Some(language) = text.and_then(|text| text.trim_start().strip_prefix("```")) else { continue };
        in_block = !in_block;
        let first = language.split(',').next().unwrap_or_default().trim();
        if in_block && matches!(first, "" | "rust" | "no_run" | "should_panic" | "compile_fail") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::opens_an_example;

    #[test]
    fn only_blocks_of_rust_are_examples() {
        for (source, expected) in [
            ("/// ```\n/// let x = 1;\n/// ```", true),
            ("//! ```no_run\n//! x();\n//! ```", true),
            ("    /// ```rust,ignore\n    /// ```", true),
            ("//! ```toml\n//! a = 1\n//! ```", false),
            ("//! ```text\n//! ```\n/// Prose.", false),
            ("let fence = \"```\";", false),
        ] {
            assert_eq!(opens_an_example(source), expected, "{source}");
        }
    }
}
