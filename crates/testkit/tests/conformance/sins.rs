//! Every way to be wrong that the kit must find, and the cases that find it: those and no others, unless the sin spoils
//! whatever the adapter does.

use std::panic::AssertUnwindSafe;

use crate::harness::{SIN, TownHarness};

/// Declares the sins, and one test of each: it is found `by` exactly these cases, or `among_others_by` them.
macro_rules! sins {
    ($($test:ident: $sin:ident is found $how:ident [$($case:literal),* $(,)?])*) => {
        /// What the adapter does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Sin {
            None,
            $($sin,)*
        }

        $(#[test]
        fn $test() {
            let (failing, expected) = (failing(Sin::$sin), [$($case),*]);
            match stringify!($how) {
                "by" => assert_eq!(failing, expected),
                _ => assert!(expected.iter().all(|case| failing.contains(case)), "{failing:?}"),
            }
        })*
    };
}

sins! {
    confirming_before_the_commit: ConfirmsBeforeTheCommit is found by [
        "confirming::nothing_is_confirmed_before_the_commit",
        "confirming::what_the_store_refused_is_handed_over_again",
        "confirming::another_owner_ends_receiving",
        "restarting::killed_before_the_commit_nothing_is_lost",
        "restarting::an_event_that_comes_again_keeps_its_id",
    ]
    confirming_beside_the_commit: ConfirmsBesideTheCommit is found by [
        "confirming::nothing_is_confirmed_before_the_commit",
        "confirming::what_the_store_refused_is_handed_over_again",
        "confirming::another_owner_ends_receiving",
        "restarting::killed_before_the_commit_nothing_is_lost",
        "restarting::an_event_that_comes_again_keeps_its_id",
    ]
    losing_what_the_store_refused: LosesWhatIsRefused is found by [
        "confirming::what_the_store_refused_is_handed_over_again",
        "confirming::another_owner_ends_receiving",
    ]
    coming_again_too_soon: ComesAgainTooSoon is found by [
        "confirming::what_the_store_refused_is_handed_over_again",
    ]
    another_id_each_time: ForgetsIds is found by ["restarting::an_event_that_comes_again_keeps_its_id"]
    losing_order: LosesOrder is found by [
        "receiving::every_room_keeps_its_order",
        "restarting::killed_before_the_commit_nothing_is_lost",
        "restarting::what_is_written_meanwhile_comes_in",
    ]
    forgetting_the_cursor: ForgetsItsCursor is found by [
        "restarting::the_last_cursor_is_asked_for",
        "restarting::a_cursor_that_cannot_be_read_is_asked_for_again",
    ]
    taking_trouble_for_no_cursor: TakesTroubleForNoCursor is found by [
        "restarting::a_cursor_that_cannot_be_read_is_asked_for_again",
    ]
    going_on_without_ownership: GoesOnWithoutOwnership is found by [
        "confirming::another_owner_ends_receiving",
    ]
    calling_another_owner_an_error: CallsAnotherOwnerAnError is found by [
        "confirming::another_owner_ends_receiving",
    ]
    taking_its_own_messages: TakesItsOwnMessages is found by ["receiving::what_is_no_message_is_left_out"]
    handing_over_nothing: HandsOverNothing is found by ["receiving::what_is_no_text_comes_in_as_words"]
    tidying_texts: TidiesTexts is found by ["receiving::a_direct_message_comes_in_as_written"]
    taking_groups_for_direct: TakesGroupsForDirect is found by ["receiving::a_group_s_message_says_so"]
    ending_alone: EndsAlone is found among_others_by ["running::the_run_goes_on_until_it_is_stopped"]
    ending_when_interrupted: EndsWhenInterrupted is found by [
        "running::an_interruption_is_published_and_overcome",
        "running::stop_ends_the_run_while_the_platform_is_away",
        "secrets::no_secret_is_told",
    ]
    hiding_interruptions: HidesInterruptions is found by [
        "running::an_interruption_is_published_and_overcome",
        "running::stop_ends_the_run_while_the_platform_is_away",
    ]
    skipping_what_it_missed: SkipsWhatItMissed is found by [
        "running::an_interruption_is_published_and_overcome",
    ]
    ignoring_stop: IgnoresStop is found by [
        "confirming::another_owner_ends_receiving",
        "restarting::stopped_before_the_commit_nothing_is_lost",
        "restarting::the_last_cursor_is_asked_for",
        "restarting::a_cursor_that_cannot_be_read_is_asked_for_again",
        "running::stop_ends_the_run",
        "running::stop_ends_the_run_while_the_platform_is_away",
        "sending::texts_are_sent_without_a_run",
    ]
    sending_twice: SendsTwice is found among_others_by ["sending::a_text_is_shown_once_where_it_belongs"]
    dropping_a_part: DropsAPart is found by ["sending::every_part_arrives_in_order"]
    dropping_the_last_character: DropsTheLastCharacter is found by ["sending::a_text_at_the_limit_is_taken"]
    promising_too_much: PromisesTooMuch is found by ["sending::a_text_at_the_limit_is_taken"]
    answering_who_wrote_last: AnswersWhoWroteLast is found by [
        "confirming::nothing_is_confirmed_before_the_commit",
        "sending::a_text_is_shown_once_where_it_belongs",
        "sending::a_group_s_answer_is_shown_in_the_group",
        "sending::several_rooms_are_served_at_once",
    ]
    ignoring_keys: IgnoresKeys is found by ["sending::a_repeated_key_is_one_message"]
    naming_nothing: NamesNothing is found by ["sending::the_receipt_names_what_is_shown"]
    passing_off_as_done: PassesOffAsDone is found by ["sending::what_is_not_supported_is_refused"]
    editing_nothing: EditsNothing is found by ["sending::what_is_supported_is_done"]
    typing_nothing: TypesNothing is found by ["sending::typing_is_shown"]
    needing_its_run: NeedsItsRun is found by ["sending::texts_are_sent_without_a_run"]
    trying_again_itself: TriesAgainItself is found by [
        "trouble::an_unavailable_platform_is_tried_again_later",
    ]
    waiting_itself: WaitsItself is found by ["trouble::a_rate_limit_names_its_pause"]
    trying_again_after_a_lost_answer: TriesAgainAfterALostAnswer is found by [
        "trouble::a_lost_answer_leaves_the_outcome_unknown",
    ]
    taking_a_lost_answer_for_unavailable: TakesALostAnswerForUnavailable is found by [
        "trouble::a_lost_answer_leaves_the_outcome_unknown",
    ]
    taking_everything_for_refused: TakesEverythingForRefused is found by [
        "trouble::a_gone_conversation_is_gone",
    ]
    believing_one_refusal: BelievesOneRefusal is found by [
        "trouble::one_refusal_of_the_credentials_proves_nothing",
    ]
    probing_aloud: ProbesAloud is found by ["describing::a_probe_is_not_noticed"]
    logging_its_token: LogsItsToken is found by ["secrets::no_secret_is_told"]
    telling_its_token: TellsItsToken is found by ["secrets::no_secret_is_told"]
}

#[test]
fn a_right_adapter_passes() {
    assert_eq!(failing(Sin::None), [] as [&str; 0]);
}

/// The cases that an adapter with this sin fails. A case that says that it does not apply counts as failed too: the
/// town has everything.
fn failing(sin: Sin) -> Vec<&'static str> {
    SIN.set(sin);
    let cases = switchboard_testkit::messenger_conformance!(@every TownHarness);
    let fails = |case: fn() -> _| {
        let case = AssertUnwindSafe(|| {
            // Nothing but tasks and timers, so that time may pass as soon as all of them wait.
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on::<std::pin::Pin<Box<dyn Future<Output = _>>>>(case())
        });
        !matches!(std::panic::catch_unwind(case), Ok(Ok(())))
    };
    cases.into_iter().filter(|(_, case)| fails(*case)).map(|(name, _)| name).collect()
}
