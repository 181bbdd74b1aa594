//! `dreamrun diff`: what a run changed and on what evidence, or how two stores or folders differ.

use std::borrow::Cow;

use clap::Args;
use serde::Serialize;

use crate::diff::{Change, DiffCounts, EntryDiff, StoreDiff};
use crate::dream::DreamChange;
use crate::gate::secrets::redact;
use crate::ids::{Alias, MemoryStoreId};
use crate::memory::MemoryPath;
use crate::report::diff_text::{Detail, Reasons, entry_text, head_text};
use crate::run::base_snapshot;
use crate::snapshot::Snapshot;
use crate::spec;
use crate::state::StateStore;
use crate::state::alias::{self, AliasRecord};

use super::answer::Answer;
use super::console::Volume;
use super::exit::CliError;
use super::opened::Opened;
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
    let workspace = Workspace::open_project(call)?;
    let opened = workspace.backend(call, false)?;
    let state = workspace.state_read_only()?;
    let state = state.as_ref().map(|state| state as &dyn StateStore);
    let sides = match options.what.as_slice() {
        [a, b] => {
            let before = one_side(&workspace, &opened, state, call, a).await?;
            let after = one_side(&workspace, &opened, state, call, b).await?;
            Sides { names: (a.clone(), b.clone()), before, after, changes: Vec::new() }
        }
        [run] => of_run(&opened, state, run).await?,
        _ => of_run(&opened, state, "latest").await?,
    };
    let mut diff = StoreDiff::between(&sides.before, &sides.after);
    let mut changes: Vec<DreamChange> = sides.changes.into_iter().map(redacted).collect();
    if let Some(path) = &options.path {
        let below = |candidate: &MemoryPath| is_at_or_below(candidate, path);
        diff.entries.retain(|entry| below(entry.path()) || entry.moved_from().is_some_and(below));
        changes.retain(|change| below(&change.path));
    }
    let paint = call.console.paint;
    let is_whole = call.console.volume == Volume::Verbose;
    let detail = Detail { is_unified: options.unified, is_whole };
    let reasons = Reasons::of(&changes);
    let mut text = head_text(&sides.names, &diff.counts, paint);
    if !options.stat {
        for entry in &diff.entries {
            text.push('\n');
            text.push_str(&entry_text(entry, &reasons, detail, paint));
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

async fn of_run(opened: &Opened, state: Option<&dyn StateStore>, name: &str) -> Result<Sides, CliError> {
    let backend = opened.backend.as_ref();
    let journal = runs::find(state, name).await?;
    let run = journal.run();
    let alias = journal.state().plan.alias();
    if let Some(record) = read_alias(state, &alias).await? {
        opened.check_origin(&alias, &record)?;
    }
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
    opened: &Opened,
    state: Option<&dyn StateStore>,
    call: &Call<'_>,
    name: &str,
) -> Result<Snapshot, CliError> {
    let backend = opened.backend.as_ref();
    let folder = call.folder.join(name.strip_prefix("dir:").unwrap_or(name));
    if name.starts_with("dir:") || name.contains('/') || (folder.is_dir() && !is_alias(workspace, name)) {
        return opened.read_folder(call, &workspace.root, &folder);
    }
    if let Some(alias) = workspace.project.stores.keys().find(|alias| alias.as_str() == name) {
        let Some(record) = read_alias(state, alias).await? else {
            return Err(CliError::usage(format!("store `{name}` is not imported yet"))
                .hint("The first run imports it; until then compare its folder, as `dir:FOLDER`."));
        };
        opened.check_origin(alias, &record)?;
        return Ok(backend.snapshot(&record.active).await?);
    }
    match MemoryStoreId::parse(name) {
        Ok(id) if name.starts_with("memstore_") => Ok(backend.snapshot(&id).await?),
        _ => {
            let known: Vec<&str> = workspace.project.stores.keys().map(Alias::as_str).collect();
            let hint = match spec::suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("The project's stores: {}. A folder has a `/` in it.", known.join(", ")),
            };
            Err(CliError::usage(format!("`{name}` is no alias, store id or folder")).hint(hint))
        }
    }
}

async fn read_alias(state: Option<&dyn StateStore>, alias: &Alias) -> Result<Option<AliasRecord>, CliError> {
    let Some(state) = state else { return Ok(None) };
    Ok(alias::read(state, alias).await?.map(|(record, _)| record))
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
