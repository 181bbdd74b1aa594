//! Credentials in the candidate.
//!
//! A secret that the live store already holds is reported like any other, and said to be there: the
//! candidate is no worse for it, but a person should know, and the level applies all the same.
//! Findings name the kind and the place, never the value.

mod assignment;
mod detector;
mod entropy;
mod key_block;
mod rules;

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_128;

pub use detector::{Secret, find, redact};

use crate::memory::Memory;
use crate::spec::pipeline::Level;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped};

/// Judges a candidate by the secrets in it.
pub(super) fn judge(level: Level, evidence: &Evidence<'_>) -> Verdict {
    let mut found: Vec<(&Memory, Vec<Secret>)> = Vec::new();
    let mut live = HashSet::new();
    for memory in evidence.after.iter() {
        let secrets = find(&memory.content);
        if evidence.before.get(&memory.path).is_some_and(|old| old.hash == memory.hash) {
            live.extend(fingerprints(memory, &secrets));
        }
        if !secrets.is_empty() {
            found.push((memory, secrets));
        }
    }
    if !found.is_empty() {
        for old in evidence.diff.entries.iter().filter_map(|entry| entry.before()) {
            live.extend(fingerprints(old, &find(&old.content)));
        }
    }

    let (mut known, mut findings) = (0, Vec::new());
    for (memory, secrets) in &found {
        for (secret, print) in secrets.iter().zip(fingerprints(memory, secrets)) {
            let note = if live.contains(&print) {
                known += 1;
                format!("{}, already in the live store", secret.name).into()
            } else {
                std::borrow::Cow::Borrowed(secret.name)
            };
            findings.push(Finding::of_line(&memory.path, secret.line, note));
        }
    }
    for memory in evidence.after.iter() {
        let is_old = evidence.before.get(&memory.path).is_some();
        for secret in find(memory.path.as_str()) {
            known += u64::from(is_old);
            let old = if is_old { ", already in the live store" } else { "" };
            // Its path would show it.
            let path = redact(memory.path.as_str());
            findings.push(Finding::of_store(format!("{}, in the path {path}{old}", secret.name)));
        }
    }
    let outcome = if findings.is_empty() { Outcome::Pass } else { level.into() };
    let mut measured = count_of(findings.len() as u64, "secret", "secrets");
    if known > 0 {
        measured += &format!(", {} already in the live store", grouped(known));
    }
    let limit = match level {
        Level::Review => "review at 1",
        Level::Block => "block at 1",
    };
    Verdict::new("secrets", outcome, measured, limit, findings)
}

/// Returns a hash of each secret's value, for comparing them without keeping them.
fn fingerprints<'a>(memory: &'a Memory, secrets: &'a [Secret]) -> impl Iterator<Item = u128> + 'a {
    secrets.iter().map(|secret| xxh3_128(&memory.content.as_bytes()[secret.span.clone()]))
}

#[cfg(test)]
mod tests;
