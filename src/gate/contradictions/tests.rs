//! Tests of the gate: pairs that contradict, pairs that look like it, and what is said of them.

use super::super::testing::*;
use super::super::verdict::Outcome;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::{GateSpec, Threshold, Thresholds};

fn count(store: &Snapshot) -> usize {
    with_evidence(store, store, |evidence| super::find(evidence.ledger).len())
}

fn apart(a: &str, b: &str) -> usize {
    count(&store(&[("/a.md", &format!("- {a}\n")), ("/b.md", &format!("- {b}\n"))]))
}

fn beside(a: &str, b: &str) -> usize {
    count(&store(&[("/one.md", &format!("- {a}\n- {b}\n"))]))
}

#[test]
fn one_subject_with_two_values_is_a_contradiction() {
    for (a, b) in [
        ("Ann's favourite colour is purple", "Ann's favourite colour is cyan"),
        ("The default port of the gateway is 8080", "The default port of the gateway is 9090"),
        ("**Deploy day**: Friday", "**Deploy day**: Monday"),
        ("THX: parent organization is Lucasfilm.", "THX: parent organization is Razer."),
        ("Cache TTL: 30 seconds", "Cache TTL: 5 minutes"),
        ("The worker retries a failed upload 3 times", "The worker retries a failed upload 5 times"),
        (
            "Release notes are written to `docs/changes.md` by the bot",
            "Release notes are written to `NEWS.md` by the bot",
        ),
        ("Feature flags are not read at start-up", "Feature flags are read at start-up"),
        ("Nightly backups of the replica are enabled", "Nightly backups of the replica are disabled"),
        ("Ann's home is Lisbon", "Ann's home is Porto"),
    ] {
        assert_eq!(apart(a, b), 1, "{a} / {b}");
    }
}

#[test]
fn what_can_both_be_true_is_none() {
    for (a, b) in [
        ("Ann's favourite colour is purple", "Bob's favourite colour is cyan"),
        ("Ann lives in Berlin", "Bob lives in Berlin"),
        ("Ann ran 5 km on the beach", "Ann ran 10 km on the beach"),
        ("Ann: likes tea", "Ann: likes coffee"),
        ("Run `make test` before a commit", "Run `make lint` before a commit"),
        ("Cache TTL: 30 seconds", "Cache TTL: 30 s"),
        ("Deploy day: Friday", "Deploy day: Friday at noon"),
        ("Note: it rains", "Note: it snows"),
        ("Node 1 runs the scheduler for the cluster", "Node 2 runs the scheduler for the cluster"),
        (
            "`Add`: increases the current value of the gauge by `value`",
            "`Sub`: decreases the current value of the gauge by `value`",
        ),
        ("The staging port of the gateway is 8080", "The production port of the gateway is 9090"),
        ("You can invoke any template with any parameter", "You can call any template with any parameter"),
        (
            "On 2024-01-05 the price of a seat was 5 dollars",
            "On 2024-03-01 the price of a seat was 7 dollars",
        ),
    ] {
        assert_eq!(apart(a, b), 0, "{a} / {b}");
        assert_eq!(beside(a, b), 0, "{a} / {b}");
    }
}

#[test]
fn side_by_side_only_what_has_one_value_contradicts() {
    assert_eq!(beside("Ann's favourite colour is purple", "Ann's favourite colour is cyan"), 1);
    assert_eq!(beside("Feature flags are not read at start-up", "Feature flags are read at start-up"), 1);
    for (a, b) in [
        ("Deploy day: Friday", "Deploy day: Monday"),
        ("Name: Ann", "Name: Bob"),
        ("The worker retries a failed upload 3 times", "The worker retries a failed upload 5 times"),
    ] {
        assert_eq!(beside(a, b), 0, "{a} / {b}");
    }
}

