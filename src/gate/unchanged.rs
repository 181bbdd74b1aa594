//! Whether there is anything to adopt at all.

use crate::spec::pipeline::OnUnchanged;

use super::Evidence;
use super::verdict::{Outcome, Verdict};

/// Judges a candidate that may equal the live store.
pub(super) fn judge(on_unchanged: OnUnchanged, evidence: &Evidence<'_>) -> Verdict {
    if !evidence.diff.is_empty() {
        return Verdict::new("unchanged", Outcome::Pass, "the candidate differs from the live store", "", []);
    }
    let (outcome, limit) = match on_unchanged {
        OnUnchanged::Skip => (Outcome::Unchanged, "skip if unchanged"),
        OnUnchanged::Review => (Outcome::Review, "review if unchanged"),
        OnUnchanged::Pass => (Outcome::Pass, ""),
    };
    Verdict::new("unchanged", outcome, "the candidate equals the live store", limit, [])
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    #[test]
    fn only_an_equal_store_is_unchanged() {
        let one = store(&[("/a", "x")]);
        let other = store(&[("/b", "x")]);
        let table = [
            (OnUnchanged::Skip, &one, Outcome::Unchanged),
            (OnUnchanged::Review, &one, Outcome::Review),
            (OnUnchanged::Pass, &one, Outcome::Pass),
            (OnUnchanged::Skip, &other, Outcome::Pass),
            (OnUnchanged::Review, &other, Outcome::Pass),
        ];
        for (on_unchanged, after, outcome) in table {
            assert_eq!(judged(&GateSpec::Unchanged(on_unchanged), &one, after).outcome, outcome);
        }
    }
}
