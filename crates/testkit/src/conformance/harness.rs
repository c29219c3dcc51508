//! What an adapter's author writes for the kit: the platform, as far as the kit must see it.

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use switchboard_core::{Inbox, MessageId, Messenger, markup::Rendered};

/// A stand-in for the platform, and how the adapter under test is connected to it.
///
/// It speaks of the platform only: which ids the adapter makes of a room or a person is the adapter's business, and
/// the kit learns them from what comes in. Every case gets a harness of its own.
#[async_trait]
pub trait Harness: Send + Sync + Sized + 'static {
    /// A platform with nothing written on it, and one channel's account there.
    async fn start() -> Self;

    /// Makes the adapter, as a gateway does when it starts: with the same configuration each time, and with nothing
    /// kept from the adapter before it but what a process finds on its disk. The kit calls [`Messenger::run`] itself.
    ///
    /// `routes` is for adapters that receive through HTTP routes of their own, which are to be served when this
    /// returns; the others receive through the inbox that `run` is given, and leave this one alone.
    async fn connect(&self, routes: Inbox) -> Connection;

    /// Has a person write this text. Returns at once: the platform keeps it for the adapter, for as long as the
    /// adapter has not confirmed it. [`Lacks`] only for a group.
    async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks>;

    /// Has something happen that is not simply a text: everything of this kind that the platform knows, in the order
    /// in which it is returned.
    async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks>;

    /// Whether the adapter has told the platform that it has this: acknowledged it, answered 2xx, or asked for what
    /// comes after it. [`Lacks`] where nothing of the kind is told.
    async fn confirmed(&self, written: &Written) -> Result<bool, Lacks>;

    /// What a person in the room sees now of the channel.
    async fn view(&self, room: Room) -> View;

    /// Gives the next send to this room trouble: the next one only, so that a repetition would succeed, except where
    /// the trouble says otherwise.
    async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks>;

    /// Makes the platform unreachable for the adapter, open connections included, or reachable again.
    async fn reachable(&self, reachable: bool) -> Result<(), Lacks>;

    /// What must never show up in a log, an error or a finding: tokens, passwords, in every spelling in which the
    /// adapter uses them.
    fn secrets(&self) -> Vec<String>;

    /// What a person sees of one message, given as it was written and as the parts that were sent. The parts, unless
    /// the messenger shows the stored message itself (the page).
    fn looks(&self, markdown: &str, parts: &[Rendered]) -> Vec<Rendered> {
        let _ = markdown;
        parts.to_vec()
    }
}

/// The adapter of one process.
pub struct Connection {
    /// The adapter.
    pub messenger: Arc<dyn Messenger>,
    /// What else the process holds, such as the server of the adapter's routes. Dropping it must end that at once, as
    /// the death of the process does. `Box::new(())` if there is nothing.
    pub guard: Box<dyn Any + Send>,
}

/// Where somebody writes. The harness makes the person and the room when they are named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Room {
    /// The channel's direct conversation with this person.
    Direct(u32),
    /// A conversation of several people with the channel, which they address in the messenger's way, such as a
    /// mention.
    Group(u32),
}

/// A message on the platform, under a name that the harness chose, so that the kit can ask about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Written(pub String);

/// What can happen besides that a person writes a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A person sends what is no text: a picture without a caption, a sticker, a place. Each must come in, in words.
    Wordless,
    /// What must not come in as a message: the channel's own messages, another bot's, somebody's joining.
    NoMessage,
}

/// What a person sees of the channel in a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The channel's messages, oldest first.
    pub messages: Vec<Shown>,
    /// Whether the channel is seen writing.
    pub typing: bool,
}

/// One of the channel's messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its id, as the adapter writes it. `None` where the platform gives messages no ids.
    pub id: Option<MessageId>,
    /// Its text and formatting, as the platform got them.
    pub text: Rendered,
}

/// What can happen to a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The platform refuses this message for good.
    Refused,
    /// The platform asks to send it again after this long: whole seconds.
    RateLimited(Duration),
    /// The platform says that the conversation is no more, or that the person blocked the channel.
    Gone,
    /// The platform does not accept the channel's credentials, whatever it is called for from now on: a token was
    /// revoked.
    Unauthorized,
    /// The platform does not accept the channel's credentials in this one call, and does in every other.
    UnauthorizedOnce,
    /// The platform says that it cannot work at the moment, and the message is not sent.
    Unavailable,
    /// The platform shows the message, and its answer never arrives: the connection breaks.
    AnswerLost,
}

/// The platform has no such thing, and why. The case that asked counts as passed, and says so on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacks(pub &'static str);
