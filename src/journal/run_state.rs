//! Where a run stands: a table of events and phases.
//!
//! [`RunState::apply`] is the only way a run moves, live or replayed. An event that its phase does
//! not list is an [`IllegalEvent`]; a journal that holds one was not written by this program.
//!
//! ```text
//! planned → claimed → ready ⇄ requested → dreaming → (ready | dreamed) → candidate → judged ─┐
//!                      ⇅                   ↓                              ▲               │
//!                  over budget        dream failed → ready                └── rebasing ◀──┤
//!   awaiting review, blocked ⇄ judged → adopting → adopted                                 │
//!   awaiting review, blocked → editing → candidate                                         │
//!   unchanged · rejected · failed · canceling → canceled                    ◀──────────────┘
//! ```
//!
//! Within *adopting* a target may have steps of its own: a copy into the live store, or deployments and a
//! session that follow the alias. Once the first of them has begun, the run can only go forward.
//!
//! A candidate that somebody changed leads from *judged* or *adopting* back to *candidate*, and a run can
//! be canceled from every phase in which it does not write to the live store and is not over; a cancel that
//! comes after the alias has moved ends in *adopted*, and deployments follow the alias as far as they take it.

mod approval;
mod records;

use std::collections::BTreeMap;

use crate::adoption::decide::Reason;
use crate::adoption::edit::{Edits, EntryEdit};
use crate::adoption::{self, Conflict, Merged, Reading};
use crate::dream::{ChangeKind, DreamStatus, Usage};
use crate::ids::{DeploymentId, DreamId, MemoryStoreId};
use crate::memory::{ContentHash, MemoryPath};
use crate::plan::Plan;
use crate::price::Usd;
use crate::snapshot::SnapshotIndex;

use super::event::{FailReason, JournalEvent};

pub use approval::Approval;
pub use records::{
    Base, Candidate, CopyEnd, CopyRecord, DreamRecord, EditRecord, Judgment, SessionRecord, Size,
};

/// How often a batch is tried when its dream fails for a reason that may pass.
pub const ATTEMPTS: u32 = 3;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// What it will do.
    pub plan: Plan,
    /// Its phase.
    pub phase: Phase,
    /// Whether the alias was given back; only after a final phase.
    pub is_released: bool,
    /// The budget in force.
    pub budget: Option<Usd>,
    /// What every comparison starts from: the live store as first seen, or as last rebased onto.
    pub base: Option<Base>,
    /// How large the live store was as first seen.
    pub before: Option<Size>,
    /// The tries at each batch, in order.
    pub dreams: Vec<DreamRecord>,
    /// The candidate.
    pub candidate: Option<Candidate>,
    /// The last judgment.
    pub judgment: Option<Judgment>,
    /// The last approval.
    pub approval: Option<Approval>,
    /// The last refusal by a person.
    pub rejection: Option<(String, Option<String>)>,
    /// Whether the base is what the candidate was rebased onto, and no more what its dream began with.
    pub is_rebased: bool,
    /// Whether the candidate may hold what was redacted while its dream was at work.
    pub is_unsure: bool,
    /// How often the candidate was rebased since a person last looked at it.
    pub rebases: u32,
    /// Memories whose live writes were carried over, in order.
    pub carried: Vec<MemoryPath>,
    /// Those that the dream changed too, in other statements: the candidate holds both changes.
    pub merged: Vec<Merged>,
    /// Memories that both the live store and the dream changed; the candidate holds the live version.
    pub conflicts: Vec<Conflict>,
    /// What people changed in the candidate, oldest first.
    pub edits: Vec<EditRecord>,
    /// Files of a directory target that were left as they are, because a person changed them.
    pub kept_files: Vec<String>,
    /// What the live store held right after adoption, late writes included.
    pub adopted_hash: Option<ContentHash>,
    /// Whether the candidate is in the folder of a directory target.
    pub is_folder_written: bool,
    /// The copy of the candidate into the live store, once it is intended.
    pub copy: Option<CopyRecord>,
    /// Whether the alias moved while more is to follow it: deployments or a session.
    pub has_alias_moved: bool,
    /// The deployments that name the new store.
    pub patched: Vec<DeploymentId>,
    /// The session of a session target, once it was asked for.
    pub session: Option<SessionRecord>,
    /// What the candidate held when its adoption was last intended.
    pub intended: Option<SnapshotIndex>,
    /// Memories that were changed in the old store too late and in the new one already; the new store
    /// holds its own version.
    pub late_conflicts: Vec<Conflict>,
}

