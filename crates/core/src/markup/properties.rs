//! What holds for every text, every messenger and every limit.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Document, Entity, EntityKind, MIN_LIMIT, Rendered, TextFormat, Unit, html,
    inline::{is_blank, is_invisible},
    render, to_html,
};

const FORMATS: [TextFormat; 4] =
    [TextFormat::Plain, TextFormat::Entities, TextFormat::Markdown, TextFormat::Html];

/// Pieces of markup, hostile and broken ones among them.
#[rustfmt::skip]
const PIECES: [&str; 59] = [
    "**", "*", "_", "~~", "`", "``", "```", "\n```rust\n", "\n```\n", "\n", "\n\n", "\n> ", "\n>> ", "\n- ",
    "\n  - ", "\n7. ", "\n   1) ", "\n# ", "\n##### ", "\n---\n", "\n\n| a | b |\n|---|---|\n| c | ", " | ",
    "|\n", "[", "](", ")", "[text](https://example.com/a_b)", "[mail](mailto:a@example.com)",
    "[x](javascript:alert(1))", "![alt](data:x,y)", "<a@example.com>", "https://example.com/path?q=1&r=(2)",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;b&gt;", "&#106;avascript:", "&#10;",
    "\u{0}", "\u{7}", "\r\n", "\t", "    ", " ", "word", "слово", "слова и ещё", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷",
    "e\u{301}", "\u{301}", "\u{200b}", "\u{a0}", "漢字。", "@everyone", "<@123>", ":smile:", "\\", "x", "42",
];

/// Pieces in any order.
fn markup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => markup(), 1 => any::<String>(), 1 => "\\PC{0,300}"]
}

fn document() -> impl Strategy<Value = Document> {
    (text(), any::<bool>()).prop_map(|(text, is_markdown)| {
        if is_markdown { Document::from_markdown(&text) } else { Document::from_plain(&text) }
    })
}

fn format() -> impl Strategy<Value = TextFormat> {
    prop::sample::select(FORMATS.to_vec())
}

/// The formats whose text is what people read.
fn readable() -> impl Strategy<Value = TextFormat> {
    prop::sample::select(vec![TextFormat::Plain, TextFormat::Entities, TextFormat::Html])
}

fn unit() -> impl Strategy<Value = Unit> {
    prop::sample::select(vec![Unit::Utf16, Unit::CodePoints, Unit::Bytes])
}

fn whole(document: &Document, format: TextFormat) -> Option<Rendered> {
    let mut parts = render(document, format, Unit::Bytes, usize::MAX);
    let whole = parts.pop();
    // Only Telegram's number of entities makes several parts of it.
    assert!(parts.is_empty() || format == TextFormat::Entities, "several parts without a limit");
    if parts.is_empty() { whole } else { None }
}

/// What people read.
fn read(part: &Rendered) -> &str {
    match part {
        Rendered::Plain { text }
        | Rendered::Markdown { text }
        | Rendered::Entities { text, .. }
        | Rendered::Html { text, .. } => text,
    }
}

