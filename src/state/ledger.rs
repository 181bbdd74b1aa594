//! The ledgers of runs: what each did to every statement, in hashes.
//!
//! A ledger is written before its judgment is recorded and replaced when a candidate is judged again, so
//! the ledger of an adopted run is that of what was adopted. It is never deleted: it outlives the stores it
//! is about.

use crate::ids::{Alias, RunId};
use crate::ledger::record::{LEDGER_FORMAT, RunLedger};

use super::format::{self, Format};
use super::{Key, PutIf, StateError, StateStore, Version};

const KNOWN: Format = Format::major(LEDGER_FORMAT);

/// Reads the ledger of a run; nothing for a run that was never judged.
///
/// # Errors
///
/// Fails when state cannot be read, is damaged, or was written by a newer version.
pub async fn read(
    state: &dyn StateStore,
    alias: &Alias,
    run: &RunId,
) -> Result<Option<RunLedger>, StateError> {
    let key = Key::ledger(alias, run);
    let Some((bytes, _)) = raw(state, &key).await? else { return Ok(None) };
    format::read(&key, &bytes, KNOWN).map(Some)
}

/// Writes the ledger of a run in place of an earlier one.
///
/// # Errors
///
/// [`StateError::Conflict`] when another process judges the same run.
pub async fn write(state: &dyn StateStore, alias: &Alias, ledger: &RunLedger) -> Result<(), StateError> {
    let key = Key::ledger(alias, &ledger.run);
    let bytes = format::bytes(&key, ledger)?;
    let when = match raw(state, &key).await? {
        Some((held, _)) if held == bytes => return Ok(()),
        Some((held, version)) => {
            format::check_replaceable_bytes(&key, &held, KNOWN)?;
            PutIf::Version(version)
        }
        None => PutIf::Absent,
    };
    state.put(&key, &bytes, when).await.map(|_| ())
}

/// Lists the runs of an alias whose ledgers are kept, by name.
///
/// # Errors
///
/// Fails when state cannot be read, or names something a run cannot be called.
pub async fn list(state: &dyn StateStore, alias: &Alias) -> Result<Vec<RunId>, StateError> {
    let prefix = Key::ledgers(alias);
    let named = |key: Key| {
        let name = key.as_str().trim_start_matches(&prefix).to_owned();
        RunId::parse(&name)
            .ok_or_else(|| StateError::Damaged { key, reason: "not the id of a run".to_owned() })
    };
    state.list(&prefix).await?.into_iter().map(named).collect()
}

async fn raw(state: &dyn StateStore, key: &Key) -> Result<Option<(Vec<u8>, Version)>, StateError> {
    Ok(state.get(key).await?.map(|found| (found.bytes, found.version)))
}
