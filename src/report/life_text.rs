//! The life of a memory, or of a store, as people read it. Words that were looked up come redacted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::ledger::Fate;
use crate::ledger::record::StatementRecord;
use crate::memory::{ContentHash, MemoryPath};

use super::fates_text::counts_text;
use super::life::{Happened, Life, LifeEvent, Step};
use super::words::{Paint, count, cut, line, plain};

/// The most characters of a statement that are shown.
const STATEMENT_WIDTH: usize = 76;
/// The most statements of one event that are shown unless everything is asked for.
const STATEMENTS_SHOWN: usize = 10;

/// The words of statements that can still be had, redacted, by their hash.
pub type Words = BTreeMap<ContentHash, String>;

/// Writes a memory's life, oldest first.
pub fn life_text(life: &Life, words: &Words, is_whole: bool, paint: Paint) -> String {
    let mut text = String::new();
    let names: Vec<String> = life.names.iter().map(|name| line(name.as_str())).collect();
    let _ = writeln!(text, "{}", paint.bold(&names.join(" → ")));
    for event in &life.events {
        event_text(&mut text, event, words, is_whole, paint);
    }
    text
}

fn event_text(text: &mut String, event: &LifeEvent, words: &Words, is_whole: bool, paint: Paint) {
    let what = match event.what {
        Happened::Removed | Happened::WrittenByAgents if event.hash.is_none() => {
            paint.bad(match event.what {
                Happened::Removed => "removed",
                _ => "removed by agents",
            })
        }
        Happened::Restored | Happened::BroughtBack => paint.good(event.what.as_str()),
        what => what.as_str().to_owned(),
    };
    let at = match event.what {
        Happened::Found => format!("{:<20}", "before"),
        _ => when(event.at),
    };
    let _ = write!(text, "  {at} {what}");
    match (&event.run, event.what) {
        (Some(run), Happened::BroughtBack) => {
            let _ = write!(text, " to what it was before {run}");
        }
        (Some(run), Happened::Restored) => {
            let statements = count(event.statements.len() as u64, "statement", "statements");
            let _ = write!(text, ": {statements} lost in {run}");
        }
        (Some(run), _) => {
            let _ = write!(text, " by {run}");
        }
        (None, _) => {}
    }
    if let Some(from) = &event.from {
        let _ = write!(text, ", from {}", line(from.as_str()));
    }
    if let Some(by) = &event.by {
        let _ = write!(text, ", by {}", line(by));
    }
    if let Some(fates) = event.fates.filter(|fates| fates.before() > 0) {
        let _ = write!(text, ": {}", counts_text(&fates));
    }
    if event.is_undone {
        let _ = write!(text, " {}", paint.warn("(taken back since)"));
    }
    text.push('\n');
    let shown = if is_whole { event.statements.len() } else { STATEMENTS_SHOWN.min(event.statements.len()) };
    for record in &event.statements[..shown] {
        statement_text(text, record, event.what, words, paint);
    }
    if shown < event.statements.len() {
        let _ = writeln!(text, "      and {} more; `-v` shows all", event.statements.len() - shown);
    }
    let others = [(&event.to_others, "went to"), (&event.from_others, "came from")];
    for (others, how) in others.into_iter().filter(|(others, _)| !others.is_empty()) {
        let named: Vec<String> =
            others.iter().map(|(path, n)| format!("{n} {how} {}", line(path.as_str()))).collect();
        let _ = writeln!(text, "      {}", paint.dim(&format!("of its statements, {}", named.join(", "))));
    }
}

fn statement_text(text: &mut String, record: &StatementRecord, what: Happened, words: &Words, paint: Paint) {
    let fate = match (what, record.fate) {
        (Happened::Restored, _) => paint.good("back"),
        (_, Fate::Lost) => paint.bad("lost"),
        (_, Fate::Dropped) => paint.warn("dropped"),
        (_, fate) => fate.as_str().to_owned(),
    };
    let _ = writeln!(
        text,
        "      {fate} {} {} {}",
        paint.dim(&format!("line {}", record.line)),
        paint.dim(&record.hash.short()),
        shown(&record.hash, words)
    );
    for heir in record.heirs.iter().filter(|_| record.fate != Fate::Lost) {
        let place = format!("→ {}:{} {}", line(heir.path.as_str()), heir.line, heir.hash.short());
        let _ = writeln!(text, "        {} {}", paint.dim(&place), shown(&heir.hash, words));
    }
    if let Some(said) = &record.said {
        let said = format!("said in session {}, event {}", line(said.session.as_str()), said.event);
        let _ = writeln!(text, "        {}", paint.dim(&said));
    }
}

/// Writes the way of one statement through the runs, oldest first.
pub fn steps_text(steps: &[Step], words: &Words, paint: Paint) -> String {
    let mut text = String::new();
    for step in steps {
        let record = &step.record;
        let what = match (step.is_restored, record.fate) {
            (true, _) => paint.good("restored"),
            (_, Fate::Lost) => paint.bad("lost"),
            (_, fate) => fate.as_str().to_owned(),
        };
        let _ = write!(
            text,
            "  {} {what} by {}",
            when(Some(step.at)),
            step.by.as_deref().map_or_else(|| step.run.to_string(), line)
        );
        if step.is_undone {
            let _ = write!(text, " {}", paint.warn("(taken back since)"));
        }
        let place = format!("{}:{} {}", line(record.path.as_str()), record.line, record.hash.short());
        let _ = writeln!(text, "\n      {} {}", paint.dim(&place), shown(&record.hash, words));
        for heir in record.heirs.iter().filter(|_| record.fate != Fate::Lost) {
            let place = format!("→ {}:{} {}", line(heir.path.as_str()), heir.line, heir.hash.short());
            let _ = writeln!(text, "      {} {}", paint.dim(&place), shown(&heir.hash, words));
        }
    }
    text
}

/// Returns the words of a statement, or that they are gone.
fn shown(hash: &ContentHash, words: &Words) -> String {
    match words.get(hash) {
        Some(words) => cut(&plain(words).replace('\n', "⏎"), STATEMENT_WIDTH).into_owned(),
        None => "(text no longer kept)".to_owned(),
    }
}

/// Writes an instant at a fixed width.
pub fn when(at: Option<Timestamp>) -> String {
    at.map_or_else(|| format!("{:<20}", "in between"), |at| format!("{at:.0}"))
}

/// Names some memories, and how many more there are.
pub fn some_paths(paths: &[MemoryPath], most: usize) -> String {
    let named: Vec<String> = paths.iter().take(most).map(|path| line(path.as_str())).collect();
    let more = paths.len().saturating_sub(most);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}
