//! The page and its files.

use axum::{body::Body, http::header};

use crate::support::{ALLOWED, Answer, Site};

async fn get(site: &Site, path: &str) -> Answer {
    site.send(site.get(path).body(Body::empty()).unwrap()).await
}

/// What the page loads, as paths below the channel's.
fn references(html: &str) -> Vec<String> {
    let quoted = html.split('"').filter_map(|part| part.strip_prefix("./site"));
    quoted.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_has_a_strict_policy() {
    let site = Site::new();
    let answer = get(&site, "").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    let expected = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {ALLOWED}"
    );
    assert_eq!(policy, expected);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn nothing_on_the_page_is_inline() {
    let page = get(&Site::new(), "").await;
    let html = page.text();
    assert_eq!(html.matches("<script").count(), html.matches(r#"<script type="module" src="#).count());
    for inline in ["<style", "style=", "onclick", "onload", "onerror", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn everything_that_the_page_and_its_scripts_load_is_served() {
    let site = Site::new();
    let page = get(&site, "").await;
    let mut paths = references(page.text());
    assert!(paths.len() >= 3, "{paths:?}");
    let mut at = 0;
    while at < paths.len() {
        let answer = get(&site, &paths[at]).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", paths[at]);
        let script = paths[at].rsplit('.').next() == Some("js");
        let kind = if script { "text/javascript" } else { "text/css" };
        assert!(answer.header("content-type").unwrap().starts_with(kind));
        let imports = answer.text().split(r#"from ""#).skip(1).filter_map(|rest| rest.split('"').next());
        for import in imports.filter(|_| script) {
            let path = format!("/{}", import.strip_prefix("./").expect("imports are relative"));
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        at += 1;
    }
}

#[tokio::test]
async fn a_file_that_did_not_change_is_not_sent_again() {
    let site = Site::new();
    let first = get(&site, "/chat.js").await;
    let etag = first.header("etag").unwrap();
    let again = site
        .send(site.get("/chat.js").header(header::IF_NONE_MATCH, etag).body(Body::empty()).unwrap())
        .await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let other = site
        .send(site.get("/chat.js").header(header::IF_NONE_MATCH, "\"x\"").body(Body::empty()).unwrap())
        .await;
    assert_eq!((other.status.as_u16(), other.body), (200, first.body));
}

#[tokio::test]
async fn a_hostile_title_is_text() {
    let site = Site::with("site", |config| config.title = Some(r#"<script>"&{{base}}"#.to_owned()));
    let page = get(&site, "").await;
    assert!(page.text().contains("<h1>&lt;script&gt;&quot;&amp;{{base}}</h1>"), "{}", page.text());
}

#[tokio::test]
async fn a_channel_with_an_unusual_name_has_a_page() {
    let names = [
        ("a b", "/chat/a%20b"),
        ("чат", "/chat/%D1%87%D0%B0%D1%82"),
        ("{x}", "/chat/%7Bx%7D"),
        (":x", "/chat/:x"),
    ];
    for (name, path) in names {
        let site = Site::with(name, |_| ());
        let request = |path: String| axum::http::Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(site.send(request(path.to_owned())).await.status.as_u16(), 200, "{name}");
        assert_eq!(site.send(request(format!("{path}/chat.css"))).await.status.as_u16(), 200, "{name}");
        assert_eq!(site.send(request("/chat/other".to_owned())).await.status.as_u16(), 404, "{name}");
    }
}
