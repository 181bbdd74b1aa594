//! Memory text as it may be shown: every piece redacted with the whole memory in view.
//!
//! A private key that is written as a list is found in the memory and in none of its items.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::ledger::Located;
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::statement::{Statement, statements};

use super::secrets::{self, Secret, redact};

/// The fewest bytes of a heading that is looked for in a secret.
const HEADING_BYTES: usize = 8;

/// One memory, with what must not be shown of it.
#[derive(Debug, Clone)]
pub struct MaskedMemory<'a> {
    content: &'a str,
    secrets: Rc<[Secret]>,
}

impl<'a> MaskedMemory<'a> {
    /// Finds the secrets of a memory's content.
    pub fn of(content: &'a str) -> Self {
        Self { content, secrets: secrets::find(content).into() }
    }

    /// Returns the words of one of its statements, redacted.
    pub fn text<'b>(&self, statement: &Statement<'b>) -> Cow<'b, str> {
        masked(statement.text, statement.text_span.start, &self.secrets)
    }

    /// Returns one of its headings, redacted.
    pub fn heading<'b>(&self, heading: &'b str) -> Cow<'b, str> {
        let holds = |secret: &&Secret| {
            self.content.get(secret.span.clone()).is_some_and(|value| value.contains(heading))
        };
        match self.secrets.iter().find(holds).filter(|_| heading.len() >= HEADING_BYTES) {
            Some(secret) => Cow::Owned(format!("[redacted: {}]", secret.name)),
            None => redact(heading),
        }
    }

    /// Returns its statements that are shown otherwise than they would be alone, each with what is shown.
    pub fn hidden(&self) -> impl Iterator<Item = (&'a str, String)> {
        let content = if self.secrets.is_empty() { "" } else { self.content };
        let secrets = Rc::clone(&self.secrets);
        statements(content).into_iter().filter_map(move |statement| {
            let shown = masked(statement.text, statement.text_span.start, &secrets);
            (shown != redact(statement.text)).then(|| (statement.text, shown.into_owned()))
        })
    }
}

/// The memories of a snapshot, with what must not be shown of them.
#[derive(Debug)]
pub struct Masked<'a> {
    snapshot: &'a Snapshot,
    memories: RefCell<HashMap<&'a MemoryPath, MaskedMemory<'a>>>,
}

impl<'a> Masked<'a> {
    /// Makes a snapshot ready to be shown. Memories are looked through when they are first asked for.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, memories: RefCell::default() }
    }

    /// Returns a memory; none that the snapshot does not hold.
    pub fn memory(&self, path: &MemoryPath) -> Option<MaskedMemory<'a>> {
        let memory: &'a Memory = self.snapshot.get(path)?;
        if let Some(held) = self.memories.borrow().get(path) {
            return Some(held.clone());
        }
        let masked = MaskedMemory::of(&memory.content);
        self.memories.borrow_mut().insert(&memory.path, masked.clone());
        Some(masked)
    }

    /// Returns the words of a statement, redacted.
    pub fn text<'b>(&self, located: &Located<'b>) -> Cow<'b, str> {
        match self.memory(located.path) {
            Some(memory) => memory.text(&located.statement),
            None => redact(located.statement.text),
        }
    }

    /// Returns the headings above a statement, redacted.
    pub fn headings(&self, located: &Located<'_>) -> Vec<String> {
        let memory = self.memory(located.path);
        let shown = |heading: &&str| match &memory {
            Some(memory) => memory.heading(heading).into_owned(),
            None => redact(heading).into_owned(),
        };
        located.statement.headings.iter().map(shown).collect()
    }

    /// Returns a value of a statement, unless it may be part of a secret.
    pub fn value(&self, located: &Located<'_>, value: &str) -> String {
        match self.text(located) {
            Cow::Owned(masked) if !masked.to_lowercase().contains(&value.to_lowercase()) => {
                "redacted".to_owned()
            }
            _ => redact(value).into_owned(),
        }
    }
}

/// Takes the secrets of a memory out of a piece of it that begins at `start`.
fn masked<'b>(text: &'b str, start: usize, secrets: &[Secret]) -> Cow<'b, str> {
    let end = start + text.len();
    let mut shown = String::new();
    let mut at = start;
    for secret in secrets.iter().filter(|secret| secret.span.start < end && secret.span.end > start) {
        let from = secret.span.start.max(at);
        shown.push_str(text.get(at - start..from - start).unwrap_or_default());
        shown.push_str(&format!("[redacted: {}]", secret.name));
        at = secret.span.end.min(end);
    }
    if at == start {
        return redact(text);
    }
    shown.push_str(text.get(at - start..).unwrap_or_default());
    Cow::Owned(redact(&shown).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "- -----BEGIN PRIVATE KEY-----\n- MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n- MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n- -----END PRIVATE KEY-----\n- tea at four\n";

    #[test]
    fn a_key_in_list_items_is_hidden_in_each() {
        let memory = MaskedMemory::of(KEY);
        let shown: Vec<String> =
            statements(KEY).iter().map(|statement| memory.text(statement).into_owned()).collect();
        let hidden = "[redacted: private key]";
        assert_eq!(shown, [hidden, hidden, hidden, hidden, "tea at four"]);
        assert!(memory.hidden().all(|(_, shown)| shown == hidden) && memory.hidden().count() >= 2);
        assert_eq!(masked("ab", 10, &[]), "ab");
    }
}
