//! Evidence: everything that gates are shown, gathered before they are asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::diff::StoreDiff;
use crate::dreaming::Mind;
use crate::dreaming::offline::OfflineMind;
use crate::gate;
use crate::gate::rules::Rules;
use crate::gate::verdict::Verdict;
use crate::ids::{RunId, SessionId};
use crate::journal::Journal;
use crate::journal::run_state::Base;
use crate::ledger::forget::ForgetList;
use crate::ledger::record::RunLedger;
use crate::ledger::testimony::Testimony;
use crate::ledger::window::RunLosses;
use crate::ledger::{Context, Ledger, trust};
use crate::memory::ContentHash;
use crate::price::Usd;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::GateSpec;
use crate::state;

use super::blocking::blocking;
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
    before: &Arc<Snapshot>,
    after: &Arc<Snapshot>,
) -> Result<Judged, RunError> {
    let plan = &journal.state().plan;
    let (root, gates) = (around.root.to_owned(), plan.gates.clone());
    let rules = blocking(move || rules::read(&root, &gates)).await;
    let record = alias_now(around).await?;
    let untrusted = match &record.adoption {
        Some(adoption) => state::ledger::read(around.state, around.alias, &adoption.run)
            .await?
            .map(|ledger| ledger.untrusted),
        None => None,
    };
    let case = Arc::new(Case {
        run: journal.run().clone(),
        base: base.index.hash(),
        before: Arc::clone(before),
        after: Arc::clone(after),
        gates: plan.gates.clone(),
        forget: rules.forget_list().cloned().unwrap_or_default(),
        rules,
        untrusted: untrusted.unwrap_or_default(),
        losses: record.losses,
        spent: journal.state().known_cost(),
        now: around.clock.now(),
    });
    let unheard = Arc::clone(&case);
    if let Some(judged) = blocking(move || unheard.judge_unless_asking()).await {
        return Ok(judged);
    }
    let sessions: Vec<SessionId> =
        plan.batches.iter().flat_map(|batch| batch.sessions.iter().cloned()).collect();
    let testimony = around.backend.testimony(&sessions).await?;
    Ok(blocking(move || case.judge(&testimony)).await)
}

/// What a candidate is judged by, but for what was said in the sessions, which is read only where it matters.
struct Case {
    run: RunId,
    base: ContentHash,
    before: Arc<Snapshot>,
    after: Arc<Snapshot>,
    gates: Vec<GateSpec>,
    rules: Rules,
    forget: ForgetList,
    untrusted: BTreeSet<ContentHash>,
    losses: Vec<RunLosses>,
    spent: Option<Usd>,
    now: Timestamp,
}

impl Case {
    /// Judges, unless what was said in the sessions could change the outcome.
    fn judge_unless_asking(&self) -> Option<Judged> {
        let silence = Testimony::default();
        let diff = StoreDiff::between(&self.before, &self.after);
        let ledger = self.ledger(&silence);
        let asks = self.gates.iter().any(GateSpec::asks_for_testimony);
        let is_asking = ledger.wants_testimony() || (asks && !diff.is_empty());
        (!is_asking).then(|| self.weigh(&diff, &ledger, &silence))
    }

    fn judge(&self, testimony: &Testimony) -> Judged {
        let diff = StoreDiff::between(&self.before, &self.after);
        self.weigh(&diff, &self.ledger(testimony), testimony)
    }

    fn ledger<'a>(&'a self, testimony: &'a Testimony) -> Ledger<'a> {
        let context = Context { testimony, forget: &self.forget, now: Some(self.now) };
        Ledger::of(&self.before, &self.after, &context)
    }

    fn weigh(&self, diff: &StoreDiff, ledger: &Ledger<'_>, testimony: &Testimony) -> Judged {
        let asks_for_second_pass = self.gates.iter().any(GateSpec::asks_for_second_pass);
        let second_pass =
            asks_for_second_pass.then(|| OfflineMind.consolidate(&self.after, &[], None).ok()).flatten();
        let evidence = gate::Evidence {
            before: &self.before,
            after: &self.after,
            diff,
            ledger,
            testimony,
            untrusted: &self.untrusted,
            rules: &self.rules,
            losses: &self.losses,
            second_pass: second_pass.as_ref().map(|pass| &pass.store),
            spent: self.spent,
            now: self.now,
        };
        let untrusted = trust::untrusted(ledger, testimony, &self.untrusted);
        Judged {
            verdicts: gate::judge_all(&self.gates, &evidence),
            ledger: RunLedger::of(
                self.run.clone(),
                self.now,
                (self.base, self.after.hash()),
                diff,
                ledger,
                untrusted.into_keys().map(|at| ledger.after[at].hash).collect(),
            ),
        }
    }
}
