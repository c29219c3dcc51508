//! Logging in, and what a user keeps on the server.

use serde_json::{Value, json};

use crate::client::{Http, LIMIT, PASSWORD, Town, next, start};

fn password(user: &str, password: &str) -> Value {
    let identifier = json!({ "type": "m.id.user", "user": user });
    json!({ "type": "m.login.password", "identifier": identifier, "password": password })
}

#[tokio::test]
async fn a_password_opens_a_device() {
    let Town { matrix, bot, alice, .. } = &start().await;
    let http = Http::new(matrix);
    assert!(http.get("/versions").await["versions"].as_array().unwrap().contains(&json!("v1.11")));
    assert_eq!(http.get("/v3/login").await["flows"][0]["type"], "m.login.password");
    for (user, word) in [("support", "wrong"), ("nobody", PASSWORD), (alice.id(), "")] {
        let refused = http.refused("POST /v3/login", password(user, word)).await;
        assert_eq!(refused, (403, "M_FORBIDDEN".to_owned()), "{user}");
    }
    let first = http.result("POST /v3/login", password("support", PASSWORD)).await;
    assert_eq!(first["user_id"], bot.id());
    let mut again = password(bot.id(), PASSWORD);
    again["device_id"] = first["device_id"].clone();
    let second = http.result("POST /v3/login", again).await;
    assert_eq!(second["device_id"], first["device_id"]);

    let old = http.with_token(first["access_token"].as_str().unwrap());
    let call = "GET /v3/account/whoami";
    assert_eq!(old.refused(call, Value::Null).await, (401, "M_UNKNOWN_TOKEN".to_owned()));
    let new = http.with_token(second["access_token"].as_str().unwrap());
    assert_eq!(new.result(call, Value::Null).await["device_id"], first["device_id"]);
    new.result("POST /v3/logout", Value::Null).await;
    assert_eq!(new.refused(call, Value::Null).await.0, 401);
    assert_eq!(http.refused(call, Value::Null).await, (401, "M_MISSING_TOKEN".to_owned()));
}

#[tokio::test]
async fn a_session_can_end_for_good_or_softly() {
    let Town { matrix, bot, http, .. } = &start().await;
    for softly in [false, true] {
        let http = http.with_token(&bot.logs_in().access_token);
        let since = next(&http.sync("").await);
        let poll = format!("GET /v3/sync?timeout=30000&since={since}");
        let (poll, ()) = tokio::join!(http.call(&poll, Value::Null), async {
            matrix.wait_until_polled(LIMIT).await;
            if softly { bot.logs_out_softly() } else { bot.logs_out() }
        });
        for (status, body) in [poll.unwrap(), http.call("GET /v3/sync", Value::Null).await.unwrap()] {
            assert_eq!((status, &body["errcode"]), (401, &json!("M_UNKNOWN_TOKEN")));
            assert_eq!(body["soft_logout"], softly);
        }
    }
}

#[tokio::test]
async fn what_is_kept_comes_back() {
    let Town { bot, alice, room, http, .. } = &start().await;
    let since = next(&http.sync("").await);
    let own = format!("/v3/user/{}", bot.id());
    let places = [
        (format!("{own}/account_data/m.direct"), json!({ alice.id(): [room.id()] })),
        (format!("{own}/rooms/{}/account_data/m.tag", room.id()), json!({ "tags": {} })),
    ];
    for (place, content) in &places {
        let refused = http.refused(&format!("GET {place}"), Value::Null).await;
        assert_eq!(refused, (404, "M_NOT_FOUND".to_owned()));
        http.result(&format!("PUT {place}"), content.clone()).await;
        assert_eq!(http.get(place).await, *content);
    }
    let sync = http.sync(&since).await;
    assert_eq!(sync["account_data"]["events"][0]["type"], "m.direct");
    let in_room = &sync["rooms"]["join"][room.id()];
    assert_eq!(in_room["account_data"]["events"][0]["type"], "m.tag");

    let others = format!("GET /v3/user/{}/account_data/m.direct", alice.id());
    assert_eq!(http.refused(&others, Value::Null).await.0, 403);
    let filter = json!({ "room": { "timeline": { "limit": 1 } } });
    let id = http.result(&format!("POST {own}/filter"), filter.clone()).await["filter_id"].clone();
    assert_eq!(http.get(&format!("{own}/filter/{}", id.as_str().unwrap())).await, filter);
    let sync = http.get(&format!("/v3/sync?filter={}", id.as_str().unwrap())).await;
    assert_eq!(sync["rooms"]["join"][room.id()]["timeline"]["events"].as_array().unwrap().len(), 1);
    assert_eq!(http.get(&format!("/v3/profile/{}", alice.id())).await["displayname"], "Alice");
}

