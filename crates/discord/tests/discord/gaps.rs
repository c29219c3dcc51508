//! What the gateway does not tell is found in history, in order and once.

use std::time::Duration;

use switchboard_testkit::discord::{Fault, Permission};

use crate::support::{Channel, LIMIT};

const HISTORY: &str = "GET /channels/*/messages";

/// Begins a new session, in which nothing of the one before comes again.
async fn new_session(channel: &Channel) {
    let sessions = channel.bot.identifies().len();
    channel.bot.invalidates_sessions(false);
    channel.bot.wait_for_identifies(sessions + 1, LIMIT).await;
    channel.bot.wait_for_connections(1, LIMIT).await;
}

#[tokio::test]
async fn a_lost_connection_loses_nothing_and_costs_no_session() {
    let channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    alice.sends("before");
    channel.holds(&["before"]).await;
    for what in 0..4 {
        let resumes = channel.bot.resumes().len();
        match what {
            0 => channel.bot.drops_connections(),
            1 => channel.bot.closes_connections(4000),
            2 => channel.bot.asks_to_reconnect(),
            _ => channel.bot.invalidates_sessions(true),
        }
        alice.sends(&format!("during {what}"));
        let resumes = channel.bot.wait_for_resumes(resumes + 1, LIMIT).await;
        assert!(resumes.last().unwrap().at_resume_url, "at the address that READY named");
        channel.bot.wait_for_connections(1, LIMIT).await;
    }
    alice.sends("after");
    channel.holds(&["before", "during 0", "during 1", "during 2", "during 3", "after"]).await;
    assert_eq!(channel.bot.identifies().len(), 1);
}

#[tokio::test]
async fn a_zombie_is_noticed_and_its_session_resumed() {
    let mut channel = Channel::new().await;
    channel.fake.heartbeat_every(Duration::from_millis(500));
    channel.run().await;
    let alice = channel.bot.user("Alice");
    alice.sends("before");
    channel.holds(&["before"]).await;
    channel.bot.freezes_connections();
    alice.sends("to the zombie");
    channel.holds(&["before", "to the zombie"]).await;
    assert_eq!(channel.bot.identifies().len(), 1);
}

#[tokio::test]
async fn a_new_session_is_preceded_by_what_was_missed() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (help, forum, alice) = (guild.text_channel("help"), guild.forum("ideas"), channel.bot.user("Alice"));
    let thread = help.opens_thread(&alice, "thread");
    alice.sends("1 direct");
    channel.holds(&["1 direct"]).await;
    alice.says("2 direct").send_unheard();
    alice.says("3 guild").in_channel(&help).send_unheard();
    alice.says("4 thread").in_channel(&thread).send_unheard();
    let (post, _) = forum.posts(&alice, "post", "5 post");
    channel.messages(2).await;
    alice.says("6 post").in_channel(&post).send_unheard();
    new_session(&channel).await;
    alice.sends("7 direct");
    alice.says("8 guild").in_channel(&help).send();
    let messages = channel.messages(8).await;
    let mut texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
    let at = |text| messages.iter().position(|message| message.text == text).unwrap();
    for (earlier, later) in
        [("1 direct", "2 direct"), ("2 direct", "7 direct"), ("3 guild", "8 guild"), ("5 post", "6 post")]
    {
        assert!(at(earlier) < at(later), "{texts:?}");
    }
    texts.sort_unstable();
    let all = ["1 direct", "2 direct", "3 guild", "4 thread", "5 post", "6 post", "7 direct", "8 guild"];
    assert_eq!(texts, all);
    assert_ne!(messages[at("4 thread")].conversation, messages[at("3 guild")].conversation);
}

#[tokio::test]
async fn another_process_goes_on_with_the_session() {
    let mut channel = Channel::start().await;
    channel.stop().await;
    // Nobody who wrote before: no history would lead here.
    channel.bot.user("Alice").sends("for the first time");
    channel.run().await;
    channel.holds(&["for the first time"]).await;
    assert_eq!(channel.bot.identifies().len(), 1);
}

#[tokio::test]
async fn after_a_long_downtime_history_is_read_in_pages() {
    let mut channel = Channel::start().await;
    let help = channel.bot.guild("Shop").text_channel("help");
    let alice = channel.bot.user("Alice");
    alice.sends("direct");
    channel.holds(&["direct"]).await;
    channel.stop().await;
    channel.bot.forgets_sessions();
    let texts: Vec<String> = (0..250).map(|number| format!("{number}")).collect();
    for text in &texts {
        alice.sends(text);
        alice.says(text).in_channel(&help).send();
    }
    channel.run().await;
    let messages = channel.messages(501).await;
    assert_eq!(messages.len(), 501);
    for place in ["@", ""] {
        let of_place =
            messages[1..].iter().filter(|it| it.conversation.as_str().starts_with('@') != place.is_empty());
        let of_place: Vec<_> = of_place.map(|message| message.text.clone()).collect();
        assert_eq!(of_place, texts);
    }
}

