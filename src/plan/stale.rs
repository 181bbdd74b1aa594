//! Whether a saved plan still stands: only what changes its meaning or its cost makes it stale.
//!
//! Each change is one line with the old and the new value. A live store that was written to is a note and no
//! change, because agents write all day and a run reads the store as it finds it. So is a session that went
//! on, as long as what is read grows by no more than [`GROWTH`]: dreams read sessions whole.

use jiff::{SignedDuration, Timestamp};

use crate::ids::SessionId;
use crate::price::ModelPrice;
use crate::session::Session;
use crate::spec::pipeline::Pipeline;
use crate::state::alias::Origin;

use super::facts::Facts;
use super::fingerprint::Fingerprint;
use super::instructions::Instructions;
use super::report::NotDue;
use super::saved::{MadeBy, SavedPipeline, SavedPlan};
use super::{PlannedStore, rendered_again};

/// How old a saved plan may be, unless somebody says otherwise: long enough for a review over the holidays.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How much more may be read than was planned, in hundredths of the planned tokens. The estimate of a dream
/// is a range several times as wide.
pub const GROWTH: u64 = 10;

/// The most sessions that one line names.
const SESSIONS_NAMED: usize = 3;

/// Where a saved plan is to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// As it would be saved here.
    pub made_by: &'a MadeBy,
    /// The time.
    pub now: Timestamp,
    /// How old a plan may be.
    pub max_age: SignedDuration,
}

/// What is different since a plan was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What makes it stale.
    pub stale: Vec<String>,
    /// What is good to know.
    pub notes: Vec<String>,
}

/// Compares a saved plan with the project as it is here, before anything is asked of a backend.
pub fn before_looking(
    saved: &SavedPlan,
    part: &SavedPipeline,
    pipeline: &Pipeline,
    here: &Here<'_>,
) -> Vec<String> {
    let definition = Fingerprint::of(pipeline);
    let mut stale = part.plan.fingerprint.explain(&definition);
    if stale.is_empty() && !part.is_of(pipeline) {
        stale.push("definition: the plan does something else than the pipeline it names".to_owned());
    }
    if stale.is_empty() {
        stale.extend(instructions(pipeline, part));
    }
    let (then, now) = (&saved.made_by, here.made_by);
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    if then.profile != now.profile {
        stale.push(format!("profile: {} → {}", or_none(&then.profile), or_none(&now.profile)));
    }
    if then.state != now.state {
        stale.push(format!("state: {} → {}", then.state, now.state));
    }
    stale.extend(moved(then.origin.as_ref(), now.origin.as_ref()));
    let age = here.now.duration_since(saved.made_at);
    if age > here.max_age {
        stale.push(format!("age: {}, allowed are {}", span(age), span(here.max_age)));
    }
    stale
}

/// Compares a saved plan with the facts as they are now. `origin` is where they are from.
pub fn after_looking(
    saved: &SavedPlan,
    part: &SavedPipeline,
    facts: &Facts,
    origin: Option<&Origin>,
) -> Changes {
    let mut changes = Changes::default();
    changes.stale.extend(moved(saved.made_by.origin.as_ref(), origin));
    store(&part.plan.store, facts, &mut changes.stale);
    let (planned, next) = (part.plan.run.number(), facts.run_number);
    if planned != next {
        let name = &part.plan.pipeline;
        changes.stale.push(format!("run: {} → {name}-{next}, by what state knows", part.plan.run));
    }
    price(part, facts, &mut changes.stale);
    sessions(part, facts, &mut changes);
    if changes.stale.is_empty()
        && part.live.is_some()
        && facts.store.hash.is_some_and(|now| Some(now) != part.live)
    {
        changes.notes.push("the live store was written to since; the run reads it as it is now".to_owned());
    }
    changes
}

fn moved(then: Option<&Origin>, now: Option<&Origin>) -> Option<String> {
    let is_same = match (then, now) {
        (None, None) => true,
        (Some(then), Some(now)) => then.fits(now),
        _ => false,
    };
    let place = |origin: Option<&Origin>| origin.map_or_else(|| "local".to_owned(), ToString::to_string);
    (!is_same).then(|| format!("backend: {} → {}", place(then), place(now)))
}

