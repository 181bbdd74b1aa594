//! The problems of a project file as a user sees them.

use insta::assert_snapshot;

use super::tests::drawn_project;

#[test]
fn a_project_says_what_this_version_cannot_do() {
    let yaml = "dreamrun: 1\nrequires: \">=9.0\"\nstate: redis://cache\nstores:\n  Support: {bootstrap: memory/}\nnotify:\n  - {on: [review], slack: {url_env: \"https://x\"}}\nbackend: {kind: local, base_url: \"http://x\"}\n";
    assert_snapshot!(drawn_project(yaml, Some("ci")), @r#"
    error[DR0324]: unknown profile
    --> dreamrun.yaml
     = note: there is no profile `ci`
     = help: add it under `profiles`, or leave `--profile` out

    error[DR0322]: version requirement not met
     --> dreamrun.yaml:2:11
      |
    2 | requires: ">=9.0"
      |           ^^^^^^^ this is dreamrun 0.1.0
      |
      = help: use a version that meets the requirement

    error[DR0503]: state cannot be kept there
     --> dreamrun.yaml:3:8
      |
    3 | state: redis://cache
      |        ^^^^^^^^^^^^^ state cannot be kept in `redis`
      |
      = help: use a SQLite file, `git:BRANCH`, `s3://…`, `gs://…`, `az://…`, `file:FOLDER` or `postgres://…`

    error[DR0301]: invalid name
     --> dreamrun.yaml:5:3
      |
    5 |   Support: {bootstrap: memory/}
      |   ^^^^^^^ a store alias holds the character 'S', allowed are a-z, 0-9 and, after the first character, `-`

    error[DR0323]: invalid bootstrap
     --> dreamrun.yaml:5:24
      |
    5 |   Support: {bootstrap: memory/}
      |                        ^^^^^^^ this is neither `dir:FOLDER` nor a `memstore_` id
      |
      = help: write `dir:memory/`

    warning[DR0504]: notifications are not sent in this version
     --> dreamrun.yaml:6:1
      |
    6 | notify:
      | ^^^^^^ this version sends no notifications
      |
      = help: use the exit code or `--fail-on` in CI to tell people

    error[DR0326]: invalid notification
     --> dreamrun.yaml:7:37
      |
    7 |   - {on: [review], slack: {url_env: "https://x"}}
      |                                     ^^^^^^^^^^^ this is not the name of an environment variable
      |
      = help: put the URL into a variable and give its name; the URL is a secret

    error[DR0325]: invalid backend setting
     --> dreamrun.yaml:8:24
      |
    8 | backend: {kind: local, base_url: "http://x"}
      |                        ^^^^^^^^ `base_url` belongs to the other kind of backend
      |
      = help: remove it, or change `kind`
    "#);
}

#[test]
fn a_server_must_be_spoken_to_in_private() {
    let yaml = "dreamrun: 1\nbackend: {kind: managed_agents, base_url: \"http://api.example.com\"}\nstores: {a: {bootstrap: dir:x}}\n";
    assert_snapshot!(drawn_project(yaml, None), @r#"
    error[DR0325]: invalid backend setting
     --> dreamrun.yaml:2:43
      |
    2 | backend: {kind: managed_agents, base_url: "http://api.example.com"}
      |                                           ^^^^^^^^^^^^^^^^^^^^^^^^ plain http would send the key unencrypted
      |
      = help: use `https://`
    "#);
}