#[tokio::test]
async fn a_stranger_s_first_message_is_found_with_the_next_one() {
    let mut channel = Channel::start().await;
    channel.stop().await;
    channel.bot.forgets_sessions();
    let alice = channel.bot.user("Alice");
    alice.sends("while nobody listened");
    channel.run().await;
    alice.sends("hello?");
    channel.holds(&["while nobody listened", "hello?"]).await;
}

#[tokio::test]
async fn a_stranger_is_found_however_much_happens_elsewhere_meanwhile() {
    let channel = Channel::start().await;
    let (guild, alice, bob) = (channel.bot.guild("Shop"), channel.bot.user("Alice"), channel.bot.user("Bob"));
    let rooms: Vec<_> = (0..250).map(|number| guild.text_channel(&format!("room-{number}"))).collect();
    alice.says("while nobody listened").send_unheard();
    for round in 1..=2 {
        new_session(&channel).await;
        for room in &rooms {
            bob.says("elsewhere").in_channel(room).send();
        }
        channel.messages(round * rooms.len()).await;
    }
    new_session(&channel).await;
    alice.sends("hello?");
    let messages = channel.messages(2 * rooms.len() + 2).await;
    let of_alice: Vec<_> = messages.iter().filter(|message| message.text != "elsewhere").collect();
    assert_eq!((&*of_alice[0].text, &*of_alice[1].text), ("while nobody listened", "hello?"));
}

#[tokio::test]
async fn a_session_that_another_process_began_is_known_to_have_a_gap_before_it() {
    let mut channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (help, alice, bob) = (guild.text_channel("help"), channel.bot.user("Alice"), channel.bot.user("Bob"));
    let thread = help.opens_thread(&bob, "an order");
    channel.stop().await;
    channel.bot.forgets_sessions();
    for number in 0..150 {
        alice.sends(&format!("{number}"));
    }
    bob.says("in the thread").in_channel(&thread).send();
    thread.archives();
    // Begins a session, in which neither place is named.
    channel.run().await;
    channel.stop().await;
    channel.run().await;
    // Ends in the middle of the history of a place.
    let history = channel.bot.calls(HISTORY).len();
    channel.bot.plan(Fault::NoAnswer).on(HISTORY).every(2);
    alice.sends("150");
    channel.bot.wait_for_calls(HISTORY, history + 2, LIMIT).await;
    channel.stop().await;
    channel.bot.heals();
    channel.run().await;
    alice.sends("151");
    bob.says("and again").in_channel(&thread).send();
    let mut expected: Vec<String> = (0..152).map(|number| format!("{number}")).collect();
    expected.extend(["in the thread".to_owned(), "and again".to_owned()]);
    channel.holds(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(channel.bot.identifies().len(), 2);
}

#[tokio::test]
async fn places_that_are_made_while_nobody_listens_are_found() {
    let mut channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (help, forum, alice) = (guild.text_channel("help"), guild.forum("ideas"), channel.bot.user("Alice"));
    let old = help.opens_thread(&alice, "an old one");
    old.archives();
    alice.says("before").in_channel(&help).send();
    channel.holds(&["before"]).await;
    channel.stop().await;
    channel.bot.forgets_sessions();
    let thread = help.opens_thread(&alice, "a new one");
    let room = guild.text_channel("new");
    let (post, _) = forum.posts(&alice, "post", "2 post");
    alice.says("1 thread").in_channel(&thread).send();
    alice.says("3 post").in_channel(&post).send();
    alice.says("4 room").in_channel(&room).send();
    alice.says("5 reopened").in_channel(&old).send();
    channel.run().await;
    let mut texts: Vec<_> = channel.messages(6).await.into_iter().map(|message| message.text).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["1 thread", "2 post", "3 post", "4 room", "5 reopened", "before"]);
}

#[tokio::test]
async fn more_places_than_are_remembered_lose_nothing() {
    let mut channel = Channel::new().await;
    let (large, small, alice) =
        (channel.bot.guild("Large"), channel.bot.guild("Small"), channel.bot.user("Alice"));
    let room = |number| (if number < 250 { &large } else { &small }).text_channel(&format!("room-{number}"));
    let rooms: Vec<_> = (0..300).map(room).collect();
    channel.run().await;
    let mut expected = Vec::new();
    for round in 0..3 {
        // The guild that comes last is the one with the oldest of what is missed.
        for (number, room) in rooms.iter().enumerate().rev() {
            let text = format!("{round} {number}");
            alice.says(&text).in_channel(room).send_unheard();
            expected.push(text);
        }
        new_session(&channel).await;
        let mut texts: Vec<_> =
            channel.messages(expected.len()).await.into_iter().map(|message| message.text).collect();
        texts.sort_unstable();
        expected.sort_unstable();
        assert_eq!(texts, expected);
    }
    let cursor = channel.store.lock().cursor.clone().unwrap();
    assert!(cursor.as_str().len() < 20_000, "{}", cursor.as_str().len());
}

