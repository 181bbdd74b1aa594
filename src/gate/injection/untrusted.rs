//! Statements of the candidate that nobody but a tool is known to have said.

use crate::ledger::trust;
use crate::spec::pipeline::Level;

use super::super::verdict::Finding;
use super::super::{Evidence, count_of};
use super::Found;

/// Judges what the candidate says by who said it.
pub(super) fn judge(evidence: &Evidence<'_>, level: Level, found: &mut Found) {
    let untrusted = trust::untrusted(evidence.ledger, evidence.testimony, evidence.untrusted);
    for (at, reason) in untrusted {
        let located = &evidence.ledger.after[at];
        let finding = Finding::of_line(located.path, located.statement.line, reason.words());
        if evidence.untrusted.contains(&located.hash) {
            found.add_old(finding);
        } else {
            found.add(level, finding);
        }
    }
    let unread = evidence.testimony.unread;
    if unread > 0 && !evidence.diff.is_empty() {
        let sessions = count_of(unread, "session", "sessions");
        found.outcome = found.outcome.max(level.into());
        found.remark = format!(", {sessions} could not be read");
        let note = format!("{sessions} could not be read: who said what is new in them is not known");
        found.findings.push(Finding::of_store(note));
    }
}
