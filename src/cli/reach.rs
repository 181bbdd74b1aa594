//! Where the project's paths really lead. A path is text until a link stands in it; what a pull request
//! brings may hold links, so reading and writing ask here first.

use std::io;
use std::path::{Path, PathBuf};

use crate::spec::codes::Code;
use crate::spec::pipeline::{Pipeline, Target};
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Project, StateSpec};
use crate::sqlite;

use super::states;
use super::workspace::PROJECT_FILE;

/// Why a path is not followed.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// It leads to this place, outside the project.
    Outside(PathBuf),
    /// It leads nowhere.
    Io(io::Error),
}

/// Returns where a path of an existing file leads, if that is inside the project.
pub(super) fn inside(root: &Path, path: &Path) -> Result<PathBuf, Unreachable> {
    let root = root.canonicalize().map_err(Unreachable::Io)?;
    let real = path.canonicalize().map_err(Unreachable::Io)?;
    if real.starts_with(&root) { Ok(real) } else { Err(Unreachable::Outside(real)) }
}

/// Returns where a path leads that may not exist yet; if a link on the way leads out of the project or
/// nowhere, that link.
fn followed(root: &Path, relative: &Path) -> Result<PathBuf, PathBuf> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let mut at = root.clone();
    let mut named = PathBuf::new();
    for part in relative.components() {
        at.push(part);
        named.push(part);
        if at.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            at = match at.canonicalize() {
                Ok(real) if real.starts_with(&root) => real,
                _ => return Err(named),
            };
        }
    }
    Ok(at)
}

/// Returns the problems of a project whose state or database would be used through a link to elsewhere.
pub(super) fn misplaced(root: &Path, project: &Project) -> Vec<Problem> {
    let mut used = match &project.state {
        StateSpec::Sqlite(path) | StateSpec::Folder(path) if path.is_relative() => vec![path.clone()],
        _ => Vec::new(),
    };
    let mut folders = vec![states::lock_folder(&project.state)];
    if let BackendSpec::Local { database } = &project.backend {
        used.push(database.clone());
        folders.push(sqlite::beside(database, "-dreams"));
    }
    used.extend(project.archive.clone());
    for folder in folders {
        // The lock files in it are written to.
        let entries = std::fs::read_dir(root.join(&folder)).into_iter().flatten().filter_map(Result::ok);
        used.extend(entries.map(|entry| folder.join(entry.file_name())));
        used.push(folder);
    }
    let mut links: Vec<PathBuf> = used.iter().filter_map(|path| followed(root, path).err()).collect();
    links.sort();
    links.dedup();
    let problem = |link: PathBuf| {
        let label = "this link leads out of the project, and state or the database would be behind it";
        Problem::of_file(Code::OutsideProject, link, label)
            .help("replace the link by a folder or file of the project")
    };
    links.into_iter().map(problem).collect()
}

/// Returns the problem of a pipeline whose store would be written where pipelines or tools are kept.
/// What the path says on its own has been checked; this is about links and other projects.
pub(super) fn unfit_target(root: &Path, pipeline: &Pipeline) -> Option<Problem> {
    let Target::Directory(folder) = &pipeline.adopt.target else { return None };
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let label = match followed(&root, folder) {
        Err(link) => {
            format!("`adopt.directory` leads out of the project through the link `{}`", link.display())
        }
        Ok(real) => {
            let below = real.strip_prefix(&root).unwrap_or(&real);
            let first = below.components().next().map(|c| c.as_os_str().to_string_lossy().to_lowercase());
            let is_kept = first.is_none_or(|name| name == "pipelines" || name.starts_with('.'));
            let mut above = below.ancestors().filter(|folder| !folder.as_os_str().is_empty());
            if is_kept {
                format!("`adopt.directory` leads to `{}`, where no store may write", below.display())
            } else if let Some(other) = above.find(|folder| root.join(folder).join(PROJECT_FILE).exists()) {
                let other = other.display();
                format!("`adopt.directory` lies in `{other}`, which is a project with pipelines of its own")
            } else {
                return None;
            }
        }
    };
    let problem = Problem::of_file(Code::InvalidPath, pipeline.file.clone(), label);
    Some(problem.help("name a folder of its own, such as `memory/support`"))
}
