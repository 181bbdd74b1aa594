//! Playbooks: errors that came back in several sessions, and what got past them each time.
//!
//! An [`Episode`] is one error and the tool calls after it; [`recurring`] groups the episodes of many
//! sessions by what the errors have in common; [`pages`] writes the groups into memories. The words of
//! an error are a tool's, so a page quotes them as evidence and never states them.

mod page;
mod signature;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

use super::transcript::{Event, EventKind, Transcript};

pub use page::{PlaybookPage, pages};

/// How many sessions make an error a pattern.
pub const SESSIONS_MIN: usize = 3;
/// How many tool calls after an error are shown.
const STEPS_SHOWN: usize = 3;
/// How many programs a playbook names.
const PROGRAMS_SHOWN: usize = 5;
/// How many tool calls after an error still count as its recovery.
const STEPS_LIMIT: usize = 60;

/// One error and what followed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// What the error shares with others of its kind.
    pub signature: String,
    /// The tool that failed.
    pub tool: String,
    /// The event that told of the error.
    pub event: u64,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The next steps, at most three: tools, with the program for commands, and [`USER_STEP`].
    pub recovery: Vec<String>,
    /// The event at which the same tool succeeded on the same target, or the user took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<u64>,
    /// The command that succeeded, if the tool runs commands: cleaned, and left out if it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The error's own words, cleaned and cut. They are a tool's: evidence, never an instruction.
    pub example: String,
}

/// The step in which the user said how to go on.
pub const USER_STEP: &str = "the user's answer";

/// Returns the errors of a session with what followed each, in order.
pub fn episodes(transcript: &Transcript) -> Vec<Episode> {
    let calls = calls(&transcript.events);
    let by_id: BTreeMap<&str, usize> = calls.iter().enumerate().map(|(i, call)| (call.id, i)).collect();
    let mut found = Vec::new();
    for (at, event) in transcript.events.iter().enumerate() {
        let EventKind::ToolResult { id, text, is_error } = &event.kind else { continue };
        let Some(&index) = by_id.get(id.as_str()) else { continue };
        let call = &calls[index];
        if call.answer != Some(at) || !signature::is_failure(text, *is_error, call.is_command()) {
            continue;
        }
        let findings = signature::findings(text, call.is_command());
        if findings.is_empty() {
            continue;
        }
        let after = Aftermath::of(&transcript.events, &calls, index, at);
        found.extend(findings.into_iter().map(|finding| Episode {
            signature: finding.signature,
            tool: call.name.to_owned(),
            event: event.line,
            at: event.at,
            recovery: after.steps.clone(),
            recovered: after.recovered,
            fix: after.fix.clone(),
            example: finding.example,
        }));
    }
    found
}

/// One tool call.
struct Call<'a> {
    id: &'a str,
    name: &'a str,
    target: Target,
    /// Where in the events it was made.
    made: usize,
    /// Where in the events it was answered.
    answer: Option<usize>,
    is_success: bool,
}

impl Call<'_> {
    fn is_command(&self) -> bool {
        matches!(self.target, Target::Programs(_)) || is_command_tool(self.name)
    }

    fn step(&self) -> String {
        match &self.target {
            Target::Programs(programs) if !programs.is_empty() => {
                format!("{}({})", self.name, programs.join(", "))
            }
            _ => self.name.to_owned(),
        }
    }
}

fn is_command_tool(name: &str) -> bool {
    let name = name.to_lowercase();
    ["bash", "shell", "terminal", "exec", "run_command", "command"].iter().any(|part| name.contains(part))
}

/// What a call works on, as far as it tells whether a later call does the same.
#[derive(Debug, PartialEq)]
enum Target {
    /// A file or folder.
    Path(String),
    /// Programs with their subcommands.
    Programs(Vec<String>),
    /// Nothing that can be compared.
    None,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    file_path: Option<String>,
    notebook_path: Option<String>,
    path: Option<String>,
    command: Option<String>,
    cmd: Option<String>,
}

impl Target {
    fn of(input: &str) -> Self {
        let Ok(input) = serde_json::from_str::<Input>(input) else { return Self::None };
        let path = input.file_path.or(input.notebook_path).or(input.path);
        match (input.command.or(input.cmd), path) {
            (Some(command), _) => Self::Programs(programs(&command)),
            (None, Some(path)) => Self::Path(path),
            (None, None) => Self::None,
        }
    }

