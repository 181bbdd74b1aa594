//! What is known, what is not, and what comes of it.

use std::path::PathBuf;

use super::super::rules::Rules;
use super::super::testing::*;
use super::*;
use crate::spec::load_probes;
use crate::spec::pipeline::GateSpec;
use crate::spec::source::SourceFile;

fn list(probes: &str) -> ProbeList {
    let text = format!("dreamrun: 1\nprobes:\n{probes}");
    load_probes(&SourceFile::new("probes/support.yaml", text)).unwrap_or_else(|found| panic!("{found:#?}")).0
}

fn judged_by(list: ProbeList, before: &Snapshot, after: &Snapshot) -> Verdict {
    let rules = Rules { probes: Some(Ok(list)), ..Rules::default() };
    let levels = ProbeLevels {
        file: PathBuf::from("probes/support.yaml"),
        review: Some(ProbeRule::AnyFailure),
        block: Some(ProbeRule::AnyRegression),
    };
    let spec = GateSpec::Probes(levels);
    with_evidence(before, after, |evidence| {
        super::super::judge(&spec, &Evidence { rules: &rules, ..*evidence })
    })
}

/// Says whether a store passes one probe.
fn passes(probe: &str, store: &Snapshot) -> bool {
    judged_by(list(&format!("  - {{{probe}}}\n")), store, store).outcome == Outcome::Pass
}

