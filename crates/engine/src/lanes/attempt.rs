//! One attempt at one delivery, and its completion.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;

use switchboard_ai::{AiBackend, AiError, AiRequest, AiVerdict};
use switchboard_core::{
    Action, ConnectionState, ConversationId, Idempotency, MessageId, NotSupported, Receipt, Scope, SendError,
    SendText, Verdict, chain, markup::Rendered,
};
use switchboard_store::{Begin, Begun, Delivery, LeaseToken, Outcome, Payload, Settle, Settled, Store};
use tokio::time::Instant;

use super::lane::Queued;
use crate::{
    Backoff,
    channel::Attached,
    commit::{CommitError, GroupCommit},
    config::OnUnknown,
    storable::without_nul,
    typing::TypingHandle,
};

/// How long a messenger may take for one send before the outcome counts as unknown. Longer than
/// any adapter's own time limit; here so that a hanging adapter cannot hold a lane for ever.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);
/// How long the AI may take to accept one message. Longer than any backend's own time limit.
const AI_TIMEOUT: Duration = Duration::from_mins(11);
/// The longest pause that a platform may ask for; it is asked again after that. Platforms do ask for
/// hours, and asking too soon makes it longer.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// How much of a failure's reason is stored, in characters.
const MAX_ERROR: usize = 2000;
/// How long nothing is sent after the credentials were refused: a person must act first.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_mins(5);
/// How long to wait before a completion is handed to a store again that could not take it.
const SETTLE_AGAIN: Duration = Duration::from_millis(500);

/// What every attempt of a channel needs.
pub(crate) struct Attempts {
    pub(crate) to: Attached,
    pub(crate) ai: Arc<dyn AiBackend>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) begin: GroupCommit<Begin, Begun>,
    pub(crate) settle: GroupCommit<Settle, Settled>,
    pub(crate) fence: LeaseToken,
    pub(crate) backoff: Backoff,
    pub(crate) typing: TypingHandle,
    /// Why the credentials were refused, as it was published, until something was sent again.
    pub(crate) refused: Mutex<Option<String>>,
}

/// What an attempt came to, for the lane and its gate.
#[derive(Clone, Debug)]
pub(super) struct Attempted {
    pub(super) settled: Settled,
    pub(super) retried: bool,
    pub(super) pause: Option<Pause>,
}

/// What must wait, and for how long.
#[derive(Clone, Debug)]
pub(super) enum Pause {
    /// Everything in this direction.
    Everything(Duration),
    /// What goes to this conversation.
    Conversation(ConversationId, Duration),
}

/// What is to be stored, and whether anything else must wait.
struct Result {
    outcome: Outcome,
    pause: Option<Pause>,
}

impl Result {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, pause: None }
    }

    fn dead(error: String) -> Self {
        Self::of(Outcome::Dead { error })
    }
}

impl Attempts {
    /// Carries the delivery out once and returns after its completion is committed. While the
    /// store is away it keeps trying to complete, since what was sent must not be sent again.
    pub(super) async fn run(&self, queued: Queued) -> Attempted {
        let Queued { delivery, expires_at, .. } = queued;
        let expired = expires_at <= Instant::now();
        let mut result = if expired {
            Result::dead("it expired before it could be sent".to_owned())
        } else {
            // One text that an adapter trips over must not end the process, and end it again at
            // every start.
            let carried_out = AssertUnwindSafe(self.carry_out(&delivery)).catch_unwind().await;
            carried_out.unwrap_or_else(|_| Result::dead("the adapter panicked".to_owned()))
        };
        if let Outcome::Retry { after, .. } = &mut result.outcome {
            // It must be looked at when it expires, too.
            *after = (*after).min(expires_at.saturating_duration_since(Instant::now()));
        }
        self.log(&delivery, &result.outcome);
        let retried = matches!(result.outcome, Outcome::Retry { .. });
        let settle = Settle {
            channel: self.to.channel.policy.name.clone(),
            fence: self.fence,
            lane: delivery.lane,
            delivery: delivery.id,
            key: delivery.key.clone(),
            outcome: storable(result.outcome),
            attempted: !expired,
        };
        Attempted { settled: self.complete(settle).await, retried, pause: result.pause }
    }

    async fn carry_out(&self, delivery: &Delivery) -> Result {
        match &delivery.payload {
            Payload::ToAi { text } => self.to_ai(delivery, text).await,
            Payload::ToMessenger { text, reply_to } => {
                self.typing.answered(delivery.chat.key);
                match self.begin(delivery).await {
                    Ok(()) => self.to_messenger(delivery, text, reply_to.as_ref()).await,
                    Err(result) => result,
                }
            }
        }
    }

