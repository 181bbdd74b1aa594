//! What may happen to entries, by path.
//!
//! For each path and kind of change, the first rule that covers the path and names that change decides;
//! what no rule names is allowed. A move is asked about twice, where the entry leaves and where it
//! arrives, and the stricter answer counts. Where no rule that covers a path names moves, leaving it is a
//! removal and arriving there an addition, so that nothing is taken away by moving it. If the content changed
//! as well, that is an edit of where it arrives.

use crate::diff::EntryDiff;
use crate::ledger::Fate;
use crate::memory::MemoryPath;
use crate::spec::pipeline::{Permission, PolicyRule};

use super::globs::{self, Globs};
use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of};

/// Judges a candidate by what it did where.
pub(super) fn judge(rules: &[PolicyRule], evidence: &Evidence<'_>) -> Verdict {
    let limit = rules.iter().map(words).collect::<Vec<_>>().join("; ");
    let mut compiled = Vec::with_capacity(rules.len());
    for rule in rules {
        match Globs::compile(&rule.paths) {
            Ok(globs) => compiled.push((globs, rule)),
            Err(error) => return globs::unreadable("policy", limit, &error),
        }
    }
    let named = |path: &MemoryPath, change: fn(&PolicyRule) -> Option<Permission>| {
        compiled.iter().filter(|(globs, _)| globs.cover(path)).find_map(|(_, rule)| change(rule))
    };
    let outcome_of = |answer: Option<Permission>| match answer.unwrap_or(Permission::Allow) {
        Permission::Allow => Outcome::Pass,
        Permission::Review => Outcome::Review,
        Permission::Block => Outcome::Block,
    };
    let ask = |path: &MemoryPath, change| outcome_of(named(path, change));
    let ask_of_move = |path: &MemoryPath, otherwise| {
        outcome_of(named(path, |rule| rule.moving).or_else(|| named(path, otherwise)))
    };
    let mut outcome = Outcome::Pass;
    let mut findings = Vec::new();
    let mut tell = |answer: Outcome, finding: &dyn Fn() -> Finding| {
        if answer > Outcome::Pass {
            findings.push(finding());
        }
        outcome = outcome.max(answer);
    };
    for entry in &evidence.diff.entries {
        let path = entry.path();
        match entry {
            EntryDiff::Added(_) => {
                tell(ask(path, |rule| rule.add), &|| Finding::of_memory(path, "added"));
            }
            EntryDiff::Removed(_) => {
                tell(ask(path, |rule| rule.remove), &|| Finding::of_memory(path, "removed"));
            }
            EntryDiff::Edited { .. } => {
                tell(ask(path, |rule| rule.edit), &|| Finding::of_memory(path, "edited"));
            }
            EntryDiff::Moved { before, .. } => {
                let from = &before.path;
                let answer = ask_of_move(from, |rule| rule.remove).max(ask_of_move(path, |rule| rule.add));
                tell(answer, &|| Finding::of_memory(path, format!("moved here from {from}")));
                if entry.has_other_content() {
                    tell(ask(path, |rule| rule.edit), &|| Finding::of_memory(path, "edited"));
                }
            }
        }
    }
    for (old, _) in evidence.ledger.with_fate(Fate::Lost) {
        tell(ask(old.path, |rule| rule.lose), &|| {
            Finding::of_line(old.path, old.statement.line, "a statement lost")
        });
    }
    let count = findings.len() as u64;
    let measured = match count {
        0 => "every change is allowed".to_owned(),
        _ => format!("{} not allowed without a person", count_of(count, "change", "changes")),
    };
    Verdict::new("policy", outcome, measured, limit, findings)
}

