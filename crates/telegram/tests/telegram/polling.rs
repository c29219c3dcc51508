//! The offset, conflicts, outages, and a connection that hangs.

use std::time::Duration;

use serde_json::json;
use switchboard_core::{ConnectionState, Event};
use switchboard_testkit::{
    telegram::{FakeTelegram, Fault},
    wait::wait_for,
};

use crate::support::{Channel, LIMIT, TOKEN, telegram};

#[tokio::test]
async fn the_updates_that_are_wanted_are_named() {
    let channel = Channel::start(|_| {}).await;
    let calls = channel.bot.wait_for_calls("getUpdates", 1, LIMIT).await;
    assert_eq!(calls[0].params.json("allowed_updates"), Some(json!(["message", "my_chat_member"])));
}

#[tokio::test]
async fn the_next_call_confirms_what_is_stored_and_the_cursor_survives() {
    let channel = Channel::start(|_| {}).await;
    let ann = channel.bot.user("Ann");
    let last =
        ["one", "two", "three"].map(|text| ann.sends(text)).last().and_then(|it| it.update_id).unwrap();
    channel.messages(3).await;
    channel.bot.wait_until_confirmed(LIMIT).await;
    assert_eq!(channel.store.lock().cursor.as_deref(), Some(&*format!("2:123456:{}", last + 1)));
    let before = channel.bot.calls("getUpdates").len();
    let (fake, store) = channel.stop().await;

    let (_, mut config) = telegram().await;
    config.api_url = fake.url().parse().unwrap();
    let mut channel = Channel::on(fake, config, store);
    channel.run();
    let calls = channel.bot.wait_for_calls("getUpdates", before + 1, LIMIT).await;
    assert_eq!(calls[before].params.integer("offset"), Some(last + 1));
}

#[tokio::test]
async fn what_came_and_was_not_confirmed_is_taken_once() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    // The answer to the confirming call is lost, and so is the place that the store had.
    channel.bot.user("Ann").sends("once");
    channel.messages(1).await;
    let (fake, store) = channel.stop().await;
    store.lock().cursor = None;
    let (_, mut config) = telegram().await;
    config.api_url = fake.url().parse().unwrap();
    let mut channel = Channel::on(fake, config, store);
    channel.run();
    channel.bot.user("Bob").sends("and on");
    let texts: Vec<String> = channel.messages(2).await.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["once", "and on"]);
}

#[tokio::test]
async fn ids_may_go_on_from_anywhere() {
    let channel = Channel::start(|_| {}).await;
    let ann = channel.bot.user("Ann");
    for text in ["one", "two", "three", "four"] {
        ann.sends(text);
        channel.bot.wait_until_confirmed(LIMIT).await;
        channel.bot.idle_for_a_week();
    }
    let texts: Vec<String> = channel.messages(4).await.into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn a_store_that_is_away_holds_up_the_confirmation() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    channel.store.lock().failures = 20;
    channel.bot.user("Ann").sends("kept");
    channel.messages(1).await;
    channel.bot.wait_until_confirmed(LIMIT).await;
    assert_eq!(channel.store.lock().failures, 0);
}

#[tokio::test]
async fn another_poller_is_named_and_overcome() {
    let channel = Channel::start(|_| {}).await;
    channel.bot.wait_until_polled(LIMIT).await;
    let conflict =
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    channel.bot.plan(Fault::refused(409, conflict)).on("getUpdates").always();
    channel.interrupted("another program is polling this bot").await;
    assert!(channel.status.trouble().is_some());
    channel.bot.heals();
    channel.connected().await;
    channel.bot.user("Ann").sends("after that");
    channel.messages(1).await;
}

#[tokio::test]
async fn a_webhook_that_is_set_is_named_and_left_alone() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    let http = reqwest::Client::new();
    let set = |url: &str| {
        let call = http.post(format!("{}/bot{TOKEN}/setWebhook", channel.fake.url()));
        call.header("content-type", "application/json").body(json!({ "url": url }).to_string()).send()
    };
    set("https://elsewhere.example.com/hook").await.unwrap();
    channel.interrupted("a webhook is set").await;
    assert!(channel.bot.webhook().is_some(), "it may be somebody's");
    set("").await.unwrap();
    channel.connected().await;
}

#[tokio::test]
async fn an_outage_is_published_and_overcome() {
    let page: fn() -> Fault = || Fault::Page(502);
    for fault in [Fault::internal_error, Fault::bad_gateway, page, || Fault::Closed, || Fault::Garbled] {
        let channel = Channel::start(|_| {}).await;
        channel.connected().await;
        channel.bot.plan(fault()).on("getUpdates").always();
        let interrupted = |state: &ConnectionState| matches!(state, ConnectionState::Interrupted(_));
        channel.state("an interruption", interrupted).await;
        channel.bot.user("Ann").sends("meanwhile");
        channel.bot.heals();
        channel.connected().await;
        channel.messages(1).await;
    }
}

