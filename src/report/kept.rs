//! What a run did to statements by the ledger that was kept of it, in the words that can still be had.
//!
//! A ledger is what the run was held to. Judging again may say otherwise, since texts and sessions go and the
//! judge learns; its reasons are told where it agrees.

use std::collections::{BTreeMap, HashMap};

use crate::gate::masked::MaskedMemory;
use crate::ledger::Fate;
use crate::ledger::record::{RunLedger, StatementRecord};
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::normal::normal;
use crate::text::statement::statements;

use super::fates::{FateRow, Quoted, SaidRow};

/// What stands for words that are gone.
pub const GONE: &str = "(its text is kept nowhere any more)";

/// A statement by place and words.
type Name<'a> = (&'a MemoryPath, u64, ContentHash);

/// Returns what became of statements by a kept ledger, worst first. `judged` is what judging again gives, and
/// tells of the statements that were kept as well.
pub fn rows(kept: &RunLedger, judged: Vec<FateRow>, before: &Snapshot, after: &Snapshot) -> Vec<FateRow> {
    let records: HashMap<Name<'_>, &StatementRecord> =
        kept.statements.iter().map(|record| ((&record.path, record.line, record.hash), record)).collect();
    let (mut before, mut after) = (Words::of(before), Words::of(after));
    let mut known: HashMap<(MemoryPath, u64, ContentHash), FateRow> = HashMap::new();
    let mut rows = Vec::new();
    for row in judged {
        let at = &row.statement;
        match records.get(&(&at.path, at.line, at.hash)) {
            Some(record) if is_of(record, &row) => {
                known.insert((at.path.clone(), at.line, at.hash), row);
            }
            Some(_) => {}
            None if row.fate == Fate::Kept => rows.push(row),
            None => {
                let because = "in the same words".to_owned();
                rows.push(FateRow { fate: Fate::Kept, heirs: Vec::new(), because, said: None, ..row });
            }
        }
    }
    let told = kept.statements.iter().map(|record| {
        let again = known.remove(&(record.path.clone(), record.line, record.hash));
        again.unwrap_or_else(|| row_of(record, &mut before, &mut after))
    });
    let told: Vec<FateRow> = told.collect();
    rows.splice(0..0, told);
    rows.sort_by_key(|row| std::cmp::Reverse(row.fate));
    rows
}

/// Says whether judging again came to the same.
fn is_of(record: &StatementRecord, row: &FateRow) -> bool {
    let heirs = record.heirs.iter().map(|heir| (&heir.path, heir.line, heir.hash));
    record.fate == row.fate && heirs.eq(row.heirs.iter().map(|heir| (&heir.path, heir.line, heir.hash)))
}

fn row_of(record: &StatementRecord, before: &mut Words<'_>, after: &mut Words<'_>) -> FateRow {
    let heirs = record.heirs.iter().map(|heir| after.quote(&heir.path, heir.line, heir.hash));
    FateRow {
        fate: record.fate,
        statement: before.quote(&record.path, record.line, record.hash),
        heirs: heirs.collect(),
        because: "as it was judged then".to_owned(),
        said: record.said.as_ref().map(|event| SaidRow {
            session: event.session.clone(),
            event: event.event,
            speaker: None,
            at: None,
            words: None,
        }),
    }
}

/// The statements of a snapshot, redacted, by place and words; each memory is read once.
struct Words<'a> {
    snapshot: &'a Snapshot,
    read: HashMap<&'a MemoryPath, BTreeMap<(u64, ContentHash), Quoted>>,
}

impl<'a> Words<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, read: HashMap::new() }
    }

    fn quote(&mut self, path: &MemoryPath, line: u64, hash: ContentHash) -> Quoted {
        let held = self.snapshot.get(path).and_then(|memory| {
            let read = self.read.entry(&memory.path).or_insert_with(|| {
                let masked = MaskedMemory::of(&memory.content);
                let quoted = |one: &crate::text::statement::Statement<'_>| {
                    let (line, hash) = (one.line as u64, ContentHash::of(normal(one.text)));
                    let headings =
                        one.headings.iter().map(|text| masked.heading(text).into_owned()).collect();
                    let text = masked.text(one).into_owned();
                    ((line, hash), Quoted { path: memory.path.clone(), line, hash, headings, text })
                };
                statements(&memory.content).iter().map(quoted).collect()
            });
            read.get(&(line, hash)).cloned()
        });
        let gone = || Quoted { path: path.clone(), line, hash, headings: Vec::new(), text: GONE.to_owned() };
        held.unwrap_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::diff::StoreDiff;
    use crate::ids::{PipelineName, RunId};
    use crate::ledger::forget::ForgetList;
    use crate::ledger::testimony::Testimony;
    use crate::ledger::{Context, Ledger};
    use crate::memory::Memory;
    use crate::report::fates::Fates;

    fn store(memories: &[(&str, &str)]) -> Snapshot {
        memories.iter().map(|(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), *text)).collect()
    }

    /// Judges two stores, and tells what was kept of that with the texts that are left of the second.
    fn told(before: &Snapshot, after: &Snapshot, left: &Snapshot) -> Vec<String> {
        let (testimony, forget) = (Testimony::default(), ForgetList::default());
        let context = Context { testimony: &testimony, forget: &forget, now: None };
        let ledger = Ledger::of(before, after, &context);
        let run = RunId::new(PipelineName::parse("nightly").unwrap(), 1);
        let (diff, hashes) = (StoreDiff::between(before, after), (before.hash(), after.hash()));
        let kept = RunLedger::of(run, Timestamp::UNIX_EPOCH, hashes, &diff, &ledger, BTreeSet::new());
        let again = Ledger::of(before, left, &context);
        let judged = Fates::of(&again, before, left, &testimony).rows(|_, _| true);
        let told = |row: FateRow| {
            let heirs: Vec<&str> = row.heirs.iter().map(|heir| heir.text.as_str()).collect();
            format!("{}: {} [{}] {}", row.fate, row.statement.text, heirs.join(", "), row.because)
        };
        rows(&kept, judged, before, left).into_iter().map(told).collect()
    }

    #[test]
    fn fates_are_those_that_were_kept_and_words_those_that_are_left() {
        let before = store(&[("/a.md", "- The canary takes 15 minutes.\n- Tea at four.\n- Zebras graze.\n")]);
        let after = store(&[("/a.md", "- Tea at four.\n"), ("/b.md", "- The canary takes 15 minutes.\n")]);
        assert_eq!(
            told(&before, &after, &after),
            [
                "lost: Zebras graze. [] nothing says it any more",
                "moved: The canary takes 15 minutes. [The canary takes 15 minutes.] in the same words",
                "kept: Tea at four. [Tea at four.] in the same words",
            ]
        );
        assert_eq!(
            told(&before, &after, &store(&[])),
            [
                "lost: Zebras graze. [] nothing says it any more",
                "moved: The canary takes 15 minutes. [(its text is kept nowhere any more)] as it was judged then",
                "kept: Tea at four. [] in the same words",
            ]
        );
    }
}
