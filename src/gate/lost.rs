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
            let what = what(was);
            match is {
                Some(_) => format!("{place}, with another {what}"),
                None => format!("{place}, without its {what}"),
            }
        }
        (_, Some(heir)) => format!("nearest is {}, which says something else", at(heir)),
        (_, None) => "not in the candidate".to_owned(),
    };
    Finding::of_line(old.path, old.statement.line, note)
}

/// Names what kind of thing a piece of text is, without its words.
fn what(text: &str) -> &'static str {
    let found = specifics(text);
    let kinds = [
        (Kind::Polarity, "direction"),
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
    let has = |kind: Kind| found.iter().any(|specific| specific.kind == kind);
    kinds.into_iter().find(|&(kind, _)| has(kind)).map_or("wording", |(_, word)| word)
}
