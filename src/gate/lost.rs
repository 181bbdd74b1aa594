//! Statements of the live store that the candidate holds in no form.
//!
//! Shares are of the live store's statements; those of a path class, of the statements under its paths.
//! What runs lose adds up: over some days, the losses of this run count together with those of the runs
//! adopted before it, against the statements that the store had before the first of them. A run that
//! loses nothing is not held up by what others lost.

use jiff::SignedDuration;

use crate::ledger::window;
use crate::ledger::{Because, Fate, Judged, Located};
use crate::spec::pipeline::{LostClass, LostLimits, LostWindow};
use crate::text::specifics::{Kind, specifics};

use super::globs::{self, Globs};
use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped, threshold};

/// Judges a candidate by what it lost.
pub(super) fn judge(limits: &LostLimits, evidence: &Evidence<'_>) -> Verdict {
    let limit = words(limits);
    let ledger = evidence.ledger;
    let (lost, total) = (ledger.counts.lost, ledger.counts.before());
    let mut outcome = threshold::hold(&limits.run, lost, total);
    let mut measured = format!(
        "{} of {} lost{}",
        grouped(lost),
        count_of(total, "statement", "statements"),
        threshold::share(lost, total)
    );
    let mut findings: Vec<Finding> =
        ledger.with_fate(Fate::Lost).map(|(old, judged)| finding(old, judged, evidence)).collect();
    for class in &limits.paths {
        let globs = match Globs::compile(&class.paths) {
            Ok(globs) => globs,
            Err(error) => return globs::unreadable("lost", limit, &error),
        };
        let lost = ledger.with_fate(Fate::Lost).filter(|(old, _)| globs.cover(old.path)).count() as u64;
        let total = ledger.before.iter().filter(|old| globs.cover(old.path)).count() as u64;
        let answer = threshold::hold(&class.limits, lost, total);
        if answer > Outcome::Pass {
            let (names, share) = (class.paths.join(", "), threshold::share(lost, total));
            let note = format!("under {names}: {} of {} lost{share}", grouped(lost), grouped(total));
            findings.push(Finding::of_store(note));
        }
        outcome = outcome.max(answer);
    }
    for LostWindow { days, limits } in &limits.windows {
        let (before, first) =
            window::within(evidence.losses, SignedDuration::from_hours(24 * i64::from(*days)), evidence.now);
        let (sum, of) = (before + lost, if first > 0 { first } else { total });
        if before > 0 {
            let share = threshold::share(sum, of);
            measured += &format!("; {} in {days} days{share}", grouped(sum));
        }
        let answer = if lost > 0 { threshold::hold(limits, sum, of) } else { Outcome::Pass };
        if answer > Outcome::Pass && before > 0 {
            let note = format!(
                "over {days} days: {} of {} lost{}, {} of them by this run",
                grouped(sum),
                count_of(of, "statement", "statements"),
                threshold::share(sum, of),
                grouped(lost)
            );
            findings.push(Finding::of_store(note));
        }
        outcome = outcome.max(answer);
    }
    Verdict::new("lost", outcome, measured, limit, findings)
}

