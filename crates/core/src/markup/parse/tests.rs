//! What text is taken for, and what is dropped.

use crate::markup::{
    Document,
    document::{Block, MAX_NESTING},
    plain,
};

fn markdown(text: &str) -> String {
    plain::text(&Document::from_markdown(text).blocks)
}

fn written(text: &str) -> String {
    plain::text(&Document::from_plain(text).blocks)
}

/// How many blocks contain each other.
fn depth(blocks: &[Block]) -> usize {
    let inside = |block: &Block| match block {
        Block::Quote(blocks) => 1 + depth(blocks),
        Block::List(list) => 2 + list.items.iter().map(|item| depth(item)).max().unwrap_or(0),
        _ => 0,
    };
    blocks.iter().map(inside).max().unwrap_or(0)
}

#[test]
fn control_characters_are_dropped_wherever_they_come_from() {
    let cases = [
        ("a\u{0}b\u{7}c\u{85}d\u{7f}", "abcd"),
        ("a&#7;b&#x1b;c", "abc"),
        ("a&#10;b", "a\nb"),
        ("`a\u{0}b`\tc", "ab\tc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("```\na\u{8}b\r\nc\n```", "ab\nc"),
        ("\u{feff}# a", "a"),
    ];
    for (text, expected) in cases {
        assert_eq!(markdown(text), expected, "{text:?}");
    }
}

#[test]
fn html_is_text() {
    let cases = [
        "<b>a</b>",
        "<script>alert(1)</script>",
        "<div onclick=\"a\">\nb\n</div>",
        "a <br> b",
        "<!-- a -->",
        "<?php a ?>",
        "<![CDATA[a]]>",
        "<a href=\"javascript:a\">b</a>",
    ];
    for text in cases {
        assert_eq!(markdown(text), text);
    }
    assert_eq!(markdown("&lt;script&gt; &amp;amp;"), "<script> &amp;");
}

#[test]
fn markup_without_content_is_taken_as_written() {
    for text in ["-", "#", ">", "```\n```", "[a]: https://b.c", "[]()", "*", "-\n-"] {
        assert_eq!(markdown(text), text);
    }
}

#[test]
fn what_nobody_sees_is_blank() {
    for text in ["", " \n\t\r\n ", "\u{0}\u{1}", "\u{200b}\u{feff}", "\u{a0}\u{3000}"] {
        assert!(Document::from_markdown(text).is_blank(), "{text:?}");
        assert!(Document::from_plain(text).is_blank(), "{text:?}");
    }
}

#[test]
fn plain_text_is_not_markdown() {
    for text in
        ["**a** _b_ `c`", "# a\n- b\n1. c", "a\n\n\n\nb", "a\n    b   c", "[a](https://b.c)", "&lt;", "\\*"]
    {
        assert_eq!(written(text), text);
    }
}

#[test]
fn languages_are_words() {
    let cases = [
        ("```rust\na\n```", Some("rust")),
        ("~~~ c++ ignored\na\n~~~", Some("c++")),
        ("```rust,ignore\na\n```", Some("rust")),
        ("```\na\n```", None),
        ("```\"><script>\na\n```", None),
        ("```юникод\na\n```", None),
        ("    a", None),
        ("```js\nunclosed", Some("js")),
    ];
    for (text, expected) in cases {
        match &Document::from_markdown(text).blocks[..] {
            [Block::Code(block)] => assert_eq!(block.language.as_deref(), expected, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn deep_nesting_is_flattened_and_keeps_its_text() {
    let quotes = format!("{} a", ">".repeat(1000));
    let lists: Vec<_> = (0..200).map(|level| " ".repeat(2 * level) + "- a").collect();
    for (text, seen) in [(quotes, 1), (lists.join("\n"), 200)] {
        let document = Document::from_markdown(&text);
        let depth = depth(&document.blocks);
        assert!((MAX_NESTING - 1..=MAX_NESTING).contains(&depth), "{depth}");
        assert_eq!(plain::text(&document.blocks).matches('a').count(), seen);
    }
}

#[test]
fn a_style_in_its_like_changes_nothing() {
    assert_eq!(Document::from_markdown("**a __b__ c**"), Document::from_markdown("**a b c**"));
}
