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
use super::markdown::{changed_markdown, escaped, plan_markdown, run_markdown};
use super::plan_view::{ChangedView, PlanView};
use super::run_view::RunView;
use super::words::{count, cut, line};

/// The most characters of a comment; GitHub takes 65,536.
pub const COMMENT_LIMIT: usize = 60_000;

/// Room for the note that something is missing.
const NOTE_ROOM: usize = 200;
/// The most places named per fate.
const PLACES_SHOWN: usize = 100;
/// The most heirs named per statement.
const HEIRS_SHOWN: usize = 5;
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

    /// Adds a folded list of pieces as far as there is room, and says how many more of `total` there are. Pieces
    /// are never cut.
    fn add_list(&mut self, summary: &str, pieces: Vec<String>, total: u64) {
        let more = |n: u64| format!("- and {n} more\n");
        let frame = folded(summary, &more(total)).chars().count();
        let mut room = COMMENT_LIMIT.saturating_sub(self.chars + NOTE_ROOM + frame);
        let mut body = String::new();
        let mut shown = 0;
        for piece in &pieces {
            let chars = piece.chars().count();
            if chars > room {
                break;
            }
            room -= chars;
            body.push_str(piece);
            shown += 1;
        }
        if shown < total {
            body.push_str(&more(total - shown));
        }
        self.add(&folded(summary, &body));
    }

    fn finish(mut self, hint: &str) -> String {
        if self.left_out > 0 {
            let parts = count(self.left_out, "part is", "parts are");
            let _ = write!(self.text, "\n_{parts} left out, because a comment has its limits. {hint}_\n");
        }
        self.text
    }
}

/// Writes what pipelines would do, after what changed in them if that was asked for. With `content` the rendered
/// instructions stand below.
pub fn plan_comment(plans: &[PlanView], changed: Option<&ChangedView>, has_content: bool) -> String {
    let mut comment = Comment::default();
    comment.add("## dreamrun plan\n\n");
    if let Some(changed) = changed {
        comment.add(&changed_markdown(changed));
    }
    for plan in plans {
        comment.add(&plan_markdown(plan));
    }
    for plan in plans.iter().filter(|_| has_content) {
        for dream in &plan.dreams {
            let Some(text) = &dream.instructions else { continue };
            let name = escaped(plan.pipeline.as_str());
            let summary = format!("Instructions of {name}, dream {}", dream.index);
            comment.add(&folded(&summary, &fenced("text", text)));
        }
    }
    comment.finish("`dreamrun plan` shows all of it.")
}

/// Writes where a run stands or how it ended. With `content` the statements stand below.
pub fn run_comment(run: &RunView, statements: Option<&Statements>, has_content: bool) -> String {
    let mut comment = Comment::default();
    comment.add(&run_markdown(run));
    for verdict in run.verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged) {
        let written = verdict.findings.iter().map(|finding| {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("{}:{line} ", code(path.as_str())),
                (Some(path), None) => format!("{} ", code(path.as_str())),
                (None, _) => String::new(),
            };
            format!("- {place}{}\n", escaped(&finding.note))
        });
        if !verdict.findings.is_empty() {
            let n = verdict.findings.len() as u64;
            let summary = format!("{}: {}", escaped(&verdict.gate), count(n, "place", "places"));
            comment.add_list(&summary, written.collect(), n);
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
    let rows = rows.iter().take(PLACES_SHOWN).map(|row| told(fate, row, has_content));
    comment.add_list(&format!("{n} {fate}"), rows.collect(), n);
}

/// Writes one statement: its place and where it went, and its text if that may be shown.
fn told(fate: Fate, row: &FateRow, has_content: bool) -> String {
    let mut body = String::new();
    let to: Vec<String> = (row.heirs.iter().take(HEIRS_SHOWN))
        .map(|heir| format!("{}:{}", code(heir.path.as_str()), heir.line))
        .collect();
    let arrow = if fate == Fate::Lost { "nearest" } else { "→" };
    let to = if to.is_empty() { String::new() } else { format!(" {arrow} {}", to.join(", ")) };
    let _ = writeln!(body, "- {}:{}{to}", code(row.statement.path.as_str()), row.statement.line);
    if has_content {
        let mut text = format!("- {}\n", line(&cut(&row.statement.text, TEXT_LIMIT)));
        for heir in row.heirs.iter().take(HEIRS_SHOWN) {
            let _ = writeln!(text, "+ {}", line(&cut(&heir.text, TEXT_LIMIT)));
        }
        let _ = writeln!(text, "# {}", line(&cut(&row.because, TEXT_LIMIT)));
        body.push_str(&fenced("diff", &text));
    }
    body
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
    use proptest::prelude::*;

    use super::*;
    use crate::memory::{ContentHash, MemoryPath};
    use crate::report::fates::Quoted;

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
    fn a_list_is_cut_between_its_pieces_and_says_how_many_are_left_out() {
        let mut comment = Comment::default();
        comment.add(&"x".repeat(30_000));
        comment.add_list("7 lost", (0..7).map(|i| format!("- {i} {}\n", "é".repeat(9_000))).collect(), 7);
        comment.add_list("3 merged", (0..3).map(|i| format!("- {i}\n")).collect(), 3);
        let text = comment.finish("See the rest.");
        assert!(text.contains("- 2 é") && !text.contains("- 3 é"), "three of them fit");
        assert!(text.contains("- and 4 more\n\n</details>"));
        assert!(text.contains("<summary>3 merged</summary>\n\n- 0\n- 1\n- 2\n\n</details>"));
        assert!(!text.contains("left out"));
    }

    fn row(fate: Fate, text: &str, heirs: usize) -> FateRow {
        let statement = Quoted {
            path: MemoryPath::parse("/a.md").unwrap(),
            line: 1,
            hash: ContentHash::of(text),
            headings: Vec::new(),
            text: text.to_owned(),
        };
        let heirs = vec![statement.clone(); heirs];
        FateRow { fate, statement, heirs, because: text.to_owned(), said: None }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn statements_never_make_a_comment_too_long_and_the_worst_are_shown(
            texts in proptest::collection::vec("[a-z`é<\n]{0,900}", 1..300),
            heirs in 0..9_usize,
        ) {
            let mut comment = Comment::default();
            for fate in [Fate::Lost, Fate::Superseded, Fate::Merged] {
                let rows: Vec<FateRow> = texts.iter().map(|text| row(fate, text, heirs)).collect();
                let rows: Vec<&FateRow> = rows.iter().collect();
                let mut counts = FateCounts::default();
                rows.iter().for_each(|_| counts.add(fate));
                fates(&mut comment, fate, &rows, &counts, true);
            }
            let text = comment.finish("See the rest.");
            prop_assert!(text.chars().count() <= COMMENT_LIMIT, "{}", text.chars().count());
            let lost = format!("<summary>{} lost</summary>", texts.len());
            let all = lost + "\n\n- `/a.md`:1";
            prop_assert!(text.contains(&all), "{}", &text[..200]);
        }
    }

    #[test]
    fn nothing_in_a_text_ends_its_code() {
        assert_eq!(fenced("diff", "a\n```\n@team\u{202e}"), "\n````diff\na\n```\n@team\\u{202e}\n````\n\n");
        assert_eq!(code("/a``b"), "```/a``b```");
    }
}
