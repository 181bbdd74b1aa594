//! Policy: what a forget list says may go.

use jiff::Timestamp;

use crate::ledger::Located;
use crate::ledger::forget::ForgetList;
use crate::memory::Memory;

/// Returns the name of the first rule that covers a statement; rules of age only where it is gone.
pub(super) fn covers<'l>(
    forget: &'l ForgetList,
    statement: &Located<'_>,
    memory: &Memory,
    now: Option<Timestamp>,
    is_gone: bool,
) -> Option<&'l str> {
    let forbidden = forget.forbids(statement.statement.text, statement.hash);
    let aged = || forget.lets_go(&memory.path, memory.updated_at, now).filter(|_| is_gone);
    forbidden.or_else(aged).map(|rule| rule.name.as_str())
}
