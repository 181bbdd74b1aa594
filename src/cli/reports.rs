//! Reports of a run, in files: a page, a comment, verdicts.

use std::cell::Cell;
use std::path::Path;

use crate::journal::Journal;
use crate::ledger::{Context, Fate, Ledger};
use crate::report::comment::run_comment;
use crate::report::fates::Fates;
use crate::report::html::{Page, Statements, html};
use crate::report::junit::{Suite, junit};
use crate::report::kept;
use crate::report::run_text::next_commands;
use crate::report::run_view::RunView;
use crate::report::three_way::ThreeWay;
use crate::run::past::Past;
use crate::state::{StateStore, alias, ledger};

use super::exit::CliError;
use super::workspace::Workspace;
use super::{Call, diff, files};

/// The most kept statements that are gathered: reports show no more.
const KEPT_LIMIT: usize = 500;

/// Which reports are asked for.
#[derive(Debug)]
pub(super) struct Files<'a> {
    pub(super) html: Option<&'a Path>,
    pub(super) markdown: Option<&'a Path>,
    pub(super) junit: Option<&'a Path>,
    /// Whether memory text may stand in the comment.
    pub(super) has_content: bool,
}

/// Writes the reports that are asked for.
pub(super) async fn write(
    call: &Call<'_>,
    workspace: &Workspace,
    state: Option<&dyn StateStore>,
    journal: &Journal,
    run: &RunView,
    wanted: &Files<'_>,
) -> Result<(), CliError> {
    if let Some(path) = wanted.junit {
        files::write(call, path, &junit(&[Suite::of_run(run)]))?;
    }
    if wanted.html.is_none() && wanted.markdown.is_none() {
        return Ok(());
    }
    let (statements, three_way) = match statements(call, workspace, state, journal).await? {
        Some((statements, three_way)) => (Some(statements), three_way),
        None => (None, Vec::new()),
    };
    if let Some(path) = wanted.markdown {
        files::write(call, path, &run_comment(run, statements.as_ref(), wanted.has_content))?;
    }
    if let Some(path) = wanted.html {
        let losses = match state {
            Some(state) => alias::read(state, &journal.state().plan.alias()).await?,
            None => None,
        };
        let losses = losses.map(|(record, _)| record.losses).unwrap_or_default();
        let page = html(&Page {
            run,
            budget_usd: journal.state().budget.map(crate::report::plan_view::dollars),
            next: &next_commands(run, journal.state()),
            statements: statements.as_ref(),
            three_way: &three_way,
            losses: &losses,
            made_at: call.parts.clock().now(),
        });
        files::write(call, path, &page)?;
    }
    Ok(())
}

/// Gathers what became of the statements of a run, as its ledger says; judged again where none is kept. Nothing
/// before it has a candidate, or once neither is to be had.
async fn statements(
    call: &Call<'_>,
    workspace: &Workspace,
    state: Option<&dyn StateStore>,
    journal: &Journal,
) -> Result<Option<(Statements, Vec<ThreeWay>)>, CliError> {
    if journal.state().candidate.is_none() {
        return Ok(None);
    }
    let opened = workspace.backend(call, false)?;
    let alias = journal.state().plan.alias();
    let kept = match state {
        Some(state) => {
            if let Some((record, _)) = alias::read(state, &alias).await? {
                opened.check_origin(&alias, &record)?;
            }
            ledger::read(state, &alias, journal.run()).await?
        }
        None => None,
    };
    let archive = workspace.archive();
    let past = Past { backend: opened.backend.as_ref(), archive: archive.as_ref() };
    let Some(grounds) = past.grounds(journal.state()).await? else { return Ok(None) };
    let (before, after) = (&grounds.before.snapshot, &grounds.after.snapshot);
    let forget = workspace.forget_list_of(call, &journal.state().plan);
    if kept.is_none() && grounds.after.is_gone {
        return Ok(None);
    }
    let now = kept.as_ref().map(|ledger| ledger.at);
    let context = Context { testimony: &grounds.testimony, forget: &forget, now };
    let ledger = Ledger::of(before, after, &context);
    let fates = Fates::of(&ledger, before, after, &grounds.testimony);
    let room = Cell::new(KEPT_LIMIT);
    let rows = fates.rows(|_, fate| {
        let is_shown = fate != Fate::Kept || room.get() > 0;
        if fate == Fate::Kept {
            room.set(room.get().saturating_sub(1));
        }
        is_shown
    });
    let mut missing = [grounds.before.missing.as_slice(), grounds.after.missing.as_slice()].concat();
    let (counts, rows) = match &kept {
        Some(kept) => {
            missing.extend(kept.changed().filter(|_| grounds.after.is_gone).cloned());
            (kept.counts, kept::rows(kept, rows, before, after))
        }
        None => (ledger.counts, rows),
    };
    let new = fates.new_rows(|_| true);
    let statements = Statements { counts, rows, new, unread: grounds.testimony.unread, missing };
    Ok(Some((statements, diff::three_way(past, journal.state()).await?)))
}
