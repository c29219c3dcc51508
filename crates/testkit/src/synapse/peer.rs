//! A user with end-to-end encryption, on another implementation than the gateway's.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::PEER_VARIABLE;
use super::account::Account;
use super::inbox::{Inbox, Message};
use crate::child::{self, Child, DeathSignal};
use crate::directory::ScratchDirectory;
use crate::wait::wait_for;

const PROGRAM: &str = include_str!("peer.py");
const LIMIT: Duration = Duration::from_mins(1);

/// An [`Account`] whose device encrypts and decrypts, by a program on matrix-nio. Ended when dropped.
///
/// It trusts every device, verified or not, and outlasts a restart of the server. What needs no keys, such as making
/// rooms and inviting into them, is done by its [`account`](Self::account).
#[derive(Debug)]
pub struct Peer {
    account: Account,
    commands: AtomicU64,
    inbox: Arc<Inbox>,
    program: Option<Program>,
    // After the program, so that it is gone when its files go.
    store: ScratchDirectory,
}

#[derive(Debug)]
struct Program {
    input: Mutex<ChildStdin>,
    child: Child,
    listener: JoinHandle<()>,
}

impl Peer {
    /// Makes keys for the account's device and follows its rooms. An account can be one peer's only.
    pub async fn start(account: &Account) -> Result<Self> {
        let store = ScratchDirectory::create("peer")?;
        let (commands, inbox) = (AtomicU64::new(0), Arc::new(Inbox::default()));
        let mut peer = Self { account: account.clone(), commands, inbox, program: None, store };
        peer.resume().await?;
        Ok(peer)
    }

    /// The same user on the same device, for all that needs no keys.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Ends the program: the user is away until [`resume`](Self::resume).
    pub async fn stop(&mut self) {
        if let Some(Program { input, child, listener }) = self.program.take() {
            // The program ends with its input.
            drop(input);
            wait_for("the peer to end", LIMIT, async || child.wait(Duration::ZERO)).await;
            let heard_all = async || listener.is_finished().then_some(());
            wait_for("what the peer printed last", LIMIT, heard_all).await;
        }
    }

    /// Starts the program with the keys it had. It hears what was said while it was away.
    pub async fn resume(&mut self) -> Result<()> {
        if self.program.is_none() {
            self.inbox.expect_start();
            self.program = Some(Program::start(&self.account, self.store.path(), &self.inbox)?);
            self.wait("the peer to be ready", || self.inbox.is_ready().then_some(())).await;
        }
        Ok(())
    }

    /// Waits until the user is in the room and, where it is encrypted, has a device with keys. Before, what is said
    /// in an encrypted room cannot be read by that user.
    pub async fn meet(&self, room: &str, user_id: &str) -> Result<()> {
        self.command(json!({ "do": "meet", "room": room, "user": user_id })).await.map(drop)
    }

    /// Says `text`, encrypted where the room is. Returns the event's id.
    pub async fn say(&self, room: &str, text: &str) -> Result<String> {
        self.send(room, &json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Says `text` in the thread that the event `thread` begins.
    pub async fn say_in_thread(&self, room: &str, thread: &str, text: &str) -> Result<String> {
        let relation = json!({
            "rel_type": "m.thread",
            "event_id": thread,
            "m.in_reply_to": { "event_id": thread },
            "is_falling_back": true,
        });
        self.send(room, &json!({ "msgtype": "m.text", "body": text, "m.relates_to": relation })).await
    }

    /// Sends a message with this content. Returns the event's id.
    pub async fn send(&self, room: &str, content: &Value) -> Result<String> {
        let answer = self.command(json!({ "do": "send", "room": room, "content": content })).await?;
        answer["event_id"].as_str().map(str::to_owned).context("the peer gives an event_id")
    }

    /// The oldest message of others in the room that was not returned by this before. Panics where none comes.
    pub async fn next_message(&self, room: &str) -> Message {
        self.wait(&format!("a message in {room}"), || self.inbox.take(room)).await
    }

    /// The first message of others in the room that passes `matches`, be it read or not. Panics where none comes.
    pub async fn wait_for_message(&self, room: &str, matches: impl Fn(&Message) -> bool) -> Message {
        let find = || self.messages(room).into_iter().find(|message| matches(message));
        self.wait(&format!("that message in {room}"), find).await
    }

    /// All that others said in the room since the start, in the order in which it came.
    pub fn messages(&self, room: &str) -> Vec<Message> {
        self.inbox.messages(room)
    }

    async fn command(&self, mut command: Value) -> Result<Value> {
        let id = self.commands.fetch_add(1, Ordering::Relaxed);
        command["id"] = id.into();
        let program = self.program.as_ref().context("the peer is stopped")?;
        program.tell(&command).context("give the peer a command")?;
        let answer = self.wait(&format!("an answer to {command}"), || self.inbox.answer(id)).await;
        if let Some(error) = answer["error"].as_str() {
            bail!("the peer failed with {command}: {error}");
        }
        Ok(answer)
    }

    async fn wait<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let condition = async || {
            let ended = self.program.as_ref().and_then(|program| program.child.wait(Duration::ZERO));
            // Asked after, since what it printed last is there when it has ended.
            let value = condition();
            assert!(value.is_some() || ended.is_none(), "the peer ended while waiting for {what}");
            value
        };
        wait_for(what, LIMIT, condition).await
    }
}

impl Program {
    fn start(account: &Account, store: &Path, inbox: &Arc<Inbox>) -> Result<Self> {
        let environment = env::var_os(PEER_VARIABLE).with_context(|| {
            format!("{PEER_VARIABLE} does not say where matrix-nio is; use cargo xtask test")
        })?;
        let python = Path::new(&environment).join("bin/python");
        let mut command = child::command(&python, DeathSignal::Kill);
        // What it has to complain about is shown with the output of the test.
        command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let (child, pipes) =
            Child::spawn(command).with_context(|| format!("start the peer with {}", python.display()))?;
        let listener = inbox.fill_from(pipes.stdout.context("the peer's output is piped")?);
        let input = pipes.stdin.context("the peer's input is piped")?;
        let program = Self { input: Mutex::new(input), child, listener };
        program.tell(&json!({
            "homeserver": account.homeserver().base_url(),
            "user": account.user_id,
            "device": account.device_id,
            "token": account.access_token,
            "store": store,
        }))?;
        Ok(program)
    }

    fn tell(&self, line: &Value) -> Result<()> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(writeln!(input, "{line}")?)
    }
}
