//! What is written for Synapse before it starts.

use std::fs;
use std::io;
use std::path::Path;

/// Every user is `@name:localhost`. Nothing looks the name up.
pub(super) const SERVER_NAME: &str = "localhost";

/// How much a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// What Synapse allows out of the box: a message each five seconds after ten at once, three logins at once.
    Default,
    /// So much that nothing is limited.
    Raised,
}

/// What a server keeps from start to start.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    /// Where everything is written.
    pub directory: &'a Path,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// With it users are registered.
    pub secret: &'a str,
    pub limits: Limits,
}

impl Settings<'_> {
    /// The files that the server reads at its start. It is started in their directory, so paths are relative.
    pub fn write(&self) -> io::Result<()> {
        // Unpadded base64 of 32 bytes ends with one of sixteen letters; the others may be the digits of the secret.
        let seed: String = self.secret.chars().cycle().take(42).collect();
        fs::write(self.directory.join("signing.key"), format!("ed25519 a_test {seed}A\n"))?;
        fs::write(self.directory.join("log.yaml"), LOG)?;
        fs::write(self.directory.join("homeserver.yaml"), self.homeserver())
    }

    fn homeserver(&self) -> String {
        let Self { port, secret, .. } = self;
        let limits = match self.limits {
            Limits::Default => "",
            Limits::Raised => RAISED,
        };
        format!(
            "
server_name: {SERVER_NAME}
public_baseurl: http://127.0.0.1:{port}/
report_stats: false
listeners:
  - {{port: {port}, type: http, tls: false, bind_addresses: [127.0.0.1], resources: [{{names: [client]}}]}}
federation_domain_whitelist: []
trusted_key_servers: []
database: {{name: sqlite3, args: {{database: homeserver.db}}}}
log_config: log.yaml
media_store_path: media
signing_key_path: signing.key
pid_file: pid
registration_shared_secret: {secret}
macaroon_secret_key: m{secret}
form_secret: f{secret}
bcrypt_rounds: 4
presence: {{enabled: false}}
# Otherwise the answer to a first sync is repeated for two minutes, whatever has happened.
caches: {{sync_response_cache_duration: 0}}
{limits}"
        )
    }
}

const LOG: &str = "
version: 1
formatters: {line: {format: '%(asctime)s %(levelname)s %(name)s %(message)s'}}
handlers: {output: {class: logging.StreamHandler, formatter: line}}
root: {level: WARNING, handlers: [output]}
disable_existing_loggers: false
";

const RAISED: &str = "
# How much of a room a client may ask for at once. A test's client must not miss what came while it was away.
filter_timeline_limit: 1000
rc_message: &unlimited {per_second: 100000, burst_count: 100000}
rc_registration: *unlimited
rc_login: {address: *unlimited, account: *unlimited, failed_attempts: *unlimited}
rc_joins: {local: *unlimited, remote: *unlimited}
rc_joins_per_room: *unlimited
rc_invites: {per_room: *unlimited, per_user: *unlimited, per_issuer: *unlimited}
rc_room_creation: *unlimited
rc_key_requests: *unlimited
rc_media_create: *unlimited
rc_profile: *unlimited
";
