//! Rule files: what a project says of forgetting and knowing, read when a candidate is judged.
//!
//! They are read then and not when the run was planned, so that what is to be forgotten since is not adopted
//! any more. A file that cannot be read, or that has problems, leaves its gate undecided.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::gate::rules::Rules;
use crate::spec::pipeline::GateSpec;
use crate::spec::problem::Problem;
use crate::spec::source::{FILE_BYTES_LIMIT, SourceFile};
use crate::spec::{load_forget, load_probes};

/// Reads the files that gates name.
pub fn read(root: &Path, gates: &[GateSpec]) -> Rules {
    let mut rules = Rules::default();
    for gate in gates {
        match gate {
            GateSpec::Forget(file) => {
                rules.forget = Some(source(root, file).and_then(|source| loaded(load_forget(&source))));
            }
            GateSpec::Probes(levels) => {
                rules.probes =
                    Some(source(root, &levels.file).and_then(|source| loaded(load_probes(&source))));
            }
            _ => {}
        }
    }
    rules
}

/// Reads a file of the project, if it really lies in the project.
fn source(root: &Path, file: &Path) -> Result<SourceFile, String> {
    let real = root.join(file).canonicalize().map_err(|error| error.to_string())?;
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    if !real.starts_with(&root) {
        return Err("it lies outside the project".to_owned());
    }
    let mut bytes = Vec::new();
    let opened = File::open(real).map_err(|error| error.to_string())?;
    opened.take(FILE_BYTES_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    SourceFile::from_bytes(file, bytes).map_err(|problem| problem.label)
}

fn loaded<T>(loaded: Result<(T, Vec<Problem>), Vec<Problem>>) -> Result<T, String> {
    loaded.map(|(value, _)| value).map_err(|problems| match problems.first() {
        Some(Problem { label, place: Some(place), .. }) => format!("line {}: {label}", place.line),
        Some(problem) => problem.label.clone(),
        None => "it cannot be used".to_owned(),
    })
}
