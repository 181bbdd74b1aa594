//! Preferences: what a person told the agent to keep to, taken from what they said and nothing else.
//!
//! A lesson changes memory for all later sessions, so a missed one costs less than a wrong one. A
//! sentence counts only if its form says that it holds beyond the task at hand ("always", "from now
//! on", "use X instead of Y"), it stands on its own, and nothing in it ties it to the moment.

mod speech;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::dream::EventRef;
use crate::memory::is_hidden;

use super::transcript::{EventKind, Transcript};

/// What a lesson is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LessonKind {
    /// The agent had something wrong.
    Correction,
    /// How the person wants things done.
    Preference,
    /// How things are.
    Fact,
}

/// One thing a person told the agent that outlasts the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// What it is.
    pub kind: LessonKind,
    /// A sentence that stands on its own. A line the person dictated ("it now reads: …") is verbatim.
    pub statement: String,
    /// What the statement takes the place of, where the person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Where it was said.
    pub event: EventRef,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The longest sentence that is taken for a lesson, in characters.
pub const STATEMENT_CHARS_LIMIT: usize = 300;
/// The longest dictated line, in characters: it replaces a line of a memory, whatever its length.
const DICTATED_CHARS_LIMIT: usize = 4_000;
/// The longest turn that is looked at, in bytes. Nobody types more.
const TURN_BYTES_LIMIT: usize = 64 * 1024;

/// Returns what a session's user said that is worth remembering, in order, without repeats.
pub fn mine(transcript: &Transcript) -> Vec<Lesson> {
    let mut seen = BTreeSet::new();
    let mut lessons = Vec::new();
    for event in &transcript.events {
        let EventKind::User(turn) = &event.kind else { continue };
        if turn.len() > TURN_BYTES_LIMIT {
            continue;
        }
        for found in lessons_of(turn) {
            if seen.insert(found.statement.to_lowercase()) {
                lessons.push(Lesson {
                    kind: found.kind,
                    statement: found.statement,
                    replaces: found.replaces,
                    event: EventRef { session: transcript.session.clone(), event: event.line },
                    at: event.at,
                });
            }
        }
    }
    lessons
}

#[derive(Debug, PartialEq)]
struct Found {
    kind: LessonKind,
    statement: String,
    replaces: Option<String>,
}

fn lessons_of(turn: &str) -> Vec<Found> {
    let dictated: Vec<Found> = turn.lines().filter_map(dictation).collect();
    if !dictated.is_empty() {
        return dictated;
    }
    speech::lines(turn).into_iter().flat_map(speech::sentences).filter_map(lesson).collect()
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("a constant pattern, compiled by the tests"));
    };
}

pattern!(
    DICTATION,
    r"(?i)^(?:.*[.!:,]\s+)?(?:it|this|that|the (?:line|entry|note|rule|memory|text|sentence)|(?:the|our) [\w-]+ (?:line|entry|note|rule)) (?:now|should now|should) (?:reads?|says?)\s*:\s*(\S.*)$"
);

/// Reads "… It now reads: <line>", which gives a line word for word.
fn dictation(line: &str) -> Option<Found> {
    if line.len() > DICTATED_CHARS_LIMIT * 4 || line.starts_with("    ") || line.starts_with('>') {
        return None;
    }
    let statement = DICTATION.captures(line)?.get(1)?.as_str().trim_end();
    let is_clean = statement.chars().count() <= DICTATED_CHARS_LIMIT && !statement.chars().any(is_hidden);
    is_clean.then(|| Found { kind: LessonKind::Fact, statement: statement.to_owned(), replaces: None })
}

pattern!(
    LEAD_IN,
    r"(?i)^(?:(?:ok(?:ay)?|great|thanks|thank you|perfect|nice|cool|hey|hi|hmm+|sorry|yes|yeah|yep|right|sure|well|so|and|but|also|please|pls|btw|by the way|one (?:more )?thing|one last thing|note|important|reminder|for the record|fyi|in general|generally|again|oh|i said|as i said|like i said)\b[\s,;:.!–—-]*)+"
);
pattern!(
    NO,
    r"(?i)^(?:no|nope|wrong|not quite|that(?:'s| is) (?:wrong|not right|incorrect))\b\s*[,;:.!–—-]+\s*"
);
pattern!(ACTUALLY, r"(?i)^actually\b[\s,]*");

