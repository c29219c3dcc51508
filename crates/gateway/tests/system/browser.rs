//! The messenger in a real browser: what visitors see and do, on a page of its own and on sites.

mod accessibility;
mod chat;
mod dialogue;
mod hostile;
mod identity;
mod panel;
mod site;
mod trouble;
mod wire;

use self::chat::Chat;
