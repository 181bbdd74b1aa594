//! Every kind of problem as a user sees it.

use insta::assert_snapshot;

use super::*;
use crate::spec::project::Project;
use crate::spec::{LoadOptions, load_pipeline, load_project};

fn options() -> LoadOptions {
    LoadOptions { known_minds: vec!["offline".to_owned()], ..LoadOptions::default() }
}

fn project() -> Project {
    let yaml = "dreamrun: 1\nstores:\n  support-memory: {bootstrap: dir:memory}\n";
    load_project(&SourceFile::new("dreamrun.yaml", yaml), None, &options()).unwrap().0
}

/// A pipeline that is fine, with lines appended.
pub(super) fn with(lines: &str) -> String {
    format!(
        "dreamrun: 1\nmodel: offline\ninput:\n  store: support-memory\n  sessions: {{files: [a.jsonl]}}\n{lines}"
    )
}

/// The problems of a pipeline, drawn.
pub(super) fn drawn(yaml: &str) -> String {
    let file = SourceFile::new("pipelines/nightly.yaml", yaml);
    let problems = match load_pipeline(&file, &project(), &options()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let drawings: Vec<String> = problems.iter().map(|p| text(p, Some(&file), Look::Plain)).collect();
    drawings.join("\n\n")
}

/// The problems of a project file, drawn.
pub(super) fn drawn_project(yaml: &str, profile: Option<&str>) -> String {
    let file = SourceFile::new("dreamrun.yaml", yaml);
    let problems = match load_project(&file, profile, &options()) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let drawings: Vec<String> = problems.iter().map(|p| text(p, Some(&file), Look::Plain)).collect();
    drawings.join("\n\n")
}

#[test]
fn a_good_pipeline_draws_nothing() {
    assert_eq!(drawn(&with("")), "");
}

#[test]
fn a_misspelt_gate_is_named_with_the_one_that_was_meant() {
    assert_snapshot!(drawn(&with("gates:\n  entry_removed: {review: 60%}\n")), @r#"
    error[DR0202]: unknown gate
     --> pipelines/nightly.yaml:7:3
      |
    7 |   entry_removed: {review: 60%}
      |   ^^^^^^^^^^^^^ no gate has this name
      |
      = help: did you mean `entries_removed`?
    "#);
}

#[test]
fn a_misspelt_key_is_named_with_the_one_that_was_meant() {
    assert_snapshot!(drawn(&with("shedule: {min_interval: 20h}\n")), @r#"
    error[DR0201]: unknown key
     --> pipelines/nightly.yaml:6:1
      |
    6 | shedule: {min_interval: 20h}
      | ^^^^^^^ the top level has no such key
      |
      = help: did you mean `schedule`?
    "#);
}

#[test]
fn a_key_in_the_wrong_place_is_sent_home() {
    assert_snapshot!(drawn(&with("max_usd: 3\n")), @r#"
    error[DR0201]: unknown key
     --> pipelines/nightly.yaml:6:1
      |
    6 | max_usd: 3
      | ^^^^^^^ the top level has no such key
      |
      = help: `max_usd` belongs under `budget`
    "#);
}

#[test]
fn a_duplicate_key_shows_both_places() {
    assert_snapshot!(drawn(&with("batch:\n  size: 10\n  size: 20\n")), @r#"
    error[DR0103]: duplicate key
     --> pipelines/nightly.yaml:8:3
      |
    7 |   size: 10
      |   ---- first set here
    8 |   size: 20
      |   ^^^^ `size` is set a second time here
      |
      = help: keep one of the two; the first is on line 7
    "#);
}

#[test]
fn a_tab_is_pointed_at() {
    assert_snapshot!(drawn(&with("batch:\n\tsize: 10\n")), @r#"
    error[DR0102]: tab used for indentation
     --> pipelines/nightly.yaml:7:1
      |
    7 |     size: 10
      | ^^^^ this is a tab
      |
      = help: indent with spaces
    "#);
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut yaml = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, below) in ["b", "c", "d", "e", "f", "g"].iter().zip(["a", "b", "c", "d", "e", "f"]) {
        let copies = vec![format!("*{below}"); 10].join(", ");
        yaml.push_str(&format!("{name}: &{name} [{copies}]\n"));
    }
    assert_snapshot!(drawn(&yaml), @r#"
    error[DR0104]: aliases expand to too much
     --> pipelines/nightly.yaml:4:32
      |
    4 | d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
      |                                ^^ aliases up to here copy more than 10,000 values or 1 MB
      |
      = help: write the values out, or remove the aliases
    "#);
}

#[test]
fn a_yaml_1_1_boolean_is_explained() {
    assert_snapshot!(drawn(&with("batch: {chain: yes}\n")), @r#"
    error[DR0204]: not a boolean in YAML 1.2
     --> pipelines/nightly.yaml:6:16
      |
    6 | batch: {chain: yes}
      |                ^^^ a plain word in YAML 1.2
      |
      = help: write `true`
    "#);
}

#[test]
fn an_undefined_template_variable_is_pointed_at() {
    assert_snapshot!(drawn(&with("vars: {min_sessions: 3}\ninstructions: |\n  Merge what is the same.\n  Keep {{ vars.min_sesions }} or {{ batch.idx }}.\n")), @r#"
    error[DR0402]: undefined template variable
     --> pipelines/nightly.yaml:9:11
      |
    9 |   Keep {{ vars.min_sesions }} or {{ batch.idx }}.
      |           ^^^^^^^^^^^^^^^^ `vars.min_sesions` is not declared under `vars`
      |
      = help: did you mean `vars.min_sessions`?

    error[DR0402]: undefined template variable
     --> pipelines/nightly.yaml:9:37
      |
    9 |   Keep {{ vars.min_sesions }} or {{ batch.idx }}.
      |                                     ^^^^^^^^^ `batch` has no `idx`
      |
      = help: `batch` has index, count, first, last, sessions
    "#);
}

#[test]
fn a_template_syntax_error_is_pointed_at() {
    assert_snapshot!(drawn(&with("instructions: |\n  Merge.\n\n  {% if batch.last %}now\n")), @r#"
    error[DR0401]: template syntax error
     --> pipelines/nightly.yaml:9:22
      |
    9 |   {% if batch.last %}now
      |                      ^^^ unexpected end of input, expected end of block
    "#);
}

#[test]
fn instructions_that_can_be_too_long_state_their_size() {
    assert_snapshot!(drawn(&with("instructions: |\n  Read {{ batch.sessions|join(\", \") }}.\n")), @r#"
    error[DR0403]: instructions can be too long
     --> pipelines/nightly.yaml:6:1
      |
    6 | instructions: |
      | ^^^^^^^^^^^^ up to 25,804 characters when rendered, the limit is 4,096
      |
      = help: leave the list of sessions out, or lower `batch.size`: ids have up to 256 characters
    "#);
}

#[test]
fn template_features_that_could_grow_are_refused() {
    assert_snapshot!(drawn(&with("instructions: |\n  {% set a = 'x' ~ 'x' %}\n  {% include 'secrets' %}\n")), @r#"
    error[DR0405]: template feature not available
     --> pipelines/nightly.yaml:7:18
      |
    7 |   {% set a = 'x' ~ 'x' %}
      |                  ^ statements compute no text
      |
      = help: write the texts out, or join them in `{{ … }}`

    error[DR0405]: template feature not available
     --> pipelines/nightly.yaml:8:6
      |
    8 |   {% include 'secrets' %}
      |      ^^^^^^^ `include` is not available in instructions
      |
      = help: use `if`, `for` and `set name = value`
    "#);
}

#[test]
fn take_zero_has_its_own_words() {
    let yaml = "dreamrun: 1\nmodel: offline\ninput:\n  store: support-memory\n  sessions: {files: [a.jsonl], take: 0}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0307]: take is zero
     --> pipelines/nightly.yaml:5:38
      |
    5 |   sessions: {files: [a.jsonl], take: 0}
      |                                      ^ no session would ever be read
      |
      = help: leave `take` out to read all that wait, or give 1 or more
    "#);
}

#[test]
fn min_above_take_is_explained() {
    let yaml = "dreamrun: 1\nmodel: offline\ninput:\n  store: support-memory\n  sessions: {files: [a.jsonl], take: 5, min: 9}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0308]: min is above take
     --> pipelines/nightly.yaml:5:46
      |
    5 |   sessions: {files: [a.jsonl], take: 5, min: 9}
      |                                              ^ 9 sessions must wait, and only 5 may be read
      |
      = help: set `min` to 5 or less
    "#);
}

#[test]
fn a_batch_beyond_one_hundred_is_explained() {
    assert_snapshot!(drawn(&with("batch: {size: 101}\n")), @r#"
    error[DR0309]: batch size out of range
     --> pipelines/nightly.yaml:6:15
      |
    6 | batch: {size: 101}
      |               ^^^ one dream reads 1 to 100 sessions
      |
      = help: set `size: 100` and `chain: true`: more sessions then make further dreams
    "#);
}

#[test]
fn a_raw_store_with_automatic_adoption_is_refused() {
    let yaml = "dreamrun: 1\nmodel: offline\ninput:\n  store: memstore_01abc\n  sessions: {files: [a.jsonl]}\nadopt: {mode: auto}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0304]: raw store id with automatic adoption
     --> pipelines/nightly.yaml:4:10
      |
    4 |   store: memstore_01abc
      |          ^^^^^^^^^^^^^^ a raw id cannot follow adoption
      |
      = note: after the first adoption the next run would read the old store again
      = help: name the store under `stores` in dreamrun.yaml and use the name here
      = help: or set `adopt.mode: review`
    "#);
}

#[test]
fn an_unknown_store_names_the_nearest() {
    let yaml =
        "dreamrun: 1\nmodel: offline\ninput:\n  store: suport-memory\n  sessions: {files: [a.jsonl]}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0303]: unknown store
     --> pipelines/nightly.yaml:4:10
      |
    4 |   store: suport-memory
      |          ^^^^^^^^^^^^^ dreamrun.yaml has no store of this name
      |
      = help: did you mean `support-memory`?
    "#);
}

#[test]
fn what_only_managed_agents_can_serve_says_so() {
    let yaml = "dreamrun: 1\nmodel: claude-sonnet-4-6\ninput:\n  store: support-memory\n  sessions: {agent: agent_01}\nadopt: {target: session, agent: agent_01, environment: env_01}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0511]: needs backend managed_agents
     --> pipelines/nightly.yaml:2:8
      |
    2 | model: claude-sonnet-4-6
      |        ^^^^^^^^^^^^^^^^^ the local backend has no such model
      |
      = help: use `offline`, or set `backend: managed_agents` in dreamrun.yaml

    error[DR0511]: needs backend managed_agents
     --> pipelines/nightly.yaml:5:14
      |
    5 |   sessions: {agent: agent_01}
      |              ^^^^^ the local backend has no sessions by agent
      |
      = help: use `files` with globs of transcripts, or set `backend: managed_agents` in dreamrun.yaml

    error[DR0511]: needs backend managed_agents
     --> pipelines/nightly.yaml:6:17
      |
    6 | adopt: {target: session, agent: agent_01, environment: env_01}
      |                 ^^^^^^^ the local backend has no target `session`
      |
      = help: use `pointer`, `copy_back` or `directory`, or set `backend: managed_agents` in dreamrun.yaml
    "#);
}

#[test]
fn paths_that_leave_the_project_name_the_way_to_allow_them() {
    let yaml = "dreamrun: 1\nmodel: offline\ninput:\n  store: support-memory\n  sessions: {files: [\"~/.claude/**\", ../x/*.jsonl, /etc/x]}\nadopt: {target: directory, directory: /srv/out}\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0316]: path leaves the project
     --> pipelines/nightly.yaml:5:22
      |
    5 |   sessions: {files: ["~/.claude/**", ../x/*.jsonl, /etc/x]}
      |                      ^^^^^^^^^^^^^^ `~` is outside the project
      |
      = help: move it into the project, or allow its folder on the command line with `--allow-read DIR` and an absolute path here

    error[DR0316]: path leaves the project
     --> pipelines/nightly.yaml:5:38
      |
    5 |   sessions: {files: ["~/.claude/**", ../x/*.jsonl, /etc/x]}
      |                                      ^^^^^^^^^^^^ this path climbs out of the project
      |
      = help: move it into the project, or allow its folder on the command line with `--allow-read DIR` and an absolute path here

    error[DR0316]: path leaves the project
     --> pipelines/nightly.yaml:5:52
      |
    5 |   sessions: {files: ["~/.claude/**", ../x/*.jsonl, /etc/x]}
      |                                                    ^^^^^^ an absolute path is outside the project
      |
      = help: move it into the project, or allow its folder on the command line with `--allow-read DIR`

    error[DR0316]: path leaves the project
     --> pipelines/nightly.yaml:6:39
      |
    6 | adopt: {target: directory, directory: /srv/out}
      |                                       ^^^^^^^^ an absolute path is outside the project
      |
      = help: name a folder of the project; nothing is written elsewhere
    "#);
}

#[test]
fn sources_are_exactly_one_and_never_twice() {
    let yaml = "dreamrun: 1\nmodel: offline\ninput:\n  store: support-memory\n  sessions:\n    from:\n      - {ids: [s1, s1]}\n      - {files: [a.jsonl], ids: [s2]}\n      - {}\n      - files: [./b.jsonl]\n      - files: [b.jsonl]\n";
    assert_snapshot!(drawn(yaml), @r#"
    error[DR0306]: session source given twice
     --> pipelines/nightly.yaml:7:20
      |
    7 |       - {ids: [s1, s1]}
      |                    ^^ this session is listed before
      |
      = help: a dream reads a session once; remove one of the two

    error[DR0305]: not exactly one session source
     --> pipelines/nightly.yaml:8:10
      |
    8 |       - {files: [a.jsonl], ids: [s2]}
      |          ^^^^^ this is a second session source
      |
      = help: list several sources under `from`, each with one key

    error[DR0305]: not exactly one session source
     --> pipelines/nightly.yaml:9:9
      |
    9 |       - {}
      |         ^^ this names no session source
      |
      = help: give exactly one of `agent`, `deployment`, `store`, `ids` and `files`

    error[DR0306]: session source given twice
      --> pipelines/nightly.yaml:11:17
       |
    11 |       - files: [b.jsonl]
       |                 ^^^^^^^ this glob is listed before
       |
       = help: remove one of the two
    "#);
}

#[test]
fn missing_and_empty_keys_are_told_apart() {
    assert_snapshot!(drawn("model: offline\ninput:\n  store:\n"), @r#"
    error[DR0206]: missing key
     --> pipelines/nightly.yaml:1:1
      |
    1 | model: offline
      | ^^^^^ the top level needs the key `dreamrun`
      |
      = help: begin the file with `dreamrun: 1`

    error[DR0206]: missing key
     --> pipelines/nightly.yaml:2:1
      |
    2 | input:
      | ^^^^^ `input` needs the key `sessions`
      |
      = help: add `sessions:`

    error[DR0207]: empty value
     --> pipelines/nightly.yaml:3:3
      |
    3 |   store:
      |   ^^^^^ expected text
      |
      = help: give it a value, or remove the key
    "#);
}

#[test]
fn wrong_types_say_what_was_expected() {
    assert_snapshot!(drawn(&with("name: 5\nbatch: {size: \"10\"}\nbudget: 6\ngates: {secrets: off, unchanged: never}\nadopt: {mode: atuo}\n")), @r#"
    error[DR0203]: wrong type
     --> pipelines/nightly.yaml:6:7
      |
    6 | name: 5
      |       ^ expected text, found a number
      |
      = help: quote it: `"5"`

    error[DR0203]: wrong type
     --> pipelines/nightly.yaml:7:15
      |
    7 | batch: {size: "10"}
      |               ^^^^ expected a whole number, found text
      |
      = help: remove the quotes: `10`

    error[DR0203]: wrong type
     --> pipelines/nightly.yaml:8:9
      |
    8 | budget: 6
      |         ^ expected a mapping, found a number

    error[DR0205]: unknown value
     --> pipelines/nightly.yaml:9:18
      |
    9 | gates: {secrets: off, unchanged: never}
      |                  ^^^ expected `review` or `block`
      |
      = note: `yes`, `no`, `on` and `off` are plain words in YAML 1.2, and none of those this key takes

    error[DR0205]: unknown value
     --> pipelines/nightly.yaml:9:34
      |
    9 | gates: {secrets: off, unchanged: never}
      |                                  ^^^^^ expected `skip`, `review` or `pass`

    error[DR0205]: unknown value
      --> pipelines/nightly.yaml:10:15
       |
    10 | adopt: {mode: atuo}
       |               ^^^^ expected `auto` or `review`
       |
       = help: did you mean `auto`?
    "#);
}

#[test]
fn an_assert_expression_is_checked() {
    assert_snapshot!(drawn(&with("gates:\n  assert:\n    - {expr: \"diff.after.byte <= 10\"}\n    - {expr: \"diff.removed\", else: review}\n")), @r#"
    error[DR0407]: invalid assert expression
     --> pipelines/nightly.yaml:8:14
      |
    8 |     - {expr: "diff.after.byte <= 10"}
      |              ^^^^^^^^^^^^^^^^^^^^^^^ there is no `diff.after.byte`
      |
      = help: did you mean `diff.after.bytes`?

    error[DR0407]: invalid assert expression
     --> pipelines/nightly.yaml:9:14
      |
    9 |     - {expr: "diff.removed", else: review}
      |              ^^^^^^^^^^^^^^ this does not come to true or false
      |
      = help: compare it with something, such as `diff.removed <= 10`
    "#);
}

#[test]
fn settings_of_other_targets_are_refused() {
    assert_snapshot!(drawn(&with("adopt: {target: directory, deployments: [d1]}\n")), @r#"
    error[DR0318]: adoption target lacks a setting
     --> pipelines/nightly.yaml:6:17
      |
    6 | adopt: {target: directory, deployments: [d1]}
      |                 ^^^^^^^^^ `target: directory` needs `directory`
      |
      = help: add `directory:` under `adopt`

    error[DR0319]: setting of another adoption target
     --> pipelines/nightly.yaml:6:28
      |
    6 | adopt: {target: directory, deployments: [d1]}
      |                            ^^^^^^^^^^^ `deployments` does nothing for `target: directory`
      |
      = help: set `target: deployment`, or remove `deployments`
    "#);
}

#[test]
fn warnings_do_not_refuse_a_file() {
    let yaml = "dreamrun: 1\nmodel: offline\nvars: {unused: 1}\ninput:\n  store: support-memory\n  sessions: {files: [a.jsonl], take: 250}\ninstructions: Merge.\n";
    assert_snapshot!(drawn(yaml), @r#"
    warning[DR0406]: unused variable
     --> pipelines/nightly.yaml:3:8
      |
    3 | vars: {unused: 1}
      |        ^^^^^^ `vars.unused` is never used
      |
      = help: remove it, or use it in the instructions

    warning[DR0310]: take is beyond one batch
     --> pipelines/nightly.yaml:6:38
      |
    6 |   sessions: {files: [a.jsonl], take: 250}
      |                                      ^^^ 250 sessions do not fit one dream of 100
      |
      = help: set `batch.chain: true` to dream in a chain, or lower `take`
    "#);
}

#[test]
fn an_empty_file_and_a_second_document_are_refused() {
    assert_snapshot!(drawn("# nothing\n"), @r#"
    error[DR0116]: file holds no mapping
    --> pipelines/nightly.yaml
     = note: the file is empty
     = help: begin with `dreamrun: 1`
    "#);
    assert_snapshot!(drawn("a: 1\n---\nb: 2\n"), @r#"
    error[DR0107]: more than one document
     --> pipelines/nightly.yaml:2:1
      |
    2 | ---
      | ^^^ a second document begins here
      |
      = help: move it to a file of its own
    "#);
}

#[test]
fn terminal_escapes_in_a_file_never_reach_the_terminal() {
    let drawing = drawn(&with("\"\\e]0;owned\\a\u{202e}evil\": 1\n"));
    assert!(!drawing.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{drawing}");
    let file = SourceFile::new("p\u{1b}[31m.yaml", "a: \u{1b}[0m\n");
    let problems = load_pipeline(&file, &project(), &options()).unwrap_err();
    for problem in &problems {
        let drawing = text(problem, Some(&file), Look::Plain);
        assert!(!drawing.contains('\u{1b}'), "{drawing}");
        assert!(text(problem, Some(&file), Look::Coloured).contains("\u{1b}["));
    }
}

fn misspelt() -> (SourceFile, Vec<Problem>) {
    let file =
        SourceFile::new("pipelines/ä, b.yaml", with("name: n\ngates:\n  entry_removed: {review: 60%}\n"));
    let problems = load_pipeline(&file, &project(), &options()).unwrap_err();
    (file, problems)
}

#[test]
fn json_has_one_flat_object_per_problem() {
    let (_, problems) = misspelt();
    assert_snapshot!(serde_json::to_string_pretty(&diagnostic(&problems[0])).unwrap(), @r#"
    {
      "code": "DR0202",
      "severity": "error",
      "file": "pipelines/ä, b.yaml",
      "route": "gates.entry_removed",
      "line": 8,
      "column": 3,
      "end_line": 8,
      "end_column": 16,
      "title": "unknown gate",
      "message": "no gate has this name",
      "notes": [],
      "help": [
        "did you mean `entries_removed`?"
      ]
    }
    "#);
}

#[test]
fn sarif_has_rules_and_regions() {
    let (_, problems) = misspelt();
    assert_snapshot!(serde_json::to_string_pretty(&sarif(&problems)).unwrap(), @r#"
    {
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "dreamrun",
              "version": "0.1.0",
              "rules": [
                {
                  "id": "DR0202",
                  "shortDescription": {
                    "text": "unknown gate"
                  },
                  "fullDescription": {
                    "text": "No gate has this name. A misspelt gate would never fire."
                  },
                  "defaultConfiguration": {
                    "level": "error"
                  }
                }
              ]
            }
          },
          "columnKind": "unicodeCodePoints",
          "results": [
            {
              "ruleId": "DR0202",
              "ruleIndex": 0,
              "level": "error",
              "message": {
                "text": "unknown gate: no gate has this name\nhelp: did you mean `entries_removed`?"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "pipelines/%C3%A4%2C%20b.yaml"
                    },
                    "region": {
                      "startLine": 8,
                      "startColumn": 3,
                      "endLine": 8,
                      "endColumn": 16
                    }
                  }
                }
              ]
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn github_commands_are_escaped() {
    let (_, problems) = misspelt();
    assert_snapshot!(github(&problems[0]), @r#"::error file=pipelines/ä%2C b.yaml,line=8,endLine=8,col=3,endColumn=16,title=DR0202 unknown gate::unknown gate: no gate has this name%0Ahelp: did you mean `entries_removed`?"#);
}

#[test]
fn problems_are_counted_in_words() {
    let (_, problems) = misspelt();
    assert_eq!(count(&problems), "1 error");
    assert_eq!(count(&[]), "");
}
