//! What can be found out about the channel without disturbing a gateway that runs it.
//!
//! The device is not opened: a second program with its keys would break its encryption. Its session is only read,
//! and used for calls that change nothing.

use std::collections::{BTreeMap, BTreeSet};

use matrix_sdk::ruma::EventId;
use serde_json::{Value, json};
use switchboard_core::{Finding, chain};

use crate::{
    Login, MatrixConfig,
    account::{Kept, compare, look},
    error::Fault,
    homeserver::Homeserver,
    marks::Marks,
};

const LIMITS: &str = "ten messages at once and one in five seconds is what Synapse allows an account by default, and \
                      the channel keeps to nine; more needs both a higher limit on the homeserver and `limits`";

/// How many rooms are named where there are many.
const ROOMS_NAMED: usize = 5;

/// Looks at everything. `marks`: where the channel stands, if that is known.
pub(crate) async fn probe(config: &MatrixConfig, marks: Option<&Marks>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let kept = match look(config).await {
        Ok(kept) => kept,
        Err(error) => {
            let remedy = "check state_dir, its owner and rights, and the passphrase";
            return vec![Finding::error(chain(&error), remedy)];
        }
    };
    if let Err(error) = compare(kept.as_ref(), marks, config) {
        return vec![Finding::error(error.reason, error.remedy)];
    }
    if config.passphrase.is_none() {
        findings.push(Finding::warning(
            "the keys in state_dir are protected by the rights of its files only",
            "set a passphrase before the first start, and keep it elsewhere",
        ));
    }
    let Some((kept, session)) = kept.and_then(|kept| Some((kept.clone(), kept.session?))) else {
        findings.extend(not_logged_in(config).await);
        return findings;
    };
    let homeserver = Homeserver::new(config, session.tokens.access_token.into());
    match homeserver.who_am_i().await {
        Ok(owner) => findings.push(login(&kept, &owner.user_id, owner.device_id.as_deref())),
        Err(fault) => {
            findings.push(unreachable(&kept.device, &fault));
            return findings;
        }
    }
    findings.push(identity(&homeserver, &kept).await);
    findings.push(backup(&homeserver, &kept).await);
    if let Some(marks) = marks {
        findings.push(waiting(marks));
        findings.extend(withheld(marks));
    }
    findings.push(Finding::ok(LIMITS));
    findings
}

/// What can be said before there is a session. A password is not tried: homeservers count logins.
async fn not_logged_in(config: &MatrixConfig) -> Vec<Finding> {
    let versions: Result<Value, Fault> = Homeserver::anonymous(config).get("/_matrix/client/versions").await;
    if let Err(fault) = versions {
        return vec![unreachable("", &fault)];
    }
    let remedy = "start the gateway: it logs in once, and keeps the session";
    let way = match config.login {
        Login::Password(_) => "password",
        Login::Token { .. } => "access token",
    };
    vec![
        Finding::ok("the homeserver answers"),
        Finding::warning(format!("the account has not logged in yet; it will with the {way}"), remedy),
    ]
}

fn login(kept: &Kept, user: &str, device: Option<&str>) -> Finding {
    if user == kept.user && device == Some(kept.device.as_str()) {
        Finding::ok(format!("logged in as {user} with the device {}", kept.device))
    } else {
        Finding::error(
            format!("the session is that of {user}, not of {} with the device {}", kept.user, kept.device),
            "put the state_dir of this account back",
        )
    }
}

fn unreachable(device: &str, fault: &Fault) -> Finding {
    match fault {
        Fault::LoggedOut(reason) => {
            let error = crate::error::logged_out(device, reason);
            Finding::error(error.reason, error.remedy)
        }
        Fault::LoggedOutSoftly => Finding::warning(
            "the session is over",
            "start the gateway: it logs in again with the same device",
        ),
        other => Finding::error(
            format!("the homeserver does not answer as it should: {}", other.describe()),
            "check homeserver_url, and that the homeserver can be reached from this machine",
        ),
    }
}

