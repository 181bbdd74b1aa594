//! What gates said, as people read it: every answer in a table, or what stands in the way on one screen.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::gate::verdict::{FINDINGS_LIMIT, Finding, Outcome, Verdict};
use crate::ids::RunId;

use super::run_text::Screen;
use super::words::{Paint, WIDTH, cut, line, wrapped};

/// The most places shown for one gate.
const FINDINGS_SHOWN: usize = 3;
/// The most lines of one gate's limit.
const LIMIT_LINES: usize = 2;
/// The least that is left of a path beside what is wrong there.
const PLACE_WIDTH: usize = 24;

/// Counts the answers, as `5 of 6 passed, 1 blocks`.
pub(super) fn passed(verdicts: &[Verdict]) -> String {
    let passed = verdicts.iter().filter(|v| v.outcome <= Outcome::Unchanged).count();
    let mut text = format!("{passed} of {} passed", verdicts.len());
    for (outcome, one, many) in [
        (Outcome::Undecided, "could not decide", "could not decide"),
        (Outcome::Block, "blocks", "block"),
        (Outcome::Review, "asks for review", "ask for review"),
    ] {
        match verdicts.iter().filter(|verdict| verdict.outcome == outcome).count() {
            0 => {}
            1 => text.push_str(&format!(", 1 {one}")),
            n => text.push_str(&format!(", {n} {many}")),
        }
    }
    text
}

/// Returns the words for an answer.
fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passes",
        Outcome::Unchanged => "unchanged",
        Outcome::Review => "asks for review",
        Outcome::Block => "blocks",
        Outcome::Undecided => "could not decide",
    }
}

fn painted(outcome: Outcome, paint: Paint) -> String {
    let words = words(outcome);
    match outcome {
        Outcome::Pass => paint.good(words),
        Outcome::Unchanged => paint.dim(words),
        Outcome::Review => paint.warn(words),
        Outcome::Block | Outcome::Undecided => paint.bad(words),
    }
}

/// Writes every gate's answer with what was measured.
pub fn verdicts_text(verdicts: &[Verdict], paint: Paint) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let limit =
            if verdict.limit.is_empty() { String::new() } else { format!(" ({})", line(&verdict.limit)) };
        let _ = writeln!(
            text,
            "  {:<16} {}: {}{}",
            line(&verdict.gate),
            painted(verdict.outcome, paint),
            line(&verdict.measured),
            paint.dim(&limit)
        );
    }
    text
}

/// How much is told of each gate that stands in the way.
#[derive(Clone, Copy)]
struct Depth {
    /// How many places.
    findings: usize,
    /// How many lines of its limit.
    limit: usize,
    /// Whether an empty line goes before each gate.
    is_airy: bool,
}

impl Depth {
    const WHOLE: Self = Self { findings: usize::MAX, limit: usize::MAX, is_airy: true };
    /// What is tried in turn until it fits.
    const TRIED: [Self; 6] = [
        Self { findings: FINDINGS_SHOWN, limit: LIMIT_LINES, is_airy: true },
        Self { findings: FINDINGS_SHOWN, limit: LIMIT_LINES, is_airy: false },
        Self { findings: 2, limit: 1, is_airy: false },
        Self { findings: 1, limit: 1, is_airy: false },
        Self { findings: 0, limit: 1, is_airy: false },
        Self { findings: 0, limit: 0, is_airy: false },
    ];
}

