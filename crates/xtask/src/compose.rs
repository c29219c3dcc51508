//! The check of `docker-compose.yml` against the schema of the Compose specification.
//!
//! The schema comes with the Python package check-jsonschema, so the check needs no container engine. What the file
//! says, beyond being well formed, is for the tests in `tests/compose.rs`.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::requirements::{Tool, require};
use crate::step::{root, run, step};

const PACKAGE: &str = "check-jsonschema==0.39.0";

/// Fails where the compose file does not follow the schema.
pub fn check() -> Result<()> {
    require(&[Tool::Python])?;
    step("docker-compose.yml against its schema", || {
        let environment = target_directory().join("xtask").join(PACKAGE.replace("==", "-"));
        let program = environment.join("bin/check-jsonschema");
        if !program.exists() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
            let mut install = Command::new(environment.join("bin/pip"));
            run(install.args(["install", "--quiet", "--disable-pip-version-check", PACKAGE]))?;
        }
        let mut check = Command::new(program);
        check.current_dir(root()).args(["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]);
        run(&mut check)
    })
}

/// Where cargo puts what it builds, kept from run to run.
fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}
