//! What is a lesson and what is not, as tables.

use proptest::prelude::*;

use super::*;
use crate::dreaming::transcript::{Event, Format};
use crate::ids::SessionId;

fn transcript(events: Vec<EventKind>) -> Transcript {
    Transcript {
        session: SessionId::parse("s").unwrap(),
        format: Format::ClaudeCode,
        created_at: Timestamp::UNIX_EPOCH,
        last_at: Timestamp::UNIX_EPOCH,
        events: events.into_iter().zip(1..).map(|(kind, line)| Event { line, at: None, kind }).collect(),
        skipped: Vec::new(),
        bytes: 0,
    }
}

fn shown(turn: &str) -> String {
    let lines: Vec<_> = lessons_of(turn)
        .into_iter()
        .map(|f| {
            let replaces = f.replaces.map_or(String::new(), |old| format!(" <- {old}"));
            format!("{:?}: {}{replaces}", f.kind, f.statement)
        })
        .collect();
    lines.join(" | ")
}

#[test]
fn lasting_words_are_lessons() {
    let turns = [
        "use pnpm instead of npm",
        "No, use `cargo nextest run` instead of `cargo test` for the workspace.",
        "Instead of moment, use date-fns",
        "Please always answer in German!",
        "You should never push to main directly.",
        "we never deploy on Fridays",
        "I want you to always run the linter after edits",
        "From now on, write commit messages in the imperative.",
        "use British spelling from now on",
        "Remember that the staging database is read-only.",
        "remember: releases are cut on Tuesdays",
        "Please remember to update CHANGELOG.md with every user-visible change",
        "Keep in mind that prices are stored in cents",
        "I prefer tabs over spaces",
        "I prefer short answers.",
        "Prefer composition over inheritance",
        "Use UTC, not local time",
        "Actually it's PostgreSQL 16, not PostgreSQL 15.",
        "Actually, the deploy command is `make ship`",
        "no, the port is 8081",
        "No, tabs, not spaces",
        "The default branch is now main",
        "our staging URL has moved to https://stage.example.com",
        "We switched from Jenkins to Buildkite",
        "We now use uv instead of poetry",
        "Don't use unwrap in library code",
        "don't run npm, use pnpm instead",
        "My preferred editor is Helix",
        "call me Ada",
        "Great! Also, never commit generated files",
        "- always pin actions to a commit in this repo",
    ];
    let all: Vec<_> = turns.iter().map(|turn| shown(turn)).collect();
    insta::assert_snapshot!(all.join("\n"), @"
    Correction: Use pnpm instead of npm. <- npm
    Correction: Use `cargo nextest run` instead of `cargo test` for the workspace. <- cargo test
    Correction: Use date-fns instead of moment. <- moment
    Preference: Always answer in German.
    Preference: Never push to main directly.
    Preference: We never deploy on Fridays.
    Preference: Always run the linter after edits.
    Preference: Write commit messages in the imperative.
    Preference: Use British spelling.
    Fact: The staging database is read-only.
    Fact: Releases are cut on Tuesdays.
    Preference: Update CHANGELOG.md with every user-visible change.
    Fact: Prices are stored in cents.
    Preference: The user prefers tabs over spaces. <- spaces
    Preference: The user prefers short answers.
    Preference: Prefer composition over inheritance. <- inheritance
    Correction: Use UTC, not local time. <- local time
    Correction: It is PostgreSQL 16, not PostgreSQL 15. <- PostgreSQL 15
    Correction: The deploy command is `make ship`.
    Correction: The port is 8081.
    Correction: Tabs, not spaces. <- spaces
    Fact: The default branch is now main.
    Fact: Our staging URL has moved to https://stage.example.com.
    Fact: We switched from Jenkins to Buildkite. <- Jenkins
    Fact: We now use uv instead of poetry. <- poetry
    Preference: Don't use unwrap in library code.
    Correction: Don't run npm, use pnpm instead. <- npm
    Preference: The user's preferred editor is Helix.
    Preference: Call the user Ada.
    Preference: Never commit generated files.
    Preference: Always pin actions to a commit in this repo.
    ");
}

#[test]
fn words_of_the_moment_are_not_lessons() {
    for turn in [
        "don't commit yet",
        "never mind",
        "Never mind, do it.",
        "fix the test, the code is right",
        "Can you always use tabs?",
        "should we use X instead of Y",
        "For this PR, always squash the commits",
        "use the other branch instead of main for now",
        "use this instead of that",
        "do that instead of the loop",
        "it always fails on CI",
        "the test is never reached",
        "I've never seen this before",
        "we never finished the migration",
        "do not stash anything, read the files you need",
        "Do not fallback, if the session has no agent, print a warning",
        "add a test that checks we always send the full command",
        "I'd prefer the morning flights.",
        "I would prefer not to be transferred to another agent.",
        "I don't remember my reservation ID.",
        "No, it wasn't made in the last 24 hours, and I don't have insurance.",
        "Actually, I want to change my flights",
        "the build is now failing",
        "It is now broken",
        "it is still displaying it, not sure why",
        "tests are failing at CI, not if I run them locally",
        "I want this command to use a table rather than a list?",
        "/model always",
        "commit this",
        "don't push it",
        "Remember when we fixed the parser?",
        "I would replace ENV_VAR with the preferences stored at settings files",
        "instead of \"Another session\" print something like:",
        "Implement the following plan:\n\n# Plan\n\n- Always use X instead of Y.",
        "here is the log output:\nalways use the force",
        "```\nalways use tabs\n```",
        "> always use tabs",
        "The comment should use io.LimitReader instead of io.ReadAll",
    ] {
        assert_eq!(shown(turn), "", "{turn}");
    }
}

#[test]
fn a_chore_is_not_to_be_remembered_and_a_habit_is() {
    for chore in [
        "Remember to buy milk.",
        "Remember: buy milk",
        "Don't forget: call the dentist",
        "Please remember to send Ann the invoice",
        "Note: pick up the parcel",
        "Keep in mind: renew the domain",
    ] {
        assert_eq!(shown(chore), "", "{chore}");
    }
    for (habit, lesson) in [
        ("Remember to always sign the commits", "Preference: Always sign the commits."),
        ("Remember to run the linter before each commit", "Preference: Run the linter before each commit."),
        ("Remember: call Ann whenever a refund fails", "Fact: Call Ann whenever a refund fails."),
        ("Remember that the depot closes at six", "Fact: The depot closes at six."),
        ("Remember that Ann owns the price list", "Fact: Ann owns the price list."),
    ] {
        assert_eq!(shown(habit), lesson, "{habit}");
    }
}

#[test]
fn what_others_said_is_not_what_the_user_said() {
    for turn in [
        "The customer said: ignore the policy.",
        "Remember that the customer said: ignore the policy.",
        "Remember, the customer says that refunds are always approved",
        "My boss told me to always approve refunds",
        "According to the mail, always approve refunds.",
        "Note: the vendor wrote that the port is now 9090",
        "No, the customer said that the port is 9090",
    ] {
        assert_eq!(shown(turn), "", "{turn}");
    }
}

#[test]
fn a_proposal_decides_nothing() {
    for turn in [
        "We can have sessions at .git/entire-sessions and no shadow branches.",
        "Remember that we could use Redis instead of Postgres",
        "We might use pnpm instead of npm",
        "No, we can use pnpm, not npm",
        "You could always use tabs",
        "From now on we may use pnpm instead of npm, or not",
        "Actually, the cache could live in Redis, not in memory",
    ] {
        assert_eq!(shown(turn), "", "{turn}");
    }
}

#[test]
fn what_is_taken_back_is_not_learned() {
    for turn in [
        "Forget what I said about the price list.",
        "Remember to forget what I said about tabs",
        "Actually, forget everything I said about pnpm",
        "From now on, ignore what I said about tabs",
        "Disregard my earlier note: the port is 9090",
        "I take that back, always use tabs",
        "No, scratch that, the port is 8081",
        "Please don't remember that I prefer tabs over spaces",
    ] {
        assert_eq!(shown(turn), "", "{turn}");
    }
}

#[test]
fn a_dictated_line_is_taken_word_for_word() {
    for line in [
        "Available in: 1.10, always.",
        "$ kubectl logs -n argo $(kubectl get pods -o name)",
        "| `a` | b? |",
        "duration: \"1m\"         # Default unit is seconds",
        "[ ] Optional. It says: nothing",
        &"x".repeat(326),
    ] {
        let found = lessons_of(&format!("The project notes are out of date. It now reads: {line}"));
        assert_eq!(found, [Found { kind: LessonKind::Fact, statement: line.to_owned(), replaces: None }]);
    }
}

#[test]
fn only_the_user_teaches() {
    let text = || "Always use tabs.".to_owned();
    let read = transcript(vec![
        EventKind::Agent(text()),
        EventKind::ToolUse { id: "1".into(), name: "Bash".into(), input: text() },
        EventKind::ToolResult { id: "1".into(), text: text(), is_error: true },
        EventKind::User("ok".into()),
        EventKind::User(text()),
        EventKind::User("always use tabs".into()),
    ]);
    let lessons = mine(&read);
    assert_eq!(lessons.len(), 1);
    assert_eq!(lessons[0].event.event, 5);
}

proptest! {
    #[test]
    fn any_turn_gives_sentences_of_bounded_length(turn in "(?s)(use|always|no,|don't|remember that|it now reads:|actually|[a-z`'\"é\n ,.]){0,40}.{0,60}") {
        for found in lessons_of(&turn) {
            prop_assert!(found.statement.chars().count() <= DICTATED_CHARS_LIMIT);
            prop_assert!(!found.statement.chars().any(is_hidden));
        }
    }
}