#[test]
fn context_can_make_both_true() {
    let colour = |value: &str| format!("- favourite colour: {value}\n");
    let (purple, cyan) = (colour("purple"), colour("cyan"));
    let port = |value: &str| format!("- The default port of the gateway is {value}\n");
    let (one, two) = (port("8080"), port("9090"));
    let pair = |a: (&str, &str), b: (&str, &str)| count(&store(&[a, b]));
    assert_eq!(pair(("/notes/a.md", &purple), ("/notes/b.md", &cyan)), 1);
    assert_eq!(pair(("/people/ann.md", &purple), ("/people/bob.md", &cyan)), 0);
    assert_eq!(pair(("/gateway.md", &one), ("/network.md", &two)), 1);
    assert_eq!(pair(("/staging/gateway.md", &one), ("/production/gateway.md", &two)), 0);
    assert_eq!(pair(("/v1/gateway.md", &one), ("/v2/gateway.md", &two)), 0);
    assert_eq!(pair(("/2024-01-01.md", &one), ("/2024-02-01.md", &two)), 0);
    let headed = |heading: &str, text: &str| format!("# Gateway\n\n## {heading}\n\n{text}");
    assert_eq!(pair(("/a.md", &headed("Behind the proxy", &one)), ("/b.md", &headed("Standalone", &two))), 0);
    assert_eq!(pair(("/a.md", &headed("Network", &one)), ("/b.md", &headed("Network", &two))), 1);
}

#[test]
fn a_list_of_look_alikes_is_no_contradiction() {
    let list = "- Retry the upload step 3 times in total\n- Retry the login step 3 times in total\n";
    let other = "- Retry the upload step 5 times in total\n- Retry the login step 5 times in total\n";
    assert_eq!(count(&store(&[("/a.md", list), ("/b.md", "- Retry the mail step 5 times in total\n")])), 0);
    assert_eq!(count(&store(&[("/a.md", list), ("/b.md", other)])), 2);
}

#[test]
fn one_thing_with_any_number_of_values_is_told_once_a_value() {
    for text in
        ["The default port of the gateway is", "The worker opens the queue again and retries in seconds"]
    {
        for values in [3, 16, 17, 40, 400] {
            let entries: Vec<(String, String)> = (0..values)
                .map(|at| (format!("/n{at:03}.md"), format!("- {text} {}\n", 8_000 + at)))
                .collect();
            let entries: Vec<(&str, &str)> = entries.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
            let store = store(&entries);
            let found = with_evidence(&store, &store, |evidence| super::find(evidence.ledger));
            assert!(found.len() >= values - 1, "{text}: {} of {values}", found.len());
            assert!(found.iter().all(|pair| pair.values == values), "{text}: {values}");
            assert!(values <= 16 || found.len() == values - 1, "{text}: {} of {values}", found.len());
        }
    }
}

#[test]
fn the_verdict_names_both_places_and_no_text() {
    let live = store(&[("/a.md", "# A\n\n- The default port of the gateway is 8080\n")]);
    let candidate = store(&[
        ("/a.md", "# A\n\n- The default port of the gateway is 8080\n"),
        ("/b.md", "# B\n\n- The default port of the gateway is 9090\n"),
    ]);
    let limits = Thresholds { review: Some(Threshold::Count(1)), block: None };
    let spec = GateSpec::Contradictions(limits);
    let verdict = judged(&spec, &live, &candidate);
    insta::assert_json_snapshot!(verdict, @r#"
    {
      "gate": "contradictions",
      "outcome": "review",
      "measured": "1 contradiction",
      "limit": "review at 1",
      "findings": [
        {
          "path": "/a.md",
          "line": 3,
          "note": "contradicts /b.md:3"
        }
      ]
    }
    "#);
    let known = judged(&spec, &candidate, &candidate);
    assert_eq!(
        (known.outcome, known.measured.as_str()),
        (Outcome::Review, "1 contradiction, 1 in the live store too")
    );
    assert_eq!(known.findings[0].note, "contradicts /b.md:3, in the live store too");
}
