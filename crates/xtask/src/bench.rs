//! The benchmarks, in release: the real gateway under load on this machine.

use anyhow::Result;

use switchboard_testkit::synapse::{PEER_VARIABLE, PYTHON_VARIABLE};

use crate::step::{cargo, run, step};
use crate::synapse;

/// Builds and runs one: `telegram`, `matrix` or `panels` if the first argument says so, otherwise that of the page
/// messenger. The other arguments are the benchmark's own (`--store postgres`, `--help`).
pub fn bench(arguments: &[String]) -> Result<()> {
    let (example, arguments) = match arguments.split_first() {
        Some((name, rest)) if ["telegram", "matrix", "panels"].contains(&name.as_str()) => {
            (name.as_str(), rest)
        }
        _ => ("bench", arguments),
    };
    let package = ["--release", "--package", "switchboard-gateway"];
    step("build for the benchmark", || {
        run(cargo(&["build"]).args(package).args(["--bin", "switchboard", "--example", example]))
    })?;
    if example == "telegram" {
        let bare = ["build", "--release", "--package", "switchboard-telegram", "--example", "bare_bot"];
        step("build the bare bot", || run(&mut cargo(&bare)))?;
    }
    let mut benchmark = cargo(&["run", "--quiet"]);
    if example == "matrix" {
        let python = step("fetch Synapse", synapse::homeserver)?;
        let peer = step("fetch matrix-nio", synapse::client)?;
        benchmark.env(PYTHON_VARIABLE, python).env(PEER_VARIABLE, peer);
    }
    run(benchmark.args(package).args(["--example", example, "--"]).args(arguments))
}
