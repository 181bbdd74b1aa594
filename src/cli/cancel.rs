//! `dreamrun cancel`: the brake. Works while another process waits for the run's dream.

use clap::Args;
use serde::Serialize;

use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::report::run_text::{Screen, run_text};
use crate::report::run_view::RunView;
use crate::run::observer::Unwatched;
use crate::run::{Ended, RunError, Surroundings, execute};
use crate::spec::pipeline::StoreRef;
use crate::state::StateStore;
use crate::state::driver::Acquired;

use super::answer::Answer;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::{Call, runs, turn};

/// Options of `cancel`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The run: its id, an unambiguous beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
}

#[derive(Debug, Serialize)]
struct Canceled {
    run: RunView,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let desk = Desk::of_runs(call).await?;
    let state = desk.state.as_ref();
    let mut journal = runs::find(Some(state), &options.run).await?;
    let run = journal.run().clone();
    let alias = journal.state().plan.alias();
    // The process that waits for the run's dream on this machine has the lock, and is not in the way.
    let lock = match desk.lock(&alias).await? {
        Acquired::Yes(lock) => Some(lock),
        Acquired::HeldBy(_) => None,
    };
    let keeper = desk.keeper(&alias, lock.as_ref());
    let clock = call.parts.clock();
    let around = Surroundings {
        state,
        backend: desk.backend.as_ref(),
        clock: clock.as_ref(),
        observer: &Unwatched,
        prices: &desk.workspace.project.prices,
        root: &desk.workspace.root,
        archive: desk.archive.as_ref(),
        keeper: &keeper,
        alias: &alias,
        // A run that is given up asks for no dream.
        instructions: &[],
        interrupt: desk.signals.interrupt(),
    };
    let mut ended = match ask(call, state, &mut journal, &around).await? {
        true => Ended::Elsewhere,
        false => Ended::Interrupted,
    };
    while ended == Ended::Elsewhere {
        turn::wait(&desk, &keeper, &mut journal, &around).await?;
        ended = execute(&mut journal, &around).await?;
    }
    if journal.state().phase == Phase::Adopted {
        let words = format!("run `{run}` was adopted before it could be canceled");
        return Err(
            CliError::new(ExitCode::Stale, words).hint(format!("Go back with `dreamrun rollback {alias}`."))
        );
    }
    let view = RunView::of(&run, journal.state());
    let screen = Screen { paint: call.console.paint, ..Screen::default() };
    call.console.say(&run_text(&view, journal.state(), &screen));
    let mut answer = Answer::new(view.phase, Canceled { run: view });
    if let Ended::Interrupted | Ended::Left { .. } = ended {
        let warning = call.console.paint.warn("interrupted:");
        call.console.complain(&format!("{warning} `dreamrun cancel {run}` continues\n"));
        answer.code = desk.signals.code();
    }
    Ok(answer)
}

/// Writes the intent to cancel. A process that drives the run meanwhile loses the race for its next
/// event and stops; if it wins, the intent is written after that event. Returns whether it was written:
/// not if this process was asked to stop before.
async fn ask(
    call: &Call<'_>,
    state: &dyn StateStore,
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<bool, CliError> {
    let run = journal.run().clone();
    loop {
        match &journal.state().phase {
            Phase::Canceling { .. } | Phase::Canceled => return Ok(true),
            Phase::Rebasing { .. } | Phase::Adopting { .. }
                if journal.state().copy.is_some()
                    || matches!(journal.state().phase, Phase::Rebasing { .. }) =>
            {
                let error = CliError::new(ExitCode::Stale, format!("run `{run}` is being adopted"));
                return Err(match &journal.state().plan.store.reference {
                    StoreRef::Alias(alias) => error.hint(format!("Once it is: `dreamrun rollback {alias}`.")),
                    StoreRef::Raw(_) => error,
                });
            }
            phase if phase.is_final() => {
                let words = phase.name().replace('_', " ");
                return Err(CliError::new(ExitCode::Stale, format!("run `{run}` is over: {words}"))
                    .hint(format!("See `dreamrun show {run}`.")));
            }
            Phase::Requested { batch } => {
                let batch = *batch;
                match crate::run::settle_now(journal, around, batch).await {
                    Ok(true) => continue,
                    Ok(false) => return Ok(false),
                    // Nobody can tell which dream it is; giving the run up is the way out.
                    Err(RunError::InDoubt { .. } | RunError::Near { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            _ => {}
        }
        let event = JournalEvent::CancelAsked { by: call.person() };
        match journal.append(state, around.clock.now(), event).await {
            Ok(_) => return Ok(true),
            Err(crate::journal::JournalError::State(crate::state::StateError::Conflict { .. })) => {
                let newest = Journal::open(state, &run).await?;
                *journal = newest.ok_or_else(|| CliError::usage(format!("there is no run `{run}`")))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
