//! Memory folders and session folders with things in them that nobody planned for.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::support::Drill;

#[test]
fn what_cannot_be_a_memory_is_named_by_apply() {
    let drill = Drill::small();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "- The root password is hunter2.\n").unwrap();
    drill.write("memory/latin1.md", b"caf\xe9\n");
    drill.write("memory/large.md", "- A line of text.\n".repeat(6_000));
    drill.write("memory/bell\u{7}.md", "- Rings.\n");
    drill.write("memory/escape\u{1b}[31m.md", "- Paints.\n");
    drill.write("memory/cafe\u{301}.md", "- Decomposed.\n");
    symlink(outside.path().join("secret.md"), drill.path("memory/link.md")).unwrap();
    symlink(outside.path(), drill.path("memory/linked")).unwrap();
    symlink("../../../../etc/passwd", drill.path("memory/up.md")).unwrap();
    fs::write(drill.path("memory").join(OsStr::from_bytes(b"b\xffd.md")), "- Not UTF-8.\n").unwrap();

    let ran = drill.apply().exits(0);
    assert_eq!(ran.json()["outcome"], "adopted");
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{:?}", ran.stderr);
    let told: Vec<&str> = ran
        .stderr
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("imported ") || line.contains("not imported"))
        .collect();
    assert_eq!(
        told,
        [
            "not imported: bell\\u{7}.md: path holds the character U+0007",
            "not imported: b\u{fffd}d.md: the name is not UTF-8",
            "not imported: escape\\u{1b}[31m.md: path holds the character U+001B",
            "not imported: large.md: 108000 bytes, more than the 102400 of a memory",
            "not imported: latin1.md: not UTF-8 from byte 4 on",
            "not imported: link.md: a symbolic link",
            "not imported: linked: a symbolic link",
            "not imported: up.md: a symbolic link",
            "imported cafe\u{301}.md as /caf\u{e9}.md",
        ]
    );
    let stored = "SELECT count(*) FROM contents WHERE content LIKE '%hunter2%' OR content LIKE '%root:%'";
    assert_eq!(drill.count(stored), 0);
}

#[test]
fn a_memory_folder_outside_the_project_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "- The root password is hunter2.\n").unwrap();
    let climbing = format!("../{}", outside.path().file_name().unwrap().to_str().unwrap());
    for folder in [climbing.as_str(), outside.path().to_str().unwrap()] {
        let drill = Drill::small();
        let project = fs::read_to_string(drill.path("dreamrun.yaml")).unwrap();
        drill.write("dreamrun.yaml", project.replace("dir:memory", &format!("dir:{folder}")));
        let ran = drill.apply().exits(3);
        let _ = ran.says("the project").says("dreamrun.yaml:4:22");
        assert!(!drill.path(".dreamrun").exists());
    }
    // A link in the place of the folder is no way out either.
    let drill = Drill::small();
    fs::remove_dir_all(drill.path("memory")).unwrap();
    symlink(outside.path(), drill.path("memory")).unwrap();
    let ran = drill.apply();
    assert_ne!(ran.code, Some(0), "{}", ran.stderr);
    let _ = ran.says("outside the project");
    assert_eq!(drill.count("SELECT count(*) FROM contents"), 0);
}

#[test]
fn a_memory_folder_that_is_missing_is_named() {
    let drill = Drill::small();
    fs::remove_dir_all(drill.path("memory")).unwrap();
    let ran = drill.apply();
    assert!(ran.code == Some(3) || ran.code == Some(5), "{ran:#?}");
    let _ = ran.says("memory");
}

#[test]
fn an_empty_store_learns_from_its_sessions() {
    let drill = Drill::small();
    fs::remove_dir_all(drill.path("memory")).unwrap();
    fs::create_dir(drill.path("memory")).unwrap();
    let ran = drill.apply().exits(0);
    assert_eq!(ran.json()["outcome"], "adopted", "{}", ran.stderr);
    let run = &ran.json()["data"]["results"][0]["run"];
    assert_eq!(run["before"]["entries"], 0);
    assert!(run["after"]["entries"].as_u64().unwrap() > 0, "{run:#}");
}

#[test]
fn without_sessions_nothing_is_due() {
    let drill = Drill::small();
    fs::remove_dir_all(drill.path("logs")).unwrap();
    let ran = drill.apply().exits(0);
    assert_eq!(ran.json()["outcome"], "nothing_due");
    let _ = ran.says("no file matches `logs/*.jsonl`");
    assert!(drill.events().is_empty());
}

#[test]
fn one_session_makes_one_dream() {
    let drill = Drill::with_sessions(0);
    fs::remove_dir_all(drill.path("logs")).unwrap();
    drill.sessions(&["Remember that the staging database is called db-9."]);
    assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted");
    assert_eq!(drill.traces().dreams, 1);
}

#[test]
fn session_files_that_cannot_be_read_are_named() {
    let drill = Drill::small();
    let outside = tempfile::tempdir().unwrap();
    fs::copy(drill.path("logs/session-000.jsonl"), outside.path().join("secret.jsonl")).unwrap();
    symlink(outside.path().join("secret.jsonl"), drill.path("logs/link.jsonl")).unwrap();
    drill.write("logs/torn.jsonl", "{\"type\":\"user\",\"sess");
    drill.write("logs/binary.jsonl", b"\x89PNG\0\0\xff\xfe".repeat(100));
    drill.write("logs/empty.jsonl", "");
    let ran = drill.run(&["plan", "small"]).exits(0);
    for name in ["link.jsonl", "torn.jsonl", "binary.jsonl", "empty.jsonl"] {
        assert!(ran.stderr.contains(name), "{name} is not in: {}", ran.stderr);
    }
    assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted");
    assert_eq!(drill.traces().dreams, 3);
}
