//! What is in the project's folder: its files, its state, and the embedded backend's database.

use std::path::Path;

use jiff::SignedDuration;

use crate::ids::Alias;
use crate::journal;
use crate::report::words::{count, line};
use crate::spec::codes::Code;
use crate::spec::problem::has_errors;
use crate::state::{StateError, alias};

use super::Check;
use crate::cli::Call;
use crate::cli::disk;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::workspace::{Workspace, allowed, load, pipeline_files};
use crate::state::alias::Origin;
use crate::state::lease::Lease;

/// How long a lease is had at most, by what is done with one.
const LONG_HELD: SignedDuration = SignedDuration::from_mins(30);

/// Looks at the project's files. Without a valid project file there is nothing more to look at.
pub(super) fn project(
    call: &Call<'_>,
    root: &Path,
    checks: &mut Vec<Check>,
) -> Result<Option<Workspace>, CliError> {
    let files = pipeline_files(root)?;
    let mut loaded = load(call, root, &files)?;
    // Whether a folder is missed is known once state is looked at.
    let missing = disk::missing(root, &allowed(call), &loaded).into_iter();
    loaded.problems.extend(missing.filter(|problem| problem.code != Code::NoFolder));
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

/// Looks at state: whether it can be read, whether it is about this backend, and whether somebody has had a
/// lease for longer than they should.
pub(super) async fn state(
    call: &Call<'_>,
    workspace: &Workspace,
    here: Option<&Origin>,
    checks: &mut Vec<Check>,
) {
    let mut leases = Vec::new();
    let check = match read(call, workspace, here, &mut leases).await {
        Ok(check) => check,
        Err(error) => Check::of_error("state", error),
    };
    checks.push(check);
    checks.append(&mut leases);
}

async fn read(
    call: &Call<'_>,
    workspace: &Workspace,
    here: Option<&Origin>,
    leases: &mut Vec<Check>,
) -> Result<Check, CliError> {
    let name = workspace.state_name();
    let Some(state) = workspace.state_read_only(call).await? else {
        return Ok(Check::good("state", format!("`{name}` is not there yet; the first run makes it")));
    };
    let aliases = alias::list(state.as_ref()).await?;
    let mut elsewhere = Vec::new();
    for name in &aliases {
        let record = match alias::read(state.as_ref(), name).await {
            Ok(Some((record, _))) => record,
            // One of the project's is told where it is seen whether it can be rebuilt.
            Err(StateError::Damaged { .. }) if workspace.project.stores.contains_key(name) => continue,
            Ok(None) => continue,
            Err(error) => return Err(error.into()),
        };
        leases.extend(record.lease.as_ref().and_then(|lease| long_held(call, name, lease)));
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
    let runs = journal::runs(state.as_ref(), None).await?;
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

/// Tells of a lease that was taken long ago, by the hours of its holder and of this machine.
fn long_held(call: &Call<'_>, alias: &Alias, lease: &Lease) -> Option<Check> {
    let age = call.parts.clock().now().duration_since(lease.since);
    if age <= LONG_HELD {
        return None;
    }
    let (holder, section) = (line(&lease.holder.to_string()), line(&lease.section));
    let what = format!("{holder} has `{alias}` since {:.0}: {section}", lease.since);
    Some(Check::odd("lease", what).help(format!(
        "Look whether that process lives. If not, the next command on `{alias}` takes over, on another machine \
         after {} seconds.",
        lease.time().as_secs()
    )))
}

/// Looks for stores that would be imported by the next run from a folder that is not there.
pub(super) async fn stores(
    call: &Call<'_>,
    workspace: &Workspace,
    checks: &mut Vec<Check>,
) -> Result<(), CliError> {
    let missing: Vec<_> = disk::missing_folders(&workspace.root, &workspace.project).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let state = workspace.state_read_only(call).await?;
    for (name, folder) in missing {
        let lives = match state.as_deref() {
            Some(state) => alias::list(state).await?.contains(name),
            None => false,
        };
        if !lives && let Err(error) = disk::check_folder(&workspace.root, name, folder) {
            checks.push(Check::of_error("store", error));
        }
    }
    Ok(())
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
