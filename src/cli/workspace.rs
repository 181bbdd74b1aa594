//! The project on disk: its folder, its files, and what they open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::archive::Archive;
use crate::backend::local::{LocalBackend, LocalOptions};
use crate::ids::{Alias, PipelineName};
use crate::ledger::forget::ForgetList;
use crate::plan::Plan;
use crate::run::rules;
use crate::spec::codes::Code;
use crate::spec::pipeline::{GateSpec, Pipeline};
use crate::spec::problem::{Problem, has_errors, sort};
use crate::spec::project::{BackendSpec, Project};
use crate::spec::route::Step;
use crate::spec::source::{FILE_BYTES_LIMIT, SourceFile};
use crate::spec::{self, LoadOptions};

use super::exit::{CliError, ExitCode};
use super::fixtures::tested;
use super::opened::{self, Opened};
use super::reach::{self, Unreachable};
use super::{Call, disk, lockfile};

/// The project file.
pub(super) const PROJECT_FILE: &str = "dreamrun.yaml";
/// The folder of pipeline files.
pub(super) const PIPELINES: &str = "pipelines";
/// The minds of the local backend, for checking `model`.
pub(super) const MINDS: &[&str] = &["offline"];

/// A project whose files are valid.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Its folder.
    pub(super) root: PathBuf,
    /// Its project file.
    pub(super) project: Project,
    /// Its pipelines, by name.
    pub(super) pipelines: BTreeMap<PipelineName, Pipeline>,
    /// What is odd but not wrong.
    pub(super) warnings: Vec<Problem>,
}

/// Finds the project's folder: the one given, or the nearest above that holds a project file.
pub(super) fn find_root(call: &Call<'_>) -> Result<PathBuf, CliError> {
    if let Some(given) = &call.global.directory {
        let root = call.folder.join(given);
        if root.join(PROJECT_FILE).is_file() {
            return Ok(root);
        }
        return Err(CliError::usage(format!("there is no `{PROJECT_FILE}` in `{}`", given.display()))
            .hint("-C takes the folder that holds the project file."));
    }
    let found = call.folder.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
    found.map(Path::to_path_buf).ok_or_else(|| {
        CliError::usage(format!("there is no `{PROJECT_FILE}` here or in a folder above")).hint(
            "Go to a project's folder, name one with -C DIR, or begin one: `dreamrun init` writes a `dreamrun.yaml` \
             and a pipeline that runs as it is.",
        )
    })
}

/// Lists the project's pipeline files, in order. Fixture files (`*.test.yaml`) are not pipelines.
pub(super) fn pipeline_files(root: &Path) -> Result<Vec<PathBuf>, CliError> {
    files_where(root, |path| {
        let name = path.to_string_lossy();
        (name.ends_with(".yaml") || name.ends_with(".yml")) && tested(path).is_none()
    })
}

