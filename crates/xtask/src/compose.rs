//! The check of `docker-compose.yml` against the schema of the Compose specification.
//!
//! The schema comes with the Python package check-jsonschema, so the check needs no container engine. What the file
//! says, beyond being well formed, is for the tests in `tests/compose.rs`.

use std::process::Command;

use anyhow::Result;

use crate::python;
use crate::requirements::{Tool, require};
use crate::step::{root, run, step};

const PACKAGE: &str = "check-jsonschema==0.39.0";

/// Fails where the compose file does not follow the schema.
pub fn check() -> Result<()> {
    require(&[Tool::Python])?;
    step("docker-compose.yml against its schema", || {
        let mut check = Command::new(python::installed(PACKAGE, &[])?.join("bin/check-jsonschema"));
        check.current_dir(root()).args(["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]);
        run(&mut check)
    })
}
