//! The public keys that devices leave on the server. They are kept and given out, never checked.

#![expect(clippy::unnecessary_wraps, reason = "whatever carries out a call is of one type")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::rooms::object;
use super::state::State;

/// What a device left.
#[derive(Default)]
pub(super) struct DeviceKeys {
    identity: Option<Value>,
    one_time: BTreeMap<String, Value>,
    fallback: BTreeMap<String, Value>,
}

/// What a user left: `master_key`, `self_signing_key`, `user_signing_key`, and what tells of the backup.
#[derive(Default)]
pub(super) struct UserKeys {
    signing: Map<String, Value>,
    backup: Option<Value>,
    /// The position at which others were last to look at them again.
    pub(super) changed: u64,
}

impl DeviceKeys {
    /// How many one-time keys are left. Said even where there are none.
    pub(super) fn counts(&self) -> Value {
        json!({ "signed_curve25519": self.one_time.len() })
    }

    pub(super) fn fallback_types(&self) -> Value {
        if self.fallback.is_empty() { json!([]) } else { json!(["signed_curve25519"]) }
    }
}

pub(super) fn upload(state: &mut State, request: &Request) -> Outcome {
    let keys = &mut state.device_mut(request.by()).keys;
    for (id, key) in object(request.body["one_time_keys"].clone()) {
        if keys.one_time.get(&id).is_some_and(|before| *before != key) {
            let error = format!("One time key {id} already exists. Old key: …; new key: …");
            return Err(Refusal::new(400, "M_UNKNOWN", error));
        }
        keys.one_time.insert(id, key);
    }
    keys.fallback.extend(object(request.body["fallback_keys"].clone()));
    let counts = keys.counts();
    if let Some(identity) = request.body.get("device_keys").filter(|keys| keys.is_object()) {
        keys.identity = Some(identity.clone());
        changed(state, &request.by().user);
    }
    Ok(json!({ "one_time_key_counts": counts }))
}

/// Has all syncs tell that somebody's keys are to be asked for again.
fn changed(state: &mut State, user: &str) {
    let position = state.next_position();
    state.user_mut(user).keys.changed = position;
}

pub(super) fn query(state: &mut State, request: &Request) -> Outcome {
    let mut answer = json!({
        "failures": {}, "device_keys": {}, "master_keys": {}, "self_signing_keys": {}, "user_signing_keys": {},
    });
    for (id, _) in object(request.body["device_keys"].clone()) {
        let Some(user) = state.users.get(&id) else { continue };
        let devices = user.devices.iter();
        let devices: Map<String, Value> =
            devices.filter_map(|(id, device)| Some((id.clone(), device.keys.identity.clone()?))).collect();
        answer["device_keys"][&id] = devices.into();
        for (name, key) in &user.keys.signing {
            // Nobody else sees whom a user has verified.
            if name != "user_signing_key" || id == request.by().user {
                answer[format!("{name}s")][&id] = key.clone();
            }
        }
    }
    Ok(answer)
}

pub(super) fn claim(state: &mut State, request: &Request) -> Outcome {
    let mut claimed = Map::new();
    for (id, devices) in object(request.body["one_time_keys"].clone()) {
        let Some(user) = state.users.get_mut(&id) else { continue };
        let mut found = Map::new();
        for (device, _) in object(devices) {
            let Some(keys) = user.devices.get_mut(&device).map(|device| &mut device.keys) else { continue };
            let fallback = keys.fallback.iter().next().map(|(id, key)| (id.clone(), key.clone()));
            if let Some((id, key)) = keys.one_time.pop_first().or(fallback) {
                found.insert(device, json!({ id: key }));
            }
        }
        claimed.insert(id, found.into());
    }
    Ok(json!({ "failures": {}, "one_time_keys": claimed }))
}

pub(super) fn upload_signing_keys(state: &mut State, request: &Request) -> Outcome {
    let mut keys = object((*request.body).clone());
    keys.remove("auth");
    state.user_mut(&request.by().user).keys.signing.extend(keys);
    changed(state, &request.by().user);
    Ok(json!({}))
}

pub(super) fn upload_signatures(state: &mut State, request: &Request) -> Outcome {
    for (id, signed) in object((*request.body).clone()) {
        let Some(user) = state.users.get_mut(&id) else { continue };
        for (name, signed) in object(signed) {
            let device = user.devices.get_mut(&name).and_then(|device| device.keys.identity.as_mut());
            let public = format!("ed25519:{name}");
            let signing = user.keys.signing.values_mut().find(|key| key["keys"].get(&public).is_some());
            if let Some(key) = device.or(signing) {
                merge(&mut key["signatures"], &signed["signatures"]);
            }
        }
        changed(state, &id);
    }
    Ok(json!({ "failures": {} }))
}

/// Adds the signatures, which stand below the users and the keys that made them.
fn merge(into: &mut Value, signatures: &Value) {
    for (user, made) in object(signatures.clone()) {
        for (key, signature) in object(made) {
            into[&user][&key] = signature;
        }
    }
}

pub(super) fn backup(state: &mut State, request: &Request) -> Outcome {
    let backup = state.user_mut(&request.by().user).keys.backup.clone();
    backup.ok_or_else(|| Refusal::not_found("No backup found"))
}

/// Nobody's clients put keys of messages there: there are no encrypted rooms here.
pub(super) fn backed_up_key(_: &mut State, _: &Request) -> Outcome {
    Err(Refusal::not_found("No room_keys found"))
}

pub(super) fn make_backup(state: &mut State, request: &Request) -> Outcome {
    let version = state.fresh_id().to_string();
    let mut backup = object((*request.body).clone());
    backup.extend(object(json!({ "version": version, "count": 0, "etag": "0" })));
    state.user_mut(&request.by().user).keys.backup = Some(backup.into());
    Ok(json!({ "version": version }))
}

/// What devices say to each other goes nowhere: there are no encrypted rooms here.
pub(super) fn send_to_device(_: &mut State, _: &Request) -> Outcome {
    Ok(json!({}))
}
