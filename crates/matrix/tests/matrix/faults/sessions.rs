//! Sessions that begin and end.

use std::time::Duration;

use secrecy::SecretString;
use switchboard_core::{ConversationId, Verdict, chain};
use switchboard_matrix::Login;
use switchboard_testkit::matrix::Fault;

use super::scene::Scene;

const SEND: &str = "PUT /rooms/*/send/*/*";

#[tokio::test]
async fn a_limited_login_waits_and_makes_one_device() {
    let mut scene = Scene::new().await;
    scene.fake.plan(Fault::LimitExceeded(Duration::from_millis(300))).on("POST /login").next(1);
    scene.fake.plan(Fault::AnswerLost).on("POST /login").next(1);
    scene.run().await;
    let logins = scene.fake.calls("POST /login");
    assert_eq!(logins.len(), 3);
    assert!(logins[1].at - logins[0].at >= Duration::from_millis(300));
    assert!(logins.iter().all(|call| call.body["device_id"] == logins[0].body["device_id"]));
    assert_eq!(scene.bot.sessions().len(), 1);
    scene.restart().await;
    assert_eq!(scene.fake.calls("POST /login").len(), 3, "the session is kept");
}

#[tokio::test]
async fn a_soft_logout_logs_in_again_with_the_same_device() {
    let (scene, room) = Scene::start().await;
    scene.alice.sends(&room, "1");
    scene.holds(&["1"]).await;
    let before = scene.bot.sessions();
    scene.bot.logs_out_softly();
    scene.alice.sends(&room, "2");
    scene.holds(&["1", "2"]).await;
    let after = scene.bot.sessions();
    assert_eq!(before[0].device_id, after[0].device_id);
    assert_ne!(before[0].access_token, after[0].access_token);
    scene.says(&ConversationId::new(room.id()), "answer").await.unwrap();
    assert_eq!(scene.fake.texts_to(room.id()), ["answer"]);
}

#[tokio::test]
async fn a_token_whose_session_is_over_is_a_person_s_to_replace() {
    let mut scene = Scene::new().await;
    let session = scene.bot.logs_in();
    scene.config.login = Login::Token {
        access_token: SecretString::from(session.access_token),
        device_id: session.device_id,
        password: None,
    };
    scene.run().await;
    scene.bot.logs_out_softly();
    let error = scene.ended().await.unwrap_err();
    assert!(error.remedy.contains("access_token"), "{error}");
}

#[tokio::test]
async fn one_refusal_of_a_good_session_ends_nothing() {
    let (scene, room) = Scene::start().await;
    let before = scene.bot.sessions();
    let mut all: Vec<String> = Vec::new();
    for soft_logout in [false, true] {
        scene.fake.plan(Fault::UnknownToken { soft_logout }).on("GET /sync").next(1);
        for text in ["now", "and on"] {
            all.push(format!("{text} {soft_logout}"));
            scene.alice.sends(&room, &all[all.len() - 1]);
            scene.holds(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        scene.connected().await;
    }
    let refused = scene.fake.calls("GET /sync").iter().filter(|call| call.status == Some(401)).count();
    assert_eq!(refused, 2);
    assert_eq!(scene.bot.sessions()[0].access_token, before[0].access_token, "nobody logged in again");
}

#[tokio::test]
async fn a_session_that_is_over_ends_the_run() {
    let (mut scene, _) = Scene::start().await;
    scene.fake.plan(Fault::UnknownToken { soft_logout: false }).always();
    let error = scene.ended().await.unwrap_err();
    assert!(error.remedy.contains("replaces_device"), "{error}");
}

#[tokio::test]
async fn a_send_that_is_refused_once_is_tried_again_soon() {
    let (scene, room) = Scene::start().await;
    let here = ConversationId::new(room.id());
    for (whoami, expected) in [
        (None, Verdict::Retry { pause: None }),
        (Some(Fault::Closed), Verdict::Retry { pause: None }),
        (Some(Fault::UnknownToken { soft_logout: false }), Verdict::Unauthorized),
    ] {
        scene.fake.plan(Fault::UnknownToken { soft_logout: false }).on(SEND).next(1);
        if let Some(fault) = whoami.clone() {
            scene.fake.plan(fault).on("GET /account/whoami").next(1);
        }
        let error = scene.says(&here, "answer").await.expect_err("it was refused");
        assert_eq!(error.verdict(), expected, "{whoami:?}: {}", chain(&error));
    }
    scene.says(&here, "answer").await.unwrap();
    assert_eq!(scene.fake.texts_to(room.id()), ["answer"]);
}
