//! What the project's files name and the disk does not have. None of it makes a file invalid: a folder may be
//! filled later, and a store that lives needs no folder any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::backend::local::matches_nothing;
use crate::ids::Alias;
use crate::spec::codes::Code;
use crate::spec::pipeline::{Pipeline, SessionSource};
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Bootstrap, Project};
use crate::spec::route::Step;
use crate::spec::source::SourceFile;
use crate::spec::suggest::nearest;
use crate::spec::{self, line_of, problem_at};

use super::exit::{CliError, ExitCode};
use super::reach;
use super::workspace::{Loaded, PROJECT_FILE, read_source};

/// The most names of a folder that a name is compared with.
const NAMES_LIMIT: usize = 1_000;

/// Returns what the valid files among those loaded name in vain. `allowed` are the folders outside the project
/// that may be read.
pub(super) fn missing(root: &Path, allowed: &[PathBuf], loaded: &Loaded) -> Vec<Problem> {
    let Some(project) = &loaded.project else { return Vec::new() };
    let sources: BTreeMap<&Path, &SourceFile> =
        loaded.sources.iter().map(|source| (source.path(), source)).collect();
    let mut problems: Vec<Problem> = match sources.get(Path::new(PROJECT_FILE)) {
        Some(source) => missing_folders(root, project)
            .map(|(alias, folder)| {
                let route = [Step::Key("stores"), Step::Key(alias.as_str()), Step::Key("bootstrap")];
                let problem = problem_at(Code::NoFolder, source, &route, "there is no such folder");
                problem.help(match nearest_path(root, folder) {
                    Some(near) => format!("did you mean `dir:{}`?", near.display()),
                    None => "make the folder, or name the one that holds the memories".to_owned(),
                })
            })
            .collect(),
        None => Vec::new(),
    };
    if matches!(project.backend, BackendSpec::Local { .. }) {
        let unmatched = loaded.pipelines.par_iter().flat_map_iter(|pipeline| {
            let source = sources.get(pipeline.file.as_path());
            source.into_iter().flat_map(|source| unmatched(root, allowed, pipeline, source))
        });
        problems.extend(unmatched.collect::<Vec<_>>());
    }
    problems
}

/// Returns the stores whose memories would be imported from a folder that is not there.
pub(super) fn missing_folders<'a>(
    root: &'a Path,
    project: &'a Project,
) -> impl Iterator<Item = (&'a Alias, &'a Path)> {
    project.stores.iter().filter_map(move |(alias, store)| match &store.bootstrap {
        Bootstrap::Directory(folder) if !root.join(folder).is_dir() => Some((alias, folder.as_path())),
        _ => None,
    })
}

/// Makes sure that the folder is there which a store is to be imported from.
pub(super) fn check_folder(root: &Path, alias: &Alias, folder: &Path) -> Result<(), CliError> {
    if root.join(folder).is_dir() {
        return Ok(());
    }
    let words = format!("there is no folder `{}` to import `{alias}` from", folder.display());
    let source = read_source(root, Path::new(PROJECT_FILE), &[]).ok();
    let line = source.and_then(|source| line_of(&source, &["stores", alias.as_str(), "bootstrap"]));
    let place = line.map_or_else(|| PROJECT_FILE.to_owned(), |line| format!("{PROJECT_FILE}:{line}"));
    let near = nearest_path(root, folder).map(|near| format!("Did you mean `dir:{}`?", near.display()));
    let error = CliError::new(ExitCode::InvalidFiles, words);
    Err(near
        .into_iter()
        .fold(error, CliError::hint)
        .hint(format!("Make the folder, or correct `stores.{alias}.bootstrap` in {place}.")))
}

/// Returns the globs of a pipeline that no transcript matches.
fn unmatched(root: &Path, allowed: &[PathBuf], pipeline: &Pipeline, source: &SourceFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (nth, sessions) in pipeline.sessions.sources.iter().enumerate() {
        let SessionSource::Files(globs) = sessions else { continue };
        for (place, glob) in globs.iter().enumerate() {
            if !matches_nothing(root, allowed, glob) {
                continue;
            }
            let keys = ["input", "sessions", "from"];
            let is_listed = spec::exact_line_of(source, &keys).is_some();
            let mut route: Vec<Step<'_>> = keys[..2].iter().map(|key| Step::Key(key)).collect();
            if is_listed {
                route.extend([Step::Key("from"), Step::Index(nth)]);
            }
            route.extend([Step::Key("files"), Step::Index(place)]);
            let problem = problem_at(Code::NoFile, source, &route, "no file matches this");
            problems.push(problem.help(advice(root, allowed, glob)));
        }
    }
    problems
}

/// Says what to do about a glob that nothing matches.
fn advice(root: &Path, allowed: &[PathBuf], glob: &str) -> String {
    let is_literal = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
    let parts: Vec<&str> = glob.split('/').collect();
    let literal = parts.iter().take_while(|part| is_literal(part)).count();
    let base: PathBuf = parts[..literal].iter().collect();
    if let Some(near) = nearest_path(root, &base) {
        let near = near.iter().map(|part| part.to_string_lossy().into_owned());
        let rest = parts[literal..].iter().map(|&part| part.to_owned());
        let meant = near.chain(rest).collect::<Vec<_>>().join("/");
        if !matches_nothing(root, allowed, &meant) {
            return format!("did you mean `{meant}`?");
        }
    }
    let holds: Vec<String> =
        names(root, &base).into_iter().filter(|name| root.join(&base).join(name).is_file()).collect();
    match holds.as_slice() {
        [] => "put transcripts there, or correct the pattern".to_owned(),
        [first, others @ ..] => {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            let folder =
                if literal == 0 { "the project".to_owned() } else { format!("`{}`", base.display()) };
            format!("{folder} holds `{first}`{more}")
        }
    }
}

/// Returns the path that was probably meant by one that leads nowhere: each name on the way that is not there is
/// taken for the nearest one that is.
pub(super) fn nearest_path(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut meant = PathBuf::new();
    for part in path {
        if root.join(&meant).join(part).exists() {
            meant.push(part);
        } else {
            let names = names(root, &meant);
            meant.push(nearest(part.to_str()?, names.iter().map(String::as_str))?);
        }
    }
    (meant != path).then_some(meant)
}

/// Returns the names in a folder that really lies in the project, in order, hidden ones left out.
fn names(root: &Path, folder: &Path) -> Vec<String> {
    let Ok(real) = reach::inside(root, &root.join(folder)) else { return Vec::new() };
    let entries = std::fs::read_dir(real).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).take(NAMES_LIMIT).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_nowhere_is_taken_for_its_nearest() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("notes/memory/.git")).unwrap();
        std::fs::write(root.path().join("notes/a.md"), "").unwrap();
        for (path, near) in [
            ("notes/memry", Some("notes/memory")),
            ("note/memroy", Some("notes/memory")),
            ("notes/memory", None),
            ("notes/memory/gt", None),
            ("elsewhere", None),
            ("notes/a.md/x", None),
        ] {
            assert_eq!(nearest_path(root.path(), Path::new(path)), near.map(PathBuf::from), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_name_outside_the_project_is_suggested() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        assert_eq!(nearest_path(root.path(), Path::new("link/secrt")), None);
        assert_eq!(advice(root.path(), &[], "link/*.jsonl"), "put transcripts there, or correct the pattern");
    }
}
