//! Receiving: what the homeserver hands over, and what it did not.
//!
//! The SDK asks for what is new (`/sync`) and notes how far it is before anybody has seen what came. So the channel
//! has a position of its own, stored with the messages (`marks`), and only that one counts. Where the two differ,
//! because the process ended in between or the SDK failed on an event, and where the homeserver left something out,
//! the rooms' histories are read on from our position (`history`). What comes twice is recognised by its id.
//!
//! Beside that, in the same task: messages whose keys came late are read (`late`), and whoever refuses a key is told that
//! nobody reads what it is for (`withheld`), invitations are accepted (`invitations`), requests for verification are
//! refused (`verification`), what was read is marked as read (`receipts`), and the account's encryption is set up.

mod history;
mod invitations;
mod late;
mod message;
mod receipts;
mod sync;
mod to_device;
mod verification;
mod withheld;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId};
use switchboard_core::{AcceptError, ConnectionState, Cursor, Event, Inbox, RunError, chain};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    MatrixConfig,
    account::{self, Account, OpenError, Purpose},
    connection::Connection,
    error::Fault,
    marks::Marks,
};
use sync::Receiver;

/// How long until the encryption is tried to be set up again.
const KEYS_PAUSE: std::time::Duration = std::time::Duration::from_mins(10);

/// Receives until `stop`.
pub(crate) async fn run(
    connection: &Connection,
    config: &MatrixConfig,
    inbox: Inbox,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let status = inbox.status().clone();
    status.set(ConnectionState::Connecting);
    let (unsaved, device) = (Mutex::new(None), Mutex::new(None));
    // What is dropped here is not stored, and our position is before it.
    let ended =
        stop.run_until_cancelled(Box::pin(receive(connection, config, &inbox, &unsaved, &device))).await;
    release(&device).await;
    if let Some(Ended::NotOwner) = ended {
        stop.cancelled().await;
    } else if let Some(position) = unsaved.into_inner().expect("nobody panics while holding it") {
        // It saves the next one some reading.
        inbox.accept(Vec::new(), Some(position)).await.ok();
    }
    if let Some(Ended::Fatal(error)) = ended {
        return Err(error);
    }
    status.set(ConnectionState::Stopped);
    Ok(())
}

async fn receive(
    connection: &Connection,
    config: &MatrixConfig,
    inbox: &Inbox,
    unsaved: &Mutex<Option<Cursor>>,
    device: &Mutex<Option<Arc<Account>>>,
) -> Ended {
    loop {
        let marks = stored_marks(config, inbox).await;
        let account = match open(connection, config, inbox, marks.as_ref()).await {
            Ok(account) => account,
            Err(error) => return Ended::Fatal(error),
        };
        *device.lock().expect("nobody panics while holding it") = Some(account.clone());
        match Box::pin(with(&account, config, inbox, marks, unsaved)).await {
            Ended::LoggedOutSoftly => {
                tracing::warn!(channel = %config.channel, "the homeserver has ended the session; logging in again");
                if let Err(error) = account.keep(|kept| kept.session = None).await {
                    tracing::error!(channel = %config.channel, error = chain(&error), "the session cannot be forgotten");
                    sleep(config.longest_pause).await;
                }
                drop(account);
                release(device).await;
            }
            ended => return ended,
        }
    }
}

/// Lets go of the device.
async fn release(device: &Mutex<Option<Arc<Account>>>) {
    let held = device.lock().expect("nobody panics while holding it").take();
    if let Some(account) = held {
        account.release().await;
    }
}

/// Receives with one session.
async fn with(
    account: &Account,
    config: &MatrixConfig,
    inbox: &Inbox,
    marks: Option<Marks>,
    unsaved: &Mutex<Option<Cursor>>,
) -> Ended {
    let (read, seen) = mpsc::channel(receipts::WAITING);
    let (refused, requests) = mpsc::channel(verification::WAITING);
    let shared = Shared {
        account,
        config,
        inbox,
        marks: Mutex::new(marks.unwrap_or_else(|| Marks::new(&account.device, "", String::new()))),
        unsaved,
        storing: tokio::sync::Mutex::new(()),
        changed: Notify::new(),
        set_up: Notify::new(),
        connected: watch::Sender::new(false),
        read,
        refused,
        refusals: Mutex::default(),
        told: Mutex::default(),
    };
    tokio::select! {
        ended = async { Receiver::new(&shared).await.run().await } => ended,
        ended = shared.read_late() => ended,
        ended = shared.accept_invitations() => ended,
        ended = shared.watch_for_copies() => ended,
        () = shared.refuse_verifications(requests) => unreachable!("the sender lives as long"),
        () = shared.send_receipts(seen) => unreachable!("the sender lives as long"),
        () = shared.set_up_encryption() => unreachable!("it waits when it is done"),
    }
}

/// Why receiving ended by itself.
enum Ended {
    Fatal(RunError),
    /// The session is over, the device is not.
    LoggedOutSoftly,
    /// Another replica owns the channel.
    NotOwner,
}

