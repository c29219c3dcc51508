//! `cargo xtask ci`: what must pass before a change lands.
//!
//! The quick checks come first, so that a slip is told within seconds, and the tests last, so that their summary is
//! what the output ends with.

use anyhow::Result;

use crate::requirements::{Tool, require};
use crate::step::{cargo, run, step};
use crate::{compose, deny, generate, test};

/// Runs everything, up to the first failure.
pub fn ci() -> Result<()> {
    // All at once, before anything takes time.
    require(&[Tool::Postgres, Tool::Sqlite, Tool::Chromium, Tool::ChromeDriver, Tool::Python])?;
    step("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    compose::check()?;
    deny::check()?;
    step("lints", || run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])))?;
    step("lints of what cargo demo builds", || {
        let demo =
            ["clippy", "--package", "switchboard-gateway", "--no-default-features", "--features", "demo"];
        run(cargo(&demo).args(["--", "-D", "warnings"]))
    })?;
    step("documentation", || {
        run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    generate::generate(true)?;
    test::test(&[])
}
