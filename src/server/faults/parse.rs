//! Rules as they are written on the command line.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::backend::local::DreamFault;

use super::{DreamRule, Latency, Pattern, Rule, Turns, What, When};

/// How a rule is written.
pub const GRAMMAR: &str = "\
RULE   METHOD PATH[TURNS] [before|after] WHAT, or dream[TURNS] HOW
METHOD GET, POST, DELETE, or * for any
PATH   as /v1/dreams/*/cancel: * is one segment, ** at the end any number of them
TURNS  #2 the second call, #1..3 the first three, #2.. all but the first, %3 every third; without, all
       (each rule counts the calls it names; of the rules whose turn it is, the first acts)
before nothing has happened yet (the default)
after  the call had its effect, and only the answer suffers
WHAT   status CODE [TYPE] [retry-after=SECONDS] [settled | should-retry]
                         answers with an error; settled adds x-should-retry: false,
                         should-retry the same with true
       hang-up           closes the connection without an answer
       hang              never answers
       delay MS          answers late
       torn N            closes the connection after N bytes of the answer's body
       garbage           answers 200 with a page of HTML
       set POINTER=JSON  changes fields of the answer, as in set /status=\"paused\" /data/0/new=1
       stale             answers what it answered at first to the same address
       loop-cursor       gives every page the cursor of the first
       sse-die N         closes a stream in the middle of a frame, after N whole ones
       sse-end N         ends a stream after N frames
       sse-hang N        sends nothing more after N frames
       sse-repeat        sends every frame twice
       sse-slow MS       waits before every frame
       pass              lets the call through, past the rules that follow
HOW    fails TYPE        ends as failed with this error, as in dream#2 fails timeout
       without-output    completes, and names no store
       vanishes          completes, and its store is gone";

/// Why a rule is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault rule `{rule}`: {reason}")]
pub struct FaultError {
    rule: String,
    reason: String,
}

const WORDS: &str = "status, hang-up, hang, delay, torn, garbage, set, stale, loop-cursor, sse-die, sse-end, \
sse-hang, sse-repeat, sse-slow, pass";

/// A rule of either kind.
pub(super) enum Parsed {
    Call(Box<Rule>),
    Dream(DreamRule),
}

/// Reads one rule.
pub(super) fn rule(text: &str) -> Result<Parsed, FaultError> {
    read(text).map_err(|reason| FaultError { rule: text.to_owned(), reason })
}

fn read(text: &str) -> Result<Parsed, String> {
    let mut words = text.split_whitespace().peekable();
    if let Some(turns) = words.peek().and_then(|word| word.strip_prefix("dream"))
        && (turns.is_empty() || turns.starts_with(['#', '%']))
    {
        let turns = turns_of(turns)?;
        words.next();
        return Ok(Parsed::Dream(DreamRule { turns, how: dream(&words.collect::<Vec<_>>())? }));
    }
    let method = match words.next() {
        Some("*") => None,
        Some("GET") => Some(Method::GET),
        Some("POST") => Some(Method::POST),
        Some("DELETE") => Some(Method::DELETE),
        _ => return Err("begins with GET, POST, DELETE, * or dream".to_owned()),
    };
    let (path, turns) = calls(words.next().ok_or("a path follows the method, as /v1/dreams")?)?;
    let when = match words.peek() {
        Some(&"before") => Some(When::Before),
        Some(&"after") => Some(When::After),
        _ => None,
    };
    if when.is_some() {
        words.next();
    }
    let verb = words.next().ok_or_else(|| format!("says what goes wrong: one of {WORDS}"))?;
    let rest: Vec<&str> = words.collect();
    let what = what(verb, &rest)?;
    let is_of_answer = !matches!(
        what,
        What::Pass | What::Status { .. } | What::HangUp | What::Hang | What::Delay(_) | What::Garbage
    );
    if is_of_answer && when == Some(When::Before) {
        return Err(format!("`{verb}` changes an answer, so it cannot come before"));
    }
    let when = when.unwrap_or(if is_of_answer { When::After } else { When::Before });
    let (seen, first) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    Ok(Parsed::Call(Box::new(Rule { method, path, turns, when, what, seen, first })))
}

fn dream(rest: &[&str]) -> Result<DreamFault, String> {
    match rest {
        ["fails", kind] => Ok(DreamFault::Fail((*kind).to_owned())),
        ["without-output"] => Ok(DreamFault::NoOutput),
        ["vanishes"] => Ok(DreamFault::Vanish),
        _ => Err("`dream` is followed by fails TYPE, without-output or vanishes".to_owned()),
    }
}

fn calls(text: &str) -> Result<(Pattern, Turns), String> {
    let at = text.find(['#', '%']).unwrap_or(text.len());
    let (path, turns) = text.split_at(at);
    if !path.starts_with('/') {
        return Err(format!("the path `{path}` begins with /"));
    }
    let mut segments: Vec<String> = path.trim_matches('/').split('/').map(str::to_owned).collect();
    let is_open = segments.last().is_some_and(|last| last == "**");
    if is_open {
        segments.pop();
    }
    if segments.iter().any(|segment| segment.contains('*') && segment != "*") {
        return Err("* stands for a whole segment, ** for the last ones".to_owned());
    }
    Ok((Pattern { segments, is_open }, turns_of(turns)?))
}

fn turns_of(text: &str) -> Result<Turns, String> {
    let explain = || format!("`{text}` is none of #2, #1..3, #2.. and %3");
    let number = |text: &str| text.parse().ok().filter(|n: &u64| *n > 0).ok_or_else(explain);
    if text.is_empty() {
        return Ok(Turns::From { first: 1, last: u64::MAX });
    }
    if let Some(k) = text.strip_prefix('%') {
        return Ok(Turns::Every(number(k)?));
    }
    let range = text.strip_prefix('#').ok_or_else(explain)?;
    let (first, last) = match range.split_once("..") {
        None => (number(range)?, number(range)?),
        Some((first, "")) => (number(first)?, u64::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
    };
    if first > last {
        return Err(explain());
    }
    Ok(Turns::From { first, last })
}

fn what(verb: &str, rest: &[&str]) -> Result<What, String> {
    let number = |meaning: &str| match rest {
        [one] => one.parse::<usize>().map_err(|_| format!("`{verb}` is followed by {meaning}, not `{one}`")),
        _ => Err(format!("`{verb}` is followed by {meaning}")),
    };
    let millis = || number("milliseconds").map(|ms| Duration::from_millis(ms as u64));
    let alone = |what: What| match rest {
        [] => Ok(what),
        _ => Err(format!("`{verb}` stands alone")),
    };
    match verb {
        "status" => status(rest),
        "hang-up" => alone(What::HangUp),
        "hang" => alone(What::Hang),
        "delay" => millis().map(What::Delay),
        "torn" => number("a number of bytes").map(What::Torn),
        "garbage" => alone(What::Garbage),
        "set" => set(rest).map(What::Set),
        "stale" => alone(What::Stale),
        "loop-cursor" => alone(What::LoopCursor),
        "sse-die" => number("a number of frames").map(What::SseDie),
        "sse-end" => number("a number of frames").map(What::SseEnd),
        "sse-hang" => number("a number of frames").map(What::SseHang),
        "sse-repeat" => alone(What::SseRepeat),
        "sse-slow" => millis().map(What::SseSlow),
        "pass" => alone(What::Pass),
        other => Err(format!("`{other}` is none of {WORDS}")),
    }
}

fn status(rest: &[&str]) -> Result<What, String> {
    let code =
        rest.first().and_then(|code| code.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let status = code
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or("`status` is followed by a number from 400 to 599")?;
    let mut kind = kind_of(status).to_owned();
    let (mut retry_after, mut should_retry) = (None, None);
    for word in &rest[1..] {
        if let Some(seconds) = word.strip_prefix("retry-after=") {
            let seconds = seconds.parse().map_err(|_| "`retry-after=` is followed by whole seconds")?;
            retry_after = Some(seconds);
        } else if *word == "settled" {
            should_retry = Some(false);
        } else if *word == "should-retry" {
            should_retry = Some(true);
        } else if word.ends_with("_error") || *word == "request_too_large" {
            kind = (*word).to_owned();
        } else {
            return Err(format!(
                "after a status stand an error type, retry-after=SECONDS and settled or should-retry, not `{word}`"
            ));
        }
    }
    Ok(What::Status { status, kind, retry_after, should_retry })
}

/// Returns the API's error type of a status.
fn kind_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// Reads `POINTER=JSON …`. White space inside a value ends it, so texts with spaces escape them.
fn set(rest: &[&str]) -> Result<Vec<(String, Value)>, String> {
    if rest.is_empty() {
        return Err("`set` is followed by POINTER=JSON, as /status=\"paused\"".to_owned());
    }
    let one = |word: &&str| {
        let (pointer, json) = word.split_once('=').ok_or_else(|| format!("`{word}` is not POINTER=JSON"))?;
        let value = serde_json::from_str(json).map_err(|error| format!("`{json}` is not JSON: {error}"))?;
        match pointer.starts_with('/') {
            true => Ok((pointer.to_owned(), value)),
            false => Err(format!("the pointer `{pointer}` begins with /")),
        }
    };
    rest.iter().map(one).collect()
}

impl FromStr for Latency {
    type Err = String;

    /// Reads milliseconds, as `20` or `10..50`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let millis = |text: &str| text.trim().parse().map(Duration::from_millis);
        match (millis(least), millis(most)) {
            (Ok(least), Ok(most)) if least <= most => Ok(Self { least, most }),
            _ => Err("must be milliseconds, as 20 or 10..50".to_owned()),
        }
    }
}