/// What all that goes on at once shares.
struct Shared<'a> {
    account: &'a Account,
    config: &'a MatrixConfig,
    inbox: &'a Inbox,
    /// Where the channel stands. Stored by the receiver only; what the others change is stored with the next
    /// position, and repeating their work in between does no harm.
    marks: Mutex<Marks>,
    /// A position that is not stored yet, and before which everything is.
    unsaved: &'a Mutex<Option<Cursor>>,
    /// Held while something is handed over: a position says that everything before it is stored.
    storing: tokio::sync::Mutex<()>,
    /// Something waits for a key, or an invitation to be accepted.
    changed: Notify,
    /// The copy of the keys on the homeserver can be used from now on.
    set_up: Notify,
    /// Whether the homeserver has answered in this session.
    connected: watch::Sender<bool>,
    /// Messages that are stored, for receipts.
    read: mpsc::Sender<(OwnedRoomId, OwnedEventId)>,
    /// Requests for verification that are to be refused.
    refused: mpsc::Sender<verification::Request>,
    /// The keys that were refused to us.
    refusals: Mutex<withheld::Refusals>,
    /// What has been said in the log and need not be repeated.
    told: Mutex<HashSet<String>>,
}

impl Shared<'_> {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().expect("nobody panics while holding it")
    }

    fn refusals(&self) -> MutexGuard<'_, withheld::Refusals> {
        self.refusals.lock().expect("nobody panics while holding it")
    }

    /// Stores what happened. While the store does not take it, the caller does nothing else.
    async fn store(&self, events: Vec<Event>, cursor: Option<Cursor>) -> Result<(), Ended> {
        let _alone = self.storing.lock().await;
        loop {
            match self.inbox.accept(events.clone(), cursor.clone()).await {
                Ok(_) => {
                    // For how long the store was away is not the homeserver's silence.
                    self.inbox.status().progress();
                    return Ok(());
                }
                Err(AcceptError::Unavailable { retry_after }) => sleep(retry_after).await,
                Err(AcceptError::NotOwner) => return Err(Ended::NotOwner),
            }
        }
    }

    /// What a failed call leads to: the end of the session, or another attempt. That the session is over is believed
    /// only if it is so a while later, which grows with the `failures` in a row.
    async fn confirmed(&self, fault: Fault, failures: u32) -> Result<Fault, Ended> {
        if !fault.ends_the_session() {
            return Ok(fault);
        }
        sleep(self.config.pause(failures)).await;
        match self.account.confirm(fault).await {
            Fault::LoggedOutSoftly => Err(Ended::LoggedOutSoftly),
            Fault::LoggedOut(reason) => Err(Ended::Fatal(account::logged_out(self.account, &reason))),
            fault => Ok(fault),
        }
    }

    /// Whether this is said for the first time.
    fn tell_once(&self, what: &str) -> bool {
        self.told.lock().expect("nobody panics while holding it").insert(what.to_owned())
    }

    /// Publishes how many messages wait for keys that may come.
    fn publish_waiting(&self) {
        self.inbox.status().set_undecrypted(self.marks().hopeful());
    }

    /// Sets the account's encryption up, as soon as there is a connection, and until it is.
    async fn set_up_encryption(&self) {
        let connected = self.connected.subscribe().wait_for(|connected| *connected).await.map(|_| ());
        connected.expect("the sender lives as long");
        loop {
            match account::set_up_encryption(self.account, self.config).await {
                Ok(()) => {
                    self.set_up.notify_one();
                    return std::future::pending().await;
                }
                Err(error) => {
                    let reason = chain(&error);
                    tracing::warn!(channel = %self.config.channel, reason, "encryption is not set up completely");
                }
            }
            sleep(KEYS_PAUSE).await;
        }
    }

    /// The homeserver says when it has other keys of this device than we have.
    async fn watch_for_copies(&self) -> Ended {
        let mut alarm = self.account.client.subscribe_to_duplicate_key_upload_errors();
        // An end of the stream is the client's, and missed alarms are alarms.
        let _ = alarm.recv().await;
        Ended::Fatal(RunError {
            reason: format!(
                "the homeserver has other keys of the device {} than the state_dir {}: a copy of the directory is in \
                 use, or it was put back as it was once",
                self.account.device,
                self.config.state_dir.display()
            ),
            remedy: format!(
                "end the other program and put the newest directory back; if there is none, let a new device take \
                 its place with replaces_device = {:?}",
                self.account.device
            ),
        })
    }
}

/// Where the channel stands. A cursor that cannot be read now is not taken for none.
async fn stored_marks(config: &MatrixConfig, inbox: &Inbox) -> Option<Marks> {
    loop {
        let Ok(cursor) = inbox.cursor().await else {
            sleep(config.first_pause).await;
            continue;
        };
        let marks = Marks::parse(&cursor?);
        if marks.is_none() {
            tracing::warn!(channel = %config.channel, "the cursor is not one of this version; beginning with what comes now");
        }
        return marks;
    }
}

/// Opens the device. Tried until it succeeds.
async fn open(
    connection: &Connection,
    config: &MatrixConfig,
    inbox: &Inbox,
    marks: Option<&Marks>,
) -> Result<Arc<Account>, RunError> {
    let mut failures = 0;
    loop {
        let (reason, retry_after) = match connection.open(config, Purpose::Receive(marks)).await {
            Ok(account) => return Ok(account),
            Err(OpenError::Fatal(error)) => return Err(error),
            Err(OpenError::Trouble { reason, retry_after }) => (reason, retry_after),
        };
        tracing::warn!(channel = %config.channel, reason, "the account cannot be opened");
        inbox.status().set(ConnectionState::Interrupted(reason));
        sleep(retry_after.unwrap_or_else(|| config.pause(failures))).await;
        failures = failures.saturating_add(1);
    }
}
