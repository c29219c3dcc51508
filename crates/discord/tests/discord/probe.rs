//! What the checks find.

use switchboard_core::{Messenger as _, Severity};
use switchboard_testkit::discord::Permission;

use crate::support::Channel;

async fn found(channel: &Channel) -> Vec<(Severity, String)> {
    channel.messenger.probe().await.into_iter().map(|finding| (finding.severity, finding.what)).collect()
}

fn has(findings: &[(Severity, String)], severity: Severity, what: &str) -> bool {
    findings.iter().any(|finding| finding.0 == severity && finding.1.contains(what))
}

#[tokio::test]
async fn all_is_well() {
    let channel = Channel::new().await;
    channel.bot.guild("Shop").text_channel("help");
    let findings = found(&channel).await;
    assert!(findings.iter().all(|finding| finding.0 == Severity::Ok), "{findings:?}");
    assert!(has(&findings, Severity::Ok, "sees 1 of 1 channels"), "{findings:?}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let channel = Channel::new().await;
    assert!(has(&found(&channel).await, Severity::Warning, "in no guild"));
    let guild = channel.bot.guild("Shop");
    let (hidden, mute) = (guild.text_channel("hidden"), guild.text_channel("mute"));
    let alice = channel.bot.user("Alice");
    alice.says("hello").in_channel(&mute).send();
    hidden.denies(Permission::ViewChannel);
    mute.denies(Permission::ReadMessageHistory);
    channel.bot.reads_content(false);
    channel.bot.identifies_left(3);
    let findings = found(&channel).await;
    assert!(has(&findings, Severity::Warning, "history of #mute in Shop"), "{findings:?}");
    assert!(has(&findings, Severity::Ok, "sees 1 of 2 channels"), "{findings:?}");
    assert!(has(&findings, Severity::Error, "MESSAGE_CONTENT"), "{findings:?}");
    assert!(has(&findings, Severity::Warning, "3 are left"), "{findings:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_and_a_server_that_is_away_are_errors() {
    let channel = Channel::new().await;
    channel.bot.revokes_token();
    assert!(has(&found(&channel).await, Severity::Error, "refuses the bot's token"));
    channel.fake.go_down().await;
    assert!(has(&found(&channel).await, Severity::Error, "does not answer"));
}
