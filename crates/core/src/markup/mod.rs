//! Text: parsed once from Markdown into a span tree, rendered per messenger, split to its limit.

mod rendered;

pub use rendered::{Entity, EntityKind, Rendered, TextFormat, Unit};
