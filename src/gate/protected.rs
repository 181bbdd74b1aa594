//! Paths that no dream may touch (add, remove, edit, or move to or from), and statements that have to
//! stay in their own words.
//!
//! A pinned statement may move to another memory, unless its pin names one. Struck out, ticked off, asked, or
//! under a heading that takes it back it is not kept. A pin whose statement the live store does not hold guards
//! nothing, so a person is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Change, EntryDiff};
use crate::ledger::Located;
use crate::memory::{ContentHash, MemoryPath};
use crate::spec::pipeline::{Level, Pin};

use super::globs::{self, Globs};
use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, withdrawn};

/// Judges a candidate by the paths it touches and the statements it keeps.
pub(super) fn judge(globs: &[String], pins: &[Pin], on_change: Level, evidence: &Evidence<'_>) -> Verdict {
    let level = match on_change {
        Level::Review => "review",
        Level::Block => "block",
    };
    let mut limit = Vec::new();
    if !globs.is_empty() {
        limit.push(format!("{level} on a change under {}", globs.join(", ")));
    }
    if !pins.is_empty() {
        let count = count_of(pins.len() as u64, "pinned statement", "pinned statements");
        limit.push(format!("{level} on a change of {count}"));
    }
    let limit = limit.join("; ");
    let set = match Globs::compile(globs) {
        Ok(set) => set,
        Err(error) => return globs::unreadable("protected", limit, &error),
    };
    let mut findings: Vec<_> = evidence.diff.entries.iter().flat_map(|entry| touches(entry, &set)).collect();
    let mut outcome = if findings.is_empty() { Outcome::Pass } else { on_change.into() };
    let mut measured = Vec::new();
    if !globs.is_empty() {
        let paths = count_of(findings.len() as u64, "protected path", "protected paths");
        measured.push(format!("{paths} touched"));
    }
    if !pins.is_empty() {
        let (mut changed, mut missing) = (0_u64, 0_u64);
        for (answer, found) in held(pins, evidence) {
            match answer {
                Held::Kept => continue,
                Held::Changed => {
                    changed += 1;
                    outcome = outcome.max(on_change.into());
                }
                Held::Unknown => {
                    missing += 1;
                    outcome = outcome.max(Outcome::Review);
                }
            }
            findings.extend(found);
        }
        let total = count_of(pins.len() as u64, "pinned statement", "pinned statements");
        measured.push(format!("{changed} of {total} changed"));
        if missing > 0 {
            measured.push(format!("{missing} not in the live store"));
        }
    }
    Verdict::new("protected", outcome, measured.join(", "), limit, findings)
}

/// What became of a pinned statement.
enum Held {
    Kept,
    Changed,
    Unknown,
}

/// Looks for each pin in both stores.
fn held(pins: &[Pin], evidence: &Evidence<'_>) -> Vec<(Held, Option<Finding>)> {
    let wanted: BTreeSet<ContentHash> = pins.iter().map(|pin| pin.hash).collect();
    let (before, after) = (places(&evidence.ledger.before, &wanted), places(&evidence.ledger.after, &wanted));
    let known: BTreeSet<ContentHash> = evidence.ledger.before.iter().map(|old| old.hash).collect();
    let is_in_place =
        |located: &&&Located<'_>, pin: &Pin| pin.path.as_ref().is_none_or(|path| path == located.path);
    let judge = |pin: &Pin| {
        let old = before.get(&pin.hash).map(Vec::as_slice).unwrap_or_default();
        let new = after.get(&pin.hash).map(Vec::as_slice).unwrap_or_default();
        let pinned = format!("pinned at {}:{}", pin.file.display(), pin.line);
        let stood = old.iter().find(|located| is_in_place(located, pin)).copied();
        let here: Vec<_> = new.iter().filter(|located| is_in_place(located, pin)).collect();
        // What was in force has to be; what was not stays what it was.
        let mut rules: Vec<_> = old.iter().filter(|old| withdrawn::still_holds(old, None)).collect();
        if rules.is_empty() {
            rules.extend(old);
        }
        let is_kept = |new: &&&Located<'_>| {
            let is_as_before = match rules.as_slice() {
                [] => withdrawn::still_holds(new, None),
                rules => rules.iter().any(|old| withdrawn::still_holds(new, Some(old))),
            };
            is_as_before && !is_taken_back_below(new, &evidence.ledger.after, &known)
        };
        if here.iter().any(is_kept) {
            return (Held::Kept, None);
        }
        let taken_back = |at: &Located<'_>| {
            format!("{pinned}, stands at {}:{} and is taken back there", at.path, at.statement.line)
        };
        let Some(stood) = stood else {
            if let Some(new) = here.first() {
                let finding = Finding::of_line(new.path, new.statement.line, taken_back(new));
                return (Held::Changed, Some(finding));
            }
            let note = match &pin.path {
                Some(path) => format!("{path} of the live store does not hold the statement {pinned}"),
                None => format!("the live store does not hold the statement {pinned}"),
            };
            return (Held::Unknown, Some(Finding::of_store(note)));
        };
        let note = match (here.first(), new.first()) {
            (Some(new), _) => taken_back(new),
            (None, Some(to)) => format!("{pinned}, now at {}:{}", to.path, to.statement.line),
            (None, None) => format!("{pinned}, not in the candidate in these words"),
        };
        (Held::Changed, Some(Finding::of_line(stood.path, stood.statement.line, note)))
    };
    pins.iter().map(judge).collect()
}

