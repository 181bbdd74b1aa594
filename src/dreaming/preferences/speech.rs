//! Speech: the sentences of a user's turn that are the person's own words.
//!
//! People paste plans, logs, reviews and code into their turns. None of that is something they said,
//! so it is cut away before anything is taken for a preference.

/// Words at the end of a line that announce something pasted below it.
const ANNOUNCED: [&str; 12] = [
    "feedback",
    "error",
    "errors",
    "log",
    "logs",
    "output",
    "comment",
    "comments",
    "trace",
    "stacktrace",
    "plan",
    "transcript",
];

/// Returns the lines a person wrote, without list markers, up to the first heading or announced paste.
pub(super) fn lines(turn: &str) -> Vec<&str> {
    let mut said = Vec::new();
    let mut fence: Option<&str> = None;
    for raw in turn.lines() {
        let line = raw.trim();
        let mark = ["```", "~~~", "\"\"\""].into_iter().find(|mark| line.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => {
                let closes_at_once = line.len() > mark.len() && line[mark.len()..].contains(mark);
                fence = (!closes_at_once).then_some(mark);
            }
            (None, None) if is_heading(line) => break,
            (None, None) => {
                if is_speech(raw, line) {
                    said.push(unmarked(line));
                }
                if announces(line) {
                    break;
                }
                // A fence opened at the end of a line of speech.
                fence = ["```", "\"\"\""].into_iter().find(|mark| line.matches(mark).count() % 2 == 1);
            }
        }
    }
    said
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && rest.starts_with(' ')
}

fn announces(line: &str) -> bool {
    let Some(before) = line.strip_suffix(':') else { return false };
    let words = before.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.into_iter().any(|word| ANNOUNCED.contains(&word.as_str()))
}

/// Says whether a line reads as speech rather than as code, a log, a quotation or a table.
fn is_speech(raw: &str, line: &str) -> bool {
    let is_indented = raw.starts_with("    ") || raw.starts_with('\t');
    let first = line.chars().next().unwrap_or(' ');
    let is_code =
        matches!(first, '>' | '|' | '$' | '%' | '<' | '{' | '}' | '[' | ']' | '@' | '+' | '=' | ';' | '/')
            || line.ends_with(['{', '}', ';', '\\'])
            || line.starts_with("//")
            || line.contains("=>")
            || line.contains("::")
            || line.contains("==")
            || line.contains("():");
    let is_log = first.is_ascii_digit()
        && line.split_whitespace().next().is_some_and(|w| w.matches([':', '-']).count() >= 2)
        || line.chars().any(|c| matches!(c, '⎿' | '❯' | '⏺' | '●' | '│' | '\u{1b}'))
        || ["--- ", "ERROR", "WARN", "INFO", "Traceback", "at ", "Exit code"]
            .iter()
            .any(|s| line.starts_with(s));
    let letters = line.chars().filter(|c| c.is_alphabetic() || c.is_whitespace()).count();
    let is_prose = letters * 100 >= line.chars().count() * PROSE_SHARE;
    !line.is_empty() && !is_indented && !is_code && !is_log && is_prose
}

/// The least share of letters and spaces, in percent, of a line of prose.
const PROSE_SHARE: usize = 60;

/// Returns a line without its list marker.
fn unmarked(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered =
        (rest.len() < line.len()).then(|| rest.strip_prefix(". ").or(rest.strip_prefix(") "))).flatten();
    let bullet = ["- ", "* ", "• "].iter().find_map(|mark| line.strip_prefix(mark));
    numbered.or(bullet).unwrap_or(line).trim_start()
}

/// Ends of words whose full stop ends no sentence.
const ABBREVIATIONS: [&str; 8] = ["e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "no.", "dr."];

/// Cuts a line into sentences. Full stops within code spans, quotations, names and numbers cut nothing.
pub(super) fn sentences(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut is_code = false;
    let mut rest = line.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let end = at + c.len_utf8();
        match c {
            '`' => is_code = !is_code,
            '.' | '!' | '?' if !is_code => {
                let is_end = rest.peek().is_none_or(|&(_, next)| next.is_whitespace());
                let so_far = &line[start..end];
                let word = so_far.rsplit(char::is_whitespace).next().unwrap_or(so_far).to_lowercase();
                if is_end && !ABBREVIATIONS.contains(&word.trim_start_matches('(')) {
                    found.push(so_far.trim());
                    start = end;
                }
            }
            _ => {}
        }
    }
    found.push(line[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_is_not_speech() {
        let turn = "Use tabs.\n```\nalways in a fence\n```\n> always quoted\n    always indented\n\
                    2026-02-13T08:45:11 always logged\nerr := always();\n- never skip tests\n\
                    evaluate this feedback from the bot:\nalways pasted\n";
        assert_eq!(lines(turn), ["Use tabs.", "never skip tests", "evaluate this feedback from the bot:"]);
        assert_eq!(lines("Implement this.\n\n# Plan\nAlways obey."), ["Implement this."]);
        assert_eq!(lines("see \"\"\"\nalways\n\"\"\"\nok then"), ["ok then"]);
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(
            sentences("Use v1.2, e.g. `a. b`. Never push! Why?  Because a.b is fine"),
            ["Use v1.2, e.g. `a. b`.", "Never push!", "Why?", "Because a.b is fine"]
        );
    }
}
