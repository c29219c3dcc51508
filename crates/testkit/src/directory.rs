//! A temporary directory that is removed even where this process is killed.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which comes when whoever holds the other side is gone. Then it removes the directory,
/// and again if need be: a server or a browser that lost its owner may go on writing for a moment.
const JANITOR: &str = r#"
    read -r line
    for attempt in $(seq 100); do
        rm -rf "$1"
        sleep 0.3
        [ -e "$1" ] || exit
    done
"#;

/// An empty directory in the system's place for temporary files. Removed when dropped, and at this process's end.
#[derive(Debug)]
pub struct ScratchDirectory {
    path: PathBuf,
    /// Held for its input, which closes when this is dropped or this process is dead.
    _janitor: Child,
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
        Ok(Self { _janitor: janitor.spawn()?, path: directory.keep() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        // The janitor's input closes after this, and it makes sure.
        let _ = fs::remove_dir_all(&self.path);
    }
}
