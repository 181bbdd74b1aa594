//! Decision files: what a person decided in a review, written down.
//!
//! YAML or JSON: a list of `{statement: PATH:LINE or hash, do: keep | drop | restore}`, alone or under
//! `decisions` beside the `candidate` it was decided on. What the file may hold is checked in [`crate::spec`];
//! here its names find their statements.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::adoption::queue::{Choice, Kind};
use crate::ids::RunId;
use crate::memory::ContentHash;
use crate::report::review_text::{Step, choice_word};
use crate::report::words::line;
use crate::spec::authored::DecisionWord;
use crate::spec::decisions::Decisions;
use crate::spec::problem::Problem;
use crate::spec::source::SourceFile;
use crate::spec::{DECISIONS_BYTES_LIMIT, load_decisions};

use super::exit::{CliError, ExitCode};
use super::{Call, files, problems};

/// The fewest digits of a hash that name a statement.
const HASH_DIGITS: usize = 8;

/// Reads the file that decisions are in.
pub(super) fn load(call: &Call<'_>, file: &Path) -> Result<Decisions, CliError> {
    let refused = |found: Vec<Problem>, sources: &[SourceFile]| {
        problems::show(call, &call.folder, &found, sources);
        let hint = "`dreamrun diff RUN --decisions-out FILE` writes a file to begin with.";
        let error = CliError::new(ExitCode::InvalidFiles, "the decisions cannot be read");
        CliError { problems: found, ..error.hint(hint) }
    };
    let bytes = files::read(call, file, DECISIONS_BYTES_LIMIT as u64 + 1)?;
    let source = SourceFile::from_bytes_within(DECISIONS_BYTES_LIMIT, file, bytes)
        .map_err(|problem| refused(vec![*problem], &[]))?;
    match load_decisions(&source) {
        Ok((decisions, _)) => Ok(decisions),
        Err(found) => Err(refused(found, &[source])),
    }
}

/// Finds the steps of a review that decisions are on.
pub(super) fn read(
    written: &Decisions,
    run: &RunId,
    candidate: ContentHash,
    steps: &[Step],
) -> Result<BTreeMap<usize, Choice>, CliError> {
    let is_other_run = written.run.as_ref().is_some_and(|other| *other != run.to_string());
    if is_other_run || written.candidate.is_some_and(|other| other != candidate) {
        let words = "the decisions are about another run, or the candidate changed since";
        return Err(CliError::new(ExitCode::Stale, words)
            .hint(format!("Write them anew with `dreamrun diff {run} --decisions-out FILE`.")));
    }
    let mut decided = BTreeMap::new();
    for decision in &written.decisions {
        let (name, choice) = (&decision.statement, choice_of(decision.what));
        let place = match named(name, steps).as_slice() {
            [place] => *place,
            [] => {
                return Err(CliError::usage(format!("`{}` is no statement to decide on", line(name)))
                    .hint("Statements that the dream kept as they were need no decision."));
            }
            several => {
                let names: Vec<String> =
                    several.iter().map(|&at| format!("`{}`", name_of(at, steps))).collect();
                return Err(CliError::usage(format!("`{}` could be any of {}", line(name), several.len()))
                    .hint(format!("Say which: {}.", line(&names.join(", ")))));
            }
        };
        if !steps[place].choices.contains(&choice) {
            let can: Vec<&str> = steps[place].choices.iter().map(|&choice| choice_word(choice)).collect();
            return Err(CliError::usage(format!(
                "`{}` cannot be decided with `{}`",
                line(name),
                choice_word(choice)
            ))
            .hint(format!("It is {}: {}.", steps[place].kind.as_str(), can.join(" or "))));
        }
        if decided.insert(place, choice).is_some_and(|before| before != choice) {
            return Err(CliError::usage(format!("`{}` is decided twice, each time otherwise", line(name))));
        }
    }
    Ok(decided)
}

fn choice_of(word: DecisionWord) -> Choice {
    match word {
        DecisionWord::Keep => Choice::Keep,
        DecisionWord::Drop => Choice::Drop,
        DecisionWord::Restore => Choice::Restore,
    }
}

