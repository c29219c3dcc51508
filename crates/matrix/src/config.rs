//! What a Matrix channel is configured with.

use std::{fmt, path::PathBuf, time::Duration};

use matrix_sdk::ruma::{OwnedUserId, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use switchboard_core::ChannelName;
use url::Url;

/// The settings of one Matrix channel.
#[derive(Clone)]
pub struct MatrixConfig {
    /// The channel's name, for log lines and as the name of the device.
    pub channel: ChannelName,
    /// Where the homeserver's client API is, without `/_matrix`.
    pub homeserver_url: Url,
    /// The account: `@support:example.com`. See [`check_user`].
    pub user: String,
    /// How to log in.
    pub login: Login,
    /// Where the device's identity and keys are kept. It must outlive the process: it belongs to one device, and
    /// nothing else has the keys of what was written. Made if it is not there.
    pub state_dir: PathBuf,
    /// What the state is encrypted with. Default: a key that is made once and kept beside it, so that only the rights
    /// of the files protect it.
    pub passphrase: Option<SecretString>,
    /// With which a new device gets the account's identity and the keys that the former one left on the
    /// homeserver.
    pub recovery_key: Option<SecretString>,
    /// The former device, if it is lost for good and a new one may take its place. Without effect once that is done.
    pub replaces_device: Option<String>,
    /// Whose invitations are accepted. Default: everybody's.
    pub invites: Invites,
    /// What becomes of edited messages. Default: they are ignored.
    pub edited: Edited,
    /// What becomes of requests to verify the account. Default: they are refused.
    pub verification: Verification,
    /// What is answered, in Markdown, to whoever's client refuses the key to a message. Default: why it cannot be read and
    /// what to do, in English.
    pub withheld_answer: Option<String>,
    /// Whether people see that their messages were read. Default: no.
    pub read_receipts: bool,
    /// How long a call may take, after which its outcome counts as unknown. Default: 30 s, which is
    /// less than the minute that the engine waits for a send.
    pub call_timeout: Duration,
    /// How long the homeserver may hold a request for what is new. Default: 30 s.
    pub sync_timeout: Duration,
    /// How long to wait before a failed attempt is repeated, at first. Doubles with every failure. Default: 1 s.
    pub first_pause: Duration,
    /// The longest that this grows to. Default: 60 s.
    pub longest_pause: Duration,
}

/// How to log in.
#[derive(Clone)]
pub enum Login {
    /// With the password, once; then with the session that this gave. Also lets the account set up its identity
    /// where the homeserver wants the password for that.
    Password(SecretString),
    /// With what somebody has got for the gateway alone. A device that another program has used cannot be taken
    /// over, because that program has its keys.
    Token {
        /// The access token.
        access_token: SecretString,
        /// The device it was made for.
        device_id: String,
        /// For setting up the account's identity, where the homeserver wants the password for that.
        password: Option<SecretString>,
    },
}

impl Login {
    /// The account's password, if it is configured.
    pub(crate) fn password(&self) -> Option<&SecretString> {
        match self {
            Self::Password(password) => Some(password),
            Self::Token { password, .. } => password.as_ref(),
        }
    }
}

/// Whose invitations are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invites {
    /// Everybody's.
    All,
    /// Nobody's: the account is put into rooms by other means.
    None,
    /// Those of these users (`@anna:example.com`) and of everybody on these servers (`example.com`).
    From(Vec<String>),
}

impl Invites {
    /// Whether an invitation by `inviter` is accepted.
    pub(crate) fn allow(&self, inviter: &UserId) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::From(list) => {
                list.iter().any(|entry| entry == inviter.as_str() || entry == inviter.server_name().as_str())
            }
        }
    }
}

/// What becomes of edited messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edited {
    /// Nothing.
    #[default]
    Ignore,
    /// It comes in again, as another message that says that it is an edited one.
    Forward,
}

/// What becomes of requests to verify the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// They are refused at once, with a reason.
    #[default]
    Refuse,
    /// Nothing: they time out.
    Ignore,
}

impl MatrixConfig {
    /// The defaults for everything that has one.
    pub fn new(
        channel: ChannelName,
        homeserver_url: Url,
        user: String,
        login: Login,
        state_dir: PathBuf,
    ) -> Self {
        Self {
            channel,
            homeserver_url,
            user,
            login,
            state_dir,
            passphrase: None,
            recovery_key: None,
            replaces_device: None,
            invites: Invites::All,
            edited: Edited::default(),
            verification: Verification::default(),
            withheld_answer: None,
            read_receipts: false,
            call_timeout: Duration::from_secs(30),
            sync_timeout: Duration::from_secs(30),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
        }
    }

