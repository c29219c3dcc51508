//! What a sync tells, and when.

use serde_json::{Value, json};
use switchboard_testkit::matrix::Room;
use url::form_urlencoded;

use crate::client::{LIMIT, Town, ids, next, says, start, texts, timeline};

#[tokio::test]
async fn a_sync_tells_what_is_new() {
    let town @ Town { alice, room, http, .. } = &start().await;
    let first = http.sync("").await;
    let joined = &first["rooms"]["join"][room.id()];
    let kinds: Vec<_> = joined["timeline"]["events"].as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(kinds[0], "m.room.create");
    assert_eq!((joined["timeline"]["limited"] == true, kinds.len()), (false, 7), "{kinds:?}");
    assert_eq!(joined["summary"]["m.heroes"], json!([alice.id()]));

    let posted = says(town, &["one"]);
    let second = http.sync(&next(&first)).await;
    let event = &timeline(&second, room)["events"][0];
    assert_eq!(event["event_id"], posted.event_id);
    assert_eq!((&event["sender"], &event["room_id"]), (&json!(alice.id()), &Value::Null));
    assert!(event["origin_server_ts"].is_u64() && event["unsigned"]["age"].is_u64(), "{event}");

    let third = http.sync(&next(&second)).await;
    assert_eq!(third["rooms"]["join"], json!({}), "nothing is told twice");
    assert_eq!(third["next_batch"], second["next_batch"], "nothing happened");
    let again = http.sync(&next(&first)).await;
    assert_eq!(ids(&timeline(&again, room)["events"]), [posted.event_id], "old positions stay good");
}

#[tokio::test]
async fn a_long_poll_waits_for_news() {
    let town @ Town { matrix, bot, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    let path = format!("/v3/sync?since={since}&timeout=30000");
    let (sync, posted) = tokio::join!(http.get(&path), async {
        matrix.wait_until_polled(LIMIT).await;
        says(town, &["news"])
    });
    assert_eq!(texts(&timeline(&sync, room)["events"]), ["news"]);
    assert!(!matrix.is_polled());
    assert!(!bot.has_heard(posted.position) && !bot.is_up_to_date(), "it was told, and that is all");
    http.sync(&next(&sync)).await;
    assert!(bot.has_heard(posted.position) && bot.is_up_to_date());
}

/// The room's timeline after `since`, and with what filter.
async fn limited(town: &Town, since: &str, filter: Value) -> (bool, Vec<String>, String) {
    let filter: String = form_urlencoded::byte_serialize(filter.to_string().as_bytes()).collect();
    let sync = town.http.get(&format!("/v3/sync?since={since}&filter={filter}")).await;
    let timeline = timeline(&sync, &town.room);
    let texts = texts(&timeline["events"]).into_iter().map(str::to_owned).collect();
    (timeline["limited"] == true, texts, timeline["prev_batch"].as_str().unwrap().to_owned())
}

/// All texts between two positions, from the later to the earlier.
async fn gap(town: &Town, room: &Room, from: &str, to: &str, limit: usize) -> Vec<String> {
    let (mut found, mut from) = (Vec::new(), from.to_owned());
    loop {
        let page = town.http.page(room, &format!("dir=b&from={from}&to={to}&limit={limit}")).await;
        found.extend(texts(&page["chunk"]).into_iter().map(str::to_owned));
        match page["end"].as_str() {
            Some(end) => end.clone_into(&mut from),
            None => return found,
        }
    }
}

#[tokio::test]
async fn what_is_too_much_leaves_a_gap_that_history_fills() {
    let town = &start().await;
    let since = next(&town.http.sync("").await);
    says(town, &["1", "2", "3", "4", "5"]);
    let filter = |limit: usize| json!({ "room": { "timeline": { "limit": limit } } });
    assert!(!limited(town, &since, filter(5)).await.0);
    let (cut, told, before) = limited(town, &since, filter(2)).await;
    assert_eq!((cut, told), (true, vec!["4".to_owned(), "5".to_owned()]));
    for limit in 1..4 {
        assert_eq!(gap(town, &town.room, &before, &since, limit).await, ["3", "2", "1"]);
    }
    town.matrix.timeline_limits(1, 3);
    assert_eq!(limited(town, &since, json!({})).await.1, ["5"]);
    assert_eq!(limited(town, &since, filter(50)).await.1, ["3", "4", "5"]);
}

#[tokio::test]
async fn history_is_read_on_from_an_event() {
    let town = &start().await;
    let posted = says(town, &["1", "2", "3"]);
    says(town, &["4", "5"]);
    let context = format!("/v3/rooms/{}/context/{}", town.room.id(), posted.event_id);
    for (limit, before, after, next) in [(0, vec![], vec![], "4"), (2, vec!["2"], vec!["4"], "5")] {
        let found = town.http.get(&format!("{context}?limit={limit}")).await;
        assert_eq!(found["event"]["content"]["body"], "3");
        assert_eq!((texts(&found["events_before"]), texts(&found["events_after"])), (before, after));
        let end = found["end"].as_str().unwrap();
        let page = town.http.page(&town.room, &format!("dir=f&limit=1&from={end}")).await;
        assert_eq!(texts(&page["chunk"]), [next]);
    }
    let members = "dir=b&limit=1&filter=%7B%22types%22%3A%5B%22m.room.member%22%5D%7D";
    let page = town.http.page(&town.room, members).await;
    assert_eq!(page["chunk"][0]["state_key"], town.bot.id());
}

#[tokio::test]
async fn a_filter_can_leave_all_rooms_out() {
    let town = &start().await;
    let sync = town.http.get("/v3/sync?filter=%7B%22room%22%3A%7B%22rooms%22%3A%5B%5D%7D%7D").await;
    assert_eq!(sync["rooms"]["join"], json!({}));
    says(town, &["after it"]);
    let sync = town.http.sync(&next(&sync)).await;
    assert_eq!(texts(&timeline(&sync, &town.room)["events"]), ["after it"]);
}
