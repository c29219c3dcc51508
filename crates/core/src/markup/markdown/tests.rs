//! What documents look like on Discord.

use crate::markup::{Document, markdown};

fn markdown(text: &str) -> String {
    markdown::text(&Document::from_markdown(text).blocks)
}

fn written(text: &str) -> String {
    markdown::text(&Document::from_plain(text).blocks)
}

#[test]
fn cases() {
    let cases = [
        ("a **b** _c_ ~~d~~ `e`", "a **b** *c* ~~d~~ `e`"),
        ("***a***", "***a***"),
        ("**a**__b__ *c*_d_", "**a**\u{200b}**b** *c*\u{200b}*d*"),
        ("a\nb  \nc\n\nd", "a\nb\nc\n\nd"),
        ("# a\n\n### b\n\n#### c **d**", "# a\n\n### b\n\n**c d**"),
        ("* a\n* b\n  + c\n\n7) d\n8) e", "- a\n- b\n  - c\n\n7. d\n8. e"),
        ("> a\n> > b\n>\n> c\n\nd", "> a\n>\n> b\n>\n> c\n\nd"),
        ("a\n\n---", "a\n\n---"),
        ("| a | b |\n|---|---|\n| **c** | d_e |", "a | b\n**c** | d\\_e"),
    ];
    for (text, expected) in cases {
        assert_eq!(markdown(text), expected, "{text:?}");
    }
}

#[test]
fn code() {
    let cases = [
        ("`` a`b ``", "``a`b``"),
        ("`` `a` ``", "`` `a` ``"),
        ("\\`` ``a`", "\\`\u{200b}`` `\u{200b}`a``"),
        ("```` a```b ````", "``a`\u{200b}``b``"),
        ("`@everyone *a* <b>`", "`@everyone *a* <b>`"),
        ("```rust\n*a* \\ @here\n\n  b\n```", "```rust\n*a* \\ @here\n\n  b\n```"),
        ("```\na", "```\na\n```"),
        ("````md\n```rust\na\n```\n````", "```md\n`\u{200b}``rust\na\n`\u{200b}``\n```"),
        ("~~~\n`````\n~~~", "```\n`\u{200b}``\u{200b}``\n```"),
        ("> ```\n> a\n> ```", "> ```\n> a\n> ```"),
        ("- ```\n  a\n  ```", "- ```\n  a\n  ```"),
    ];
    for (text, expected) in cases {
        assert_eq!(markdown(text), expected, "{text:?}");
    }
}

#[test]
fn links() {
    let cases = [
        ("[a](https://b.c)", "[a](<https://b.c>)"),
        ("[a *b* [c] ](https://d.e) f", "[a *b* \\[c\\] ](<https://d.e>) f"),
        ("[a](<https://b.c/d(e)_f*g*h i>)", "[a](<https://b.c/d%28e%29_f%2Ag%2Ah%20i>)"),
        ("see https://a.b/c_d_e.", "see <https://a.b/c_d_e>."),
        ("[https://a.b](https://evil.example)", "https\\://a.b (<https://evil.example>)"),
        ("[a](mailto:b_c@d.e)", "a (b\\_c@d.e)"),
        ("[a](tel:+1)", "a (tel:+1)"),
        ("[a](javascript:b)", "a"),
        ("[a](discord://b)", "a (discord\\://b)"),
    ];
    for (text, expected) in cases {
        assert_eq!(markdown(text), expected, "{text:?}");
    }
}

#[test]
fn text_is_not_taken_for_markup() {
    let cases = [
        (
            "*a* _b_ __c__ ~~d~~ `e` ||f||",
            "\\*a\\* \\_b\\_ \\_\\_c\\_\\_ \\~\\~d\\~\\~ \\`e\\` \\|\\|f\\|\\|",
        ),
        ("# a\n-# b\n- c\n+ d\n> e\n>>> f", "\\# a\n\\-# b\n\\- c\n\\+ d\n\\> e\n\\>>> f"),
        ("a # b - c > d + e", "a # b - c > d + e"),
        ("1. a\n12) b\n1.5 c\n2.", "1\\. a\n12\\) b\n1.5 c\n2\\."),
        ("  - a\n  1. b", "\\- a\n  1\\. b"),
        ("[a](b) ![c](d)", "\\[a\\](b) !\\[c\\](d)"),
        ("\\*a\\", "\\\\\\*a\\\\"),
        (
            "@everyone @here a@hereby.com @someone",
            "@\u{200b}everyone @\u{200b}here a@\u{200b}hereby.com @someone",
        ),
        (
            "<@1> <@!2> <@&3> <#4> <:a:5> <t:6> </b:7>",
            "\\<@1> \\<@!2> \\<@&3> \\<#4> \\<\\:a:5> \\<t:6> \\</b:7>",
        ),
        (":smile: 10:30 a: b", "\\:smile: 10:30 a: b"),
        ("http://", "http\\://"),
    ];
    for (text, expected) in cases {
        assert_eq!(written(text), expected, "{text:?}");
    }
}
