//! The operator's panel.

use serde_json::json;

use crate::support::{Receiver, Running};

#[tokio::test]
async fn the_pages_run_nothing_but_their_own_script() {
    let sandbox = Running::start_with(|_| {}).await;
    for page in ["/panel", "/share"] {
        let response = sandbox.get(page).await;
        let policy = response.headers()["content-security-policy"].to_str().expect("it is text").to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let html = response.text().await.expect("it is text");
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains(r#"<script src="panel/panel.js" type="module"></script>"#));
        assert!(html.contains("No AI is at work here"));
        assert!(
            !html.contains(" style=") && !html.contains("<style") && !html.contains(" on"),
            "nothing inline"
        );
    }
    for (file, content_type) in [
        ("panel.js", "text/javascript"),
        ("list.js", "text/javascript"),
        ("dialogue.js", "text/javascript"),
        ("markdown.js", "text/javascript"),
        ("page.js", "text/javascript"),
        ("panel.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let response = sandbox.get(&format!("/panel/{file}")).await;
        assert_eq!(response.status(), 200);
        let header = response.headers()["content-type"].to_str().expect("it is text").to_owned();
        assert!(header.starts_with(content_type), "{header}");
        let text = response.text().await.expect("it is text");
        for way_in in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"] {
            assert!(!text.contains(way_in), "{file}: {way_in}");
        }
    }
    assert_eq!(sandbox.handle.panel_url(), format!("{}panel", sandbox.handle.base_url()));
}

#[tokio::test]
async fn links_lead_to_the_public_address() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start_with(|config| {
        config.webhook_url = Some(receiver.url.clone());
        config.public_url = Some("https://ai.example.com/sandbox/".parse().expect("a url"));
    })
    .await;
    sandbox.say("c", "one").await;
    let webhook = receiver.wait_for(1).await.remove(0);
    assert_eq!(webhook.text("panel_url"), "https://ai.example.com/sandbox/panel#c");
    assert_eq!(sandbox.handle.panel_url(), "https://ai.example.com/sandbox/panel");
}

#[tokio::test]
async fn an_operator_reads_answers_hands_over_and_closes() {
    let receiver = Receiver::start().await;
    let sandbox = Running::start(&receiver).await;
    sandbox.say("a:1", "first").await;
    sandbox.say("b", "second").await;
    receiver.wait_for(4).await;
    let list = sandbox.get_json("/panel/api/dialogues").await;
    let chats: Vec<_> =
        list["dialogues"].as_array().expect("a list").iter().map(|d| d["chat_id"].clone()).collect();
    assert!(chats.contains(&json!("a:1")) && chats.contains(&json!("b")), "{list}");

    sandbox.posted("/panel/api/handover", json!({"chat_id": "a:1", "operator": true})).await;
    sandbox.posted("/panel/api/answer", json!({"chat_id": "a:1", "text": "**Anna** here"})).await;
    sandbox.say("a:1", "thank you").await;
    sandbox.posted("/panel/api/handover", json!({"chat_id": "a:1", "operator": false})).await;
    sandbox.posted("/panel/api/close", json!({"chat_id": "a:1"})).await;
    // Twice is once: the user is not told again.
    sandbox.posted("/panel/api/close", json!({"chat_id": "a:1"})).await;
    sandbox.posted("/panel/api/handover", json!({"chat_id": "a:1", "operator": false})).await;
    let webhooks = receiver.wait_for(9).await.split_off(4);
    let seen: Vec<_> = webhooks
        .iter()
        .map(|w| (w.text("message_type"), w.fields["operator"] == true, w.fields["close"] == true))
        .collect();
    let expected = [
        ("operator", true, false),
        ("operator", true, false),
        ("user", true, false),
        ("operator", false, false),
        ("operator", false, true),
    ];
    assert_eq!(seen, expected);
    assert_eq!(webhooks[1].text("message_text"), "**Anna** here");

    let dialogue = sandbox.get_json("/panel/api/dialogue?chat_id=a%3A1").await;
    assert_eq!(dialogue["messages"].as_array().map(Vec::len), Some(7));
    assert_eq!(dialogue["messages"][3]["text"], "**Anna** here");
    assert_eq!((&dialogue["flags"], &dialogue["phase"]), (&json!(["close"]), &json!("closed")));
    assert_eq!(dialogue["thread_id"], webhooks[0].text("thread_id"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let sandbox = Running::start_with(|_| {}).await;
    sandbox.say("c", "hello").await;
    assert_eq!(sandbox.get("/panel/api/dialogue?chat_id=unknown").await.status(), 404);
    for (path, body, status) in [
        ("answer", json!({"chat_id": "unknown", "text": "hi"}), 404),
        ("handover", json!({"chat_id": "unknown", "operator": true}), 404),
        ("close", json!({"chat_id": "unknown"}), 404),
        ("answer", json!({"chat_id": "c", "text": " \n"}), 422),
        ("answer", json!({"chat_id": "c"}), 422),
        ("read", json!({"chat_id": "unknown"}), 404),
        ("flag", json!({"chat_id": "unknown", "flag": "interest", "value": true}), 404),
        ("flag", json!({"chat_id": "c", "flag": "close", "value": true}), 422),
        ("flag", json!({"chat_id": "c", "flag": "rich", "value": true}), 422),
        ("contact", json!({"chat_id": "unknown", "phone": "1"}), 404),
        ("contact", json!({"chat_id": "c", "phone": "1".repeat(201)}), 422),
    ] {
        let response = sandbox.post(&format!("/panel/api/{path}"), &body).send().await.expect("it answers");
        assert_eq!(response.status(), status, "{path} {body}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let sandbox = Running::start_with(|config| {
        config.public_url = Some("https://ai.example.com".parse().expect("a url"));
    })
    .await;
    sandbox.say("c", "hello").await;
    let own = sandbox.handle.base_url();
    let own = own.as_str().trim_end_matches('/');
    for path in ["/panel/api/answer", "/control/answer"] {
        let body = json!({"chat_id": "c", "text": "hi"});
        for (origin, status) in [
            ("https://evil.example", 403),
            ("http://127.0.0.1:1", 403),
            ("null", 403),
            (own, 200),
            ("https://ai.example.com", 200),
        ] {
            let request = sandbox.post(path, &body).header("origin", origin);
            assert_eq!(request.send().await.expect("it answers").status(), status, "{path} {origin}");
        }
        // What a form of another site could send, even if a browser named no origin.
        let form = sandbox.post_text(path, &body);
        assert_eq!(form.send().await.expect("it answers").status(), 415, "{path}");
    }
}
