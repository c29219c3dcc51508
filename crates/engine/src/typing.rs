//! Showing that an answer is being written: from when the AI has taken a message until the answer
//! goes out, or a cap.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use governor::{DefaultDirectRateLimiter, RateLimiter};
use switchboard_core::{Action, ConversationId, Rate, Scope, SendError, Typing, chain};
use switchboard_store::ChatKey;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    channel::Attached,
    lanes::{LONGEST_PAUSE, quota},
};

/// An answer that comes sooner than this needs no indicator, and costs no call to the messenger.
const SHOW_AFTER: Duration = Duration::from_millis(300);
/// How many indicators are sent at once.
const AT_ONCE: usize = 16;
/// How long a messenger may take for one.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the typing task what happens in a chat. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct TypingHandle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    chats: Mutex<HashMap<ChatKey, Waiting>>,
    paused: Mutex<Paused>,
    changed: Notify,
}

/// What the platform asked to leave alone: an indicator would only make it wait longer.
#[derive(Default)]
struct Paused {
    everything: Option<Instant>,
    conversations: HashMap<ConversationId, Instant>,
}

/// A chat whose user waits for an answer.
struct Waiting {
    conversation: ConversationId,
    /// When the indicator is sent next; `None` until the AI has taken the message.
    show_at: Option<Instant>,
    until: Option<Instant>,
    shown: bool,
    answered: bool,
}

impl TypingHandle {
    /// A message is about to be given to the AI. Said before, so that an answer that overtakes the
    /// AI's confirmation is noticed.
    pub(crate) fn asked(&self, chat: ChatKey, conversation: &ConversationId) {
        self.chats().entry(chat).or_insert_with(|| Waiting {
            conversation: conversation.clone(),
            show_at: None,
            until: None,
            shown: false,
            answered: false,
        });
    }

    /// The AI has taken the message.
    pub(crate) fn taken(&self, chat: ChatKey) {
        if let Some(waiting) = self.chats().get_mut(&chat).filter(|it| it.show_at.is_none()) {
            waiting.show_at = Some(Instant::now() + SHOW_AFTER);
            self.shared.changed.notify_one();
        }
    }

    /// The AI has not taken the message.
    pub(crate) fn not_taken(&self, chat: ChatKey) {
        let mut chats = self.chats();
        if chats.get(&chat).is_some_and(|waiting| waiting.show_at.is_none()) {
            chats.remove(&chat);
        }
    }

    /// An answer goes out.
    pub(crate) fn answered(&self, chat: ChatKey) {
        let mut chats = self.chats();
        match chats.get_mut(&chat) {
            Some(waiting) if waiting.shown => {
                waiting.answered = true;
                self.shared.changed.notify_one();
            }
            Some(_) => {
                chats.remove(&chat);
            }
            None => {}
        }
    }

    /// The platform asks to wait, so that nothing is shown meanwhile.
    pub(crate) fn pause(&self, to: &Attached, conversation: &ConversationId, wait: Duration, scope: Scope) {
        let (now, mut paused) = (Instant::now(), self.paused());
        let until = now + wait.min(LONGEST_PAUSE);
        paused.conversations.retain(|_, until| *until > now);
        let before = match scope {
            Scope::Channel => paused.everything.get_or_insert(now),
            Scope::Conversation => paused.conversations.entry(to.rates(conversation).1).or_insert(now),
        };
        *before = until.max(*before);
    }

    fn is_paused(&self, to: &Attached, conversation: &ConversationId) -> bool {
        let (now, paused) = (Instant::now(), self.paused());
        let conversation = paused.conversations.get(&to.rates(conversation).1);
        paused.everything.as_ref().max(conversation).is_some_and(|until| *until > now)
    }

    fn paused(&self) -> MutexGuard<'_, Paused> {
        self.shared.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chats(&self) -> MutexGuard<'_, HashMap<ChatKey, Waiting>> {
        self.shared.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What must be sent now, and when to look again.
    fn due(
        &self,
        now: Instant,
        refresh: Duration,
        hide: bool,
        cap: Duration,
    ) -> (Vec<Typing>, Option<Instant>) {
        let mut due = Vec::new();
        let mut next = None;
        self.chats().retain(|_, waiting| {
            let Some(show_at) = waiting.show_at else { return true };
            let conversation = waiting.conversation.clone();
            if waiting.answered || waiting.until.is_some_and(|until| until <= now) {
                if hide && waiting.shown {
                    due.push(Typing { conversation, on: false });
                }
                return false;
            }
            let mut again = show_at;
            if show_at <= now {
                due.push(Typing { conversation, on: true });
                again = now + refresh;
                waiting.show_at = Some(again);
                waiting.until.get_or_insert(now + cap);
                waiting.shown = true;
            }
            next = Some(next.map_or(again, |earlier: Instant| earlier.min(again)));
            true
        });
        (due, next)
    }
}

