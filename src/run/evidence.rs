//! Evidence: everything that gates are shown, gathered before they are asked.

use std::collections::BTreeSet;

use crate::diff::StoreDiff;
use crate::dreaming::Mind;
use crate::dreaming::offline::OfflineMind;
use crate::gate;
use crate::gate::verdict::Verdict;
use crate::ids::SessionId;
use crate::journal::Journal;
use crate::journal::run_state::Base;
use crate::ledger::record::RunLedger;
use crate::ledger::testimony::Testimony;
use crate::ledger::{Context, Ledger, trust};
use crate::memory::ContentHash;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::GateSpec;
use crate::state;

use super::perform::alias_now;
use super::{RunError, Surroundings, rules};

/// What the gates said, and what is kept of what they were shown.
pub(super) struct Judged {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) ledger: RunLedger,
}

/// Gathers the evidence for a candidate and asks the gates of its plan.
pub(super) async fn judge(
    journal: &Journal,
    around: &Surroundings<'_>,
    base: &Base,
    before: &Snapshot,
    after: &Snapshot,
) -> Result<Judged, RunError> {
    let plan = &journal.state().plan;
    let rules = rules::read(around.root, &plan.gates);
    let forget = rules.forget_list().cloned().unwrap_or_default();
    let mut testimony = Testimony::default();
    let diff = StoreDiff::between(before, after);
    let now = Some(around.clock.now());
    let mut ledger = Ledger::of(before, after, &Context { testimony: &testimony, forget: &forget, now });
    let asks = plan.gates.iter().any(GateSpec::asks_for_testimony);
    if ledger.wants_testimony() || (asks && !diff.is_empty()) {
        let sessions: Vec<SessionId> =
            plan.batches.iter().flat_map(|batch| batch.sessions.iter().cloned()).collect();
        testimony = around.backend.testimony(&sessions).await?;
        ledger = Ledger::of(before, after, &Context { testimony: &testimony, forget: &forget, now });
    }
    let record = alias_now(around).await?;
    let untrusted: BTreeSet<ContentHash> = match &record.adoption {
        Some(adoption) => state::ledger::read(around.state, around.alias, &adoption.run)
            .await?
            .map(|ledger| ledger.untrusted),
        None => None,
    }
    .unwrap_or_default();
    let second_pass = plan
        .gates
        .iter()
        .any(GateSpec::asks_for_second_pass)
        .then(|| OfflineMind.consolidate(after, &[], None).ok())
        .flatten();
    let evidence = gate::Evidence {
        before,
        after,
        diff: &diff,
        ledger: &ledger,
        testimony: &testimony,
        untrusted: &untrusted,
        rules: &rules,
        losses: &record.losses,
        second_pass: second_pass.as_ref().map(|pass| &pass.store),
        spent: journal.state().known_cost(),
        now: around.clock.now(),
    };
    let verdicts = gate::judge_all(&plan.gates, &evidence);
    let kept = RunLedger::of(
        journal.run().clone(),
        evidence.now,
        (base.index.hash(), after.hash()),
        &diff,
        &ledger,
        trust::untrusted(&ledger, &testimony, &untrusted)
            .into_keys()
            .map(|at| ledger.after[at].hash)
            .collect(),
    );
    Ok(Judged { verdicts, ledger: kept })
}
