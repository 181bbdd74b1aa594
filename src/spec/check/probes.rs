//! A probe file: each probe asks one thing and wants something of the answer.

use globset::{GlobBuilder, GlobMatcher};

use crate::memory::covering_globs;
use crate::spec::authored::{AuthoredProbe, AuthoredProbeFile};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::path;
use crate::spec::probes::{PATTERNS_LIMIT, Probe, ProbeList, Question, Wanted};
use crate::spec::route::{ROOT, Route};
use crate::spec::source::SourceFile;
use crate::text::terms::{Term, asked, terms};

use super::pattern;

/// Checks a probe file.
pub(in crate::spec) fn probes(authored: AuthoredProbeFile, checker: &mut Checker<'_>) -> Option<ProbeList> {
    let parent = ROOT.key("probes");
    let lines = Lines::of(checker.file());
    let mut patterns = 0;
    let mut probes = Vec::new();
    for (i, typed) in authored.probes?.into_iter().enumerate() {
        let route = parent.index(i);
        let line = lines.of_byte(checker.find(&route.steps()).node.span.start);
        probes.extend(probe(typed, line, &route, &mut patterns, checker));
    }
    if patterns > PATTERNS_LIMIT {
        let label = format!("{patterns} patterns are more than the limit of {PATTERNS_LIMIT}");
        let problem = checker.at_key(Code::Pattern, &parent, label);
        checker.tell(problem.help("write texts instead of `/…/` where the words are known"));
    }
    Some(ProbeList { file: checker.file().path().to_owned(), probes })
}

fn probe(
    typed: AuthoredProbe,
    line: u64,
    route: &Route<'_>,
    patterns: &mut usize,
    checker: &mut Checker<'_>,
) -> Option<Probe> {
    let AuthoredProbe { name, ask, pattern: by_pattern, must_know, must_not_know, must_abstain, path } =
        typed;
    let has = |key: &str, checker: &Checker<'_>| checker.has(&route.key(key));
    let abstains = must_abstain == Some(true);
    let tell = |label: &str, help: &str, checker: &mut Checker<'_>| {
        let problem = checker.at(Code::Probe, route, label);
        checker.tell(problem.help(help));
    };
    let is_asking = has("ask", checker) || has("pattern", checker);
    let expects = [has("must_know", checker), has("must_not_know", checker), abstains];
    match expects {
        [false, false, false] => tell(
            "this probe expects nothing, so it always passes",
            "add `must_know`, `must_not_know` or `must_abstain: true`",
            checker,
        ),
        [true, _, true] => tell(
            "what must be known cannot be had from no answer",
            "keep one of `must_know` and `must_abstain`",
            checker,
        ),
        [true, ..] | [.., true] if !is_asking => {
            tell("this probe asks nothing", "add `ask` with a question, or `pattern`", checker);
        }
        [false, true, false] if is_asking => tell(
            "what must not be known is looked for in the whole store, so the question does nothing",
            "remove the question, or add `must_know`",
            checker,
        ),
        _ => {}
    }
    if has("ask", checker) && has("pattern", checker) {
        tell("this probe asks in two ways", "keep one of `ask` and `pattern`", checker);
    }
    let question = match (ask, by_pattern) {
        (Some(ask), _) => {
            if !says_something(&asked(&ask)) {
                let problem =
                    checker.at(Code::Probe, &route.key("ask"), "this question has no words to look for");
                checker.tell(problem);
            }
            Some(Question::Ask(ask))
        }
        (None, Some(source)) => {
            *patterns += 1;
            pattern::pattern(&source, &route.key("pattern"), checker).map(Question::Pattern)
        }
        (None, None) => None,
    };
    let mut wanted = |typed: Option<Vec<String>>, key: &str, checker: &mut Checker<'_>| -> Vec<Wanted> {
        let parent = route.key(key);
        let mut all = Vec::new();
        for (i, text) in typed.unwrap_or_default().into_iter().enumerate() {
            let item = parent.index(i);
            let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            if let Some(source) = inner.filter(|source| !source.is_empty()) {
                *patterns += 1;
                all.extend(pattern::pattern(source, &item, checker).map(Wanted::Pattern));
            } else if !says_something(&terms(&text)) {
                let problem = checker.at(Code::Probe, &item, "this text has no words to look for");
                checker.tell(problem.help("write `/…/` for a pattern"));
            } else {
                all.push(Wanted::Text(text));
            }
        }
        all
    };
    let must_know = wanted(must_know, "must_know", checker);
    let must_not_know = wanted(must_not_know, "must_not_know", checker);
    let paths = path.and_then(|glob| glob_over_memories(&glob, &route.key("path"), checker));
    Some(Probe { name, line, question, must_know, must_not_know, must_abstain: abstains, paths })
}

/// Checks a glob over memory paths and makes it ready.
pub(super) fn glob_over_memories(
    glob: &str,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<GlobMatcher> {
    checker.take_refused(route, path::memory_glob(glob))?;
    // Alternatives stay one glob, which names the scope.
    let glob = format!("{{{}}}", covering_globs(glob).join(","));
    let built = GlobBuilder::new(&glob).literal_separator(true).build().ok()?;
    Some(built.compile_matcher())
}

/// Says whether anything can be found by some terms: words that join or negate others are in every text.
fn says_something(terms: &[Term]) -> bool {
    terms.iter().any(|term| matches!(term, Term::Word(_)))
}

/// Where the lines of a file begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(file: &SourceFile) -> Self {
        let breaks = memchr::memchr_iter(b'\n', file.text().as_bytes()).map(|at| at + 1);
        Self { starts: std::iter::once(0).chain(breaks).collect() }
    }

    fn of_byte(&self, byte: usize) -> u64 {
        self.starts.partition_point(|&start| start <= byte) as u64
    }
}
