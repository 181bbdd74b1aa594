//! `pipelines/*.test.yaml`: paths, times, and expectations that the pipeline can meet at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::dream::EventRef;
use crate::ids::{RunId, SessionId};
use crate::ledger::testimony::{Saying, Speaker, Testimony};
use crate::ledger::window::RunLosses;
use crate::memory::{Memory, MemoryPath};
use crate::price::Usd;
use crate::session::{Session, SessionSize, SessionStatus};
use crate::snapshot::Snapshot;
use crate::spec::authored::{
    AuthoredCase, AuthoredExpect, AuthoredFates, AuthoredLosses, AuthoredPlanCase, AuthoredPlanExpect,
    AuthoredRendered, AuthoredSaying, AuthoredSessionList, AuthoredStoreText, AuthoredTests, AuthoredWaiting,
};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::fixture::{
    After, Case, Expect, OutcomeWord, PlanCase, PlanExpect, Rendered, Spot, StoreText, Tests,
};
use crate::spec::path;
use crate::spec::pipeline::{GateSpec, Pipeline};
use crate::spec::problem::Place;
use crate::spec::quantity;
use crate::spec::route::{ROOT, Route};
use crate::spec::schema::{Document, Shape};
use crate::spec::suggest::{nearest, one_of};

/// The time of a case that names none: the first midnight of 2026, in UTC.
const DEFAULT_NOW: i64 = 1_767_225_600;
/// What a session holds that says nothing of itself.
const DEFAULT_TOKENS: u64 = 1_000;

/// Checks a fixture file against its pipeline.
pub(in crate::spec) fn tests(
    authored: AuthoredTests,
    pipeline: &Pipeline,
    checker: &mut Checker<'_>,
) -> Tests {
    let (cases_route, plans_route) = (ROOT.key("cases"), ROOT.key("plans"));
    if !checker.has(&cases_route) && !checker.has(&plans_route) {
        let problem = checker.at(Code::MissingKey, &ROOT, "there is neither `cases` nor `plans`");
        checker.tell(problem.help("add cases that the gates judge, or plans"));
    }
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for (i, typed) in authored.cases.unwrap_or_default().into_iter().enumerate() {
        let route = cases_route.index(i);
        unique(typed.name.as_deref(), &mut names, &route, checker);
        cases.extend(case(typed, pipeline, &route, checker));
    }
    let mut plans = Vec::new();
    for (i, typed) in authored.plans.unwrap_or_default().into_iter().enumerate() {
        let route = plans_route.index(i);
        unique(typed.name.as_deref(), &mut names, &route, checker);
        plans.extend(plan_case(typed, &route, checker));
    }
    Tests { file: checker.file().path().to_owned(), cases, plans }
}

fn unique(name: Option<&str>, names: &mut BTreeSet<String>, route: &Route<'_>, checker: &mut Checker<'_>) {
    let Some(name) = name else { return };
    if !names.insert(name.to_owned()) {
        let problem = checker.at(Code::TestCase, &route.key("name"), "another case has this name");
        checker.tell(problem.help("give each case a name of its own"));
    }
}

fn place(route: &Route<'_>, checker: &Checker<'_>) -> Place {
    let name = route.key("name");
    checker.file().place(checker.find(&name.steps()).value_span())
}

