//! Help: of the program as a whole, and what is particular to each command.

use crate::support::Project;

/// Returns a command's help up to the options that all commands share.
fn help(command: &str) -> String {
    let output = Project::empty().run(&[command, "--help"]).ends_with(0);
    assert_eq!(output.stderr, "");
    let (own, global) = output.stdout.split_once("\nGlobal options:\n").expect("global options come last");
    assert!(global.contains("--fail-on") && global.contains("--directory"), "{global}");
    own.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn the_program_lists_its_commands_and_exit_codes() {
    insta::assert_snapshot!(Project::empty().run(&["--help"]));
}

#[test]
fn version_is_data() {
    let output = Project::empty().run(&["--version"]).ends_with(0);
    assert_eq!(output.stdout, concat!("dreamrun ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_misspelt_command_or_option_is_suggested() {
    insta::assert_snapshot!(Project::empty().run(&["aply"]), @r"
    -- stderr
    error: unrecognized subcommand 'aply'

      tip: a similar subcommand exists: 'apply'

    Usage: dreamrun [OPTIONS] [COMMAND]

    For more information, try '--help'.
    -- exit 2
    ");
    insta::assert_snapshot!(Project::empty().run(&["apply", "--yess"]), @r"
    -- stderr
    error: unexpected argument '--yess' found

      tip: a similar argument exists: '--yes'

    Usage: dreamrun apply --yes [NAME]...

    For more information, try '--help'.
    -- exit 2
    ");
}

#[test]
fn a_wrong_command_line_is_one_document_with_json() {
    let output = Project::empty().run(&["aply", "--json"]).ends_with(2);
    let document = output.json();
    assert_eq!((&document["kind"], &document["ok"]), (&"usage".into(), &false.into()));
    assert_eq!(document["error"]["message"], "unrecognized subcommand 'aply'");
}

#[test]
fn help_of_init() {
    insta::assert_snapshot!(help("init"), @r"
    Write the files of a first project, which runs as it is

    Usage: dreamrun init [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_validate() {
    insta::assert_snapshot!(help("validate"), @r"
    Check the project's files, offline

    Usage: dreamrun validate [OPTIONS] [FILE]...

    Arguments:
      [FILE]...
              Pipelines, fixtures, forget lists and probe files; all of the project if none is given

    Options:
          --format <FORMAT>
              What to print

              Possible values:
              - text:   Problems drawn on the files, on stderr
              - json:   One JSON document on stdout, as with --json
              - sarif:  SARIF 2.1.0 on stdout, for code scanning
              - github: Workflow commands on stdout, for GitHub annotations

              [default: text]

          --strict
              Fail on warnings too

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_test() {
    insta::assert_snapshot!(help("test"), @r"
    Run the fixture tests of pipelines, offline

    Usage: dreamrun test [OPTIONS] [NAME]...

    Arguments:
      [NAME]...
              Pipelines whose tests to run, by name, or fixture files; all if none is given

    Options:
          --case <TEXT>
              Only cases whose name holds this text

          --junit <FILE>
              Write the results to a file as JUnit XML

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_plan() {
    insta::assert_snapshot!(help("plan"), @r"
    Show what would run and what it may cost

    Usage: dreamrun plan [OPTIONS] [NAME]...

    Arguments:
      [NAME]...
              Pipelines, by name or file; all of them if none is given

    Options:
          --offline
              Look at the files alone: no store, no sessions

          --changed <REV>
              Only the pipelines that mean something else than at this revision of the Git repository

          --out <FILE>
              Save the plan to a file, for `apply --plan` to carry out exactly this

          --comment <FILE>
              Write a comment for a pull request to a file, as Markdown

          --content
              Let rendered instructions into the comment

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_apply() {
    insta::assert_snapshot!(help("apply"), @r"
    Start or continue runs

    Usage: dreamrun apply [OPTIONS] [NAME]...

    Arguments:
      [NAME]...
              Pipelines, by name or file; all of them if none is given

    Options:
          --parallel <N>
              Carry on at most N runs at a time [default: 200 on a server, 1 on the local backend]

          --from-dream <DREAM>
              Judge and adopt the output of this dream, made elsewhere, instead of asking for one

          --plan <FILE>
              Carry out exactly the plan that `plan --out` saved to this file; asks for no agreement

          --max-plan-age <AGE>
              Refuse a saved plan that is older than this [default: 14d]

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_status() {
    insta::assert_snapshot!(help("status"), @r"
    Show what lives, runs and waits

    Usage: dreamrun status [OPTIONS] [NAME]...

    Arguments:
      [NAME]...
              Stores or pipelines; everything if none is given

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_show() {
    insta::assert_snapshot!(help("show"), @r"
    Show one run

    Usage: dreamrun show [OPTIONS] [RUN]

    Arguments:
      [RUN]
              The run: its id, an unambiguous beginning of it, or `latest`

              [default: latest]

    Options:
          --follow
              Tell what its dream reads and writes until it ends, whoever drives the run

          --html <FILE>
              Write a report to a file: one page of HTML that needs no network

          --markdown <FILE>
              Write a comment for a pull request to a file, as Markdown

          --junit <FILE>
              Write the gates' verdicts to a file, as JUnit XML

          --content
              Let memory text into the comment, redacted

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_diff() {
    insta::assert_snapshot!(help("diff"), @r"
    Show what a run, or two stores or folders, differ in

    Usage: dreamrun diff [OPTIONS] [RUN | A B]...

    Arguments:
      [RUN | A B]...
              A run; or two stores, each by alias, by id, or as a folder

    Options:
      -U, --unified
              Show whole lines as a unified diff

          --path <PATH>
              Only entries at or below this path

          --why <PATH>
              Say of each statement of this memory what became of it and why

          --review
              Step through the statements of a run that waits: keep, drop or restore each

          --decisions <FILE>
              Do to the statements of a run that waits what this file says

          --decisions-out <FILE>
              Write all statements to decide on to this file

          --stat
              Only counts

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_log() {
    insta::assert_snapshot!(help("log"), @r"
    Tell what happened to a store, or to one of its memories

    Usage: dreamrun log [OPTIONS] <ALIAS> [PATH]

    Arguments:
      <ALIAS>
              The store, by its alias

      [PATH]
              A memory, under any name it ever had; all runs of the store if none is given

    Options:
          --statement <HASH>
              Follow one statement instead, by its hash or the beginning of it

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_restore() {
    insta::assert_snapshot!(help("restore"), @r"
    Write statements that an adopted run lost back into the live store

    Usage: dreamrun restore [OPTIONS] <RUN> [STATEMENT]...

    Arguments:
      <RUN>
              The run: its id, an unambiguous beginning of it, or `latest`

      [STATEMENT]...
              The statements, each as PATH:LINE or the beginning of its hash, as `diff --why` and `log`
              show them

    Options:
          --all-lost
              Every statement the run lost

          --path <PATH>
              With --all-lost: only those of memories at or below this path

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_approve() {
    insta::assert_snapshot!(help("approve"), @r"
    Adopt a candidate that waits for a person

    Usage: dreamrun approve [OPTIONS] <RUN>

    Arguments:
      <RUN>
              The run: its id, an unambiguous beginning of it, or `latest`

    Options:
          --override <GATE>
              Adopt although this gate blocks; needs --reason

          --reason <TEXT>
              Why, for the record

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_reject() {
    insta::assert_snapshot!(help("reject"), @r"
    Drop a candidate that waits for a person

    Usage: dreamrun reject [OPTIONS] <RUN>

    Arguments:
      <RUN>
              The run: its id, an unambiguous beginning of it, or `latest`

    Options:
          --reason <TEXT>
              Why, for the record

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_cancel() {
    insta::assert_snapshot!(help("cancel"), @r"
    Stop a run

    Usage: dreamrun cancel [OPTIONS] <RUN>

    Arguments:
      <RUN>
              The run: its id, an unambiguous beginning of it, or `latest`

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_rollback() {
    insta::assert_snapshot!(help("rollback"), @r"
    Bring back the store that was live before, and hold automation

    Usage: dreamrun rollback [OPTIONS] <ALIAS>

    Arguments:
      <ALIAS>
              The store, by its alias

    Options:
          --to <STORE>
              Go back to this store instead of the one before

          --path <PATH>
              Bring only the memories at or below this path back, in the live store; the alias stays,
              without a hold

          --run <RUN>
              With --path: to what they were before this run, instead of the last that was adopted

          --carry
              Keep what agents wrote since the adoption: only what the dream did is undone

          --reason <TEXT>
              Why, for the record

          --override <GATE>
              Go back although the store's forget list forbids what comes back; needs --reason

              [possible values: forget]

          --release
              Take the hold off instead, so that runs are due again

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_forget() {
    insta::assert_snapshot!(help("forget"), @r"
    Say where text still stands that a store's forget list forbids

    Usage: dreamrun forget [OPTIONS] [ALIAS]

    Arguments:
      [ALIAS]
              The store, by its alias

    Options:
          --hash <TEXT>
              Print the rule that forbids this statement, which is stored nowhere; `-` reads it from
              stdin. With ALIAS: look for it instead of what the forget list forbids

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_gc() {
    insta::assert_snapshot!(help("gc"), @r"
    Delete stores that nothing needs any more

    Usage: dreamrun gc [OPTIONS]

    Options:
          --dry-run
              Show what would be deleted, and delete nothing

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_schema() {
    insta::assert_snapshot!(help("schema"), @r"
    Print a JSON Schema

    Usage: dreamrun schema [OPTIONS] [WHICH]

    Arguments:
      [WHICH]
              Which schema

              Possible values:
              - pipeline:   Pipeline files
              - project:    The project file
              - probes:     Probe files, which `gates.probes` names
              - forget:     Forget lists, which `stores.NAME.forget` names
              - test:       Fixture files, `pipelines/NAME.test.yaml`
              - decisions:  Files of decisions, which `diff --decisions` reads
              - plan:       The document that `plan --json` prints
              - saved-plan: The document that `plan --out` saves

              [default: pipeline]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn help_of_completions() {
    insta::assert_snapshot!(help("completions"), @r"
    Print shell completions

    Usage: dreamrun completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>
              The shell

              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}
