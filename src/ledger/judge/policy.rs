//! Policy: what a forget list says may go.

use crate::ledger::Located;
use crate::ledger::forget::{ForgetList, Forgotten};
use crate::memory::Memory;
use jiff::Timestamp;

/// Returns the name of the first rule that covers a statement.
pub(super) fn covers<'l>(
    forget: &'l ForgetList,
    statement: &Located<'_>,
    memory: &Memory,
    now: Option<Timestamp>,
) -> Option<&'l str> {
    let found = forget.rules.iter().find(|rule| match &rule.what {
        Forgotten::Pattern(pattern) => pattern.is_match(statement.statement.text),
        Forgotten::Statement(hash) => *hash == statement.hash,
        Forgotten::Retention { paths, older_than } => {
            let is_old = || {
                let limit = now.and_then(|now| now.checked_sub(*older_than).ok());
                memory.updated_at.zip(limit).is_some_and(|(at, limit)| at < limit)
            };
            let path = memory.path.as_str();
            (paths.is_match(path) || paths.is_match(path.trim_start_matches('/'))) && is_old()
        }
    });
    found.map(|rule| rule.name.as_str())
}