#[tokio::test]
async fn a_poll_that_hangs_is_given_up_and_made_anew() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    channel.bot.plan(Fault::NoAnswer).on("getUpdates").next(1);
    channel.bot.user("Ann").sends("behind it");
    channel.messages(1).await;
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    channel.bot.plan(Fault::TooManyRequests { retry_after: 1 }).on("getUpdates").next(1);
    let interrupted = |state: &ConnectionState| matches!(state, ConnectionState::Interrupted(_));
    channel.state("an interruption", interrupted).await;
    channel.connected().await;
    let calls = channel.bot.calls("getUpdates");
    let refused = calls.iter().position(|call| call.status == Some(429)).unwrap();
    assert!(calls[refused + 1].at - calls[refused].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_refused_token_ends_the_run_and_says_what_to_do() {
    let mut channel = Channel::start(|_| {}).await;
    channel.connected().await;
    channel.bot.plan(Fault::unauthorized()).always();
    let error = channel.ended().await.expect_err("a person must act");
    assert!(error.reason.contains("401") && error.remedy.contains("@BotFather"), "{error}");
    assert!(!error.to_string().contains(TOKEN));
}

#[tokio::test]
async fn one_refusal_of_a_good_token_ends_nothing() {
    for fault in [Fault::unauthorized(), Fault::refused(404, "Not Found"), Fault::refused(400, "Logged out")]
    {
        for method in ["getMe", "getUpdates"] {
            let channel = Channel::new(|_| {}).await;
            channel.bot.plan(fault.clone()).on(method).next(1);
            let mut channel = channel;
            channel.run();
            channel.bot.user("Ann").sends("hello");
            channel.messages(1).await;
            channel.connected().await;
            assert_eq!(channel.bot.calls(method)[0].status, Some(fault_status(&fault)), "{method}");
        }
    }
}

fn fault_status(fault: &Fault) -> u16 {
    let Fault::Refused { code, .. } = fault else { panic!("{fault:?} refuses nothing") };
    *code
}

#[tokio::test]
async fn a_poll_that_alone_is_refused_goes_on_being_tried() {
    let channel = Channel::start(|_| {}).await;
    channel.connected().await;
    channel.bot.plan(Fault::unauthorized()).on("getUpdates").next(5);
    let refused = || channel.bot.calls("getUpdates").iter().filter(|call| call.status == Some(401)).count();
    wait_for("five refusals", LIMIT, async || (refused() == 5).then_some(())).await;
    channel.bot.user("Ann").sends("after that");
    channel.messages(1).await;
    channel.connected().await;
}

#[tokio::test]
async fn another_bot_s_cursor_is_left_alone() {
    for (cursor, expected) in [("2:123456:4711", Some(4711)), ("1:4711", Some(4711)), ("2:654321:4711", None)]
    {
        let mut channel = Channel::new(|_| {}).await;
        channel.store.lock().cursor = Some(cursor.to_owned());
        channel.run();
        let calls = channel.bot.wait_for_calls("getUpdates", 1, LIMIT).await;
        assert_eq!(calls[0].params.integer("offset"), expected, "{cursor}");
    }
}

#[tokio::test]
async fn the_highest_id_is_confirmed_and_ids_go_on_from_below() {
    let channel = Channel::start(|_| {}).await;
    let ann = channel.bot.user("Ann");
    channel.bot.next_update_has(i64::from(i32::MAX) - 1);
    ann.sends("the last but one");
    ann.sends("the last");
    channel.messages(2).await;
    channel.bot.wait_until_confirmed(LIMIT).await;
    let from_the_head = || channel.store.lock().cursor.as_deref() == Some("2:123456:0");
    wait_for("the cursor without an offset", LIMIT, async || from_the_head().then_some(())).await;
    channel.bot.idle_for_a_week();
    ann.sends("after a week");
    channel.messages(3).await;
    channel.bot.wait_until_confirmed(LIMIT).await;
    channel.connected().await;
    assert_eq!(channel.store.lock().duplicates, 0);
    assert!(channel.bot.calls("getUpdates").iter().all(|call| call.status != Some(400)));
}

#[tokio::test]
async fn polls_that_are_answered_at_once_with_nothing_are_slowed_down() {
    // A poll that is held for so long counts as answered at once even on a machine that is very slow.
    let channel = Channel::start(|config| config.poll_timeout = Duration::from_secs(50)).await;
    channel.bot.plan(Fault::Body(r#"{"ok":true,"result":[]}"#.to_owned())).on("getUpdates").next(6);
    let calls = channel.bot.wait_for_calls("getUpdates", 6, LIMIT).await;
    let pauses: Vec<Duration> = calls.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // The first one is not to be held, and the second may happen.
    for (pause, least) in pauses[2..].iter().zip([50, 100, 200]) {
        assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
    }
    channel.bot.user("Ann").sends("hello");
    channel.messages(1).await;
}

#[tokio::test]
async fn an_api_url_may_have_a_path() {
    let fake = FakeTelegram::start_at(0, "/telegram/api").await.unwrap();
    let (_, mut config) = telegram().await;
    config.api_url = format!("{}/", fake.url()).parse().unwrap();
    let mut channel = Channel::on(fake, config, crate::support::Store::default());
    channel.run();
    channel.bot.user("Ann").sends("hello");
    channel.messages(1).await;
}

#[tokio::test]
async fn one_bot_s_trouble_is_not_another_s() {
    let first = Channel::start(|_| {}).await;
    let (_, mut config) = telegram().await;
    config.api_url = first.fake.url().parse().unwrap();
    config.token = "654321:AAF-token-of-the-other-bot".to_owned().into();
    let other = first.fake.bot("654321:AAF-token-of-the-other-bot");
    other.throttled(false);
    let (elsewhere, _) = telegram().await;
    let mut second = Channel::on(elsewhere, config, crate::support::Store::default());
    second.run();
    first.connected().await;
    second.connected().await;
    first.bot.plan(Fault::internal_error()).always();
    for number in 0..20 {
        other.user("Ann").sends(&format!("message {number}"));
    }
    assert_eq!(second.messages(20).await.len(), 20);
    second.connected().await;
    let interrupted = |state: &ConnectionState| matches!(state, ConnectionState::Interrupted(_));
    first.state("an interruption", interrupted).await;
    assert!(!first.store.lock().events.iter().any(|event| matches!(event, Event::Message(_))));
}
