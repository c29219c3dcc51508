//! Invitations, members, and what people do besides writing.

use serde_json::{Value, json};

use crate::client::{Town, next, send, start, texts, timeline};

#[tokio::test]
async fn an_invitation_is_accepted_or_declined() {
    let Town { bot, alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    let (direct, group, unwanted) = (alice.direct(bot), alice.makes_room("Help"), alice.makes_room("Spam"));
    alice.sends(&direct, "before you came");
    alice.invites(&group, bot);
    alice.invites(&unwanted, bot);
    let sync = http.sync(&since).await;
    let invite = |room: &str| sync["rooms"]["invite"][room]["invite_state"]["events"].as_array().unwrap();
    let own = |event: &&Value| event["state_key"] == bot.id();
    assert_eq!(invite(direct.id()).iter().find(own).unwrap()["content"]["is_direct"], true);
    let in_group = invite(group.id());
    assert!(in_group.iter().find(own).unwrap()["content"]["is_direct"].is_null());
    assert!(in_group.iter().any(|event| event["content"]["name"] == "Help"));
    assert!(in_group.iter().any(|event| event["state_key"] == alice.id()), "the inviter");

    let before = next(&sync);
    http.result(&format!("POST /v3/rooms/{}/join", direct.id()), json!({})).await;
    http.result(&format!("POST /v3/join/{}", group.id()), Value::Null).await;
    http.result(&format!("POST /v3/rooms/{}/leave", unwanted.id()), json!({})).await;
    let sync = http.sync(&before).await;
    assert!(texts(&timeline(&sync, &direct)["events"]).contains(&"before you came"));
    assert!(sync["rooms"]["leave"].get(unwanted.id()).is_some());
    let joined = http.get("/v3/joined_rooms").await;
    let mut expected = [room.id(), direct.id(), group.id()];
    expected.sort_unstable();
    assert_eq!(joined["joined_rooms"], json!(expected));
    assert_eq!(unwanted.membership(bot), "leave");
}

#[tokio::test]
async fn nobody_joins_uninvited() {
    let Town { bot, alice, http, .. } = &start().await;
    let (closed, banned, open) =
        (alice.makes_room("Closed"), alice.makes_room("Banned"), alice.makes_room("Open"));
    alice.bans(&banned, bot);
    open.sets(alice, "m.room.join_rules", "", json!({ "join_rule": "public" }));
    for (room, status) in [(closed.id(), 403), (banned.id(), 403), ("!unknown:stand-in.test", 404)] {
        assert_eq!(http.refused(&format!("POST /v3/join/{room}"), json!({})).await.0, status, "{room}");
    }
    http.result(&format!("POST /v3/join/{}", open.id()), json!({})).await;
}

#[tokio::test]
async fn who_is_thrown_out_hears_no_more() {
    let Town { bot, alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    alice.sends(room, "goodbye");
    alice.kicks(room, bot);
    alice.sends(room, "among ourselves");
    let sync = http.sync(&since).await;
    let left = &sync["rooms"]["leave"][room.id()]["timeline"];
    assert_eq!(texts(&left["events"]), ["goodbye", ""]);
    let page = http.page(room, "dir=b&limit=2").await;
    assert_eq!(texts(&page["chunk"]), ["", "goodbye"], "what came before may be read");
    let refused = http.refused(&send(room, "1"), json!({ "body": "a" })).await;
    assert_eq!(refused, (403, "M_FORBIDDEN".to_owned()));
    assert_eq!(http.sync(&next(&sync)).await["rooms"]["leave"], json!({}));
}

#[tokio::test]
async fn members_and_state_can_be_asked_for() {
    let Town { matrix, bot, alice, http, .. } = &start().await;
    let (group, bob) = (alice.makes_room("Help"), matrix.person("Bob"));
    group.adds(bot);
    bob.joins(&group);
    let since = next(&http.sync("").await);
    bob.renames("Robert");
    let sync = http.sync(&since).await;
    let renamed = &timeline(&sync, &group)["events"][0];
    assert_eq!(renamed["content"]["displayname"], "Robert");
    assert_eq!(renamed["unsigned"]["prev_content"]["displayname"], "Bob");
    bob.leaves(&group);

    let path = format!("/v3/rooms/{}", group.id());
    let joined = http.get(&format!("{path}/joined_members")).await;
    assert_eq!(joined["joined"].as_object().unwrap().len(), 2);
    assert_eq!(joined["joined"][alice.id()]["display_name"], "Alice");
    for (query, count) in [("", 3), ("?membership=join", 2), ("?not_membership=join", 1)] {
        let members = http.get(&format!("{path}/members{query}")).await;
        assert_eq!(members["chunk"].as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(http.get(&format!("{path}/state/m.room.name")).await["name"], "Help");
    let member = http.get(&format!("{path}/state/m.room.member/{}", bob.id())).await;
    assert_eq!(member["membership"], "leave");
    let encryption = format!("GET {path}/state/m.room.encryption/");
    assert_eq!(http.refused(&encryption, Value::Null).await, (404, "M_NOT_FOUND".to_owned()));
    assert_eq!(http.get(&format!("{path}/state")).await.as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn people_do_more_than_write_texts() {
    let Town { matrix, bot, alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    let root = alice.says(room, "root").mentions(bot).html("<b>root</b>").send().event_id;
    alice.says(room, "threaded").in_thread(&root).send();
    alice.says(room, "answer").in_thread(&root).in_reply_to(&root).send();
    alice.edits(room, &root, "edited");
    alice.notices(room, "notice").send();
    alice.attaches(room, "m.image", "a.png", "image/png").send();
    alice.sticks(room, "wave").send();
    alice.shares_place(room, "here", "geo:52.5,13.4").send();
    alice.reacts(room, &root, "+").send();
    let gone = alice.sends(room, "gone").event_id;
    alice.redacts(room, &gone);
    bot.sends(room, "from my phone");

    let sync = http.sync(&since).await;
    let events = timeline(&sync, room)["events"].as_array().unwrap();
    assert!(timeline(&sync, room)["limited"] == true && events.len() == 10, "{events:?}");
    let page = http.page(room, "dir=f&limit=20").await;
    let found = |body: &str| {
        let mut events = page["chunk"].as_array().unwrap().iter();
        events.find(|event| event["content"]["body"] == body).expect("the event is there")
    };
    assert_eq!(found("root")["content"]["m.mentions"]["user_ids"], json!([bot.id()]));
    assert_eq!(found("threaded")["content"]["m.relates_to"]["is_falling_back"], true);
    assert_eq!(found("answer")["content"]["m.relates_to"]["is_falling_back"], false);
    assert_eq!(found("* edited")["content"]["m.new_content"]["body"], "edited");
    assert_eq!(found("notice")["content"]["msgtype"], "m.notice");
    assert_eq!(found("a.png")["content"]["info"]["mimetype"], "image/png");
    assert_eq!(found("wave")["type"], "m.sticker");
    assert_eq!(found("here")["content"]["geo_uri"], "geo:52.5,13.4");
    assert_eq!(found("from my phone")["sender"], bot.id());
    let event = http.get(&format!("/v3/rooms/{}/event/{gone}", room.id())).await;
    assert_eq!(event["content"], json!({}), "it was taken back");
    assert_eq!(event["unsigned"]["redacted_because"]["redacts"], gone);

    let notices = matrix.server_room(bot);
    notices.adds(bot);
    matrix.server_says(&notices, "Please behave");
    let sync = http.sync(&next(&sync)).await;
    let notices = &sync["rooms"]["join"][notices.id()];
    assert_eq!(notices["account_data"]["events"][0]["content"]["tags"], json!({ "m.server_notice": {} }));
    assert!(texts(&notices["timeline"]["events"]).contains(&"Please behave"));
}