/// Words that ask rather than tell.
const QUESTION_STARTS: [&str; 32] = [
    "can", "could", "would", "will", "should", "shall", "do", "does", "did", "is", "are", "was", "were",
    "has", "have", "what", "why", "how", "when", "where", "which", "who", "whose", "may", "might", "am",
    "isn't", "aren't", "doesn't", "didn't", "can't", "couldn't",
];

// What ties a sentence to the moment it was said in.
pattern!(
    MOMENTARY,
    r"(?ix)
    \b(?: for \s (?:this|the \s current|that) \s (?:\w+\s)? (?:pr|task|session|commit|branch|file|change|one|run|test|release|review|bug|feature|issue|ticket|case|step|time|moment|conversation|chat|week|sprint)
        | (?:in|on|with) \s (?:this|that|the \s current) \s (?:pr|task|session|commit|branch|file|change|one|case|step|function|method|test|line|class|review|conversation|chat|ticket|issue)
        | this \s (?:time|once|one|week|morning|afternoon|evening)
        | for \s now | right \s now | just \s (?:once|now|this|for) | at \s the \s moment | for \s the \s moment
        | yet | today | tonight | tomorrow | yesterday | temporarily | meanwhile | later
        | until | till | first \s thing | so \s far | as \s well \s now | before \s (?:you|we|i|doing|continuing|committing|merging)
        | (?:i|we) \s (?:think|guess|wonder|suppose|thought|tried|noticed|saw)
        | not \s sure | maybe | perhaps | let \s me | what \s if | did(?:n't)? | hadn't
        | (?:the|an?) \s (?:error|warning|log|test|output|build|ci|script|code) \s (?:is|was|says|said|always|never)
    )\b"
);
// What points at something that only the conversation shows. "This project" and the like are fine.
pattern!(
    POINTING,
    r"(?ix)
    \b(?: these | those | above | below | here | again | the \s (?:former|latter|first|second|last|other) \s one
        | (?:option|number|step|point|item) \s \#?\d
        | (?:do|does|did|doing|done|like|of|to|with|about|for|that|this|it) \s (?:that|it)
        | (?:use|run|add|call|write|put|do|make|keep|remove|delete|change|say|mention|commit|push|prefer|fix|ignore|try|need|want|see) \s (?:that|it|this|them|one|all|both)
        | that \s (?:one|way|file|test|function|method|class|part|thing|line|change|approach|word|message|name)
        | way \s too
    )\b"
);
pattern!(THIS, r"(?i)\bthis\b(?:\s+(\w+))?");
/// What "this" may point at and still mean the same in the next session.
const LASTING_PLACES: [&str; 13] = [
    "project",
    "repo",
    "repository",
    "codebase",
    "workspace",
    "team",
    "company",
    "organisation",
    "organization",
    "service",
    "app",
    "application",
    "account",
];

/// Reads one sentence.
fn lesson(sentence: &str) -> Option<Found> {
    if sentence.chars().count() > STATEMENT_CHARS_LIMIT
        || sentence.ends_with(['?', ':', ','])
        || sentence.contains("...")
    {
        return None;
    }
    let text = LEAD_IN.replace(sentence, "");
    let (is_no, text) = match NO.find(&text) {
        Some(no) => (true, text[no.end()..].trim()),
        None => (false, text.trim()),
    };
    let (is_actually, text) = match ACTUALLY.find(text) {
        Some(actually) => (true, text[actually.end()..].trim()),
        None => (false, text),
    };
    let text = LEAD_IN.replace(text, "");
    let text = text.trim_end_matches(['.', '!', ' ']);
    let first =
        text.split(|c: char| !(c.is_alphanumeric() || c == '\'')).next().unwrap_or_default().to_lowercase();
    let is_question = QUESTION_STARTS.contains(&first.as_str())
        && !(first == "do" && is_negated(text))
        && !text.to_lowercase().starts_with("have in mind");
    if is_question || text.is_empty() || text.chars().any(is_hidden) {
        return None;
    }
    let said = RULES
        .iter()
        .find_map(|rule| rule(text))
        .or_else(|| (is_no || is_actually).then(|| value(text)).flatten())?;
    let is_tied = MOMENTARY.is_match(&said.scope)
        || POINTING.is_match(&said.statement)
        || points_at_this(&said.statement);
    if is_tied || said.statement.split_whitespace().count() < 2 {
        return None;
    }
    let kind = if is_no || is_actually { LessonKind::Correction } else { said.kind };
    let statement = finished(&said.statement)?;
    Some(Found { kind, statement, replaces: said.replaces.as_deref().and_then(replaced) })
}

fn is_negated(text: &str) -> bool {
    let start = text.get(..7).unwrap_or(text).to_lowercase();
    start.starts_with("do not ")
}

fn points_at_this(statement: &str) -> bool {
    THIS.captures_iter(statement).any(|found| {
        !found.get(1).is_some_and(|word| LASTING_PLACES.contains(&word.as_str().to_lowercase().as_str()))
    })
}

/// What a rule made of a sentence.
struct Said {
    kind: LessonKind,
    statement: String,
    replaces: Option<String>,
    /// The text in which a tie to the moment is looked for.
    scope: String,
}

impl Said {
    fn new(kind: LessonKind, statement: impl Into<String>, whole: &str) -> Self {
        Self { kind, statement: statement.into(), replaces: None, scope: whole.to_owned() }
    }

    fn replacing(self, what: &str) -> Self {
        Self { replaces: Some(what.to_owned()), ..self }
    }
}

/// The forms a lesson takes, the surest first.
const RULES: [fn(&str) -> Option<Said>; 9] =
    [from_now_on, remember, changed, instead_of, preferred, standing_order, prohibition, not_but, personal];

pattern!(
    FROM_NOW_ON,
    r"(?i)^(?:from now on|from here on|going forward|from today|in (?:the )?future)\b[\s,:]*(?:please |always |you should |i want you to )?(.+)$"
);
pattern!(NOW_ON_AT_END, r"(?i)^(?:please )?(.+?)[\s,]+(?:from now on|going forward)$");

fn from_now_on(text: &str) -> Option<Said> {
    let rest = FROM_NOW_ON.captures(text).or_else(|| NOW_ON_AT_END.captures(text))?.get(1)?.as_str();
    let inner = instead_of(rest).or_else(|| not_but(rest));
    let replaces = inner.and_then(|said| said.replaces);
    (rest.split_whitespace().count() >= 2)
        .then(|| Said { replaces, ..Said::new(LessonKind::Preference, rest, rest) })
}

pattern!(
    REMEMBER,
    r"(?i)^(?:please )?(?:(?:you (?:should|must) )?(?:always )?remember|keep in mind|have in mind|bear in mind|don['’]?t forget|do not forget|note|memorize|make a note|for future reference)(?:\s*[:,]\s*|\s+that\s+)(.+)$"
);
pattern!(REMEMBER_TO, r"(?i)^(?:please )?(?:always )?remember to (always |never )?(.+)$");
pattern!(
    REMEMBER_WE,
    r"(?i)^(?:please )?remember,? ((?:we|our|the|i|my|all|every|only|use|never|always)\b.+)$"
);

fn remember(text: &str) -> Option<Said> {
    if let Some(found) = REMEMBER.captures(text).or_else(|| REMEMBER_WE.captures(text)) {
        let rest = found.get(1)?.as_str();
        let inner = [instead_of, preferred, standing_order, prohibition, not_but]
            .into_iter()
            .find_map(|rule| rule(rest));
        return Some(inner.unwrap_or_else(|| Said::new(LessonKind::Fact, third_person(rest), rest)));
    }
    let found = REMEMBER_TO.captures(text)?;
    let adverb = found.get(1).map_or("", |m| m.as_str());
    Some(Said::new(LessonKind::Preference, format!("{adverb}{}", &found[2]), text))
}

pattern!(
    IS_NOW,
    r"(?i)^((?:the|our|my|your|all|we|this|`|[A-Z])[^,;:]{0,80}?) (?:is|are|has been|have been) now (.+)$"
);
pattern!(
    NOW_USE,
    r"(?i)^we(?:['’]re| are| have|['’]ve)? (?:now )?(?:now (?:use|run|deploy|build|host|store|keep)|using|(?:switched|moved|migrated|changed) (?:over )?)\b(.+)$"
);
pattern!(
    SWITCHED,
    r"(?i)^(?:(?:the|our|my) .{1,60}? )?(?:we(?:['’]ve| have)? )?(?:has |have |was |were )?(?:switched|moved|migrated|changed|renamed)(?: over)? from (.+?) to (.+)$"
);
pattern!(
    RENAMED,
    r"(?i)^((?:the|our|my|`).{1,60}?) (?:has been|have been|was|were|has|have) (?:renamed|moved|migrated|switched) to (.+)$"
);

fn changed(text: &str) -> Option<Said> {
    if let Some(found) = SWITCHED.captures(text) {
        return is_value(&found[2]).then(|| Said::new(LessonKind::Fact, text, text).replacing(&found[1]));
    }
    if let Some(found) = IS_NOW.captures(text).or_else(|| RENAMED.captures(text)) {
        let subject = found[1].to_lowercase();
        let is_named =
            subject.split_whitespace().count() <= 10 && !["this", "we", "that"].contains(&subject.as_str());
        return (is_named && is_value(&found[2])).then(|| Said::new(LessonKind::Fact, text, text));
    }
    let found = NOW_USE.captures(text)?;
    let is_now = text.to_lowercase().contains(" now ");
    let said = Said::new(LessonKind::Fact, text, text);
    let split = split_instead(found[1].trim());
    (is_now && is_value(found[1].trim())).then(|| match split {
        Some((_, old)) => said.replacing(old),
        None => said,
    })
}

/// Verbs that say how work is done, in which a choice of one thing over another lasts.
const HABIT: &str = r"(?:use|prefer|run|call|write|pick|choose|go with|stick (?:to|with)|import|deploy(?: to| with)?|install|format|store|log|name|return|spell|say|answer|reply|respond|import|target|pin|query|test with|build with|commit to|push to|merge with|indent with)";

pattern!(
    INSTEAD,
    &format!(
        r"(?i)^(?:let['’]?s |we should |you should |you must |you need to |we |i want you to |please |always |should |must )*({HABIT})\s+(.+?),?\s+(?:instead of|rather than|over|in place of)\s+(.+)$"
    )
);
pattern!(
    INSTEAD_FIRST,
    &format!(
        r"(?i)^(?:instead of|rather than)\s+(?:using |running |calling )?(.+?),\s*(?:please |always |you should |let['’]?s )*({HABIT})\s+(.+)$"
    )
);
pattern!(NEW_NOT_OLD, r"(?i)^(.+?),?\s+(?:instead of|rather than)\s+(.+)$");

fn split_instead(text: &str) -> Option<(&str, &str)> {
    let found = NEW_NOT_OLD.captures(text)?;
    Some((found.get(1)?.as_str(), found.get(2)?.as_str()))
}

fn instead_of(text: &str) -> Option<Said> {
    if let Some(found) = INSTEAD_FIRST.captures(text) {
        let statement = format!("{} {} instead of {}", &found[2], &found[3], &found[1]);
        return Some(Said::new(LessonKind::Correction, statement, text).replacing(&found[1]));
    }
    let found = INSTEAD.captures(text)?;
    let is_preference = found[1].eq_ignore_ascii_case("prefer");
    let is_over =
        text.get(found.get(2)?.end()..)?.trim_start_matches([',', ' ']).to_lowercase().starts_with("over ");
    if is_over && !is_preference {
        return None;
    }
    let kind = if is_preference { LessonKind::Preference } else { LessonKind::Correction };
    let from = found.get(1)?.start();
    let we = text[..from].to_lowercase().contains("we ");
    let statement = if we && !text.to_lowercase().starts_with("let") { text } else { &text[from..] };
    Some(Said::new(kind, statement, text).replacing(&found[3]))
}

pattern!(
    I_PREFER,
    r"(?i)^(?:i|we)(?: always| generally| usually| much| really| strongly)* prefer (?:to )?(.+)$"
);
pattern!(OVER, r"(?i)^(.+?),?\s+(?:over|instead of|rather than|to)\s+(.+)$");

fn preferred(text: &str) -> Option<Said> {
    let what = I_PREFER.captures(text)?.get(1)?.as_str();
    let lower = what.to_lowercase();
    let is_choice =
        ["not ", "the ", "if ", "that ", "your ", "a ", "option"].iter().any(|s| lower.starts_with(s));
    let said = Said::new(LessonKind::Preference, third_person(text), text);
    match OVER.captures(what) {
        Some(found) => Some(said.replacing(&found[2])),
        None if is_choice => None,
        None => Some(said),
    }
}

pattern!(
    STANDING,
    r"(?i)^(?:(?:you|we|agents?) (?:should |must |need to |have to |will )?|i (?:want|need|would like|['’]d like|expect) you to |make sure (?:to |you |that you |we )|be sure to |please )?(always|never) (\w[\w'’-]*)\b(.*)$"
);
/// Words after "always" or "never" that tell of something instead of asking for it.
const TELLING: [&str; 18] = [
    "mind", "seen", "been", "was", "were", "is", "are", "had", "has", "did", "does", "worked", "works",
    "fails", "happens", "happened", "actually", "really",
];

fn standing_order(text: &str) -> Option<Said> {
    let found = STANDING.captures(text)?;
    let verb = found[2].to_lowercase();
    let rest = found[3].trim();
    let is_told =
        TELLING.contains(&verb.as_str()) || verb.ends_with("ed") || verb.ends_with("ing") && verb.len() > 5;
    if is_told || rest.is_empty() {
        return None;
    }
    let adverb = found.get(1)?.start();
    let is_we = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("we "));
    let statement = if is_we { text } else { &text[adverb..] };
    let replaces = split_instead(statement).map(|(_, old)| old.to_owned());
    Some(Said { replaces, ..Said::new(LessonKind::Preference, statement, text) })
}

