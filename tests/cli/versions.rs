//! State that another version of dreamrun wrote, or a person: read, left alone or refused, always with a word.

use serde_json::Value;

use crate::support::{Output, Project};

/// Every object of state, to compare by.
fn objects(project: &Project) -> Vec<(String, Vec<u8>)> {
    let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
    let mut select = state.prepare("SELECT key, bytes FROM objects ORDER BY key").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Changes one object as somebody else would.
pub(crate) fn change(project: &Project, key: &str, change: impl FnOnce(&mut Value)) {
    let (_, bytes) = objects(project).into_iter().find(|(at, _)| at == key).unwrap();
    let mut value = serde_json::from_slice(&bytes).unwrap();
    change(&mut value);
    put(project, key, &serde_json::to_vec(&value).unwrap());
}

fn put(project: &Project, key: &str, bytes: &[u8]) {
    let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
    let sql = "INSERT INTO objects (key, version, bytes) VALUES (?1, 1, ?2)
               ON CONFLICT (key) DO UPDATE SET bytes = ?2, version = version + 1";
    state.execute(sql, rusqlite::params![key, bytes]).unwrap();
}

fn delete(project: &Project, key: &str) {
    let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
    assert_eq!(state.execute("DELETE FROM objects WHERE key = ?1", [key]).unwrap(), 1);
}

/// Runs what would write, and requires that it ends so and writes nothing.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], code: u8) -> Output {
    let before = objects(project);
    let output = project.run(arguments).ends_with(code);
    assert_eq!(objects(project), before, "{output}");
    output
}

/// A project with a run that waits for a person.
fn waiting() -> Project {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    project
}

#[test]
fn every_object_says_which_version_can_read_it() {
    let project = Project::small();
    project.adopt();
    let _ = project.run(&["rollback", "notes", "--yes"]).ends_with(0);
    let kinds = ["aliases/", "runs/", "ledgers/", "deeds/"];
    let objects = objects(&project);
    assert!(kinds.iter().all(|kind| objects.iter().any(|(key, _)| key.starts_with(kind))));
    for (key, bytes) in objects {
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["min_reader"], "0.1.0", "{key}");
        assert!(!value["format"].is_null(), "{key}");
    }
}

#[test]
fn an_alias_of_a_later_format_is_refused_with_the_version_that_reads_it() {
    let project = Project::small();
    project.adopt();
    change(&project, "aliases/notes", |alias| {
        alias["format"] = 2.into();
        alias["min_reader"] = "0.9.0".into();
        alias["active"] = serde_json::json!({ "primary": alias["active"], "mirror": null });
    });
    insta::assert_snapshot!(refused(&project, &["apply", "tidy", "--yes"], 1));
    for arguments in [&["plan", "tidy"][..], &["status"], &["rollback", "notes"], &["gc", "--yes"]] {
        let told = refused(&project, arguments, 1);
        assert!(told.stderr.contains("dreamrun 0.9.0 or newer reads it"), "{told}");
    }
    let fix = refused(&project, &["doctor", "--fix", "--yes"], 1);
    assert!(fix.stderr.contains("dreamrun 0.9.0 or newer reads it"), "{fix}");
}

#[test]
fn an_alias_with_something_added_is_read_and_never_written_without_it() {
    let project = Project::small();
    project.adopt();
    change(&project, "aliases/notes", |alias| {
        alias["minor"] = 1.into();
        alias["mirror"] = "memstore_mirror".into();
    });
    let _ = refused(&project, &["status"], 0);
    let _ = refused(&project, &["plan", "tidy"], 0);
    insta::assert_snapshot!(refused(&project, &["rollback", "notes"], 1));
}

#[test]
fn a_run_with_something_added_is_shown_and_not_continued() {
    let project = waiting();
    change(&project, "runs/tidy-1/00000002", |event| {
        event["format"] = "1.1".into();
        event["event"]["mood"] = "calm".into();
    });
    let _ = refused(&project, &["show", "latest"], 0);
    insta::assert_snapshot!(refused(&project, &["approve", "latest"], 1));
}

#[test]
fn a_run_of_a_later_format_is_refused_with_the_version_that_reads_it() {
    let project = waiting();
    change(&project, "runs/tidy-1/00000002", |event| {
        event["format"] = "2.0".into();
        event["min_reader"] = "1.4.0".into();
    });
    for arguments in [&["show", "latest"][..], &["approve", "latest"], &["apply", "tidy", "--yes"]] {
        let told = refused(&project, arguments, 1);
        assert!(told.stderr.contains("dreamrun 1.4.0 or newer reads it"), "{told}");
    }
}

#[test]
fn a_journal_that_a_person_edited_is_refused_with_its_place() {
    type Edit = fn(&Project);
    let table: [(Edit, &str); 5] = [
        (|p| delete(p, "runs/tidy-1/00000003"), "lacks event 3"),
        (|p| put(p, "runs/tidy-1/00000003", b"{"), "`runs/tidy-1/00000003` in state is damaged"),
        (
            |p| change(p, "runs/tidy-1/00000003", |e| e["at"] = 7.into()),
            "`runs/tidy-1/00000003` in state is damaged",
        ),
        (
            |p| change(p, "runs/tidy-1/00000003", |e| e["event"] = serde_json::json!({ "kind": "canceled" })),
            "event 3 (`canceled`) is not legal",
        ),
        (|p| delete(p, "runs/tidy-1/00000001"), "lacks event 1"),
    ];
    for (edit, words) in table {
        let project = waiting();
        edit(&project);
        for arguments in [&["show", "tidy-1"][..], &["approve", "tidy-1"], &["apply", "tidy", "--yes"]] {
            let told = refused(&project, arguments, 1);
            assert!(told.stderr.contains(words) && told.stderr.contains("dreamrun doctor"), "{told}");
        }
    }
}