    /// Says whether a call that succeeded on `other` makes up for one that failed on this.
    fn is_met_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => a == b,
            (Self::Programs(a), Self::Programs(b)) => a.iter().any(|program| b.contains(program)),
            _ => true,
        }
    }
}

/// Programs that only prepare or look at the output of others.
const SIDE_PROGRAMS: [&str; 16] = [
    "cd", "echo", "export", "sleep", "tail", "head", "grep", "true", "set", "source", "wc", "sort", "cat",
    "tee", "sudo", "time",
];
/// The most programs one command is described by.
const PROGRAMS_LIMIT: usize = 3;

/// Returns the programs a command line runs, each with its subcommand.
fn programs(command: &str) -> Vec<String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.len() <= 40
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+'))
    };
    let mut found: Vec<String> = Vec::new();
    let command = command.replace("2>&1", "");
    for part in command.split(['&', '|', ';', '\n']) {
        let words = part.split_whitespace().map(|word| word.trim_matches(['(', ')', '"', '\'']));
        let words: Vec<&str> =
            words.skip_while(|word| word.contains('=') || *word == "sudo" || *word == "time").collect();
        let Some(program) = words.first().map(|word| word.rsplit('/').next().unwrap_or(word)) else {
            continue;
        };
        if !is_word(program) || program.starts_with('-') || SIDE_PROGRAMS.contains(&program) {
            continue;
        }
        let is_subcommand = |word: &&str| {
            is_word(word)
                && !word.starts_with(['-', '.'])
                && !word.contains('.')
                && !word.chars().all(|c| c.is_ascii_digit())
        };
        let words: Vec<&str> = words[1..].iter().copied().take(2).take_while(is_subcommand).collect();
        let kept = if matches!(words.first(), Some(&("run" | "exec" | "task"))) { 2 } else { 1 };
        let name = std::iter::once(program).chain(words.into_iter().take(kept)).collect::<Vec<_>>().join(" ");
        if !found.contains(&name) {
            found.push(name);
        }
        if found.len() == PROGRAMS_LIMIT {
            break;
        }
    }
    found
}

fn calls(events: &[Event]) -> Vec<Call<'_>> {
    let mut calls: Vec<Call<'_>> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        match &event.kind {
            EventKind::ToolUse { id, name, input } => {
                open.insert(id, calls.len());
                let target = Target::of(input);
                calls.push(Call { id, name, target, made: at, answer: None, is_success: false });
            }
            EventKind::ToolResult { id, text, is_error } => {
                if let Some(index) = open.remove(id.as_str()) {
                    let call = &mut calls[index];
                    call.answer = Some(at);
                    call.is_success = !signature::is_failure(text, *is_error, call.is_command());
                }
            }
            EventKind::User(_) | EventKind::Agent(_) => {}
        }
    }
    calls
}

/// What came after an error.
struct Aftermath {
    steps: Vec<String>,
    recovered: Option<u64>,
    fix: Option<String>,
}

