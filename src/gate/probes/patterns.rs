//! Patterns over a whole store, many at a time.

use std::collections::{BTreeMap, HashMap};

use globset::GlobMatcher;
use rayon::prelude::*;
use regex::{Regex, RegexSet};

use crate::spec::probes::{Probe, ProbeList, Question, Wanted};
use crate::text::pattern::{self, Forms, PatternError};

use super::Passage;

/// How many patterns are searched for in one pass.
const AT_ONCE: usize = 50;
/// The most passages kept of one pattern.
const KEPT: usize = 1_000;

/// The passages that each pattern of a probe file matches, in order.
pub(super) struct Matches {
    found: Found,
}

/// For each pattern and scope, the first passages that match; no scope is the empty one.
type Found = HashMap<String, BTreeMap<String, Vec<u32>>>;

impl Matches {
    /// Holds every pattern against every passage, except those that only look at what a question brings up.
    ///
    /// # Errors
    ///
    /// Fails when patterns that are fine by themselves cannot be compiled together.
    pub(super) fn of(list: &ProbeList, passages: &[Passage<'_>]) -> Result<Self, PatternError> {
        let mut sources: Vec<&str> = list.probes.iter().flat_map(sources_of).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut found: Found = HashMap::new();
        for probe in &list.probes {
            for source in sources_of(probe) {
                found.entry(source.to_owned()).or_default().entry(key(probe.paths.as_ref())).or_default();
            }
        }
        let scopes: HashMap<&str, &GlobMatcher> = list
            .probes
            .iter()
            .filter_map(|probe| probe.paths.as_ref())
            .map(|paths| (paths.glob().glob(), paths))
            .collect();
        for sources in sources.chunks(AT_ONCE) {
            // Each compiled alone when the file was checked; together they have room for as much.
            let set = pattern::compile_together(sources)?;
            let hits: Vec<(u32, Vec<usize>)> = passages
                .par_iter()
                .enumerate()
                .map(|(at, passage)| (at as u32, matching(&set, passage.text)))
                .filter(|(_, which)| !which.is_empty())
                .collect();
            for (at, which) in hits {
                for which in which {
                    let path = passages[at as usize].path.as_str();
                    // Each scope keeps its own, so that what stands elsewhere does not crowd it out.
                    for (scope, kept) in found.get_mut(sources[which]).into_iter().flatten() {
                        let covers = || scopes.get(scope.as_str()).is_none_or(|paths| paths.is_match(path));
                        if kept.len() < KEPT && covers() {
                            kept.push(at);
                        }
                    }
                }
            }
        }
        Ok(Self { found })
    }

    /// Returns the passages within a scope that one of them matches.
    pub(super) fn of_pattern(&self, pattern: &Regex, scope: Option<&GlobMatcher>) -> &[u32] {
        let of_scopes = self.found.get(pattern.as_str());
        of_scopes.and_then(|scopes| scopes.get(&key(scope))).map_or(&[], Vec::as_slice)
    }
}

fn key(scope: Option<&GlobMatcher>) -> String {
    scope.map_or_else(String::new, |paths| paths.glob().glob().to_owned())
}

/// Returns the patterns of a probe that are held against the whole store.
fn sources_of(probe: &Probe) -> Vec<&str> {
    let question = match &probe.question {
        Some(Question::Pattern(pattern)) => Some(pattern),
        _ => None,
    };
    let known = probe.question.is_none().then_some(&probe.must_know).into_iter().flatten();
    let wanted = probe.must_not_know.iter().chain(known).filter_map(|wanted| match wanted {
        Wanted::Pattern(pattern) => Some(pattern),
        Wanted::Text(_) => None,
    });
    question.into_iter().chain(wanted).map(Regex::as_str).collect()
}

fn matching(set: &RegexSet, text: &str) -> Vec<usize> {
    let forms = Forms::of(text);
    let mut which: Vec<usize> = forms.iter().flat_map(|form| set.matches(form)).collect();
    which.sort_unstable();
    which.dedup();
    which
}
