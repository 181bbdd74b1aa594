//! Probes: unit tests of memory, asked of the live store and of the candidate.
//!
//! Answers are found without a model and are the same each time. A question brings up the ten passages
//! that fit it best by their words and those of their headings and path (BM25); a text is known where one
//! of them says it, in any spelling of its words and specifics, and not where it is negated. A question is
//! answered, for a store that must abstain, by a passage that holds at least half of what the question is
//! about, rare words counting for more.
//!
//! An expectation that failed before as well counts as a regression where what must not be said is said anew, in a
//! statement that the live store does not hold.
//!
//! Findings name the probe by its file and line; of the store they name paths and lines, never text.

mod index;
mod patterns;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use globset::GlobMatcher;
use regex::Regex;

use crate::ledger::Located;
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::Snapshot;
use crate::spec::pipeline::{ProbeLevels, ProbeRule};
use crate::spec::probes::{Probe, ProbeList, Question, Wanted};
use crate::text::pattern::{self, PatternError};
use crate::text::script::{folded, is_unspaced};

use super::passage::{Passage, passages};
use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped};

use index::Index;
use patterns::Matches;

/// How many passages a question brings up.
const TOP: usize = 10;
/// How much of a question a passage must hold to answer it: half, by weight.
const ANSWERS_FROM: f64 = 0.5;
/// The most places told of one thing that must not be known.
const PLACES_TOLD: usize = 10;

/// Judges a candidate by its answers.
pub(super) fn judge(levels: &ProbeLevels, evidence: &Evidence<'_>) -> Verdict {
    let limit = words(levels);
    let list = match &evidence.rules.probes {
        Some(Ok(list)) => list,
        Some(Err(reason)) => return undecided(&levels.file, reason, limit),
        None => return undecided(&levels.file, "it was not read", limit),
    };
    let live = passages(evidence.before, &evidence.ledger.before);
    let held: HashSet<ContentHash> = live.iter().map(hash_of).collect();
    let judged = answers(list, evidence.after, &evidence.ledger.after, &held).and_then(|after| {
        // What was known before matters only for what is not known now.
        let has_failures = after.iter().any(|failures| !failures.is_empty());
        let before = match has_failures {
            true => answers(list, evidence.before, &evidence.ledger.before, &held)?,
            false => Vec::new(),
        };
        Ok((after, before))
    });
    let (after, before) = match judged {
        Ok(judged) => judged,
        Err(error) => return undecided(&levels.file, &error.to_string(), limit),
    };
    let (mut failed, mut regressed, mut worse, mut findings) = (0, 0, 0, Vec::new());
    for (i, (probe, failures)) in list.probes.iter().zip(&after).enumerate() {
        if failures.is_empty() {
            continue;
        }
        let known = before.get(i).map_or(&[][..], Vec::as_slice);
        let is_new = |failure: &Failure| !known.iter().any(|old| old.is_of(failure));
        failed += 1;
        if failures.iter().any(is_new) {
            regressed += 1;
        } else if failures.iter().any(Failure::is_said_anew) {
            worse += 1;
        }
        findings.extend(failures.iter().flat_map(|failure| failure.tell(list, probe, is_new(failure))));
    }
    let outcome = [(levels.review, Outcome::Review), (levels.block, Outcome::Block)]
        .into_iter()
        .filter(|(rule, _)| match rule {
            Some(ProbeRule::AnyFailure) => failed > 0,
            Some(ProbeRule::AnyRegression) => regressed + worse > 0,
            None => false,
        })
        .map(|(_, outcome)| outcome)
        .max()
        .unwrap_or(Outcome::Pass);
    let asked = count_of(list.probes.len() as u64, "probe", "probes");
    let mut measured = format!("{} of {asked} failed, {} passed before", grouped(failed), grouped(regressed));
    if worse > 0 {
        measured += &format!(", {} fail by something new", grouped(worse));
    }
    Verdict::new("probes", outcome, measured, limit, findings)
}

fn undecided(file: &Path, reason: &str, limit: String) -> Verdict {
    let finding = Finding::of_store(format!("{}: {reason}", file.display()));
    Verdict::new("probes", Outcome::Undecided, "the probes could not be read", limit, [finding])
}

