//! What is in the project's folder: its files, its state, and the embedded backend's database.

use std::path::Path;

use crate::journal;
use crate::report::words::count;
use crate::spec::problem::has_errors;
use crate::state::alias;

use super::Check;
use crate::cli::Call;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::workspace::{Workspace, load, pipeline_files};
use crate::state::alias::Origin;

/// Looks at the project's files. Without a valid project file there is nothing more to look at.
pub(super) fn project(
    call: &Call<'_>,
    root: &Path,
    checks: &mut Vec<Check>,
) -> Result<Option<Workspace>, CliError> {
    let files = pipeline_files(root)?;
    let loaded = load(call, root, &files)?;
    let pipelines = count(files.len() as u64, "pipeline", "pipelines");
    if has_errors(&loaded.problems) {
        let problems = count(loaded.problems.len() as u64, "problem", "problems");
        let check =
            Check::bad("project", ExitCode::InvalidFiles, format!("{problems} in the project's files"));
        checks.push(check.help("`dreamrun validate` shows where."));
    } else if loaded.problems.is_empty() {
        checks.push(Check::good("project", format!("dreamrun.yaml and {pipelines}, all valid")));
    } else {
        let warnings = count(loaded.problems.len() as u64, "warning", "warnings");
        let what = format!("dreamrun.yaml and {pipelines}, all valid, with {warnings}");
        checks.push(Check::odd("project", what).help("`dreamrun validate` shows them."));
    }
    Ok(loaded.project.map(|project| Workspace {
        root: root.to_path_buf(),
        project,
        pipelines: loaded.pipelines.into_iter().map(|p| (p.name.clone(), p)).collect(),
        warnings: Vec::new(),
    }))
}

/// Looks at state: whether it can be read, and whether it is about this backend.
pub(super) async fn state(workspace: &Workspace, here: Option<&Origin>, checks: &mut Vec<Check>) {
    let check = match read(workspace, here).await {
        Ok(check) => check,
        Err(error) => Check::of_error("state", error),
    };
    checks.push(check);
}

async fn read(workspace: &Workspace, here: Option<&Origin>) -> Result<Check, CliError> {
    let path = workspace.state_path();
    let name = path.strip_prefix(&workspace.root).unwrap_or(&path).display().to_string();
    let Some(state) = workspace.state_read_only()? else {
        return Ok(Check::good("state", format!("`{name}` is not there yet; the first run makes it")));
    };
    let aliases = alias::list(&state).await?;
    let mut elsewhere = Vec::new();
    for name in &aliases {
        let Some((record, _)) = alias::read(&state, name).await? else { continue };
        let fits = match (&record.origin, here) {
            (None, None) => true,
            (Some(kept), Some(here)) => kept.fits(here),
            _ => false,
        };
        if !fits && workspace.project.stores.contains_key(name) {
            let place = record.origin.map_or_else(|| "the local backend".to_owned(), |o| o.to_string());
            elsewhere.push(format!("`{name}` is about {place}"));
        }
    }
    let runs = journal::runs(&state, None).await?;
    let holds = format!(
        "`{name}` holds {} and {}",
        count(aliases.len() as u64, "store", "stores"),
        count(runs.len() as u64, "run", "runs")
    );
    Ok(match elsewhere.as_slice() {
        [] => Check::good("state", holds),
        all => Check::bad("state", ExitCode::Usage, format!("{holds}; {}", all.join(", ")))
            .help("Go back to that backend, or give this one a `state:` of its own, as a profile can."),
    })
}

/// Looks at the embedded backend.
pub(super) fn local(call: &Call<'_>, workspace: &Workspace, database: &Path, checks: &mut Vec<Check>) {
    let name = database.display();
    checks.push(match workspace.backend(call, false) {
        Err(error) => Check::of_error("backend", error),
        Ok(_) if workspace.root.join(database).exists() => {
            Check::good("backend", format!("local, in `{name}`; it needs no key"))
        }
        Ok(_) => Check::good("backend", format!("local; the first run makes `{name}`. It needs no key")),
    });
}