    /// Where a message is rather lost than sent twice, the beginning of an attempt is stored, so that
    /// one that is cut off by the process's end is not repeated after its start.
    async fn begin(&self, delivery: &Delivery) -> std::result::Result<(), Result> {
        let idempotency = self.to.messenger.capabilities(&delivery.chat.conversation).idempotency;
        if self.to.channel.policy.on_unknown == OnUnknown::Retry || idempotency == Idempotency::Forever {
            return Ok(());
        }
        if delivery.begun {
            let cut_off = "the gateway ended during an attempt; not sent again, as on_unknown says";
            return Err(Result::dead(cut_off.to_owned()));
        }
        let begin = Begin {
            channel: self.to.channel.policy.name.clone(),
            fence: self.fence,
            delivery: delivery.id,
            key: delivery.key.clone(),
        };
        match self.begin.submit(begin).await {
            Ok(Begun::Committed) => Ok(()),
            // The completion is refused for the same reason, and so the lane learns of it.
            Ok(Begun::NotOwner) => Err(self.retry(delivery, "another replica owns the channel".to_owned())),
            Err(_) => Err(self.retry(delivery, "the store did not take the attempt's beginning".to_owned())),
        }
    }

    async fn to_ai(&self, delivery: &Delivery, text: &str) -> Result {
        let request =
            AiRequest { task_id: &self.to.channel.policy.task_id, chat_id: &delivery.chat.chat_id, text };
        self.typing.asked(delivery.chat.key, &delivery.chat.conversation);
        let asked = tokio::time::timeout(AI_TIMEOUT, self.ai.send(&request)).await;
        let Err(error) = asked.unwrap_or_else(|elapsed| Err(AiError::Interrupted(Box::new(elapsed)))) else {
            self.typing.taken(delivery.chat.key);
            return Result::of(Outcome::Sent(Receipt::default()));
        };
        self.typing.not_taken(delivery.chat.key);
        let reason = chain(&error);
        match error.verdict() {
            AiVerdict::Retry => self.retry(delivery, reason),
            AiVerdict::Pause(after) => {
                let after = self.pause(delivery, after.unwrap_or_default());
                let outcome = Outcome::Retry { after, error: reason };
                Result { outcome, pause: Some(Pause::Everything(after)) }
            }
            AiVerdict::Reject => Result::dead(reason),
        }
    }

    async fn to_messenger(
        &self,
        delivery: &Delivery,
        text: &Rendered,
        reply_to: Option<&MessageId>,
    ) -> Result {
        let mut conversation = delivery.chat.conversation.clone();
        let first = self.execute(delivery, &conversation, text, reply_to).await;
        let result = match first {
            // Nothing was carried out, so the same attempt goes on at the new address. It is
            // rewritten once; a platform that moves on and on is asked again later.
            Err(Failure::Send(SendError::Moved { to })) => {
                let channel = &self.to.channel.policy.name;
                if let Err(error) = self.store.move_conversation(channel, &conversation, &to).await {
                    return self.retry(delivery, chain(&error));
                }
                conversation = to;
                self.execute(delivery, &conversation, text, reply_to).await
            }
            first => first,
        };
        match result {
            Ok(receipt) => {
                self.works_again();
                Result::of(Outcome::Sent(receipt))
            }
            Err(Failure::NotSupported(error)) => Result::dead(error.to_string()),
            Err(Failure::Send(error)) => self.after_send_error(delivery, &conversation, &error),
        }
    }

