//! Naming a run on the command line: exactly, by an unambiguous beginning, or `latest`.

use crate::ids::RunId;
use crate::journal::{self, Journal};
use crate::state::StateStore;

use super::exit::CliError;

/// Finds the run that a text names.
pub(super) async fn find(state: Option<&dyn StateStore>, text: &str) -> Result<Journal, CliError> {
    let Some(state) = state else {
        return Err(CliError::usage("there are no runs yet").hint("Start one with `dreamrun apply`."));
    };
    if let Some(run) = RunId::parse(text)
        && let Some(journal) = Journal::open(state, &run).await?
    {
        return Ok(journal);
    }
    let run = match text {
        "latest" => latest(state, &journal::recent(state, None).await?).await?,
        _ => named(&journal::runs(state, None).await?, text)?,
    };
    Journal::open(state, &run).await?.ok_or_else(|| CliError::usage(format!("there is no run `{run}`")))
}

fn named(runs: &[RunId], text: &str) -> Result<RunId, CliError> {
    if let Some(run) = runs.iter().find(|run| run.to_string() == text) {
        return Ok(run.clone());
    }
    let matching: Vec<&RunId> = runs.iter().filter(|run| run.to_string().starts_with(text)).collect();
    match matching.as_slice() {
        [run] => Ok((*run).clone()),
        [] => Err(CliError::usage(format!("there is no run `{text}`"))
            .hint("`dreamrun status` shows each pipeline's last run; `latest` names the newest.")),
        [.., last] => Err(CliError::usage(format!("`{text}` could be any of {} runs", matching.len()))
            .hint(format!("The newest of them is `{last}`."))),
    }
}

/// Returns the run that began last.
async fn latest(state: &dyn StateStore, runs: &[RunId]) -> Result<RunId, CliError> {
    let mut newest = None;
    for run in runs {
        // Only the last run of each pipeline can be the newest.
        let next = RunId::new(run.pipeline().clone(), run.number() + 1);
        if runs.contains(&next) {
            continue;
        }
        let begun = journal::begun_at(state, run).await?;
        if newest.as_ref().is_none_or(|(at, _)| begun >= *at) {
            newest = Some((begun, run.clone()));
        }
    }
    newest
        .map(|(_, run)| run)
        .ok_or_else(|| CliError::usage("there are no runs yet").hint("Start one with `dreamrun apply`."))
}
