//! Where parts end, and what becomes of what is cut.

use crate::{
    TextSupport,
    markup::{
        Document, Entity, EntityKind, MIN_LIMIT, Rendered, TextFormat, Unit, render, render_markdown,
        render_plain,
    },
};

fn parts(markdown: &str, format: TextFormat, limit: usize) -> Vec<String> {
    let parts = render(&Document::from_markdown(markdown), format, Unit::Utf16, limit);
    parts.iter().map(|part| part.text().to_owned()).collect()
}

#[test]
fn what_fits_is_one_part() {
    assert_eq!(parts("aaaa bbbb\n\ncccc dddd", TextFormat::Plain, 20), ["aaaa bbbb\n\ncccc dddd"]);
    assert_eq!(parts("aaaa bbbb\n\ncccc dddd", TextFormat::Plain, 19), ["aaaa bbbb", "cccc dddd"]);
    assert_eq!(parts("", TextFormat::Plain, 20), Vec::<String>::new());
}

#[test]
fn parts_end_at_the_best_place() {
    let cases = [
        ("a paragraph", "aaaa aaaa aaaa\n\nbbbb\nbbbb bbbb", ["aaaa aaaa aaaa", "bbbb\nbbbb bbbb"]),
        ("a line", "aaaa aaaa aaaa\nbbbb bbbb bbbb", ["aaaa aaaa aaaa", "bbbb bbbb bbbb"]),
        ("a word, if the line ends early", "aaaa\nbbbb bbbb bbbb bbbb", ["aaaa\nbbbb bbbb bbbb", "bbbb"]),
        ("a cluster", "aaaaaaaaaaaaaaaaaaae\u{301}bbbbb", ["aaaaaaaaaaaaaaaaaaa", "e\u{301}bbbbb"]),
        (
            "a cluster of two styles",
            "aaaaaaaaaaaaaaaaaaae**\u{301}bbbbb**",
            ["aaaaaaaaaaaaaaaaaaa", "e\u{301}bbbbb"],
        ),
        ("an item", "- aaaa aaaa\n- bbbb\n- cccc", ["• aaaa aaaa\n• bbbb", "• cccc"]),
        (
            "a heading stays with its text",
            "aaaa aaaa\n\n# b\n\ncccc cccc cccc",
            ["aaaa aaaa", "b\n\ncccc cccc cccc"],
        ),
        ("before a heading", "aaaa aaaa aaaa\n\n# b\n\ncccc", ["aaaa aaaa aaaa", "b\n\ncccc"]),
    ];
    for (place, markdown, expected) in cases {
        assert_eq!(parts(markdown, TextFormat::Plain, 20), expected, "{place}");
    }
}

#[test]
fn limits_are_counted_in_the_unit() {
    let text = "ééé👍👍👍 ééé👍👍👍";
    let support = |unit, limit| TextSupport { format: TextFormat::Plain, limit, unit };
    for (unit, length) in [(Unit::CodePoints, 13), (Unit::Utf16, 19), (Unit::Bytes, 37)] {
        assert_eq!(render_plain(text, &support(unit, length)).len(), 1, "{unit:?}");
        assert_eq!(render_plain(text, &support(unit, length - 1)).len(), 2, "{unit:?}");
        assert_eq!(render_markdown(text, &support(unit, length - 1)).len(), 2, "{unit:?}");
    }
}

#[test]
fn a_cut_fence_is_closed_and_opened_again() {
    let code = "```rust\nlet first = 1;\n    let second = 2;\nlet third = 3;\n```";
    assert_eq!(
        parts(&format!("Look:\n\n{code}\n\nDone."), TextFormat::Markdown, 45),
        [
            "Look:\n\n```rust\nlet first = 1;\n```",
            "```rust\n    let second = 2;\n```",
            "```rust\nlet third = 3;\n```\n\nDone.",
        ]
    );
    assert_eq!(
        parts(code, TextFormat::Html, 70),
        [
            "<pre><code class=\"language-rust\">let first = 1;</code></pre>",
            "<pre><code class=\"language-rust\">    let second = 2;</code></pre>",
            "<pre><code class=\"language-rust\">let third = 3;</code></pre>",
        ]
    );
}

#[test]
fn cut_entities_start_anew() {
    let markdown = "**aaaa bbbb cccc dddd**\n\n```c\neeee\nffff\ngggg\n```";
    let pre = EntityKind::Pre { language: Some("c".to_owned()) };
    let part = |text: &str, entities: &[(usize, usize, &EntityKind)]| Rendered::Entities {
        text: text.to_owned(),
        entities: entities
            .iter()
            .map(|&(offset, length, kind)| Entity { offset, length, kind: kind.clone() })
            .collect(),
    };
    assert_eq!(
        render(&Document::from_markdown(markdown), TextFormat::Entities, Unit::Utf16, 16),
        [
            part("aaaa bbbb cccc", &[(0, 14, &EntityKind::Bold)]),
            part("dddd\n\neeee\nffff", &[(0, 4, &EntityKind::Bold), (6, 9, &pre)]),
            part("gggg", &[(0, 4, &pre)]),
        ]
    );
}

#[test]
fn more_entities_than_telegram_honours_make_another_part() {
    let parts =
        render(&Document::from_markdown(&"`a` ".repeat(250)), TextFormat::Entities, Unit::Utf16, 4096);
    let counts: Vec<_> = parts
        .iter()
        .map(|part| if let Rendered::Entities { entities, .. } = part { entities.len() } else { 0 })
        .collect();
    assert_eq!(counts, [100, 100, 50]);
}

