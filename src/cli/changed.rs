//! `plan --changed REV`: which pipelines mean something else than at a revision of the project's Git repository.
//!
//! The files of that revision are laid out in a folder of their own and checked as the project's are. Definitions
//! are compared and not texts, so a comment or another order of keys changes nothing, and a setting of the
//! project changes every pipeline that it is about. Nothing of the repository is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::git::{Git, PATIENCE, Said};
use crate::plan::fingerprint::Fingerprint;
use crate::report::plan_view::{ChangedView, PipelineChanges};
use crate::report::words::plain;
use crate::spec::pipeline::{GateSpec, Pipeline};
use crate::spec::project::{BackendSpec, Bootstrap, Project, StoreSpec};
use crate::spec::source::FILE_BYTES_LIMIT;

use super::Call;
use super::exit::CliError;
use super::lockfile::LOCK;
use super::workspace::{self, Loaded, PIPELINES, PROJECT_FILE, Workspace, alias_of};

/// Compares pipelines with those of a revision, or rather with what `HEAD` and the revision last had in common, as a
/// pull request is compared with its target. `is_whole` says whether these are all that the project has.
///
/// # Errors
///
/// Fails when the project is in no repository, or when the repository does not know the revision.
pub(super) async fn since(
    call: &Call<'_>,
    workspace: &Workspace,
    revision: &str,
    is_whole: bool,
) -> Result<ChangedView, CliError> {
    let git = Git { folder: workspace.root.clone(), patience: PATIENCE, variables: Vec::new() };
    let commit = base(&git, revision).await?;
    let then = Then::lay_out(call, workspace, &git, &commit).await?;
    let mut view = ChangedView { since: revision.to_owned(), commit, ..ChangedView::default() };
    for (name, pipeline) in &workspace.pipelines {
        match then.compare(workspace, pipeline) {
            None => view.pipelines.push(PipelineChanges {
                pipeline: name.clone(),
                is_new: true,
                changes: Vec::new(),
            }),
            Some(changes) if changes.is_empty() => view.unchanged.push(name.clone()),
            Some(changes) => {
                view.pipelines.push(PipelineChanges { pipeline: name.clone(), is_new: false, changes });
            }
        }
    }
    if is_whole {
        let names = then.loaded.pipelines.iter().map(|pipeline| &pipeline.name);
        view.removed = names.filter(|name| !workspace.pipelines.contains_key(*name)).cloned().collect();
        view.removed.sort();
    }
    Ok(view)
}

/// Returns the commit to compare with.
async fn base(git: &Git, revision: &str) -> Result<String, CliError> {
    let peeled = format!("{revision}^{{commit}}");
    let named = run(git, &["rev-parse", "--verify", "--end-of-options", &peeled], b"").await?;
    if !named.is_good {
        let complaint = named.complaint();
        if complaint.contains("not a git repository") {
            return Err(CliError::usage(
                "the project is in no Git repository, so --changed has nothing to go by",
            )
            .hint("Commit the project, or plan without --changed."));
        }
        let words = format!("the repository does not know the revision `{}`", plain(revision));
        return Err(CliError::usage(words).hint(
            "Fetch it first, as with `git fetch origin main`; in GitHub Actions check out with `fetch-depth: 0`.",
        ));
    }
    let named = named.line();
    let shared = run(git, &["merge-base", &named, "HEAD"], b"").await?;
    // A shallow clone may not reach back to what both had in common.
    Ok(if shared.is_good { shared.line() } else { named })
}

async fn run(git: &Git, arguments: &[&str], input: &[u8]) -> Result<Said, CliError> {
    git.run(arguments, input).await.map_err(|reason| CliError::usage(format!("cannot ask Git: {reason}")))
}

/// The project as it was.
struct Then {
    folder: TempDir,
    loaded: Loaded,
}

impl Then {
    /// Lays out the files of a commit that pipelines are made of, and loads them.
    async fn lay_out(
        call: &Call<'_>,
        workspace: &Workspace,
        git: &Git,
        commit: &str,
    ) -> Result<Self, CliError> {
        let folder = tempfile::tempdir()
            .map_err(|error| CliError::io("make a folder in", &std::env::temp_dir(), &error))?;
        let rules: BTreeSet<&PathBuf> = workspace.pipelines.values().flat_map(rule_files).collect();
        let rules: Vec<String> = rules.into_iter().map(|file| file.display().to_string()).collect();
        let mut wanted = vec!["ls-tree", "-r", "-z", commit, "--", PROJECT_FILE, LOCK, PIPELINES];
        wanted.extend(rules.iter().map(String::as_str));
        let listed = run(git, &wanted, b"").await?;
        let blobs = blobs(&listed.out);
        let names: String = blobs.iter().map(|(name, _)| format!("{name}\n")).collect();
        let read = run(git, &["cat-file", "--batch"], names.as_bytes()).await?;
        let unreadable = |why: &str| {
            let words = format!("the files of commit {commit} cannot be read: {why}");
            CliError::usage(words).hint("Fetch the whole commit, without a filter.")
        };
        if let Some(said) = [&listed, &read].into_iter().find(|said| !said.is_good) {
            return Err(unreadable(&said.complaint()));
        }
        let mut rest = &read.out[..];
        for (_, path) in &blobs {
            let missing = || unreadable(&format!("`{}` is missing", plain(path)));
            let (text, after) = next_blob(rest).ok_or_else(missing)?;
            rest = after;
            write(&folder.path().join(path), text)?;
        }
        let files = workspace::pipeline_files(folder.path())?;
        let loaded = workspace::load(call, folder.path(), &files)?;
        Ok(Self { folder, loaded })
    }

