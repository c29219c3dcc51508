//! What documents look like without formatting.

use crate::markup::{Document, plain};

fn plain(markdown: &str) -> String {
    plain::text(&Document::from_markdown(markdown).blocks)
}

#[test]
fn cases() {
    let cases = [
        ("a **b** *c* ~~d~~ `e`", "a b c d e"),
        ("a\nb  \nc\n\nd", "a\nb\nc\n\nd"),
        ("# a\n\n###### b", "a\n\nb"),
        ("- a\n- b\n\n\n- c", "• a\n• b\n• c"),
        ("9. a\n10. b\n    - c\n      d", "9. a\n10. b\n    • c\n      d"),
        ("- a\n\n  b\n- c", "• a\n\n  b\n• c"),
        ("-\n- a", "•\n• a"),
        ("> a\n> b\n>\n> > c", "> a\n> b\n>\n> > c"),
        ("- > a\n  > b", "• > a\n  > b"),
        ("```rust\nfn a() {\n    b();\n}\n```", "fn a() {\n    b();\n}"),
        ("- a\n\n  ```\n  b\n\n  c\n  ```", "• a\n\n  b\n\n  c"),
        ("a\n\n---\n\nb", "a\n\n---\n\nb"),
        ("| a | b |\n|---|---|\n| **c** | |\n| | d |", "a | b\nc\n | d"),
        ("[a](https://b.c)", "a (https://b.c)"),
        ("[https://b.c](https://b.c) https://b.c/d <https://b.c>", "https://b.c https://b.c/d https://b.c"),
        ("[a](mailto:b@c.d) [b@c.d](mailto:b@c.d) <b@c.d>", "a (b@c.d) b@c.d b@c.d"),
        ("![a](https://b.c/d.png)", "a (https://b.c/d.png)"),
        ("![](https://b.c/d.png)", "https://b.c/d.png"),
        ("[![a](https://b.c/d.png)](https://b.c)", "a (https://b.c)"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(plain(markdown), expected, "{markdown:?}");
    }
}
