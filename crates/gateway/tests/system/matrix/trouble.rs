//! One account's trouble is nobody else's.

use serde_json::Value;
use switchboard_testkit::{
    matrix::{FakeMatrix, Fault},
    synapse::homeserver,
    wait::wait_for,
};
use tempfile::TempDir;

use super::{Bot, Desk};
use crate::support::{Database, PATIENCE, System};

const PASSWORD: &str = "the-password-of-the-broken-account";

#[tokio::test]
async fn a_matrix_account_that_gets_only_errors_does_not_disturb_the_others() {
    let homeserver = homeserver().expect("Synapse runs");
    let bot = Bot::new(&homeserver).await;
    let state = TempDir::new().expect("a directory for temporary files");
    let broken = FakeMatrix::start().await.expect("a free port");
    let account = broken.bot("broken", PASSWORD);
    let channels = bot.channel("limits = \"off\"")
        + &format!(
            "[[channel]]\nname = \"broken\"\nkind = \"matrix\"\nai = \"main\"\ntask_id = \"task-1\"\n\
             homeserver_url = \"{}\"\nuser = \"{}\"\npassword = \"{PASSWORD}\"\nstate_dir = \"{}\"\n",
            broken.url(),
            account.id(),
            state.path().join("broken").display()
        );
    let mut system = System::prepare(Database::Sqlite, &channels).await;
    bot.hide_secrets(&mut system);
    system.has_secret(PASSWORD);
    let mut desk = None;
    let faults = [
        Fault::internal_error(),
        Fault::bad_gateway(),
        Fault::Closed,
        Fault::UnknownToken { soft_logout: false },
    ];
    for (round, fault) in faults.into_iter().enumerate() {
        broken.heals();
        broken.plan(fault).always();
        system.spawn_gateway();
        system.wait_until_ready().await;
        let ours = async || {
            let body = system.wait_until_in_trouble("broken").await;
            (state_of(&body, "bot") == Some("connected")).then_some(())
        };
        wait_for("the other channel to be connected", PATIENCE, ours).await;

        let desk = match &mut desk {
            Some(desk) => desk,
            none => none.insert(Desk::direct(&homeserver, &bot).await),
        };
        for number in 0..5 {
            desk.writes(&format!("question {round} {number}")).await;
        }
        let answers = desk.wait_for_answers(5 * (round + 1)).await;
        let expected: Vec<String> =
            (0..5).map(|number| format!("You wrote: question {round} {number}")).collect();
        assert_eq!(answers[5 * round..], expected);
        let visitor = system.visitor().await;
        visitor.says("hello").await;
        visitor.wait_for_answers(1).await;
        assert_eq!(broken.sent_count(), 0);
        system.stop_gateway().await;
    }
}

/// The state of a channel.
fn state_of<'a>(readiness: &'a Value, channel: &str) -> Option<&'a str> {
    let channels = readiness["channels"].as_array()?;
    channels.iter().find(|it| it["channel"] == channel)?["state"].as_str()
}
