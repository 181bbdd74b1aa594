//! Approvals: what a person agreed to, and how long that holds.
//!
//! A person agrees to one candidate in place of one live store, as the gates had judged the two. Agents go on
//! writing meanwhile, and their writes are carried over into the candidate before it is adopted. The approval
//! is carried over with them, and nobody is asked again, as long as all of this is so:
//!
//! 1. No write met the dream: each went into a memory that the dream had left as it was, or came to what the
//!    dream had made of it, and is in the candidate as the agent wrote it.
//! 2. Everything else of the candidate is what the person saw.
//! 3. No gate answers worse, or objects to a place it did not object to before.
//! 4. The pipeline does not want every live write to be seen (`drift: review`).
//!
//! So nothing is adopted that the person did not see, but for what was live already and wins anyway. A
//! conflict, two edits merged into one memory, a worse gate, a candidate that somebody changed: each asks again.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::verdict::{Finding, Outcome, Verdict};
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::{Snapshot, SnapshotIndex};

/// A person's yes to one candidate in place of one live store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// The candidate they saw.
    pub candidate: ContentHash,
    /// The live store they saw it against.
    pub live: ContentHash,
    /// The gates they overrode, by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub overrides: BTreeSet<String>,
}

/// An approval with what became of it since.
#[derive(Debug, Clone, Copy)]
pub struct Approved<'a> {
    /// As it was given.
    pub given: &'a Approval,
    /// What the gates had said by then.
    pub seen: &'a [Verdict],
    /// The candidate and the live store it was carried over to, if it was.
    pub carried_to: Option<(ContentHash, ContentHash)>,
}

impl Approved<'_> {
    /// Says whether it counts for a candidate in place of a live store, as judged. It is taken as it was
    /// given, or also as it was carried over if `may_be_carried`.
    pub fn stands(
        &self,
        candidate: ContentHash,
        live: ContentHash,
        verdicts: &[Verdict],
        may_be_carried: bool,
    ) -> bool {
        match self.carried_to {
            None => (self.given.candidate, self.given.live) == (candidate, live),
            Some(to) => may_be_carried && to == (candidate, live) && is_no_worse(self.seen, verdicts),
        }
    }
}

/// Says whether live writes left alone what a dream made of a store: `merged` is `candidate` with the writes
/// in it that turned `base` into `live`.
pub fn leaves_the_dream(
    base: &SnapshotIndex,
    live: &Snapshot,
    candidate: &Snapshot,
    merged: &Snapshot,
) -> bool {
    let paths: BTreeSet<&MemoryPath> = base
        .entries
        .keys()
        .chain(
            [live, candidate, merged].into_iter().flat_map(|store| store.iter().map(|memory| &memory.path)),
        )
        .collect();
    let held = |store: &Snapshot, path: &MemoryPath| store.get(path).map(|memory| memory.hash);
    paths.into_iter().all(|path| {
        let was = base.entries.get(path).map(|entry| entry.hash);
        let (now, dreamt, merged) = (held(live, path), held(candidate, path), held(merged, path));
        if now == was { merged == dreamt } else { merged == now && (dreamt == was || dreamt == now) }
    })
}

/// Says whether gates answer as mildly as before, and those that object do so nowhere else. Where in a memory
/// does not count: a write above a place moves it.
pub fn is_no_worse(before: &[Verdict], now: &[Verdict]) -> bool {
    now.iter().all(|verdict| {
        let Some(seen) = before.iter().find(|seen| seen.gate == verdict.gate) else {
            return verdict.outcome < Outcome::Review;
        };
        let (old, new) = (counted(&seen.findings), counted(&verdict.findings));
        let is_known = || new.iter().all(|(place, count)| old.get(place).is_some_and(|seen| count <= seen));
        verdict.outcome <= seen.outcome && (verdict.outcome < Outcome::Review || is_known())
    })
}

