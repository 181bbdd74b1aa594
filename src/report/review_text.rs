//! A review as people and programs read it: one statement after the other, with what became of it, why,
//! and what gates have against it. All memory text in it is redacted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::adoption::queue::{Choice, Item, Kind, Objection, Subject, choices};
use crate::gate::verdict::Outcome;
use crate::ledger::Ledger;
use crate::text::align::hunks;

use super::fates::{Fates, NewRow, Quoted, SaidRow};
use super::words::{Paint, WIDTH, count, cut, line, wrapped};

/// The most characters of a statement that are shown.
const STATEMENT_LIMIT: usize = 1_200;
/// The most heirs that are shown.
const HEIRS_SHOWN: usize = 4;

/// One statement to decide on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is there for.
    pub kind: Kind,
    /// The statement: of the live store, or a new one of the candidate.
    pub statement: Quoted,
    /// What carries it on, or comes nearest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heirs: Vec<Quoted>,
    /// Why, in a clause; empty for a new statement.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// Who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidRow>,
    /// What gates have against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objections: Vec<Objection>,
    /// What can be decided.
    pub choices: Vec<Choice>,
}

/// Makes the steps of a review from its queue.
pub fn steps(queue: &[Item], ledger: &Ledger<'_>, fates: &Fates<'_>) -> Vec<Step> {
    let places = (0..ledger.after.len()).filter(|&place| ledger.is_new[place]);
    let mut new: BTreeMap<usize, NewRow> = places.zip(fates.new_rows(|_| true)).collect();
    let step = |item: &Item| {
        let choices = choices(item, ledger).to_vec();
        let (kind, objections) = (item.kind, item.objections.clone());
        Some(match item.subject {
            Subject::Old(place) => {
                let row = fates.row(place)?;
                let (statement, heirs) = (row.statement, row.heirs);
                Step { kind, statement, heirs, because: row.because, said: row.said, objections, choices }
            }
            Subject::New(place) => {
                let row = new.remove(&place)?;
                let (statement, said) = (row.statement, row.said);
                Step { kind, statement, heirs: Vec::new(), because: String::new(), said, objections, choices }
            }
        })
    };
    queue.iter().filter_map(step).collect()
}

/// Writes one step: its number of how many, its place, both texts with what differs marked, the reason, who
/// said it, and what gates say.
pub fn step_text(step: &Step, number: usize, of: usize, chosen: Option<Choice>, paint: Paint) -> String {
    let kind = match step.kind {
        Kind::Lost | Kind::Contradictory | Kind::Objected => paint.bad(step.kind.as_str()),
        Kind::Superseded | Kind::Dropped => paint.warn(step.kind.as_str()),
        _ => paint.good(step.kind.as_str()),
    };
    let at = &step.statement;
    let mut text = format!("{} {kind} {}", paint.dim(&format!("{number} of {of}")), paint.bold(&place(at)));
    if let Some(heading) = at.headings.last() {
        let _ = write!(text, " {}", paint.dim(&format!("“{}”", cut(&line(heading), 32))));
    }
    text.push('\n');
    if step.kind == Kind::New || step.heirs.is_empty() {
        let sign = if step.kind == Kind::New { paint.good("+") } else { paint.bad("-") };
        write_words(&mut text, &sign, &words(&at.text, &[]), |word| word.to_owned());
    }
    for (nth, heir) in step.heirs.iter().take(HEIRS_SHOWN).enumerate() {
        let (old, new) = differing(&at.text, &heir.text);
        if nth == 0 {
            let old = if step.heirs.len() == 1 { old } else { Vec::new() };
            let shown = words(&at.text, &old);
            write_words(&mut text, &paint.bad("-"), &shown, |word| {
                mark(word, ("[-", "-]"), paint, Paint::bad)
            });
        }
        let new = if step.heirs.len() == 1 { new } else { Vec::new() };
        let shown = words(&heir.text, &new);
        write_words(&mut text, &paint.good("+"), &shown, |word| mark(word, ("{+", "+}"), paint, Paint::good));
        if place(heir) != place(at) {
            let _ = writeln!(text, "    {}", paint.dim(&format!("at {}", place(heir))));
        }
    }
    if step.heirs.len() > HEIRS_SHOWN {
        let more = step.heirs.len() - HEIRS_SHOWN;
        let _ = writeln!(text, "    {}", paint.dim(&format!("and {more} more")));
    }
    let mut row = |name: &str, value: &str| {
        for (nth, part) in wrapped(value, WIDTH - 9, usize::MAX).into_iter().enumerate() {
            let name = if nth == 0 { name } else { "" };
            let _ = writeln!(text, "  {} {part}", paint.dim(&format!("{name:<6}")));
        }
    };
    if !step.because.is_empty() {
        row("why", &line(&step.because));
    }
    if let Some(said) = &step.said {
        row("said", &said_words(said));
    }
    for objection in &step.objections {
        let verb = match objection.outcome {
            Outcome::Block | Outcome::Undecided => "blocks",
            _ => "asks for review",
        };
        row("gate", &format!("{} {verb}: {}", objection.gate, line(&objection.note)));
    }
    if let Some(choice) = chosen {
        row("so far", choice_word(choice));
    }
    text
}