/// Whether the device is signed by the account's identity.
async fn identity(homeserver: &Homeserver, kept: &Kept) -> Finding {
    let asked = json!({ "device_keys": { kept.user.as_str(): [] } });
    let keys: Value = match homeserver.post("/_matrix/client/v3/keys/query", &asked).await {
        Ok(keys) => keys,
        Err(fault) => return unanswered("the account's keys", &fault),
    };
    let signing = &keys["self_signing_keys"][&kept.user]["keys"];
    let signing = signing.as_object().into_iter().flat_map(|keys| keys.keys()).next();
    let signatures = &keys["device_keys"][&kept.user][&kept.device]["signatures"][&kept.user];
    match signing {
        Some(key) if signatures.get(key).is_some() => {
            Finding::ok("the device is verified by the account's own identity")
        }
        Some(_) => Finding::warning(
            "the device is not verified: the account's identity was made by another one, and clients may stop sending \
             it their keys",
            "set recovery_key to the recovery key of that identity",
        ),
        None => Finding::warning(
            "the account has no identity (cross-signing), and clients may stop sending it their keys",
            "start the gateway, and see its log for why it could not make one",
        ),
    }
}

/// Whether the keys are copied to the homeserver.
async fn backup(homeserver: &Homeserver, kept: &Kept) -> Finding {
    let version: Result<Value, Fault> = homeserver.get("/_matrix/client/v3/room_keys/version").await;
    match version {
        Ok(version) if kept.recovery_key.is_some() => {
            let count = version["count"].as_u64().unwrap_or_default();
            Finding::ok(format!(
                "{count} keys are copied to the homeserver; `switchboard recovery-key` shows the key to them"
            ))
        }
        Ok(_) => Finding::warning(
            "the homeserver has a copy of keys that this device cannot use",
            "set recovery_key to the recovery key of the device that made it",
        ),
        Err(Fault::Refused { status: 404, .. }) => Finding::warning(
            "the keys are not copied to the homeserver: if state_dir is lost, so is what was written",
            "start the gateway, and see its log for why it could not set that up",
        ),
        Err(fault) => unanswered("the copy of the keys", &fault),
    }
}

/// How many messages came without a key that may still come.
fn waiting(marks: &Marks) -> Finding {
    let rooms = rooms(marks, |event| !marks.withheld.contains_key(event));
    if rooms.is_empty() {
        return Finding::ok("no message waits for its key");
    }
    Finding::warning(
        format!(
            "{} messages in {} encrypted rooms wait for their keys, in {}",
            marks.hopeful(),
            rooms.len(),
            some(&rooms)
        ),
        "have their authors write again, or open the conversation where they wrote; what was written to a former \
         device needs its recovery key in recovery_key",
    )
}

/// How many messages came whose keys are refused, and why.
fn withheld(marks: &Marks) -> Option<Finding> {
    let rooms = rooms(marks, |event| marks.withheld.contains_key(event));
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for code in marks.withheld.values() {
        *codes.entry(code.as_str()).or_default() += 1;
    }
    let codes: Vec<String> = codes.iter().map(|(code, count)| format!("{code}: {count}")).collect();
    (!rooms.is_empty()).then(|| {
        Finding::warning(
            format!(
                "{} messages cannot be read because their authors' clients refuse the keys ({}), in {}",
                marks.withheld.len(),
                codes.join(", "),
                some(&rooms)
            ),
            "waiting does not help: their authors must let their clients send to unverified devices (m.unverified) or \
             unblock this one (m.blacklisted), and write again; in direct conversations they have been told",
        )
    })
}

/// The rooms of the messages that wait, as far as these are meant.
fn rooms(marks: &Marks, meant: impl Fn(&EventId) -> bool) -> BTreeSet<&str> {
    marks.waiting.iter().filter(|it| meant(&it.event)).map(|it| it.room.as_str()).collect()
}

fn some(rooms: &BTreeSet<&str>) -> String {
    rooms.iter().take(ROOMS_NAMED).copied().collect::<Vec<_>>().join(", ")
}

fn unanswered(what: &str, fault: &Fault) -> Finding {
    let remedy = "see that the homeserver is well, and look again";
    Finding::warning(format!("{what} cannot be asked for: {}", fault.describe()), remedy)
}
