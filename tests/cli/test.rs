//! `test`: fixture files beside their pipelines, and what they say when a case fails.

use crate::support::Project;

const TESTS: &str = r#"dreamrun: 1
cases:
  - name: all but one memory gone
    before: memory
    remove: ["/deploy*", "/none/**"]
    expect: {gates: {entries_removed: block}}
  - name: a key is found
    before: {}
    after: {"/k.md": "- one\n- key sk_live_51Nq0aZbQ7pLrT8vXyC2kD4mE\n"}
    expect: {gates: {secrets: block}, findings: {secrets: ["/k.md:2"]}, fates: {new: 2}}
plans:
  - name: two sessions, one dream
    sessions: 2
    expect: {due: true, batches: [2]}
"#;

fn project(tests: &str) -> Project {
    let project = Project::small();
    project.write("pipelines/tidy.test.yaml", tests);
    project
}

#[test]
fn a_case_that_fails_says_what_was_expected_what_was_found_and_why() {
    let project = project(TESTS);
    insta::assert_snapshot!(project.run(&["test"]), @r"
    -- stderr
    tidy pipelines/tidy.test.yaml
      FAILED  all but one memory gone  pipelines/tidy.test.yaml:3
              gates.entries_removed: expected block, found review
                entries_removed: 2 of 3 entries removed (66.7%) (review above 60%, block above 80%)
                /deploy-2.md: removed
                /deploy.md: removed
      ok      a key is found
      ok      two sessions, one dream

    3 cases: 1 failed
    -- exit 1
    ");
}

#[test]
fn only_the_cases_that_were_named_are_run() {
    let project = project(TESTS);
    insta::assert_snapshot!(project.run(&["test", "tidy", "--case", "key"]), @r"
    -- stderr
    tidy pipelines/tidy.test.yaml
      ok      a key is found

    1 case: passed
    -- exit 0
    ");
    let _ = project.run(&["test", "pipelines/tidy.test.yaml", "--case", "key"]).ends_with(0);
    insta::assert_snapshot!(project.run(&["test", "--case", "lock"]), @r"
    -- stderr
    error: no case has `lock` in its name
    -- exit 2
    ");
    insta::assert_snapshot!(project.run(&["test", "tidi"]), @r"
    -- stderr
    error: there are no tests of a pipeline `tidi`
      = Did you mean `tidy`?
    -- exit 2
    ");
    insta::assert_snapshot!(Project::small().run(&["test"]), @r"
    -- stderr
    error: the project has no tests
      = Write them in `pipelines/NAME.test.yaml`, beside the pipeline `NAME`.
    -- exit 2
    ");
}

#[test]
fn results_are_a_document_and_a_junit_file() {
    let project = project(TESTS);
    let output = project.run(&["test", "--json", "--junit", "results.xml"]).ends_with(1);
    let document = output.json();
    assert_eq!((&document["ok"], &document["outcome"]), (&false.into(), &"failed".into()));
    let data = &document["data"];
    assert_eq!((&data["passed"], &data["failed"]), (&2.into(), &1.into()), "{output}");
    let case = &data["files"][0]["cases"][0];
    assert_eq!((&case["line"], &case["ok"]), (&3.into(), &false.into()), "{case:#}");
    let xml = project.read("results.xml");
    assert!(xml.contains("<testsuite name=\"pipelines/tidy.test.yaml\" tests=\"3\" failures=\"1\""), "{xml}");
    assert!(xml.contains("<testcase name=\"a key is found\" "), "{xml}");
}

#[test]
fn in_a_job_a_failed_case_is_annotated_at_its_line() {
    let mut project = project(TESTS);
    let (summary, checkout) = (project.path("summary.md"), project.path(""));
    project.set("GITHUB_ACTIONS", "true");
    project.set("GITHUB_STEP_SUMMARY", summary);
    project.set("GITHUB_WORKSPACE", checkout);
    let output = project.run(&["test"]).ends_with(1);
    let annotation = "::error file=pipelines/tidy.test.yaml,line=3,title=all but one memory gone::";
    assert!(output.stderr.contains(annotation), "{output}");
    assert!(project.read("summary.md").contains("3 cases: 1 failed"), "{output}");
}

#[test]
fn what_a_file_expects_in_vain_is_a_problem_of_the_file() {
    let project = project(
        r#"dreamrun: 1
cases:
  - name: twice
    before: memory
    after: nowhere
    expect: {gates: {secret: block, protected: pass}}
  - name: twice
    before: {deploy.md: text}
    write: {}
    sayings: [{user: a, tool: b}]
    expect: {decision: adopted}
"#,
    );
    insta::assert_snapshot!(project.run(&["test"]));
    assert_eq!(project.run(&["validate"]).code, 3, "validate looks at fixture files as well");
}

#[test]
fn a_fixture_file_needs_its_pipeline() {
    let project = Project::small();
    project.write("pipelines/tidi.test.yaml", TESTS);
    insta::assert_snapshot!(project.run(&["validate"]), @r"
    -- stderr
    error[DR0611]: tests of an unknown pipeline
    --> pipelines/tidi.test.yaml
     = note: there is no pipeline `tidi`
     = help: did you mean `tidy.test.yaml`?

    3 files: 1 error
    -- exit 3
    ");
    // A pipeline that is broken is told once; what its tests may expect is not known.
    project.write("pipelines/tidi.yaml", "dreamrun: 1\n");
    let output = project.run(&["validate"]).ends_with(3);
    assert!(!output.stderr.contains("tidi.test.yaml"), "{output}");
}
