//! Text in the candidate that was put there to be obeyed: instructions to a model, characters that only a
//! model reads, and statements that nobody but a tool is known to have said.
//!
//! A memory is read as fact and often as command, by agents that cannot ask who wrote it. What is new in the
//! candidate counts; what the live store already holds is told as well and trips nothing, since the
//! candidate is no worse for it. Findings name the kind and the place, never the text.

mod base64;
mod disguise;
mod foreign;
mod hidden;
mod instructions;
mod rules;
mod untrusted;

use std::collections::BTreeSet;

use crate::spec::pipeline::{InjectionLevels, Level};
use crate::text::spelled::spelled;

use super::passage::passages;
use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped};

pub use hidden::Hidden;
pub use instructions::Signal;

/// Returns what hidden characters a text holds, by line from 1.
pub fn hidden_in(text: &str) -> Vec<(usize, Hidden)> {
    hidden::find(text)
}

/// Returns why a statement reads like an instruction to a model; nothing if it does not.
pub fn instruction_in(statement: &str) -> Option<Signal> {
    instructions::find(statement)
}

/// Judges a candidate by what was injected into it.
pub(super) fn judge(levels: &InjectionLevels, evidence: &Evidence<'_>) -> Verdict {
    let mut found = Found::default();
    if let Some(level) = levels.instructions {
        instructions_in(evidence, level, &mut found);
    }
    if let Some(level) = levels.hidden {
        characters_in(evidence, level, &mut found);
    }
    if let Some(level) = levels.untrusted {
        untrusted::judge(evidence, level, &mut found);
    }
    let mut measured = count_of(found.new, "suspicious text", "suspicious texts");
    if found.old > 0 {
        measured += &format!(", {} more in the live store already", grouped(found.old));
    }
    measured += &found.remark;
    Verdict::new("injection", found.outcome, measured, words(levels), found.findings)
}

fn words(levels: &InjectionLevels) -> String {
    let kinds = [
        ("instructions", levels.instructions),
        ("hidden characters", levels.hidden),
        ("untrusted statements", levels.untrusted),
    ];
    let of = |wanted: Level| {
        let named = kinds.iter().filter(|(_, level)| *level == Some(wanted)).map(|(name, _)| *name);
        named.collect::<Vec<_>>().join(", ")
    };
    let sides = [("review", of(Level::Review)), ("block", of(Level::Block))];
    let sides = sides.into_iter().filter(|(_, names)| !names.is_empty());
    sides.map(|(side, names)| format!("{side} at 1 of {names}")).collect::<Vec<_>>().join("; ")
}

/// What was found so far.
struct Found {
    outcome: Outcome,
    new: u64,
    old: u64,
    findings: Vec<Finding>,
    remark: String,
}

impl Default for Found {
    fn default() -> Self {
        Self { outcome: Outcome::Pass, new: 0, old: 0, findings: Vec::new(), remark: String::new() }
    }
}

impl Found {
    fn add(&mut self, level: Level, finding: Finding) {
        self.new += 1;
        self.outcome = self.outcome.max(level.into());
        self.findings.push(finding);
    }

    fn extend(&mut self, level: Level, findings: impl IntoIterator<Item = (Finding, bool)>) {
        for (finding, is_old) in findings {
            if is_old { self.add_old(finding) } else { self.add(level, finding) }
        }
    }

    fn add_old(&mut self, mut finding: Finding) {
        self.old += 1;
        finding.note = format!("{}, already in the live store", finding.note).into();
        self.findings.push(finding);
    }
}

/// Returns what is wrong with the paths of memories, and whether the live store has them already.
fn in_paths<T>(
    evidence: &Evidence<'_>,
    find: impl Fn(&str) -> Vec<T>,
    words: fn(T) -> &'static str,
) -> Vec<(Finding, bool)> {
    let mut found = Vec::new();
    for memory in evidence.after.iter() {
        let is_old = evidence.before.get(&memory.path).is_some();
        found.extend(
            find(memory.path.as_str()).into_iter().map(|what| {
                (Finding::of_memory(&memory.path, format!("{}, in the path", words(what))), is_old)
            }),
        );
    }
    found
}

fn instructions_in(evidence: &Evidence<'_>, level: Level, found: &mut Found) {
    let live: BTreeSet<_> = evidence.ledger.before.iter().map(|old| old.hash).collect();
    for passage in passages(evidence.after, &evidence.ledger.after) {
        let Some(signal) = instructions::find(passage.text) else { continue };
        let finding = Finding::of_line(passage.path, passage.line, signal.words());
        let is_old = match passage.hash() {
            Some(hash) => live.contains(&hash),
            None => holds_line(evidence, passage.text),
        };
        if is_old {
            found.add_old(finding);
        } else {
            found.add(level, finding);
        }
    }
    let named = |path: &str| {
        let spelled = spelled(path).and_then(|words| instructions::find(&words));
        spelled.or_else(|| instructions::find(path)).into_iter().collect()
    };
    found.extend(level, in_paths(evidence, named, Signal::words));
}

/// Says whether the live store has a line with these words.
fn holds_line(evidence: &Evidence<'_>, text: &str) -> bool {
    let mut lines = evidence.before.iter().flat_map(|memory| memory.content.lines());
    lines.any(|line| line.trim() == text)
}

fn characters_in(evidence: &Evidence<'_>, level: Level, found: &mut Found) {
    let named = |path: &str| hidden::find(path).into_iter().map(|(_, kind)| kind).collect();
    found.extend(level, in_paths(evidence, named, Hidden::words));
    let hidden: Vec<_> = evidence
        .after
        .iter()
        .flat_map(|memory| {
            hidden::find(&memory.content).into_iter().map(move |(line, kind)| (memory, line, kind))
        })
        .collect();
    if hidden.is_empty() {
        return;
    }
    let live: BTreeSet<(&str, Hidden)> = evidence
        .before
        .iter()
        .flat_map(|memory| {
            let lines: Vec<&str> = memory.content.lines().collect();
            hidden::find(&memory.content)
                .into_iter()
                .filter_map(move |(line, kind)| Some((lines.get(line - 1)?.trim(), kind)))
        })
        .collect();
    let (mut of, mut lines): (_, Vec<&str>) = (None, Vec::new());
    for (memory, line, kind) in hidden {
        if of != Some(&memory.path) {
            (of, lines) = (Some(&memory.path), memory.content.lines().collect());
        }
        let finding = Finding::of_line(&memory.path, line, kind.words());
        if lines.get(line - 1).is_some_and(|text| live.contains(&(text.trim(), kind))) {
            found.add_old(finding);
        } else {
            found.add(level, finding);
        }
    }
}

#[cfg(test)]
mod tests;
