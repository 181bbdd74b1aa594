//! What a store's forget list says to memories that are about to come back by a person's hand.

use serde::Serialize;

use crate::ids::Alias;
use crate::ledger::forget::ForgetList;
use crate::memory::{Memory, MemoryPath};
use crate::report::words::{count, line};
use crate::run::rollback::{coming_back, to_carry};
use crate::state::alias::{AliasRecord, Carrying, PreviousStore};

use super::desk::Desk;
use super::exit::{CliError, ExitCode};

/// The most places that are named.
const NAMED: usize = 5;

/// A memory that holds what must not come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ForbiddenMemory {
    /// Which.
    pub(super) path: MemoryPath,
    /// Its first line that is forbidden, from 1; none if its name is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    /// The rule, by its name.
    pub(super) rule: String,
}

impl ForbiddenMemory {
    /// Says where and why, in our words.
    pub(super) fn words(&self) -> String {
        let at = self.line.map_or_else(String::new, |at| format!(":{at}"));
        format!("{}{at}, rule `{}`", line(self.path.as_str()), line(&self.rule))
    }
}

/// Returns the memories that a list forbids, each with the first rule it breaks.
pub(super) fn forbidden<'a>(
    list: &ForgetList,
    memories: impl IntoIterator<Item = &'a Memory>,
) -> Vec<ForbiddenMemory> {
    let judged = |memory: &Memory| {
        let by_name = list.forbids_text(memory.path.as_str()).map(|rule| (None, rule));
        let broken = || list.broken_in(&memory.content).into_iter().next();
        let (line, rule) =
            by_name.or_else(|| broken().map(|broken| (Some(broken.line as u64), broken.rule)))?;
        Some(ForbiddenMemory { path: memory.path.clone(), line, rule: rule.name.clone() })
    };
    memories.into_iter().filter_map(judged).collect()
}

/// What a rollback is about to do.
#[derive(Debug)]
pub(super) struct Going<'a> {
    /// Where it goes back to; none if the alias has moved already.
    pub(super) back_to: Option<&'a PreviousStore>,
    /// What it carries over.
    pub(super) carrying: Option<&'a Carrying>,
    /// The command that was asked for, without what overrides the list.
    pub(super) command: String,
}

/// Makes sure that a rollback brings nothing back that must have been forgotten since, nor carries it over.
pub(super) async fn check(
    desk: &Desk<'_>,
    alias: &Alias,
    seen: &AliasRecord,
    going: &Going<'_>,
) -> Result<(), CliError> {
    let override_hint =
        format!("To go back all the same: `{} --override forget --reason \u{2026}`.", going.command);
    let list = desk.workspace.forget_list(alias).map_err(|error| error.hint(override_hint.clone()))?;
    let Some(list) = list.filter(ForgetList::forbids_any) else { return Ok(()) };
    let (state, past) = (desk.state.as_ref(), desk.past());
    let mut found = match going.back_to {
        Some(previous) => forbidden(&list, coming_back(state, past, seen, previous).await?.iter()),
        None => Vec::new(),
    };
    let to = going.back_to.map_or(&seen.active, |previous| &previous.store);
    let mut hints = vec!["Nothing was changed.".to_owned()];
    if !found.is_empty() {
        hints.push("Name a store from after the erasure with `--to STORE`.".to_owned());
    }
    if let Some(carrying) = going.carrying.filter(|carrying| carrying.from != *to) {
        let carried = forbidden(&list, &to_carry(state, past, carrying, to).await?);
        if !carried.is_empty() {
            hints.push(format!("What is erased from `{}` is not carried over.", carrying.from));
        }
        found.extend(carried);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
    }
    if found.is_empty() {
        return Ok(());
    }
    let memories = count(found.len() as u64, "memory", "memories");
    let doing = if going.back_to.is_some() { "going back" } else { "carrying over" };
    let words = format!("{doing} would bring {memories} back that the forget list of `{alias}` forbids");
    let mut named: Vec<String> = found.iter().take(NAMED).map(ForbiddenMemory::words).collect();
    if found.len() > NAMED {
        named.push(format!("and {} more", found.len() - NAMED));
    }
    Err(CliError::new(ExitCode::Blocked, words)
        .hint(format!("{}.", named.join("; ")))
        .hint(hints.join(" "))
        .hint(override_hint))
}