fn counted(findings: &[Finding]) -> BTreeMap<(Option<&MemoryPath>, &str), usize> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        *counts.entry((finding.path.as_ref(), finding.note.as_ref())).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::change_set::tests::{any_store, store};
    use super::super::reading::Reading;
    use super::super::rebase::rebase;
    use super::*;

    #[test]
    fn a_live_write_leaves_the_dream_only_where_the_two_did_not_meet() {
        // One memory: base, live, candidate, merged.
        let table = [
            ("1", "1", "1", "1", true),
            ("1", "1", "2", "2", true),
            ("1", "2", "1", "2", true),
            ("", "2", "", "2", true),
            ("1", "", "1", "", true),
            ("1", "2", "2", "2", true),
            ("1", "", "", "", true),
            // Both changed it, and one side won or both were merged.
            ("1", "2", "3", "2", false),
            ("1", "2", "3", "3", false),
            ("1", "2", "3", "2+3", false),
            ("1", "2", "", "2", false),
            ("1", "", "3", "", false),
            ("", "2", "3", "2", false),
            // Somebody else changed the candidate.
            ("1", "1", "2", "4", false),
            ("1", "2", "1", "1", false),
            ("", "", "", "4", false),
        ];
        for (base, live, candidate, merged, expected) in table {
            let side = |text: &str| if text.is_empty() { store(&[]) } else { store(&[("/a", text)]) };
            let got = leaves_the_dream(&side(base).index(), &side(live), &side(candidate), &side(merged));
            assert_eq!(got, expected, "{base:?} {live:?} {candidate:?} {merged:?}");
        }
    }

    proptest! {
        #[test]
        fn what_leaves_the_dream_adds_nothing_that_was_not_live_or_seen(
            base in any_store(), live in any_store(), candidate in any_store(),
        ) {
            let texts = base.iter().map(|memory| (memory.path.clone(), vec![memory.content.clone()])).collect();
            let plan = rebase(&base.index(), &Reading::default(), &texts, &live, &candidate);
            let merged = plan.writes_with_live_winning(&live, &candidate).apply(&candidate).unwrap();
            let leaves = leaves_the_dream(&base.index(), &live, &candidate, &merged);
            prop_assert!(!leaves || plan.conflicts.is_empty());
            for memory in merged.iter().filter(|_| leaves) {
                let is_in = |store: &Snapshot| store.get(&memory.path).is_some_and(|m| m.hash == memory.hash);
                prop_assert!(is_in(&candidate) || is_in(&live), "{}", memory.path);
            }
        }
    }

    fn verdict(gate: &str, outcome: Outcome, findings: &[(&str, u64, &'static str)]) -> Verdict {
        let finding = |&(path, line, note): &(&str, u64, &'static str)| Finding {
            path: MemoryPath::parse(path).ok(),
            line: Some(line),
            note: note.into(),
        };
        Verdict::new(gate, outcome, "", "", findings.iter().map(finding))
    }

    #[test]
    fn gates_are_worse_by_their_answer_or_by_a_place_that_is_new() {
        use Outcome::{Block, Pass, Review, Undecided};
        let lost = |outcome, findings: &[(&str, u64, &'static str)]| vec![verdict("lost", outcome, findings)];
        let (one, moved) = (&[("/a", 3, "lost")][..], &[("/a", 9, "lost")][..]);
        let (two, other) = (&[("/a", 3, "lost"), ("/a", 4, "lost")][..], &[("/b", 3, "lost")][..]);
        let table = [
            (lost(Pass, &[]), lost(Pass, &[]), true),
            (lost(Pass, &[]), lost(Pass, one), true),
            (lost(Pass, &[]), lost(Review, one), false),
            (lost(Review, one), lost(Pass, &[]), true),
            (lost(Review, one), lost(Review, one), true),
            (lost(Review, one), lost(Review, moved), true),
            (lost(Review, two), lost(Review, one), true),
            (lost(Review, one), lost(Review, two), false),
            (lost(Review, one), lost(Review, other), false),
            (lost(Review, one), lost(Block, one), false),
            (lost(Block, one), lost(Review, one), true),
            (lost(Block, one), lost(Undecided, one), false),
            (Vec::new(), lost(Pass, one), true),
            (Vec::new(), lost(Review, one), false),
        ];
        for (before, now, expected) in table {
            assert_eq!(is_no_worse(&before, &now), expected, "{before:?} {now:?}");
        }
    }
}
