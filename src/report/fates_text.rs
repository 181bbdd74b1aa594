//! The fates of statements as people read them: what became of each, and why.

use std::fmt::Write as _;

use crate::ledger::{Fate, FateCounts};

use super::fates::{FateRow, NewRow, Quoted, SaidRow};
use super::words::{Paint, cut, grouped, line, plain};

/// The most characters of a statement that are shown unless everything is asked for.
const STATEMENT_WIDTH: usize = 84;
/// The most characters of what somebody said.
const WORDS_WIDTH: usize = 76;
/// What every line below a fate begins with.
const INDENT: &str = "            ";

/// Writes how many statements met which fate, worst first: `1 lost, 2 superseded, 14 kept, 3 new`.
pub fn counts_text(counts: &FateCounts) -> String {
    let fates = Fate::ALL.iter().rev().map(|&fate| (counts.of(fate), fate.as_str()));
    let told: Vec<String> = fates
        .chain([(counts.new, "new")])
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(n)))
        .collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// Writes one statement under its fate: its place and words, what carries it on, and why.
pub fn row_text(row: &FateRow, is_whole: bool, paint: Paint) -> String {
    let mut text = String::new();
    let fate = format!("{:<11}", if row.fate == Fate::Dropped { "dropped" } else { row.fate.as_str() });
    let fate = match row.fate {
        Fate::Lost => paint.bad(&fate),
        Fate::Superseded | Fate::Dropped => paint.warn(&fate),
        _ => paint.good(&fate),
    };
    let _ = writeln!(text, "{fate} {}", placed(&row.statement, is_whole, paint));
    let sign = if row.fate == Fate::Lost { "nearest:" } else { "→" };
    let is_told = !matches!(row.fate, Fate::Kept);
    for heir in row.heirs.iter().filter(|_| is_told) {
        let _ = writeln!(text, "{INDENT}{sign} {}", placed(heir, is_whole, paint));
    }
    if is_told {
        let _ = writeln!(text, "{INDENT}{}", paint.dim(&line(&row.because)));
    }
    if let Some(said) = &row.said {
        let _ = writeln!(text, "{INDENT}{}", paint.dim(&said_text(said, is_whole)));
    }
    text
}

/// Writes one new statement, and who said it.
pub fn new_text(row: &NewRow, has_testimony: bool, is_whole: bool, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} {}",
        paint.good(&format!("{:<11}", "new")),
        placed(&row.statement, is_whole, paint)
    );
    match &row.said {
        Some(said) => {
            let _ = writeln!(text, "{INDENT}{}", paint.dim(&said_text(said, is_whole)));
        }
        None if has_testimony => {
            let _ = writeln!(text, "{INDENT}{}", paint.dim("no session is found to say it"));
        }
        None => {}
    }
    text
}

/// Writes the lost statements of a run in brief, each with what is missing.
pub fn lost_text(rows: &[FateRow], paint: Paint) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "  {} {}", paint.bad("lost"), placed(&row.statement, false, paint));
        let _ = writeln!(text, "       {}", paint.dim(&line(&row.because)));
    }
    text
}

/// Writes who said what: `user in session one, event 4: "…"`.
pub fn said_text(said: &SaidRow, is_whole: bool) -> String {
    let who = said.speaker.unwrap_or("somebody");
    let place = format!("{who} in session {}, event {}", line(said.session.as_str()), said.event);
    match &said.words {
        None => format!("{place}, which cannot be read any more"),
        Some(words) => format!("{place}: “{}”", shown(words, WORDS_WIDTH, is_whole)),
    }
}

fn placed(quoted: &Quoted, is_whole: bool, paint: Paint) -> String {
    let place = format!("{}:{}", line(quoted.path.as_str()), quoted.line);
    format!("{} {}", paint.bold(&place), shown(&quoted.text, STATEMENT_WIDTH, is_whole))
}

fn shown(text: &str, width: usize, is_whole: bool) -> String {
    let text = plain(text).replace('\n', "⏎");
    if is_whole { text } else { cut(&text, width).into_owned() }
}