#[test]
fn cut_html_is_well_formed() {
    let cases = [
        ("**aaaa bbbb cccc**", vec!["<p><strong>aaaa bbbb</strong></p>", "<p><strong>cccc</strong></p>"]),
        (
            "7. aa bb ccc\n8. dd",
            vec!["<ol start=\"7\"><li>aa bb</li></ol>", "<p>ccc</p>", "<ol start=\"8\"><li>dd</li></ol>"],
        ),
        (
            "> aaaa\n\n> bbbb",
            vec!["<blockquote><p>aaaa</p></blockquote>", "<blockquote><p>bbbb</p></blockquote>"],
        ),
        ("- a\n- b\n- c\n- d", vec!["<ul><li>a</li><li>b</li></ul>", "<ul><li>c</li><li>d</li></ul>"]),
    ];
    for (markdown, expected) in cases {
        assert_eq!(parts(markdown, TextFormat::Html, 36), expected, "{markdown:?}");
    }
}

#[test]
fn cut_tables_go_on_without_their_heading() {
    assert_eq!(
        parts("| a | b |\n|---|---|\n| c | d |\n| e | f |", TextFormat::Html, 120),
        [
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td>d</td></tr></tbody></table>",
            "<table><tbody><tr><td>e</td><td>f</td></tr></tbody></table>",
        ]
    );
    assert_eq!(
        parts("| aaaa aaaa | bbbb bbbb |\n|---|---|\n| c | d |", TextFormat::Plain, 16),
        ["aaaa aaaa | bbbb", "bbbb\n\nc | d"]
    );
}

#[test]
fn numbers_go_on_after_a_cut_item() {
    assert_eq!(
        parts("1. aaaa bbbb cccc dddd\n2. eeee", TextFormat::Markdown, 20),
        ["1. aaaa bbbb cccc", "dddd\n\n2. eeee"]
    );
}

#[test]
fn an_address_is_spelled_out_once() {
    assert_eq!(
        parts("[aaaa bbbb cccc](https://d.ef)", TextFormat::Plain, 24),
        ["aaaa bbbb", "cccc (https://d.ef)"]
    );
    assert_eq!(
        parts("[aaaa bbbb](https://example.com/far/too/long)", TextFormat::Markdown, 24),
        ["aaaa bbbb", "(https\\://example.com/fa", "r/too/long)"]
    );
}

#[test]
fn markup_that_has_no_room_goes_and_the_text_stays() {
    let markdown = "> - # **a** [b](https://example.com/c)\n>   ```rust\n>   d\n>   ```\n\n| e | f |\n|---|---|\n| g | h |";
    for format in [TextFormat::Plain, TextFormat::Entities, TextFormat::Markdown, TextFormat::Html] {
        let parts = parts(markdown, format, MIN_LIMIT).concat();
        for text in ["a", "b", "d", "e", "f", "g", "h"] {
            assert!(parts.contains(text), "{text} is lost: {parts}");
        }
    }
}

#[test]
fn a_cluster_longer_than_the_limit_is_cut_between_characters() {
    let cluster = format!("e{}", "\u{301}".repeat(50));
    assert_eq!(parts(&cluster, TextFormat::Plain, 20).concat(), cluster);
    assert_eq!(parts(&cluster, TextFormat::Plain, 20).len(), 3);
}

#[test]
fn blank_parts_are_left_out() {
    let markdown = format!("a\n\n```\nb\n{}c\n```", "\n".repeat(500));
    assert_eq!(parts(&markdown, TextFormat::Plain, 20).concat().replace('\n', ""), "abc");
    assert!(parts(&markdown, TextFormat::Plain, 20).iter().all(|part| !part.trim().is_empty()));
}

#[test]
fn a_limit_too_small_for_anything_ends_with_everything_sent() {
    let markdown = "# a **b**\n\n- c `d`\n\n```\ne\n```\n\n> 👩‍👩‍👧 &";
    for format in [TextFormat::Plain, TextFormat::Entities, TextFormat::Markdown, TextFormat::Html] {
        for unit in [Unit::Utf16, Unit::CodePoints, Unit::Bytes] {
            for limit in 0..MIN_LIMIT {
                let parts = render(&Document::from_markdown(markdown), format, unit, limit);
                let text = parts.iter().map(Rendered::text).collect::<String>();
                assert!("abcde&".chars().all(|char| text.contains(char)), "{format:?} {limit}: {text}");
            }
        }
    }
}

/// Completing is the proof: what recursed with the input would overflow the stack, and what took time
/// with the square of its length would take minutes.
#[test]
fn hostile_input_of_a_hundred_kilobytes_is_rendered() {
    let repeated = |piece: &str| piece.repeat(100_000 / piece.len());
    let table = format!("{}\n{}\n{}", "|a".repeat(8000), "|-".repeat(8000), "|\n".repeat(34000));
    let strong = "**a ".repeat(12_000) + &"b** ".repeat(12_000);
    let pieces =
        [">", "[", "![", "*", "**a ", "`", "~~", "- ", "-\n", "a\n\n", "`a` ", "[a](b", "<", "|a", "http://"];
    for text in pieces.map(repeated).iter().chain([&table, &strong]) {
        let parts = parts(text, TextFormat::Markdown, 4096);
        assert!(!parts.is_empty() && parts.iter().all(|part| Unit::Utf16.measure(part) <= 4096));
    }
    for text in [">", "&"].map(repeated) {
        let parts = parts(&text, TextFormat::Html, 65_536);
        assert!(!parts.is_empty() && parts.iter().all(|part| Unit::Utf16.measure(part) <= 65_536));
    }
}
