//! What every backend and every place of state promises, checked for each of them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dreams;
mod folder;
mod git;
mod http;
mod local;
mod objects;
mod sqlite;
mod state;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod testimony;
mod world;

macro_rules! promises {
    ($world:ty: $($file:ident :: { $($law:ident),* $(,)? })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                // Long enough for any machine; a law that hangs fails.
                let limit = std::time::Duration::from_secs(600);
                tokio::time::timeout(limit, crate::$file::$law::<$world>()).await.expect("in time");
            }
        )*)*
    };
}

mod on_local {
    promises! {
        crate::local::LocalWorld:
        stores::{
            a_snapshot_holds_what_was_written,
            a_snapshot_is_not_moved_by_later_writes,
            a_put_needs_what_it_expects,
            a_delete_needs_what_it_expects,
            writes_stop_at_the_first_conflict_and_keep_the_earlier,
            a_repeated_write_succeeds,
            no_memory_is_the_folder_of_another,
            a_memory_has_a_largest_size,
            past_contents_can_be_had,
            a_store_of_several_pages_is_read_whole,
            past_contents_can_be_had_by_their_versions,
            an_index_is_a_snapshot_without_its_text,
            the_past_of_a_store_can_be_listed,
            a_deleted_store_is_gone,
        }
        dreams::{
            a_dream_goes_from_pending_to_completed,
            a_dream_leaves_its_input_alone,
            an_output_is_visible_while_its_dream_runs,
            a_dream_does_not_see_writes_made_after_its_creation,
            requests_that_break_a_rule_are_refused,
            a_dream_is_listed_as_soon_as_it_is_created,
            a_canceled_dream_stays_canceled_and_keeps_its_output,
            a_completed_dream_cannot_be_canceled,
            a_dream_that_was_left_ends_as_if_it_had_not_been,
            a_dream_goes_on_after_its_process_went_away,
            a_mind_that_panics_fails_its_dream,
            a_mind_that_gives_up_fails_its_dream_with_its_own_words,
            a_wiping_mind_makes_an_empty_store,
            a_session_that_is_gone_fails_the_dream,
            a_deleted_input_store_fails_the_dream,
            what_a_dream_did_is_told_in_order,
        }
        testimony::{
            sessions_tell_what_was_said_and_who_said_it,
            sessions_that_are_gone_are_counted,
        }
    }
}

// Left out: that a dream is checkpointed when it is left, which a server has no need of; two minds in one
// backend, since a server has one; and what a dream did and why, which the API does not say.
mod on_http {
    promises! {
        crate::http::HttpWorld:
        stores::{
            a_snapshot_holds_what_was_written,
            a_snapshot_is_not_moved_by_later_writes,
            a_put_needs_what_it_expects,
            a_delete_needs_what_it_expects,
            writes_stop_at_the_first_conflict_and_keep_the_earlier,
            a_repeated_write_succeeds,
            no_memory_is_the_folder_of_another,
            a_memory_has_a_largest_size,
            past_contents_can_be_had,
            a_store_of_several_pages_is_read_whole,
            past_contents_can_be_had_by_their_versions,
            an_index_is_a_snapshot_without_its_text,
            the_past_of_a_store_can_be_listed,
            a_deleted_store_is_gone,
        }
        dreams::{
            a_dream_goes_from_pending_to_completed,
            a_dream_leaves_its_input_alone,
            an_output_is_visible_while_its_dream_runs,
            a_dream_does_not_see_writes_made_after_its_creation,
            requests_that_break_a_rule_are_refused,
            a_dream_is_listed_as_soon_as_it_is_created,
            a_canceled_dream_stays_canceled_and_keeps_its_output,
            a_completed_dream_cannot_be_canceled,
            a_dream_goes_on_after_its_process_went_away,
            a_mind_that_gives_up_fails_its_dream_with_its_own_words,
            a_wiping_mind_makes_an_empty_store,
            a_session_that_is_gone_fails_the_dream,
            a_deleted_input_store_fails_the_dream,
        }
        testimony::{
            sessions_tell_what_was_said_and_who_said_it,
            sessions_that_are_gone_are_counted,
        }
    }
}

/// What every place of state promises.
macro_rules! state_promises {
    ($place:ty) => {
        promises! {
            $place:
            state::{
                what_was_never_written_is_not_there,
                a_write_is_read_back_by_everybody,
                what_is_there_is_not_created_again,
                a_version_can_be_replaced_once,
                of_many_that_create_one_key_at_once_one_wins,
                no_update_is_lost_among_eight_writers,
                a_listing_is_in_order_and_holds_the_prefix_and_nothing_beside,
                what_was_written_outlives_its_writer,
                what_is_deleted_is_gone_and_can_be_written_again,
                of_several_that_are_deleted_those_that_changed_stay,
                reading_many_gives_what_listing_and_reading_each_gives,
                names_are_what_stands_below_a_prefix_once_each,
                asking_for_several_gives_those_that_are_there,
            }
        }
    };
}

mod on_sqlite {
    state_promises!(crate::sqlite::SqlitePlace);
}

mod on_folder {
    state_promises!(crate::folder::FolderPlace);
}

mod on_git {
    state_promises!(crate::git::GitPlace);
}

mod on_objects {
    state_promises!(crate::objects::ObjectPlace);
}