/// Lists the files of the project's pipeline folder that are wanted, in order.
pub(super) fn files_where(root: &Path, is_wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, CliError> {
    let folder = root.join(PIPELINES);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::io("read", &folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| CliError::io("read", &folder, &error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if is_wanted(&path) && path.is_file() {
            files.push(Path::new(PIPELINES).join(name));
        }
    }
    files.sort();
    Ok(files)
}

/// Returns a file named on the command line, relative to the project if it is inside.
pub(super) fn named_file(call: &Call<'_>, root: &Path, name: &Path) -> Result<PathBuf, CliError> {
    let path = call.folder.join(name);
    if !path.is_file() {
        return Err(CliError::usage(format!("there is no file `{}`", name.display()))
            .hint("Files are named from the current folder, also with -C."));
    }
    // One file has one name in plans and messages, however it was typed.
    let inside = match (path.canonicalize(), root.canonicalize()) {
        (Ok(path), Ok(root)) => path.strip_prefix(root).ok().map(Path::to_path_buf),
        _ => None,
    };
    Ok(inside.unwrap_or(path))
}

/// Reads a file of the project; a problem if it cannot be a source file.
///
/// A file that really lies elsewhere, behind a link say, is not read: problems quote what they are about,
/// and a pull request must not learn what else there is.
pub(super) fn read_source(root: &Path, relative: &Path, allowed: &[PathBuf]) -> Result<SourceFile, CliError> {
    let path = root.join(relative);
    let failed = |error: std::io::Error| CliError::io("read", &path, &error);
    let refused = |code, label: String| {
        let problem = Problem::of_file(code, relative, label);
        CliError::invalid(vec![problem])
    };
    let real = match reach::inside(root, &path) {
        Ok(real) => real,
        Err(Unreachable::Io(error)) => return Err(failed(error)),
        Err(Unreachable::Outside(real)) if allowed.iter().any(|folder| real.starts_with(folder)) => real,
        Err(Unreachable::Outside(_)) => {
            return Err(refused(Code::OutsideProject, "this file lies outside the project".to_owned()));
        }
    };
    let file = File::open(real).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > FILE_BYTES_LIMIT as u64 {
        let label = format!("the file has {size} bytes, the limit is {FILE_BYTES_LIMIT}");
        return Err(refused(Code::FileTooLarge, label));
    }
    let mut bytes = Vec::new();
    // It may have grown since.
    file.take(FILE_BYTES_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    SourceFile::from_bytes(relative, bytes).map_err(|problem| CliError::invalid(vec![*problem]))
}

/// Returns the folders outside the project that the command line allows to read.
pub(super) fn allowed(call: &Call<'_>) -> Vec<PathBuf> {
    call.global.allow_read.iter().map(|folder| call.folder.join(folder)).collect()
}

/// What loading every file gave.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The project file, if it is valid.
    pub(super) project: Option<Project>,
    /// The valid pipelines.
    pub(super) pipelines: Vec<Pipeline>,
    /// Everything found, sorted.
    pub(super) problems: Vec<Problem>,
    /// How many files were read.
    pub(super) files: usize,
    /// The files' texts, to draw problems on.
    pub(super) sources: Vec<SourceFile>,
}

/// Loads the project file and the given pipeline files, all problems at once.
pub(super) fn load(call: &Call<'_>, root: &Path, files: &[PathBuf]) -> Result<Loaded, CliError> {
    let options = LoadOptions {
        root: root.to_path_buf(),
        known_minds: MINDS.iter().map(|&name| name.to_owned()).collect(),
        allow_read: allowed(call),
    };
    let allowed: Vec<PathBuf> =
        options.allow_read.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let mut loaded =
        Loaded { project: None, pipelines: Vec::new(), problems: Vec::new(), files: 1, sources: Vec::new() };
    let (project, mut problems) = match read_source(root, Path::new(PROJECT_FILE), &allowed) {
        Ok(source) => {
            let checked = spec::load_project(&source, call.global.profile.as_deref(), &options);
            loaded.sources.push(source);
            match checked {
                Ok((project, warnings)) => (Some(project), warnings),
                Err(problems) => (None, problems),
            }
        }
        Err(error) => (None, problems_of(error)?),
    };
    if let Some(project) = &project {
        problems.extend(reach::misplaced(root, project));
    }
    if let Some(project) = &project {
        let each: Vec<_> = files
            .par_iter()
            .map(|file| {
                let source = match read_source(root, file, &allowed) {
                    Ok(source) => source,
                    Err(error) => return Ok((None, Err(problems_of(error)?))),
                };
                let result = spec::load_pipeline(&source, project, &options);
                Ok((Some(source), result))
            })
            .collect::<Result<_, CliError>>()?;
        let mut named = Vec::new();
        for (source, result) in each {
            match result {
                Ok((pipeline, warnings)) => {
                    named.push((loaded.sources.len(), pipeline.name.clone()));
                    problems.extend(warnings);
                    problems.extend(reach::unfit_target(root, &pipeline));
                    loaded.pipelines.push(pipeline);
                }
                Err(found) => problems.extend(found),
            }
            loaded.sources.extend(source);
        }
        problems.extend(lockfile::resolve(root, project, &mut loaded.pipelines));
        let (rules, found) = rule_files(root, project, &loaded);
        problems.extend(found);
        loaded.files += files.len();
        let named: Vec<_> = named.iter().map(|(place, name)| (&loaded.sources[*place], name)).collect();
        problems.extend(spec::check_names(&named));
        loaded.sources.extend(rules);
    }
    sort(&mut problems);
    loaded.project = project;
    loaded.problems = problems;
    Ok(loaded)
}

/// A rule file, and where it is named.
struct NamedRules<'a> {
    file: PathBuf,
    kind: RuleFile,
    by: &'a SourceFile,
    route: Vec<Step<'a>>,
}

/// Lists the forget lists and probe files that the project names. What else is wrong with a pipeline keeps nobody
/// from learning that its probes are not there.
fn named_rules<'a>(project: &'a Project, loaded: &'a Loaded) -> Vec<NamedRules<'a>> {
    let valid: BTreeMap<&Path, &Pipeline> =
        loaded.pipelines.iter().map(|pipeline| (pipeline.file.as_path(), pipeline)).collect();
    let mut named = Vec::new();
    for by in &loaded.sources {
        let mut name = |file: PathBuf, kind, route| named.push(NamedRules { file, kind, by, route });
        if by.path() == Path::new(PROJECT_FILE) {
            for (alias, store) in &project.stores {
                if let Some(file) = &store.forget {
                    let route = vec![Step::Key("stores"), Step::Key(alias.as_str()), Step::Key("forget")];
                    name(file.clone(), RuleFile::Forget, route);
                }
            }
            continue;
        }
        let route = vec![Step::Key("gates"), Step::Key("probes"), Step::Key("file")];
        let file = match valid.get(by.path()) {
            Some(pipeline) => pipeline.gates.iter().find_map(|gate| match gate {
                GateSpec::Probes(levels) => Some(levels.file.clone()),
                _ => None,
            }),
            None => spec::text_at(by, &route).and_then(|text| spec::path::inside(&text).ok()),
        };
        if let Some(file) = file {
            name(file, RuleFile::Probes, route);
        }
    }
    let mut seen = BTreeSet::new();
    named.retain(|rules| seen.insert((rules.file.clone(), rules.kind)));
    named
}

/// Reads the rule files that the project names, and returns them with their problems.
fn rule_files(root: &Path, project: &Project, loaded: &Loaded) -> (Vec<SourceFile>, Vec<Problem>) {
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for NamedRules { file, kind, by, route } in named_rules(project, loaded) {
        // A run reads them wherever it goes on, and then only inside the project.
        let source = match read_source(root, &file, &[]) {
            Ok(source) => source,
            Err(error) if error.problems.is_empty() => {
                let is_there = root.join(&file).symlink_metadata().is_ok();
                let label = if is_there { "this file cannot be read" } else { "there is no such file" };
                let problem = spec::problem_at(Code::RuleFile, by, &route, label);
                problems.push(problem.help(match disk::nearest_path(root, &file) {
                    Some(near) => format!("did you mean `{}`?", near.display()),
                    None => "write the file, or correct the path".to_owned(),
                }));
                continue;
            }
            Err(error) => {
                problems.extend(error.problems);
                continue;
            }
        };
        problems.extend(kind.problems(&source));
        sources.push(source);
    }
    (sources, problems)
}

/// What a rule file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RuleFile {
    Forget,
    Probes,
}

