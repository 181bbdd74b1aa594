//! Laws that hold for every plan, whatever the facts, and for every row of runs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use crate::ids::{MemoryStoreId, SessionId};
use crate::session::{Session, SessionStatus};
use crate::spec::pipeline::{Order, Pipeline};
use crate::state::alias::AliasRecord;

use super::facts::{Facts, SourceFacts, source_key};
use super::report::LeftOutReason;
use super::testing::{facts, files, noon, pipeline, session};
use super::{Plan, plan};

const SOURCES: [&str; 2] = ["a/*", "b/*"];

/// A session and the sources that list it.
#[derive(Debug, Clone)]
struct Listed {
    session: Session,
    sources: Vec<&'static str>,
}

fn any_status() -> impl Strategy<Value = SessionStatus> {
    prop_oneof![
        5 => Just(SessionStatus::Idle),
        3 => Just(SessionStatus::Running),
        1 => Just(SessionStatus::Rescheduling),
        1 => Just(SessionStatus::Terminated),
    ]
}

/// Sessions with distinct ids; several may have begun in the same minute.
fn any_sessions() -> impl Strategy<Value = Vec<Listed>> {
    let sources = prop::sample::select(vec![vec!["a/*"], vec!["b/*"], vec!["a/*", "b/*"]]);
    let one = (0_u32..6, any_status(), 0_u8..12, sources);
    prop::collection::vec(one, 0..14).prop_map(|all| {
        let make = |(n, (minute, status, oddity, sources)): (u32, (u32, SessionStatus, u8, _))| {
            let mut session = Session { created_at: session(minute).created_at, status, ..session(n) };
            session.is_archived = oddity == 0;
            session.is_dream_worker = oddity == 1;
            session.size.events = u64::from(oddity != 2);
            Listed { session, sources }
        };
        (0..).zip(all).map(make).collect()
    })
}

fn any_pipeline() -> impl Strategy<Value = Pipeline> {
    let order = prop_oneof![Just(Order::Oldest), Just(Order::Newest)];
    (order, prop::option::of(1_u32..5), 1_u32..4, any::<bool>()).prop_map(|(order, take, size, chain)| {
        let mut pipeline = pipeline();
        pipeline.sessions.sources = SOURCES.map(files).to_vec();
        pipeline.sessions.order = order;
        pipeline.sessions.take = take;
        pipeline.batch.size = size;
        pipeline.batch.chain = chain;
        pipeline
    })
}

fn facts_of(listed: &[Listed], alias: Option<AliasRecord>) -> Facts {
    let of = |source: &str| SourceFacts {
        sessions: listed.iter().filter(|l| l.sources.contains(&source)).map(|l| l.session.clone()).collect(),
        unreadable: Vec::new(),
        unmatched: Vec::new(),
    };
    let sources = SOURCES.map(|source| (source_key(&files(source)), of(source)));
    Facts { sources: sources.into_iter().collect(), alias, ..facts(Vec::new()) }
}

fn chosen(plan: &Plan) -> Vec<&SessionId> {
    plan.batches.iter().flat_map(|batch| &batch.sessions).collect()
}

/// Runs of one pipeline, one after the other, each adopted.
struct Series {
    pipeline: Pipeline,
    listed: Vec<Listed>,
    record: AliasRecord,
    read: BTreeSet<SessionId>,
}

impl Series {
    fn new(pipeline: Pipeline, listed: Vec<Listed>) -> Self {
        let record = AliasRecord::bootstrapped(MemoryStoreId::parse("memstore_live").unwrap());
        Self { pipeline, listed, record, read: BTreeSet::new() }
    }

    /// Plans, checks what the plan says was read, and adopts.
    fn run(&mut self) -> Result<Plan, TestCaseError> {
        let plan = plan(&self.pipeline, &facts_of(&self.listed, Some(self.record.clone()))).unwrap();
        for left_out in &plan.report.left_out {
            let is_read = self.read.contains(&left_out.session);
            prop_assert!(left_out.reason != LeftOutReason::AlreadyRead || is_read, "unread {left_out:?}");
        }
        for id in chosen(&plan) {
            prop_assert!(self.read.insert(id.clone()), "{id} is read twice");
        }
        if plan.not_due.is_none() {
            self.record.watermarks.extend(plan.watermarks.clone());
        }
        Ok(plan)
    }