/// The phases of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// It exists.
    Planned,
    /// The alias is its own.
    Claimed,
    /// A batch can be asked for.
    Ready {
        /// The batch, from 1.
        batch: u32,
    },
    /// A batch was asked for, answer unknown: in doubt until settled.
    Requested {
        /// The batch.
        batch: u32,
    },
    /// A dream is at work.
    Dreaming {
        /// The batch.
        batch: u32,
        /// The dream.
        dream: DreamId,
    },
    /// The dream of a batch failed for a reason that may pass. Only a person, or the next apply,
    /// asks again: a failed dream may have cost something.
    DreamFailed {
        /// The batch.
        batch: u32,
        /// Which try it was.
        attempt: u32,
        /// Why.
        error: crate::dream::DreamError,
    },
    /// The next batch would go over the budget.
    OverBudget {
        /// The batch.
        batch: u32,
        /// Spent so far.
        spent: Usd,
        /// The most the batch may cost.
        next: Usd,
    },
    /// All dreams are done; the last output is whole.
    Dreamed {
        /// The last output.
        output: MemoryStoreId,
    },
    /// The candidate is known.
    Candidate,
    /// The gates answered.
    Judged,
    /// Live writes are being carried over.
    Rebasing {
        /// What the candidate is rebased onto.
        live: SnapshotIndex,
        /// What the dream may have read.
        read: Reading,
        /// What is merged statement by statement.
        merged: Vec<Merged>,
    },
    /// A person has to look.
    AwaitingReview(Vec<Reason>),
    /// Nothing will be adopted without an override.
    Blocked(Vec<Reason>),
    /// A person's edits are being made in the candidate.
    Editing {
        /// What they do.
        edits: Edits,
        /// The memories that change by it.
        entries: Vec<EntryEdit>,
    },
    /// The alias is moving.
    Adopting {
        /// The store that gives way.
        from: MemoryStoreId,
        /// The store that takes over.
        to: MemoryStoreId,
        /// What the live store held.
        live: ContentHash,
    },
    /// Final: the candidate is live.
    Adopted,
    /// Final: there was nothing to adopt.
    Unchanged,
    /// Final: a person said no.
    Rejected,
    /// Final: it could not go on.
    Failed(FailReason),
    /// Somebody asked for it to stop.
    Canceling {
        /// The dream to stop first.
        dream: Option<DreamId>,
    },
    /// Final: it was stopped.
    Canceled,
}

impl Phase {
    /// Says whether the run is over.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Adopted | Self::Unchanged | Self::Rejected | Self::Failed(_) | Self::Canceled)
    }

    /// Returns the phase's name, as shown by `status` and in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Claimed => "claimed",
            Self::Ready { .. } => "ready",
            Self::Requested { .. } => "requested",
            Self::Dreaming { .. } => "dreaming",
            Self::DreamFailed { .. } => "dream_failed",
            Self::OverBudget { .. } => "over_budget",
            Self::Dreamed { .. } => "dreamed",
            Self::Candidate => "candidate",
            Self::Judged => "judged",
            Self::Rebasing { .. } => "rebasing",
            Self::AwaitingReview(_) => "awaiting_review",
            Self::Blocked(_) => "blocked",
            Self::Editing { .. } => "editing",
            Self::Adopting { .. } => "adopting",
            Self::Adopted => "adopted",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
            Self::Failed(_) => "failed",
            Self::Canceling { .. } => "canceling",
            Self::Canceled => "canceled",
        }
    }
}

/// An event that its phase does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} (`{event}`) is not legal in phase `{phase}`")]
pub struct IllegalEvent {
    /// Its place in the journal.
    pub seq: u32,
    /// Its kind.
    pub event: &'static str,
    /// The phase the run was in.
    pub phase: &'static str,
}

