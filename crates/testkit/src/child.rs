//! A child process that does not outlive this one.
//!
//! Dropping a [`Child`] kills it. Where the process itself is killed and nothing can be dropped, Linux does it:
//! [`command`] asks the kernel for a signal to the child at its parent's death. The kernel means the *thread* that
//! started the child, and test threads end early, so every child is started and awaited by a thread of its own.

use std::ffi::OsStr;
use std::io;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// What a child is sent when this process dies without having stopped it.
#[derive(Clone, Copy, Debug)]
pub enum DeathSignal {
    /// Ends at once, cleaning nothing up.
    Kill,
    /// For servers with children of their own, which they end on this signal: `PostgreSQL`.
    Quit,
    /// For programs that end their children when asked to end: a browser's driver.
    Terminate,
}

/// A command for `program` that gets `signal` when this process dies.
///
/// Without `setpriv` (it is part of util-linux) the child is only stopped by being dropped.
pub fn command(program: impl AsRef<OsStr>, signal: DeathSignal) -> Command {
    if !setpriv_works() {
        return Command::new(program);
    }
    let name = match signal {
        DeathSignal::Kill => "KILL",
        DeathSignal::Quit => "QUIT",
        DeathSignal::Terminate => "TERM",
    };
    // It replaces itself by the program, so the child's process id is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", name, "--"]).arg(program);
    command
}

fn setpriv_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let probe = Command::new("setpriv").args(["--pdeathsig", "KILL", "--", "true"]).output();
        probe.is_ok_and(|output| output.status.success())
    })
}

/// A running child process. Killed when dropped.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    exit: Arc<Exit>,
}

/// The ends of a child's input and output that its command asked to have piped.
#[derive(Debug)]
pub struct Pipes {
    /// What the child reads.
    pub stdin: Option<ChildStdin>,
    /// What the child prints.
    pub stdout: Option<ChildStdout>,
    /// What the child reports.
    pub stderr: Option<ChildStderr>,
}

#[derive(Debug, Default)]
struct Exit {
    status: Mutex<Option<ExitStatus>>,
    known: Condvar,
}

impl Child {
    /// Starts `command`.
    pub fn spawn(mut command: Command) -> io::Result<(Self, Pipes)> {
        let exit = Arc::new(Exit::default());
        let (started, start) = mpsc::channel();
        let keeper = Arc::clone(&exit);
        thread::Builder::new().name("child".into()).spawn(move || match command.spawn() {
            Ok(mut child) => {
                let pipes = Pipes {
                    stdin: child.stdin.take(),
                    stdout: child.stdout.take(),
                    stderr: child.stderr.take(),
                };
                let pid = Pid::from_child(&child);
                // A receiver that is gone has panicked; the child is awaited all the same.
                let _ = started.send(Ok((pid, pipes)));
                keeper.record(pid, child);
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        })?;
        let (pid, pipes) = start.recv().map_err(io::Error::other)??;
        Ok((Self { pid, exit }, pipes))
    }

    /// The child's process id.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal. To a child that has ended it does nothing.
    pub fn signal(&self, signal: Signal) {
        // While the lock is held the process is not reaped, so its id cannot have become another's.
        let status = self.exit.status.lock().unwrap_or_else(PoisonError::into_inner);
        if status.is_none() {
            // The only failure left is that it has ended and is about to be reaped.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Waits at most `limit` for the end; `None` where the child still runs.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let status = self.exit.status.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.exit.known.wait_timeout_while(status, limit, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(10));
    }
}

impl Exit {
    fn record(&self, pid: Pid, mut child: std::process::Child) {
        // Seen but not reaped: see `Child::signal`.
        while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_err() {}
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        *status = child.wait().ok();
        self.known.notify_all();
    }
}