/// Writes what stands in the way of a run, worst first, in at most `room` lines unless everything is
/// asked for.
pub(super) fn standing_text(verdicts: &[Verdict], run: &RunId, screen: &Screen, room: usize) -> String {
    let mut standing: Vec<&Verdict> = verdicts.iter().filter(|v| v.outcome > Outcome::Unchanged).collect();
    standing.sort_by_key(|verdict| Reverse(verdict.outcome));
    let told = |depth: Depth| -> Vec<String> {
        let mut lines = Vec::new();
        for (at, verdict) in standing.iter().enumerate() {
            if at == 0 || depth.is_airy {
                lines.push(String::new());
            }
            lines.extend(gate_lines(verdict, run, screen, depth));
        }
        if depth.findings == 0 {
            lines.push(format!("  {}", screen.paint.dim(&format!("the places: dreamrun show {run} -v"))));
        }
        lines
    };
    let mut lines = match screen.is_whole {
        true => told(Depth::WHOLE),
        false => {
            let [.., least] = Depth::TRIED;
            let fits = Depth::TRIED.into_iter().map(told).find(|lines| lines.len() <= room);
            fits.unwrap_or_else(|| told(least))
        }
    };
    if !screen.is_whole && lines.len() > room {
        // The first line is empty, and the last says how many are left out.
        let shown = room.saturating_sub(2).max(1);
        let rest = standing.len().saturating_sub(shown);
        lines.truncate(shown + 1);
        lines.push(format!(
            "  {}",
            screen.paint.dim(&format!("and {rest} more gates: dreamrun show {run} -v"))
        ));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn gate_lines(verdict: &Verdict, run: &RunId, screen: &Screen, depth: Depth) -> Vec<String> {
    let paint = screen.paint;
    let gate = line(&verdict.gate);
    let head = gate.chars().count() + words(verdict.outcome).chars().count() + 5;
    let measured = line(&verdict.measured);
    let measured =
        if screen.is_whole { measured.into() } else { cut(&measured, WIDTH - head.min(WIDTH / 2)) };
    let mut lines = vec![format!("  {} {}: {measured}", paint.bold(&gate), painted(verdict.outcome, paint))];
    let limit = limit(verdict, screen);
    if depth.limit > 0 && !limit.is_empty() {
        lines.extend(
            wrapped(&limit, WIDTH - 4, depth.limit).iter().map(|part| format!("    {}", paint.dim(part))),
        );
    }
    let shown = depth.findings.min(verdict.findings.len());
    for finding in &verdict.findings[..shown] {
        lines.push(format!("    {}", place_and_note(finding, screen.is_whole)));
    }
    let rest = verdict.findings.len() - shown;
    if rest > 0 && depth.findings > 0 {
        let more = match verdict.findings.len() > FINDINGS_LIMIT {
            // The last one counts those that were not kept.
            true => format!("and more than {}: dreamrun show {run} -v", rest - 1),
            false => format!("and {rest} more: dreamrun show {run} -v"),
        };
        lines.push(format!("    {}", paint.dim(&more)));
    }
    lines
}

/// Writes the limit a gate was held against, and where it is set.
fn limit(verdict: &Verdict, screen: &Screen) -> String {
    let limit = line(&verdict.limit);
    let Some(places) = &screen.set_at else { return limit };
    match (places.get(&verdict.gate), limit.as_str()) {
        (Some(place), "") => format!("set at {}", line(place)),
        (Some(place), _) => format!("{}: {limit}", line(place)),
        (None, "") => String::new(),
        (None, _) => format!("by default: {limit}"),
    }
}

fn place_and_note(finding: &Finding, is_whole: bool) -> String {
    let note = line(&finding.note);
    let Some(path) = &finding.path else {
        return if is_whole { note } else { cut(&note, WIDTH - 4).into_owned() };
    };
    let at = finding.line.map_or_else(String::new, |line| format!(":{line}"));
    let path = line(path.as_str());
    if is_whole {
        return format!("{path}{at}: {note}");
    }
    // Of a long path the end says most.
    let room = (WIDTH - 6 - at.len()).saturating_sub(note.chars().count()).max(PLACE_WIDTH);
    let length = path.chars().count();
    let path = match length > room {
        true => format!("…{}", path.chars().skip(length + 1 - room).collect::<String>()),
        false => path,
    };
    cut(&format!("{path}{at}: {note}"), WIDTH - 4).into_owned()
}
