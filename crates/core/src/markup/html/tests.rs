//! What documents look like in HTML, and what never gets through.

use super::{sanitise, unsanitised};
use crate::markup::{Document, plain_to_html, to_html};

const REL: &str = "rel=\"noopener noreferrer nofollow\"";

#[test]
fn cases() {
    let cases = [
        ("a **b** *c* ~~d~~ `e`", "<p>a <strong>b</strong> <em>c</em> <del>d</del> <code>e</code></p>"),
        ("a\nb  \nc\n\nd", "<p>a<br>b<br>c</p><p>d</p>"),
        ("# a\n\n###### b", "<h1>a</h1><h6>b</h6>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("1. a\n\n   b", "<ol><li><p>a</p><p>b</p></li></ol>"),
        ("7. a", "<ol start=\"7\"><li>a</li></ol>"),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        ("```c++\n<a>\n```", "<pre><code class=\"language-c++\">&lt;a&gt;</code></pre>"),
        ("```\n\na\n```", "<pre><code>\na</code></pre>"),
        ("a\n\n---", "<p>a</p><hr>"),
        (
            "| a | b |\n|---|:-:|\n| c | |",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td></tr></tbody></table>",
        ),
        ("a & b &nbsp; c \"d\" 'e'", "<p>a &amp; b &nbsp; c \"d\" 'e'</p>"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(to_html(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn links() {
    let cases = [
        ("[a](https://b.c/?d&e)", format!("<p><a href=\"https://b.c/?d&amp;e\" {REL}>a</a></p>")),
        ("https://a.b", format!("<p><a href=\"https://a.b\" {REL}>https://a.b</a></p>")),
        ("[a](mailto:b@c.d)", format!("<p><a href=\"mailto:b@c.d\" {REL}>a</a></p>")),
        ("![a](https://b.c)", format!("<p><a href=\"https://b.c\" {REL}>a</a></p>")),
        (
            "[a](<https://b.c/\"onclick=\"d>)",
            format!("<p><a href=\"https://b.c/&quot;onclick=&quot;d\" {REL}>a</a></p>"),
        ),
        (
            "[a [b](https://c.d) e](https://f.g)",
            format!(
                "<p>[a <a href=\"https://c.d\" {REL}>b</a> e](<a href=\"https://f.g\" {REL}>https://f.g</a>)</p>"
            ),
        ),
    ];
    for (markdown, expected) in cases {
        assert_eq!(to_html(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn hostile_input_is_text() {
    let cases = [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("&lt;img onerror=a&gt;", "<p>&lt;img onerror=a&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>a</p>"),
        ("[a](JaVaScRiPt:alert(1))", "<p>a</p>"),
        ("[a](&#106;avascript:alert(1))", "<p>a</p>"),
        ("[a](&#x6A;ava&#10;script:alert(1))", "<p>a</p>"),
        ("[a](java&Tab;script:alert(1))", "<p>a</p>"),
        ("<javascript:alert(1)>", "<p>javascript:alert(1)</p>"),
        ("[a]\n\n[a]: javascript:alert(1)", "<p>a</p>"),
        ("![a](data:image/svg+xml;base64,AAAA)", "<p>a</p>"),
        ("[a](data:text/html,<script>alert(1)</script>)", "<p>a</p>"),
        ("`<script>`", "<p><code>&lt;script&gt;</code></p>"),
        ("```\"onclick=\"a\nb\n```", "<pre><code>b</code></pre>"),
        ("```<script>\nb\n```", "<pre><code>b</code></pre>"),
        (
            "```html\n</code></pre><script>",
            "<pre><code class=\"language-html\">&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;</code></pre>",
        ),
        ("<scr\u{0}ipt>", "<p>&lt;script&gt;</p>"),
        ("<!--><script>alert(1)</script>", "<p>&lt;!--&gt;&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(to_html(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn what_a_user_wrote() {
    let cases = [
        ("a\n\nb", "<p>a<br><br>b</p>".to_owned()),
        ("**a** <b>", "<p>**a** &lt;b&gt;</p>".to_owned()),
        (
            "a (https://b.c/?d=1&e).",
            format!("<p>a (<a href=\"https://b.c/?d=1&amp;e\" {REL}>https://b.c/?d=1&amp;e</a>).</p>"),
        ),
        ("https://a\"onclick=b", format!("<p><a href=\"https://a\" {REL}>https://a</a>\"onclick=b</p>")),
        (
            "javascript:alert(1) [a](https://b.c",
            format!("<p>javascript:alert(1) [a](<a href=\"https://b.c\" {REL}>https://b.c</a></p>"),
        ),
        ("", String::new()),
    ];
    for (text, expected) in cases {
        assert_eq!(plain_to_html(text), expected, "{text:?}");
    }
}

/// The second line of defence: markup that this module would never write.
#[test]
fn the_sanitiser_lets_nothing_else_through() {
    let cases = [
        ("<script>alert(1)</script>a", "a"),
        ("<style>a{}</style><img src=x onerror=a><svg onload=a></svg>b", "b"),
        ("<p onclick=a style=b class=c id=d>e</p>", "<p>e</p>"),
        ("<code class=\"language-a\">b</code>", "<code class=\"language-a\">b</code>"),
        ("<code class=\"a language-b\">c</code>", "<code>c</code>"),
        ("<code class=\"language-a b\">c</code>", "<code>c</code>"),
        ("<ol start=\"7\" type=a></ol>", "<ol start=\"7\"></ol>"),
        ("<ol start=\"-x\"></ol>", "<ol></ol>"),
        ("<a href=\"/a\">b</a>", "<a rel=\"noopener noreferrer nofollow\">b</a>"),
        ("<a href=\"java\nscript:a\" target=b>c</a>", "<a rel=\"noopener noreferrer nofollow\">c</a>"),
        ("<a href=\"ftp://a.b\">c</a>", "<a rel=\"noopener noreferrer nofollow\">c</a>"),
    ];
    for (html, expected) in cases {
        assert_eq!(sanitise(html), expected, "{html:?}");
    }
}

/// Otherwise a part that was measured before it was sanitised could be too long after.
#[test]
fn the_sanitiser_changes_nothing_that_is_written_here() {
    let text = "# a\n\nb **c *d* ~~e~~** `f` [g](https://h.i/?j=\"&k) & < > \" ' \u{a0} é 👩‍👩‍👧\n\n\
        1. l\n   - m\n\n     ```n\n\n     <o>\n     ```\n3. p\n\n> q\n> # r\n\n| s | t |\n|---|---|\n| u | |\n\n---\n";
    let html = unsanitised(&Document::from_markdown(text).blocks);
    assert_eq!(sanitise(&html), html);
}