impl JournalEvent {
    /// Returns the event's kind, as written in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunPlanned { .. } => "run_planned",
            Self::Claimed => "claimed",
            Self::BaseRecorded { .. } => "base_recorded",
            Self::DreamRequested { .. } => "dream_requested",
            Self::DreamNotSent { .. } => "dream_not_sent",
            Self::DreamCreated { .. } => "dream_created",
            Self::DreamRefused { .. } => "dream_refused",
            Self::DreamEnded { .. } => "dream_ended",
            Self::RetryAsked => "retry_asked",
            Self::BudgetReached { .. } => "budget_reached",
            Self::BudgetRaised { .. } => "budget_raised",
            Self::CandidateRecorded { .. } => "candidate_recorded",
            Self::Judged { .. } => "judged",
            Self::RebaseIntended { .. } => "rebase_intended",
            Self::ReviewAsked { .. } => "review_asked",
            Self::AdoptionBlocked { .. } => "adoption_blocked",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::EditIntended { .. } => "edit_intended",
            Self::AdoptionIntended { .. } => "adoption_intended",
            Self::FolderWritten { .. } => "folder_written",
            Self::CopyIntended { .. } => "copy_intended",
            Self::CopiedBack { .. } => "copied_back",
            Self::AliasMoved { .. } => "alias_moved",
            Self::DeploymentPatched { .. } => "deployment_patched",
            Self::SessionRequested => "session_requested",
            Self::SessionNotSent => "session_not_sent",
            Self::SessionCreated { .. } => "session_created",
            Self::Adopted { .. } => "adopted",
            Self::Unchanged => "unchanged",
            Self::CancelAsked { .. } => "cancel_asked",
            Self::Canceled => "canceled",
            Self::Failed { .. } => "failed",
            Self::Released => "released",
        }
    }
}

impl RunState {
    /// Begins a run from its first event.
    ///
    /// # Errors
    ///
    /// Any other event than `run_planned` is illegal here.
    pub fn begin(seq: u32, event: JournalEvent) -> Result<Self, IllegalEvent> {
        let name = event.name();
        let JournalEvent::RunPlanned { plan } = event else {
            return Err(IllegalEvent { seq, event: name, phase: "nothing" });
        };
        Ok(Self {
            budget: plan.budget,
            plan: *plan,
            phase: Phase::Planned,
            is_released: false,
            base: None,
            before: None,
            dreams: Vec::new(),
            candidate: None,
            judgment: None,
            approval: None,
            rejection: None,
            is_rebased: false,
            is_unsure: false,
            rebases: 0,
            carried: Vec::new(),
            merged: Vec::new(),
            conflicts: Vec::new(),
            edits: Vec::new(),
            kept_files: Vec::new(),
            adopted_hash: None,
            is_folder_written: false,
            copy: None,
            has_alias_moved: false,
            patched: Vec::new(),
            session: None,
            intended: None,
            late_conflicts: Vec::new(),
        })
    }