fn instructions(pipeline: &Pipeline, part: &SavedPipeline) -> Option<String> {
    let rendered = rendered_again(pipeline, &part.plan);
    let hash = |text: Option<&Instructions>| text.map(|text| text.sha256);
    let shown =
        |text: Option<&Instructions>| text.map_or_else(|| "none".to_owned(), |text| text.sha256.short());
    let (batch, now) = part
        .plan
        .batches
        .iter()
        .zip(&rendered)
        .find(|(batch, now)| hash(batch.instructions.as_ref()) != hash(now.as_ref()))?;
    let (index, then) = (batch.index, shown(batch.instructions.as_ref()));
    Some(format!("instructions of dream {index}: {then} → {}", shown(now.as_ref())))
}

fn store(planned: &PlannedStore, facts: &Facts, stale: &mut Vec<String>) {
    let name = match &planned.reference {
        crate::spec::pipeline::StoreRef::Alias(alias) => alias.to_string(),
        crate::spec::pipeline::StoreRef::Raw(id) => id.to_string(),
    };
    let alias = facts.alias.as_ref();
    let (generation, revision) = alias.map_or((0, 0), |alias| (alias.generation, alias.revision));
    if planned.generation != generation {
        let by = alias.and_then(|alias| alias.adoption.as_ref());
        let by = by.map_or_else(String::new, |adoption| format!(", adopted by {}", adoption.run));
        stale.push(format!("generation of {name}: {} → {generation}{by}", planned.generation));
    } else if planned.revision != revision {
        let read = "another run read its sessions";
        stale.push(format!("revision of {name}: {} → {revision}, {read}", planned.revision));
    }
    if let (Some(then), Some(now)) = (&planned.id, &facts.store.id)
        && then != now
        && planned.generation == generation
    {
        stale.push(format!("store of {name}: {then} → {now}"));
    }
    if let Some(hold) = alias.and_then(|alias| alias.hold.clone()) {
        stale.push(format!("hold of {name}: none → {}", NotDue::OnHold(hold)));
    }
}

fn price(part: &SavedPipeline, facts: &Facts, stale: &mut Vec<String>) {
    let model = &part.plan.model;
    let now = facts.prices.price(model);
    let is_same = match (&part.price, now) {
        (None, None) => true,
        (Some(then), Some(now)) => then.costs_as(now),
        _ => false,
    };
    if !is_same {
        stale.push(format!("price of {model}: {} → {}", rates(part.price.as_ref()), rates(now)));
        return;
    }
    let estimate = |tokens| facts.prices.estimate_dream(model, tokens);
    if let Some(batch) = part.plan.batches.iter().find(|batch| batch.estimate != estimate(batch.tokens)) {
        let shown = |range: Option<crate::price::UsdRange>| {
            range.map_or_else(|| "not known".to_owned(), |r| r.to_string())
        };
        let (then, now) = (shown(batch.estimate), shown(estimate(batch.tokens)));
        stale.push(format!("estimate of dream {}: {then} → {now}", batch.index));
    }
}

fn rates(price: Option<&ModelPrice>) -> String {
    price.map_or_else(
        || "not known".to_owned(),
        |price| {
            let (input, output) = (price.rates.input, price.rates.output);
            format!("{input} in and {output} out per million tokens, as of {}", price.as_of)
        },
    )
}

fn sessions(part: &SavedPipeline, facts: &Facts, changes: &mut Changes) {
    let listed = || facts.sources.values().flat_map(|source| &source.sessions);
    let (mut gone, mut less, mut more): (Vec<&SessionId>, Vec<&SessionId>, Vec<&Session>) =
        Default::default();
    let (mut then, mut now) = (0_u64, 0_u64);
    for (id, size) in &part.sessions {
        // A session that several sources list is the same in each.
        let Some(session) = listed().find(|session| session.id == *id && !session.is_archived) else {
            gone.push(id);
            continue;
        };
        then += size.tokens;
        now += session.size.tokens;
        match session.size.events.cmp(&size.events) {
            std::cmp::Ordering::Less => less.push(id),
            std::cmp::Ordering::Greater => more.push(session),
            std::cmp::Ordering::Equal => {}
        }
    }
    if !gone.is_empty() {
        changes.stale.push(format!("sessions: {} planned → gone or archived", named(&gone)));
    }
    if !less.is_empty() {
        changes.stale.push(format!("sessions: {} planned → holds less than it did", named(&less)));
    }
    if now > then + then * GROWTH / 100 {
        let ids: Vec<&SessionId> = more.iter().map(|session| &session.id).collect();
        changes
            .stale
            .push(format!("tokens of the sessions: about {then} → about {now}, with {}", named(&ids)));
    } else if !more.is_empty() {
        let ids: Vec<&SessionId> = more.iter().map(|session| &session.id).collect();
        changes.notes.push(format!("{} went on since; what was added is read too", named(&ids)));
    }
}