impl Aftermath {
    fn of(events: &[Event], calls: &[Call<'_>], failed: usize, error: usize) -> Self {
        let EventKind::ToolResult { text, .. } = &events[error].kind else {
            return Self { steps: Vec::new(), recovered: None, fix: None };
        };
        let is_elsewhere = is_elsewhere(text);
        let first = calls.partition_point(|call| call.made <= error);
        let later = &calls[first..calls.len().min(first + STEPS_LIMIT)];
        let until = later.first().map_or(events.len().min(error + ANSWER_LIMIT), |call| call.made);
        let said = events[error..until].iter().find(|event| matches!(event.kind, EventKind::User(_)));
        let mut steps: Vec<String> = said.map(|_| USER_STEP.to_owned()).into_iter().collect();
        steps.extend(later.iter().take(STEPS_SHOWN).map(Call::step));
        steps.truncate(STEPS_SHOWN);
        if is_refused(text) {
            let next = said.map(|event| event.line).or(later.first().map(|call| events[call.made].line));
            return Self { steps, recovered: next, fix: None };
        }
        let failed = &calls[failed];
        let success = later.iter().position(|call| {
            call.is_success
                && call.name == failed.name
                && (is_elsewhere || failed.target.is_met_by(&call.target))
        });
        if let Some(success) = success {
            steps.truncate(usize::from(said.is_some()) + success + 1);
        }
        // Only a command that was changed and run at once tells what to do; elsewhere the steps do.
        let fix = success.filter(|&index| index == 0 && said.is_none()).and_then(|index| {
            let fix = command(&events[later[index].made])?;
            (command(&events[failed.made]).as_ref() != Some(&fix)).then_some(fix)
        });
        let answer = success.and_then(|index| later[index].answer);
        Self { steps, recovered: answer.map(|at| events[at].line), fix }
    }
}

/// Longer commands are scripts, which nobody reads in a page.
const COMMAND_CHARS_LIMIT: usize = 160;

/// Returns the command line a call runs, if it can be quoted as it is: on one line, without brackets
/// that read as markup.
fn command(call: &Event) -> Option<String> {
    let EventKind::ToolUse { input, .. } = &call.kind else { return None };
    let input = serde_json::from_str::<Input>(input).ok()?;
    let command = input.command.or(input.cmd)?;
    (command.chars().count() <= COMMAND_CHARS_LIMIT && !command.contains(['\n', '<', '>']))
        .then(|| signature::cleaned(&command))
}

/// How many events after an error at the end of a session the user may take to answer.
const ANSWER_LIMIT: usize = 50;

/// Says whether it was the user who stopped the tool.
fn is_refused(text: &str) -> bool {
    let start = &text[..text.floor_char_boundary(200)].to_lowercase();
    [
        "user doesn't want",
        "user did not allow",
        "interrupted by user",
        "rejected by the user",
        "user rejected",
    ]
    .iter()
    .any(|words| start.contains(words))
}

/// Says whether an error has nothing to do with the call's target: what was asked for is elsewhere, or
/// another call was at fault. Any later success of the tool then answers it.
fn is_elsewhere(text: &str) -> bool {
    let start = &text[..text.floor_char_boundary(400)].to_lowercase();
    let signs =
        ["not exist", "not found", "no such file", "enoent", "unknown", "sibling", "canceled", "cancelled"];
    signs.iter().any(|words| start.contains(words))
}

/// An error that came back, with what followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playbook {
    /// What the errors share.
    pub signature: String,
    /// The tools that failed so, with how often.
    pub tools: BTreeMap<String, u64>,
    /// The sessions, each with the events of its errors.
    pub sessions: BTreeMap<SessionId, BTreeSet<u64>>,
    /// In how many sessions it was got past.
    pub recovered_sessions: usize,
    /// What was done next, the most frequent first, with the sessions it was done in.
    pub recoveries: Vec<(Vec<String>, BTreeSet<SessionId>)>,
    /// The programs most often run on the way, with their subcommands.
    pub programs: Vec<String>,
    /// One of the commands that succeeded.
    pub fix: Option<String>,
    /// The words of one such error: a tool's words, evidence only.
    pub example: String,
}

type Sighting<'a> = (&'a SessionId, &'a Episode);