pattern!(
    DONT,
    r"(?i)^(?:please |you should |we |you )*(?:do not|don['’]?t|never|stop|avoid|no longer) (\w+)\s+(.+)$"
);
pattern!(
    DONT_BUT,
    r"(?i)^(?:please )?(?:do not|don['’]?t|stop|avoid) (use|using|run|running|call|calling|write|writing|add|adding|import|importing|deploy|deploying|install|installing|push|pushing|commit|committing) (.+?)\s*[,;–—-]+\s*(?:but |just |please |always |instead,? )*((use|run|call|write|add|import|deploy|install|push|commit|go with|stick to)\s+.+?)(?: instead)?$"
);
/// Verbs whose prohibition outlasts the task when it names what is to be left alone.
const PROHIBITED: [&str; 22] = [
    "use",
    "using",
    "write",
    "writing",
    "import",
    "importing",
    "mock",
    "mocking",
    "hardcode",
    "hardcoding",
    "push",
    "pushing",
    "commit",
    "committing",
    "store",
    "storing",
    "log",
    "logging",
    "deploy",
    "deploying",
    "install",
    "installing",
];

fn prohibition(text: &str) -> Option<Said> {
    if let Some(found) = DONT_BUT.captures(text) {
        return Some(Said::new(LessonKind::Correction, text, text).replacing(&found[2]));
    }
    let found = DONT.captures(text)?;
    let object = found[2].to_lowercase();
    let is_particular = ["the ", "a ", "an ", "my ", "your ", "his ", "anything", "everything"]
        .iter()
        .any(|s| object.starts_with(s));
    let is_lasting =
        PROHIBITED.contains(&found[1].to_lowercase().as_str()) && !is_particular && !text.contains(',');
    let start =
        text.to_lowercase().find(&found[1].to_lowercase()).map(|_| text.trim_start_matches("please "));
    is_lasting.then(|| Said::new(LessonKind::Preference, start.unwrap_or(text), text))
}