    /// Says in what a pipeline differs from what it was; nothing if it was not there.
    fn compare(&self, workspace: &Workspace, pipeline: &Pipeline) -> Option<Vec<String>> {
        let Some(project) = &self.loaded.project else {
            let was_there = self.folder.path().join(PROJECT_FILE).is_file();
            return was_there.then(|| vec![format!("{PROJECT_FILE}: it was not valid")]);
        };
        let Some(old) = self.loaded.pipelines.iter().find(|old| old.name == pipeline.name) else {
            let was_there = self.folder.path().join(&pipeline.file).is_file();
            return was_there.then(|| vec!["its file held no valid pipeline of this name".to_owned()]);
        };
        let mut changes = Fingerprint::of(old).explain(&Fingerprint::of(pipeline));
        changes.extend(settings(project, old, &workspace.project, pipeline));
        let old_files: BTreeSet<&PathBuf> = rule_files(old).collect();
        for file in rule_files(pipeline).filter(|file| old_files.contains(file)) {
            let text = |root: &Path| fs::read(root.join(file)).ok();
            if text(self.folder.path()) != text(&workspace.root) {
                changes.push(format!("{}: another text", file.display()));
            }
        }
        Some(changes)
    }
}

/// Lists the files that a pipeline is held to, beside its own.
fn rule_files(pipeline: &Pipeline) -> impl Iterator<Item = &PathBuf> {
    pipeline.gates.iter().filter_map(|gate| match gate {
        GateSpec::Probes(levels) => Some(&levels.file),
        GateSpec::Forget(file) => Some(file),
        _ => None,
    })
}

/// Reads a listing of blobs: their names in the repository, and their paths. Links are left out.
fn blobs(listing: &[u8]) -> Vec<(String, String)> {
    let lines = listing.split(|&b| b == 0).filter_map(|line| std::str::from_utf8(line).ok());
    lines
        .filter_map(|line| {
            let (about, path) = line.split_once('\t')?;
            let mut about = about.split(' ');
            let (mode, kind, name) = (about.next()?, about.next()?, about.next()?);
            let is_file = kind == "blob" && mode.starts_with("100");
            let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            (is_file && is_inside).then(|| (name.to_owned(), path.to_owned()))
        })
        .collect()
}

/// Reads the next of several blobs, which each follow a line with their name, kind and size.
fn next_blob(batch: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = batch.iter().position(|&b| b == b'\n')?;
    let head = std::str::from_utf8(&batch[..end]).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let (text, rest) = batch[end + 1..].split_at_checked(size)?;
    Some((text, rest.get(1..).unwrap_or_default()))
}

/// Writes a file as far as it is looked at: one that is too long stays too long.
fn write(path: &Path, text: &[u8]) -> Result<(), CliError> {
    let text = &text[..text.len().min(FILE_BYTES_LIMIT + 1)];
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| CliError::io("make", folder, &error))?;
    fs::write(path, text).map_err(|error| CliError::io("write", path, &error))
}

/// Names the settings of the project that mean something else to a pipeline.
fn settings(then: &Project, old: &Pipeline, now: &Project, new: &Pipeline) -> Vec<String> {
    let parts = |project: &Project, pipeline: &Pipeline| {
        let store = project.stores.get(&alias_of(pipeline));
        let price = project.prices.price(&pipeline.model);
        BTreeMap::from([
            ("backend", backend(&project.backend)),
            ("state", project.state.to_string()),
            ("store", store.map_or_else(none, bootstrap)),
            ("store.keep_previous", store.map_or_else(none, |store| store.keep_previous.to_string())),
            ("archive", project.archive.as_ref().map_or_else(none, |folder| folder.display().to_string())),
            ("price", price.map_or_else(none, |price| serde_json::to_string(price).unwrap_or_default())),
        ])
    };
    let (was, is) = (parts(then, old), parts(now, new));
    // The price of another model is no change of prices.
    let counts = |name: &str| name != "price" || old.model == new.model;
    was.iter()
        .zip(is.values())
        .filter(|((name, was), is)| was != is && counts(name))
        .map(|((name, was), is)| format!("{PROJECT_FILE}: {name}: {was} → {is}"))
        .collect()
}

fn backend(spec: &BackendSpec) -> String {
    match spec {
        BackendSpec::Local { database } => format!("local, {}", database.display()),
        BackendSpec::ManagedAgents(remote) => {
            let (server, workspace) = (remote.base_url.as_deref(), remote.workspace.as_deref());
            let parts = ["managed_agents"].into_iter().chain(server).chain(workspace);
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}

fn bootstrap(store: &StoreSpec) -> String {
    match &store.bootstrap {
        Bootstrap::Store(id) => id.to_string(),
        Bootstrap::Directory(folder) => format!("dir:{}", folder.display()),
    }
}

fn none() -> String {
    "none".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_of_one_batch_are_told_apart_by_their_sizes() {
        let batch = b"1f2e blob 6\na\nb\n\nc\n0a0b blob 0\n\n77 blob 1\nx\n";
        let (one, rest) = next_blob(batch).unwrap();
        let (two, rest) = next_blob(rest).unwrap();
        let (three, rest) = next_blob(rest).unwrap();
        assert_eq!((one, two, three), (&b"a\nb\n\nc"[..], &b""[..], &b"x"[..]));
        assert_eq!(next_blob(rest), None);
        assert_eq!(next_blob(b"77 missing\n"), None);
    }

    #[test]
    fn a_listing_gives_files_and_no_links() {
        let listing = b"100644 blob 1f\tpipelines/a b.yaml\x00120000 blob 2e\tpipelines/l.yaml\x00160000 commit 3d\tsub\x00100644 blob 4c\tpipelines/../../x\x00";
        assert_eq!(blobs(listing), [("1f".to_owned(), "pipelines/a b.yaml".to_owned())]);
    }
}