fn words(levels: &ProbeLevels) -> String {
    let word = |name: &str, rule: Option<ProbeRule>| {
        Some(match rule? {
            ProbeRule::AnyRegression => format!("{name} at 1 that passed before"),
            ProbeRule::AnyFailure => format!("{name} at 1"),
        })
    };
    let words = [word("review", levels.review), word("block", levels.block)];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// One thing a store gets wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    /// It does not know what it must, by its place in `must_know`.
    Unknown(usize),
    /// It knows what it must not: the place in `must_not_know`, and where.
    Known(usize, Vec<Said>),
    /// It answers what it must not.
    Answered(Said),
}

/// A place that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    path: MemoryPath,
    line: usize,
    /// Whether the live store says it nowhere.
    is_new: bool,
}

impl Failure {
    /// Says whether both fail the same expectation of a probe.
    fn is_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown(a), Self::Unknown(b)) | (Self::Known(a, _), Self::Known(b, _)) => a == b,
            (Self::Answered(..), Self::Answered(..)) => true,
            _ => false,
        }
    }

    /// Says whether something is said that must not be, and that the live store does not say.
    fn is_said_anew(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Known(_, places) => places.iter().any(|said| said.is_new),
            Self::Answered(said) => said.is_new,
        }
    }

    fn tell(&self, list: &ProbeList, probe: &Probe, is_regression: bool) -> Vec<Finding> {
        let name = probe.name.as_ref().map_or_else(String::new, |name| format!(" `{name}`"));
        let place = format!("{}:{}{name}", list.file.display(), probe.line);
        let told = |said: &Said, what: &str| {
            let since = match (is_regression, said.is_new) {
                (true, _) => ", as before the dream it did not",
                (false, true) => ", which the live store does not say",
                (false, false) => "",
            };
            Finding::of_line(&said.path, said.line, format!("{place}: {what}{since}"))
        };
        match self {
            Self::Unknown(at) => {
                let since = if is_regression { ", which the live store knows" } else { "" };
                vec![Finding::of_store(format!("{place}: does not know must_know[{at}]{since}"))]
            }
            Self::Known(at, places) => {
                places.iter().map(|said| told(said, &format!("must_not_know[{at}] stands here"))).collect()
            }
            Self::Answered(said) => vec![told(said, "must_abstain, and this answers")],
        }
    }
}

/// Returns a hash by which a passage is known again in another store.
fn hash_of(passage: &Passage<'_>) -> ContentHash {
    passage.hash().unwrap_or_else(|| ContentHash::of(passage.text))
}

/// Returns what a store gets wrong of each probe.
fn answers(
    list: &ProbeList,
    store: &Snapshot,
    located: &[Located<'_>],
    held: &HashSet<ContentHash>,
) -> Result<Vec<Vec<Failure>>, PatternError> {
    let passages = passages(store, located);
    let index = Index::of(&passages);
    let asked = Asked { matches: Matches::of(list, &passages)?, passages: &passages, index: &index, held };
    let mut scopes = HashMap::new();
    Ok(list.probes.iter().map(|probe| asked.answer(probe, &mut scopes)).collect())
}

/// A store that probes are asked of.
struct Asked<'a> {
    passages: &'a [Passage<'a>],
    index: &'a Index,
    matches: Matches,
    /// What the live store says.
    held: &'a HashSet<ContentHash>,
}

/// For each passage, whether a glob covers its memory.
type Scopes = HashMap<String, Vec<bool>>;

