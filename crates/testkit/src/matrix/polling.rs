//! `/sync` as a long poll: it is answered when there is something to tell, or when its time is over.

use std::pin::pin;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::answer::{Outcome, Refusal};
use super::request::Request;
use super::state::{Shared, State};
use super::sync::{Sync, parse_token};

/// `repeated`: whether the last answer is to be given again.
pub(super) async fn sync(shared: &Shared, request: &Request, repeated: bool) -> Outcome {
    let by = request.by();
    let sync = begin(&mut shared.lock(), request)?;
    if repeated && let Some(last) = shared.lock().user_mut(&by.user).last_sync.clone() {
        return Ok(last);
    }
    let until = Instant::now() + Duration::from_millis(request.number("timeout")?.unwrap_or(0));
    let answer = wait(shared, &sync, until).await?;
    shared.lock().user_mut(&by.user).last_sync = Some(answer.clone());
    Ok(answer)
}

/// Reads what is asked for, and notes that the user has all that came before.
fn begin(state: &mut State, request: &Request) -> Result<Sync, Refusal> {
    let by = request.by();
    let since = request.query.get("since").map(|since| parse_token(since)).transpose()?;
    let filter = filter(state, &by.user, request.query.get("filter").map(String::as_str))?;
    let (usual, most) = state.timeline_limits;
    let asked = filter["room"]["timeline"]["limit"].as_u64();
    let limit = asked.map_or(usual, |asked| usize::try_from(asked).unwrap_or(most)).min(most);
    let rooms = filter["room"]["rooms"].as_array().cloned();
    let user = state.user_mut(&by.user);
    user.heard = user.heard.max(since.unwrap_or(0));
    let full_state = request.query.get("full_state").is_some_and(|full| full == "true");
    Ok(Sync { by: by.clone(), since, limit, rooms, full_state })
}

/// What a filter says, which is JSON or the id of a kept one. `null` where there is none.
fn filter(state: &State, user: &str, filter: Option<&str>) -> Result<Value, Refusal> {
    let Some(filter) = filter else { return Ok(Value::Null) };
    if filter.starts_with('{') {
        return serde_json::from_str(filter).map_err(|_| Refusal::bad_json("Invalid filter"));
    }
    let kept = filter.parse().ok().and_then(|id: usize| state.users[user].filters.get(id));
    kept.cloned().ok_or_else(|| Refusal::new(400, "M_INVALID_PARAM", "No such filter"))
}

/// Counts a long poll for as long as it waits.
struct Waiting<'a>(&'a Shared);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().polls -= 1;
    }
}

async fn wait(shared: &Shared, sync: &Sync, until: Instant) -> Outcome {
    let mut waiting = None;
    loop {
        let mut changed = pin!(shared.changed.notified());
        // What changes from here on is not missed.
        changed.as_mut().enable();
        {
            let mut state = shared.lock();
            let device = state.device_mut(&sync.by);
            if device.token.is_none() {
                return Err(Refusal::unknown_token(device.softly_logged_out));
            }
            let (news, answer) = sync.answer(&state);
            if news || Instant::now() >= until {
                return Ok(answer);
            }
            if waiting.is_none() {
                state.polls += 1;
                waiting = Some(Waiting(shared));
            }
        }
        tokio::select! {
            () = changed => {}
            () = sleep_until(until) => {}
        }
    }
}
