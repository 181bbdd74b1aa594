//! Waiting for one's turn while another process has the lease, and saying who that is.
//!
//! A run is followed, because whoever has the lease may be carrying it on. Any other command waits only to find
//! out whether the holder lives: then it is refused, with exit 6.

use serde_json::json;

use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::journal::Journal;
use crate::journal::run_state::Phase;
use crate::report::words::line;
use crate::run::{LOOK_EVERY, Surroundings, catch_up};
use crate::state::alias;
use crate::state::keeper::{Keeper, Taken};
use crate::state::lease::Lease;
use crate::state::{StateError, StateStore};

use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::machine;

/// The least often that a lease is looked at, as a part of its time.
const LOOKS: u32 = 18;

/// Follows a run while another process has the lease of its alias, until the lease can be had.
///
/// # Errors
///
/// A run of another pipeline that holds the alias is not waited for: the error names it.
pub(super) async fn wait(
    desk: &Desk<'_>,
    keeper: &Keeper,
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), CliError> {
    let state = desk.state.as_ref();
    let console = &desk.call.console;
    let mut pause = LOOK_EVERY;
    let mut told: Option<String> = None;
    loop {
        let has_moved = catch_up(journal, around).await?;
        let Some((record, _)) = alias::read(state, keeper.alias()).await? else { return Ok(()) };
        let Some(lease) = &record.lease else { return Ok(()) };
        let left = keeper.look(lease);
        if left.is_zero() {
            return Ok(());
        }
        let run = journal.run();
        let other = record.claim.as_ref().filter(|claim| claim.run != *run);
        if let Some(other) = other.filter(|claim| claim.run.pipeline() != run.pipeline()) {
            return Err(held(desk, keeper.alias(), &other.run).await?);
        }
        let is_new = told.as_ref() != Some(&lease.nonce);
        if told.is_none() {
            console.say(&format!("{run} is driven by {}; following it\n", holder(lease)));
        }
        told = Some(lease.nonce.clone());
        // The longer nothing happens, the less often it is looked at.
        pause = if has_moved || is_new { LOOK_EVERY } else { pause * 3 / 2 };
        pause = pause.min((lease.time() / LOOKS).max(LOOK_EVERY)).min(left);
        let mut interrupt = desk.signals.interrupt();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = interrupt.wait_for(|&asked| asked) => {
                return Err(CliError::new(ExitCode::Interrupted, "stopped following; the run goes on"));
            }
        }
    }
}

/// Carries something out with the lease of an alias, and gives it back whatever comes of it.
///
/// # Errors
///
/// Exit 6 while another process has the lease and lives.
pub(super) async fn holding<T>(
    desk: &Desk<'_>,
    keeper: &Keeper,
    section: &str,
    act: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    take(desk, keeper, section).await?;
    let state = desk.state.as_ref();
    let acted = keeper.under(state, act).await.unwrap_or_else(|lost| Err(lost.into()));
    let given_back = keeper.give_back(state, |_| Ok::<_, StateError>(false)).await;
    let acted = acted?;
    given_back?;
    Ok(acted)
}

/// Takes the lease of an alias. While another process has it, this one waits: for the lease to be given back, or
/// for a sign that its holder lives, or for the lease to run out. An alias that is not in state needs none.
pub(super) async fn take(desk: &Desk<'_>, keeper: &Keeper, section: &str) -> Result<(), CliError> {
    let state = desk.state.as_ref();
    let began = keeper.elapsed();
    let mut seen: Option<Lease> = None;
    loop {
        let lease = match keeper.take(state, section, |_| Ok::<_, StateError>(())).await? {
            Taken::Yes(_) | Taken::NoAlias => return Ok(()),
            Taken::HeldBy(lease) => *lease,
        };
        let lives = seen.as_ref().is_some_and(|seen| seen.nonce == lease.nonce && seen.beat != lease.beat);
        if lives || keeper.elapsed().saturating_sub(began) > lease.time() * 2 {
            return Err(busy(keeper.alias(), &lease));
        }
        if seen.is_none() {
            let words = format!("waits for {}, which is {}\n", holder(&lease), line(&lease.section));
            desk.call.console.say(&words);
        }
        let pause = LOOK_EVERY.min(keeper.look(&lease));
        seen = Some(lease);
        let mut interrupt = desk.signals.interrupt();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = interrupt.wait_for(|&asked| asked) => {
                return Err(CliError::new(desk.signals.code().unwrap_or(ExitCode::Interrupted), "nothing was done"));
            }
        }
    }
}

