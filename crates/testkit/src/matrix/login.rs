//! Logging in and out, and who is logged in.

#![expect(clippy::unnecessary_wraps, reason = "whatever carries out a call is of one type")]

use serde_json::{Value, json};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::{SERVER, State};

pub(super) fn versions(_: &mut State, _: &Request) -> Outcome {
    let versions: Vec<String> = (1..=12).map(|minor| format!("v1.{minor}")).collect();
    Ok(json!({ "versions": versions, "unstable_features": {} }))
}

pub(super) fn flows(_: &mut State, _: &Request) -> Outcome {
    Ok(json!({ "flows": [{ "type": "m.login.password" }] }))
}

pub(super) fn log_in(state: &mut State, request: &Request) -> Outcome {
    if request.text("type") != Some("m.login.password") {
        return Err(Refusal::new(400, "M_UNKNOWN", "Unknown login type"));
    }
    let name = request.body["identifier"]["user"].as_str().or_else(|| request.text("user"));
    let name = name.ok_or_else(|| Refusal::bad_json("Missing identifier"))?;
    let user = if name.starts_with('@') { name.to_owned() } else { format!("@{name}:{SERVER}") };
    let password = state.users.get(&user).and_then(|user| user.password.as_deref());
    if password.is_none() || password != request.text("password") {
        return Err(Refusal::forbidden("Invalid username or password"));
    }
    let device = request.text("device_id").map_or_else(|| state.fresh_device(), str::to_owned);
    let token = state.log_in(&user, &device);
    if let Some(name) = request.text("initial_device_display_name") {
        let device = state.user_mut(&user).devices.get_mut(&device).expect("it has just logged in");
        device.display_name.get_or_insert(name.to_owned());
    }
    Ok(json!({ "user_id": user, "access_token": token, "device_id": device, "home_server": SERVER }))
}

pub(super) fn log_out(state: &mut State, request: &Request) -> Outcome {
    state.end_session(request.by(), false);
    Ok(json!({}))
}

pub(super) fn whoami(_: &mut State, request: &Request) -> Outcome {
    let by = request.by();
    Ok(json!({ "user_id": by.user, "device_id": by.id, "is_guest": false }))
}

pub(super) fn devices(state: &mut State, request: &Request) -> Outcome {
    let user = state.user_mut(&request.by().user);
    let devices: Vec<Value> =
        user.devices.iter().map(|(id, device)| device_json(id, device.display_name.as_deref())).collect();
    Ok(json!({ "devices": devices }))
}

pub(super) fn device(state: &mut State, request: &Request) -> Outcome {
    let id = request.name(0);
    let device = state.user_mut(&request.by().user).devices.get(id);
    let device = device.ok_or_else(|| Refusal::not_found("No device found"))?;
    Ok(device_json(id, device.display_name.as_deref()))
}

fn device_json(id: &str, display_name: Option<&str>) -> Value {
    json!({ "device_id": id, "display_name": display_name })
}
