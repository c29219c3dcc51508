//! Accepting invitations, as far as the configuration allows.

use std::{collections::HashMap, time::Duration};

use matrix_sdk::{
    Room, RoomState,
    ruma::{OwnedRoomId, RoomId},
};
use tokio::time::{Instant, sleep_until};

use super::{Ended, Shared};
use crate::error::Fault;

/// The pauses between attempts to join: an invitation may arrive before the room can be joined.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What was tried already.
struct Attempts {
    failures: u32,
    next: Instant,
}

impl Shared<'_> {
    /// Notes an invitation, if it is to be accepted.
    pub(super) async fn invited(&self, room: &RoomId) {
        let Some(handle) = self.account.client.get_room(room) else { return };
        if handle.state() != RoomState::Invited {
            return;
        }
        let inviter = handle.invite_details().await.ok().map(|details| details.inviter_id);
        if inviter.as_ref().is_some_and(|inviter| self.config.invites.allow(inviter)) {
            self.marks().joining.insert(room.to_owned());
        } else if self.tell_once(room.as_str()) {
            // Who it was is nobody's business who reads logs.
            let server = inviter.as_deref().map_or("", |inviter| inviter.server_name().as_str());
            tracing::info!(channel = %self.config.channel, server, "an invitation is not accepted");
        }
    }

    /// Joins the rooms that are to be entered, one after the other.
    pub(super) async fn accept_invitations(&self) -> Ended {
        let mut attempts: HashMap<OwnedRoomId, Attempts> = HashMap::new();
        loop {
            let changed = self.changed.notified();
            let open: Vec<Room> = self.open_invitations();
            attempts.retain(|room, _| open.iter().any(|it| it.room_id() == room));
            let now = Instant::now();
            for room in open {
                let entry =
                    attempts.entry(room.room_id().to_owned()).or_insert(Attempts { failures: 0, next: now });
                if entry.next > now {
                    continue;
                }
                if let Err(error) = room.join().await {
                    let fault = match self.confirmed(Fault::of(&error), entry.failures).await {
                        Ok(fault) => fault,
                        Err(ended) => return ended,
                    };
                    let reason = fault.describe();
                    tracing::warn!(channel = %self.config.channel, reason, "a room cannot be joined");
                    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(entry.failures));
                    entry.next = Instant::now() + fault.retry_after().unwrap_or(pause).min(LONGEST_PAUSE);
                    entry.failures = entry.failures.saturating_add(1);
                }
            }
            let next = attempts.values().map(|it| it.next).filter(|next| *next > now).min();
            tokio::select! {
                () = changed => {}
                () = async { match next { Some(next) => sleep_until(next).await, None => std::future::pending().await } } => {}
            }
        }
    }

    fn open_invitations(&self) -> Vec<Room> {
        let joining = self.marks().joining.clone();
        let rooms = joining.iter().filter_map(|room| self.account.client.get_room(room));
        rooms.filter(|room| room.state() == RoomState::Invited).collect()
    }
}