    /// Moves the run by one event, recorded as the `seq`-th at `at`.
    ///
    /// # Errors
    ///
    /// An event that the present phase does not allow.
    pub fn apply(mut self, seq: u32, at: jiff::Timestamp, event: JournalEvent) -> Result<Self, IllegalEvent> {
        use JournalEvent as E;
        use Phase as P;
        let illegal = IllegalEvent { seq, event: event.name(), phase: self.phase.name() };
        if self.is_released {
            return Err(IllegalEvent { phase: "released", ..illegal });
        }
        let phase = match (self.phase.clone(), event) {
            (P::Planned, E::Claimed) => P::Claimed,
            (P::Claimed, E::BaseRecorded { store, index }) => {
                self.before = Some(Size { entries: index.entries.len() as u64, bytes: index.bytes() });
                self.base = Some(Base { store, index });
                P::Ready { batch: 1 }
            }
            (P::Ready { batch: ready }, E::DreamRequested { batch, attempt, store, digest })
                if ready == batch =>
            {
                self.dreams.push(DreamRecord {
                    batch,
                    attempt,
                    store,
                    digest,
                    requested_at: at,
                    dream: None,
                    status: None,
                    output: None,
                    usage: Usage::default(),
                    cost: None,
                    changes: BTreeMap::new(),
                });
                P::Requested { batch }
            }
            (P::Requested { batch: asked }, E::DreamNotSent { batch }) if asked == batch => {
                self.dreams.pop();
                P::Ready { batch }
            }
            (P::Requested { batch: asked }, E::DreamCreated { batch, dream, .. }) if asked == batch => {
                if let Some(record) = self.dreams.last_mut() {
                    record.dream = Some(dream.clone());
                }
                P::Dreaming { batch, dream }
            }
            (P::Requested { batch: asked }, E::DreamRefused { batch, message }) if asked == batch => {
                self.dreams.pop();
                P::Failed(FailReason::Refused { batch, message })
            }
            (
                P::Dreaming { batch: at_work, dream: working },
                E::DreamEnded { batch, dream, status, output, usage, cost, changes, error },
            ) if at_work == batch && working == dream => {
                let attempt = self.dreams.last().map_or(1, |record| record.attempt);
                self.note_end(status, output.clone(), usage, cost, changes);
                let read = self.dreams.last().map(|record| record.store.clone());
                match (status, output, error) {
                    (DreamStatus::Completed, Some(output), _) if read.as_ref() == Some(&output) => {
                        P::Failed(FailReason::InPlace { batch })
                    }
                    (DreamStatus::Completed, Some(output), _) => {
                        if (batch as usize) < self.plan.batches.len() {
                            P::Ready { batch: batch + 1 }
                        } else {
                            P::Dreamed { output }
                        }
                    }
                    (DreamStatus::Completed, None, _) => P::Failed(FailReason::NoOutput { batch }),
                    (DreamStatus::Canceled, _, _) => P::Failed(FailReason::DreamCanceled { batch }),
                    (DreamStatus::Failed, _, error) => {
                        let error = error.unwrap_or_else(|| crate::dream::DreamError {
                            kind: "unknown".to_owned(),
                            message: "the backend gave no reason".to_owned(),
                        });
                        if error.may_pass() && attempt < ATTEMPTS && self.plan.existing.is_none() {
                            P::DreamFailed { batch, attempt, error }
                        } else {
                            P::Failed(FailReason::DreamFailed { batch, error })
                        }
                    }
                    (DreamStatus::Pending | DreamStatus::Running, _, _) => return Err(illegal),
                }
            }
            (P::Ready { batch: ready }, E::BudgetReached { batch, spent, next, .. }) if ready == batch => {
                P::OverBudget { batch, spent, next }
            }
            (P::DreamFailed { batch, .. }, E::RetryAsked) => P::Ready { batch },
            (P::OverBudget { batch, .. }, E::BudgetRaised { budget }) => {
                self.budget = budget;
                P::Ready { batch }
            }
            (P::Dreamed { output: expected }, E::CandidateRecorded { store, hash, entries, bytes })
                if expected == store =>
            {
                self.candidate = Some(Candidate { store, hash, size: Size { entries, bytes } });
                P::Candidate
            }
            (
                P::Judged | P::AwaitingReview(_) | P::Blocked(_) | P::Adopting { .. },
                E::CandidateRecorded { store, hash, entries, bytes },
            ) if self.is_candidate(&store) && !self.has_begun_adoption() => {
                self.candidate = Some(Candidate { store, hash, size: Size { entries, bytes } });
                self.intended = None;
                self.is_folder_written = false;
                self.kept_files.clear();
                P::Candidate
            }
            (P::Rebasing { live, .. }, E::CandidateRecorded { store, hash, entries, bytes })
                if self.is_candidate(&store) =>
            {
                if let Some(approval) = &mut self.approval {
                    approval.carry(hash, live.hash());
                }
                if let Some(base) = &mut self.base {
                    base.index = live;
                }
                self.is_rebased = true;
                self.candidate = Some(Candidate { store, hash, size: Size { entries, bytes } });
                P::Candidate
            }
            (P::Editing { .. }, E::CandidateRecorded { store, hash, entries, bytes })
                if self.is_candidate(&store) =>
            {
                self.candidate = Some(Candidate { store, hash, size: Size { entries, bytes } });
                P::Candidate
            }
            (P::Candidate, E::Judged { live, candidate, verdicts, fates }) => {
                self.judgment = Some(Judgment { live, candidate, verdicts, fates });
                P::Judged
            }
            (
                P::Judged | P::Rebasing { .. },
                E::RebaseIntended { live, read, carried, merged, conflicts, keeps, is_unsure },
            ) => {
                self.is_unsure |= is_unsure;
                self.rebases += u32::from(self.phase == P::Judged);
                if let (Some(approval), Some(judgment)) = (&mut self.approval, &self.judgment) {
                    approval.begin_carrying(judgment, keeps);
                }
                self.note_carried(carried);
                self.note_merged(merged.clone());
                let is_new = |path: &MemoryPath| conflicts.iter().any(|new| new.path == *path);
                self.carried.retain(|path| !is_new(path));
                self.merged.retain(|old| !is_new(&old.path));
                self.conflicts.retain(|old| !is_new(&old.path));
                self.conflicts.extend(conflicts);
                P::Rebasing { live, read, merged }
            }
            (P::Judged, E::ReviewAsked { because }) => {
                self.rebases = 0;
                P::AwaitingReview(because)
            }
            (P::Judged, E::AdoptionBlocked { because }) => {
                self.rebases = 0;
                P::Blocked(because)
            }
            (
                P::AwaitingReview(_) | P::Blocked(_),
                E::Approved { by, reason, overrides, live, candidate },
            ) => {
                let overrides = overrides.into_iter().collect();
                let given = adoption::Approval { candidate, live, overrides };
                self.approval = Some(Approval::given(by, reason, given, self.judgment.as_ref()));
                P::Judged
            }
            (P::AwaitingReview(_) | P::Blocked(_), E::Rejected { by, reason }) => {
                self.rejection = Some((by, reason));
                P::Rejected
            }
            (P::AwaitingReview(_) | P::Blocked(_), E::EditIntended { by, edits, entries }) => {
                self.edits.push(EditRecord {
                    by,
                    dropped: edits.dropped.len() as u64,
                    restored: edits.restored.len() as u64,
                    paths: entries.iter().map(|entry| entry.path.clone()).collect(),
                });
                P::Editing { edits, entries }
            }
            (P::Judged, E::AdoptionIntended { from, to, live, candidate }) if self.is_candidate(&to) => {
                self.intended = Some(candidate);
                P::Adopting { from, to, live }
            }
            (adopting @ P::Adopting { .. }, E::FolderWritten { kept_files })
                if !self.is_folder_written && !self.has_begun_adoption() =>
            {
                self.is_folder_written = true;
                self.kept_files = kept_files;
                adopting
            }
            (adopting @ P::Adopting { .. }, E::CopyIntended { live }) if !self.has_begun_adoption() => {
                self.copy = Some(CopyRecord { live, end: None });
                adopting
            }
            (adopting @ P::Adopting { .. }, E::CopiedBack { written, conflicts, kept, missing })
                if self.is_copying() =>
            {
                if let Some(copy) = &mut self.copy {
                    copy.end = Some(CopyEnd { written, conflicts, kept, missing });
                }
                adopting
            }
            (adopting @ P::Adopting { .. }, E::AliasMoved { .. }) if !self.has_begun_adoption() => {
                self.has_alias_moved = true;
                adopting
            }
            (adopting @ P::Adopting { .. }, E::DeploymentPatched { deployment })
                if self.has_alias_moved && !self.patched.contains(&deployment) =>
            {
                self.patched.push(deployment);
                adopting
            }
            // The alias had moved before anybody could cancel.
            (canceling @ P::Canceling { dream: None }, E::DeploymentPatched { deployment })
                if self.candidate.is_some() && !self.patched.contains(&deployment) =>
            {
                self.patched.push(deployment);
                canceling
            }
            (adopting @ P::Adopting { .. }, E::SessionRequested)
                if self.has_alias_moved && self.session.is_none() =>
            {
                self.session = Some(SessionRecord { requested_at: at, session: None });
                adopting
            }
            (adopting @ P::Adopting { .. }, E::SessionNotSent) if self.is_session_in_doubt() => {
                self.session = None;
                adopting
            }
            (adopting @ P::Adopting { .. }, E::SessionCreated { session, .. })
                if self.is_session_in_doubt() =>
            {
                if let Some(record) = &mut self.session {
                    record.session = Some(session);
                }
                adopting
            }
            (P::Adopting { .. }, E::Adopted { hash, late_writes, late_merged, late_conflicts, .. })
                if !self.is_copying() && !self.is_session_in_doubt() =>
            {
                self.adopted_hash = Some(hash);
                self.note_adopted(late_writes, late_merged, late_conflicts);
                P::Adopted
            }
            (P::Canceling { .. }, E::Adopted { hash, late_writes, late_merged, late_conflicts, .. })
                if self.candidate.is_some() =>
            {
                self.adopted_hash = Some(hash);
                self.note_adopted(late_writes, late_merged, late_conflicts);
                P::Adopted
            }
            (P::Judged, E::Unchanged) => P::Unchanged,
            // A dream made elsewhere is not ours to stop.
            (P::Dreaming { dream, .. }, E::CancelAsked { .. }) => {
                P::Canceling { dream: self.plan.existing.is_none().then_some(dream) }
            }
            (P::Adopting { .. }, E::CancelAsked { .. }) if self.copy.is_some() => return Err(illegal),
            (
                P::Planned
                | P::Claimed
                | P::Ready { .. }
                | P::Requested { .. }
                | P::DreamFailed { .. }
                | P::OverBudget { .. }
                | P::Dreamed { .. }
                | P::Candidate
                | P::Judged
                | P::AwaitingReview(_)
                | P::Blocked(_)
                | P::Editing { .. }
                | P::Adopting { .. },
                E::CancelAsked { .. },
            ) => P::Canceling { dream: None },
            (
                P::Canceling { dream: Some(stopped) },
                E::DreamEnded { dream, status, output, usage, cost, changes, .. },
            ) if stopped == dream && status.is_final() => {
                self.note_end(status, output, usage, cost, changes);
                P::Canceling { dream: None }
            }
            (P::Canceling { .. }, E::Canceled) => P::Canceled,
            (P::Ready { .. } | P::Requested { .. } | P::Dreamed { .. }, E::Failed { because }) => {
                P::Failed(because)
            }
            (P::Adopting { .. }, E::Failed { because }) if self.is_copying() => P::Failed(because),
            (phase, E::Released) if phase.is_final() => {
                self.is_released = true;
                phase
            }
            _ => return Err(illegal),
        };
        self.phase = phase;
        Ok(self)
    }

