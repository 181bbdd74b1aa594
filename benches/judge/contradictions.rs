//! Contradictions: two lines in two memories of one store, and whether the gate's search finds that both
//! cannot be true.

use std::path::Path;

use dreamrun::gate::contradictions;
use dreamrun::ledger::forget::ForgetList;
use dreamrun::ledger::testimony::Testimony;
use dreamrun::ledger::{Context, Ledger};
use dreamrun::snapshot::Snapshot;
use serde_json::Value;

use crate::data::{records, stated, text};
use crate::mutation::pieces::Files;
use crate::mutation::stores::Base;
use crate::mutation::trial::snapshot;

/// Two lines, and whether they contradict each other.
struct Case {
    set: &'static str,
    lines: [String; 2],
    wanted: bool,
}

/// Prints how often each set was told right, what precision and recall that makes, and what is found in
/// stores of one moment, where little should be.
pub(crate) fn print(data: &Path, bases: &[Base], errors: usize) {
    println!("| two lines | contradict | pairs | found | right |\n|---|---|---|---|---|");
    let cases = cases(data);
    let mut sets: Vec<(&str, bool)> = cases.iter().map(|case| (case.set, case.wanted)).collect();
    sets.dedup();
    let (mut right, mut found_in_all, mut wanted_in_all) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (set, wanted) in sets {
        let of_set: Vec<&Case> =
            cases.iter().filter(|case| (case.set, case.wanted) == (set, wanted)).collect();
        let mut found = 0;
        for case in &of_set {
            let [a, b] = &case.lines;
            let page = |line: &str| format!("# Notes\n\n- {line}\n");
            let files =
                Files::from([("/notes/a.md".to_owned(), page(a)), ("/notes/b.md".to_owned(), page(b))]);
            let is_found = count(&snapshot(&files)) > 0;
            found += usize::from(is_found);
            if is_found != wanted {
                wrong.push(format!("- {set}: {a:?} | {b:?}"));
            }
        }
        let hits = if wanted { found } else { of_set.len() - found };
        println!(
            "| {set} | {} | {} | {found} | {:.1}% |",
            if wanted { "yes" } else { "no" },
            of_set.len(),
            100.0 * hits as f64 / of_set.len().max(1) as f64
        );
        found_in_all += found;
        if wanted {
            right += found;
            wanted_in_all += of_set.len();
        }
    }
    let share = |of: usize| 100.0 * right as f64 / of.max(1) as f64;
    println!("\nprecision {:.1}%, recall {:.1}%", share(found_in_all), share(wanted_in_all));
    println!("\n| store of one moment | statements | contradictions |\n|---|---|---|");
    for base in bases {
        let store = snapshot(&base.files);
        println!("| {} | {} | {} |", base.name, ledger(&store).after.len(), count(&store));
    }
    for line in wrong.iter().take(errors) {
        println!("{line}");
    }
}

fn ledger(store: &Snapshot) -> Ledger<'_> {
    let (testimony, forget) = (Testimony::default(), ForgetList::default());
    Ledger::of(store, store, &Context { testimony: &testimony, forget: &forget, now: None })
}

fn count(store: &Snapshot) -> usize {
    contradictions::find(&ledger(store)).len()
}

fn cases(data: &Path) -> Vec<Case> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out: Vec<Case> = Vec::new();
    let mut add = |set, a: &str, b: &str, wanted| {
        let lines = [one_line(a), one_line(b)];
        if lines[0] != lines[1] && lines.iter().all(|line| !line.is_empty()) {
            out.push(Case { set, lines, wanted });
        }
    };
    for record in records(&data.join("contradictions/git_edits.jsonl")) {
        add("documentation lines with another value", text(&record, "old"), text(&record, "new"), true);
    }
    for (at, record) in records(&data.join("contradictions/temporal_facts.jsonl")).iter().enumerate() {
        let fact = |value: &str| stated(at, text(record, "subject"), text(record, "relation"), value);
        let stale = record["stale"].as_array().and_then(|all| all.last()).and_then(Value::as_str);
        if let Some(stale) = stale {
            add("dated facts with another value", &fact(stale), &fact(text(record, "latest")), true);
        }
    }
    let doc_lines = records(&data.join("dedup/doc_lines.jsonl"));
    for (set, label) in [("look-alikes that are both true", 0), ("one line in other words", 1)] {
        for record in doc_lines.iter().filter(|record| record["label"] == label) {
            add(set, text(record, "a"), text(record, "b"), false);
        }
    }
    for record in records(&data.join("dedup/requests.jsonl")) {
        add("customer requests", text(&record, "a"), text(&record, "b"), false);
    }
    out
}
