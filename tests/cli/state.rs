//! State in other places than a SQLite file, and what a file may not choose by itself.

use std::path::Path;
use std::process::Command;

use crate::support::Project;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn keeping(state: &str) -> Project {
    let project = Project::small();
    project.edit("dreamrun.yaml", "backend: local\n", &format!("backend: local\nstate: \"{state}\"\n"));
    project
}

#[test]
fn a_run_keeps_its_state_in_a_folder_of_the_project() {
    let project = keeping("file:.dreamrun/state");
    let _ = project.run(&["plan", "tidy"]).ends_with(0);
    assert!(!project.path(".dreamrun/state").exists(), "planning writes nothing");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    assert!(project.path(".dreamrun/state/aliases/notes.json").is_file());
    assert!(project.path(".dreamrun/state/runs/tidy-1/00000001.json").is_file());
    assert!(!project.path(".dreamrun/state.db").exists());
    assert_eq!(
        project.run(&["status", "--json"]).json()["data"]["pipelines"][0]["last_run"]["phase"],
        "adopted"
    );
    let again = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    assert!(again.stderr.contains("tidy nothing due"), "{again}");
}

#[test]
fn a_run_keeps_its_state_in_a_branch() {
    let project = keeping("git:dreamrun-state");
    let remote = tempfile::tempdir().unwrap();
    git(remote.path(), &["init", "--quiet", "--bare"]);
    let refused = project.run(&["apply", "tidy", "--yes"]).ends_with(2);
    assert!(
        refused.stderr.contains("= Clone the project's repository, or begin one: `git init`"),
        "{refused}"
    );
    git(&project.path(""), &["init", "--quiet"]);
    let refused = project.run(&["apply", "tidy", "--yes"]).ends_with(2);
    assert!(refused.stderr.contains("No such remote 'origin'"), "{refused}");
    assert!(refused.stderr.contains("= Add it with `git remote add NAME URL`"), "{refused}");
    git(&project.path(""), &["remote", "add", "origin", &remote.path().display().to_string()]);
    let _ = project.run(&["plan", "tidy"]).ends_with(0);
    assert_eq!(git(remote.path(), &["for-each-ref"]), "", "planning writes nothing");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let status = project.run(&["status"]);
    assert!(status.stderr.contains("tidy-1 adopted"), "{status}");
    let log = git(remote.path(), &["log", "--format=%s", "dreamrun-state"]);
    assert!(log.lines().any(|line| line == "Create runs/tidy-1/00000001"), "{log}");
    assert_eq!(git(&project.path(""), &["for-each-ref", "refs/heads"]), "");
}

#[test]
fn a_file_cannot_choose_a_place_outside_the_project() {
    let elsewhere = tempfile::tempdir().unwrap();
    let address = format!("file://{}/state", elsewhere.path().display());
    let mut project = keeping(&address);
    for arguments in [&["status"][..], &["apply", "tidy", "--yes"]] {
        let refused = project.run(arguments).ends_with(2);
        assert!(refused.stderr.contains("cannot choose a place outside the project"), "{refused}");
        assert!(refused.stderr.contains(&format!("--allow-server {address}")), "{refused}");
    }
    assert!(!elsewhere.path().join("state").exists());
    let _ = project.run(&["apply", "tidy", "--yes", "--allow-server", &address]).ends_with(0);
    project.set("DREAMRUN_STATE", &address);
    let _ = project.run(&["status"]).ends_with(0);
    project.set("DREAMRUN_STATE", "file:///elsewhere");
    let _ = project.run(&["status"]).ends_with(2);
}

#[test]
fn a_file_cannot_have_a_password_sent_to_a_host_of_its_own() {
    let mut project = keeping("postgres://me@db.invalid/dreams");
    project.set("PGPASSWORD", "hunter2");
    insta::assert_snapshot!(project.run(&["status"]), @r"
    -- stderr
    error: `dreamrun.yaml` keeps state at `db.invalid`, and a file cannot say by itself where a password is sent
      = If it is to get the password, set `PGHOST=db.invalid`, or add `--allow-server postgres://me@db.invalid/dreams`.
    -- exit 2
    ");
    let refused = |project: &Project, told: &str| {
        let refused = project.run(&["status"]);
        assert!(refused.stderr.contains(told) && !refused.stderr.contains("hunter2"), "{refused}");
    };
    project.set("PGHOST", "other.invalid");
    refused(&project, "cannot say by itself where a password is sent");
    project.set("PGPASSWORD", "");
    project.write("passwords", "*:*:*:*:hunter2\n");
    project.set("PGPASSFILE", "passwords");
    refused(&project, "cannot say by itself where a password is sent");
    project.set("PGSSLMODE", "prefer");
    refused(&project, "`PGSSLMODE` is `prefer`");
}

#[test]
fn a_grant_for_a_server_is_none_for_a_database_on_its_host() {
    let mut project = keeping("postgres://me@db.invalid:6666/dreams");
    project.set("PGPASSWORD", "hunter2");
    for grant in ["https://db.invalid", "postgres://db.invalid/dreams"] {
        let refused = project.run(&["status", "--allow-server", grant]).ends_with(2);
        assert!(refused.stderr.contains("cannot say by itself where a password is sent"), "{refused}");
        assert!(refused.stderr.contains("--allow-server postgres://me@db.invalid:6666/dreams"), "{refused}");
    }
}

#[test]
fn an_address_with_a_password_is_refused_without_showing_it() {
    let project = keeping("postgres://me:hunter2@db.invalid/dreams");
    insta::assert_snapshot!(project.run(&["validate"]), @r"
    -- stderr
    error[DR0503]: state cannot be kept there
    --> dreamrun.yaml
     = note: the address of state holds a password, and no file may hold one
     = help: remove it, and change it if others have seen it; it comes from `PGPASSWORD` or `PGPASSFILE`

    1 file: 1 error
    -- exit 3
    ");
    for address in [
        "git:state@https://x-access-token:hunter2@github.com/o/r.git",
        "az://container?sv=2024-11-04&sig=hunter2",
        "redis://me:hunter2@cache",
    ] {
        let refused = keeping(address).run(&["validate"]).ends_with(3);
        assert!(refused.stderr.contains("DR0503"), "{refused}");
        assert!(!format!("{refused}").contains("hunter2"), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_run_makes_for_itself_is_for_its_owner_alone_and_left_out_of_git() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |project: &Project, name: &str| {
        std::fs::metadata(project.path(name)).unwrap().permissions().mode() & 0o777
    };
    for (state, made) in [(".dreamrun/state.db", ".dreamrun"), ("file:kept/state", "kept")] {
        let project = Project::small();
        project.edit("dreamrun.yaml", "stores:", &format!("state: {state}\nstores:"));
        project.adopt();
        assert_eq!(mode(&project, made), 0o700, "{state}");
        assert_eq!(project.read(&format!("{made}/.gitignore")), "*\n");
    }
    let project = Project::small();
    std::fs::create_dir(project.path(".dreamrun")).unwrap();
    std::fs::set_permissions(project.path(".dreamrun"), std::fs::Permissions::from_mode(0o750)).unwrap();
    project.adopt();
    assert_eq!(mode(&project, ".dreamrun"), 0o750, "who made it decides who may look");
    assert!(!project.path(".dreamrun/.gitignore").exists());
}
