//! What `doctor` finds.

use std::time::Duration;

use serde_json::json;
use switchboard_core::{Finding, Messenger as _, Severity};
use switchboard_telegram::{Mode, TelegramConfig};
use switchboard_testkit::telegram::Fault;

use crate::support::{Channel, LIMIT, Store, TOKEN, telegram};

const URL: &str = "https://chat.example.com/webhooks/telegram/support";

fn by_webhook(config: &mut TelegramConfig) {
    config.mode =
        Mode::Webhook { url: URL.parse().unwrap(), secret: "the channel's own secret".to_owned().into() };
}

async fn set_webhook(channel: &Channel, url: &str) {
    let call = reqwest::Client::new().post(format!("{}/bot{TOKEN}/setWebhook", channel.fake.url()));
    let call = call.header("content-type", "application/json").body(json!({ "url": url }).to_string());
    assert!(call.send().await.unwrap().status().is_success());
}

/// The same bot in another gateway.
async fn beside(channel: &Channel, configure: impl FnOnce(&mut TelegramConfig)) -> Channel {
    let (elsewhere, mut config) = telegram().await;
    config.api_url = channel.fake.url().parse().unwrap();
    configure(&mut config);
    Channel::on(elsewhere, config, Store::default())
}

/// The findings that are not good.
async fn bad(channel: &Channel) -> Vec<(Severity, String)> {
    let findings = channel.messenger.probe().await;
    let bad = |finding: Finding| {
        let text = format!("{}; {}", finding.what, finding.remedy.unwrap_or_default());
        (finding.severity != Severity::Ok).then_some((finding.severity, text))
    };
    let bad: Vec<_> = findings.into_iter().filter_map(bad).collect();
    assert!(bad.iter().all(|(_, text)| !text.contains(TOKEN)), "{bad:?}");
    bad
}

fn is(found: &[(Severity, String)], severity: Severity, text: &str) -> bool {
    matches!(found, [(found, what)] if *found == severity && what.contains(text))
}

#[tokio::test]
async fn a_good_token_is_named_with_its_bot() {
    let channel = Channel::new(|_| {}).await;
    let findings = channel.messenger.probe().await;
    assert!(findings.iter().all(|finding| finding.severity == Severity::Ok), "{findings:?}");
    assert!(findings[0].what.contains(channel.bot.username()), "{findings:?}");
    assert_eq!(channel.bot.calls("getUpdates").len(), 0, "a poll would disturb a gateway that runs");
}

#[tokio::test]
async fn a_refused_token_and_an_absent_server_are_told() {
    let channel = Channel::new(|_| {}).await;
    channel.bot.plan(Fault::unauthorized()).next(1);
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Error, "@BotFather"), "{found:?}");
    channel.bot.plan(Fault::refused(404, "Not Found")).next(1);
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Error, "api_url has the right path"), "{found:?}");
    channel.fake.go_down().await;
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Error, "api_url"), "{found:?}");
}

#[tokio::test]
async fn a_webhook_in_the_way_of_polling_is_told() {
    let channel = Channel::new(|_| {}).await;
    set_webhook(&channel, "https://elsewhere.example.com/secret-path").await;
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Error, "elsewhere.example.com"), "{found:?}");
    assert!(!found[0].1.contains("secret-path"));
}

#[tokio::test]
async fn a_webhook_that_is_missing_or_somebody_else_s_is_told() {
    let mut channel = Channel::new(by_webhook).await;
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Warning, "no webhook is set"), "{found:?}");
    set_webhook(&channel, "https://elsewhere.example.com/hook").await;
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Warning, "another webhook, at elsewhere.example.com"), "{found:?}");
    channel.run();
    channel.connected().await;
    assert_eq!(bad(&channel).await, []);
}

#[tokio::test]
async fn another_poller_is_told_by_the_gateway_that_met_it() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    let conflict =
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    channel.bot.plan(Fault::refused(409, conflict)).on("getUpdates").always();
    channel.interrupted("another program").await;
    let found = bad(&channel).await;
    assert!(is(&found, Severity::Error, "another program is polling this bot"), "{found:?}");
}

#[tokio::test]
async fn another_poller_is_found_by_polling_where_that_is_allowed() {
    let channel = Channel::new(|config| config.polls_to_probe = true).await;
    assert_eq!(bad(&channel).await, []);
    let mut other = beside(&channel, |_| {}).await;
    other.run();
    channel.bot.wait_until_polled(LIMIT).await;
    // It must be looking when the other one comes again, which may take a while.
    let patient = beside(&channel, |config| {
        (config.polls_to_probe, config.poll_timeout) = (true, Duration::from_secs(30));
    })
    .await;
    let found = bad(&patient).await;
    assert!(is(&found, Severity::Error, "another program is polling this bot"), "{found:?}");
    // What waits is not confirmed by looking.
    channel.bot.user("Ann").sends("hello");
    other.messages(1).await;
}

#[tokio::test]
async fn privacy_mode_is_told_where_everything_is_to_be_read() {
    for (reads_groups, reads_all, told) in [(true, false, true), (true, true, false), (false, false, false)] {
        let channel = Channel::new(|config| config.reads_groups = reads_groups).await;
        channel.bot.reads_all_group_messages(reads_all);
        let found = bad(&channel).await;
        assert_eq!(is(&found, Severity::Warning, "privacy mode"), told, "{found:?}");
    }
}