    /// Everything that is wrong with the settings; empty if they can be used.
    pub fn mistakes(&self) -> Vec<ConfigError> {
        let mut mistakes = Vec::new();
        mistakes.extend(check_user(&self.user).err());
        mistakes.extend(check_homeserver_url(&self.homeserver_url).err());
        if let Login::Token { access_token, device_id, .. } = &self.login
            && (access_token.expose_secret().is_empty() || device_id.is_empty())
        {
            mistakes.push(ConfigError::Token);
        }
        if let Invites::From(list) = &self.invites {
            mistakes.extend(list.iter().filter_map(|entry| check_inviter(entry).err()));
        }
        if self.withheld_answer.as_ref().is_some_and(|answer| answer.trim().is_empty()) {
            mistakes.push(ConfigError::WithheldAnswer);
        }
        if self.state_dir.as_os_str().is_empty() {
            mistakes.push(ConfigError::StateDir);
        }
        if self.call_timeout.is_zero() {
            mistakes.push(ConfigError::CallTimeout);
        }
        mistakes
    }

    /// How long to wait after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(2_u32.saturating_pow(failures));
        doubled.min(self.longest_pause)
    }
}

impl fmt::Debug for MatrixConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatrixConfig")
            .field("channel", &self.channel)
            .field("homeserver", &self.homeserver_url.host_str())
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A setting that cannot be used, and what to do about it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not the id of a user.
    #[error("user is not the id of an account; write it with its server, as \"@support:example.com\"")]
    User,
    /// Not the address of a homeserver.
    #[error("homeserver_url is not the address of a homeserver; write it as \"https://matrix.example.com\"")]
    HomeserverUrl,
    /// Half of what a login by token needs.
    #[error("access_token and device_id must not be empty; the homeserver gives both at a login")]
    Token,
    /// Neither a user nor a server.
    #[error("{0:?} is neither a user nor a server; write \"@anna:example.com\" or \"example.com\"")]
    Inviter(String),
    /// There is nothing to see in it.
    #[error("withheld_answer is empty; write one or leave it out")]
    WithheldAnswer,
    /// Nowhere to keep the keys.
    #[error("state_dir is empty; name a directory that outlives the process")]
    StateDir,
    /// Nothing could ever be sent.
    #[error("the call's timeout is zero; take some seconds")]
    CallTimeout,
}

/// Whether this can be an account: an id with its server.
pub fn check_user(user: &str) -> Result<(), ConfigError> {
    match OwnedUserId::try_from(user) {
        Ok(id) if !id.localpart().is_empty() => Ok(()),
        _ => Err(ConfigError::User),
    }
}

/// Whether a homeserver can be there.
pub fn check_homeserver_url(url: &Url) -> Result<(), ConfigError> {
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let whole = !url.path().contains("/_matrix");
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain && whole {
        Ok(())
    } else {
        Err(ConfigError::HomeserverUrl)
    }
}

/// Whether this can be who invites: a user, or a server.
pub fn check_inviter(entry: &str) -> Result<(), ConfigError> {
    let well_formed = if entry.starts_with('@') {
        check_user(entry).is_ok()
    } else {
        !entry.contains('*') && matrix_sdk::ruma::OwnedServerName::try_from(entry).is_ok()
    };
    if well_formed { Ok(()) } else { Err(ConfigError::Inviter(entry.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MatrixConfig {
        MatrixConfig::new(
            ChannelName::new("support"),
            "https://matrix.example.com".parse().expect("a URL"),
            "@support:example.com".to_owned(),
            Login::Password(SecretString::from("a-secret")),
            PathBuf::from("state"),
        )
    }

    #[test]
    fn every_mistake_is_named() {
        assert_eq!(config().mistakes(), []);
        let mut config = config();
        config.user = "support".to_owned();
        config.homeserver_url = "https://example.com/_matrix/client".parse().expect("a URL");
        config.login =
            Login::Token { access_token: SecretString::from("x"), device_id: String::new(), password: None };
        config.invites = Invites::From(vec!["@anna".to_owned(), "example.com".to_owned()]);
        config.withheld_answer = Some(" ".to_owned());
        config.state_dir = PathBuf::new();
        config.call_timeout = Duration::ZERO;
        let inviter = ConfigError::Inviter("@anna".to_owned());
        let expected = [
            ConfigError::User,
            ConfigError::HomeserverUrl,
            ConfigError::Token,
            inviter,
            ConfigError::WithheldAnswer,
            ConfigError::StateDir,
            ConfigError::CallTimeout,
        ];
        assert_eq!(config.mistakes(), expected);
    }

    #[test]
    fn invitations_are_told_apart() {
        let anna = OwnedUserId::try_from("@anna:example.com").expect("a user");
        let from = |entry: &str| Invites::From(vec![entry.to_owned()]);
        for (invites, expected) in [
            (Invites::All, true),
            (Invites::None, false),
            (from("example.com"), true),
            (from("@anna:example.com"), true),
            (from("@boris:example.com"), false),
            (from("example.org"), false),
            (from("com"), false),
        ] {
            assert_eq!(invites.allow(&anna), expected, "{invites:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", config()).contains("a-secret"));
    }
}