impl RuleFile {
    /// Says which kind a file is, by the key that no other file has at its top; nothing for any other file.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path).ok()?.take(FILE_BYTES_LIMIT as u64).read_to_string(&mut text).ok()?;
        let is_key = |line: &str, key: &str| {
            let bare = line.trim_start_matches(['"', '\'']);
            bare.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        text.lines().find_map(|line| match line {
            line if is_key(line, "forget") => Some(Self::Forget),
            line if is_key(line, "probes") => Some(Self::Probes),
            _ => None,
        })
    }

    fn problems(self, source: &SourceFile) -> Vec<Problem> {
        match self {
            Self::Forget => spec::load_forget(source).map_or_else(|found| found, |(_, warnings)| warnings),
            Self::Probes => spec::load_probes(source).map_or_else(|found| found, |(_, warnings)| warnings),
        }
    }
}

/// Reads rule files that a person named, unless the project names them too.
pub(super) fn load_rules(
    root: &Path,
    named: &[(PathBuf, RuleFile)],
    loaded: &mut Loaded,
) -> Result<(), CliError> {
    for (file, kind) in named {
        loaded.files += 1;
        if loaded.sources.iter().any(|source| source.path() == file) {
            continue;
        }
        match read_source(root, file, &[]) {
            Ok(source) => {
                loaded.problems.extend(kind.problems(&source));
                loaded.sources.push(source);
            }
            Err(error) => loaded.problems.extend(problems_of(error)?),
        }
    }
    sort(&mut loaded.problems);
    Ok(())
}

