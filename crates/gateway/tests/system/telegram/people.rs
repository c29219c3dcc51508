//! People and groups that shut the bot out and let it in again, and who writes in a group's name.

use serde_json::json;
use switchboard_testkit::{
    postgres,
    telegram::{FakeTelegram, Sent},
    wait::wait_for,
};

use super::{TOKEN, channel};
use crate::support::{Database, PATIENCE, System};

#[tokio::test]
async fn who_comes_back_is_answered_again() {
    let database = postgres::database().expect("a Postgres for tests");
    let url = database.url().to_owned();
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let more = "groups = \"all\"";
    let system = System::start(Database::Postgres(database), &channel(&telegram, "bot", TOKEN, more)).await;
    let (alice, group) = (bot.user("Alice"), bot.supergroup("Team"));
    system.sandbox.pause(true);
    alice.sends("one");
    alice.says("one, all").to(&group).send();
    system.wait_for_requests(2).await;
    alice.blocks();
    group.kicks_bot(&alice);
    system.sandbox.pause(false);
    let given_up = async || {
        let dead: Vec<_> =
            system.deliveries().await.into_iter().filter(|row| row["state"] == "dead").collect();
        (dead.len() == 2).then_some(())
    };
    wait_for("both answers to be given up", PATIENCE, given_up).await;
    assert_eq!(bot.calls("sendMessage").len(), 2, "nobody is asked twice");

    alice.unblocks();
    group.adds_bot(&alice);
    alice.sends("two");
    alice.says("two, all").to(&group).send();
    let mut sent: Vec<(i64, String)> =
        bot.wait_for_sent(2, PATIENCE).await.iter().map(|it| (it.chat_id, it.text().to_owned())).collect();
    sent.sort_unstable();
    let expected =
        [(group.id(), "You wrote: two, all".to_owned()), (alice.id(), "You wrote: two".to_owned())];
    assert_eq!(sent, expected);
    let changes = "SELECT string_agg(flag || '=' || value, ' ' ORDER BY event.id) FROM event \
                   JOIN thread ON thread.id = event.thread WHERE flag = 'reachable' GROUP BY thread.chat";
    let changes = postgres::execute(&url, changes).expect("the tables are there");
    let changes: Vec<&str> = changes.lines().collect();
    assert_eq!(changes, ["reachable=false reachable=true"; 2]);
}

#[tokio::test]
async fn who_writes_in_the_group_s_name_is_answered_in_the_group() {
    let telegram = FakeTelegram::start().await.expect("a free port");
    let bot = telegram.bot(TOKEN);
    let system = System::start(Database::Sqlite, &channel(&telegram, "bot", TOKEN, "")).await;
    let (group, alice) = (bot.supergroup("Team"), bot.user("Alice"));
    let nobody =
        bot.user_with(json!({ "first_name": "Group", "is_bot": true, "username": "GroupAnonymousBot" }));
    let as_group = json!({ "id": group.id(), "type": "supergroup", "title": "Team" });
    let question = format!("@{} and I?", bot.username());
    let asked = nobody.says(&question).with("sender_chat", as_group).to(&group).send();
    let other = alice.says(&format!("@{} and me?", bot.username().to_uppercase())).to(&group).send();
    let sent = bot.wait_for_sent(2, PATIENCE).await;
    let replies: Vec<Option<i64>> = sent.iter().map(Sent::reply_to).collect();
    assert!(sent.iter().all(|it| it.chat_id == group.id()));
    assert!(replies.contains(&Some(asked.message_id)) && replies.contains(&Some(other.message_id)));
    let mut chats: Vec<String> = system.sandbox.requests(0).into_iter().map(|it| it.chat_id).collect();
    chats.sort_unstable();
    let mut expected = [group.id(), alice.id()].map(|author| format!("bot:{}:{author}", group.id()));
    expected.sort_unstable();
    assert_eq!(chats, expected);
}