/// What people see, without the `>` that stands before each line of a quotation.
fn seen<'a>(parts: impl IntoIterator<Item = &'a Rendered>) -> String {
    parts
        .into_iter()
        .flat_map(|part| read(part).chars())
        .filter(|&char| !is_invisible(char) && char != '>')
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_part_is_within_the_limit(
        document in document(), format in format(), unit in unit(), limit in MIN_LIMIT..500,
    ) {
        let parts = render(&document, format, unit, limit);
        prop_assert_eq!(parts.is_empty(), document.is_blank());
        for part in &parts {
            prop_assert!(!is_blank(read(part)), "blank: {:?}", part);
            prop_assert!(unit.measure(part.text()) <= limit, "too long: {:?}", part);
            prop_assert!(unit.measure(read(part)) <= limit, "too long: {:?}", part);
        }
    }

    #[test]
    fn what_is_not_blank_is_not_lost(text in text(), format in format()) {
        prop_assert_eq!(Document::from_plain(&text).is_blank(), text.chars().all(|c| is_invisible(c) || c.is_control()));
        if !Document::from_plain(&text).is_blank() {
            prop_assert!(!render(&Document::from_markdown(&text), format, Unit::Utf16, 50).is_empty());
        }
    }

    #[test]
    fn nothing_visible_is_lost_or_moved(
        document in document(), format in readable(), unit in unit(), limit in MIN_LIMIT..500,
    ) {
        let whole = render(&document, format, unit, usize::MAX);
        prop_assert_eq!(seen(&render(&document, format, unit, limit)), seen(&whole));
    }

    #[test]
    fn plain_text_stays_as_it_was_written(text in text()) {
        let text = text.replace('\u{feff}', "");
        let written: String = text.chars().filter(|&c| !c.is_control() || c == '\n' || c == '\t').collect();
        let shown = whole(&Document::from_plain(&text.replace('\r', "")), TextFormat::Plain);
        prop_assert_eq!(shown.as_ref().map_or("", Rendered::text), if is_blank(&written) { "" } else { written.trim() });
    }

    #[test]
    fn parts_end_between_clusters(text in text(), unit in unit(), limit in MIN_LIMIT..200) {
        let document = Document::from_plain(&text);
        let Some(whole) = whole(&document, TextFormat::Plain) else { return Ok(()) };
        let whole = whole.text();
        let mut end = 0;
        for part in render(&document, TextFormat::Plain, unit, limit) {
            let start = end + whole[end..].find(part.text()).expect("the part is in the text");
            prop_assert!(is_blank(&whole[end..start]), "lost: {:?}", &whole[end..start]);
            end = start + part.text().len();
            for (at, cluster) in whole.grapheme_indices(true) {
                let torn = at < end && end < at + cluster.len();
                prop_assert!(!torn || unit.measure(cluster) > limit, "torn: {:?}", cluster);
            }
        }
    }

    #[test]
    fn entities_are_valid(text in text(), limit in MIN_LIMIT..500) {
        for part in render(&Document::from_markdown(&text), TextFormat::Entities, Unit::Utf16, limit) {
            let Rendered::Entities { text, entities } = part else { panic!("not entities: {part:?}") };
            prop_assert!(entities.len() <= 100);
            check_entities(&text, &entities)?;
        }
    }

    #[test]
    fn html_is_well_formed_and_within_the_list(
        document in document(), unit in unit(), limit in MIN_LIMIT..500,
    ) {
        for part in render(&document, TextFormat::Html, unit, limit) {
            check_html(part.text())?;
        }
    }

    /// Parts are measured before they are sanitised.
    #[test]
    fn sanitising_makes_nothing_longer(document in document()) {
        let html = html::unsanitised(&document.blocks);
        prop_assert!(html::sanitise(&html).len() <= html.len(), "{:?}", html);
    }

    #[test]
    fn html_of_a_page_is_well_formed_and_within_the_list(text in text()) {
        check_html(&to_html(&text))?;
        check_html(&super::plain_to_html(&text))?;
    }

    #[test]
    fn fences_are_closed_in_every_part(text in text(), limit in MIN_LIMIT..500) {
        for part in render(&Document::from_markdown(&text), TextFormat::Markdown, Unit::CodePoints, limit) {
            prop_assert_eq!(part.text().matches("```").count() % 2, 0, "torn: {:?}", part);
        }
    }

    #[test]
    fn escaped_text_reads_as_it_was_written(text in "[a1.)(\\\\*_~`|>#+\\[\\]<:@! \n-]{0,60}") {
        // Indented code is CommonMark's, not Discord's.
        let text = text.split_inclusive('\n').map(str::trim_start).collect::<String>();
        let document = Document::from_plain(&text);
        let Some(markdown) = whole(&document, TextFormat::Markdown) else { return Ok(()) };
        let read_back = whole(&Document::from_markdown(markdown.text()), TextFormat::Plain);
        let visible = |text: &str| text.chars().filter(|&c| !is_invisible(c)).collect::<String>();
        prop_assert_eq!(visible(read_back.as_ref().map_or("", Rendered::text)), visible(&text), "{:?}", markdown);
    }

    #[test]
    fn rendering_is_deterministic_and_total(text in text(), format in format(), unit in unit(), limit in 0_usize..40) {
        let parts = || render(&Document::from_markdown(&text), format, unit, limit);
        prop_assert_eq!(parts(), parts());
    }
}

