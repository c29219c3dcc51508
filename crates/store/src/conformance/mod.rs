//! What every store must do, as tests that a store runs over itself.
//!
//! A store's crate takes this one as a dev-dependency with the feature `conformance`, and writes
//! a test file of its own:
//!
//! ```ignore
//! async fn fresh() -> FreshStore { … }
//! switchboard_store::store_conformance!(fresh);
//! ```
//!
//! Each case gets a migrated store with nothing in it. What is checked is the documentation of
//! the traits, through the traits only: no case knows a table.
//!
//! To add a case: write it beside its kind, and name it in [`store_conformance!`](crate::store_conformance)
//! (a test of this crate fails if it is not named there).

pub mod accept;
pub mod admin;
pub mod concurrency;
mod fixture;
pub mod history;
pub mod incident;
pub mod lease;
pub mod notice;
pub mod queue;
pub mod reply;
pub mod settle;
pub mod stale;
pub mod thread;

use std::{any::Any, sync::Arc};

use crate::Store;

/// A migrated store with nothing in it.
pub struct FreshStore {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Whatever must live as long as the store: a directory, a server. Dropped after the case.
    pub guard: Box<dyn Any + Send>,
}

/// Runs one case and closes the store.
pub async fn run<Case: AsyncFnOnce(Arc<dyn Store>)>(fresh: FreshStore, case: Case) {
    case(fresh.store.clone()).await;
    fresh.store.close().await;
    drop(fresh.guard);
}

/// Makes one test of every case. Takes the name of an `async fn() -> FreshStore`.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:ident) => {
        $crate::store_conformance! { $fresh:
            lease {
                a_channel_is_registered_once
                another_kind_loses_the_cursor
                an_owned_channel_is_not_taken
                an_expired_lease_is_taken_over
                it_is_told_whether_a_channel_is_owned
                an_expired_lease_that_nobody_took_is_renewed
                force_takes_a_live_lease
                a_released_channel_is_free
                one_of_many_gets_the_lease
                the_first_secret_stays
                a_former_owner_changes_nothing
            }
            accept {
                the_first_message_makes_its_chat
                the_next_message_goes_to_the_same_lane
                what_was_seen_is_a_duplicate
                events_of_two_channels_are_not_confused
                routes_have_a_chat_each
                a_taken_chat_id_gives_way
                a_chat_at_a_left_address_gets_another_name
                the_cursor_is_stored_with_its_events
                a_batch_keeps_its_order
                anybody_accepts_without_a_fence
                a_cursor_without_a_fence_is_ignored
                the_name_is_the_latest
                texts_come_back_as_they_were
                a_text_with_nul_is_refused
            }
            reply {
                an_unknown_chat_is_told
                every_part_is_a_delivery
                a_message_id_is_taken_once
                a_message_id_without_a_message_is_not_taken
                a_message_without_parts_is_stored
                a_batch_keeps_its_order
                answers_in_groups_refer_to_the_question
                texts_come_back_as_they_were
                a_text_with_nul_is_refused
            }
            thread {
                the_first_webhook_names_the_thread
                another_id_opens_another_thread
                a_closed_thread_is_left_by_the_next_message
                a_webhook_for_an_old_thread_stays_there
                without_an_id_the_open_or_latest_thread_is_meant
                every_change_of_a_flag_is_one_event
                fields_are_replaced_and_extras_merged
                what_states_nothing_changes_nothing
                a_seen_message_still_updates_the_thread
            }
            notice {
                a_notice_is_due_after_its_time
                a_notice_is_sent_once
                a_notice_without_parts_is_stored
                an_answer_ends_the_wait
                the_gateway_s_own_message_is_no_answer
                the_first_question_sets_the_time
                the_longest_due_comes_first
            }
            queue {
                ready_lanes_are_listed_in_order
                the_other_direction_s_lanes_are_left_out
                lanes_that_wait_are_left_out
                load_gives_the_first_of_each_lane
                an_expired_delivery_is_loaded_as_expired
            }
            settle {
                each_outcome_is_kept
                an_untried_expiry_is_not_counted
                a_retry_holds_its_lane
                a_dead_delivery_does_not_hold_its_lane
                a_settled_delivery_stays_as_it_is
                the_first_pending_delivery_is_reported
                completions_of_one_lane_apply_in_order
                a_former_owner_s_completion_does_not_spoil_the_batch
            }
            concurrency {
                one_chat_has_no_gaps
                one_event_is_stored_once
                one_message_id_is_stored_once
                no_wake_up_is_lost
                batches_that_cross_all_get_through
            }
            admin {
                an_old_delivery_is_retried_first
                only_what_was_given_up_is_retried
                discarding_the_head_wakes_the_next
                only_what_is_open_is_discarded
                deliveries_are_filtered_and_paged
                open_deliveries_are_counted
                the_last_webhooks_are_kept
                what_is_unknown_is_not_found
                migrating_again_does_nothing
            }
            incident {
                that_a_user_cannot_be_reached_is_an_event
                what_cannot_be_read_is_kept_once
                the_gateway_s_own_answer_goes_to_the_messenger
                the_gateway_s_own_answer_in_a_group_is_a_reply
                an_attempt_that_was_begun_is_remembered
                news_names_conversations_with_more
            }
            stale {
                an_answer_for_another_chat_of_the_same_key_is_unknown
                a_completion_of_another_delivery_changes_nothing
                a_lane_of_another_channel_is_not_loaded
                a_notice_for_another_chat_of_the_same_key_is_not_due
            }
            history {
                both_sides_are_merged_in_order
                one_conversation_does_not_see_another
                known_events_are_told_apart
                a_conversation_moves
                a_taken_address_is_left_alone
            }
        }
    };
    ($fresh:ident: $($kind:ident { $($case:ident)* })*) => {
        $(mod $kind {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fresh = super::$fresh().await;
                $crate::conformance::run(fresh, $crate::conformance::$kind::$case).await;
            })*
        })*
    };
}

#[cfg(test)]
mod tests {
    /// A case that is not named in the macro would never run.
    #[test]
    fn every_case_is_named_in_the_macro() {
        let named = include_str!("mod.rs");
        for (file, source) in [
            ("accept", include_str!("accept.rs")),
            ("admin", include_str!("admin.rs")),
            ("concurrency", include_str!("concurrency.rs")),
            ("history", include_str!("history.rs")),
            ("incident", include_str!("incident.rs")),
            ("lease", include_str!("lease.rs")),
            ("notice", include_str!("notice.rs")),
            ("queue", include_str!("queue.rs")),
            ("reply", include_str!("reply.rs")),
            ("settle", include_str!("settle.rs")),
            ("stale", include_str!("stale.rs")),
            ("thread", include_str!("thread.rs")),
        ] {
            let list = named.split_once(&format!("            {file} {{\n")).expect("the file is named").1;
            let list = list.split_once('}').expect("the list ends").0;
            for case in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let case = case.split_once('(').expect("a function has parameters").0;
                assert!(list.split_whitespace().any(|name| name == case), "{file}::{case} is not named");
            }
        }
    }
}
