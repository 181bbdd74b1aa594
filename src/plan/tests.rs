//! The planner's answers, one by one; its laws are in [`super::laws`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{MemoryStoreId, PipelineName, SessionId};
use crate::price::Usd;
use crate::session::{Session, SessionStatus};
use crate::spec::pipeline::{Order, Pipeline, SessionSource, Since, Template};
use crate::state::alias::{AliasRecord, Hold, Mark, SourceKey, Watermark};

use super::facts::{Facts, LastRun, SourceFacts, source_key};
use super::report::{LeftOutReason, NotDue};
use super::testing::{facts, files, noon, pipeline, session, sessions};
use super::{Plan, PlanError, plan, rendered_again};

fn alias() -> AliasRecord {
    AliasRecord::bootstrapped(MemoryStoreId::parse("memstore_live").unwrap())
}

/// Returns the numbers of the sessions in each batch.
fn batches(plan: &Plan) -> Vec<Vec<u32>> {
    plan.batches.iter().map(|batch| batch.sessions.iter().map(number).collect()).collect()
}

fn number(id: &SessionId) -> u32 {
    id.as_str()[2..].parse().unwrap()
}

fn left_out(plan: &Plan) -> Vec<(u32, LeftOutReason)> {
    plan.report.left_out.iter().map(|left| (number(&left.session), left.reason.clone())).collect()
}

fn sizes(pipeline: &Pipeline, count: u32) -> Vec<usize> {
    let plan = plan(pipeline, &facts(sessions(count))).unwrap();
    assert_eq!(plan.batches.iter().map(|batch| batch.index).collect::<Vec<_>>(), {
        (1..=u32::try_from(plan.batches.len()).unwrap()).collect::<Vec<_>>()
    });
    plan.batches.iter().map(|batch| batch.sessions.len()).collect()
}

#[test]
fn sessions_fill_as_few_dreams_as_can_hold_them() {
    let pipeline = pipeline();
    assert_eq!(sizes(&pipeline, 1), [1]);
    assert_eq!(sizes(&pipeline, 100), [100]);
    assert_eq!(sizes(&pipeline, 101), [100, 1]);
    assert_eq!(sizes(&pipeline, 250), [100, 100, 50]);
}

#[test]
fn without_a_chain_what_one_dream_cannot_hold_waits() {
    let mut pipeline = pipeline();
    pipeline.batch.chain = false;
    pipeline.batch.size = 2;
    let first = plan(&pipeline, &facts(sessions(4))).unwrap();
    assert_eq!(batches(&first), [[0, 1]]);
    let rest = LeftOutReason::BeyondBatch { size: 2 };
    assert_eq!(left_out(&first), [(2, rest.clone()), (3, rest)]);

    let mut later = facts(sessions(4));
    later.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
    assert_eq!(batches(&plan(&pipeline, &later).unwrap()), [[2, 3]]);
}

#[test]
fn sessions_are_dealt_out_in_the_order_they_began_whichever_end_is_taken() {
    let mut pipeline = pipeline();
    pipeline.batch.size = 2;
    pipeline.sessions.take = Some(3);
    let facts = facts(sessions(5));
    let beyond = LeftOutReason::BeyondTake { take: 3 };
    let oldest = plan(&pipeline, &facts).unwrap();
    assert_eq!(batches(&oldest), [vec![0, 1], vec![2]]);
    assert_eq!(left_out(&oldest), [(3, beyond.clone()), (4, beyond.clone())]);
    pipeline.sessions.order = Order::Newest;
    let newest = plan(&pipeline, &facts).unwrap();
    assert_eq!(batches(&newest), [vec![2, 3], vec![4]]);
    assert_eq!(left_out(&newest), [(0, beyond.clone()), (1, beyond)]);
}