/// Returns the problems an error is about, so that they are told with all others.
pub(super) fn problems_of(error: CliError) -> Result<Vec<Problem>, CliError> {
    if error.problems.is_empty() { Err(error) } else { Ok(error.problems) }
}

impl Workspace {
    /// Opens the project file alone, for commands on runs and aliases that exist: state has what they
    /// need, so no pipeline file stands in their way.
    pub(super) fn open_project(call: &Call<'_>) -> Result<Self, CliError> {
        Self::open_files(call, find_root(call)?, &[])
    }

    /// Opens the project with the pipelines whose files are valid, and complains of the others.
    pub(super) fn open_valid(call: &Call<'_>) -> Result<Self, CliError> {
        let root = find_root(call)?;
        let files = pipeline_files(&root)?;
        let loaded = load(call, &root, &files)?;
        super::problems::show(call, &root, &loaded.problems, &loaded.sources);
        let Some(project) = loaded.project else { return Err(CliError::invalid(loaded.problems)) };
        let pipelines = loaded.pipelines.into_iter().map(|p| (p.name.clone(), p)).collect();
        Ok(Self { root, project, pipelines, warnings: loaded.problems })
    }

    /// Opens the project with the pipelines that were named, each by name or by file, or all of them.
    /// Files that were not named are not looked at, so a broken neighbour stops nobody.
    pub(super) fn open_named(call: &Call<'_>, names: &[String]) -> Result<Self, CliError> {
        let root = find_root(call)?;
        let all = pipeline_files(&root)?;
        if names.is_empty() {
            return Self::open_files(call, root, &all);
        }
        let mut files = Vec::new();
        let mut unknown = Vec::new();
        for name in names {
            let by_stem = |file: &&PathBuf| file.file_stem().is_some_and(|stem| stem == name.as_str());
            if name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml") {
                files.push(named_file(call, &root, Path::new(name))?);
            } else if let Some(file) = all.iter().find(by_stem) {
                files.push(file.clone());
            } else {
                unknown.push(name.as_str());
            }
        }
        if unknown.is_empty() {
            return Self::open_files(call, root, &files);
        }
        // A pipeline may be named otherwise than its file.
        let mut workspace = Self::open_files(call, root, &all)?;
        let known: Vec<&str> = workspace.pipelines.keys().map(PipelineName::as_str).collect();
        for name in &unknown {
            if !known.contains(name) {
                let mut error = CliError::usage(format!("there is no pipeline `{name}`"));
                if let Some(near) = spec::suggest::nearest(name, known.iter().copied()) {
                    error = error.hint(format!("Did you mean `{near}`?"));
                } else {
                    error = error.hint(format!("There are: {}.", known.join(", ")));
                }
                return Err(error);
            }
        }
        workspace
            .pipelines
            .retain(|name, pipeline| unknown.contains(&name.as_str()) || files.contains(&pipeline.file));
        Ok(workspace)
    }

    fn open_files(call: &Call<'_>, root: PathBuf, files: &[PathBuf]) -> Result<Self, CliError> {
        let loaded = load(call, &root, files)?;
        match loaded.project {
            Some(project) if !has_errors(&loaded.problems) => {
                let pipelines = loaded.pipelines.into_iter().map(|p| (p.name.clone(), p)).collect();
                super::problems::show(call, &root, &loaded.problems, &loaded.sources);
                Ok(Self { root, project, pipelines, warnings: loaded.problems })
            }
            _ => {
                super::problems::show(call, &root, &loaded.problems, &loaded.sources);
                Err(CliError::invalid(loaded.problems))
            }
        }
    }

    /// Returns the archive of replaced text, if the project keeps one.
    pub(super) fn archive(&self) -> Option<Archive> {
        self.project.archive.as_ref().map(|folder| Archive::at(self.root.join(folder)))
    }

    /// Reads the forget list of a store, as it is now.
    pub(super) fn forget_list(&self, alias: &Alias) -> Result<Option<ForgetList>, CliError> {
        let Some(file) = self.project.stores.get(alias).and_then(|store| store.forget.clone()) else {
            return Ok(None);
        };
        let name = file.display().to_string();
        match rules::read(&self.root, &[GateSpec::Forget(file)]).forget {
            None => Ok(None),
            Some(Ok(list)) => Ok(Some(list)),
            Some(Err(reason)) => Err(CliError::new(
                ExitCode::InvalidFiles,
                format!("the forget list `{name}` cannot be used: {reason}"),
            )
            .hint("`dreamrun validate` shows what is wrong with it.")),
        }
    }

    /// Reads the forget list that a run was held to, as it is now. What is not known is not counted as
    /// dropped: without the list its statements are lost.
    pub(super) fn forget_list_of(&self, call: &Call<'_>, plan: &Plan) -> ForgetList {
        match rules::read(&self.root, &plan.gates).forget {
            None => ForgetList::default(),
            Some(Ok(list)) => list,
            Some(Err(reason)) => {
                let note = call.console.paint.warn("note:");
                call.console.complain(&format!("{note} the forget list cannot be used: {reason}\n"));
                ForgetList::default()
            }
        }
    }

    /// Opens the backend that the project names.
    pub(super) fn backend(&self, call: &Call<'_>, is_writing: bool) -> Result<Opened, CliError> {
        match &self.project.backend {
            BackendSpec::Local { database } => {
                let local = self.local(call, self.root.join(database), is_writing)?;
                Ok(Opened { backend: call.parts.backend(local.clone()), local: Some(local), remote: None })
            }
            BackendSpec::ManagedAgents(settings) => opened::remote(call, settings),
        }
    }

    fn local(
        &self,
        call: &Call<'_>,
        database: PathBuf,
        is_writing: bool,
    ) -> Result<Arc<LocalBackend>, CliError> {
        let options = LocalOptions {
            database,
            root: self.root.clone(),
            allow_read: allowed(call),
            minds: call.parts.minds(),
            clock: call.parts.clock(),
        };
        let opened =
            if is_writing { LocalBackend::open(options) } else { LocalBackend::open_read_only(options) };
        let backend = opened.map_err(|error| {
            CliError::caused(ExitCode::Unexpected, &error).hint(
                "Nothing was done. Once the local backend's database can be used, run the command again.",
            )
        })?;
        Ok(Arc::new(backend))
    }
}

/// Returns the alias a pipeline works on, as its file is now. That of an existing run is in its plan.
pub(super) fn alias_of(pipeline: &Pipeline) -> Alias {
    pipeline.store.alias(&pipeline.name)
}
