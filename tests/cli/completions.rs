//! `completions`: a script for each shell.

use crate::support::Project;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Project::empty().run(&["completions", shell]).ends_with(0);
        assert_eq!(output.stderr, "");
        for word in ["apply", "rollback", "fail-on"] {
            assert!(output.stdout.contains(word), "{shell} does not complete {word}");
        }
    }
}

#[test]
fn an_unknown_shell_is_refused_with_the_known_ones() {
    insta::assert_snapshot!(Project::empty().run(&["completions", "sh"]), @r"
    -- stderr
    error: invalid value 'sh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

    For more information, try '--help'.
    -- exit 2
    ");
}