fn check_entities(text: &str, entities: &[Entity]) -> Result<(), TestCaseError> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let is_boundary = |at: usize| !units.get(at).is_some_and(|unit| (0xdc00..0xe000).contains(unit));
    for (index, entity) in entities.iter().enumerate() {
        let end = entity.offset + entity.length;
        prop_assert!(entity.length > 0 && end <= units.len(), "outside: {:?}", entity);
        prop_assert!(is_boundary(entity.offset) && is_boundary(end), "inside a character: {:?}", entity);
        for other in &entities[index + 1..] {
            prop_assert!(entity.offset <= other.offset, "not sorted");
            if other.offset < end {
                prop_assert!(other.offset + other.length <= end, "{:?} overlaps {:?}", other, entity);
                prop_assert!(may_contain(&entity.kind, &other.kind), "{:?} in {:?}", other, entity);
            }
        }
    }
    Ok(())
}

/// Telegram's rules, where two ranges overlap.
fn may_contain(outer: &EntityKind, inner: &EntityKind) -> bool {
    let is_code = |kind: &EntityKind| matches!(kind, EntityKind::Code | EntityKind::Pre { .. });
    let is_style =
        |kind: &EntityKind| matches!(kind, EntityKind::Bold | EntityKind::Italic | EntityKind::Strikethrough);
    match outer {
        EntityKind::Blockquote => *inner != EntityKind::Blockquote,
        outer if is_code(outer) => false,
        EntityKind::TextLink { .. } => is_style(inner),
        outer => !is_code(inner) && inner != outer && *inner != EntityKind::Blockquote,
    }
}

const TAGS: &str =
    "p br strong em del code pre blockquote a ul ol li h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td";

/// Reads the HTML tag by tag. Text is escaped, so every `<` begins a tag.
fn check_html(html: &str) -> Result<(), TestCaseError> {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, _) =
            tag.split_once('>').ok_or_else(|| TestCaseError::fail(format!("unclosed tag in {html:?}")))?;
        if let Some(name) = tag.strip_prefix('/') {
            prop_assert_eq!(open.pop(), Some(name), "in {:?}", html);
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        prop_assert!(
            TAGS.split(' ').any(|tag| tag == name) && may_have(name, attributes),
            "<{}> in {:?}",
            tag,
            html
        );
        if !["br", "hr"].contains(&name) {
            open.push(name);
        }
    }
    prop_assert!(open.is_empty(), "{:?} is open in {:?}", open, html);
    Ok(())
}

/// Whether a tag may have these attributes. In their values quotes are escaped.
fn may_have(tag: &str, attributes: &str) -> bool {
    let is_only = |begin: &str| attributes.starts_with(begin) && attributes.matches('"').count() == 2;
    match tag {
        "a" => {
            let Some(href) = attributes.strip_suffix("rel=\"noopener noreferrer nofollow\"") else {
                return false;
            };
            // An address that does not parse is taken away.
            href.is_empty()
                || ["href=\"http://", "href=\"https://", "href=\"mailto:"]
                    .iter()
                    .any(|begin| href.starts_with(begin))
                    && href.matches('"').count() == 2
        }
        "ol" => attributes.is_empty() || is_only("start=\""),
        "code" => attributes.is_empty() || is_only("class=\"language-"),
        _ => attributes.is_empty(),
    }
}
