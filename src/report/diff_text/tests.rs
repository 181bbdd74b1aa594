//! Differences as they are written.

use super::*;
use crate::dream::{EventRef, Replaced};
use crate::ids::SessionId;
use crate::memory::Memory;

fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

fn edited(before: &str, after: &str) -> EntryDiff {
    let memory = |text: &str| Memory::new(path("/a.md"), text);
    EntryDiff::Edited { before: memory(before), after: memory(after) }
}

fn change(kind: ChangeKind, at: &str, statement: &str, gone: &[(&str, &str)], events: &[u64]) -> DreamChange {
    DreamChange {
        kind,
        path: path(at),
        statement: Some(statement.to_owned()),
        replaced: gone
            .iter()
            .map(|(at, text)| Replaced { path: path(at), statement: (*text).to_owned() })
            .collect(),
        evidence: events
            .iter()
            .map(|&event| EventRef { session: SessionId::parse(format!("sesn_{event}")).unwrap(), event })
            .collect(),
        because: "a rule".to_owned(),
    }
}

fn shown(entry: &EntryDiff, changes: &[DreamChange]) -> String {
    entry_text(entry, &Reasons::of(changes), Detail::default(), Paint::default())
}

#[test]
fn a_statement_stands_above_the_one_that_took_its_place_and_the_reason() {
    let entry = edited("- port 80\n- blue\n- tea\n", "- blue\n- port 90\n- milk\n");
    let changes = [
        change(ChangeKind::Superseded, "/a.md", "port 90", &[("/a.md", "port 80")], &[7, 8]),
        change(ChangeKind::Learned, "/a.md", "milk", &[], &[9]),
    ];
    insta::assert_snapshot!(shown(&entry, &changes), @r"
    /a.md edited
      - port 80
      + port 90
        superseded: a rule (sesn_7 event 7 and 1 other session)
      - tea
      + milk
        learned: a rule (sesn_9 event 9)
    ");
}

#[test]
fn neighbours_with_the_same_reason_share_one_line() {
    let entry = EntryDiff::Removed(Memory::new(path("/a.md"), "- one\n- two\n- three\n"));
    let merged = |text: &str, heir: &str| change(ChangeKind::Merged, "/b.md", heir, &[("/a.md", text)], &[]);
    let changes = [merged("one", "one"), merged("two", "two"), merged("three", "the third")];
    insta::assert_snapshot!(shown(&entry, &changes), @r"
    /a.md removed
      - one
      - two
        merged into /b.md: a rule
      - three
        merged into “the third” in /b.md: a rule
    ");
}

#[test]
fn one_heir_of_two_statements_is_shown_once() {
    let entry = edited("- tea at 4\n- tea at four\n", "- tea at 16:00\n");
    let gone = [("/a.md", "tea at 4"), ("/a.md", "tea at four")];
    insta::assert_snapshot!(shown(&entry, &[change(ChangeKind::Merged, "/a.md", "tea at 16:00", &gone, &[])]), @r"
    /a.md edited
      - tea at 4
      - tea at four
      + tea at 16:00
        merged: a rule
    ");
}

#[test]
fn what_an_entry_stands_for_in_others_is_counted() {
    let entry = edited("- one\n", "- one\n- new\n");
    let changes = [change(ChangeKind::Merged, "/a.md", "one", &[("/b.md", "one"), ("/b.md", "ONE")], &[])];
    insta::assert_snapshot!(shown(&entry, &changes), @r"
    /a.md edited
      + new
        stands for 2 statements of /b.md
    ");
}

#[test]
fn a_new_playbook_is_its_title_and_a_moved_line_says_where() {
    let memory = Memory::new(path("/playbooks/lock.md"), "# Locked database\n\n- wait\n- again\n");
    let changes = [change(ChangeKind::Playbook, "/playbooks/lock.md", "lock", &[], &[3, 4, 5])];
    insta::assert_snapshot!(shown(&EntryDiff::Added(memory), &changes), @r"
    /playbooks/lock.md added
      + Locked database (4 lines)
        a rule (sesn_3 event 3 and 2 other sessions)
    ");
    insta::assert_snapshot!(shown(&edited("# A\n\n- x\n", "# B\n\n- x\n"), &[]), @r"
    /a.md edited
      ~ x
        now under “B”
    ");
}

#[test]
fn long_statements_are_cut_unless_all_is_asked_for() {
    let long = "word ".repeat(60);
    let entry = edited("", &format!("- {long}\n"));
    let reasons = Reasons::of(&[]);
    let cut = entry_text(&entry, &reasons, Detail::default(), Paint::default());
    assert!(cut.lines().all(|line| line.chars().count() <= 100), "{cut}");
    assert!(cut.contains('…'));
    let detail = Detail { is_whole: true, ..Detail::default() };
    assert!(entry_text(&entry, &reasons, detail, Paint::default()).contains(long.trim_end()));
}

#[test]
fn secrets_and_escapes_are_not_written() {
    let secret = "AKIAIOSFODNN7REALKEY";
    let entry = edited("", &format!("- key {secret}\n- \u{1b}[31mred\n"));
    for is_unified in [false, true] {
        let detail = Detail { is_unified, ..Detail::default() };
        let text = entry_text(&entry, &Reasons::of(&[]), detail, Paint::default());
        assert!(!text.contains(secret) && !text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn reasons_are_of_what_stands() {
    let after: Snapshot = [Memory::new(path("/a.md"), "- port 90\n- tea\n")].into_iter().collect();
    let first = change(ChangeKind::Superseded, "/a.md", "port 85", &[("/a.md", "port 80")], &[1]);
    let then = change(ChangeKind::Superseded, "/a.md", "port 90", &[("/a.md", "port 85")], &[2]);
    let taken_out = change(ChangeKind::Learned, "/a.md", "milk", &[], &[3]);
    let playbook = change(ChangeKind::Playbook, "/p.md", "A title", &[], &[4]);
    let mut changes = vec![first.clone(), then.clone(), taken_out, playbook.clone()];
    standing(&mut changes, &after);
    assert_eq!(changes, [first, then.clone(), playbook]);
    let mut changes = vec![then];
    standing(&mut changes, &Snapshot::default());
    assert_eq!(changes, []);
}