#[test]
fn each_session_that_stays_out_has_its_reason() {
    let mut given = sessions(8);
    given[0].is_dream_worker = true;
    given[1].is_archived = true;
    given[2].status = SessionStatus::Running;
    given[3].status = SessionStatus::Rescheduling;
    given[4].size.events = 0;
    given[6].status = SessionStatus::Terminated;
    let plan = plan(&pipeline(), &facts(given)).unwrap();
    assert_eq!(batches(&plan), [[5, 6, 7]]);
    assert_eq!(
        left_out(&plan),
        [
            (2, LeftOutReason::Running),
            (3, LeftOutReason::Running),
            (0, LeftOutReason::DreamWorker),
            (1, LeftOutReason::Archived),
            (4, LeftOutReason::Empty),
        ]
    );
    assert_eq!(plan.report.waiting, 3);
}

#[test]
fn since_an_instant_or_a_while_leaves_out_what_began_before() {
    let mut pipeline = pipeline();
    let instant = session(2).created_at;
    for since in [Since::Instant(instant), Since::Within(noon().duration_since(instant))] {
        pipeline.sessions.since = since;
        let plan = plan(&pipeline, &facts(sessions(4))).unwrap();
        assert_eq!(batches(&plan), [[2, 3]]);
        let before = LeftOutReason::BeforeSince { since: instant };
        assert_eq!(left_out(&plan), [(0, before.clone()), (1, before)]);
    }
}

#[test]
fn since_the_beginning_reads_again_what_was_read() {
    let mut pipeline = pipeline();
    pipeline.sessions.since = Since::Beginning;
    let first = plan(&pipeline, &facts(sessions(2))).unwrap();
    let mut again = facts(sessions(2));
    again.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
    assert_eq!(batches(&plan(&pipeline, &again).unwrap()), [[0, 1]]);
    pipeline.sessions.since = Since::LastAdopted;
    let nothing = plan(&pipeline, &again).unwrap();
    assert_eq!(left_out(&nothing), [(0, LeftOutReason::AlreadyRead), (1, LeftOutReason::AlreadyRead)]);
    assert_eq!(nothing.not_due, Some(NotDue::TooFew { waiting: 0, min: 1 }));
}

#[test]
fn fewer_sessions_than_min_are_nothing_due() {
    let mut pipeline = pipeline();
    pipeline.sessions.min = 3;
    pipeline.sessions.take = Some(1);
    let too_few = plan(&pipeline, &facts(sessions(2))).unwrap();
    assert_eq!(too_few.not_due, Some(NotDue::TooFew { waiting: 2, min: 3 }));
    assert!(too_few.batches.is_empty());
    // What waits counts, not what one run takes.
    let enough = plan(&pipeline, &facts(sessions(3))).unwrap();
    assert_eq!((enough.not_due, enough.batches.len()), (None, 1));
    let nothing = plan(&pipeline, &facts(Vec::new())).unwrap();
    assert_eq!(nothing.not_due.unwrap().to_string(), "no new session waits");
}

#[test]
fn min_interval_counts_from_this_pipelines_own_last_end() {
    let mut pipeline = pipeline();
    pipeline.min_interval = Some(SignedDuration::from_hours(20));
    let mut facts = facts(sessions(1));
    let mut record = alias();
    record.last_finished.insert(PipelineName::parse("weekly").unwrap(), noon());
    facts.alias = Some(record.clone());
    assert_eq!(plan(&pipeline, &facts).unwrap().not_due, None);

    let ended = noon() - SignedDuration::from_hours(20);
    record.last_finished.insert(pipeline.name.clone(), ended + SignedDuration::from_secs(1));
    facts.alias = Some(record.clone());
    let next = noon() + SignedDuration::from_secs(1);
    assert_eq!(plan(&pipeline, &facts).unwrap().not_due, Some(NotDue::TooSoon { next }));
    record.last_finished.insert(pipeline.name.clone(), ended);
    facts.alias = Some(record);
    assert_eq!(plan(&pipeline, &facts).unwrap().not_due, None);
}

#[test]
fn a_hold_comes_before_every_other_reason() {
    let hold = Hold::new(noon(), "ada", "bad merge");
    let mut facts = facts(Vec::new());
    facts.alias = Some(AliasRecord { hold: Some(hold.clone()), ..alias() });
    let plan = plan(&pipeline(), &facts).unwrap();
    assert_eq!(plan.not_due, Some(NotDue::OnHold(hold)));
    assert!(plan.batches.is_empty());
}

