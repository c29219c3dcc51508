//! What is kept of the device beside its keys, and whether it is what the channel had.

use matrix_sdk::authentication::matrix::MatrixSession;
use serde::{Deserialize, Serialize};
use switchboard_core::RunError;

use crate::{Login, MatrixConfig, marks::Marks};

/// How many starts are remembered. More than a copy of the directory can be behind without anybody's noticing.
const STARTS: usize = 1_000;

/// Kept in the state, encrypted as the keys are.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The account.
    pub(crate) user: String,
    /// Chosen before the first login, so that a login whose answer was lost does not make a second one.
    pub(crate) device: String,
    /// `None` where it must log in.
    pub(crate) session: Option<MatrixSession>,
    /// For the operator. `None` as long as there is none.
    pub(crate) recovery_key: Option<String>,
    /// A name for every time that a gateway began to receive with this directory, newest last. The newest also
    /// stands in the channel's cursor: a directory that lacks it is an old copy.
    pub(crate) starts: Vec<String>,
}

impl Kept {
    /// Of a device that has to log in.
    pub(crate) fn new(user: &str, device: String) -> Self {
        Self { user: user.to_owned(), device, session: None, recovery_key: None, starts: Vec::new() }
    }

    /// Whether a login was tried, and never succeeded: there are no keys.
    fn is_unused(&self) -> bool {
        self.session.is_none() && self.starts.is_empty()
    }

    /// Notes that receiving begins, under this name.
    pub(crate) fn begin(&mut self, start: &str) {
        self.starts.push(start.to_owned());
        let surplus = self.starts.len().saturating_sub(STARTS);
        self.starts.drain(..surplus);
    }
}

/// How to begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With the device that is there.
    GoOn,
    /// With a new device.
    Fresh,
    /// With a new device, after what is there was set aside.
    Replace,
}

/// Compares what is in the directory with what the channel has stored with its messages.
pub(crate) fn compare(
    kept: Option<&Kept>,
    marks: Option<&Marks>,
    config: &MatrixConfig,
) -> Result<Beginning, RunError> {
    let dir = config.state_dir.display();
    // What was mistaken in the configuration may be corrected.
    let of_token = |kept: &Kept| match &config.login {
        Login::Token { device_id, .. } => kept.device == *device_id,
        Login::Password(_) => true,
    };
    let kept = kept.filter(|kept| !kept.is_unused() || (kept.user == config.user && of_token(kept)));
    if let Some(kept) = kept.filter(|kept| kept.user != config.user) {
        return Err(RunError {
            reason: format!("the state_dir {dir} belongs to the account {}", kept.user),
            remedy: "name another state_dir, or put the account back".to_owned(),
        });
    }
    let given_up = |device: &str| config.replaces_device.as_deref() == Some(device);
    let beginning = match (kept, marks) {
        (None, None) => Beginning::Fresh,
        (None, Some(marks)) if given_up(&marks.device) => Beginning::Fresh,
        (None, Some(marks)) => return Err(lost(config, &marks.device)),
        (Some(kept), _) if given_up(&kept.device) => Beginning::Replace,
        (Some(kept), Some(marks)) if kept.device != marks.device && !given_up(&marks.device) => {
            return Err(RunError {
                reason: format!(
                    "the state_dir {dir} has the device {}, while the channel has been the device {}",
                    kept.device, marks.device
                ),
                remedy: remedy(&marks.device),
            });
        }
        (Some(kept), Some(marks)) if kept.device == marks.device && !kept.starts.contains(&marks.start) => {
            return Err(RunError {
                reason: format!(
                    "the state_dir {dir} is an old copy: the device {} has been used since it was made, and using \
                     it would break the encryption",
                    kept.device
                ),
                remedy: remedy(&marks.device),
            });
        }
        (Some(_), _) => Beginning::GoOn,
    };
    other_device(kept, marks, config, &beginning)?;
    Ok(beginning)
}

/// An access token is for one device, which must be a new one where one is needed.
fn other_device(
    kept: Option<&Kept>,
    marks: Option<&Marks>,
    config: &MatrixConfig,
    beginning: &Beginning,
) -> Result<(), RunError> {
    let Login::Token { device_id, .. } = &config.login else { return Ok(()) };
    let reason = match (beginning, kept, marks) {
        (Beginning::GoOn, Some(kept), _) if kept.device != *device_id => {
            format!("the state_dir has the device {}, while the access token is for {device_id}", kept.device)
        }
        (Beginning::Fresh | Beginning::Replace, _, Some(marks)) if marks.device == *device_id => {
            format!("the access token is for the device {device_id}, whose keys are lost")
        }
        (Beginning::Replace, Some(kept), _) if kept.device == *device_id => {
            format!("the access token is for the device {device_id}, which is to be replaced")
        }
        _ => return Ok(()),
    };
    Err(RunError { reason, remedy: "log in anew and take the access_token and device_id of that".to_owned() })
}

