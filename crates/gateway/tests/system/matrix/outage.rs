//! A homeserver that goes away in mid-conversation: what was written comes in, in order, once, and is answered.

use std::time::Duration;

use serde_json::Value;
use switchboard_testkit::{
    synapse::{Limits, SynapseServer},
    wait::wait_for,
};

use super::{Bot, Desk};
use crate::support::{Database, PATIENCE, System};

/// How many messages each person writes at a time.
const MESSAGES: usize = 3;

#[tokio::test]
async fn what_is_written_around_a_restart_of_synapse_is_answered() {
    outage(SynapseServer::stop).await;
}

#[tokio::test]
async fn what_is_written_around_a_crash_of_synapse_is_answered() {
    outage(SynapseServer::kill).await;
}

async fn outage(end: fn(&mut SynapseServer) -> anyhow::Result<()>) {
    let mut synapse = SynapseServer::launch(Limits::Raised).expect("a Synapse of its own");
    let homeserver = synapse.homeserver().clone();
    let bot = Bot::new(&homeserver).await;
    let mut system = System::start(Database::Sqlite, &bot.channel("limits = \"off\"")).await;
    bot.hide_secrets(&mut system);
    let desks = [
        Desk::direct(&homeserver, &bot).await,
        Desk::encrypted(&homeserver, &bot).await,
        Desk::thread(&homeserver, &bot).await,
    ];
    write(&desks, "long before").await;
    answered(&desks, &["long before"]).await;

    // Some of it is on its way in, some at the AI, some on its way back.
    system.sandbox.set_delay(Duration::from_millis(300));
    write(&desks, "right before").await;
    synapse = beside(synapse, end).await;
    assert_eq!(state(&system.wait_until_in_trouble("bot").await), "interrupted");
    synapse = beside(synapse, SynapseServer::start).await;
    write(&desks, "right after").await;
    answered(&desks, &["long before", "right before", "right after"]).await;
    let connected = async || (state(&system.readiness().await.1) == "connected").then_some(());
    wait_for("readiness to tell that it is over", PATIENCE, connected).await;
    drop(synapse);
}

/// Ends or starts the server without holding up this thread, on which the AI's stand-in answers: a question whose
/// answer takes seconds is asked again.
async fn beside(
    mut synapse: SynapseServer,
    change: fn(&mut SynapseServer) -> anyhow::Result<()>,
) -> SynapseServer {
    let changed = tokio::task::spawn_blocking(move || change(&mut synapse).map(|()| synapse));
    changed.await.expect("it does not panic").expect("Synapse ends, or starts")
}

async fn write(desks: &[Desk], when: &str) {
    for number in 0..MESSAGES {
        for desk in desks {
            desk.writes(&format!("{when} {number}")).await;
        }
    }
}

/// Waits until everybody has the answers to all that they wrote, and sees that there are no others.
async fn answered(desks: &[Desk], times: &[&str]) {
    let texts = |when: &&str| {
        let when = (*when).to_owned();
        (0..MESSAGES).map(move |number| format!("You wrote: {when} {number}"))
    };
    let expected: Vec<String> = times.iter().flat_map(texts).collect();
    for desk in desks {
        desk.wait_for_answers(expected.len()).await;
    }
    for desk in desks {
        assert_eq!(desk.answers().await, expected, "in {}", desk.room);
    }
}

/// What is said of the channel.
fn state(readiness: &Value) -> &str {
    let channels = readiness["channels"].as_array().expect("a list of channels");
    let bot = channels.iter().find(|channel| channel["channel"] == "bot").expect("it is there");
    bot["state"].as_str().expect("a state")
}