#[test]
fn a_budget_needs_a_price() {
    let mut pipeline = pipeline();
    pipeline.model = "unheard-of".to_owned();
    let facts = facts(sessions(2));
    let unpriced = plan(&pipeline, &facts).unwrap();
    assert_eq!((unpriced.estimate, unpriced.batches[0].estimate), (None, None));
    pipeline.budget = Some(Usd::from_micros(1));
    let error = plan(&pipeline, &facts).unwrap_err();
    assert!(matches!(&error, PlanError::UnknownPrice { model } if model == "unheard-of"), "{error}");
    pipeline.model = "claude-sonnet-4-6".to_owned();
    let priced = plan(&pipeline, &facts).unwrap();
    assert_eq!(priced.estimate, priced.batches[0].estimate);
    assert!(priced.estimate.unwrap().low > Usd::default());
}

#[test]
fn every_dream_pays_for_the_store_and_for_its_own_sessions() {
    let mut pipeline = pipeline();
    pipeline.batch.size = 2;
    let plan = plan(&pipeline, &facts(sessions(3))).unwrap();
    // 310 bytes of prose are 100 tokens.
    assert_eq!(plan.batches.iter().map(|batch| batch.tokens).collect::<Vec<_>>(), [300, 200]);
}

#[test]
fn instructions_are_rendered_for_each_batch() {
    let mut pipeline = pipeline();
    pipeline.batch.size = 2;
    let source = "{{ run.id }} on {{ run.date }}: {{ batch.index }}/{{ batch.count }} \
                  {{ batch.first }} {{ batch.last }} {{ batch.sessions | join(',') }}, \
                  {{ input.entries }} entries, {{ vars.keep_days }} days";
    pipeline.instructions = Some(Template::new(source));
    let plan = plan(&pipeline, &facts(sessions(3))).unwrap();
    let texts: Vec<_> = plan.batches.iter().map(|b| b.instructions.as_ref()?.text()).collect();
    assert_eq!(
        texts,
        [
            Some("nightly-1 on 2026-06-01: 1/2 True False s-000,s-001, 3 entries, 30 days"),
            Some("nightly-1 on 2026-06-01: 2/2 False True s-002, 3 entries, 30 days"),
        ]
    );
    pipeline.instructions = Some(Template::new("{{ vars.keep_day }}"));
    let error = super::plan(&pipeline, &facts(sessions(3))).unwrap_err();
    assert!(matches!(error, PlanError::Instructions { batch: 1, .. }), "{error}");
}

#[test]
fn a_written_plan_holds_no_instruction_text_and_reads_back_as_the_same_plan() {
    let mut pipeline = pipeline();
    pipeline.batch.size = 2;
    pipeline.instructions = Some(Template::new("Keep the zebra {{ batch.index }}"));
    let plan = plan(&pipeline, &facts(sessions(3))).unwrap();
    let written = serde_json::to_string(&plan).unwrap();
    assert!(!written.contains("zebra"), "{written}");
    let read: Plan = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), written);
    let instructions = read.batches[1].instructions.as_ref().unwrap();
    assert_eq!((instructions.text(), instructions.chars), (None, 16));

    let again = rendered_again(&pipeline, &read);
    assert_eq!(again, plan.batches.iter().map(|b| b.instructions.clone()).collect::<Vec<_>>());
    assert_eq!(again[1].as_ref().unwrap().sha256, instructions.sha256);
    pipeline.instructions = Some(Template::new("Keep the horse {{ batch.index }}"));
    assert_ne!(rendered_again(&pipeline, &read)[1].as_ref().unwrap().sha256, instructions.sha256);
}

/// Facts of two sources; the second one's session is older than all that was read of the first.
fn two_sources() -> (Pipeline, Facts) {
    let mut pipeline = pipeline();
    pipeline.sessions.sources = vec![files("a/*"), files("b/*")];
    let mut facts = facts(Vec::new());
    let source = |sessions| SourceFacts { sessions, ..SourceFacts::default() };
    facts.sources = [
        (source_key(&files("a/*")), source(vec![session(5)])),
        (source_key(&files("b/*")), source(vec![session(1)])),
    ]
    .into_iter()
    .collect();
    (pipeline, facts)
}

