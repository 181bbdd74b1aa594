//! Plans and runs as a comment on a pull request: the verdict first, detail folded, and never longer than a
//! forge takes.
//!
//! Text of memories and instructions is written only when asked for, and then inside code blocks, where no
//! mark of Markdown, mention or link means anything.

use std::fmt::Write as _;

use crate::gate::verdict::Outcome;
use crate::ledger::{Fate, FateCounts};

use super::fates::FateRow;
use super::fates_text::counts_text;
use super::html::Statements;
use super::markdown::{escaped, plan_markdown, run_markdown};
use super::plan_view::PlanView;
use super::run_view::RunView;
use super::words::{count, cut, line};

/// The most characters of a comment; GitHub takes 65,536.
pub const COMMENT_LIMIT: usize = 60_000;

/// Room for the note that something is missing.
const NOTE_ROOM: usize = 200;
/// The most places named per fate.
const PLACES_SHOWN: usize = 100;
/// The most characters of one statement.
const TEXT_LIMIT: usize = 600;

/// A comment that grows block by block, as long as there is room.
#[derive(Debug, Default)]
struct Comment {
    text: String,
    chars: usize,
    left_out: u64,
}

impl Comment {
    /// Adds a block if it fits, and counts it if not.
    fn add(&mut self, block: &str) {
        let chars = block.chars().count();
        if self.chars + chars + NOTE_ROOM > COMMENT_LIMIT {
            self.left_out += 1;
            return;
        }
        self.chars += chars;
        self.text.push_str(block);
    }

    fn finish(mut self, hint: &str) -> String {
        if self.left_out > 0 {
            let parts = count(self.left_out, "part is", "parts are");
            let _ = write!(self.text, "\n_{parts} left out, because a comment has its limits. {hint}_\n");
        }
        self.text
    }
}

/// Writes what pipelines would do. With `content` the rendered instructions stand below.
pub fn plan_comment(plans: &[PlanView], has_content: bool) -> String {
    let mut comment = Comment::default();
    comment.add("## dreamrun plan\n\n");
    for plan in plans {
        comment.add(&plan_markdown(plan));
    }
    for plan in plans.iter().filter(|_| has_content) {
        for dream in &plan.dreams {
            let Some(text) = &dream.instructions else { continue };
            let name = escaped(plan.pipeline.as_str());
            let block =
                folded(&format!("Instructions of {name}, dream {}", dream.index), &fenced("text", text));
            comment.add(&block);
        }
    }
    comment.finish("`dreamrun plan` shows all of it.")
}

/// Writes where a run stands or how it ended. With `content` the statements stand below.
pub fn run_comment(run: &RunView, statements: Option<&Statements>, has_content: bool) -> String {
    let mut comment = Comment::default();
    comment.add(&run_markdown(run));
    for verdict in run.verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged) {
        let mut list = String::new();
        for finding in &verdict.findings {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("{}:{line} ", code(path.as_str())),
                (Some(path), None) => format!("{} ", code(path.as_str())),
                (None, _) => String::new(),
            };
            let _ = writeln!(list, "- {place}{}", escaped(&finding.note));
        }
        if !list.is_empty() {
            let places = count(verdict.findings.len() as u64, "place", "places");
            comment.add(&folded(&format!("{}: {places}", escaped(&verdict.gate)), &list));
        }
    }
    if let Some(statements) = statements {
        comment.add(&format!("Statements: {}.\n\n", counts_text(&statements.counts)));
        for fate in Fate::ALL.into_iter().rev().filter(|fate| *fate != Fate::Kept) {
            let rows: Vec<&FateRow> = statements.rows.iter().filter(|row| row.fate == fate).collect();
            if !rows.is_empty() {
                fates(&mut comment, fate, &rows, &statements.counts, has_content);
            }
        }
    }
    comment.finish(&format!("`dreamrun show {}` and `dreamrun diff {}` show all of it.", run.run, run.run))
}

fn fates(comment: &mut Comment, fate: Fate, rows: &[&FateRow], counts: &FateCounts, has_content: bool) {
    let n = counts.of(fate);
    let mut body = String::new();
    for row in rows.iter().take(PLACES_SHOWN) {
        let to: Vec<String> =
            row.heirs.iter().map(|heir| format!("{}:{}", code(heir.path.as_str()), heir.line)).collect();
        let arrow = if fate == Fate::Lost { "nearest" } else { "→" };
        let to = if to.is_empty() { String::new() } else { format!(" {arrow} {}", to.join(", ")) };
        let _ = writeln!(body, "- {}:{}{to}", code(row.statement.path.as_str()), row.statement.line);
        if has_content {
            let mut text = format!("- {}\n", line(&cut(&row.statement.text, TEXT_LIMIT)));
            for heir in &row.heirs {
                let _ = writeln!(text, "+ {}", line(&cut(&heir.text, TEXT_LIMIT)));
            }
            let _ = writeln!(text, "# {}", line(&row.because));
            body.push_str(&fenced("diff", &text));
        }
    }
    let shown = rows.len().min(PLACES_SHOWN) as u64;
    if shown < n {
        let _ = writeln!(body, "- and {} more", n - shown);
    }
    comment.add(&folded(&format!("{n} {fate}"), &body));
}

fn folded(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n\n", body.trim_end())
}

/// Writes text as a code block that nothing in it can end.
fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let lines: Vec<String> = text.lines().map(line).collect();
    format!("\n{fence}{language}\n{}\n{fence}\n\n", lines.join("\n"))
}

/// Writes text as code within a line.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", line(text))
}

/// Returns the length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_never_longer_than_a_forge_takes() {
        let mut comment = Comment::default();
        for _ in 0..100 {
            comment.add(&"é".repeat(1_000));
        }
        let text = comment.finish("See the rest.");
        assert!(text.chars().count() <= COMMENT_LIMIT, "{}", text.chars().count());
        assert!(text.contains("41 parts are left out"), "{}", &text[text.len() - 200..]);
    }

    #[test]
    fn nothing_in_a_text_ends_its_code() {
        assert_eq!(fenced("diff", "a\n```\n@team\u{202e}"), "\n````diff\na\n```\n@team\\u{202e}\n````\n\n");
        assert_eq!(code("/a``b"), "```/a``b```");
    }
}
