//! Which addresses become links.

use super::{Target, find_links, link, target};
use crate::markup::document::{Inline, Link};

#[test]
fn targets() {
    let links = [
        ("https://a.b/c?d=e#f", "https://a.b/c?d=e#f"),
        ("HTTPS://a.b", "https://a.b"),
        (" http://a.b/c d ", "http://a.b/c%20d"),
        ("mailto:a@b.c", "mailto:a@b.c"),
        ("ht\ntp://a.b", "http://a.b"),
    ];
    for (written, expected) in links {
        assert!(matches!(target(written), Target::Link(url) if url == expected), "{written:?}");
    }
    for written in [
        "javascript:alert(1)",
        "JavaScript:a",
        "java\tscript:a",
        " \u{1}javascript:a",
        "data:text/html,a",
        "vbscript:a",
        "blob:a",
    ] {
        assert!(matches!(target(written), Target::Hidden(_)), "{written:?}");
    }
    for written in
        ["/a", "a.html", "//a.b/c", "tel:+1", "ftp://a.b", "http:", "https://", "mailto:", "a:b", "?a"]
    {
        assert!(matches!(target(written), Target::Text(_)), "{written:?}");
    }
    for written in ["", " ", "#a"] {
        assert!(matches!(target(written), Target::None), "{written:?}");
    }
    assert!(matches!(target(&format!("https://a.b/{}", "c".repeat(5000))), Target::Text(_)));
}

#[test]
fn what_cannot_be_a_link_is_written() {
    let text = |text: &str| Inline::Text(text.to_owned());
    assert_eq!(link("tel:+1", vec![text("a")]), [text("a"), text(" (tel:+1)")]);
    assert_eq!(link("/a", vec![]), [text("/a")]);
    assert_eq!(link("javascript:a", vec![text("b")]), [text("b")]);
    assert_eq!(link("data:image/png;base64,AAAA", vec![]), [text("data:…")]);
    assert_eq!(link("", vec![]), [text("[]()")]);
    assert_eq!(link("#a", vec![text("b")]), [text("b")]);
}

/// The addresses that are found in a text; everything else must be left as it was.
fn found(text: &str) -> Vec<String> {
    let run = find_links(vec![Inline::Text(text.to_owned())]);
    assert_eq!(crate::markup::inline::text_of(&run), text);
    let url = |inline| if let Inline::Link(Link { url, .. }) = inline { Some(url) } else { None };
    run.into_iter().filter_map(url).collect()
}

#[test]
fn addresses_in_text() {
    let cases: [(&str, &[&str]); 17] = [
        ("https://a.b", &["https://a.b"]),
        ("a http://b.c, https://d.e/f.", &["http://b.c", "https://d.e/f"]),
        ("HTTP://A.B/C!?", &["http://A.B/C"]),
        ("(https://a.b/c_(d))", &["https://a.b/c_(d)"]),
        ("https://a.b/c)))))", &["https://a.b/c"]),
        ("«https://a.b»", &["https://a.b"]),
        ("<https://a.b>", &["https://a.b"]),
        ("**https://a.b**", &["https://a.b"]),
        ("https://пример.рф/путь да", &["https://пример.рф/путь"]),
        ("見https://a.b。次", &[]),
        ("見 https://a.b。次", &["https://a.b"]),
        ("https://[::1]:80/a", &["https://[::1]:80/a"]),
        ("xhttps://a.b", &[]),
        ("https:// http:///a ://a https://?", &[]),
        ("javascript://a ftp://a.b", &[]),
        ("https://a.bhttps://c.d", &["https://a.bhttps://c.d"]),
        ("https://a.b\nhttps://c.d", &["https://a.b", "https://c.d"]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text), expected, "{text:?}");
    }
}