#[test]
fn one_sources_watermark_says_nothing_of_another_sources_sessions() {
    let (pipeline, mut facts) = two_sources();
    let b = facts.sources.get_mut(&source_key(&files("b/*"))).unwrap();
    b.sessions[0].status = SessionStatus::Running;
    let first = plan(&pipeline, &facts).unwrap();
    assert_eq!(batches(&first), [[5]]);

    let b = facts.sources.get_mut(&source_key(&files("b/*"))).unwrap();
    b.sessions[0].status = SessionStatus::Idle;
    facts.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
    assert_eq!(batches(&plan(&pipeline, &facts).unwrap()), [[1]]);
}

#[test]
fn a_bound_on_age_does_not_pay_for_a_session_again() {
    let mut pipeline = pipeline();
    let mut facts = facts(sessions(3));
    for since in [Since::Instant(session(1).created_at), Since::Within(SignedDuration::from_hours(48))] {
        pipeline.sessions.since = since.clone();
        facts.alias = None;
        let first = plan(&pipeline, &facts).unwrap();
        assert!(!first.batches.is_empty(), "{since:?}");
        facts.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
        assert!(plan(&pipeline, &facts).unwrap().batches.is_empty(), "{since:?}");
    }
    pipeline.sessions.since = Since::Beginning;
    assert_eq!(batches(&plan(&pipeline, &facts).unwrap()), [[0, 1, 2]]);
}

#[test]
fn a_transcript_that_turns_up_late_is_read_for_thirty_days() {
    let read = |n: u32, now| {
        let mut facts = facts(vec![session(n)]);
        facts.now = now;
        facts
    };
    let soon = noon();
    let first = plan(&pipeline(), &read(5, soon)).unwrap();
    let late = |now| {
        let mut facts = facts(sessions(6));
        facts.now = now;
        facts.alias = Some(AliasRecord { watermarks: first.watermarks.clone(), ..alias() });
        plan(&pipeline(), &facts).unwrap()
    };
    assert_eq!(batches(&late(soon)), [[0, 1, 2, 3, 4]]);

    // Read again when that is long past, the same sessions are settled by their time alone.
    let much_later = soon + SignedDuration::from_hours(40 * 24);
    let settled = plan(&pipeline(), &read(5, much_later)).unwrap();
    let mut facts = facts(sessions(6));
    facts.alias = Some(AliasRecord { watermarks: settled.watermarks.clone(), ..alias() });
    assert_eq!(batches(&plan(&pipeline(), &facts).unwrap()), Vec::<Vec<u32>>::new());
    assert!(settled.watermarks.values().all(|watermark| watermark.beyond.is_empty()));
}

/// Plans, with the sessions as they are, after earlier runs left their watermarks.
fn plan_after(watermarks: &BTreeMap<SourceKey, Watermark>, sessions: Vec<Session>, now: Timestamp) -> Plan {
    let mut facts = facts(sessions);
    facts.now = now;
    facts.alias = Some(AliasRecord { watermarks: watermarks.clone(), ..alias() });
    plan(&pipeline(), &facts).unwrap()
}

fn grown(n: u32, events: u64) -> Session {
    let mut session = session(n);
    session.size.events = events;
    session
}

#[test]
fn a_session_that_went_on_since_it_was_read_is_read_again() {
    let first = plan(&pipeline(), &facts(sessions(2))).unwrap();
    let again = plan_after(&first.watermarks, vec![session(0), grown(1, 9)], noon());
    assert_eq!(batches(&again), [[1]]);
    assert_eq!(again.report.went_on, [session(1).id]);
    assert_eq!(left_out(&again), [(0, LeftOutReason::AlreadyRead)]);
    // While it grows it waits, and what was read of it is not forgotten.
    let mut running = grown(1, 9);
    running.status = SessionStatus::Running;
    let waiting = plan_after(&first.watermarks, vec![session(2), running], noon());
    assert_eq!(batches(&waiting), [[2]]);
    assert_eq!(left_out(&waiting), [(1, LeftOutReason::Running)]);
    let rested = plan_after(&waiting.watermarks, vec![session(2), grown(1, 9)], noon());
    assert_eq!(batches(&rested), [[1]]);
    let settled = plan_after(&rested.watermarks, vec![session(2), grown(1, 9)], noon());
    assert_eq!(batches(&settled), Vec::<Vec<u32>>::new());
    assert_eq!(settled.report.went_on, []);
}

