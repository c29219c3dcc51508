//! How much all clients together may hold, derived from how many files this process may open.
//!
//! A connection is a file. Who only listens (an open page) must never take those that are needed to store
//! messages, to deliver them and to take webhooks in: these have a reserve, and pages are refused first.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Files that are open in any case: the standard streams, the runtime's own, the sockets that are listened on,
/// SQLite's files, and what an administrator's listener accepts.
const FILES_OF_THE_PROCESS: usize = 128;
/// Files of a channel beside the connections of its deliveries: how it receives, what it keeps.
const FILES_OF_A_CHANNEL: usize = 16;
/// What counts as a file limit where there is none.
const UNLIMITED: usize = 1 << 20;
/// The most connections that are kept for everything but pages, however many files there are.
const MOST_SHORT: usize = 8_192;
/// The most connections of which the rest of a request is awaited. Each costs up to 30 KB.
const MOST_WAITING: usize = 2_048;
/// The most bytes of bodies that are kept until they are complete and handled, of requests whose sender nobody
/// knows yet.
const OPEN_BODIES: usize = 16 * 1024 * 1024;
/// The same for webhooks, whose sender has shown a secret.
const PRIORITY_BODIES: usize = 64 * 1024 * 1024;
/// The most connections of an administrator's listener.
const ADMIN_CONNECTIONS: usize = 64;

/// What one listener's clients may hold at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Connections.
    pub(crate) connections: usize,
    /// Those of them of which the rest of a request is awaited, or the next one. Where there are more, the one
    /// that has been awaited longest is closed.
    pub(crate) waiting: usize,
    /// Streams of events.
    pub(crate) streams: usize,
    /// Requests that are complete and worked on, but for those with priority.
    pub(crate) requests: usize,
    /// Connections of one client, where its address is known.
    pub(crate) per_address: usize,
    /// Bytes of the bodies of requests.
    pub(crate) open_bodies: usize,
    /// Bytes of the bodies of requests with priority.
    pub(crate) priority_bodies: usize,
}

impl Capacity {
    /// For the main listener, where this many files may be open.
    pub(crate) fn of<A>(config: &Config<A>, files: usize) -> Self {
        let deliveries = 2 * config.delivery.in_flight;
        let channels = config.channels.len() * (deliveries + FILES_OF_A_CHANNEL);
        let own = FILES_OF_THE_PROCESS + config.database.max_connections as usize + channels;
        // Where there are few, they are shared.
        let connections = files - own.min(files / 2);
        let short = (connections / 4).min(MOST_SHORT);
        Self {
            connections,
            waiting: MOST_WAITING.min(connections),
            streams: connections - short,
            requests: short.div_ceil(2),
            per_address: config.server.connections_per_address.min(connections.div_ceil(4)),
            open_bodies: OPEN_BODIES,
            priority_bodies: PRIORITY_BODIES,
        }
    }

    /// For an administrator's listener.
    pub(crate) fn admin() -> Self {
        Self {
            connections: ADMIN_CONNECTIONS,
            waiting: ADMIN_CONNECTIONS,
            streams: 0,
            requests: ADMIN_CONNECTIONS,
            per_address: ADMIN_CONNECTIONS,
            open_bodies: OPEN_BODIES,
            priority_bodies: PRIORITY_BODIES,
        }
    }
}

/// Lets this process have as many files open as the system allows it to, and says how many that are. What is
/// usual is far less, and meant for programs that cannot cope with more.
pub(crate) fn allow_many_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = &raised {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let files = if raised.is_ok() { maximum } else { current };
    files.and_then(|files| usize::try_from(files).ok()).map_or(UNLIMITED, |files| files.min(UNLIMITED))
}

#[cfg(test)]
mod tests {
    use crate::{Switchboard, config::Sources};

    use super::*;

    fn capacity(files: usize) -> Capacity {
        let sources = Sources::new(|_| None, |_| Err(std::io::ErrorKind::NotFound.into()));
        let text = "
            [[ai]]
            name = 'main'
            kind = 'selarti'
            base_url = 'https://platform.example.com'
            token = 'token'
            webhook_secret = '0123456789abcdef'
            [[channel]]
            name = 'site'
            kind = 'web'
            ai = 'main'
            task_id = '1'";
        let config = Config::parse("config.toml", text, &sources, Switchboard::standard().kinds());
        Capacity::of(&config.unwrap_or_else(|mistakes| panic!("{mistakes}")), files)
    }

    #[test]
    fn files_are_left_for_everything_but_connections() {
        for (files, connections) in [(256, 128), (1_024, 742), (1 << 20, (1 << 20) - 282)] {
            assert_eq!(capacity(files).connections, connections, "of {files} files");
        }
    }

    #[test]
    fn pages_leave_connections_for_everything_else() {
        for files in [16, 64, 256, 1_024, 4_096, 1 << 16, 1 << 20] {
            let capacity = capacity(files);
            let most = capacity.streams + capacity.requests;
            assert!(most < capacity.connections, "of {files} files: {capacity:?}");
            assert!(capacity.streams > capacity.connections / 2, "of {files} files: {capacity:?}");
            assert!(capacity.per_address < capacity.streams, "of {files} files: {capacity:?}");
        }
    }
}
