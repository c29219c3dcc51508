//! What every messenger's adapter must do, as tests that an adapter runs over itself.
//!
//! The suite checks the documentation of [`Messenger`](switchboard_core::Messenger) and
//! [`Inbox`](switchboard_core::Inbox) from outside: it is the engine on one side, with a strict store of its own, and
//! looks at the platform on the other. It needs this crate and `switchboard-core`, nothing else of the gateway:
//!
//! ```toml
//! [dev-dependencies]
//! switchboard-testkit = { version = "…", default-features = false, features = ["conformance"] }
//! ```
//!
//! # How to use it
//!
//! Write a stand-in for the platform (an HTTP server on loopback, usually, with the rates off), and tell the kit in a
//! [`Harness`] how to look at it. Then one line makes a test of every case, so that failures have names:
//!
//! ```
//! use std::sync::Arc;
//!
//! use switchboard_core::Inbox;
//! use switchboard_testkit::conformance::{Connection, Harness, Lacks, Oddity, Room, Trouble, View, Written};
//! # use switchboard_core::Messenger;
//! # struct FakePager;
//! # impl FakePager {
//! #     async fn start() -> Self { Self }
//! #     fn person_writes(&self, _: Room, _: &str) -> String { String::new() }
//! #     fn system_notice(&self, _: Room) -> String { String::new() }
//! #     fn is_acknowledged(&self, _: &str) -> bool { true }
//! #     fn screen(&self, _: Room) -> View { View::default() }
//! #     fn fail_next(&self, _: Room, _: u16) {}
//! #     fn fail_always(&self, _: u16) {}
//! #     fn listen(&self, _: bool) {}
//! # }
//! # fn pager(_: &FakePager, _: &str) -> Arc<dyn Messenger> { panic!("this is only compiled") }
//!
//! const TOKEN: &str = "pager-secret";
//!
//! struct PagerHarness(FakePager);
//!
//! #[async_trait::async_trait]
//! impl Harness for PagerHarness {
//!     async fn start() -> Self {
//!         Self(FakePager::start().await)
//!     }
//!
//!     async fn connect(&self, _routes: Inbox) -> Connection {
//!         Connection { messenger: pager(&self.0, TOKEN), guard: Box::new(()) }
//!     }
//!
//!     async fn write(&self, room: Room, text: &str) -> Result<Written, Lacks> {
//!         match room {
//!             Room::Direct(_) => Ok(Written(self.0.person_writes(room, text))),
//!             Room::Group(_) => Err(Lacks("a pager has no groups")),
//!         }
//!     }
//!
//!     async fn happen(&self, room: Room, oddity: Oddity) -> Result<Vec<Written>, Lacks> {
//!         match oddity {
//!             Oddity::Wordless => Err(Lacks("a pager sends nothing but text")),
//!             Oddity::NoMessage => Ok(vec![Written(self.0.system_notice(room))]),
//!         }
//!     }
//!
//!     async fn confirmed(&self, written: &Written) -> Result<bool, Lacks> {
//!         Ok(self.0.is_acknowledged(&written.0))
//!     }
//!
//!     async fn view(&self, room: Room) -> View {
//!         self.0.screen(room)
//!     }
//!
//!     async fn trouble(&self, room: Room, trouble: Trouble) -> Result<(), Lacks> {
//!         match trouble {
//!             Trouble::Refused => self.0.fail_next(room, 400),
//!             Trouble::Gone => self.0.fail_next(room, 410),
//!             Trouble::Unauthorized => self.0.fail_always(401),
//!             Trouble::UnauthorizedOnce => self.0.fail_next(room, 401),
//!             Trouble::Unavailable => self.0.fail_next(room, 503),
//!             Trouble::RateLimited(_) => return Err(Lacks("a pager's provider never asks to wait")),
//!             // 0 stands for: take it, and close the connection instead of answering.
//!             Trouble::AnswerLost => self.0.fail_next(room, 0),
//!         }
//!         Ok(())
//!     }
//!
//!     async fn reachable(&self, reachable: bool) -> Result<(), Lacks> {
//!         self.0.listen(reachable);
//!         Ok(())
//!     }
//!
//!     fn secrets(&self) -> Vec<String> {
//!         vec![TOKEN.to_owned()]
//!     }
//! }
//!
//! switchboard_testkit::messenger_conformance!(PagerHarness);
//! ```
//!
//! # What to know
//!
//! - Each case has a harness, a runtime of one thread and a store of its own, so the cases run side by side.
//! - What the platform lacks is said by [`Lacks`], where the kit asks for it. The case then ends there, passed, and
//!   prints a line (with nextest: `--success-output immediate`). Nothing is left out silently.
//! - The adapter is to publish that it is connected before anybody has written, and sends are to be possible to any
//!   room in which somebody has.
//! - The kit waits for what must come, at most a minute, so pauses between attempts to connect are best configured
//!   to be short. It never sleeps for what must not come: it has something else happen and looks again.
//! - Whatever the case, the store notes what breaks a rule (`rules`), and the case fails in the end.
//! - What one messenger does alone (topics, webhooks, its kinds of updates) is for the adapter's own tests.
//!
//! To add a case: write it beside its kind, and name it in
//! [`messenger_conformance!`](crate::messenger_conformance) (a test of this crate fails if it is not named there).

mod actions;
mod bench;
pub mod confirming;
pub mod describing;
mod harness;
mod ledger;
mod logs;
pub mod receiving;
pub mod restarting;
mod rules;
pub mod running;
pub mod secrets;
pub mod sending;
pub mod trouble;

