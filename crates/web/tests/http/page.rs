//! The page and the script.

use axum::{body::Body, http::header};
use switchboard_web::{Appearance, Theme, Wording};

use crate::support::{ALLOWED, Answer, Site};

/// What the script weighs less than, in bytes: as it is, and compressed.
const LIMIT: (usize, usize) = (30_000, 10_000);

async fn get(site: &Site, path: &str) -> Answer {
    site.send(site.get(path).body(Body::empty()).unwrap()).await
}

/// Asks for the script as a browser with these headers.
async fn script(site: &Site, headers: &[(&str, &str)]) -> Answer {
    let request = site.get("/widget.js");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    site.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_has_a_strict_policy() {
    let site = Site::new();
    let answer = get(&site, "").await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap();
    let expected = format!(
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types switchboard; \
         frame-ancestors 'self' {ALLOWED}"
    );
    assert_eq!(policy, expected);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn the_page_is_nothing_but_the_script() {
    let page = get(&Site::new(), "").await;
    let html = page.text();
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains(r#"<script src="./site/widget.js" data-page async></script>"#), "{html}");
    for inline in ["<style", "style=", "onclick", "onload", "onerror", "javascript:", "stylesheet"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn the_page_says_before_the_script_comes_whether_it_is_dark() {
    for (theme, scheme) in [(Theme::Auto, "light dark"), (Theme::Light, "light"), (Theme::Dark, "dark")] {
        let site = Site::with("site", |config| config.appearance.theme = theme);
        let page = get(&site, "").await;
        assert!(page.text().contains(&format!(r#"<meta name="color-scheme" content="{scheme}">"#)));
    }
}

/// What is measured is what a browser gets, in every built-in language.
#[tokio::test]
async fn the_script_stays_small() {
    let site = Site::new();
    for language in ["en", "ru", "uz"] {
        let plain = script(&site, &[("accept-language", language)]).await;
        let packed = script(&site, &[("accept-language", language), ("accept-encoding", "gzip, br")]).await;
        assert_eq!(
            (plain.header("content-encoding"), packed.header("content-encoding")),
            (None, Some("gzip"))
        );
        let sizes = (plain.body.len(), packed.body.len());
        assert!(sizes.0 < LIMIT.0 && sizes.1 < LIMIT.1, "{language}: {sizes:?} bytes of {LIMIT:?}");
        assert!(sizes.0 > 2 * sizes.1, "{language}: {sizes:?} bytes, so it is hardly compressed");
        println!("{language}: {} bytes, {} compressed", sizes.0, sizes.1);
    }
}

#[tokio::test]
async fn the_script_is_compressed_for_those_who_take_it() {
    let site = Site::new();
    for (accepted, packed) in [("gzip", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false)] {
        let answer = script(&site, &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding").is_some(), packed, "{accepted}");
        assert_eq!(answer.header("vary"), Some("accept-encoding, accept-language"));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    }
}

#[tokio::test]
async fn a_script_that_did_not_change_is_not_sent_again() {
    let site = Site::new();
    let first = script(&site, &[]).await;
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let etag = first.header("etag").unwrap();
    let again = script(&site, &[("if-none-match", etag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    for headers in [[("if-none-match", "W/\"x\"")], [("accept-language", "ru")]] {
        let other = script(&site, &headers).await;
        assert_eq!(other.status.as_u16(), 200);
    }
    let russian = script(&site, &[("accept-language", "ru"), ("if-none-match", etag)]).await;
    assert_eq!(russian.status.as_u16(), 200, "another language is another script");
    let changed = Site::with("site", |config| config.appearance.sound = true);
    let changed = script(&changed, &[("if-none-match", etag)]).await;
    assert_eq!(changed.status.as_u16(), 200, "other settings are another script");
}

#[tokio::test]
async fn the_script_is_in_the_browsers_language() {
    let site = Site::with("site", |config| {
        let german = [("send".to_owned(), "Senden".to_owned())].into();
        let german = Wording { texts: german, questions: None };
        config.appearance.texts = [("de".to_owned(), german)].into();
    });
    for (wished, send) in
        [("ru-RU,ru;q=0.9", "Отправить"), ("uz", "Yuborish"), ("de-AT", "Senden"), ("fr", "Send")]
    {
        let answer = script(&site, &[("accept-language", wished)]).await;
        assert!(answer.text().contains(&format!(r#""send":"{send}""#)), "{wished}");
    }
    let fixed = Site::with("site", |config| config.appearance.language = Some("uz".to_owned()));
    let answer = script(&fixed, &[("accept-language", "ru")]).await;
    assert!(answer.text().contains(r#""language":"uz""#));
}

#[tokio::test]
async fn the_settings_are_in_the_script() {
    let site = Site::with("site", |config| {
        config.max_text = 100;
        config.appearance = Appearance {
            color: "#ffd400".parse().unwrap(),
            side: switchboard_web::Side::Left,
            greeting: Some("\"Hi\" </script>".to_owned()),
            questions: vec!["Where?".to_owned()],
            operator_name: Some("Anna".to_owned()),
            ..Appearance::default()
        };
    });
    let answer = script(&site, &[]).await;
    for setting in [
        r##""color":"#ffd400""##,
        r##""on_color":"#000000""##,
        r#""position":"left""#,
        r#""limit":100"#,
        r#""greeting":"\"Hi\" </script>""#,
        r#""questions":["Where?"]"#,
        r#""operator":"Anna""#,
    ] {
        assert!(answer.text().contains(setting), "{setting}");
    }
}

#[tokio::test]
async fn a_hostile_title_is_text() {
    let title = r#"<script>"&{{base}}"#.to_owned();
    let site = Site::with("site", |config| config.appearance.title = Some(title));
    let page = get(&site, "").await;
    assert!(page.text().contains("<title>&lt;script&gt;&quot;&amp;{{base}}</title>"), "{}", page.text());
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
        let request = |path: String| {
            axum::http::Request::get(path)
                .header(header::ACCEPT_ENCODING, "gzip")
                .body(Body::empty())
                .unwrap()
        };
        assert_eq!(site.send(request(path.to_owned())).await.status.as_u16(), 200, "{name}");
        assert_eq!(site.send(request(format!("{path}/widget.js"))).await.status.as_u16(), 200, "{name}");
        assert_eq!(site.send(request("/chat/other".to_owned())).await.status.as_u16(), 404, "{name}");
    }
}