/// Sends the channel's indicators until `stop`.
pub(crate) async fn run(to: Attached, handle: TypingHandle, stop: CancellationToken) {
    let cap = to.channel.policy.typing_cap;
    let mut rate = IndicatorRate::default();
    let mut next: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = handle.shared.changed.notified() => {}
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
        }
        // As far as platforms go, typing is the same in all conversations of a channel, so that any
        // of them tells how it is done.
        let support = {
            let chats = handle.chats();
            chats.values().find_map(|it| to.messenger.capabilities(&it.conversation).typing)
        };
        let Some(support) = support else {
            handle.chats().clear();
            next = None;
            continue;
        };
        let (due, again) = handle.due(Instant::now(), support.refresh, support.hide, cap);
        next = again;
        let within = |typing: &Typing| rate.allow(to.rates(&typing.conversation).0.channel, typing.on);
        let due: Vec<Typing> = due.into_iter().filter(within).collect();
        let shown = stream::iter(due).for_each_concurrent(AT_ONCE, |typing| send(&to, &handle, typing));
        tokio::select! {
            // A messenger that answers slowly must not hold it up.
            () = stop.cancelled() => return,
            () = shown => {}
        }
    }
}

/// The channel's rate, counted for the indicators alone. One that is over it is left out: what users
/// wait for must not be held up for it.
#[derive(Default)]
struct IndicatorRate(HashMap<Rate, DefaultDirectRateLimiter>);

impl IndicatorRate {
    fn allow(&mut self, rate: Option<Rate>, on: bool) -> bool {
        let Some(rate) = rate else { return true };
        // What is shown must be hidden.
        !on || self.0.entry(rate).or_insert_with(|| RateLimiter::direct(quota(rate))).check().is_ok()
    }
}

async fn send(to: &Attached, handle: &TypingHandle, typing: Typing) {
    let channel = &to.channel.policy.name;
    let conversation = typing.conversation.clone();
    if handle.is_paused(to, &conversation) {
        return;
    }
    let sent = tokio::time::timeout(TIMEOUT, to.messenger.execute(&Action::Typing(typing))).await;
    if let Ok(Err(SendError::RateLimited { retry_after, scope })) = &sent {
        handle.pause(to, &conversation, *retry_after, *scope);
    }
    match sent {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%channel, error = %chain(&error), "typing was not shown"),
        Err(_) => tracing::debug!(%channel, "typing was not shown in time"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const REFRESH: Duration = Duration::from_secs(4);
    const CAP: Duration = Duration::from_mins(2);

    fn on(due: &[Typing]) -> Vec<bool> {
        due.iter().map(|typing| typing.on).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn shown_after_a_moment_kept_alive_and_hidden_by_the_answer() {
        let typing = TypingHandle::default();
        let (chat, conversation) = (ChatKey(1), ConversationId::new("c"));
        typing.asked(chat, &conversation);
        assert_eq!(typing.due(Instant::now(), REFRESH, true, CAP).1, None, "the AI has not taken it yet");
        typing.taken(chat);
        let (due, next) = typing.due(Instant::now(), REFRESH, true, CAP);
        assert_eq!((on(&due), next), (vec![], Some(Instant::now() + SHOW_AFTER)));
        tokio::time::advance(SHOW_AFTER).await;
        let (due, next) = typing.due(Instant::now(), REFRESH, true, CAP);
        assert_eq!((on(&due), next), (vec![true], Some(Instant::now() + REFRESH)));
        typing.answered(chat);
        assert_eq!(on(&typing.due(Instant::now(), REFRESH, true, CAP).0), [false]);
        assert_eq!(typing.due(Instant::now(), REFRESH, true, CAP), (vec![], None));
    }

    #[test]
    fn indicators_keep_the_channel_s_rate_and_hiding_is_always_allowed() {
        let mut indicators = IndicatorRate::default();
        let rate = Rate { burst: NonZeroU32::new(2).expect("not zero"), period: Duration::from_hours(1) };
        let shown = [(); 3].map(|()| indicators.allow(Some(rate), true));
        assert_eq!(shown, [true, true, false]);
        assert!(indicators.allow(Some(rate), false));
        assert!(indicators.allow(None, true), "without a limit");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_overtakes_the_confirmation_shows_nothing() {
        let typing = TypingHandle::default();
        let chat = ChatKey(1);
        typing.asked(chat, &ConversationId::new("c"));
        typing.answered(chat);
        typing.taken(chat);
        tokio::time::advance(SHOW_AFTER).await;
        assert_eq!(typing.due(Instant::now(), REFRESH, true, CAP), (vec![], None));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_at_the_cap() {
        let typing = TypingHandle::default();
        typing.asked(ChatKey(1), &ConversationId::new("c"));
        typing.taken(ChatKey(1));
        tokio::time::advance(SHOW_AFTER).await;
        assert_eq!(on(&typing.due(Instant::now(), REFRESH, true, CAP).0), [true]);
        tokio::time::advance(CAP).await;
        assert_eq!(on(&typing.due(Instant::now(), REFRESH, true, CAP).0), [false]);
    }
}