    /// Notes how the dream at work ended.
    fn note_end(
        &mut self,
        status: DreamStatus,
        output: Option<MemoryStoreId>,
        usage: Usage,
        cost: Option<Usd>,
        changes: BTreeMap<ChangeKind, u64>,
    ) {
        if let Some(record) = self.dreams.last_mut() {
            record.status = Some(status);
            record.output = output;
            record.usage = usage;
            record.cost = cost;
            record.changes = changes;
        }
    }

    fn note_adopted(
        &mut self,
        late_writes: Vec<MemoryPath>,
        late_merged: Vec<Merged>,
        late_conflicts: Vec<Conflict>,
    ) {
        self.note_carried(late_writes);
        self.note_merged(late_merged);
        self.late_conflicts = late_conflicts;
    }

    /// Names each merged memory once, as it was merged last.
    fn note_merged(&mut self, merged: Vec<Merged>) {
        self.merged.retain(|old| merged.iter().all(|new| new.path != old.path));
        self.merged.extend(merged);
    }

    /// Names each live write once, however often its memory was written to.
    fn note_carried(&mut self, paths: Vec<MemoryPath>) {
        self.carried.extend(paths);
        self.carried.sort();
        self.carried.dedup();
    }

    /// Says whether adoption has effects by now that agents can see, so that it can only be finished.
    fn has_begun_adoption(&self) -> bool {
        self.copy.is_some() || self.has_alias_moved
    }

