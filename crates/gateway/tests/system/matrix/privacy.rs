//! What the log of a Matrix conversation holds: nothing that people wrote, no secret, and nobody's name but where it is
//! part of a chat's id.

use switchboard_testkit::synapse::homeserver;

use super::{Bot, Desk, Person, reconfigure, recovery_key};
use crate::support::{Database, System};

const PASSPHRASE: &str = "the-passphrase-of-the-keys";
/// Words that stand in every message, and in nothing else.
const WORDS: &str = "lavender elephants";

#[tokio::test]
async fn the_log_of_a_matrix_conversation_holds_no_words_and_no_people() {
    let output = conversation("info", "").await;
    // A line for what an operator wants to know, not for each message.
    let noise: Vec<&String> = output.iter().filter(|line| line.contains("matrix_sdk")).collect();
    assert!(noise.is_empty(), "{noise:#?}");
}

#[tokio::test]
async fn the_log_of_a_matrix_conversation_holds_no_words_and_no_people_at_any_level() {
    // Deriving a key of a passphrase takes long in a program that is not optimised.
    conversation("debug", &format!("passphrase = \"{PASSPHRASE}\"")).await;
    conversation("trace", "").await;
}

/// Has a conversation, and a restart, and returns the log.
async fn conversation(filter: &str, more: &str) -> Vec<String> {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let channel = bot.channel(&format!("limits = \"off\"\n{more}"));
    let mut system = System::prepare(Database::Sqlite, &channel).await;
    reconfigure(&system, "info,switchboard_engine=debug,switchboard_gateway=debug", filter);
    bot.hide_secrets(&mut system);
    system.has_secret(WORDS);
    system.has_secret(PASSPHRASE);
    system.start_gateway().await;
    let desks = [
        Desk::direct(&homeserver, &bot).await,
        Desk::encrypted(&homeserver, &bot).await,
        Desk::group(&homeserver, &bot).await,
    ];
    let key = recovery_key(&system).await;
    system.has_secret(&key);
    for desk in &desks {
        desk.asks(&format!("{WORDS} before")).await;
    }
    system.stop_gateway().await;
    system.start_gateway().await;
    for desk in &desks {
        desk.asks(&format!("{WORDS} after")).await;
    }
    system.stop_gateway().await;
    let output = system.output();
    for desk in &desks {
        let person = match &desk.person {
            Person::Plain(account) => account,
            Person::Careful(peer) => peer.account(),
        };
        let named = output.iter().find(|line| line.contains(&person.user_id));
        assert_eq!(named, None, "somebody is named at {filter}");
    }
    output
}