fn words(limits: &LostLimits) -> String {
    let mut parts = vec![threshold::words(&limits.run)];
    let part = |name: String, limits: String| {
        if limits.is_empty() { limits } else { format!("{name}: {limits}") }
    };
    for LostWindow { days, limits } in &limits.windows {
        parts.push(part(format!("over {days} days"), threshold::words(limits)));
    }
    for LostClass { paths, limits } in &limits.paths {
        parts.push(part(format!("under {}", paths.join(", ")), threshold::words(limits)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

/// Says what happened to a lost statement, in our words.
fn finding(old: &Located<'_>, judged: &Judged, evidence: &Evidence<'_>) -> Finding {
    let nearest = evidence.ledger.heirs(judged).next();
    let at = |heir: &Located<'_>| format!("{}:{}", heir.path, heir.statement.line);
    let note = match (&judged.because, nearest) {
        (Because::Altered { was, is }, nearest) => {
            let place = nearest
                .map_or_else(|| "what is left of it".to_owned(), |heir| format!("nearest is {}", at(heir)));
            let told = if was.is_empty() { is.as_deref().unwrap_or_default() } else { was };
            match (what(told), is) {
                (None, _) => format!("{place}, turned into something else"),
                (Some(what), Some(_)) => format!("{place}, with another {what}"),
                (Some(what), None) => format!("{place}, without its {what}"),
            }
        }
        (Because::Misplaced { .. }, Some(heir)) => {
            format!("the same is at {}, under something else", at(heir))
        }
        (Because::Reordered { step, before }, Some(heir)) => {
            format!("step {step} comes before step {before} at {}", at(heir))
        }
        (_, Some(heir)) => format!("nearest is {}, which says something else", at(heir)),
        (_, None) => "not in the candidate".to_owned(),
    };
    Finding::of_line(old.path, old.statement.line, note)
}

/// Names what kind of thing a piece of text is, without its words; `None` for a word that turns a
/// statement round.
fn what(text: &str) -> Option<&'static str> {
    let found = specifics(text);
    let has = |kind: Kind| found.iter().any(|specific| specific.kind == kind);
    if has(Kind::Polarity) || text.is_empty() {
        return None;
    }
    let kinds = [
        (Kind::Date, "date"),
        (Kind::Version, "version"),
        (Kind::Url, "address"),
        (Kind::Email, "address"),
        (Kind::Number, "number"),
        (Kind::Path, "path"),
        (Kind::Name, "name"),
        (Kind::Identifier, "identifier"),
        (Kind::Code, "code"),
        (Kind::Quote, "quotation"),
    ];
    Some(kinds.into_iter().find(|&(kind, _)| has(kind)).map_or("wording", |(_, word)| word))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::super::testing::*;
    use super::*;
    use crate::ids::{PipelineName, RunId};
    use crate::ledger::window::RunLosses;
    use crate::snapshot::Snapshot;
    use crate::spec::pipeline::{GateSpec, Threshold, Thresholds, default_lost};

    /// Statements with nothing in common.
    const SAYINGS: [&str; 10] = [
        "Deploys go out on Tuesday",
        "The canary takes 15 minutes",
        "Ann reviews every migration",
        "Backups run at 03:00 UTC",
        "Commit messages are imperative",
        "The replica lives in Oslo",
        "Invoices are sent by Mira",
        "Tokens expire after 12 hours",
        "Never store passwords in logs",
        "Lunch is at noon",
    ];

    fn list(count: usize) -> Snapshot {
        store(&[(
            "/all.md",
            &SAYINGS[..count].iter().map(|saying| format!("- {saying}\n")).collect::<String>(),
        )])
    }

    fn share(review: f64, block: f64) -> Thresholds {
        Thresholds { review: Some(Threshold::Percent(review)), block: Some(Threshold::Percent(block)) }
    }

    fn lost_of(limits: &LostLimits, after: &Snapshot, losses: &[RunLosses], now: Timestamp) -> Verdict {
        with_evidence(&list(10), after, |evidence| judge(limits, &Evidence { losses, now, ..*evidence }))
    }

    fn losses(rows: &[(i64, u64)], now: Timestamp) -> Vec<RunLosses> {
        let run = |number: usize| RunId::new(PipelineName::parse("nightly").unwrap(), number as u32 + 1);
        rows.iter()
            .enumerate()
            .map(|(number, &(days, lost))| RunLosses {
                run: run(number),
                at: now - SignedDuration::from_hours(24 * days),
                lost,
                of: 100,
                onto: None,
                is_undone: false,
            })
            .collect()
    }

    #[test]
    fn shares_are_of_the_statements_of_the_live_store() {
        let limits = LostLimits { run: share(10.0, 30.0), ..LostLimits::default() };
        let table = [
            (10, Outcome::Pass, "0 of 10 statements lost (0%)"),
            (9, Outcome::Pass, "1 of 10 statements lost (10%)"),
            (8, Outcome::Review, "2 of 10 statements lost (20%)"),
            (7, Outcome::Review, "3 of 10 statements lost (30%)"),
            (6, Outcome::Block, "4 of 10 statements lost (40%)"),
            (0, Outcome::Block, "10 of 10 statements lost (100%)"),
        ];
        for (kept, outcome, measured) in table {
            let verdict = lost_of(&limits, &list(kept), &[], Timestamp::UNIX_EPOCH);
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
            assert_eq!(verdict.findings.len(), 10 - kept, "every lost statement is named");
        }
    }

    #[test]
    fn losses_of_earlier_runs_count_until_they_are_old_and_only_if_this_run_loses_too() {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let window = LostWindow { days: 30, limits: share(2.0, 3.0) };
        let limits = LostLimits { windows: vec![window], ..LostLimits::default() };
        type Row<'a> = (&'a [(i64, u64)], usize, Outcome, &'a str);
        let table: [Row<'_>; 5] = [
            (&[], 10, Outcome::Pass, "0 of 10 statements lost (0%)"),
            (&[(31, 9)], 10, Outcome::Pass, "0 of 10 statements lost (0%)"),
            (&[(20, 2), (10, 2)], 10, Outcome::Pass, "0 of 10 statements lost (0%); 4 in 30 days (4%)"),
            (
                &[(40, 9), (20, 1), (1, 1)],
                9,
                Outcome::Review,
                "1 of 10 statements lost (10%); 3 in 30 days (3%)",
            ),
            (&[(20, 2), (10, 1)], 9, Outcome::Block, "1 of 10 statements lost (10%); 4 in 30 days (4%)"),
        ];
        for (rows, kept, outcome, measured) in table {
            let verdict = lost_of(&limits, &list(kept), &losses(rows, now), now);
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
        }
        let verdict = lost_of(&limits, &list(9), &losses(&[(20, 3)], now), now);
        assert_eq!(
            verdict.findings[0].note,
            "over 30 days: 4 of 100 statements lost (4%), 1 of them by this run"
        );
    }

    #[test]
    fn paths_have_limits_of_their_own() {
        let before = store(&[
            ("/people/ann.md", "- Ann likes tea\n- Ann lives in Oslo\n"),
            ("/b.md", "- Lunch is at noon\n"),
        ]);
        let after = store(&[("/people/ann.md", "- Ann likes tea\n"), ("/b.md", "- Lunch is at noon\n")]);
        let class = |paths: &str, block| LostClass {
            paths: vec![paths.to_owned()],
            limits: Thresholds { review: None, block: Some(Threshold::Count(block)) },
        };
        let spec = |class| GateSpec::Lost(LostLimits { paths: vec![class], ..LostLimits::default() });
        let table = [
            (class("/people/**", 1), Outcome::Block),
            (class("/people", 1), Outcome::Block),
            (class("/people/**", 2), Outcome::Pass),
            (class("/b.md", 1), Outcome::Pass),
            (class("/b[", 1), Outcome::Undecided),
        ];
        for (class, outcome) in table {
            assert_eq!(judged(&spec(class.clone()), &before, &after).outcome, outcome, "{class:?}");
        }
        let verdict = judged(&spec(class("/people/**", 1)), &before, &after);
        assert_eq!(verdict.limit, "under /people/**: block at 1");
        assert_eq!(verdict.findings[0].note, "under /people/**: 1 of 2 lost (50%)");
    }

    #[test]
    fn findings_say_what_happened_in_our_words() {
        let before = store(&[(
            "/a.md",
            "- The canary takes 15 minutes\n- Backups are enabled on the replica\n- Lunch is at noon in the garden\n",
        )]);
        let after =
            store(&[("/a.md", "- The canary takes 25 minutes\n- Backups are not enabled on the replica\n")]);
        let verdict = judged(&GateSpec::Lost(default_lost()), &before, &after);
        let notes: Vec<_> = verdict.findings.iter().map(|f| format!("{:?} {}", f.line, f.note)).collect();
        insta::assert_snapshot!(notes.join("\n"), @r#"
        Some(1) nearest is /a.md:1, with another number
        Some(2) nearest is /a.md:2, turned into something else
        Some(3) not in the candidate
        "#);
    }

    #[test]
    fn a_wiped_store_of_many_statements_says_how_many_more() {
        let text: String = (0..300).map(|i| format!("- Saying number {i} of the wise\n")).collect();
        let verdict = judged(&GateSpec::Lost(default_lost()), &store(&[("/a.md", &text)]), &store(&[]));
        assert_eq!(verdict.outcome, Outcome::Block);
        assert_eq!(verdict.findings.last().unwrap().note, "and 100 more");
    }
}