    /// Lets every session come to rest, and runs until nothing waits.
    fn rest(&mut self) -> Result<(), TestCaseError> {
        for listed in &mut self.listed {
            listed.session.status = SessionStatus::Idle;
            listed.session.size.events = 1;
        }
        for _ in 0..=self.listed.len() {
            if self.run()?.not_due.is_some() {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("sessions wait for ever"))
    }
}

proptest! {
    #[test]
    fn the_same_facts_in_any_order_give_the_same_plan(
        (listed, shuffled) in any_sessions().prop_flat_map(|l| (Just(l.clone()), Just(l).prop_shuffle())),
        pipeline in any_pipeline(),
    ) {
        let one = plan(&pipeline, &facts_of(&listed, None)).unwrap();
        let other = plan(&pipeline, &facts_of(&shuffled, None)).unwrap();
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        prop_assert_eq!(one, other);
    }

    #[test]
    fn every_session_is_in_exactly_one_batch_or_left_out_with_a_reason(
        listed in any_sessions(),
        pipeline in any_pipeline(),
    ) {
        let plan = plan(&pipeline, &facts_of(&listed, None)).unwrap();
        let mut seen: BTreeMap<&SessionId, u32> = BTreeMap::new();
        let left_out = plan.report.left_out.iter().map(|left| &left.session);
        for id in chosen(&plan).into_iter().chain(left_out) {
            *seen.entry(id).or_default() += 1;
        }
        prop_assert!(seen.values().all(|&times| times == 1), "{seen:?}");
        if plan.not_due.is_none() {
            let all: BTreeSet<&SessionId> = listed.iter().map(|l| &l.session.id).collect();
            prop_assert_eq!(seen.into_keys().collect::<BTreeSet<_>>(), all);
            let taken = u32::try_from(chosen(&plan).len()).unwrap();
            prop_assert!(pipeline.sessions.take.is_none_or(|take| taken <= take));
            prop_assert!(taken <= plan.report.waiting);
        } else {
            prop_assert_eq!(plan.report.waiting, 0);
        }
    }

    #[test]
    fn no_batch_exceeds_its_size_and_without_a_chain_there_is_one(
        listed in any_sessions(),
        pipeline in any_pipeline(),
    ) {
        let plan = plan(&pipeline, &facts_of(&listed, None)).unwrap();
        for batch in &plan.batches {
            prop_assert!((1..=pipeline.batch.size as usize).contains(&batch.sessions.len()));
        }
        prop_assert!(pipeline.batch.chain || plan.batches.len() <= 1);
        let began = |id: &SessionId| {
            let found = listed.iter().find(|l| l.session.id == *id).unwrap();
            (found.session.created_at, id.clone())
        };
        prop_assert!(chosen(&plan).is_sorted_by_key(|id| began(id)));
    }

    /// Sessions come and end between the runs. None is read twice, none counts as read that was not, and
    /// in the end each one that can be read has been.
    #[test]
    fn a_row_of_runs_reads_every_session_once(
        listed in any_sessions(),
        later in any_sessions(),
        ends in prop::collection::vec(any::<bool>(), 14),
        pipeline in any_pipeline(),
    ) {
        let mut series = Series::new(pipeline, listed);
        series.run()?;
        for (listed, ends) in series.listed.iter_mut().zip(ends) {
            if ends {
                listed.session.status = SessionStatus::Idle;
            }
        }
        series.run()?;
        for mut new in later {
            new.session.id = SessionId::parse(format!("{}-later", new.session.id)).unwrap();
            new.session.created_at += SignedDuration::from_mins(10);
            series.listed.push(new);
        }
        series.run()?;
        series.rest()?;
        let readable = series.listed.iter().map(|l| &l.session).filter(|s| !s.is_archived && !s.is_dream_worker);
        let readable: BTreeSet<SessionId> = readable.map(|session| session.id.clone()).collect();
        prop_assert_eq!(&series.read, &readable);
        prop_assert!(series.listed.iter().all(|l| l.session.created_at < noon()));
    }

    #[test]
    fn a_source_settled_long_ago_remembers_no_names(
        mut listed in any_sessions(), pipeline in any_pipeline(),
    ) {
        let long = SignedDuration::from_hours(60 * 24);
        listed.iter_mut().for_each(|listed| listed.session.created_at -= long);
        let mut series = Series::new(pipeline, listed);
        series.run()?;
        series.rest()?;
        for (source, watermark) in &series.record.watermarks {
            prop_assert!(watermark.beyond.is_empty(), "{source:?}: {watermark:?}");
        }
    }
}