/// Says whether an item below a statement, which the live store does not hold, takes it back.
fn is_taken_back_below(pinned: &Located<'_>, after: &[Located<'_>], known: &BTreeSet<ContentHash>) -> bool {
    let is_below = |other: &&Located<'_>| {
        other.path == pinned.path && other.statement.parents.last() == Some(&pinned.statement.text)
    };
    let mut below = after.iter().filter(is_below);
    below.any(|other| !known.contains(&other.hash) && withdrawn::takes_back(other.statement.text))
}

/// Finds the statements of some hashes.
fn places<'a, 's>(
    statements: &'s [Located<'a>],
    wanted: &BTreeSet<ContentHash>,
) -> BTreeMap<ContentHash, Vec<&'s Located<'a>>> {
    let mut places: BTreeMap<ContentHash, Vec<&Located<'_>>> = BTreeMap::new();
    for located in statements.iter().filter(|located| wanted.contains(&located.hash)) {
        places.entry(located.hash).or_default().push(located);
    }
    places
}

fn touches(entry: &EntryDiff, set: &Globs) -> Vec<Finding> {
    let guarded = |path: &MemoryPath| set.cover(path);
    match (entry.change(), entry.moved_from()) {
        (Change::Moved, Some(from)) => {
            let to = entry.path();
            let mut findings = Vec::new();
            if guarded(from) {
                findings.push(Finding::of_memory(from, format!("moved to {to}")));
            }
            if guarded(to) {
                findings.push(Finding::of_memory(to, format!("moved here from {from}")));
            }
            findings
        }
        (change, _) if guarded(entry.path()) => vec![Finding::of_memory(entry.path(), change.to_string())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    fn spec(paths: &[&str]) -> GateSpec {
        let paths = paths.iter().map(|p| (*p).to_owned()).collect();
        GateSpec::Protected { paths, statements: Vec::new(), on_change: Level::Block }
    }

    #[test]
    fn globs_cover_what_their_author_meant() {
        let table = [
            ("/policy/**", "/policy/a/b.md", true),
            ("policy/**", "/policy/a.md", true),
            ("/policy", "/policy/a.md", true),
            ("/policy/", "/policy/a/b.md", true),
            ("/policy", "/policy", true),
            ("/policy", "/policy-drafts/a.md", false),
            ("/*.md", "/a.md", true),
            ("/*.md", "/a/b.md", false),
            ("**/*.md", "/a/b.md", true),
            ("/**", "/a", true),
            ("/{legal,policy}/*", "/legal/a", true),
            ("/Policy/**", "/policy/a", false),
        ];
        for (glob, path, is_guarded) in table {
            let verdict = judged(&spec(&[glob]), &store(&[]), &store(&[(path, "x")]));
            assert_eq!(verdict.outcome == Outcome::Block, is_guarded, "{glob} over {path}");
        }
    }

    #[test]
    fn every_way_of_touching_a_path_counts() {
        let before = store(&[
            ("/p/gone", "1"),
            ("/p/edited", "2"),
            ("/p/left", "3"),
            ("/same", "4"),
            ("/in", "5"),
            ("/p/same", "6"),
        ]);
        let after = store(&[
            ("/p/new", "7"),
            ("/p/edited", "8"),
            ("/out", "3"),
            ("/same", "9"),
            ("/p/came", "5"),
            ("/p/same", "6"),
        ]);
        let verdict = judged(&spec(&["/p/**"]), &before, &after);
        assert_eq!(verdict.measured, "5 protected paths touched");
        let findings: Vec<_> =
            verdict.findings.iter().map(|f| format!("{} {}", f.path.as_ref().unwrap(), f.note)).collect();
        assert_eq!(
            findings,
            [
                "/p/came moved here from /in",
                "/p/edited edited",
                "/p/gone removed",
                "/p/left moved to /out",
                "/p/new added",
            ]
        );
        assert_eq!(judged(&spec(&["/q"]), &before, &after).outcome, Outcome::Pass);
    }

    #[test]
    fn a_glob_that_cannot_be_read_decides_nothing() {
        for glob in ["/a/[", "/{a", "/[z-a]"] {
            let verdict = judged(&spec(&[glob]), &store(&[]), &store(&[("/a", "x")]));
            assert_eq!(verdict.outcome, Outcome::Undecided, "{glob}");
            assert_eq!(verdict.findings.len(), 1);
        }
    }

    fn pin(text: &str, path: Option<&str>) -> Pin {
        Pin {
            hash: ContentHash::of(crate::text::normal::normal(text)),
            path: path.map(|path| MemoryPath::parse(path).unwrap()),
            file: "pipelines/p.yaml".into(),
            line: 9,
        }
    }

    #[test]
    fn a_pinned_statement_stays_in_its_own_words() {
        let before =
            store(&[("/a.md", "- Never deploy on Fridays.\n- Lunch is at noon.\n"), ("/b.md", "- One.\n")]);
        let anywhere = pin("never deploy on Fridays", None);
        let in_a = pin("never deploy on Fridays", Some("/a.md"));
        let kept = store(&[("/a.md", "- **Never** deploy on Fridays\n")]);
        let moved = store(&[("/b.md", "- One.\n- Never deploy on Fridays.\n")]);
        let altered = store(&[("/a.md", "- Deploy on Fridays.\n")]);
        let table = [
            (&anywhere, &before, Outcome::Pass, ""),
            (&anywhere, &kept, Outcome::Pass, ""),
            (&anywhere, &moved, Outcome::Pass, ""),
            (
                &anywhere,
                &altered,
                Outcome::Block,
                "pinned at pipelines/p.yaml:9, not in the candidate in these words",
            ),
            (&in_a, &kept, Outcome::Pass, ""),
            (&in_a, &moved, Outcome::Block, "pinned at pipelines/p.yaml:9, now at /b.md:2"),
            (
                &in_a,
                &altered,
                Outcome::Block,
                "pinned at pipelines/p.yaml:9, not in the candidate in these words",
            ),
        ];
        for (pin, after, outcome, note) in table {
            let spec = GateSpec::Protected {
                paths: Vec::new(),
                statements: vec![pin.clone()],
                on_change: Level::Block,
            };
            let verdict = judged(&spec, &before, after);
            assert_eq!(verdict.outcome, outcome, "{verdict:?}");
            assert_eq!(verdict.findings.first().map_or("", |f| f.note.as_ref()), note);
        }
    }

    #[test]
    fn a_pinned_statement_that_is_taken_back_is_not_kept() {
        let pinned = pin("never deploy on Fridays", None);
        let spec = |pin: &Pin| GateSpec::Protected {
            paths: Vec::new(),
            statements: vec![pin.clone()],
            on_change: Level::Block,
        };
        let before = store(&[("/a.md", "# Deploy\n\n- Never deploy on Fridays.\n- Lunch is at noon.\n")]);
        let taken_back = [
            "# Deploy\n\n- ~~Never deploy on Fridays.~~\n",
            "# Deploy\n\n- ~~Never deploy~~ on Fridays.\n",
            "# Deploy\n\n- **~~Never deploy on Fridays~~**\n",
            "# Deploy\n\n- [x] Never deploy on Fridays.\n",
            "# Deploy\n\n- Never deploy on Fridays?\n",
            "# Deploy\n\n<!-- Never deploy on Fridays. -->\n",
            "# Deploy\n\n## No longer hold\n\n- Never deploy on Fridays.\n",
            "# Obsolete\n\n- Never deploy on Fridays.\n",
            "# Deploy\n\nThese rules do not apply any more:\n\n- Never deploy on Fridays.\n",
            "# Deploy\n\n- Deprecated\n  - Never deploy on Fridays.\n",
            "# Deploy\n\n- Never deploy on Fridays.\n  - This no longer applies.\n",
            "# Deploy\n\n| Wrong |\n|---|\n| Never deploy on Fridays |\n",
        ];
        for text in taken_back {
            let verdict = judged(&spec(&pinned), &before, &store(&[("/a.md", text)]));
            assert_eq!(verdict.outcome, Outcome::Block, "{text}");
            let verdict = judged(&spec(&pinned), &store(&[]), &store(&[("/a.md", text)]));
            assert_ne!(verdict.outcome, Outcome::Pass, "{text} that the live store did not hold");
        }
        let verdict = judged(&spec(&pinned), &before, &store(&[("/b.md", taken_back[0])]));
        let note = "pinned at pipelines/p.yaml:9, stands at /b.md:3 and is taken back there";
        assert_eq!(verdict.findings[0].note, note);
        let kept = [
            "# Releases\n\n- **Never** deploy on Fridays\n",
            "# Old\n\n- ~~Never deploy on Fridays.~~\n\n# Deploy\n\n- Never deploy on Fridays.\n",
            "# Deploy\n\n- [ ] Never deploy on Fridays.\n",
            "# Deploy\n\n- Never deploy on Fridays.\n  - Nor on the day before a holiday.\n",
        ];
        for text in kept {
            let verdict = judged(&spec(&pinned), &before, &store(&[("/a.md", text)]));
            assert_eq!(verdict.outcome, Outcome::Pass, "{text}");
        }
        let asked = "# Wrong turns\n\n- Never deploy on Fridays?\n- ~~Never deploy on Fridays~~\n";
        let as_it_was = judged(&spec(&pinned), &store(&[("/a.md", asked)]), &store(&[("/a.md", asked)]));
        assert_eq!(as_it_was.outcome, Outcome::Pass, "what was no rule before is none now");
        let both = store(&[("/a.md", &format!("- Never deploy on Fridays\n\n{asked}"))]);
        let only_asked = judged(&spec(&pinned), &both, &store(&[("/a.md", asked)]));
        assert_eq!(only_asked.outcome, Outcome::Block, "the rule is gone, and what was none is not it");
    }

    #[test]
    fn a_pin_without_its_statement_is_told_and_one_that_comes_is_fine() {
        let spec = GateSpec::Protected {
            paths: vec!["/x".to_owned()],
            statements: vec![pin("One", None), pin("Two", Some("/b.md")), pin("Three", None)],
            on_change: Level::Block,
        };
        let (before, after) = (store(&[("/a.md", "- Two.\n")]), store(&[("/a.md", "- Two.\n- Three.\n")]));
        let verdict = judged(&spec, &before, &after);
        assert_eq!(verdict.outcome, Outcome::Review);
        assert_eq!(
            verdict.measured,
            "0 protected paths touched, 0 of 3 pinned statements changed, 2 not in the live store"
        );
        assert_eq!(verdict.limit, "block on a change under /x; block on a change of 3 pinned statements");
        let notes: Vec<_> = verdict.findings.iter().map(|f| f.note.as_ref()).collect();
        assert_eq!(
            notes,
            [
                "/b.md of the live store does not hold the statement pinned at pipelines/p.yaml:9",
                "the live store does not hold the statement pinned at pipelines/p.yaml:9",
            ]
        );
    }
}