pattern!(
    USE_NOT,
    &format!(
        r"(?i)^(?:please |always |you should |we )*({HABIT})\s+(.+?),?\s+(?:and )?(?:not|never)\s+(.+)$"
    )
);
pattern!(
    IS_NOT,
    r"(?i)^((?:it|that|this)(?:['’]s| is)|(?:the|our|my) .{1,60}? (?:is|are|uses?|lives? in|runs? on|goes to|means))\s+(.+?),\s+(?:and )?not\s+(.+)$"
);
/// Words after "not" that begin a clause and not a value.
const CLAUSE: [&str; 14] =
    ["if", "because", "sure", "just", "only", "yet", "you", "when", "that", "what", "to", "so", "me", "it"];

fn not_but(text: &str) -> Option<Said> {
    let found = USE_NOT.captures(text).or_else(|| IS_NOT.captures(text))?;
    let old = &found[3];
    let first = old.split_whitespace().next().unwrap_or_default().to_lowercase();
    let is_short = old.split_whitespace().count() <= 8;
    if CLAUSE.contains(&first.as_str()) || !is_short || !is_value(&found[2]) {
        return None;
    }
    if let Some(plain) = plain_value(text, &found) {
        return Some(Said::new(LessonKind::Correction, plain, text).replacing(old));
    }
    let lower = text.to_lowercase();
    let rest = ["that's ", "that’s ", "that is ", "this is ", "it's ", "it’s "]
        .iter()
        .find_map(|s| lower.starts_with(s).then(|| format!("It is {}", &text[s.len()..])));
    Some(Said::new(LessonKind::Correction, rest.unwrap_or_else(|| text.to_owned()), text).replacing(old))
}

