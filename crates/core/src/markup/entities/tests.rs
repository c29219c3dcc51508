//! What documents look like on Telegram.

use crate::markup::{Document, Entity, EntityKind, entities};

/// The text, and every entity as its kind and the text that it covers.
fn entities(markdown: &str) -> (String, Vec<(EntityKind, String)>) {
    let (text, entities) = entities::text(&Document::from_markdown(markdown).blocks);
    let units: Vec<u16> = text.encode_utf16().collect();
    let covered = |entity: Entity| {
        let range = entity.offset..entity.offset + entity.length;
        (entity.kind, String::from_utf16(&units[range]).expect("on boundaries of characters"))
    };
    let entities = entities.into_iter().map(covered).collect();
    (text, entities)
}

fn link(url: &str) -> EntityKind {
    EntityKind::TextLink { url: url.to_owned() }
}

fn pre(language: Option<&str>) -> EntityKind {
    EntityKind::Pre { language: language.map(str::to_owned) }
}

#[test]
fn cases() {
    use EntityKind::{Blockquote, Bold, Code, Italic, Strikethrough};
    type Covered<'a> = (EntityKind, &'a str);
    let cases: Vec<(&str, &str, Vec<Covered>)> = vec![
        ("*_[]()~`>#+-=|{}.!\\", "*_[]()~`>#+-=|{}.!\\", vec![]),
        (
            "**a** *b* ~~c~~ `d`",
            "a b c d",
            vec![(Bold, "a"), (Italic, "b"), (Strikethrough, "c"), (Code, "d")],
        ),
        ("👩‍👩‍👧 **é👍** x", "👩‍👩‍👧 é👍 x", vec![(Bold, "é👍")]),
        ("***a** b*", "a b", vec![(Italic, "a b"), (Bold, "a")]),
        ("**a `b` c**", "a b c", vec![(Bold, "a "), (Code, "b"), (Bold, " c")]),
        ("**`a`**", "a", vec![(Code, "a")]),
        ("[**a** `b`](https://c.d)", "a b", vec![(link("https://c.d"), "a b"), (Bold, "a")]),
        ("https://a.b", "https://a.b", vec![(link("https://a.b"), "https://a.b")]),
        ("[a](mailto:b@c.d)", "a (b@c.d)", vec![]),
        ("[a](javascript:b)", "a", vec![]),
        ("# a **b** `c`", "a b c", vec![(Bold, "a b "), (Code, "c")]),
        (
            "> a\n> > b\n> ```c\n> d\n> ```",
            "a\n\nb\n\nd",
            vec![(Blockquote, "a\n\nb\n\nd"), (pre(Some("c")), "d")],
        ),
        ("```\na\n\n  b\n```", "a\n\n  b", vec![(pre(None), "a\n\n  b")]),
        ("- **a**\n- b\n  1. c", "• a\n• b\n  1. c", vec![(Bold, "a")]),
        ("- a\n\n  ```\n  b\n  c\n  ```\n- d", "• a\n\nb\nc\n• d", vec![(pre(None), "b\nc")]),
        ("- > a\n  > b", "•\na\nb", vec![(Blockquote, "a\nb")]),
        ("| a | **b** |\n|---|---|\n| c | d |", "a | b\nc | d", vec![(Bold, "b")]),
        ("> **a**", "a", vec![(Blockquote, "a"), (Bold, "a")]),
    ];
    for (markdown, text, covered) in cases {
        let covered = covered.into_iter().map(|(kind, covered)| (kind, covered.to_owned())).collect();
        assert_eq!(entities(markdown), (text.to_owned(), covered), "{markdown:?}");
    }
}
