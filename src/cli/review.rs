//! `dreamrun approve` and `dreamrun reject`: a person's word on a candidate.

use clap::Args;
use serde::Serialize;

use crate::adoption::decide::DRIFT;
use crate::ids::RunId;
use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::report::run_text::needed_overrides;
use crate::report::run_view::RunView;
use crate::run::Ended;
use crate::run::next::Stop;
use crate::state::StateError;
use crate::state::driver::Acquired;
use crate::state::keeper::Keeper;

use super::answer::Answer;
use super::apply::Applied;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::{Call, runs, turn};

/// Options of `approve`.
#[derive(Debug, Args)]
pub(super) struct ApproveOptions {
    /// The run: its id, an unambiguous beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// Adopt although this gate blocks; needs --reason
    #[arg(long = "override", value_name = "GATE")]
    overrides: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Options of `reject`.
#[derive(Debug, Args)]
pub(super) struct RejectOptions {
    /// The run: its id, an unambiguous beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl ApproveOptions {
    /// Agrees to a run, overriding nothing.
    pub(super) fn of(run: String) -> Self {
        Self { run, overrides: Vec::new(), reason: None }
    }
}

#[derive(Debug, Serialize)]
struct Decided {
    run: RunView,
}

/// Opens everything that acting on one run which waits for a person takes, and hands it to `act`, with the
/// lease of its alias.
pub(super) async fn with_run<F>(
    call: &Call<'_>,
    name: &str,
    section: &str,
    act: F,
) -> Result<Answer, CliError>
where
    F: AsyncFnOnce(&Desk<'_>, Journal, &Keeper) -> Result<Applied, CliError>,
{
    let desk = Desk::of_runs(call).await?;
    let state = desk.state.as_ref();
    let journal = runs::find(Some(state), name).await?;
    let alias = journal.state().plan.alias();
    let Acquired::Yes(lock) = desk.lock(&alias).await? else { return Err(busy(journal.run())) };
    check_waits(&journal)?;
    let keeper = desk.keeper(&alias, Some(&lock));
    turn::take(&desk, &keeper, section).await?;
    // Read again with the lease: the run may have moved on while we waited for it.
    let journal = runs::find(Some(state), &journal.run().to_string()).await?;
    let applied = act(&desk, journal, &keeper).await;
    let given_back = match keeper.is_held() {
        true => keeper.give_back(state, |_| Ok::<_, StateError>(false)).await,
        false => Ok(()),
    };
    let applied = applied?;
    given_back?;
    let code = match applied.ended {
        Some(Ended::Interrupted | Ended::Left { .. }) => desk.signals.code(),
        _ => applied.code,
    };
    let mut answer = Answer { code, ..Answer::new(applied.outcome, applied.run.map(|run| Decided { run })) };
    answer.problems.clone_from(&desk.workspace.warnings);
    Ok(answer)
}

fn busy(run: &RunId) -> CliError {
    CliError::new(ExitCode::LockBusy, format!("run `{run}` is driven by another process"))
        .hint(format!("See `dreamrun show {run}`."))
}

pub(super) fn check_waits(journal: &Journal) -> Result<(), CliError> {
    let phase = &journal.state().phase;
    if matches!(phase, Phase::AwaitingReview(_) | Phase::Blocked(_)) {
        return Ok(());
    }
    let run = journal.run();
    let words = phase.name().replace('_', " ");
    Err(CliError::new(ExitCode::Stale, format!("run `{run}` is {words}, nobody has to decide on it"))
        .hint(format!("See `dreamrun show {run}`.")))
}

pub(super) async fn approve(call: &Call<'_>, options: &ApproveOptions) -> Result<Answer, CliError> {
    with_run(call, &options.run, "approving", async |desk, mut journal, keeper| {
        check_waits(&journal)?;
        check_overrides(&journal, options)?;
        let state = journal.state();
        let (Some(judgment), Some(candidate)) = (&state.judgment, &state.candidate) else {
            return Err(CliError::usage("the run has no candidate"));
        };
        let live = judgment.live;
        let found = desk.backend.index(&candidate.store).await?;
        // What somebody wrote to the candidate is judged before anybody says yes to it.
        let (event, changed) = if found.hash() == candidate.hash {
            let approved = JournalEvent::Approved {
                by: call.person(),
                reason: options.reason.clone(),
                overrides: options.overrides.clone(),
                live,
                candidate: candidate.hash,
            };
            (approved, "the live store")
        } else {
            (JournalEvent::of_candidate(candidate.store.clone(), &found), "the candidate")
        };
        desk.record(&mut journal, event).await?;
        let mut applied = desk.carry_out(journal, Vec::new(), true, keeper).await?;
        if let Some(Ended::Stopped(Stop::AwaitingReview | Stop::Blocked)) = applied.ended {
            let console = &call.console;
            console.complain(&format!(
                "{} nothing was adopted: {changed} changed since it was judged; look again\n",
                console.paint.warn("stale:")
            ));
            applied.code = Some(ExitCode::Stale);
        }
        Ok(applied)
    })
    .await
}

fn check_overrides(journal: &Journal, options: &ApproveOptions) -> Result<(), CliError> {
    let state = journal.state();
    let run = journal.run();
    let verdicts = state.judgment.as_ref().map(|judgment| judgment.verdicts.as_slice()).unwrap_or_default();
    let known: Vec<&str> = verdicts.iter().map(|verdict| verdict.gate.as_str()).chain([DRIFT]).collect();
    if let Some(name) = options.overrides.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(CliError::usage(format!("run `{run}` was not judged by a gate `{name}`"))
            .hint(format!("What can be overridden: {}.", known.join(", "))));
    }
    let (Phase::AwaitingReview(reasons) | Phase::Blocked(reasons)) = &state.phase else { return Ok(()) };
    let missing: Vec<String> =
        needed_overrides(reasons).into_iter().filter(|name| !options.overrides.contains(name)).collect();
    if !missing.is_empty() {
        let flags: String = missing.iter().map(|name| format!(" --override {name}")).collect();
        return Err(CliError::new(ExitCode::Blocked, format!("blocked by {}", missing.join(", ")))
            .hint(format!("To adopt it all the same: `dreamrun approve {run}{flags} --reason …`.")));
    }
    if !options.overrides.is_empty() && options.reason.as_ref().is_none_or(|text| text.trim().is_empty()) {
        return Err(CliError::usage("overriding a gate needs a reason").hint("Add `--reason TEXT`."));
    }
    Ok(())
}

pub(super) async fn reject(call: &Call<'_>, options: &RejectOptions) -> Result<Answer, CliError> {
    with_run(call, &options.run, "rejecting", async |desk, mut journal, keeper| {
        check_waits(&journal)?;
        let event = JournalEvent::Rejected { by: call.person(), reason: options.reason.clone() };
        desk.record(&mut journal, event).await?;
        desk.carry_out(journal, Vec::new(), true, keeper).await
    })
    .await
}
