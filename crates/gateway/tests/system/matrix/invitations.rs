//! Whose invitations are accepted.

use switchboard_testkit::{
    synapse::{NewRoom, homeserver},
    wait::wait_for,
};

use super::{Bot, Desk, Person, reconfigure};
use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn only_invitations_that_the_configuration_allows_are_accepted() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let (anna, boris) = (homeserver.register("anna").await, homeserver.register("boris").await);
    let (anna, boris) = (anna.expect("Synapse registers her"), boris.expect("Synapse registers him"));
    let allowed = format!("invites = [\"example.com\", \"{}\"]", anna.user_id);
    let channel = bot.channel(&format!("limits = \"off\"\n{allowed}"));
    let mut system = System::start(Database::Sqlite, &channel).await;
    bot.hide_secrets(&mut system);
    let strangers = boris.create_room(&NewRoom::direct(bot.id())).await.expect("a room");
    let refused =
        async || system.output().into_iter().find(|line| line.contains("an invitation is not accepted"));
    wait_for("the invitation to be refused", PATIENCE, refused).await;
    let hers = anna.create_room(&NewRoom::direct(bot.id())).await.expect("a room");
    Desk::met(Person::Plain(anna), hers, None, &bot).await.asks("hello").await;
    assert_eq!(boris.members(&strangers).await.expect("its members"), std::slice::from_ref(&boris.user_id));

    // It stays open, and so is what is written meanwhile.
    boris.say(&strangers, "is anybody there?").await.expect("Synapse takes it");
    system.stop_gateway().await;
    reconfigure(&system, &allowed, "invites = \"all\"");
    system.start_gateway().await;
    let desk = Desk::met(Person::Plain(boris), strangers, None, &bot).await;
    assert_eq!(desk.wait_for_answers(1).await, ["You wrote: is anybody there?"]);
}