/// Finds the steps that `PATH:LINE`, `PATH:LINE#HASH`, `PATH:LINE#HASH.NUMBER` or a hash may mean. The number
/// tells statements of the same words on one line apart.
fn named(name: &str, steps: &[Step]) -> Vec<usize> {
    let place_of = |step: &Step| format!("{}:{}", step.statement.path, step.statement.line);
    let here: Vec<usize> = (0..steps.len()).filter(|&at| place_of(&steps[at]) == name).collect();
    if !here.is_empty() {
        return here;
    }
    // A path may hold the mark too, so the last one counts.
    let (place, hash) = match name.rsplit_once('#') {
        Some((place, hash)) => (Some(place), hash),
        None => (None, name),
    };
    let (hash, number) = match hash.split_once('.') {
        Some((hash, number)) => (hash, Some(number)),
        None => (hash, None),
    };
    if hash.len() < HASH_DIGITS {
        return Vec::new();
    }
    let is_meant = |step: &Step| {
        place.is_none_or(|place| place == place_of(step)) && step.statement.hash.to_string().starts_with(hash)
    };
    let meant: Vec<usize> = (0..steps.len()).filter(|&at| is_meant(&steps[at])).collect();
    match number.map(|number| number.parse::<usize>().ok().and_then(|number| number.checked_sub(1))) {
        None => meant,
        Some(nth) => nth.and_then(|nth| meant.get(nth)).copied().into_iter().collect(),
    }
}

/// Returns the shortest name that means one step and no other.
fn name_of(place: usize, steps: &[Step]) -> String {
    let at = &steps[place].statement;
    let here = format!("{}:{}", at.path, at.line);
    let exact = format!("{here}#{}", at.hash);
    for name in [&here, &at.hash.to_string(), &exact] {
        if named(name, steps) == [place] {
            return name.clone();
        }
    }
    let number = named(&exact, steps).iter().position(|&other| other == place).map_or(1, |nth| nth + 1);
    format!("{exact}.{number}")
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
        let choice = decisions.get(&place).copied().unwrap_or(Choice::Keep);
        let _ = writeln!(text, "- statement: {}", quoted(&name_of(place, steps)));
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

/// Writes a string as JSON, which YAML reads too once what it does not print is written by number.
fn quoted(text: &str) -> String {
    let is_printed = |c: char| {
        !matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    let mut out = String::with_capacity(text.len() + 2);
    for c in serde_json::Value::from(text).to_string().chars() {
        if is_printed(c) {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::MemoryPath;
    use crate::report::fates::Quoted;

    fn step(path: &str, line: u64, text: &str, kind: Kind) -> Step {
        let statement = Quoted {
            path: MemoryPath::parse(path).unwrap(),
            line,
            hash: ContentHash::of(text),
            headings: Vec::new(),
            text: text.to_owned(),
        };
        let choices = match kind {
            Kind::New => vec![Choice::Keep, Choice::Drop],
            _ => vec![Choice::Keep, Choice::Restore],
        };
        let (heirs, because) = (Vec::new(), String::new());
        Step { kind, statement, heirs, because, said: None, objections: Vec::new(), choices }
    }

    fn run() -> RunId {
        RunId::parse("tidy-1").unwrap()
    }

    #[test]
    fn paths_with_marks_and_the_same_words_twice_have_names() {
        let steps = [
            step("/c#/notes.md", 3, "one", Kind::Lost),
            step("/c#/notes.md", 3, "one", Kind::Lost),
            step("/c#/notes.md", 3, "one", Kind::New),
            step("/b#deadbeef:1", 1, "two", Kind::New),
        ];
        let names: Vec<String> = (0..steps.len()).map(|at| name_of(at, &steps)).collect();
        let hash = ContentHash::of("one");
        for (nth, name) in names[..3].iter().enumerate() {
            assert_eq!(*name, format!("/c#/notes.md:3#{hash}.{}", nth + 1));
        }
        assert_eq!(names[3], "/b#deadbeef:1:1");
        assert!(named(&format!("/c#/notes.md:3#{hash}.4"), &steps).is_empty());
        assert!(named(&format!("/c#/notes.md:3#{hash}.0"), &steps).is_empty());
        assert_eq!(named(&hash.to_string()[..8], &steps), [0, 1, 2]);
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let paths = vec!["/a", "/a#1", "/a:1", "/a:1#/b", "/é #\"'", "/b: c", "/a#deadbeef"];
        let kinds = vec![Kind::Lost, Kind::New, Kind::Merged, Kind::Contradictory];
        let texts = prop_oneof!["[ab]", any::<String>()];
        (proptest::sample::select(paths), 1..3_u64, texts, proptest::sample::select(kinds))
            .prop_map(|(path, line, text, kind)| step(path, line, &text, kind))
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back_to_the_same_decisions(
            steps in proptest::collection::vec(any_step(), 0..12),
            picked in proptest::collection::vec(0..2_usize, 12),
        ) {
            let decided: BTreeMap<usize, Choice> =
                steps.iter().enumerate().map(|(at, step)| (at, step.choices[picked[at]])).collect();
            let candidate = ContentHash::of("candidate");
            let text = write(&run(), candidate, &steps, &decided);
            let (written, _) = load_decisions(&SourceFile::new("d.yaml", text.clone())).unwrap();
            let read = read(&written, &run(), candidate, &steps);
            prop_assert_eq!(read.map_err(|error| error.message), Ok(decided), "{}", text);
        }
    }
}
