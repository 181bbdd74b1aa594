//! Critical sections: from before the first write of a chain of actions until the next wait or stop, a run has
//! the lease of its alias.

use crate::journal::{self, Journal};
use crate::state::Key;
use crate::state::keeper::Taken;

use super::next::Next;
use super::{RunError, Surroundings};

/// What came of asking to act.
pub(super) enum Entered {
    /// The lease is ours, and the journal is what is in state.
    Yes,
    /// The lease is ours, and another process went on with the run before: look again.
    Moved,
    /// Another process has the lease.
    Held,
}

/// Takes the lease for an action, unless it is ours already, and catches up with what others wrote before.
pub(super) async fn enter(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    action: &Next,
) -> Result<Entered, RunError> {
    let keeper = around.keeper;
    if keeper.is_held() {
        keeper.turn_to(&words(action));
        keeper.confirm(around.state).await?;
        return Ok(Entered::Yes);
    }
    let run = journal.run().clone();
    let section = words(action);
    let taken = keeper.take(around.state, &section, |record| {
        if let Some(claim) = record.claim.as_mut().filter(|claim| claim.run == run) {
            claim.by = Some(keeper.who().clone());
        }
        Ok::<_, RunError>(())
    });
    match taken.await? {
        Taken::Yes(_) if catch_up(journal, around).await? => Ok(Entered::Moved),
        Taken::Yes(_) => Ok(Entered::Yes),
        Taken::HeldBy(_) => Ok(Entered::Held),
        Taken::NoAlias => Err(RunError::Stale { alias: around.alias.clone() }),
    }
}

/// Gives the lease back, if it is ours.
pub(super) async fn leave(around: &Surroundings<'_>) -> Result<(), RunError> {
    if !around.keeper.is_held() {
        return Ok(());
    }
    around.keeper.give_back(around.state, |_| Ok::<_, RunError>(false)).await
}

/// Reads what another process wrote into a journal since, and tells it. Says whether there was anything.
///
/// # Errors
///
/// Fails when state cannot be read, or when what it holds is no journal.
pub async fn catch_up(journal: &mut Journal, around: &Surroundings<'_>) -> Result<bool, RunError> {
    let known = journal.events();
    if around.state.get(&Key::event(journal.run(), known + 1)).await?.is_none() {
        return Ok(false);
    }
    let events = journal::read(around.state, journal.run()).await?;
    for recorded in events.iter().filter(|recorded| recorded.seq > known) {
        around.observer.recorded(journal.run(), recorded);
    }
    if let Some(newest) = Journal::replay(journal.run(), events)? {
        *journal = newest;
    }
    Ok(journal.events() > known)
}

/// Says what an action does, for people who find the lease taken.
pub(super) fn words(action: &Next) -> String {
    match action {
        Next::Claim => "claiming the store".to_owned(),
        Next::RecordBase => "reading the live store".to_owned(),
        Next::RequestDream { batch, .. } => format!("asking for dream {batch}"),
        Next::TakeDream(_) => "taking in a dream made elsewhere".to_owned(),
        Next::ReachBudget { .. } => "stopping at the budget".to_owned(),
        Next::Settle { batch } => format!("looking for dream {batch}"),
        Next::Await { batch, .. } => format!("taking in dream {batch}"),
        Next::RecordCandidate | Next::Judge => "judging".to_owned(),
        Next::Decide => "deciding".to_owned(),
        Next::Rebase => "carrying live writes over".to_owned(),
        Next::Edit => "editing the candidate".to_owned(),
        Next::WriteFolder => "writing the folder".to_owned(),
        Next::CopyBack => "copying into the live store".to_owned(),
        Next::MoveAlias => "adopting".to_owned(),
        Next::PatchDeployments => "patching deployments".to_owned(),
        Next::RequestSession => "creating a session".to_owned(),
        Next::SettleSession => "looking for the session".to_owned(),
        Next::Finish => "finishing the adoption".to_owned(),
        Next::Cancel { .. } => "canceling".to_owned(),
        Next::Release | Next::Stop(_) => "giving the store back".to_owned(),
    }
}