fn lost(config: &MatrixConfig, device: &str) -> RunError {
    RunError {
        reason: format!(
            "the state_dir {} is empty, while the channel has been the device {device}: the keys of what was \
             written to it are not there",
            config.state_dir.display()
        ),
        remedy: remedy(device),
    }
}

fn remedy(device: &str) -> String {
    format!(
        "put the directory back as it was last; if it is lost for good, let a new device take its place with \
         replaces_device = {device:?} (and recovery_key, to go on reading what was written)"
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use secrecy::SecretString;
    use switchboard_core::ChannelName;

    use super::*;

    const USER: &str = "@support:example.com";

    fn config(replaces: Option<&str>, token_of: Option<&str>) -> MatrixConfig {
        let login = match token_of {
            Some(device) => Login::Token {
                access_token: SecretString::from("t"),
                device_id: device.to_owned(),
                password: None,
            },
            None => Login::Password(SecretString::from("p")),
        };
        let url = "https://matrix.example.com".parse().expect("a URL");
        let mut config =
            MatrixConfig::new(ChannelName::new("s"), url, USER.to_owned(), login, PathBuf::from("dir"));
        config.replaces_device = replaces.map(str::to_owned);
        config
    }

    fn kept(device: &str, starts: &[&str]) -> Kept {
        let starts = starts.iter().map(|start| (*start).to_owned()).collect();
        Kept { starts, ..Kept::new(USER, device.to_owned()) }
    }

    fn marks(device: &str, start: &str) -> Marks {
        Marks::new(device, start, "s1".to_owned())
    }

    #[test]
    fn what_is_there_must_be_what_was_there() {
        use Beginning::{Fresh, GoOn, Replace};
        let here = |starts: &[&str]| Some(kept("A", starts));
        for (kept, marks, replaces, expected) in [
            (None, None, None, Ok(Fresh)),
            (here(&[]), None, None, Ok(GoOn)),
            (here(&["1", "2"]), Some(marks("A", "2")), None, Ok(GoOn)),
            // Killed before the first commit; or the database was put back.
            (here(&["1", "2"]), Some(marks("A", "1")), None, Ok(GoOn)),
            (here(&["1"]), Some(marks("A", "2")), None, Err("old copy")),
            (here(&["1"]), Some(marks("B", "1")), None, Err("has been the device B")),
            (None, Some(marks("A", "1")), None, Err("is empty")),
            (None, Some(marks("A", "1")), Some("B"), Err("is empty")),
            (None, Some(marks("A", "1")), Some("A"), Ok(Fresh)),
            (here(&["1"]), Some(marks("A", "1")), Some("A"), Ok(Replace)),
            (here(&[]), Some(marks("B", "1")), Some("B"), Ok(GoOn)),
            (here(&["2"]), Some(marks("A", "2")), Some("B"), Ok(GoOn)),
        ] {
            let result = compare(kept.as_ref(), marks.as_ref(), &config(replaces, None));
            match (expected, result) {
                (Ok(expected), Ok(found)) => assert_eq!(found, expected),
                (Err(part), Err(error)) => assert!(error.reason.contains(part), "{error}"),
                (expected, result) => panic!("{result:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_token_is_for_one_device() {
        let go_on = |token_of| compare(Some(&kept("A", &["1"])), None, &config(None, Some(token_of)));
        assert_eq!(go_on("A").ok(), Some(Beginning::GoOn));
        assert!(go_on("B").is_err());
        let replace = |token_of| compare(None, Some(&marks("A", "1")), &config(Some("A"), Some(token_of)));
        assert_eq!(replace("B").ok(), Some(Beginning::Fresh));
        assert!(replace("A").is_err());
    }

    #[test]
    fn another_account_s_directory_is_refused() {
        let mut other = Kept::new("@other:example.com", "A".to_owned());
        // Nobody ever logged in there.
        assert_eq!(compare(Some(&other), None, &config(None, None)).ok(), Some(Beginning::Fresh));
        other.begin("1");
        assert!(compare(Some(&other), None, &config(None, None)).is_err());
    }
}