/// Leaves the old value out of "X is V, not W" where V says it all: X is named, and both are figures.
fn plain_value(text: &str, found: &regex::Captures<'_>) -> Option<String> {
    let (subject, new, old) = (&found[1], &found[2], &found[3]);
    let lower = subject.to_lowercase();
    let is_named = ["the ", "our "].iter().any(|start| lower.starts_with(start));
    let is_figure = |value: &str| value.bytes().any(|b| b.is_ascii_digit()) && !value.contains(',');
    (is_named && text.starts_with(subject) && is_figure(new) && is_figure(old))
        .then(|| format!("{subject} {new}"))
}

pattern!(
    PERSONAL,
    r"(?i)^(?:my|our) (?:preferred|favou?rite|default|usual|standard) .{1,60}? (?:is|are) (.+)$"
);
pattern!(CALL_ME, r"(?i)^(?:please )?(?:call me|address me as) \S+(?: \S+)?$");

fn personal(text: &str) -> Option<Said> {
    let is_said = PERSONAL.captures(text).is_some_and(|found| is_value(&found[1])) || CALL_ME.is_match(text);
    is_said.then(|| Said::new(LessonKind::Preference, third_person(text), text))
}

pattern!(
    VALUE,
    r"(?i)^((?:the|our|my) .{1,60}?|we|they) (is|are|uses?|lives? (?:in|at)|runs? (?:on|at)|goes to|deploys? to|stores?) (.+)$"
);

