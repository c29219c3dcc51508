//! One bot's trouble is nobody else's.

use switchboard_testkit::{discord::Fault, wait::wait_for};

use super::{OTHER_TOKEN, TOKEN, channel, stand_in};
use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn a_discord_bot_that_gets_only_errors_does_not_disturb_the_others() {
    let discord = stand_in().await;
    let (healthy, broken) = (discord.bot(TOKEN), discord.bot(OTHER_TOKEN));
    for fault in [Fault::internal_error(), Fault::bad_gateway(), Fault::unauthorized(), Fault::Closed] {
        broken.heals();
        broken.plan(fault).always();
        let channels = channel(&discord, "bot", TOKEN) + &channel(&discord, "broken", OTHER_TOKEN);
        let mut system = System::prepare(Database::Sqlite, &channels).await;
        system.has_secret(TOKEN);
        system.has_secret(OTHER_TOKEN);
        system.spawn_gateway();
        system.wait_until_ready().await;
        system.wait_until_in_trouble("broken").await;

        healthy.wait_for_connections(1, PATIENCE).await;
        let (alice, visitor) = (healthy.user("Alice"), system.visitor().await);
        for number in 0..20 {
            alice.sends(&format!("question {number}"));
        }
        visitor.says("hello").await;
        visitor.wait_for_answers(1).await;
        let place = alice.direct().id();
        let answers = async || Some(healthy.texts_to(place)).filter(|texts| texts.len() >= 20);
        let answers = wait_for("the answers", PATIENCE, answers).await;
        let expected: Vec<String> = (0..20).map(|number| format!("You wrote: question {number}")).collect();
        assert_eq!(answers, expected);
        assert_eq!(broken.sent_count(), 0);
        system.stop_gateway().await;
        // The next gateway has a database of its own, and no session.
        healthy.forgets_sessions();
    }
}