#[tokio::test]
async fn keys_are_kept_and_given_out() {
    let Town { matrix, bot, alice, http, .. } = &start().await;
    let (session, bob) = (bot.logs_in(), matrix.person("Bob"));
    let others = [bot, alice, &bob].map(|user| http.with_token(&user.logs_in().access_token));
    let since = next(&http.sync("").await);
    let http = http.with_token(&session.access_token);
    let keys = json!({
        "device_keys": { "user_id": bot.id(), "device_id": session.device_id, "signatures": { bot.id(): { "a": "1" } } },
        "one_time_keys": { "signed_curve25519:AAA": { "key": "one" } },
        "fallback_keys": { "signed_curve25519:BBB": { "key": "fallback" } },
    });
    let counts = http.result("POST /v3/keys/upload", keys).await;
    assert_eq!(counts["one_time_key_counts"]["signed_curve25519"], 1);
    let other = json!({ "one_time_keys": { "signed_curve25519:AAA": { "key": "another" } } });
    assert_eq!(http.refused("POST /v3/keys/upload", other).await.0, 400, "a key is never replaced");

    let master = json!({ "keys": { "ed25519:MMM": "MMM" }, "usage": ["master"] });
    http.result("POST /v3/keys/device_signing/upload", json!({ "master_key": master })).await;
    let signed = |key: &str| json!({ "signatures": { bot.id(): { key: "2" } } });
    let signatures = json!({ bot.id(): { &session.device_id: signed("b"), "MMM": signed("c") } });
    http.result("POST /v3/keys/signatures/upload", signatures).await;

    let mut told = Vec::new();
    for other in others {
        told.push(other.sync(&since).await["device_lists"]["changed"].clone());
    }
    assert_eq!(told, [json!([bot.id()]), json!([bot.id()]), json!([])], "Bob knows nothing of the bot");

    let query = json!({ "device_keys": { bot.id(): [], "@nobody:stand-in.test": [] } });
    let found = http.result("POST /v3/keys/query", query).await;
    let device = &found["device_keys"][bot.id()][&session.device_id];
    assert_eq!(device["signatures"][bot.id()], json!({ "a": "1", "b": "2" }));
    assert_eq!(found["master_keys"][bot.id()]["signatures"][bot.id()]["c"], "2");

    let claim = json!({ "one_time_keys": { bot.id(): { &session.device_id: "signed_curve25519" } } });
    for expected in ["AAA", "BBB", "BBB"] {
        let claimed = http.result("POST /v3/keys/claim", claim.clone()).await;
        let key = &claimed["one_time_keys"][bot.id()][&session.device_id];
        assert!(key.get(format!("signed_curve25519:{expected}")).is_some(), "{claimed}");
    }
    let sync = http.sync("").await;
    assert_eq!(sync["device_one_time_keys_count"]["signed_curve25519"], 0);
    assert_eq!(http.refused("GET /v3/room_keys/version", Value::Null).await.1, "M_NOT_FOUND");
    http.result("POST /v3/room_keys/version", json!({ "algorithm": "a", "auth_data": {} })).await;
    assert_eq!(http.get("/v3/room_keys/version").await["algorithm"], "a");
}
