//! Decision files: what a person decided in a review, written down.
//!
//! YAML or JSON: a list of `{statement: PATH:LINE or hash, do: keep | drop | restore}`, alone or under
//! `decisions` beside the `candidate` it was decided on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::adoption::queue::{Choice, Kind};
use crate::ids::RunId;
use crate::memory::ContentHash;
use crate::report::review_text::{Step, choice_word};
use crate::report::words::line;

use super::exit::{CliError, ExitCode};

/// The fewest digits of a hash that name a statement.
const HASH_DIGITS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    File(File),
    List(Vec<Decision>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    candidate: Option<ContentHash>,
    decisions: Vec<Decision>,
}

/// One decision. The fields that only tell a reader what it is about are passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    statement: String,
    r#do: Choice,
    #[serde(default, rename = "fate")]
    _fate: Option<Kind>,
    #[serde(default, rename = "was")]
    _was: Option<String>,
    #[serde(default, rename = "is")]
    _is: Option<Vec<String>>,
}

/// Reads decisions on the steps of a review.
pub(super) fn read(
    text: &str,
    run: &RunId,
    candidate: ContentHash,
    steps: &[Step],
) -> Result<BTreeMap<usize, Choice>, CliError> {
    let written: Written = serde_yaml::from_str(text).map_err(|error| {
        CliError::new(ExitCode::InvalidFiles, format!("the decisions cannot be read: {error}"))
            .hint("`dreamrun diff RUN --decisions-out FILE` writes a file to begin with.")
    })?;
    let decisions = match written {
        Written::List(decisions) => decisions,
        Written::File(file) => {
            let is_other_run = file.run.is_some_and(|other| other != run.to_string());
            if is_other_run || file.candidate.is_some_and(|other| other != candidate) {
                let words = "the decisions are about another run, or the candidate changed since";
                return Err(CliError::new(ExitCode::Stale, words)
                    .hint(format!("Write them anew with `dreamrun diff {run} --decisions-out FILE`.")));
            }
            file.decisions
        }
    };
    let mut decided = BTreeMap::new();
    for decision in decisions {
        let name = &decision.statement;
        let place = match named(name, steps).as_slice() {
            [place] => *place,
            [] => {
                return Err(CliError::usage(format!("`{}` is no statement to decide on", line(name)))
                    .hint("Statements that the dream kept as they were need no decision."));
            }
            several => {
                let hashes: Vec<String> = several
                    .iter()
                    .map(|&at| format!("`{name}#{}`", steps[at].statement.hash.short()))
                    .collect();
                return Err(CliError::usage(format!("`{}` could be any of {}", line(name), several.len()))
                    .hint(format!("Say which: {}.", line(&hashes.join(", ")))));
            }
        };
        if !steps[place].choices.contains(&decision.r#do) {
            let can: Vec<&str> = steps[place].choices.iter().map(|&choice| choice_word(choice)).collect();
            return Err(CliError::usage(format!(
                "`{}` cannot be decided with `{}`",
                line(name),
                choice_word(decision.r#do)
            ))
            .hint(format!("It is {}: {}.", steps[place].kind.as_str(), can.join(" or "))));
        }
        if decided.insert(place, decision.r#do).is_some_and(|before| before != decision.r#do) {
            return Err(CliError::usage(format!("`{}` is decided twice, each time otherwise", line(name))));
        }
    }
    Ok(decided)
}

/// Finds the steps that `PATH:LINE`, `PATH:LINE#HASH` or a hash may mean.
fn named(name: &str, steps: &[Step]) -> Vec<usize> {
    let (place, hash) = match name.split_once('#') {
        Some((place, hash)) => (Some(place), Some(hash)),
        None if name.starts_with('/') => (Some(name), None),
        None => (None, Some(name)),
    };
    let is_meant = |step: &Step| {
        let at = &step.statement;
        place.is_none_or(|place| place == format!("{}:{}", at.path, at.line))
            && hash.is_none_or(|hash| hash.len() >= HASH_DIGITS && at.hash.to_string().starts_with(hash))
    };
    (0..steps.len()).filter(|&at| is_meant(&steps[at])).collect()
}

/// Writes all steps of a review with what was decided; what was not is kept.
pub(super) fn write(
    run: &RunId,
    candidate: ContentHash,
    steps: &[Step],
    decisions: &BTreeMap<usize, Choice>,
) -> String {
    let mut text = format!(
        "# What to do about each statement of {run} that is not as it was: keep (as the dream made it),\n\
         # drop (take what the dream made of it out), or restore (put the old one back).\n\
         # Then: dreamrun diff {run} --decisions FILE\n\
         run: {}\ncandidate: {candidate}\n",
        quoted(&run.to_string())
    );
    text.push_str(if steps.is_empty() { "decisions: []\n" } else { "decisions:\n" });
    for (place, step) in steps.iter().enumerate() {
        let at = &step.statement;
        let here = format!("{}:{}", at.path, at.line);
        let names = [here.clone(), at.hash.to_string(), format!("{here}#{}", at.hash)];
        let name = names.iter().find(|name| named(name, steps).len() == 1).unwrap_or(&names[2]);
        let choice = decisions.get(&place).copied().unwrap_or(Choice::Keep);
        let _ = writeln!(text, "- statement: {}", quoted(name));
        let _ = writeln!(text, "  fate: {}", step.kind.as_str());
        if step.kind != Kind::New {
            let _ = writeln!(text, "  was: {}", quoted(&at.text));
        }
        let is: Vec<String> = match step.kind {
            Kind::New => vec![quoted(&at.text)],
            _ => step.heirs.iter().map(|heir| quoted(&heir.text)).collect(),
        };
        if !is.is_empty() {
            let _ = writeln!(text, "  is: [{}]", is.join(", "));
        }
        let can: Vec<&str> = step.choices.iter().map(|&choice| choice_word(choice)).collect();
        let _ = writeln!(text, "  do: {} # {}", choice_word(choice), can.join(", "));
    }
    text
}

/// Writes a string as JSON, which YAML reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