#[test]
fn what_the_last_run_read_is_told_from_what_may_have_been_passed_over() {
    let later = noon() + SignedDuration::from_hours(40 * 24);
    let first = plan_after(&BTreeMap::new(), vec![session(0), session(2)], later);
    let mut facts = facts(sessions(3));
    facts.now = later;
    facts.alias = Some(AliasRecord { watermarks: first.watermarks.clone(), ..alias() });
    facts.last_run = Some(LastRun {
        run: first.run.clone(),
        fingerprint: first.fingerprint.clone(),
        sessions: [session(0).id, session(2).id].into(),
    });
    let again = plan(&pipeline(), &facts).unwrap();
    let through = session(2).created_at;
    let read = LeftOutReason::ReadLast { run: first.run, through };
    assert_eq!(
        read.to_string(),
        "read by nightly-1; began no later than 2026-05-31T12:02:00Z, so never read again"
    );
    let late = LeftOutReason::PassedOver { through };
    assert_eq!(left_out(&again), [(0, read.clone()), (2, read), (1, late)]);
}

#[test]
fn a_glob_that_no_file_matches_is_why_nothing_is_due() {
    let mut facts = facts(Vec::new());
    let not_due = |facts: &Facts| plan(&pipeline(), facts).unwrap().not_due.map(|reason| reason.to_string());
    facts.sources.values_mut().for_each(|source| source.unmatched = vec!["sesions/*.jsonl".to_owned()]);
    assert_eq!(not_due(&facts).as_deref(), Some("no file matches `sesions/*.jsonl`"));
    facts.sources.values_mut().for_each(|source| {
        let archived = Session { is_archived: true, ..session(0) };
        source.sessions.push(archived);
    });
    assert_eq!(
        not_due(&facts).as_deref(),
        Some("no new session waits, and no file matches `sesions/*.jsonl`")
    );
    facts.sources.values_mut().for_each(|source| source.sessions.push(session(1)));
    let due = plan(&pipeline(), &facts).unwrap();
    assert_eq!((due.not_due, due.report.unmatched), (None, vec!["sesions/*.jsonl".to_owned()]));
}

#[test]
fn a_session_that_went_on_long_after_is_passed_over_and_not_called_read() {
    let later = noon() + SignedDuration::from_hours(40 * 24);
    let first = plan_after(&BTreeMap::new(), sessions(2), later);
    let again = plan_after(&first.watermarks, vec![session(0), grown(1, 9)], later);
    assert_eq!(batches(&again), Vec::<Vec<u32>>::new());
    let passed_over = LeftOutReason::PassedOver { through: session(1).created_at };
    assert_eq!(
        passed_over.to_string(),
        "began no later than 2026-05-31T12:01:00Z, read or passed over by earlier runs"
    );
    assert_eq!(left_out(&again), [(0, passed_over.clone()), (1, passed_over)]);
}

#[test]
fn a_session_that_went_on_is_remembered_until_it_is_read_however_long_that_takes() {
    let first = plan(&pipeline(), &facts(sessions(2))).unwrap();
    let later = noon() + SignedDuration::from_hours(40 * 24);
    let mut running = grown(0, 9);
    running.status = SessionStatus::Running;
    let waiting = plan_after(&first.watermarks, vec![running, session(1), session(2)], later);
    assert_eq!(batches(&waiting), [[2]]);
    let rested = plan_after(&waiting.watermarks, vec![grown(0, 9), session(1), session(2)], later);
    assert_eq!(batches(&rested), [[0]]);
}