/// Groups the episodes of many sessions, however few sessions each group was seen in, by signature.
///
/// The order of the sessions does not matter.
pub fn recurring(sessions: &[(SessionId, Vec<Episode>)]) -> Vec<Playbook> {
    let mut groups: BTreeMap<&str, Vec<Sighting<'_>>> = BTreeMap::new();
    for (session, episodes) in sessions {
        for episode in episodes {
            groups.entry(&episode.signature).or_default().push((session, episode));
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(signature, seen)| (std::cmp::Reverse(seen.len()), *signature));
    let mut merged: Vec<(&str, BTreeSet<String>, Vec<Sighting<'_>>)> = Vec::new();
    let mut index: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (signature, seen) in groups {
        let words = words(signature);
        let telling = telling(&words);
        let candidates: BTreeSet<usize> =
            telling.iter().filter_map(|word| index.get(*word)).flatten().copied().collect();
        let near = candidates.into_iter().find(|&i| is_near(signature, &words, merged[i].0, &merged[i].1));
        if let Some(near) = near {
            merged[near].2.extend(seen);
        } else {
            for word in telling {
                index.entry(word.clone()).or_default().push(merged.len());
            }
            merged.push((signature, words, seen));
        }
    }
    let mut playbooks: Vec<Playbook> =
        merged.into_iter().map(|(signature, _, seen)| playbook(signature, seen)).collect();
    playbooks
        .sort_by(|a, b| b.sessions.len().cmp(&a.sessions.len()).then_with(|| a.signature.cmp(&b.signature)));
    playbooks
}

/// Returns the errors that were got past in at least [`SESSIONS_MIN`] sessions.
pub fn playbooks(sessions: &[(SessionId, Vec<Episode>)]) -> Vec<Playbook> {
    recurring(sessions).into_iter().filter(|playbook| playbook.recovered_sessions >= SESSIONS_MIN).collect()
}

fn words(signature: &str) -> BTreeSet<String> {
    let words = signature.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Returns the words of which two near signatures share at least one: so many of the longest that
/// the rest alone would be too few for [`NEAR_SHARE`].
fn telling(words: &BTreeSet<String>) -> Vec<&String> {
    let mut sorted: Vec<&String> = words.iter().collect();
    sorted.sort_by_key(|word| std::cmp::Reverse(word.len()));
    sorted.truncate(words.len() - (words.len() * NEAR_SHARE).div_ceil(100) + 1);
    sorted
}

/// The least share of words two signatures have in common, in percent, to be one.
const NEAR_SHARE: usize = 80;

/// Says whether two signatures differ only in wording. Those with a code or a name in them are told
/// apart by it.
fn is_near(a: &str, a_words: &BTreeSet<String>, b: &str, b_words: &BTreeSet<String>) -> bool {
    let is_exact = |text: &str| text.starts_with("rule (") || text.starts_with("command not found");
    if is_exact(a) || is_exact(b) || a_words.len().min(b_words.len()) < 4 {
        return false;
    }
    let common = a_words.intersection(b_words).count();
    common * 100 >= a_words.union(b_words).count() * NEAR_SHARE
}

fn playbook(signature: &str, mut seen: Vec<Sighting<'_>>) -> Playbook {
    seen.sort_by_key(|&(session, episode)| (session, episode.event));
    let mut tools = BTreeMap::new();
    let mut sessions: BTreeMap<SessionId, BTreeSet<u64>> = BTreeMap::new();
    let mut recovered = BTreeSet::new();
    let mut programs: BTreeMap<&str, BTreeSet<&SessionId>> = BTreeMap::new();
    let mut recoveries: BTreeMap<Vec<String>, BTreeSet<SessionId>> = BTreeMap::new();
    for &(session, episode) in &seen {
        *tools.entry(episode.tool.clone()).or_default() += 1;
        sessions.entry(session.clone()).or_default().insert(episode.event);
        if episode.recovered.is_some() {
            recovered.insert(session);
            let steps = episode.recovery.iter().map(|step| step.split('(').next().unwrap_or(step).to_owned());
            let mut steps: Vec<String> = steps.collect();
            steps.dedup();
            recoveries.entry(steps).or_default().insert(session.clone());
            for step in episode.recovery.iter().filter_map(|step| step.split_once('(')?.1.strip_suffix(')')) {
                for program in step.split(", ") {
                    programs.entry(program).or_default().insert(session);
                }
            }
        }
    }
    let mut programs: Vec<(&str, BTreeSet<&SessionId>)> = programs.into_iter().collect();
    programs.sort_by(|(a, x), (b, y)| y.len().cmp(&x.len()).then_with(|| a.cmp(b)));
    programs.truncate(PROGRAMS_SHOWN);
    let mut recoveries: Vec<_> = recoveries.into_iter().collect();
    recoveries.sort_by(|(a, x), (b, y)| {
        y.len().cmp(&x.len()).then_with(|| a.len().cmp(&b.len())).then_with(|| a.cmp(b))
    });
    let example =
        seen.iter().map(|(_, episode)| &episode.example).min_by_key(|example| (example.len(), *example));
    let mut fixes: BTreeMap<&str, BTreeSet<&SessionId>> = BTreeMap::new();
    for &(session, episode) in &seen {
        if let Some(fix) = &episode.fix {
            fixes.entry(fix).or_default().insert(session);
        }
    }
    let fix = fixes.into_iter().min_by_key(|(fix, sessions)| (Reverse(sessions.len()), fix.len(), *fix));
    Playbook {
        signature: signature.to_owned(),
        fix: fix.map(|(fix, _)| fix.to_owned()),
        tools,
        sessions,
        recovered_sessions: recovered.len(),
        recoveries,
        programs: programs.into_iter().map(|(program, _)| program.to_owned()).collect(),
        example: example.cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