pattern!(THIS_NOT_THAT, r"^((?:\S+ ){0,4}?\S+),\s+not\s+((?:\S+ ?){1,5})$");

/// Reads a plain statement of fact, or "X, not Y"; only asked for when the person set out to correct something.
fn value(text: &str) -> Option<Said> {
    if let Some(found) = THIS_NOT_THAT.captures(text) {
        let first = found[2].split_whitespace().next().unwrap_or_default().to_lowercase();
        let is_choice = is_value(&found[1]) && !CLAUSE.contains(&first.as_str());
        return is_choice.then(|| Said::new(LessonKind::Correction, text, text).replacing(&found[2]));
    }
    let found = VALUE.captures(text)?;
    is_value(&found[3]).then(|| Said::new(LessonKind::Correction, text, text))
}

/// Words that say how something fares, and not what it is.
const STATES: [&str; 38] = [
    "broken", "fine", "ok", "okay", "done", "green", "red", "ready", "clear", "gone", "good", "bad",
    "better", "worse", "wrong", "right", "correct", "not", "no", "in", "too", "very", "so", "still", "also",
    "even", "empty", "slow", "fast", "up", "down", "happy", "able", "there", "here", "perfect", "great",
    "weird",
];

/// Says whether a text names a value rather than a passing state.
fn is_value(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return false };
    let first = first.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let is_named = [
        "called",
        "named",
        "hosted",
        "located",
        "deployed",
        "maintained",
        "owned",
        "stored",
        "scheduled",
        "based",
    ];
    let is_doing = (first.ends_with("ing") || first.ends_with("ed"))
        && first.len() > 4
        && !is_named.contains(&first.as_str());
    !STATES.contains(&first.as_str()) && !is_doing && words.count() < 20
}