impl Asked<'_> {
    fn answer(&self, probe: &Probe, scopes: &mut Scopes) -> Vec<Failure> {
        let scope = probe.paths.as_ref().map(|glob| self.scope(glob, scopes));
        let covers = |at: &usize| scope.is_none_or(|scope| scope[*at]);
        let mut failures = Vec::new();
        if probe.must_abstain {
            failures.extend(self.answering(probe, &covers));
        }
        if !probe.must_know.is_empty() {
            let found = self.found(probe, &covers);
            let unknown = |wanted: &Wanted| match &found {
                Some(found) => !found.iter().any(|&at| self.says(at, wanted)),
                None => !self.is_said(wanted, probe.paths.as_ref(), &covers),
            };
            let unknown = probe.must_know.iter().enumerate().filter(|(_, wanted)| unknown(wanted));
            failures.extend(unknown.map(|(i, _)| Failure::Unknown(i)));
        }
        for (i, wanted) in probe.must_not_know.iter().enumerate() {
            let places = self.mentions(wanted, probe.paths.as_ref(), &covers);
            let mut places: Vec<(bool, usize)> =
                places.into_iter().map(|at| (self.held.contains(&hash_of(&self.passages[at])), at)).collect();
            // What is new is told first, so that many old places do not hide it.
            places.sort_unstable();
            if !places.is_empty() {
                let told = places.into_iter().take(PLACES_TOLD).map(|(_, at)| self.place(at)).collect();
                failures.push(Failure::Known(i, told));
            }
        }
        failures
    }

    fn scope<'s>(&self, glob: &GlobMatcher, scopes: &'s mut Scopes) -> &'s [bool] {
        scopes.entry(glob.glob().glob().to_owned()).or_insert_with(|| {
            let mut covered = Vec::with_capacity(self.passages.len());
            let mut last: Option<(&MemoryPath, bool)> = None;
            for passage in self.passages {
                let is_covered = match last {
                    Some((path, is_covered)) if path == passage.path => is_covered,
                    _ => glob.is_match(passage.path.as_str()),
                };
                last = Some((passage.path, is_covered));
                covered.push(is_covered);
            }
            covered
        })
    }

    fn place(&self, at: usize) -> Said {
        let passage = &self.passages[at];
        let is_new = !self.held.contains(&hash_of(passage));
        Said { path: passage.path.clone(), line: passage.line, is_new }
    }

    /// Returns what the question of a probe brings up; `None` without a question.
    fn found(&self, probe: &Probe, covers: &dyn Fn(&usize) -> bool) -> Option<Vec<usize>> {
        Some(match probe.question.as_ref()? {
            Question::Ask(words) => {
                self.index.best(words, TOP, covers).into_iter().map(|hit| hit.passage).collect()
            }
            Question::Pattern(pattern) => self.matching(pattern, probe.paths.as_ref()).collect(),
        })
    }

    /// Returns the first passage that answers a question which must have no answer.
    fn answering(&self, probe: &Probe, covers: &dyn Fn(&usize) -> bool) -> Option<Failure> {
        let at = match probe.question.as_ref()? {
            Question::Ask(words) => {
                let best = self.index.fullest(words, covers)?;
                (best.held >= ANSWERS_FROM).then_some(best.passage)?
            }
            Question::Pattern(pattern) => self.matching(pattern, probe.paths.as_ref()).next()?,
        };
        Some(Failure::Answered(self.place(at)))
    }

    /// Says whether any passage of the whole store says something.
    fn is_said(&self, wanted: &Wanted, scope: Option<&GlobMatcher>, covers: &dyn Fn(&usize) -> bool) -> bool {
        match wanted {
            Wanted::Text(text) => self.index.saying(&self.index.look_up(text)).any(|at| covers(&at)),
            Wanted::Pattern(pattern) => self.matching(pattern, scope).next().is_some(),
        }
    }

    /// Returns the passages of the whole store that mention something, be it to deny it. Where words
    /// stand without spaces between them, a part of a longer run is a mention too.
    fn mentions(
        &self,
        wanted: &Wanted,
        scope: Option<&GlobMatcher>,
        covers: &dyn Fn(&usize) -> bool,
    ) -> Vec<usize> {
        let text = match wanted {
            Wanted::Pattern(pattern) => return self.matching(pattern, scope).collect(),
            Wanted::Text(text) => text,
        };
        if text.chars().any(is_unspaced) {
            let part = folded(text.trim());
            let holds = |at: &usize| covers(at) && folded(self.passages[*at].text).contains(&part);
            let places: Vec<usize> = (0..self.passages.len()).filter(holds).collect();
            if !places.is_empty() {
                return places;
            }
        }
        let wanted = self.index.look_up(text).either_way();
        self.index.saying(&wanted).filter(|at| covers(at)).collect()
    }

    fn says(&self, at: usize, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Text(text) => self.index.says(at, &self.index.look_up(text)),
            Wanted::Pattern(pattern) => pattern::matches(pattern, self.passages[at].text),
        }
    }

    fn matching(&self, pattern: &Regex, scope: Option<&GlobMatcher>) -> impl Iterator<Item = usize> {
        self.matches.of_pattern(pattern, scope).iter().map(|&at| at as usize)
    }
}

#[cfg(test)]
mod tests;