fn words(rule: &PolicyRule) -> String {
    let PolicyRule { paths, add, edit, remove, moving, lose } = rule;
    let changes = [("add", add), ("edit", edit), ("remove", remove), ("move", moving), ("lose", lose)];
    let named: Vec<_> = changes
        .into_iter()
        .filter_map(|(change, permission)| {
            let word = match (*permission)? {
                Permission::Allow => "allowed",
                Permission::Review => "reviewed",
                Permission::Block => "blocked",
            };
            Some(format!("{change} is {word}"))
        })
        .collect();
    format!("under {}: {}", paths.join(", "), named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    fn rule(paths: &[&str]) -> PolicyRule {
        PolicyRule { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..PolicyRule::default() }
    }

    const REVIEW: Option<Permission> = Some(Permission::Review);
    const BLOCK: Option<Permission> = Some(Permission::Block);
    const ALLOW: Option<Permission> = Some(Permission::Allow);

    #[test]
    fn each_change_is_asked_about_by_its_name() {
        let before = store(&[("/p/a", "- one"), ("/p/b", "- two"), ("/p/c", "- three")]);
        let kept = [("/p/a", "- one"), ("/p/b", "- two"), ("/p/c", "- three")];
        let with = |entries: &[(&str, &str)]| store(entries);
        let table = [
            ("nothing", with(&kept), [Outcome::Pass; 5]),
            (
                "add",
                with(&[kept[0], kept[1], kept[2], ("/p/new", "- four")]),
                [Outcome::Block, Outcome::Pass, Outcome::Pass, Outcome::Pass, Outcome::Pass],
            ),
            (
                "edit",
                with(&[("/p/a", "- one\n- extra"), kept[1], kept[2]]),
                [Outcome::Pass, Outcome::Block, Outcome::Pass, Outcome::Pass, Outcome::Pass],
            ),
            (
                "remove",
                with(&[kept[0], kept[1]]),
                [Outcome::Pass, Outcome::Pass, Outcome::Block, Outcome::Pass, Outcome::Block],
            ),
            (
                "move out",
                with(&[kept[0], kept[1], ("/q/c", "- three")]),
                [Outcome::Pass, Outcome::Pass, Outcome::Block, Outcome::Block, Outcome::Pass],
            ),
        ];
        for (name, after, expected) in table {
            let rules = [
                PolicyRule { add: BLOCK, ..rule(&["/p/**"]) },
                PolicyRule { edit: BLOCK, ..rule(&["/p/**"]) },
                PolicyRule { remove: BLOCK, ..rule(&["/p/**"]) },
                PolicyRule { moving: BLOCK, ..rule(&["/p/**"]) },
                PolicyRule { lose: BLOCK, ..rule(&["/p/**"]) },
            ];
            for (rule, outcome) in rules.into_iter().zip(expected) {
                let spec = GateSpec::Policy(vec![rule]);
                let verdict = judged(&spec, &before, &after);
                assert_eq!(verdict.outcome, outcome, "{name}: {verdict:?}");
            }
        }
    }

    #[test]
    fn a_move_is_a_removal_and_an_addition_where_nothing_is_said_of_moves() {
        let before = store(&[("/p/c", "- three"), ("/q/d", "- four")]);
        let out = store(&[("/q/c", "- three"), ("/q/d", "- four")]);
        let into = store(&[("/p/c", "- three"), ("/p/d", "- four")]);
        let within = store(&[("/p/e", "- three"), ("/q/d", "- four")]);
        let p = || rule(&["/p/**"]);
        let all = |moving| PolicyRule { moving, ..rule(&["/**"]) };
        let table = [
            ("remove", vec![PolicyRule { remove: BLOCK, ..p() }], [BLOCK, ALLOW, BLOCK]),
            ("add", vec![PolicyRule { add: REVIEW, ..p() }], [ALLOW, REVIEW, REVIEW]),
            ("both", vec![PolicyRule { add: REVIEW, remove: BLOCK, ..p() }], [BLOCK, REVIEW, BLOCK]),
            ("edit alone", vec![PolicyRule { edit: BLOCK, lose: BLOCK, ..p() }], [ALLOW, ALLOW, ALLOW]),
            (
                "moves allowed by the same rule",
                vec![PolicyRule { add: BLOCK, remove: BLOCK, moving: ALLOW, ..p() }],
                [ALLOW, ALLOW, ALLOW],
            ),
            (
                "moves allowed by a later rule",
                vec![PolicyRule { add: BLOCK, remove: BLOCK, ..p() }, all(ALLOW)],
                [ALLOW, ALLOW, ALLOW],
            ),
            (
                "moves reviewed by a later rule",
                vec![PolicyRule { remove: ALLOW, ..p() }, all(REVIEW)],
                [REVIEW, REVIEW, REVIEW],
            ),
        ];
        for (name, rules, expected) in table {
            let spec = GateSpec::Policy(rules);
            for ((what, after), answer) in
                [("out", &out), ("in", &into), ("within", &within)].iter().zip(expected)
            {
                let outcome = match answer {
                    BLOCK => Outcome::Block,
                    REVIEW => Outcome::Review,
                    _ => Outcome::Pass,
                };
                assert_eq!(judged(&spec, &before, after).outcome, outcome, "{name}: {what}");
            }
        }
    }

    #[test]
    fn the_first_rule_that_names_the_change_decides() {
        let rules = vec![
            PolicyRule { remove: ALLOW, ..rule(&["/people/old/**"]) },
            PolicyRule { remove: REVIEW, add: BLOCK, ..rule(&["/people/**", "/teams"]) },
            PolicyRule { edit: BLOCK, remove: BLOCK, ..rule(&["/**"]) },
        ];
        let spec = GateSpec::Policy(rules);
        let before = store(&[("/people/old/a", "1"), ("/people/b", "2"), ("/teams/c", "3"), ("/d", "4")]);
        let without =
            |gone: &str| before.iter().filter(|memory| memory.path.as_str() != gone).cloned().collect();
        let table = [
            ("/people/old/a", Outcome::Pass),
            ("/people/b", Outcome::Review),
            ("/teams/c", Outcome::Review),
            ("/d", Outcome::Block),
        ];
        for (gone, outcome) in table {
            assert_eq!(judged(&spec, &before, &without(gone)).outcome, outcome, "{gone}");
        }
        assert_eq!(
            judged(&spec, &before, &before).limit,
            "under /people/old/**: remove is allowed; under /people/**, /teams: add is blocked, remove is \
             reviewed; under /**: edit is blocked, remove is blocked"
        );
    }

    #[test]
    fn a_move_is_asked_about_at_both_ends_and_findings_name_each_entry() {
        let before = store(&[("/in/a", "- one\n- two\n- three\n"), ("/b", "- four\n")]);
        let after = store(&[("/out/a", "- one\n- two\n- three\n"), ("/in/b", "- four\n")]);
        let spec = GateSpec::Policy(vec![PolicyRule { moving: REVIEW, ..rule(&["/in"]) }]);
        let verdict = judged(&spec, &before, &after);
        assert_eq!(verdict.outcome, Outcome::Review);
        assert_eq!(verdict.measured, "2 changes not allowed without a person");
        let findings: Vec<_> =
            verdict.findings.iter().map(|f| format!("{} {}", f.path.as_ref().unwrap(), f.note)).collect();
        assert_eq!(findings, ["/in/b moved here from /b", "/out/a moved here from /in/a"]);
    }

    #[test]
    fn a_glob_that_cannot_be_read_decides_nothing() {
        let spec = GateSpec::Policy(vec![PolicyRule { add: ALLOW, ..rule(&["/a["]) }]);
        assert_eq!(judged(&spec, &store(&[]), &store(&[])).outcome, Outcome::Undecided);
    }
}