/// Makes a sentence about its speaker readable to others.
fn third_person(text: &str) -> String {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    match first.to_lowercase().as_str() {
        "i" => {
            let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let verb = match verb {
                "am" => "is".to_owned(),
                "have" => "has".to_owned(),
                "always" | "generally" | "usually" | "really" | "strongly" | "much" => {
                    return format!(
                        "The user {verb} {}",
                        third_person(&format!("I {rest}")).trim_start_matches("The user ")
                    );
                }
                verb if verb.ends_with("ed")
                    || ["can", "will", "would", "must", "should"].contains(&verb) =>
                {
                    verb.to_owned()
                }
                verb => format!("{verb}s"),
            };
            format!("The user {verb} {rest}")
        }
        "i'm" | "i’m" => format!("The user is {rest}"),
        "my" => format!("The user's {rest}"),
        "call" | "address" if rest.starts_with("me ") => {
            format!("{first} the user {}", rest[3..].trim_start_matches("as "))
        }
        _ => text.to_owned(),
    }
}

/// Cuts what is replaced down to its name.
fn replaced(text: &str) -> Option<String> {
    let end = [
        ", ",
        "; ",
        " because ",
        " since ",
        " when ",
        " for ",
        " in ",
        " as ",
        " unless ",
        " if ",
        " (",
        " - ",
        " — ",
    ]
    .iter()
    .filter_map(|stop| text.find(stop))
    .min()
    .unwrap_or(text.len());
    let name = text[..end].trim().trim_end_matches(['.', '!', ',']);
    let name =
        ["the ", "a ", "an ", "using ", "running "].iter().find_map(|s| name.strip_prefix(s)).unwrap_or(name);
    let name = name.trim_matches(['"', '\'', '“', '”']);
    let quoted = name.strip_prefix('`').and_then(|n| n.strip_suffix('`')).filter(|n| !n.contains('`'));
    let name = quoted.unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Gives a sentence its capital and its full stop.
fn finished(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.join(" ");
    let mut chars = joined.chars();
    let first = chars.next()?;
    let word = words.first()?;
    let is_code = word.contains(['_', '/', '.', '`', '(']) || word.chars().skip(1).any(char::is_uppercase);
    let head: String = if is_code { first.to_string() } else { first.to_uppercase().collect() };
    let stop = if joined.ends_with(['.', '!', ':']) { "" } else { "." };
    let sentence = format!("{head}{}{stop}", chars.as_str());
    (sentence.chars().count() <= STATEMENT_CHARS_LIMIT).then_some(sentence)
}

#[cfg(test)]
mod tests;