/// Writes what can be pressed at a step.
pub fn keys_text(step: &Step) -> String {
    let names: Vec<&str> = (step.choices.iter())
        .map(|choice| match choice {
            Choice::Keep => "k keep",
            Choice::Drop => "d drop",
            Choice::Restore => "r restore",
        })
        .collect();
    format!("{} · s skip · b back · ? more > ", names.join(" · "))
}

/// Explains the keys.
pub const HELP: &str = "  k  keep it as the dream made it
  d  drop what the dream made of it, or the new statement, from the candidate
  r  restore the old statement in the candidate, in place of the new one if there is one
  s  skip it for now              b  go back one
  u  undo the last decision       a  then k, d or r: decide so for all of this kind that are left
  q  stop here; what was decided can be applied, written to a file, or discarded
";

/// Says what decisions come to: `2 restored, 1 dropped, 3 kept, 1 not decided`.
pub fn decisions_text(steps: usize, decisions: &BTreeMap<usize, Choice>) -> String {
    let of = |wanted: Choice| decisions.values().filter(|&&choice| choice == wanted).count();
    let open = steps.saturating_sub(decisions.len());
    let parts = [
        (of(Choice::Restore), "restored"),
        (of(Choice::Drop), "dropped"),
        (of(Choice::Keep), "kept"),
        (open, "not decided"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let of = count(steps as u64, "statement", "statements");
    if told.is_empty() { of } else { format!("{of}: {}", told.join(", ")) }
}

/// Returns the word for what was decided.
pub fn choice_word(choice: Choice) -> &'static str {
    match choice {
        Choice::Keep => "keep",
        Choice::Drop => "drop",
        Choice::Restore => "restore",
    }
}

fn place(statement: &Quoted) -> String {
    format!("{}:{}", line(statement.path.as_str()), statement.line)
}

fn said_words(said: &SaidRow) -> String {
    let mut text = format!("{} event {}", said.session, said.event);
    if let Some(speaker) = said.speaker {
        text = format!("{speaker}, {text}");
    }
    if let Some(words) = &said.words {
        let _ = write!(text, ": “{}”", cut(&line(words), 160));
    }
    text
}

/// Finds the words that differ between two texts.
fn differing(old: &str, new: &str) -> (Vec<usize>, Vec<usize>) {
    let split = |text: &'_ str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let Some(hunks) = hunks(&split(old), &split(new)) else { return (Vec::new(), Vec::new()) };
    let a = hunks.iter().flat_map(|hunk| hunk.a.clone()).collect();
    let b = hunks.iter().flat_map(|hunk| hunk.b.clone()).collect();
    (a, b)
}

/// Splits a text into words, each with whether it is marked.
fn words(text: &str, marked: &[usize]) -> Vec<(String, bool)> {
    let shown = cut(text, STATEMENT_LIMIT);
    let all = shown.split_whitespace().enumerate();
    all.map(|(place, word)| (line(word), marked.contains(&place))).collect()
}

/// Writes words below each other in lines, behind a sign.
fn write_words(text: &mut String, sign: &str, words: &[(String, bool)], mark: impl Fn(&str) -> String) {
    let mut width = 0;
    let _ = write!(text, "  {sign} ");
    for (word, is_marked) in words {
        let length = word.chars().count() + if *is_marked { 4 } else { 0 };
        if width > 0 && width + 1 + length > WIDTH - 4 {
            text.push_str("\n    ");
            width = 0;
        }
        if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(&if *is_marked { mark(word) } else { word.clone() });
        width += length;
    }
    text.push('\n');
}

/// Marks a word: by colour, or by signs where there is none.
fn mark(word: &str, signs: (&str, &str), paint: Paint, colour: fn(Paint, &str) -> String) -> String {
    if paint.is_on { colour(paint, word) } else { format!("{}{word}{}", signs.0, signs.1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{ContentHash, MemoryPath};

    fn quoted(text: &str, line: u64) -> Quoted {
        let path = MemoryPath::parse("/deploy.md").unwrap();
        let headings = vec!["Deploy".to_owned()];
        Quoted { path, line, hash: ContentHash::of(text), headings, text: text.to_owned() }
    }

    fn step() -> Step {
        Step {
            kind: Kind::Superseded,
            statement: quoted(
                "Deploys go out on Tuesday, after the canary has been watched for 15 minutes by somebody.",
                3,
            ),
            heirs: vec![quoted(
                "Deploys go out on Thursday, after the canary has been watched for 15 minutes by somebody.",
                4,
            )],
            because: "a session said so since".to_owned(),
            said: None,
            objections: vec![Objection {
                gate: "lost".to_owned(),
                outcome: Outcome::Block,
                note: "`3` is gone".to_owned(),
            }],
            choices: vec![Choice::Keep, Choice::Drop, Choice::Restore],
        }
    }

    #[test]
    fn a_step_shows_both_texts_and_marks_what_differs() {
        insta::assert_snapshot!(step_text(&step(), 1, 3, Some(Choice::Keep), Paint::default()), @r"
        1 of 3 superseded /deploy.md:3 “Deploy”
          - Deploys go out on [-Tuesday,-] after the canary has been watched for 15
            minutes by somebody.
          + Deploys go out on {+Thursday,+} after the canary has been watched for 15
            minutes by somebody.
            at /deploy.md:4
          why    a session said so since
          gate   lost blocks: `3` is gone
          so far keep
        ");
        let coloured = step_text(&step(), 1, 3, None, Paint { is_on: true });
        assert!(coloured.contains("\u{1b}[31mTuesday,\u{1b}[0m") && !coloured.contains("[-"), "{coloured}");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let long = "abc def ".repeat(400);
        let step = Step {
            heirs: vec![quoted(&long, 9)],
            statement: quoted(&long.replace("abc", "xyz"), 1),
            ..step()
        };
        let text = step_text(&step, 1, 1, None, Paint::default());
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(HELP.lines().all(|line| line.chars().count() <= 100));
        assert!(keys_text(&step).chars().count() < WIDTH);
    }

    #[test]
    fn text_from_a_store_cannot_drive_the_terminal() {
        let step = Step { statement: quoted("a\u{1b}[2Jb", 1), heirs: Vec::new(), ..step() };
        assert!(!step_text(&step, 1, 1, None, Paint::default()).contains('\u{1b}'));
    }

    #[test]
    fn decisions_are_counted() {
        let decisions = BTreeMap::from([(0, Choice::Restore), (2, Choice::Keep), (3, Choice::Restore)]);
        assert_eq!(decisions_text(5, &decisions), "5 statements: 2 restored, 1 kept, 2 not decided");
    }
}