#[test]
fn an_old_empty_session_does_not_keep_the_later_ones_in_memory() {
    let later = noon() + SignedDuration::from_hours(40 * 24);
    let first = plan_after(&BTreeMap::new(), vec![grown(0, 0), session(1), session(2)], later);
    assert_eq!(batches(&first), [[1, 2]]);
    let watermark = first.watermarks.values().next().unwrap();
    let through = watermark.through.as_ref().map(|through| &through.session);
    assert_eq!((through, watermark.beyond.len()), (Some(&session(2).id), 0));
    // One that may still be written stays.
    let mut running = grown(0, 0);
    running.status = SessionStatus::Running;
    let first = plan_after(&BTreeMap::new(), vec![running, session(1)], later);
    assert_eq!(batches(&plan_after(&first.watermarks, vec![grown(0, 4), session(1)], later)), [[0]]);
}

#[test]
fn what_was_read_is_remembered_after_its_source_lists_it_no_more() {
    let first = plan(&pipeline(), &facts(sessions(3))).unwrap();
    let mut facts = facts(vec![session(7)]);
    facts.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
    let second = plan(&pipeline(), &facts).unwrap();
    facts.alias = Some(AliasRecord { watermarks: second.watermarks, ..alias() });
    facts.sources.values_mut().for_each(|source| source.sessions = [1, 2, 7, 8].map(session).to_vec());
    assert_eq!(batches(&plan(&pipeline(), &facts).unwrap()), [[8]]);
}

#[test]
fn a_source_whose_definition_changed_starts_afresh() {
    let mut facts = facts(sessions(2));
    let read = Watermark {
        through: Some(Mark { created_at: Timestamp::MAX, session: SessionId::parse("z").unwrap() }),
        ..Watermark::default()
    };
    let mut record = alias();
    record.watermarks.insert(source_key(&files("elsewhere/*")), read);
    facts.alias = Some(record);
    assert_eq!(batches(&plan(&pipeline(), &facts).unwrap()), [[0, 1]]);
}

#[test]
fn a_session_named_later_is_read_however_old_it_is() {
    let mut pipeline = pipeline();
    let named = |ids: &[u32]| SessionSource::Ids(ids.iter().map(|n| session(*n).id).collect());
    let facts_of = |source: &SessionSource, ids: &[u32]| {
        let mut facts = facts(Vec::new());
        let sessions = ids.iter().map(|n| session(*n)).collect();
        facts.sources = [(source_key(source), SourceFacts { sessions, ..SourceFacts::default() })].into();
        facts
    };
    let source = named(&[7]);
    pipeline.sessions.sources = vec![source.clone()];
    let first = plan(&pipeline, &facts_of(&source, &[7])).unwrap();
    assert_eq!(batches(&first), [[7]]);

    let source = named(&[3, 7]);
    pipeline.sessions.sources = vec![source.clone()];
    let mut facts = facts_of(&source, &[3, 7]);
    facts.alias = Some(AliasRecord { watermarks: first.watermarks, ..alias() });
    let second = plan(&pipeline, &facts).unwrap();
    assert_eq!(batches(&second), [[3]]);
    assert_eq!(left_out(&second), [(7, LeftOutReason::AlreadyRead)]);
}

#[test]
fn what_changed_since_the_last_run_is_told_and_nothing_acts_on_it() {
    let mut pipeline = pipeline();
    let mut facts = facts(sessions(1));
    let first = plan(&pipeline, &facts).unwrap();
    facts.last_run = Some(LastRun {
        run: first.run.clone(),
        fingerprint: first.fingerprint.clone(),
        sessions: BTreeSet::new(),
    });
    assert_eq!(plan(&pipeline, &facts).unwrap().report.changed, Vec::<String>::new());
    pipeline.sessions.take = Some(9);
    let second = plan(&pipeline, &facts).unwrap();
    assert_eq!(second.report.changed, ["input.sessions.take: null → 9"]);
    facts.last_run = None;
    let unknowing = plan(&pipeline, &facts).unwrap();
    assert_eq!(
        Plan { report: Default::default(), ..second },
        Plan { report: Default::default(), ..unknowing }
    );
}