#[tokio::test]
async fn a_place_that_is_gone_holds_nothing_up() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (gone, left) = (guild.text_channel("gone"), channel.bot.guild("Left"));
    let (lost, alice) = (left.text_channel("lost"), channel.bot.user("Alice"));
    for place in [&gone, &lost] {
        alice.says("before").in_channel(place).send();
    }
    channel.holds(&["before", "before"]).await;
    gone.deletes();
    left.kicks_bot();
    new_session(&channel).await;
    alice.sends("after");
    channel.holds(&["before", "before", "after"]).await;
    left.adds_bot();
    alice.says("again").in_channel(&lost).send();
    channel.holds(&["before", "before", "after", "again"]).await;
}

#[tokio::test]
async fn what_was_written_in_an_outage_of_a_guild_is_found() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (help, alice) = (guild.text_channel("help"), channel.bot.user("Alice"));
    alice.says("before").in_channel(&help).send();
    channel.holds(&["before"]).await;
    guild.goes_out();
    alice.says("during").in_channel(&help).send();
    guild.recovers();
    alice.says("after").in_channel(&help).send();
    channel.holds(&["before", "during", "after"]).await;
}

#[tokio::test]
async fn history_that_cannot_be_read_holds_nothing_up() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (hidden, mute, help) =
        (guild.text_channel("hidden"), guild.text_channel("mute"), guild.text_channel("help"));
    hidden.denies(Permission::ViewChannel);
    mute.denies(Permission::ReadMessageHistory);
    let alice = channel.bot.user("Alice");
    for place in [&hidden, &mute, &help] {
        alice.says("missed").in_channel(place).send_unheard();
    }
    let deleted = alice.says("deleted").in_channel(&help).send_unheard();
    alice.deletes(deleted);
    new_session(&channel).await;
    alice.says("heard").in_channel(&mute).send();
    channel.holds(&["missed", "heard"]).await;
}

#[tokio::test]
async fn fetching_is_repeated_until_it_succeeds() {
    let channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    alice.sends("before");
    channel.holds(&["before"]).await;
    alice.says("missed").send_unheard();
    for fault in [
        Fault::bad_gateway(),
        Fault::too_many_requests(0.05),
        Fault::too_many_requests(0.0),
        Fault::refused(403, 40_333, "internal network error"),
        Fault::Page(403),
        Fault::Closed,
        Fault::internal_error(),
    ] {
        channel.bot.plan(fault).on(HISTORY).next(1);
    }
    new_session(&channel).await;
    alice.sends("after");
    channel.holds(&["before", "missed", "after"]).await;
}

#[tokio::test]
async fn a_place_whose_history_only_fails_holds_up_no_other() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (broken, help, alice) =
        (guild.text_channel("broken"), guild.text_channel("help"), channel.bot.user("Alice"));
    alice.says("lost").in_channel(&broken).send_unheard();
    alice.says("missed").in_channel(&help).send_unheard();
    channel.bot.plan(Fault::internal_error()).on(HISTORY).in_channel(broken.id()).always();
    new_session(&channel).await;
    alice.says("heard").in_channel(&broken).send();
    channel.holds(&["missed", "heard"]).await;
    assert!(channel.bot.calls(HISTORY).len() > 5, "it was tried");
}

#[tokio::test]
async fn while_no_history_is_shown_at_all_nothing_is_given_up() {
    let channel = Channel::start().await;
    let guild = channel.bot.guild("Shop");
    let (help, alice) = (guild.text_channel("help"), channel.bot.user("Alice"));
    alice.sends("before");
    channel.holds(&["before"]).await;
    alice.says("missed").in_channel(&help).send_unheard();
    channel.bot.plan(Fault::internal_error()).on(HISTORY).always();
    new_session(&channel).await;
    // Longer than what is given up where other places answer.
    channel.bot.wait_for_calls(HISTORY, 40, LIMIT).await;
    channel.bot.heals();
    alice.says("heard").in_channel(&help).send();
    channel.holds(&["before", "missed", "heard"]).await;
}

#[tokio::test]
async fn an_outage_that_outlasts_the_session_loses_nothing() {
    let channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    alice.sends("before");
    channel.holds(&["before"]).await;
    channel.fake.go_down().await;
    channel.interrupted("gateway").await;
    alice.sends("during");
    channel.bot.forgets_sessions();
    channel.fake.come_back().await.unwrap();
    channel.connected().await;
    alice.sends("after");
    channel.holds(&["before", "during", "after"]).await;
}

#[tokio::test]
async fn a_message_that_history_shows_later_than_its_successor_is_taken() {
    let channel = Channel::start().await;
    let alice = channel.bot.user("Alice");
    let before = alice.sends("before");
    channel.holds(&["before"]).await;
    let later = alice.says("of the later number").send_unheard();
    new_session(&channel).await;
    channel.holds(&["before", "of the later number"]).await;
    // Discord numbers messages in several places, and stores them a little later.
    let number = (later.message_id - 1).to_string();
    let data = serde_json::json!({
        "id": number, "channel_id": before.channel_id.to_string(), "type": 0, "content": "of the earlier one",
        "author": { "id": alice.id().to_string(), "username": "alice", "discriminator": "0", "avatar": null },
        "timestamp": "2026-01-01T00:00:00.000000+00:00", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": false,
    });
    channel.bot.push_event("MESSAGE_CREATE", &data);
    channel.holds(&["before", "of the later number", "of the earlier one"]).await;
}
