//! One attempt at one delivery, and its completion.

use std::{sync::Arc, time::Duration};

use switchboard_ai::{AiBackend, AiRequest, AiVerdict};
use switchboard_core::{
    Action, ConnectionState, ConversationId, Idempotency, MessageId, Receipt, Scope, SendError, SendText,
    Verdict, chain, markup::Rendered,
};
use switchboard_store::{Delivery, Direction, LeaseToken, Outcome, Payload, Settle, Settled, Store};
use tokio::time::Instant;

use super::lane::Queued;
use crate::{
    Backoff,
    channel::Attached,
    commit::{CommitError, GroupCommit},
    config::OnUnknown,
    typing::TypingHandle,
};

/// How long a messenger may take for one send before the outcome counts as unknown. Longer than
/// any adapter's own time limit; here so that a hanging adapter cannot hold a lane for ever.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);
/// How long nothing is sent after the credentials were refused: a person must act first.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_mins(5);
/// How long to wait before a completion is handed to a store again that could not take it.
const SETTLE_AGAIN: Duration = Duration::from_millis(500);

/// What every attempt of a channel needs.
pub(crate) struct Attempts {
    pub(crate) to: Attached,
    pub(crate) ai: Arc<dyn AiBackend>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settle: GroupCommit<Settle, Settled>,
    pub(crate) fence: LeaseToken,
    pub(crate) backoff: Backoff,
    pub(crate) typing: TypingHandle,
}

/// What an attempt came to, for the lane and its gate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempted {
    pub(super) settled: Settled,
    pub(super) retried: bool,
    /// Nothing of this direction may be sent for so long.
    pub(super) pause: Option<Duration>,
}

/// What is to be stored, and whether everything else must wait.
struct Result {
    outcome: Outcome,
    pause: Option<Duration>,
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
        let result = if expired {
            Result::dead("it expired before it could be sent".to_owned())
        } else {
            self.carry_out(&delivery).await
        };
        self.log(&delivery, &result.outcome);
        let retried = matches!(result.outcome, Outcome::Retry { .. });
        let settle = Settle {
            channel: self.to.channel.policy.name.clone(),
            fence: self.fence,
            lane: delivery.lane,
            delivery: delivery.id,
            outcome: result.outcome,
            attempted: !expired,
        };
        Attempted { settled: self.complete(settle).await, retried, pause: result.pause }
    }

    async fn carry_out(&self, delivery: &Delivery) -> Result {
        match &delivery.payload {
            Payload::ToAi { text } => self.to_ai(delivery, text).await,
            Payload::ToMessenger { text, reply_to } => {
                self.typing.answered(delivery.chat.key);
                self.to_messenger(delivery, text, reply_to.as_ref()).await
            }
        }
    }

    async fn to_ai(&self, delivery: &Delivery, text: &str) -> Result {
        let request =
            AiRequest { task_id: &self.to.channel.policy.task_id, chat_id: &delivery.chat.chat_id, text };
        self.typing.asked(delivery.chat.key, &delivery.chat.conversation);
        let Err(error) = self.ai.send(&request).await else {
            self.typing.taken(delivery.chat.key);
            return Result::of(Outcome::Sent(Receipt::default()));
        };
        self.typing.not_taken(delivery.chat.key);
        let reason = chain(&error);
        match error.verdict() {
            AiVerdict::Retry => self.retry(delivery, reason),
            AiVerdict::Pause(after) => {
                let after = after.unwrap_or_else(|| self.delay(delivery));
                Result { outcome: Outcome::Retry { after, error: reason }, pause: Some(after) }
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
        let conversation = &delivery.chat.conversation;
        let action = Action::SendText(SendText {
            key: delivery.key.clone(),
            conversation: conversation.clone(),
            text: text.clone(),
            reply_to: reply_to.cloned(),
        });
        if let Err(error) = self.to.messenger.capabilities(conversation).allow(&action) {
            return Result::dead(error.to_string());
        }
        let sent = tokio::time::timeout(SEND_TIMEOUT, self.to.messenger.execute(&action)).await;
        match sent.unwrap_or_else(|elapsed| Err(SendError::Interrupted(Box::new(elapsed)))) {
            Ok(receipt) => Result::of(Outcome::Sent(receipt)),
            Err(error) => self.after_send_error(delivery, &error).await,
        }
    }

    async fn after_send_error(&self, delivery: &Delivery, error: &SendError) -> Result {
        let reason = chain(error);
        match error.verdict() {
            Verdict::Retry { pause: None } => self.retry(delivery, reason),
            Verdict::Retry { pause: Some((after, scope)) } => Result {
                outcome: Outcome::Retry { after, error: reason },
                pause: (scope == Scope::Channel).then_some(after),
            },
            Verdict::Reject | Verdict::Gone => Result::dead(reason),
            Verdict::Unauthorized => {
                self.to.channel.status.set(ConnectionState::Unauthorized(reason.clone()));
                let outcome = Outcome::Retry { after: UNAUTHORIZED_PAUSE, error: reason };
                Result { outcome, pause: Some(UNAUTHORIZED_PAUSE) }
            }
            Verdict::Moved { to } => self.moved(delivery, &to, reason).await,
            Verdict::Unknown => self.unknown(delivery, reason),
        }
    }

    async fn moved(&self, delivery: &Delivery, to: &ConversationId, reason: String) -> Result {
        let (channel, from) = (&self.to.channel.policy.name, &delivery.chat.conversation);
        match self.store.move_conversation(channel, from, to).await {
            Ok(()) => Result::of(Outcome::Retry { after: Duration::ZERO, error: reason }),
            Err(error) => self.retry(delivery, format!("{reason}; {}", chain(&error))),
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

    async fn complete(&self, settle: Settle) -> Settled {
        loop {
            match self.settle.submit(settle.clone()).await {
                Ok(settled) => return settled,
                // A refusal is logged by the committer. It may come from a row that is mended by
                // hand, so it is not given up either.
                Err(CommitError::Unavailable | CommitError::Refused) => {
                    tokio::time::sleep(SETTLE_AGAIN).await;
                }
            }
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

/// Where the gate of a direction stands in a pair of gates.
pub(super) fn gate_of(direction: Direction) -> usize {
    match direction {
        Direction::ToAi => 0,
        Direction::ToMessenger => 1,
    }
}
