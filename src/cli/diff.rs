//! `dreamrun diff`: what a run changed and on what evidence, or how two stores or folders differ.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::backend::Backend;
use crate::backend::local::LocalBackend;
use crate::diff::{Change, DiffCounts, EntryDiff, StoreDiff};
use crate::dream::{ChangeKind, DreamChange};
use crate::gate::secrets::redact;
use crate::ids::{Alias, MemoryStoreId};
use crate::memory::MemoryPath;
use crate::report::words::{Paint, bytes, count, grouped, plain};
use crate::run::base_snapshot;
use crate::snapshot::Snapshot;
use crate::state::{StateStore, alias};

use super::answer::Answer;
use super::exit::CliError;
use super::workspace::Workspace;
use super::{Call, runs};

/// Options of `diff`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// A run; or two stores, each by alias, by id, or as a folder
    #[arg(value_name = "RUN | A B", num_args = 0..=2)]
    what: Vec<String>,
    /// Show whole lines as a unified diff
    #[arg(short = 'U', long)]
    unified: bool,
    /// Only entries at or below this path
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Only counts
    #[arg(long, conflicts_with_all = ["unified", "path"])]
    stat: bool,
}

/// The `data` of a diff document. Memory text in it is redacted.
#[derive(Debug, Serialize)]
struct DiffView {
    before: String,
    after: String,
    counts: DiffCounts,
    entries: Vec<EntryView>,
    /// What the dreams did and why, where the backend says.
    changes: Vec<DreamChange>,
}

#[derive(Debug, Serialize)]
struct EntryView {
    path: MemoryPath,
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<MemoryPath>,
    removed: Vec<String>,
    added: Vec<String>,
}

/// Two sides of a comparison.
struct Sides {
    names: (String, String),
    before: Snapshot,
    after: Snapshot,
    changes: Vec<DreamChange>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open(call)?;
    let local = workspace.local(call, false)?;
    let backend = workspace.backend(call, &local);
    let state = workspace.state_read_only()?;
    let state = state.as_ref().map(|state| state as &dyn StateStore);
    let sides = match options.what.as_slice() {
        [a, b] => {
            let before = one_side(&workspace, &local, backend.as_ref(), state, call, a).await?;
            let after = one_side(&workspace, &local, backend.as_ref(), state, call, b).await?;
            Sides { names: (a.clone(), b.clone()), before, after, changes: Vec::new() }
        }
        [run] => of_run(backend.as_ref(), state, run).await?,
        _ => of_run(backend.as_ref(), state, "latest").await?,
    };
    let mut diff = StoreDiff::between(&sides.before, &sides.after);
    let mut changes: Vec<DreamChange> = sides.changes.into_iter().map(redacted).collect();
    if let Some(path) = &options.path {
        let below = |candidate: &MemoryPath| is_at_or_below(candidate, path);
        diff.entries.retain(|entry| below(entry.path()) || entry.moved_from().is_some_and(below));
        changes.retain(|change| below(&change.path));
    }
    let paint = call.console.paint;
    let mut text = head(&sides.names, &diff.counts, paint);
    if !options.stat {
        for entry in &diff.entries {
            text.push('\n');
            entry_text(&mut text, entry, &changes, options.unified, paint);
        }
    }
    call.console.say(&text);
    let view = DiffView {
        before: sides.names.0,
        after: sides.names.1,
        counts: diff.counts,
        entries: diff.entries.iter().map(EntryView::of).collect(),
        changes,
    };
    Ok(Answer::new(if diff.is_empty() { "same" } else { "different" }, view))
}