    /// Says whether the candidate is being written into the live store.
    pub fn is_copying(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.end.is_none())
    }

    /// Says whether a session was asked for, answer unknown.
    pub fn is_session_in_doubt(&self) -> bool {
        self.session.as_ref().is_some_and(|record| record.session.is_none())
    }

    fn is_candidate(&self, store: &MemoryStoreId) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| candidate.store == *store)
    }

    /// Returns the store the next dream reads: the last completed output, or the base.
    pub fn chain_head(&self) -> Option<&MemoryStoreId> {
        let completed = self.dreams.iter().rev().find(|d| d.status == Some(DreamStatus::Completed));
        completed.and_then(|d| d.output.as_ref()).or(self.base.as_ref().map(|base| &base.store))
    }

    /// Returns what all dreams so far cost at most.
    pub fn spent(&self) -> Usd {
        self.dreams.iter().filter_map(|d| d.cost).fold(Usd::default(), |sum, cost| sum + cost)
    }

    /// Returns what all dreams that ended cost at most, if that is known of each of them.
    pub fn known_cost(&self) -> Option<Usd> {
        self.dreams.iter().filter(|d| d.status.is_some()).map(|d| d.cost).sum()
    }

    /// Returns the tokens all dreams so far used.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        self.dreams.iter().for_each(|d| usage += d.usage);
        usage
    }

    /// Returns what the dreams of the chain did, counted by kind.
    pub fn changes(&self) -> BTreeMap<ChangeKind, u64> {
        let mut sums = BTreeMap::new();
        for (kind, n) in self.dreams.iter().flat_map(|d| &d.changes) {
            *sums.entry(*kind).or_default() += n;
        }
        sums
    }
}

#[cfg(test)]
mod tests;
