//! What must have been forgotten, and is in the candidate all the same.
//!
//! A rule forbids statements, headings and paths, and words that two of them say together, whether they came
//! back or never went: findings name the rule and the place, and never the text. What stands in other words is caught where the ledger knows it
//! for the heir of a forbidden statement.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ledger::forget::{Broken, ForgetList, Forgotten, Stands};
use crate::memory::MemoryPath;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of};

const LIMIT: &str = "block at 1";

/// Judges a candidate by what a store's forget list forbids.
pub(super) fn judge(file: &Path, evidence: &Evidence<'_>) -> Verdict {
    let list = match &evidence.rules.forget {
        Some(Ok(list)) => list,
        Some(Err(reason)) => return undecided(file, reason),
        None => return undecided(file, "it was not read"),
    };
    let mut findings = Vec::new();
    let live: BTreeSet<_> = evidence.ledger.before.iter().map(|old| old.hash).collect();
    for memory in evidence.after.iter() {
        for Broken { line, rule, stands } in list.broken_in(&memory.content) {
            let note = match stands {
                Stands::Statement(hash) if live.contains(&hash) => {
                    format!("rule `{}`, already in the live store", rule.name)
                }
                Stands::Statement(_) => format!("rule `{}`", rule.name),
                Stands::Beside => format!("rule `{}`, in a heading", rule.name),
                Stands::Across => format!("rule `{}`, with what follows", rule.name),
            };
            findings.push(Finding::of_line(&memory.path, line, note));
        }
    }
    findings.extend(evidence.after.iter().filter_map(|memory| in_path(list, &memory.path)));
    findings.extend(heirs(list, evidence));
    let outcome = if findings.is_empty() { Outcome::Pass } else { Outcome::Block };
    let measured = format!("{} found", count_of(findings.len() as u64, "forgotten text", "forgotten texts"));
    Verdict::new("forget", outcome, measured, LIMIT, findings)
}

fn undecided(file: &Path, reason: &str) -> Verdict {
    let finding = Finding::of_store(format!("{}: {reason}", file.display()));
    Verdict::new("forget", Outcome::Undecided, "the forget list could not be read", LIMIT, [finding])
}

fn in_path(list: &ForgetList, path: &MemoryPath) -> Option<Finding> {
    let rule = list.forbids_text(path.as_str())?;
    Some(Finding::of_memory(path, format!("rule `{}`, in the path", rule.name)))
}

/// Returns the heirs of statements that are forbidden by their hash, which no longer shows in them.
fn heirs(list: &ForgetList, evidence: &Evidence<'_>) -> Vec<Finding> {
    if !list.rules.iter().any(|rule| matches!(rule.what, Forgotten::Statement(_))) {
        return Vec::new();
    }
    let ledger = evidence.ledger;
    let mut findings = Vec::new();
    for (old, judged) in ledger.before.iter().zip(&ledger.fates) {
        let Some(rule) = list.forbids_hash(old.hash) else { continue };
        for heir in ledger.heirs(judged).filter(|heir| heir.hash != old.hash) {
            let note = format!("rule `{}`, in other words", rule.name);
            findings.push(Finding::of_line(heir.path, heir.statement.line, note));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::rules::Rules;
    use super::super::testing::*;
    use super::*;
    use crate::ledger::forget::{ForgetRule, hash_of_statement};
    use crate::snapshot::Snapshot;
    use crate::spec::pipeline::GateSpec;
    use crate::text::pattern;

    fn list() -> ForgetList {
        let rule = |name: &str, what| ForgetRule { name: name.to_owned(), what };
        ForgetList {
            rules: vec![
                rule("erasure-1", Forgotten::Pattern(pattern::compile("ann smith").unwrap())),
                rule("erasure-2", Forgotten::Statement(hash_of_statement("Bob's phone is 555-1234."))),
            ],
        }
    }

    fn judged(rules: &Rules, before: &Snapshot, after: &Snapshot) -> Verdict {
        let spec = GateSpec::Forget(PathBuf::from("forget/support.yaml"));
        with_evidence(before, after, |evidence| super::super::judge(&spec, &Evidence { rules, ..*evidence }))
    }

    #[test]
    fn what_comes_back_blocks_wherever_it_stands_and_is_not_quoted() {
        let rules = Rules { forget: Some(Ok(list())), ..Rules::default() };
        let before = store(&[("/a.md", "- **Ann** Smith left\n- Tea at four\n")]);
        let after = store(&[
            ("/a.md", "# About\n\n- **Ann** Smith left\n- Tea at four\n"),
            ("/b.md", "## Notes on A\u{200b}nn Smith\n\n- She likes tea\n- bob’s phone is **555-1234**\n"),
            ("/c.md", "- Call bob first. Bob's phone is 555-1234. Then wait.\n- Ann\n- Smith\n"),
            ("/people/ann-smith.md", "Nothing here.\n"),
        ]);
        insta::assert_json_snapshot!(judged(&rules, &before, &after), @r#"
        {
          "gate": "forget",
          "outcome": "block",
          "measured": "6 forgotten texts found",
          "limit": "block at 1",
          "findings": [
            {
              "path": "/a.md",
              "line": 3,
              "note": "rule `erasure-1`, already in the live store"
            },
            {
              "path": "/b.md",
              "line": 1,
              "note": "rule `erasure-1`, in a heading"
            },
            {
              "path": "/b.md",
              "line": 4,
              "note": "rule `erasure-2`"
            },
            {
              "path": "/c.md",
              "line": 1,
              "note": "rule `erasure-2`"
            },
            {
              "path": "/c.md",
              "line": 2,
              "note": "rule `erasure-1`, with what follows"
            },
            {
              "path": "/people/ann-smith.md",
              "note": "rule `erasure-1`, in the path"
            }
          ]
        }
        "#);
        let clean = store(&[("/a.md", "- Tea at four\n")]);
        assert_eq!(judged(&rules, &before, &clean).outcome, Outcome::Pass);
    }

    #[test]
    fn a_list_that_was_not_read_blocks() {
        let store = store(&[("/a.md", "Tea at four.")]);
        let unread = Rules { forget: Some(Err("no such file".to_owned())), ..Rules::default() };
        for rules in [unread, Rules::default()] {
            let verdict = judged(&rules, &store, &store);
            assert_eq!(verdict.outcome, Outcome::Undecided);
            assert!(verdict.findings[0].note.starts_with("forget/support.yaml: "));
        }
    }
}
