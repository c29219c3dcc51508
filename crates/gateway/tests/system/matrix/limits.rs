//! A homeserver that limits the account: every answer arrives, once, in order, and what is refused is not insisted on.

use switchboard_testkit::synapse::{Limits, SynapseServer, homeserver};

use super::{Bot, Desk};
use crate::support::{Database, System};

/// A limit that the channel does not know: it must learn it from being refused.
#[tokio::test]
async fn thirty_answers_arrive_once_although_the_homeserver_limits_them() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    // Less than a slow machine sends.
    homeserver.limit_messages(bot.id(), 1, 3).await.expect("Synapse limits it");
    let mut system = System::start(Database::Sqlite, &bot.channel("limits = \"off\"")).await;
    bot.hide_secrets(&mut system);
    let desks = [
        Desk::direct(&homeserver, &bot).await,
        Desk::encrypted(&homeserver, &bot).await,
        Desk::group(&homeserver, &bot).await,
    ];
    let refused = answers_at_once(&system, &desks, 10).await;
    // One for each time that a place was free and then was not, in each conversation.
    assert!((1..=81).contains(&refused), "{refused} were refused");
    println!("{refused} were refused");
}

/// A fresh Synapse, and a channel that keeps to what is configured by default: next to nothing is refused.
#[tokio::test]
async fn thirty_answers_keep_to_the_limits_of_a_fresh_synapse() {
    let synapse = SynapseServer::launch(Limits::Default).expect("a Synapse of its own");
    let homeserver = synapse.homeserver();
    let bot = Bot::new(homeserver).await;
    let mut system = System::start(Database::Sqlite, &bot.channel("")).await;
    bot.hide_secrets(&mut system);
    let mut desks = Vec::new();
    // People are limited as well.
    for _ in 0..5 {
        desks.push(Desk::direct(homeserver, &bot).await);
    }
    // Nine go through at once, and each of the others takes five seconds.
    // Entering rooms counts as well, which the channel does not know.
    let refused = answers_at_once(&system, &desks, 6).await;
    assert!(refused <= desks.len(), "{refused} were refused");
}

/// Has everybody get so many answers, which wait until all can be sent. How many sends were refused.
async fn answers_at_once(system: &System, desks: &[Desk], each: usize) -> usize {
    system.sandbox.pause(true);
    for number in 0..each {
        for desk in desks {
            desk.writes(&format!("question {number}")).await;
        }
    }
    system.wait_for_requests(desks.len() * each).await;
    system.sandbox.pause(false);
    for count in 1..=each {
        for desk in desks {
            desk.wait_for_answers(count).await;
        }
    }
    let expected: Vec<String> = (0..each).map(|number| format!("You wrote: question {number}")).collect();
    for desk in desks {
        assert_eq!(desk.answers().await, expected);
    }
    let deliveries = system.deliveries().await;
    let sends = deliveries.iter().filter(|it| it["direction"] == "to_messenger");
    let attempts: u64 = sends.map(|it| it["attempts"].as_u64().expect("a number")).sum();
    usize::try_from(attempts).expect("few") - desks.len() * each
}