    async fn execute(
        &self,
        delivery: &Delivery,
        conversation: &ConversationId,
        text: &Rendered,
        reply_to: Option<&MessageId>,
    ) -> std::result::Result<Receipt, Failure> {
        let action = Action::SendText(SendText {
            key: delivery.key.clone(),
            conversation: conversation.clone(),
            text: text.clone(),
            reply_to: reply_to.cloned(),
        });
        self.to.messenger.capabilities(conversation).allow(&action)?;
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.to.messenger.execute(&action)).await;
        Ok(sent.unwrap_or_else(|elapsed| Err(SendError::Interrupted(Box::new(elapsed))))?)
    }

    /// The credentials were refused before and are accepted now. What the adapter has published since,
    /// or before, is its own business: it may still receive nothing.
    fn works_again(&self) {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reason) = refused {
            self.to
                .channel
                .status
                .replace(&ConnectionState::Unauthorized(reason), ConnectionState::Connected);
        }
    }

    /// Publishes that the credentials are refused, unless that is known.
    fn refuse(&self, reason: &str) {
        let status = &self.to.channel.status;
        if !matches!(status.state(), ConnectionState::Unauthorized(_)) {
            status.set(ConnectionState::Unauthorized(reason.to_owned()));
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }

    fn after_send_error(
        &self,
        delivery: &Delivery,
        conversation: &ConversationId,
        error: &SendError,
    ) -> Result {
        let reason = chain(error);
        match error.verdict() {
            Verdict::Retry { pause: None } | Verdict::Moved { .. } => self.retry(delivery, reason),
            Verdict::Retry { pause: Some((after, scope)) } => {
                let after = self.pause(delivery, after);
                self.typing.pause(&self.to, conversation, after, scope);
                let pause = match scope {
                    Scope::Channel => Pause::Everything(after),
                    Scope::Conversation => Pause::Conversation(self.to.rates(conversation).1, after),
                };
                Result { outcome: Outcome::Retry { after, error: reason }, pause: Some(pause) }
            }
            Verdict::Reject | Verdict::Gone => Result::dead(reason),
            Verdict::Unauthorized => {
                self.refuse(&reason);
                let outcome = Outcome::Retry { after: UNAUTHORIZED_PAUSE, error: reason };
                Result { outcome, pause: Some(Pause::Everything(UNAUTHORIZED_PAUSE)) }
            }
            Verdict::Unknown => self.unknown(delivery, reason),
        }
    }

    /// It may have been sent. Where the platform recognises the key, trying again does no harm.
    fn unknown(&self, delivery: &Delivery, reason: String) -> Result {
        let idempotency = self.to.messenger.capabilities(&delivery.chat.conversation).idempotency;
        let recognised = match idempotency {
            Idempotency::Forever => true,
            // The window began with the first attempt, which is known only if it was this one:
            // then the whole of it lies ahead.
            Idempotency::Window(window) => delivery.attempts == 0 && self.delay(delivery) < window,
            Idempotency::None => false,
        };
        match self.to.channel.policy.on_unknown {
            OnUnknown::Drop if !recognised => {
                Result::dead(format!("{reason}; not sent again, as on_unknown says"))
            }
            _ => self.retry(delivery, reason),
        }
    }

    fn retry(&self, delivery: &Delivery, error: String) -> Result {
        Result::of(Outcome::Retry { after: self.delay(delivery), error })
    }

    fn delay(&self, delivery: &Delivery) -> Duration {
        self.backoff.delay(delivery.attempts, fastrand::f64())
    }

    /// How long to wait where a platform asked for it: as long as it says, however often it has said
    /// so. Where it says nothing, as after any failure, so that we do not spin.
    fn pause(&self, delivery: &Delivery, asked: Duration) -> Duration {
        if asked.is_zero() { self.delay(delivery) } else { asked.min(LONGEST_PAUSE) }
    }

    async fn complete(&self, mut settle: Settle) -> Settled {
        loop {
            match self.settle.submit(settle.clone()).await {
                Ok(settled) => return settled,
                Err(CommitError::Unavailable) => {}
                // What the platform said cannot be stored; that it is done must be.
                Err(CommitError::Refused(_)) => match &mut settle.outcome {
                    Outcome::Sent(receipt) => receipt.messages.clear(),
                    Outcome::Retry { error, .. } | Outcome::Dead { error } => {
                        "the reason could not be stored".clone_into(error);
                    }
                },
            }
            tokio::time::sleep(SETTLE_AGAIN).await;
        }
    }

    fn log(&self, delivery: &Delivery, outcome: &Outcome) {
        let channel = &self.to.channel.policy.name;
        let (id, chat_id) = (delivery.id, &delivery.chat.chat_id);
        let direction = delivery.direction().as_str();
        match outcome {
            Outcome::Sent(_) => tracing::debug!(%channel, %chat_id, delivery = %id, direction, "sent"),
            Outcome::Retry { after, error } => {
                tracing::warn!(%channel, %chat_id, delivery = %id, direction, ?after, error, "not sent; will be tried again");
            }
            Outcome::Dead { error } => {
                tracing::error!(%channel, %chat_id, delivery = %id, direction, error, "given up");
            }
        }
    }
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    NotSupported(#[from] NotSupported),
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Without what a database cannot store, and of a bearable length.
fn storable(outcome: Outcome) -> Outcome {
    let short = |mut error: String| {
        if let Some((end, _)) = error.char_indices().nth(MAX_ERROR) {
            error.truncate(end);
        }
        without_nul(error)
    };
    match outcome {
        Outcome::Retry { after, error } => Outcome::Retry { after, error: short(error) },
        Outcome::Dead { error } => Outcome::Dead { error: short(error) },
        Outcome::Sent(receipt) => Outcome::Sent(receipt),
    }
}