fn is_at_or_below(candidate: &MemoryPath, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let rest = candidate.as_str().strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn of_run(
    backend: &dyn Backend,
    state: Option<&dyn StateStore>,
    name: &str,
) -> Result<Sides, CliError> {
    let journal = runs::find(state, name).await?;
    let run = journal.run();
    let state = journal.state();
    let (Some(base), Some(candidate)) = (&state.base, &state.candidate) else {
        return Err(CliError::usage(format!("run `{run}` has no candidate yet"))
            .hint(format!("See `dreamrun show {run}`.")));
    };
    let mut changes = Vec::new();
    for dream in state.dreams.iter().filter_map(|record| record.dream.as_ref()) {
        changes.extend(backend.dream_changes(dream).await?);
    }
    Ok(Sides {
        names: (format!("{} before {run}", base.store), format!("{} of {run}", candidate.store)),
        before: base_snapshot(backend, base).await?,
        after: backend.snapshot(&candidate.store).await?,
        changes,
    })
}

/// Opens what one argument names: an alias, a store id, or a folder.
async fn one_side(
    workspace: &Workspace,
    local: &LocalBackend,
    backend: &dyn Backend,
    state: Option<&dyn StateStore>,
    call: &Call<'_>,
    name: &str,
) -> Result<Snapshot, CliError> {
    let folder = call.folder.join(name.strip_prefix("dir:").unwrap_or(name));
    if name.starts_with("dir:") || name.contains('/') || (folder.is_dir() && !is_alias(workspace, name)) {
        let (snapshot, _) = local
            .read_folder(&folder)
            .map_err(|error| CliError::from(error.into_backend("read a folder")))?;
        return Ok(snapshot);
    }
    if is_alias(workspace, name)
        && let (Some(state), Ok(alias)) = (state, Alias::parse(name))
        && let Some((record, _)) = alias::read(state, &alias).await?
    {
        return Ok(backend.snapshot(&record.active).await?);
    }
    let id = MemoryStoreId::parse(name)
        .map_err(|_| CliError::usage(format!("`{name}` is no alias, store id or folder")))?;
    Ok(backend.snapshot(&id).await?)
}

fn is_alias(workspace: &Workspace, name: &str) -> bool {
    workspace.project.stores.keys().any(|alias| alias.as_str() == name)
}

fn redacted(mut change: DreamChange) -> DreamChange {
    let clean = |text: &mut String| {
        if let Cow::Owned(redacted) = redact(text) {
            *text = redacted;
        }
    };
    change.statement.iter_mut().for_each(clean);
    change.replaced.iter_mut().for_each(|replaced| clean(&mut replaced.statement));
    change
}

impl EntryView {
    fn of(entry: &EntryDiff) -> Self {
        let statements = entry.statements();
        let texts = |list: &[crate::text::statement::Statement<'_>]| {
            list.iter().map(|statement| redact(statement.text).into_owned()).collect()
        };
        Self {
            path: entry.path().clone(),
            change: entry.change(),
            moved_from: entry.moved_from().cloned(),
            removed: texts(&statements.removed),
            added: texts(&statements.added),
        }
    }
}

fn head(names: &(String, String), counts: &DiffCounts, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", paint.bad("---"), plain(&names.0));
    let _ = writeln!(text, "{} {}", paint.good("+++"), plain(&names.1));
    let _ = writeln!(
        text,
        "{} → {} memories ({} → {}): {} added, {} removed, {} edited, {} moved, {} unchanged",
        grouped(counts.before.entries),
        grouped(counts.after.entries),
        bytes(counts.before.bytes),
        bytes(counts.after.bytes),
        grouped(counts.added),
        grouped(counts.removed),
        grouped(counts.edited),
        grouped(counts.moved),
        grouped(counts.unchanged)
    );
    text
}

fn entry_text(text: &mut String, entry: &EntryDiff, changes: &[DreamChange], is_unified: bool, paint: Paint) {
    let what = match (entry.change(), entry.moved_from()) {
        (_, Some(from)) => format!("moved from {from}"),
        (change, None) => change.to_string(),
    };
    let _ = writeln!(text, "{} {}", paint.bold(&plain(entry.path().as_str())), paint.dim(&plain(&what)));
    if is_unified {
        for line in entry.unified(3, redact).lines() {
            let line = plain(line);
            let _ = match line.as_bytes().first() {
                Some(b'+') => writeln!(text, "  {}", paint.good(&line)),
                Some(b'-') => writeln!(text, "  {}", paint.bad(&line)),
                _ => writeln!(text, "  {line}"),
            };
        }
    } else {
        let statements = entry.statements();
        let one_line = |statement: &str| plain(&redact(statement)).replace('\n', "⏎");
        for statement in &statements.removed {
            let _ = writeln!(text, "  {} {}", paint.bad("-"), one_line(statement.text));
        }
        for statement in &statements.added {
            let _ = writeln!(text, "  {} {}", paint.good("+"), one_line(statement.text));
        }
    }
    for change in changes.iter().filter(|change| touches(change, entry)) {
        let _ = writeln!(text, "  {}", paint.dim(&plain(&evidence(change))));
    }
}

fn touches(change: &DreamChange, entry: &EntryDiff) -> bool {
    change.path == *entry.path()
        || entry.moved_from() == Some(&change.path)
        || change.replaced.iter().any(|replaced| replaced.path == *entry.path())
}

/// Writes what a change rests on, in one line.
fn evidence(change: &DreamChange) -> String {
    let kind = match change.kind {
        ChangeKind::Merged => "merged",
        ChangeKind::Superseded => "superseded",
        ChangeKind::Learned => "learned",
        ChangeKind::Playbook => "playbook",
        ChangeKind::Dropped => "dropped",
        ChangeKind::Rewritten => "rewritten",
    };
    let mut line = format!("  {kind}: {}", change.because);
    if let Some(first) = change.evidence.first() {
        let _ = write!(line, ", {} event {}", first.session, first.event);
        let sessions: BTreeMap<_, ()> = change.evidence.iter().map(|at| (&at.session, ())).collect();
        if sessions.len() > 1 {
            let _ =
                write!(line, " and {}", count(sessions.len() as u64 - 1, "other session", "other sessions"));
        }
    }
    line
}
