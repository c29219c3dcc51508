//! The gateway: configuration, HTTP, commands, wiring, lifecycle, telemetry.
//!
//! The binary is a few lines over [`Switchboard`]. A company with a messenger of its own writes a
//! binary of its own, in its own repository:
//!
//! ```no_run
//! use std::{process::ExitCode, sync::Arc};
//! use async_trait::async_trait;
//! use switchboard_core::{
//!     Action, Capabilities, ConversationId, Finding, Inbox, Messenger, Receipt, RunError, SendError,
//! };
//! use switchboard_gateway::{Adapter, Switchboard};
//! use tokio_util::sync::CancellationToken;
//!
//! struct Pager;
//!
//! #[async_trait]
//! impl Messenger for Pager {
//!     // …
//! #   fn capabilities(&self, _: &ConversationId) -> Capabilities {
//! #       use switchboard_core::{Idempotency, Rates, Support, TextSupport, markup::{TextFormat, Unit}};
//! #       Capabilities {
//! #           text: TextSupport { format: TextFormat::Plain, limit: 160, unit: Unit::CodePoints },
//! #           typing: None, edit: Support::No, delete: Support::No, react: Support::No, attachment: None,
//! #           idempotency: Idempotency::None, rates: Rates::default(), rated_as: None,
//! #       }
//! #   }
//! #   async fn probe(&self) -> Vec<Finding> { Vec::new() }
//! #   async fn run(&self, _: Inbox, stop: CancellationToken) -> Result<(), RunError> {
//! #       stop.cancelled().await;
//! #       Ok(())
//! #   }
//! #   async fn execute(&self, _: &Action) -> Result<Receipt, SendError> { Ok(Receipt::default()) }
//! }
//!
//! fn main() -> ExitCode {
//!     Switchboard::standard()
//!         .adapter("pager", |section| {
//!             let number = section.string("number").required()?;
//!             Ok(Box::new(move |_context| {
//!                 println!("paging {number}");
//!                 Ok(Adapter { messenger: Arc::new(Pager), routes: None, account: None })
//!             }))
//!         })
//!         .main()
//! }
//! ```

mod adapter;
mod app;
mod commands;
pub mod config;
mod gateway;
mod http;
mod lifecycle;
mod log_limit;
mod telemetry;
mod wiring;

pub use adapter::{Adapter, AdapterContext, BuildAdapter};
pub use app::Switchboard;