fn named(sessions: &[&SessionId]) -> String {
    let first: Vec<String> = sessions.iter().take(SESSIONS_NAMED).map(ToString::to_string).collect();
    match sessions.len().saturating_sub(SESSIONS_NAMED) {
        0 => first.join(", "),
        rest => format!("{} and {rest} more", first.join(", ")),
    }
}

/// Writes a duration as days, or as hours where it is short.
fn span(duration: SignedDuration) -> String {
    match (duration.as_hours() / 24, duration.as_hours()) {
        (2.., hours) if hours % 24 == 0 => format!("{} days", hours / 24),
        (_, 0) => format!("{duration:#}"),
        (_, hours) => format!("{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, noon, pipeline, session, sessions};
    use super::super::{plan, report};
    use super::*;
    use crate::ids::{MemoryStoreId, RunId};
    use crate::memory::ContentHash;
    use crate::price::Usd;
    use crate::spec::pipeline::Drift;
    use crate::state::alias::{Adoption, AliasRecord, Hold};

    fn made_by() -> MadeBy {
        let state = ".dreamrun/state.db".to_owned();
        MadeBy { dreamrun: "0.1.0".to_owned(), profile: None, state, origin: None }
    }

    fn store_id(id: &str) -> MemoryStoreId {
        MemoryStoreId::parse(id).unwrap()
    }

    /// Facts with an alias and a store that was looked at.
    fn then() -> Facts {
        let mut facts = facts(sessions(20));
        facts.store.hash = Some(ContentHash::of("then"));
        facts.alias = Some(AliasRecord::bootstrapped(store_id("memstore_live")));
        facts
    }

    fn saved() -> SavedPlan {
        let part = SavedPipeline::of(plan(&pipeline(), &then()).unwrap(), &pipeline(), &then());
        SavedPlan::write(noon(), made_by(), vec![part]).unwrap().0
    }

    fn before(pipeline: &Pipeline, made_by: &MadeBy, hours: i64) -> Vec<String> {
        let now = noon() + SignedDuration::from_hours(hours);
        let saved = saved();
        before_looking(&saved, &saved.pipelines[0], pipeline, &Here { made_by, now, max_age: MAX_AGE })
    }

    #[test]
    fn what_changes_the_meaning_of_a_plan_is_named_with_old_and_new() {
        assert_eq!(before(&pipeline(), &made_by(), 14 * 24), Vec::<String>::new());
        assert_eq!(before(&pipeline(), &made_by(), 15 * 24), ["age: 15 days, allowed are 14 days"]);
        assert_eq!(
            before(&pipeline(), &made_by(), -24),
            Vec::<String>::new(),
            "the clock of another machine"
        );

        let mut edited = pipeline();
        edited.vars.insert("keep_days".to_owned(), 60.into());
        edited.adopt.drift = Drift::Block;
        let told = before(&edited, &made_by(), 0);
        assert!(told.iter().any(|line| line == "vars.keep_days: 30 → 60"), "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("adopt: ")), "{told:?}");

        let elsewhere = MadeBy {
            profile: Some("ci".to_owned()),
            state: "s3://bucket/state".to_owned(),
            origin: Some(Origin {
                base_url: "https://a.test".to_owned(),
                organization: None,
                workspace: None,
            }),
            ..made_by()
        };
        let told = before(&pipeline(), &elsewhere, 0);
        let expected = [
            "profile: none → ci",
            "state: .dreamrun/state.db → s3://bucket/state",
            "backend: local → https://a.test",
        ];
        assert_eq!(told, expected);
        let newer = MadeBy { dreamrun: "0.2.0".to_owned(), ..made_by() };
        assert_eq!(before(&pipeline(), &newer, 0), Vec::<String>::new());
    }

    #[test]
    fn a_plan_that_was_put_together_by_hand_is_not_carried_out() {
        let mut saved = saved();
        saved.pipelines[0].plan.gates.clear();
        let here = made_by();
        let here = Here { made_by: &here, now: noon(), max_age: MAX_AGE };
        let told = before_looking(&saved, &saved.pipelines[0], &pipeline(), &here);
        assert_eq!(told, ["definition: the plan does something else than the pipeline it names"]);
    }

    fn after(change: impl FnOnce(&mut Facts)) -> Changes {
        let mut now = then();
        change(&mut now);
        let saved = saved();
        after_looking(&saved, &saved.pipelines[0], &now, None)
    }

    fn source(facts: &mut Facts) -> &mut Vec<Session> {
        &mut facts.sources.values_mut().next().unwrap().sessions
    }

    fn alias(facts: &mut Facts) -> &mut AliasRecord {
        facts.alias.as_mut().unwrap()
    }

    #[test]
    fn what_changes_the_cost_or_the_input_of_a_plan_is_named_with_old_and_new() {
        type Change = fn(&mut Facts);
        let table: [(Change, &str); 11] = [
            (|f| alias(f).revision = 1, "revision of support: 0 → 1, another run read its sessions"),
            (
                |f| {
                    let hash = ContentHash::of("x");
                    let run = RunId::parse("weekly-4").unwrap();
                    alias(f).generation = 2;
                    alias(f).adoption = Some(Adoption { run, at: noon(), hash });
                },
                "generation of support: 0 → 2, adopted by weekly-4",
            ),
            (
                |f| f.store.id = Some(store_id("memstore_other")),
                "store of support: memstore_live → memstore_other",
            ),
            (
                |f| {
                    alias(f).hold = Some(Hold::new(noon(), "ada", "a mistake"));
                },
                "hold of support: none → on hold since 2026-06-01T12:00:00Z, by ada: a mistake",
            ),
            (|f| f.run_number = 2, "run: nightly-1 → nightly-2, by what state knows"),
            (
                |f| {
                    let mut price = f.prices.price("offline").unwrap().clone();
                    price.rates.input = Usd::from_micros(1_000_000);
                    f.prices.set("offline", price);
                },
                "price of offline: $0 in and $0 out per million tokens, as of 2026-11-09 → \
                 $1.00 in and $0 out per million tokens, as of 2026-11-09",
            ),
            (|f| _ = source(f).remove(3), "sessions: s-003 planned → gone or archived"),
            (|f| source(f)[3].is_archived = true, "sessions: s-003 planned → gone or archived"),
            (|f| source(f).clear(), "sessions: s-000, s-001, s-002 and 17 more planned → gone or archived"),
            (|f| source(f)[3].size.events = 1, "sessions: s-003 planned → holds less than it did"),
            (
                |f| {
                    source(f)[3].size.events = 90;
                    source(f)[3].size.tokens = 301;
                },
                "tokens of the sessions: about 2000 → about 2201, with s-003",
            ),
        ];
        for (change, expected) in table {
            assert_eq!(after(change), Changes { stale: vec![expected.to_owned()], notes: Vec::new() });
        }
    }

    #[test]
    fn what_agents_do_all_day_is_a_note() {
        assert_eq!(after(|_| ()), Changes::default());
        let written = after(|facts| {
            facts.store.hash = Some(ContentHash::of("now"));
            (facts.store.entries, facts.store.bytes) = (9, 999);
        });
        let note = "the live store was written to since; the run reads it as it is now";
        assert_eq!(written, Changes { stale: Vec::new(), notes: vec![note.to_owned()] });
        let grown = after(|facts| {
            source(facts)[3].size.events = 5;
            source(facts)[3].size.tokens = 300;
        });
        let note = "s-003 went on since; what was added is read too";
        assert_eq!(grown, Changes { stale: Vec::new(), notes: vec![note.to_owned()] });
        let newcomer = after(|facts| source(facts).push(session(40)));
        assert_eq!(newcomer, Changes::default(), "sessions are not selected again");
        let dated = after(|facts| {
            let mut price = facts.prices.price("offline").unwrap().clone();
            price.source = "seen again".into();
            facts.prices.set("offline", price);
        });
        assert_eq!(dated, Changes::default());
    }

    #[test]
    fn a_plan_for_a_folder_stands_once_the_folder_was_imported() {
        let mut folder = then();
        (folder.alias, folder.store.id) = (None, None);
        let part = SavedPipeline::of(plan(&pipeline(), &folder).unwrap(), &pipeline(), &folder);
        let saved = SavedPlan::write(noon(), made_by(), vec![part]).unwrap().0;
        assert_eq!(after_looking(&saved, &saved.pipelines[0], &then(), None), Changes::default());
    }

    #[test]
    fn an_estimate_that_its_tokens_do_not_come_to_is_noticed() {
        let mut saved = saved();
        saved.pipelines[0].plan.batches[0].estimate = None;
        let told = after_looking(&saved, &saved.pipelines[0], &then(), None).stale;
        assert_eq!(told, ["estimate of dream 1: not known → $0"]);
        let report = report::PlanReport::default();
        assert_ne!(saved.pipelines[0].report, report, "what the planner noticed is kept");
    }
}
