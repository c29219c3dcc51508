//! The keys of a `[[channel]]` of kind `matrix`, and what makes its adapter of them.

use std::{path::PathBuf, sync::Arc};

use secrecy::SecretString;
use switchboard_core::ChannelName;
use switchboard_matrix::{
    Edited, Invites, Login, MatrixConfig, MatrixMessenger, Verification, check_homeserver_url, check_inviter,
    check_user,
};
use url::Url;

use crate::{
    Adapter, BuildAdapter,
    config::{Fault, Invalid, Section},
};

/// The SDK tells of every request, with the names of people and rooms, and calls errors what is none. What matters
/// of it, the adapter says. The parser of HTML that it uses tells what people are sent.
pub(super) const QUIET: &str = "matrix_sdk=off,html5ever=off,markup5ever=off";

/// What is configured, to which a channel's name is still missing.
pub(crate) struct Settings {
    homeserver_url: Url,
    user: String,
    login: Login,
    state_dir: PathBuf,
    passphrase: Option<SecretString>,
    recovery_key: Option<SecretString>,
    replaces_device: Option<String>,
    invites: Invites,
    edited: Edited,
    verification: Verification,
    withheld_answer: Option<String>,
    read_receipts: bool,
}

pub(super) fn read(section: &mut Section<'_>) -> Result<BuildAdapter, Invalid> {
    let settings = settings(section)?;
    Ok(Box::new(move |context| {
        let account = Some(format!("the Matrix account {}", settings.user));
        let messenger = MatrixMessenger::new(settings.of(context.channel))?.stands_at(context.cursor);
        let messenger = Arc::new(messenger);
        Ok(Adapter { messenger, routes: None, account })
    }))
}

/// Reads the keys.
pub(crate) fn settings(section: &mut Section<'_>) -> Result<Settings, Invalid> {
    let homeserver_url = section.url("homeserver_url").then(|url| checked(check_homeserver_url(&url), url));
    let homeserver_url = homeserver_url.required();
    let user = section.string("user").then(|user| checked(check_user(&user), user)).required();
    let login = login(section);
    let state_dir = section.string("state_dir").required();
    let passphrase = section.secret("passphrase").optional();
    let recovery_key = section.secret("recovery_key").optional();
    let replaces_device = section.string("replaces_device").optional();
    let invites = invites(section);
    let edited = section.one_of("edited", &[("ignore", Edited::Ignore), ("forward", Edited::Forward)]);
    let edited = edited.or(Edited::Ignore);
    let verification = section
        .one_of("verification", &[("refuse", Verification::Refuse), ("ignore", Verification::Ignore)])
        .or(Verification::Refuse);
    let withheld_answer = section.string("withheld_answer").optional();
    let read_receipts = section.boolean("read_receipts").or(false);
    Ok(Settings {
        homeserver_url: homeserver_url?,
        user: user?,
        login: login?,
        state_dir: PathBuf::from(state_dir?),
        passphrase,
        recovery_key,
        replaces_device,
        invites,
        edited,
        verification,
        withheld_answer,
        read_receipts,
    })
}

impl Settings {
    /// The settings of this channel.
    pub(crate) fn of(self, channel: ChannelName) -> MatrixConfig {
        let mut config =
            MatrixConfig::new(channel, self.homeserver_url, self.user, self.login, self.state_dir);
        config.passphrase = self.passphrase;
        config.recovery_key = self.recovery_key;
        config.replaces_device = self.replaces_device;
        config.invites = self.invites;
        config.edited = self.edited;
        config.verification = self.verification;
        config.withheld_answer = self.withheld_answer;
        config.read_receipts = self.read_receipts;
        config
    }
}

/// With a password, or with an access token and its device.
fn login(section: &mut Section<'_>) -> Result<Login, Invalid> {
    if section.has("access_token") || section.has("device_id") {
        let password = section.secret("password").optional();
        let access_token = section.secret("access_token").required_here();
        let device_id = section.string("device_id").required_here();
        return Ok(Login::Token { access_token: access_token?, device_id: device_id?, password });
    }
    // Known, so that a misspelt one finds it.
    section.secret("access_token").optional();
    section.string("device_id").optional();
    Ok(Login::Password(section.secret("password").required()?))
}

/// A word, or a list of users and servers.
fn invites(section: &mut Section<'_>) -> Invites {
    if section.is_list("invites") {
        let list = section.list("invites", |entry| checked(check_inviter(&entry), entry)).optional();
        return list.map_or(Invites::All, Invites::From);
    }
    section.one_of("invites", &[("all", Invites::All), ("none", Invites::None)]).or(Invites::All)
}

fn checked<T>(check: Result<(), switchboard_matrix::ConfigError>, value: T) -> Result<T, Fault> {
    match check {
        Ok(()) => Ok(value),
        Err(error) => Err(Fault::new(error.to_string(), "correct it")),
    }
}
