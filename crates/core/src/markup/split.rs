//! Rendering within a limit: cutting a document into parts that a messenger takes.
//!
//! Where a part ends is found by rendering: the longest beginning of the document that fits as
//! rendered, markup and all, in the unit that the messenger counts. Each part is a document of its
//! own, so that nothing in it is torn: what is cut is closed at the end of one part and opened again
//! in the next.

use std::collections::VecDeque;

use super::{
    cut,
    document::{Block, Document},
    entities, html,
    inline::is_blank,
    markdown,
    outline::{End, Outline, Place},
    plain,
    rendered::{Rendered, TextFormat, Unit},
    simplify::simplify,
};

#[cfg(test)]
mod tests;

/// The smallest limit that is kept, in any unit and format. Below it, parts of a single character
/// may be longer.
pub const MIN_LIMIT: usize = 16;

/// Renders a document in parts of at most `limit`, counted in `unit`.
///
/// In HTML both the HTML and the plain text beside it are within the limit. The parts end at a
/// paragraph or a line where one ends in the second half of what would fit, otherwise at a word,
/// otherwise between two characters as people see them. No part is blank, and there is at least one
/// unless the document is blank.
pub fn render(document: &Document, format: TextFormat, unit: Unit, limit: usize) -> Vec<Rendered> {
    let mut rest: VecDeque<Block> = document.blocks.clone().into();
    let room = Room { format, unit, limit };
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let part = room.take_part(&mut rest);
        if !is_blank(visible(&part)) {
            parts.push(sanitised(part));
        }
    }
    parts
}

/// What a part may be.
struct Room {
    format: TextFormat,
    unit: Unit,
    limit: usize,
}

impl Room {
    /// Takes off the first part.
    fn take_part(&self, rest: &mut VecDeque<Block>) -> Rendered {
        loop {
            // No more characters fit than the limit says; the last may end a paragraph.
            let outline = Outline::new(&*rest, self.limit.saturating_add(2));
            if !outline.is_cut() {
                let part = self.render(rest.make_contiguous());
                if self.fits(&part) {
                    rest.clear();
                    return part;
                }
            }
            let cut = self.longest(rest, &outline.places());
            if cut.is_none() && simplify(rest) {
                continue;
            }
            let cut = cut.or_else(|| self.longest(rest, &outline.char_places()));
            let (size, part) = cut.unwrap_or_else(|| {
                let size = outline.first_char();
                (size, self.render(&cut::head(&*rest, size)))
            });
            cut::drop_head(rest, size);
            return part;
        }
    }

    /// The best part that fits and ends at one of the places, which are in order, and its size.
    fn longest(&self, blocks: &VecDeque<Block>, places: &[Place]) -> Option<(usize, Rendered)> {
        let part = |place: &Place| {
            let part = self.render(&cut::head(blocks, place.at));
            self.fits(&part).then_some((place.at, part))
        };
        // Invariant: `longest` is the part that ends before `places[fitting]`, and it fits.
        let (mut fitting, mut too_many, mut longest) = (0, places.len(), None);
        while fitting < too_many {
            let middle = fitting.midpoint(too_many);
            match part(&places[middle]) {
                Some(fits) => (fitting, longest) = (middle + 1, Some(fits)),
                None => too_many = middle,
            }
        }
        let better = best(&places[..fitting]).and_then(part);
        better.or(longest)
    }

    fn fits(&self, part: &Rendered) -> bool {
        let within = |text: &str| self.unit.measure(text) <= self.limit;
        match part {
            Rendered::Plain { text } | Rendered::Markdown { text } => within(text),
            Rendered::Entities { text, entities } => within(text) && entities.len() <= entities::MAX_ENTITIES,
            Rendered::Html { text, html } => within(text) && within(html),
        }
    }

    fn render(&self, blocks: &[Block]) -> Rendered {
        match self.format {
            TextFormat::Plain => Rendered::Plain { text: plain::text(blocks) },
            TextFormat::Entities => {
                let (text, entities) = entities::text(blocks);
                Rendered::Entities { text, entities }
            }
            TextFormat::Markdown => Rendered::Markdown { text: markdown::text(blocks) },
            TextFormat::Html => Rendered::Html { text: plain::text(blocks), html: html::unsanitised(blocks) },
        }
    }
}

/// The part as it may leave. Only now, since parts are rendered often to find where they end.
fn sanitised(part: Rendered) -> Rendered {
    match part {
        Rendered::Html { text, html } => Rendered::Html { text, html: html::sanitise(&html) },
        other => other,
    }
}

/// The text as people read it.
fn visible(part: &Rendered) -> &str {
    match part {
        Rendered::Plain { text }
        | Rendered::Entities { text, .. }
        | Rendered::Markdown { text }
        | Rendered::Html { text, .. } => text,
    }
}

/// Where to end a part that could go on to the last of the places.
fn best(places: &[Place]) -> Option<&Place> {
    let half = places.last()?.at / 2;
    let last =
        |end, from| places.iter().rev().take_while(|place| place.at >= from).find(|place| place.end >= end);
    last(End::Paragraph, half).or_else(|| last(End::Line, half)).or_else(|| last(End::Word, 0))
}