fn case(
    typed: AuthoredCase,
    pipeline: &Pipeline,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<Case> {
    let now = moment(typed.now.as_deref(), &route.key("now"), checker).unwrap_or_else(default_now);
    let before = typed.before.and_then(|store| store_text(store, &route.key("before"), checker));
    let is_edited = typed.write.is_some() || typed.remove.is_some();
    let after = match (typed.after, is_edited) {
        (Some(store), false) => store_text(store, &route.key("after"), checker).map(After::Whole),
        (None, true) => {
            let write = memories(typed.write.unwrap_or_default(), &route.key("write"), checker);
            let remove = globs(typed.remove.unwrap_or_default(), &route.key("remove"), checker);
            Some(After::Edited { write, remove })
        }
        (Some(_), true) => {
            let label = "`write` and `remove` change the live store, and `after` takes its place";
            let problem = checker.at_key(Code::TestCase, &route.key("after"), label);
            checker.tell(problem.help("keep either `after`, or `write` and `remove`"));
            None
        }
        (None, false) => {
            if !checker.has(&route.key("after")) {
                let label = "nothing says what the candidate holds";
                let problem = checker.at(Code::MissingKey, &route.key("name"), label);
                checker.tell(problem.help("add `after`, or `write` and `remove`"));
            }
            None
        }
    };
    let sayings = typed.sayings.unwrap_or_default();
    let testimony = testimony(sayings, &route.key("sayings"), checker);
    let losses = losses(typed.losses.unwrap_or_default(), pipeline, now, &route.key("losses"), checker);
    let spent = typed
        .spent_usd
        .and_then(|amount| checker.take(Code::Amount, &route.key("spent_usd"), quantity::dollars(amount)));
    let expect = expect(typed.expect.unwrap_or_default(), pipeline, &route.key("expect"), checker);
    let place = place(route, checker);
    Some(Case {
        name: typed.name?,
        place,
        before: before?,
        after: after?,
        testimony,
        losses,
        spent: spent.unwrap_or(Usd::ZERO),
        now,
        expect,
    })
}

fn default_now() -> Timestamp {
    Timestamp::from_second(DEFAULT_NOW).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn moment(text: Option<&str>, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<Timestamp> {
    checker.take(Code::OutOfRange, route, quantity::instant(text?))
}

fn store_text(store: AuthoredStoreText, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<StoreText> {
    match store {
        AuthoredStoreText::Folder(folder) => {
            let path = checker.take_refused(route, path::inside(&folder))?;
            let place = checker.file().place(checker.find(&route.steps()).value_span());
            Some(StoreText::Folder { path, place })
        }
        AuthoredStoreText::Memories(texts) => Some(StoreText::Memories(memories(texts, route, checker))),
    }
}

fn memories(texts: BTreeMap<String, String>, route: &Route<'_>, checker: &mut Checker<'_>) -> Snapshot {
    let mut store = Snapshot::default();
    for (path, text) in texts {
        match MemoryPath::parse(&path) {
            Ok(path) => {
                store.insert(Memory::new(path, text));
            }
            Err(error) => {
                let problem = checker.at_key(Code::InvalidPath, &route.key(&path), error.to_string());
                checker.tell(problem);
            }
        }
    }
    store
}

fn globs(typed: Vec<String>, route: &Route<'_>, checker: &mut Checker<'_>) -> Vec<String> {
    let mut globs = Vec::new();
    for (i, glob) in typed.into_iter().enumerate() {
        if checker.take_refused(&route.index(i), path::memory_glob(&glob)).is_some() {
            globs.push(glob);
        }
    }
    globs
}

/// Makes sayings of one session, in the order they stand.
fn testimony(typed: Vec<AuthoredSaying>, route: &Route<'_>, checker: &mut Checker<'_>) -> Testimony {
    let mut sayings = Vec::new();
    for (i, said) in typed.into_iter().enumerate() {
        let item = route.index(i);
        let at = moment(said.at.as_deref(), &item.key("at"), checker);
        let texts = [(Speaker::User, said.user), (Speaker::Agent, said.agent), (Speaker::Tool, said.tool)];
        let mut given = texts.into_iter().filter_map(|(speaker, text)| Some((speaker, text?)));
        let (Some((speaker, text)), None) = (given.next(), given.next()) else {
            let problem = checker.at(Code::TestCase, &item, "this is not said by exactly one");
            checker.tell(problem.help("write one of `user`, `agent` and `tool`"));
            continue;
        };
        if let Ok(session) = SessionId::parse("said") {
            let event = EventRef { session, event: i as u64 + 1 };
            sayings.push(Saying { event, speaker, at, text: Arc::from(text) });
        }
    }
    Testimony { sayings, unread: 0 }
}

fn losses(
    typed: Vec<AuthoredLosses>,
    pipeline: &Pipeline,
    now: Timestamp,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Vec<RunLosses> {
    let mut losses = Vec::new();
    for ((i, typed), number) in typed.into_iter().enumerate().zip(1_u32..) {
        let ago = typed.ago.and_then(|text| {
            let item = route.index(i);
            checker.take(Code::Duration, &item.key("ago"), quantity::duration(&text))
        });
        let (Some(ago), Some(lost), Some(of)) = (ago, typed.lost, typed.of) else { continue };
        let at = now.checked_sub(ago).unwrap_or(Timestamp::MIN);
        let run = RunId::new(pipeline.name.clone(), number);
        losses.push(RunLosses { run, at, lost, of, onto: None, is_undone: false });
    }
    losses.sort_by_key(|run| run.at);
    losses
}

fn expect(
    typed: AuthoredExpect,
    pipeline: &Pipeline,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Expect {
    let gates = typed.gates.unwrap_or_default();
    let parent = route.key("gates");
    let gates: BTreeMap<String, OutcomeWord> = gates
        .into_iter()
        .filter(|(name, _)| is_in_force(name, pipeline, &parent.key(name), checker))
        .collect();
    let parent = route.key("findings");
    let mut findings = BTreeMap::new();
    for (name, typed) in typed.findings.unwrap_or_default() {
        let route = parent.key(&name);
        if is_in_force(&name, pipeline, &route, checker) {
            let spots: Vec<Spot> = typed
                .iter()
                .enumerate()
                .filter_map(|(i, text)| spot(text, &route.index(i), checker))
                .collect();
            findings.insert(name, spots);
        }
    }
    let fates = fates(&typed.fates.unwrap_or_default());
    let keys = ["decision", "gates", "fates", "findings"];
    if checker.has(route) && !keys.iter().any(|key| checker.has(&route.key(key))) {
        let problem = checker.at_key(Code::TestCase, route, "nothing is expected, so nothing is tested");
        checker.tell(problem.help("name a `decision`, `gates`, `fates` or `findings`"));
    }
    Expect { decision: typed.decision, gates, fates, findings }
}

/// Says whether a gate answers for this pipeline, and tells it if not.
fn is_in_force(name: &str, pipeline: &Pipeline, route: &Route<'_>, checker: &mut Checker<'_>) -> bool {
    let in_force: Vec<&str> = pipeline.gates.iter().map(GateSpec::name).collect();
    if in_force.contains(&name) {
        return true;
    }
    let known: Vec<&str> =
        Shape::of(Document::Pipeline).key("gates").map(|gates| gates.keys().collect()).unwrap_or_default();
    let problem = if known.contains(&name) {
        let label = format!("`{}` has no gate `{name}`, so it never answers", pipeline.name);
        checker.at_key(Code::TestCase, route, label).help("set it in the pipeline, or expect nothing of it")
    } else {
        let problem = checker.at_key(Code::UnknownGate, route, "no gate has this name");
        match nearest(name, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("known here: {}", one_of(in_force).replace(" or ", ", "))),
        }
    };
    checker.tell(problem);
    false
}

fn spot(text: &str, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<Spot> {
    let (path, line) = match text.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|b| b.is_ascii_digit()) => (path, line.parse().ok()),
        _ => (text, None),
    };
    match MemoryPath::parse(path) {
        Ok(path) => Some(Spot { path, line }),
        Err(error) => {
            let problem = checker.at(Code::InvalidPath, route, error.to_string());
            checker.tell(problem.help("write `/path` or `/path:line`"));
            None
        }
    }
}

fn fates(typed: &AuthoredFates) -> Vec<(&'static str, u64)> {
    [
        ("kept", typed.kept),
        ("moved", typed.moved),
        ("reworded", typed.reworded),
        ("merged", typed.merged),
        ("superseded", typed.superseded),
        ("dropped", typed.dropped),
        ("lost", typed.lost),
        ("new", typed.new),
    ]
    .into_iter()
    .filter_map(|(name, count)| Some((name, count?)))
    .collect()
}

fn plan_case(typed: AuthoredPlanCase, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<PlanCase> {
    let now = moment(typed.now.as_deref(), &route.key("now"), checker).unwrap_or_else(default_now);
    let sessions = match typed.sessions {
        Some(AuthoredSessionList::Count(count)) => Some(waiting(count, now)),
        Some(AuthoredSessionList::Each(each)) => Some(listed(each, &route.key("sessions"), checker)),
        None => None,
    };
    let last_finished = moment(typed.last_run.as_deref(), &route.key("last_run"), checker);
    let live = typed.live.unwrap_or_default();
    let expect = plan_expect(typed.expect.unwrap_or_default(), &route.key("expect"), checker);
    let place = place(route, checker);
    Some(PlanCase {
        name: typed.name?,
        place,
        sessions: sessions?,
        now,
        entries: live.entries.unwrap_or(0),
        bytes: live.bytes.unwrap_or(0),
        last_finished,
        run: typed.run.unwrap_or(1),
        expect,
    })
}

/// Makes so many sessions, a minute apart, the last an hour before a moment.
fn waiting(count: u64, now: Timestamp) -> Vec<Session> {
    let before = |n: u64| {
        let minutes = i64::try_from(count - n).unwrap_or(i64::MAX).saturating_add(59);
        now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN)
    };
    (1..=count).filter_map(|n| Some(session(id(n)?, before(n), &AuthoredWaiting::default()))).collect()
}

fn id(number: u64) -> Option<SessionId> {
    SessionId::parse(format!("session-{number:03}")).ok()
}

fn listed(each: Vec<AuthoredWaiting>, route: &Route<'_>, checker: &mut Checker<'_>) -> Vec<Session> {
    let mut sessions = Vec::new();
    let mut seen = BTreeSet::new();
    for ((i, typed), number) in each.into_iter().enumerate().zip(1_u64..) {
        let item = route.index(i);
        let at = moment(typed.at.as_deref(), &item.key("at"), checker);
        let id = match &typed.id {
            Some(text) => {
                super::identifier(checker, Code::InvalidId, &item.key("id"), SessionId::parse(text.as_str()))
            }
            None => id(number),
        };
        let (Some(at), Some(id)) = (at, id) else { continue };
        if !seen.insert(id.clone()) {
            let problem = checker.at(Code::TestCase, &item.key("id"), "another session has this id");
            checker.tell(problem);
        }
        sessions.push(session(id, at, &typed));
    }
    sessions
}

fn session(id: SessionId, created_at: Timestamp, typed: &AuthoredWaiting) -> Session {
    let tokens = typed.tokens.unwrap_or(DEFAULT_TOKENS);
    Session {
        id,
        created_at,
        status: typed.status.unwrap_or(SessionStatus::Idle),
        is_archived: typed.archived.unwrap_or(false),
        is_dream_worker: false,
        size: SessionSize { events: 10, bytes: tokens.saturating_mul(4), tokens, skipped_lines: 0 },
    }
}

fn plan_expect(typed: AuthoredPlanExpect, route: &Route<'_>, checker: &mut Checker<'_>) -> PlanExpect {
    if typed == AuthoredPlanExpect::default() && checker.has(route) {
        let problem = checker.at_key(Code::TestCase, route, "nothing is expected, so nothing is tested");
        checker.tell(problem.help("name `due`, `batches`, `instructions` or another"));
    }
    let at_most = typed
        .at_most_usd
        .and_then(|amount| checker.take(Code::Amount, &route.key("at_most_usd"), quantity::dollars(amount)));
    let rendered = |typed: AuthoredRendered| Rendered {
        batch: typed.batch,
        contains: typed.contains.unwrap_or_default(),
        lacks: typed.lacks.unwrap_or_default(),
        text: typed.text,
    };
    PlanExpect {
        due: typed.due,
        not_due: typed.not_due,
        batches: typed.batches,
        left_out: typed.left_out,
        instructions: typed.instructions.unwrap_or_default().into_iter().map(rendered).collect(),
        at_most,
        refused: typed.refused,
    }
}
