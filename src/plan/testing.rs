//! Pipelines and facts for tests, here and of the modules that carry plans out.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{Alias, MemoryStoreId, PipelineName, SessionId};
use crate::price::PriceTable;
use crate::session::{Session, SessionSize, SessionStatus};
use crate::spec::pipeline::{
    Adopt, AdoptMode, Batching, Drift, Order, Pipeline, SessionInput, SessionSource, Since, StoreRef, Target,
    Template, default_gates,
};

use super::facts::{Facts, SourceFacts, StoreFacts, source_key};
use super::{Plan, plan};

/// Returns noon of a day.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_second(1_780_315_200).unwrap()
}

/// Returns a source of transcript files.
pub(crate) fn files(glob: &str) -> SessionSource {
    SessionSource::Files(vec![glob.to_owned()])
}

/// Returns a pipeline named `nightly` that reads every session of `logs/*` once.
pub(crate) fn pipeline() -> Pipeline {
    Pipeline {
        file: "pipelines/nightly.yaml".into(),
        name: PipelineName::parse("nightly").unwrap(),
        description: "Consolidate the night".to_owned(),
        model: "offline".to_owned(),
        vars: [("keep_days".to_owned(), serde_json::json!(30))].into_iter().collect(),
        store: StoreRef::Alias(Alias::parse("support").unwrap()),
        sessions: SessionInput {
            sources: vec![files("logs/*")],
            since: Since::LastAdopted,
            order: Order::Oldest,
            take: None,
            min: 1,
        },
        instructions: Some(Template::new("Batch {{ batch.index }} of {{ batch.count }}, with care.")),
        batch: Batching { size: 100, chain: true },
        budget: None,
        gates: default_gates(),
        min_interval: None,
        adopt: Adopt { mode: AdoptMode::Auto, target: Target::Pointer, drift: Drift::Rebase },
    }
}

/// Returns the `n`-th session, begun `n` minutes after the first.
pub(crate) fn session(n: u32) -> Session {
    Session {
        id: SessionId::parse(format!("s-{n:03}")).unwrap(),
        created_at: noon() - SignedDuration::from_hours(24) + SignedDuration::from_mins(n.into()),
        status: SessionStatus::Idle,
        is_archived: false,
        is_dream_worker: false,
        size: SessionSize { events: 4, bytes: 400, tokens: 100, skipped_lines: 0 },
    }
}

/// Returns sessions 0 to `count`.
pub(crate) fn sessions(count: u32) -> Vec<Session> {
    (0..count).map(session).collect()
}

/// Returns facts in which the source of [`pipeline`] has some sessions.
pub(crate) fn facts(sessions: Vec<Session>) -> Facts {
    let source = SourceFacts { sessions, ..SourceFacts::default() };
    Facts {
        now: noon(),
        run_number: 1,
        alias: None,
        store: StoreFacts {
            id: Some(MemoryStoreId::parse("memstore_live").unwrap()),
            entries: 3,
            bytes: 310,
            hash: None,
        },
        sources: [(source_key(&files("logs/*")), source)].into_iter().collect(),
        prices: PriceTable::builtin(),
        models: None,
        last_run: None,
    }
}

/// Returns a plan of so many dreams.
pub(crate) fn planned(dreams: u32) -> Plan {
    let mut pipeline = pipeline();
    pipeline.batch.size = 2;
    plan(&pipeline, &facts(sessions(2 * dreams))).unwrap()
}
