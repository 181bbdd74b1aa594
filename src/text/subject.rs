//! Subjects: what a statement is about, apart from the value it gives.

use super::lexicon;
use super::normal::joined;
use super::specifics::{Kind, kind_of};
use super::token::{Token, tokens};

/// How a statement names its subject, from the strictest form to the loosest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `Subject: attribute is value`: one attribute of one subject.
    Attribute,
    /// `key: value`, a table row by its first cell, or `key - text`.
    Label,
    /// `The attribute of subject is value`, `subject defaults to value`.
    Copula,
}

/// A statement taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is about, in normal form.
    pub subject: String,
    /// What it says of that, in normal form.
    pub value: String,
    /// How many tokens the subject takes.
    pub subject_len: usize,
    /// How it is written.
    pub form: Form,
    /// Whether the subject names something that has one value at a time, such as a port or an owner.
    pub singular: bool,
}

/// The furthest a subject reaches, in tokens.
const SUBJECT_LIMIT: usize = 14;

/// Labels that head any number of unrelated statements.
const GENERIC_LABELS: &[&str] = &[
    "note",
    "notes",
    "example",
    "examples",
    "todo",
    "tip",
    "warning",
    "important",
    "see",
    "see also",
    "usage",
    "why",
    "how to apply",
    "e.g",
    "eg",
    "i.e",
    "added",
    "changed",
    "fixed",
    "removed",
    "update",
    "updated",
    "fact",
    "user",
    "assistant",
    "question",
    "answer",
    "q",
    "a",
    "caution",
    "hint",
    "info",
    "link",
    "links",
    "more info",
    "learned",
    "reminder",
    "decision",
    "decided",
    "done",
    "next",
    "next steps",
    "blocker",
    "blocked",
    "result",
    "results",
    "issue",
    "bug",
    "fix",
    "meeting",
    "topic",
    "summary",
    "context",
    "goal",
    "task",
    "tasks",
    "idea",
    "remember",
    "discussed",
    "agreed",
    "action",
    "action item",
    "finding",
    "lesson",
    "new",
    "open",
    "closed",
    "problem",
    "solution",
    "cause",
    "effect",
    "step",
    "tested",
    "deployed",
    "merged",
    "reviewed",
    "refactored",
    "pro",
    "con",
    "http",
    "https",
    "warn",
    "error",
    "debug",
    "however",
    "also",
    "guide",
    "read",
];

/// Ways of giving the one value of a subject, each after the subject.
const GIVES: &[&[&str]] = &[
    &["defaults", "to"],
    &["lives", "in"],
    &["works", "at"],
    &["works", "for"],
    &["listens", "on"],
    &["runs", "on", "port"],
    &["expires", "after"],
    &["expires", "on"],
    &["costs"],
    &["is", "set", "to"],
    &["is", "called"],
    &["is", "named"],
    &["is", "located", "at"],
    &["is", "located", "in"],
    &["is", "now"],
    &["is"],
    &["are"],
    &["="],
];

/// Words of a subject that has one value at a time.
const SINGULAR: &[&str] = &[
    "of",
    "default",
    "favourite",
    "favorite",
    "current",
    "preferred",
    "primary",
    "main",
    "latest",
    "minimum",
    "maximum",
    "name",
    "port",
    "address",
    "version",
    "limit",
    "timeout",
    "deadline",
    "owner",
    "location",
    "password",
    "price",
    "command",
];

/// Takes a statement apart, if it names its subject in one of the known ways.
pub fn claim(text: &str) -> Option<Claim> {
    claim_of(&tokens(text))
}

/// As [`claim`], of a text that is split already.
pub fn claim_of(tokens: &[Token<'_>]) -> Option<Claim> {
    let label = tokens.iter().take(SUBJECT_LIMIT).position(|t| t.label_end).filter(|&i| i + 1 < tokens.len());
    if let Some(label) = label {
        let subject = joined(&tokens[..=label]);
        let verb = tokens[label + 1..].iter().take(7).position(|t| matches!(&*t.norm, "is" | "are" | "="));
        if let Some(verb) = verb.filter(|&v| v > 0 && label + 2 + v < tokens.len()) {
            let end = label + 1 + verb;
            let described = tokens[label + 1..end].iter().all(|t| {
                !t.label_end
                    && !lexicon::is_negation(&t.norm)
                    && kind_of(t).is_none_or(|kind| matches!(kind, Kind::Name | Kind::Polarity))
            });
            let article = lexicon::is_function_word(&tokens[label + 1].norm);
            if described && !article {
                return Some(Claim {
                    subject: joined(&tokens[..=end]),
                    value: joined(&tokens[end + 1..]),
                    subject_len: end + 1,
                    form: Form::Attribute,
                    singular: true,
                });
            }
        }
        let generic = GENERIC_LABELS.contains(&subject.as_str());
        return (!generic).then(|| Claim {
            subject,
            value: joined(&tokens[label + 1..]),
            subject_len: label + 1,
            form: Form::Label,
            singular: is_singular(&tokens[..=label]),
        });
    }
    let gives = |at: usize| {
        GIVES.iter().find(|way| {
            way.len() < tokens.len() - at && way.iter().zip(&tokens[at..]).all(|(word, t)| t.norm == *word)
        })
    };
    let at = (1..tokens.len().min(SUBJECT_LIMIT)).find(|&at| gives(at).is_some())?;
    let width = gives(at).map_or(1, |way| way.len());
    let head = &tokens[..at];
    let verb_is_loose = matches!(&*tokens[at].norm, "is" | "are" | "=") && width == 1;
    let singular = is_singular(head);
    let value = &tokens[at + width..];
    let scalar = value.len() <= 2 && value.iter().any(|t| kind_of(t).is_some_and(is_scalar));
    let subject_is_whole = head.iter().any(|t| !lexicon::is_function_word(&t.norm));
    // What is so now is the same thing that was so before.
    let is_dated = width > 1 && tokens[at + width - 1].norm == "now";
    (subject_is_whole && (!verb_is_loose || singular || scalar)).then(|| Claim {
        subject: joined(&tokens[..at + width - usize::from(is_dated)]),
        value: joined(value),
        subject_len: at + width,
        form: Form::Copula,
        singular,
    })
}

/// Says whether a subject in normal form names something that has one value at a time.
pub fn names_one_value(subject: &str) -> bool {
    subject.split(' ').any(|word| word != "of" && SINGULAR.contains(&word))
}

fn is_singular(subject: &[Token<'_>]) -> bool {
    subject.iter().any(|t| SINGULAR.contains(&&*t.norm) || t.norm.ends_with("'s"))
}

fn is_scalar(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Date | Kind::Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        claim(text)
            .map_or_else(|| "none".to_owned(), |c| format!("{:?} {} => {}", c.form, c.subject, c.value))
    }

    #[test]
    fn a_subject_is_told_from_its_value() {
        insta::assert_snapshot!(
            ["**Deploy day**: Friday", "THX: parent organization is Lucasfilm.", "ttl | 30 s", "`a_b` - waits for it",
             "The default port is 8080", "The default port is now 80", "The deploy command is `make ship`", "Ann's favourite colour is purple", "Bob lives in Berlin", "Bob is a dentist",
             "Note: it rains", "Run the tests"].map(shown).join("\n"),
            @r"
        Label deploy day => friday
        Attribute thx parent organization is => lucasfilm
        Label ttl => 30 s
        Label a_b => waits for it
        Copula the default port is => 8080
        Copula the default port is => 80
        Copula the deploy command is => make ship
        Copula ann's favourite colour is => purple
        Copula bob lives in => berlin
        none
        none
        none
        "
        );
    }
}
