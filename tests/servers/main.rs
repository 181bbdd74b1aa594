//! What every place of state promises, asked of real servers, and what happens when they fail.
//!
//! `tests/state/run` starts the servers and names them in variables; a server that no variable names is told
//! as not asked. Not a `#[test]` among others, which would pass without a server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "this is a test runner of its own")]

mod buckets;
mod database;
mod proxy;
#[path = "../contract/state.rs"]
mod state;

use std::pin::Pin;
use std::time::{Duration, Instant};

/// Long enough for any machine; a law that hangs fails.
const LIMIT: Duration = Duration::from_secs(900);

type Law = Pin<Box<dyn Future<Output = ()>>>;

/// A law with its name.
type Named = (&'static str, fn() -> Law);

/// What is asked of one server.
struct Suite {
    name: &'static str,
    variable: &'static str,
    laws: Vec<Named>,
}

macro_rules! laws {
    ($($file:ident :: { $($law:ident $(::<$place:ty>)?),* $(,)? })*) => {
        vec![$($((stringify!($law), (|| Box::pin($file::$law$(::<$place>)?())) as fn() -> Law),)*)*]
    };
}

/// What every place of state promises.
macro_rules! of_state {
    ($place:ty) => {
        laws! {
            state::{
                what_was_never_written_is_not_there::<$place>,
                a_write_is_read_back_by_everybody::<$place>,
                what_is_there_is_not_created_again::<$place>,
                a_version_can_be_replaced_once::<$place>,
                of_many_that_create_one_key_at_once_one_wins::<$place>,
                no_update_is_lost_among_eight_writers::<$place>,
                a_listing_is_in_order_and_holds_the_prefix_and_nothing_beside::<$place>,
                what_was_written_outlives_its_writer::<$place>,
                what_is_deleted_is_gone_and_can_be_written_again::<$place>,
                of_several_that_are_deleted_those_that_changed_stay::<$place>,
                reading_many_gives_what_listing_and_reading_each_gives::<$place>,
                names_are_what_stands_below_a_prefix_once_each::<$place>,
                asking_for_several_gives_those_that_are_there::<$place>,
            }
        }
    };
}

fn suites() -> Vec<Suite> {
    let mut s3 = of_state!(buckets::S3Place);
    s3.extend(laws! {
        buckets::{
            a_write_whose_answer_was_cut_off_is_found_by_looking,
            a_bucket_that_is_not_there_is_told,
        }
    });
    let mut postgres = of_state!(database::PostgresPlace);
    postgres.extend(laws! {
        database::{
            a_write_whose_answer_was_cut_off_is_found_by_looking,
            no_update_is_lost_while_the_server_is_restarted,
            looking_makes_no_table_and_writes_nothing,
            a_table_of_something_else_or_of_a_newer_version_is_refused,
            a_database_that_may_lose_writes_is_refused,
        }
    });
    vec![
        Suite { name: "on_s3", variable: buckets::S3, laws: s3 },
        Suite { name: "on_gs", variable: buckets::GS, laws: of_state!(buckets::GcsPlace) },
        Suite { name: "on_az", variable: buckets::AZ, laws: of_state!(buckets::AzurePlace) },
        Suite { name: "on_postgres", variable: database::SERVER, laws: postgres },
    ]
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for suite in suites() {
        if !wanted.is_empty() && !wanted.iter().any(|word| suite.name.contains(word.as_str())) {
            continue;
        }
        if std::env::var_os(suite.variable).is_none() {
            println!("{}: not asked, {} names no server (see tests/state/run)", suite.name, suite.variable);
            continue;
        }
        let laws = suite.laws.len();
        for (name, law) in suite.laws {
            let began = Instant::now();
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async { tokio::time::timeout(LIMIT, law()).await.expect("in time") });
            println!("{}::{name} ... ok ({:.1} s)", suite.name, began.elapsed().as_secs_f64());
        }
        println!("{}: {laws} laws held", suite.name);
    }
}

/// Returns a text that no other test has.
fn unique() -> String {
    format!("t{}", uuid::Uuid::now_v7().simple())
}
