//! What an adapter makes of a platform's trouble: one attempt, and the truth about it.

use std::time::Duration;

use switchboard_core::{ConversationId, SendError, Verdict, chain, markup::Rendered};

use super::{
    bench::{Bench, Outcome},
    harness::{Harness, Room, Trouble},
};

const HERE: Room = Room::Direct(0);

/// A message that the platform refuses is given up, and the next one goes through.
pub async fn a_refusal_is_final<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    fails_once(bench, Trouble::Refused, &Verdict::Reject).await
}

/// The platform's pause is passed on, and not waited for.
pub async fn a_rate_limit_names_its_pause<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let asked = Duration::from_secs(7);
    let here = at(bench).await?;
    let error = attempt(bench, &here, Trouble::RateLimited(asked)).await?;
    let Verdict::Retry { pause: Some((pause, _)) } = error.verdict() else {
        panic!("the platform asked to wait {asked:?}; the adapter says {}", chain(&error));
    };
    // A platform that counts in whole seconds may need one more.
    assert!((asked..=asked + Duration::from_secs(1)).contains(&pause), "{pause:?} instead of {asked:?}");
    bench.shows_only(HERE, &here, &[]).await;
    Ok(())
}

/// A conversation that is gone is said to be gone.
pub async fn a_gone_conversation_is_gone<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let here = at(bench).await?;
    let error = attempt(bench, &here, Trouble::Gone).await?;
    assert_eq!(error.verdict(), Verdict::Gone, "{}", chain(&error));
    assert_eq!(bench.view(HERE).await.messages, [], "nothing was sent");
    Ok(())
}

/// Credentials that are refused are said to be refused.
pub async fn refused_credentials_are_unauthorized<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let here = at(bench).await?;
    let error = attempt(bench, &here, Trouble::Unauthorized).await?;
    assert_eq!(error.verdict(), Verdict::Unauthorized, "{}", chain(&error));
    assert_eq!(bench.view(HERE).await.messages, [], "nothing was sent");
    Ok(())
}

/// One call for which good credentials are refused proves nothing: the engine tries again soon.
pub async fn one_refusal_of_the_credentials_proves_nothing<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    fails_once(bench, Trouble::UnauthorizedOnce, &Verdict::Retry { pause: None }).await
}

/// Where the platform cannot work, the engine may try again without any doubt.
pub async fn an_unavailable_platform_is_tried_again_later<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    fails_once(bench, Trouble::Unavailable, &Verdict::Retry { pause: None }).await
}

/// A message whose answer was lost may have been sent: never a success, never simply tried again, and sent once.
pub async fn a_lost_answer_leaves_the_outcome_unknown<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let here = at(bench).await?;
    let error = attempt(bench, &here, Trouble::AnswerLost).await?;
    assert_eq!(error.verdict(), Verdict::Unknown, "{}", chain(&error));
    bench.shows_only(HERE, &here, &[sent(bench, &here)]).await;
    Ok(())
}

/// While the platform cannot be reached, nothing is claimed to be sent.
pub async fn nothing_is_sent_while_the_platform_is_away<H: Harness>(bench: &mut Bench<H>) -> Outcome {
    let here = at(bench).await?;
    bench.platform.reachable(false).await?;
    let done = bench.execute(&bench.sending(&here, sent(bench, &here))).await;
    let error = done.expect_err("the platform is away");
    // A connection that broke under the request leaves it open whether the request had arrived.
    let honest = matches!(error.verdict(), Verdict::Retry { pause: None } | Verdict::Unknown);
    assert!(honest, "the platform is away; the adapter says {}", chain(&error));
    bench.platform.reachable(true).await?;
    bench.shows_only(HERE, &here, &[]).await;
    Ok(())
}

async fn at<H: Harness>(bench: &mut Bench<H>) -> Result<ConversationId, super::Lacks> {
    bench.connect().await;
    bench.meet(HERE).await
}

fn sent<H: Harness>(bench: &Bench<H>, here: &ConversationId) -> Rendered {
    bench.parts(here, "in *trouble*").remove(0)
}

/// Sends one text into the trouble, which must fail.
async fn attempt<H: Harness>(
    bench: &Bench<H>,
    here: &ConversationId,
    trouble: Trouble,
) -> Result<SendError, super::Lacks> {
    bench.platform.trouble(HERE, trouble).await?;
    let done = bench.execute(&bench.sending(here, sent(bench, here))).await;
    match done {
        Err(error) => Ok(error),
        Ok(receipt) => panic!("{trouble:?} was passed off as a success, {receipt:?}"),
    }
}

/// The trouble leads to the verdict, shows nothing, and is over with the next send.
async fn fails_once<H: Harness>(bench: &mut Bench<H>, trouble: Trouble, verdict: &Verdict) -> Outcome {
    let here = at(bench).await?;
    let error = attempt(bench, &here, trouble).await?;
    assert_eq!(error.verdict(), *verdict, "{}", chain(&error));
    bench.shows_only(HERE, &here, &[]).await;
    Ok(())
}