use std::io::Write as _;

pub use bench::{Bench, Outcome};
pub use harness::{Connection, Harness, Lacks, Oddity, Room, Shown, Trouble, View, Written};

/// Runs one case. Panics where the adapter is wrong.
pub async fn run<H: Harness>(case: impl AsyncFnOnce(&mut Bench<H>) -> Outcome) -> Outcome {
    let mut bench = Bench::new(H::start().await);
    let outcome = case(&mut bench).await;
    let faults = bench.ledger.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    outcome
}

/// Runs one case as a test: in a runtime of its own, and with a line for what does not apply.
pub fn test<H: Harness>(name: &str, case: impl AsyncFnOnce(&mut Bench<H>) -> Outcome) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.expect("a runtime can be made").block_on(run::<H>(case));
    if let Err(Lacks(reason)) = outcome {
        // Not with eprintln!, which a test that passes keeps to itself.
        writeln!(std::io::stderr(), "{name} does not apply: {reason}").ok();
    }
}

/// Makes one test of every case. Takes the type of the [`Harness`](crate::conformance::Harness).
#[macro_export]
macro_rules! messenger_conformance {
    (@cases $form:ident $harness:ty) => {
        $crate::messenger_conformance! { @$form $harness:
            receiving {
                a_direct_message_comes_in_as_written
                a_group_s_message_says_so
                people_are_told_apart
                every_room_keeps_its_order
                what_is_no_text_comes_in_as_words
                what_is_no_message_is_left_out
            }
            confirming {
                nothing_is_confirmed_before_the_commit
                what_the_store_refused_is_handed_over_again
                a_duplicate_is_confirmed
                what_the_rules_leave_out_is_confirmed
                another_owner_ends_receiving
            }
            restarting {
                killed_before_the_commit_nothing_is_lost
                killed_before_the_confirmation_nothing_is_doubled
                an_event_that_comes_again_keeps_its_id
                what_is_written_meanwhile_comes_in
                stopped_before_the_commit_nothing_is_lost
                the_last_cursor_is_asked_for
                a_cursor_that_cannot_be_read_is_asked_for_again
            }
            running {
                a_connection_is_published
                an_interruption_is_published_and_overcome
                the_run_goes_on_until_it_is_stopped
                stop_ends_the_run
                stop_ends_the_run_while_the_platform_is_away
            }
            sending {
                a_text_is_shown_once_where_it_belongs
                a_group_s_answer_is_shown_in_the_group
                the_receipt_names_what_is_shown
                every_part_arrives_in_order
                a_text_at_the_limit_is_taken
                a_repeated_key_is_one_message
                what_is_not_supported_is_refused
                what_is_supported_is_done
                typing_is_shown
                several_rooms_are_served_at_once
                texts_are_sent_without_a_run
            }
            trouble {
                a_refusal_is_final
                a_rate_limit_names_its_pause
                a_gone_conversation_is_gone
                refused_credentials_are_unauthorized
                one_refusal_of_the_credentials_proves_nothing
                an_unavailable_platform_is_tried_again_later
                a_lost_answer_leaves_the_outcome_unknown
                nothing_is_sent_while_the_platform_is_away
            }
            describing {
                the_capabilities_can_be_kept
                a_probe_is_not_noticed
            }
            secrets {
                no_secret_is_told
            }
        }
    };
    (@tests $harness:ty: $($kind:ident { $($case:ident)* })*) => {
        $(mod $kind {
            #[allow(unused_imports, reason = "the harness may be named by a path")]
            use super::*;
            $(#[test]
            fn $case() {
                let name = concat!(stringify!($kind), "::", stringify!($case));
                $crate::conformance::test::<$harness>(name, $crate::conformance::$kind::$case);
            })*
        })*
    };
    (@list $harness:ty: $($kind:ident { $($case:ident)* })*) => {
        [$($((
            concat!(stringify!($kind), "::", stringify!($case)),
            (|| ::std::boxed::Box::pin($crate::conformance::run::<$harness>($crate::conformance::$kind::$case)))
                as fn() -> ::std::pin::Pin<::std::boxed::Box<
                    dyn ::std::future::Future<Output = $crate::conformance::Outcome>,
                >>,
        ),)*)*]
    };
    // The names of all cases, each with a function that runs it: what the kit's own tests work with.
    (@every $harness:ty) => { $crate::messenger_conformance! { @cases list $harness } };
    ($harness:ty) => { $crate::messenger_conformance! { @cases tests $harness } };
}

#[cfg(test)]
mod tests {
    /// A case that is not named in the macro would never run.
    #[test]
    fn every_case_is_named_in_the_macro() {
        let named = include_str!("mod.rs");
        for (file, source) in [
            ("confirming", include_str!("confirming.rs")),
            ("describing", include_str!("describing.rs")),
            ("receiving", include_str!("receiving.rs")),
            ("restarting", include_str!("restarting.rs")),
            ("running", include_str!("running.rs")),
            ("secrets", include_str!("secrets.rs")),
            ("sending", include_str!("sending.rs")),
            ("trouble", include_str!("trouble.rs")),
        ] {
            let list = named.split_once(&format!("            {file} {{\n")).expect("the file is named").1;
            let list = list.split_once('}').expect("the list ends").0;
            for case in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let case = case.split_once('<').expect("a case takes the harness").0;
                assert!(list.split_whitespace().any(|name| name == case), "{file}::{case} is not named");
            }
        }
    }
}
