//! Fixture files on disk: `pipelines/NAME.test.yaml` beside the pipeline it tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::backend::folder;
use crate::snapshot::Snapshot;
use crate::spec::codes::Code;
use crate::spec::fixture::{After, StoreText, Tests};
use crate::spec::pipeline::Pipeline;
use crate::spec::problem::{Place, Problem};
use crate::spec::suggest::nearest;
use crate::spec::{self};

use super::exit::CliError;
use super::reach;
use super::workspace::{Loaded, PIPELINES, files_where, problems_of, read_source};

/// What the name of a fixture file ends with.
const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Returns the name of the pipeline that a fixture file tests; none for any other file.
pub(super) fn tested(file: &Path) -> Option<&str> {
    let name = file.file_name()?.to_str()?;
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// Lists the project's fixture files, in order.
pub(super) fn fixture_files(root: &Path) -> Result<Vec<PathBuf>, CliError> {
    files_where(root, |path| tested(path).is_some())
}

/// Returns the files in which the pipelines of fixture files are, as far as they bear their names.
pub(super) fn pipelines_of(root: &Path, fixtures: &[PathBuf], all: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for fixture in fixtures {
        match tested(fixture).and_then(|name| own_file(root, name)) {
            Some(file) => files.push(file),
            // It may be named otherwise than its file.
            None => files.extend_from_slice(all),
        }
    }
    files.sort();
    files.dedup();
    files
}

fn own_file(root: &Path, name: &str) -> Option<PathBuf> {
    let files = ["yaml", "yml"].map(|ending| Path::new(PIPELINES).join(format!("{name}.{ending}")));
    files.into_iter().find(|file| root.join(file).is_file())
}

/// The tests of one file that are valid, with their pipeline and the folders they name.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) tests: Tests,
    pub(super) pipeline: Pipeline,
    pub(super) folders: BTreeMap<PathBuf, Snapshot>,
}

/// Loads fixture files beside the pipelines that were loaded. Their problems join the others'. A file whose
/// pipeline is not valid is not looked at: what it may expect is not known.
pub(super) fn load(root: &Path, files: &[PathBuf], loaded: &mut Loaded) -> Result<Vec<Fixture>, CliError> {
    let mut fixtures = Vec::new();
    for file in files {
        loaded.files += 1;
        let source = match read_source(root, file, &[]) {
            Ok(source) => source,
            Err(error) => {
                loaded.problems.extend(problems_of(error)?);
                continue;
            }
        };
        let name = tested(file).unwrap_or_default();
        let own = own_file(root, name);
        let is_it = |pipeline: &&Pipeline| match &own {
            Some(own) => pipeline.file == *own,
            None => pipeline.name.as_str() == name,
        };
        match (loaded.pipelines.iter().find(is_it), own.is_some()) {
            (Some(pipeline), _) => match spec::load_tests(&source, pipeline) {
                Ok((tests, warnings)) => {
                    loaded.problems.extend(warnings);
                    let (folders, missing) = folders(root, &tests);
                    loaded.problems.extend(missing);
                    fixtures.push(Fixture { tests, pipeline: pipeline.clone(), folders });
                }
                Err(problems) => loaded.problems.extend(problems),
            },
            (None, true) => {}
            (None, false) => {
                let label = format!("there is no pipeline `{name}`");
                let problem = Problem::of_file(Code::UnknownPipeline, file, label);
                let known = loaded.pipelines.iter().map(|pipeline| pipeline.name.as_str());
                loaded.problems.push(match nearest(name, known) {
                    Some(near) => problem.help(format!("did you mean `{near}.test.yaml`?")),
                    None => problem.help("name the file after the pipeline it tests"),
                });
            }
        }
        loaded.sources.push(source);
    }
    spec::problem::sort(&mut loaded.problems);
    Ok(fixtures)
}

/// Reads the folders that tests name, each once.
fn folders(root: &Path, tests: &Tests) -> (BTreeMap<PathBuf, Snapshot>, Vec<Problem>) {
    let mut read = BTreeMap::new();
    let mut problems = Vec::new();
    for case in &tests.cases {
        let after = match &case.after {
            After::Whole(store) => Some(store),
            After::Edited { .. } => None,
        };
        for store in [Some(&case.before), after].into_iter().flatten() {
            let StoreText::Folder { path, place } = store else { continue };
            if read.contains_key(path) {
                continue;
            }
            match read_folder(root, path) {
                Ok(snapshot) => {
                    read.insert(path.clone(), snapshot);
                }
                Err(label) => problems.push(at(tests, place, label)),
            }
        }
    }
    (read, problems)
}

fn read_folder(root: &Path, path: &Path) -> Result<Snapshot, String> {
    let shown = path.display();
    let real = reach::inside(root, &root.join(path)).map_err(|error| match error {
        reach::Unreachable::Outside(_) => format!("`{shown}` leads out of the project"),
        reach::Unreachable::Io(error) => format!("`{shown}` cannot be read: {error}"),
    })?;
    let (snapshot, report) = folder::read(&real).map_err(|error| match error.source.kind() {
        std::io::ErrorKind::NotADirectory => format!("`{shown}` is not a folder"),
        _ => format!("`{shown}` cannot be read: {}", error.source),
    })?;
    match report.refused.first() {
        Some(refused) => Err(format!("`{}` in it is no memory: {}", refused.name, refused.reason)),
        None => Ok(snapshot),
    }
}

fn at(tests: &Tests, place: &Place, label: String) -> Problem {
    Problem { place: Some(place.clone()), ..Problem::of_file(Code::InvalidPath, &tests.file, label) }
}
