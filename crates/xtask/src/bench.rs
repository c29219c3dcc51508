//! The benchmark, in release: the real gateway under load on this machine.

use anyhow::Result;

use crate::step::{cargo, run, step};

/// Builds and runs it; `arguments` are the benchmark's own (`--store postgres`, `--help`).
pub fn bench(arguments: &[String]) -> Result<()> {
    let package = ["--release", "--package", "switchboard-gateway"];
    step("build for the benchmark", || {
        run(cargo(&["build"]).args(package).args(["--bin", "switchboard", "--example", "bench"]))
    })?;
    run(cargo(&["run", "--quiet"]).args(package).args(["--example", "bench", "--"]).args(arguments))
}
