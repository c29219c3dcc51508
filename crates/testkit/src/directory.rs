//! A temporary directory that is removed even where this process is killed.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which comes with the end of whoever holds the other side, then removes the
/// directory. It tries for a while, since a server that was killed with us may still be writing.
const JANITOR: &str = r#"
    read -r line
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf "$1" && exit
        sleep 0.2
    done
"#;

/// An empty directory in the system's place for temporary files. Removed when dropped, and at this process's end.
#[derive(Debug)]
pub struct ScratchDirectory {
    path: PathBuf,
    janitor: Child,
}

impl ScratchDirectory {
    /// Makes one whose name begins with `switchboard-{name}-`.
    pub fn create(name: &str) -> io::Result<Self> {
        let prefix = format!("switchboard-{name}-");
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(&prefix).permissions(Permissions::from_mode(0o700));
        let directory = builder.tempdir()?;
        let mut janitor = Command::new("sh");
        janitor.args(["-c", JANITOR, "janitor"]).arg(directory.path());
        // In a group of its own, what is sent to the group of the tests does not reach it.
        janitor.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { janitor: janitor.spawn()?, path: directory.keep() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        // Waiting closes the janitor's input first.
        let _ = self.janitor.wait();
    }
}