#[test]
fn a_text_is_known_in_any_spelling_and_not_where_it_is_negated() {
    let store = store(&[
        ("/team/deploys.md", "# Deploys\n\n- We deploy on Thursday, not on Friday\n- Timeout: 30 seconds\n"),
        ("/team/ann.md", "# Ann\n\n- Favourite colour is teal\n- Never calls before 10:00\n"),
        ("/filler.md", &"- Lunch is at noon\n- The office is in Berlin\n".repeat(20)),
    ]);
    let table = [
        (r#"ask: "When do we deploy?", must_know: [Thursday]"#, true),
        (r#"ask: "When do we deploy?", must_know: ["deploy on Thursday"]"#, true),
        (r#"ask: "When do we deploy?", must_know: [Friday]"#, false),
        (r#"ask: "What is the timeout?", must_know: ["30 s"]"#, true),
        (r#"ask: "What is the timeout?", must_know: ["30 min"]"#, false),
        (r#"ask: "Which colour does Ann like?", must_know: ["Ann teal"]"#, true),
        (r#"ask: "When to call Ann?", must_know: ["never calls before 10:00"]"#, true),
        (r#"ask: "When to call Ann?", must_know: ["calls before 10:00"]"#, false),
        (r#"ask: "When do we deploy?", must_know: ["/thurs?day/"]"#, true),
        (r#"pattern: "timeout", must_know: ["30s"]"#, true),
        (r#"pattern: "timeout", must_know: [Thursday]"#, false),
        (r#"ask: "When do we deploy?", must_know: [Thursday], path: "/filler.md""#, false),
        (r#"must_not_know: ["deploy on Friday"]"#, false),
        (r#"must_not_know: ["deploy on Monday"]"#, true),
        (r#"must_not_know: ["calls before 10:00"]"#, false),
        (r#"must_not_know: ["30s"]"#, false),
        (r#"must_not_know: ["/fri(day)?/"]"#, false),
        (r#"must_not_know: ["30s"], path: "/filler.md""#, true),
        (r#"ask: "What is Ann's salary?", must_abstain: true"#, true),
        (r#"ask: "Where is the office?", must_abstain: true"#, false),
        (r#"pattern: "salary", must_abstain: true"#, true),
        (r#"pattern: "berlin", must_abstain: true"#, false),
    ];
    for (probe, expected) in table {
        assert_eq!(passes(probe, &store), expected, "{probe}");
    }
}

#[test]
fn a_regression_blocks_and_names_probe_and_place() {
    let before = store(&[("/a.md", "- We deploy on Thursday\n- Ann likes teal\n")]);
    let after = store(&[("/a.md", "# Phone 555-1234\n\n- We deploy on Monday\n- Ann likes teal\n")]);
    let probes = list(
        "  - {name: deploy-day, ask: \"When do we deploy?\", must_know: [Thursday]}\n  \
         - {must_not_know: [\"555-1234\"]}\n  \
         - {ask: \"Who likes teal?\", must_know: [Bob]}\n",
    );
    insta::assert_json_snapshot!(judged_by(probes, &before, &after), @r#"
    {
      "gate": "probes",
      "outcome": "block",
      "measured": "3 of 3 probes failed, 2 passed before",
      "limit": "review at 1, block at 1 that passed before",
      "findings": [
        {
          "note": "probes/support.yaml:3 `deploy-day`: does not know must_know[0], which the live store knows"
        },
        {
          "note": "probes/support.yaml:5: does not know must_know[0]"
        },
        {
          "path": "/a.md",
          "line": 1,
          "note": "probes/support.yaml:4: must_not_know[0] stands here, as before the dream it did not"
        }
      ]
    }
    "#);
    let failing = "  - {ask: \"Who likes teal?\", must_know: [Bob]}\n";
    assert_eq!(judged_by(list(failing), &before, &before).outcome, Outcome::Review);
}

#[test]
fn a_part_of_a_run_without_spaces_must_not_be_known_either() {
    let store = store(&[("/a.md", "小明住在上海。\n")]);
    assert!(!passes(r#"must_not_know: ["上海"]"#, &store));
    assert!(passes(r#"must_not_know: ["北京"]"#, &store));
}

#[test]
fn many_matches_elsewhere_do_not_hide_one_within_the_scope() {
    let filler: Vec<(String, String)> = (0..30)
        .map(|i| (format!("/a/{i}.md"), (0..50).map(|j| format!("- Call 555-{i}{j}\n")).collect()))
        .collect();
    let mut memories: Vec<(&str, &str)> = filler.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    memories.push(("/team/z.md", "- Ann: 555-9999\n"));
    let store = store(&memories);
    assert!(!passes(r#"must_not_know: ["/555-9/"], path: "/team""#, &store));
    assert!(!passes(r#"pattern: "555-9999", must_abstain: true, path: "/team/**""#, &store));
    assert!(passes(r#"must_not_know: ["/555-9/"], path: "/other""#, &store));
}

#[test]
fn one_expectation_that_failed_before_does_not_hide_another() {
    let before = store(&[("/a.md", "- We deploy on Thursday\n")]);
    let after = store(&[("/a.md", "- We deploy on Monday\n")]);
    let probes = || list("  - {ask: \"When do we deploy?\", must_know: [Bob, Thursday]}\n");
    assert_eq!(judged_by(probes(), &before, &after).outcome, Outcome::Block);
    assert_eq!(judged_by(probes(), &after, &after).outcome, Outcome::Review);
}

#[test]
fn an_expectation_that_failed_before_and_fails_by_something_new_is_a_regression() {
    let before = store(&[("/a.md", "- Ann's phone is 555-1234\n"), ("/z.md", "- Tea at four\n")]);
    let more = store(&[
        ("/a.md", &"- Ann's phone is 555-1234\n".repeat(12)),
        ("/z.md", "- Tea at four\n- Call 555-1234 for Ann\n"),
    ]);
    for wanted in ["555-1234", "/555-1234/"] {
        let probes = || list(&format!("  - {{name: phone, must_not_know: [\"{wanted}\"]}}\n"));
        assert_eq!(judged_by(probes(), &before, &before).outcome, Outcome::Review, "it is as before");
        let verdict = judged_by(probes(), &before, &more);
        assert_eq!(verdict.outcome, Outcome::Block);
        assert_eq!(verdict.measured, "1 of 1 probe failed, 0 passed before, 1 fail by something new");
        let anew: Vec<_> = verdict.findings.iter().filter(|f| f.note.contains("does not say")).collect();
        assert_eq!(anew.len(), 1, "{verdict:?}");
        assert_eq!((anew[0].path.as_ref().unwrap().as_str(), anew[0].line), ("/z.md", Some(2)));
    }
    let abstain = || list("  - {ask: \"What is Ann's phone?\", must_abstain: true}\n");
    let other = store(&[("/a.md", "- Ann's phone is 555-9999\n"), ("/z.md", "- Tea at four\n")]);
    assert_eq!(judged_by(abstain(), &before, &before).outcome, Outcome::Review);
    assert_eq!(judged_by(abstain(), &before, &other).outcome, Outcome::Block);
}

#[test]
fn probes_that_were_not_read_block() {
    let store = store(&[("/a.md", "Tea at four.")]);
    let spec = GateSpec::Probes(ProbeLevels {
        file: PathBuf::from("p.yaml"),
        review: None,
        block: Some(ProbeRule::AnyFailure),
    });
    assert_eq!(judged(&spec, &store, &store).outcome, Outcome::Undecided);
}

#[test]
fn many_probes_share_one_index() {
    let memories: Vec<(String, String)> = (0..50)
        .map(|i| {
            (format!("/m{i}.md"), (0..40).map(|j| format!("- Service s{i}x{j} waits {j} s\n")).collect())
        })
        .collect();
    let memories: Vec<(&str, &str)> = memories.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    let store = store(&memories);
    let probes: String = (0..2_000)
        .map(|i| {
            let (a, b) = (i % 50, i % 40);
            format!("  - {{ask: \"How long does s{a}x{b} wait?\", must_know: [\"{b} seconds\"]}}\n")
        })
        .collect();
    let verdict = judged_by(list(&probes), &store, &store);
    assert_eq!(verdict.measured, "0 of 2,000 probes failed, 0 passed before");
}
