//! `dreamrun cancel`: the brake. Works while another process waits for the run's dream.

use clap::Args;
use serde::Serialize;

use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::plan::rendered_again;
use crate::price::PriceTable;
use crate::report::run_text::run_text;
use crate::report::run_view::RunView;
use crate::run::observer::Unwatched;
use crate::run::{RunError, Surroundings, execute};
use crate::state::StateStore;

use super::Call;
use super::answer::Answer;
use super::apply::listen;
use super::exit::{CliError, ExitCode};
use super::runs;
use super::workspace::{Workspace, alias_of};

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
    let workspace = Workspace::open(call)?;
    if workspace.state_read_only()?.is_none() {
        return Err(CliError::usage("there are no runs yet").hint("Start one with `dreamrun apply`."));
    }
    let state = workspace.state(call)?;
    let mut journal = runs::find(Some(state.as_ref()), &options.run).await?;
    let run = journal.run().clone();
    let Some(pipeline) = workspace.pipelines.get(run.pipeline()) else {
        return Err(CliError::usage(format!("the pipeline of run `{run}` is not in the project any more"))
            .hint("Bring its file back, then try again."));
    };
    let local = workspace.local(call, true)?;
    let backend = workspace.backend(call, &local);
    let alias = alias_of(pipeline);
    let clock = call.parts.clock();
    let prices = PriceTable::builtin();
    let (interrupt, _signal) = listen();
    let instructions = rendered_again(pipeline, &journal.state().plan);
    let around = Surroundings {
        state: state.as_ref(),
        backend: backend.as_ref(),
        clock: clock.as_ref(),
        observer: &Unwatched,
        prices: &prices,
        root: &workspace.root,
        alias: &alias,
        instructions: &instructions,
        interrupt,
    };
    ask(call, state.as_ref(), &mut journal, &around).await?;
    execute(&mut journal, &around).await?;
    if journal.state().phase == Phase::Adopted {
        let words = format!("run `{run}` was adopted before it could be canceled");
        return Err(
            CliError::new(ExitCode::Stale, words).hint(format!("Go back with `dreamrun rollback {alias}`."))
        );
    }
    let view = RunView::of(&run, journal.state());
    call.console.say(&run_text(&view, journal.state(), call.console.paint));
    Ok(Answer::new(view.phase, Canceled { run: view }))
}

/// Writes the intent to cancel. A process that drives the run meanwhile loses the race for its next
/// event and stops; if it wins, the intent is written after that event.
async fn ask(
    call: &Call<'_>,
    state: &dyn StateStore,
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), CliError> {
    let run = journal.run().clone();
    loop {
        match &journal.state().phase {
            Phase::Canceling { .. } | Phase::Canceled => return Ok(()),
            Phase::Rebasing { .. } => {
                return Err(CliError::new(ExitCode::Stale, format!("run `{run}` is being adopted"))
                    .hint(format!("Once it is: `dreamrun rollback {}`.", around.alias)));
            }
            phase if phase.is_final() => {
                let words = phase.name().replace('_', " ");
                return Err(CliError::new(ExitCode::Stale, format!("run `{run}` is over: {words}"))
                    .hint(format!("See `dreamrun show {run}`.")));
            }
            Phase::Requested { batch } => {
                let batch = *batch;
                match crate::run::settle_now(journal, around, batch).await {
                    Ok(()) => continue,
                    // Nobody can tell which dream it is; giving the run up is the way out.
                    Err(RunError::InDoubt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            _ => {}
        }
        let event = JournalEvent::CancelAsked { by: call.person() };
        match journal.append(state, around.clock.now(), event).await {
            Ok(_) => return Ok(()),
            Err(crate::journal::JournalError::State(crate::state::StateError::Conflict { .. })) => {
                let newest = Journal::open(state, &run).await?;
                *journal = newest.ok_or_else(|| CliError::usage(format!("there is no run `{run}`")))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