/// Makes sure that a store is still the live one, once the lease is had: it was looked at before.
pub(super) async fn check_live(
    state: &dyn StateStore,
    alias: &Alias,
    store: &MemoryStoreId,
) -> Result<(), CliError> {
    match alias::read(state, alias).await? {
        Some((record, _)) if record.active != *store => {
            let words = format!("`{alias}` moved to another store meanwhile; nothing was written");
            Err(CliError::new(ExitCode::Stale, words)
                .hint("Run the command again to see what it would do now."))
        }
        _ => Ok(()),
    }
}

/// Returns the error of an alias whose lease another process has.
fn busy(alias: &Alias, lease: &Lease) -> CliError {
    let words = format!("`{alias}` is driven by {}: {}", holder(lease), acting(lease));
    let mut error = CliError::new(ExitCode::LockBusy, words)
        .hint(format!("Run the command again once `dreamrun status {alias}` shows nobody there."));
    *error.data = json!({ "alias": alias, "lease": lease });
    error
}

/// Returns the error of an alias that another run holds: who acts for it, and what helps.
pub(super) async fn held(desk: &Desk<'_>, alias: &Alias, run: &RunId) -> Result<CliError, CliError> {
    let state = desk.state.as_ref();
    let journal = Journal::open(state, run).await?;
    let record = alias::read(state, alias).await?.map(|(record, _)| record);
    let mut error = CliError::new(ExitCode::LockBusy, format!("`{alias}` is held by run `{run}`"));
    if let Some(mut record) = record {
        let here = machine::who(desk.call);
        record.lease = record.lease.filter(|lease| lease.holder != here);
        let by = record.claim.as_ref().and_then(|claim| claim.by.as_ref());
        match (&record.lease, by) {
            (Some(lease), _) => error.causes.push(driven(lease)),
            // On this machine its page is all there is to look at.
            (None, Some(by)) if by.run_url.is_some() || by.machine != here.machine => {
                error = error.hint(format!("It was last driven by {}.", line(&by.to_string())));
            }
            _ => {}
        }
        *error.data = json!({ "alias": alias, "claim": record.claim, "lease": record.lease });
    }
    Ok(match journal.map(|journal| journal.state().phase.clone()) {
        Some(Phase::AwaitingReview(_) | Phase::Blocked(_)) => error.hint(format!(
            "It waits for a person: look at `dreamrun diff {run}`, then `dreamrun approve {run}` or \
             `dreamrun reject {run}`."
        )),
        _ => error.hint(format!("See `dreamrun show {run}`, or give it up with `dreamrun cancel {run}`.")),
    })
}

/// Says who acts on an alias.
pub(super) fn driven(lease: &Lease) -> String {
    format!("{} has it: {}", holder(lease), acting(lease))
}

/// Names the holder of a lease: state tells it, which others write too.
fn holder(lease: &Lease) -> String {
    line(&lease.holder.to_string())
}

/// Says what the holder of a lease is doing.
fn acting(lease: &Lease) -> String {
    format!("{}, since {:.0}", line(&lease.section), lease.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::lease::Who;

    #[test]
    fn what_others_wrote_into_state_is_shown_on_one_line_without_controls() {
        let lease = Lease {
            nonce: "n".to_owned(),
            beat: 1,
            holder: Who { machine: "ci\u{1b}[2J\nerror: gone".to_owned(), pid: 7, run_url: None },
            section: "judging\r\u{202e}".to_owned(),
            since: "2026-11-20T09:00:00Z".parse().unwrap(),
            time_ms: 1,
            domain: None,
        };
        let words = [driven(&lease), busy(&Alias::parse("notes").unwrap(), &lease).message];
        for words in words {
            assert!(words.contains("process 7 on ci\\u{1b}[2J\\nerror: gone"), "{words}");
            assert!(words.contains("judging\\u{d}\\u{202e}, since"), "{words}");
        }
    }
}
