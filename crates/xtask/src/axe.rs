//! axe-core, with which the tests look for what keeps people with disabilities from using a page.
//!
//! Its licence, the MPL, is another than that of this repository, so it is fetched, from a Python package that carries
//! it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::python;

const PACKAGE: &str = "axe-playwright-python==0.1.8";

/// The script. What else the package needs is not installed, since only the script is used.
pub fn script() -> Result<PathBuf> {
    let libraries = python::installed(PACKAGE, &["--no-deps"])?.join("lib");
    let versions = fs::read_dir(&libraries).with_context(|| format!("read {}", libraries.display()))?;
    let path = |version: fs::DirEntry| version.path().join("site-packages/axe_playwright_python/axe.min.js");
    let mut scripts = versions.filter_map(Result::ok).map(path).filter(|path| path.exists());
    scripts.next().with_context(|| format!("{PACKAGE} has no axe.min.js"))
}
