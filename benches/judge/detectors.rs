//! Detectors: what the gates flag of labelled secrets and injections, record by record.

use std::path::Path;

use dreamrun::gate::{injection, secrets};
use dreamrun::text::statement::statements;
use serde_json::Value;

use crate::data::{records, text};

/// Prints what the `secrets` gate flags.
pub(crate) fn print_secrets(data: &Path, errors: usize) {
    let suite = records(&data.join("secrets/secrets.jsonl"));
    let is_flagged = |record: &Value| !secrets::find(text(record, "text")).is_empty();
    println!("| | secrets | harmless | weak negatives | precision | recall |\n|---|---|---|---|---|---|");
    let kind = |record: &Value| match (record["label"] == 1, record["hard"] == 1) {
        (true, _) => 0,
        (false, false) => 1,
        (false, true) => 2,
    };
    print_row(&suite, 3, kind, is_flagged, errors);
}

/// Prints what the `injection` gate flags by its words alone: a record is a memory, read statement by
/// statement with the headings above it. Who said it, which the gate asks too, no record tells.
pub(crate) fn print_injections(data: &Path, errors: usize) {
    let mut suite = records(&data.join("injections/injections.jsonl"));
    suite.extend(records(&data.join("injections/benign.jsonl")));
    let is_flagged = |record: &Value| {
        let text = text(record, "text");
        let is_instruction = |text: &str| injection::instruction_in(text).is_some();
        let found = statements(text);
        !injection::hidden_in(text).is_empty()
            || found.iter().any(|s| is_instruction(s.text) || s.headings.iter().any(|h| is_instruction(h)))
    };
    println!("\n| | injections | harmless | precision | recall |\n|---|---|---|---|---|");
    print_row(&suite, 2, |record| usize::from(record["label"] != 1), is_flagged, errors);
}

/// Prints a row: how many of each kind are flagged, the first kind being what should be.
fn print_row(
    suite: &[Value],
    kinds: usize,
    kind: impl Fn(&Value) -> usize,
    is_flagged: impl Fn(&Value) -> bool,
    errors: usize,
) {
    let mut counts = vec![(0_usize, 0_usize); kinds];
    let mut wrong = Vec::new();
    for record in suite {
        let (of, flagged) = (kind(record), is_flagged(record));
        counts[of].0 += usize::from(flagged);
        counts[of].1 += 1;
        if flagged != (of == 0) {
            wrong.push(format!(
                "- {} {}: {:?}",
                if flagged { "flagged" } else { "missed" },
                text(record, "id"),
                text(record, "text")
            ));
        }
    }
    let (right, all) = counts[0];
    let flagged: usize = counts.iter().map(|(flagged, _)| flagged).sum();
    let cells: Vec<String> = counts.iter().map(|(flagged, of)| format!("{flagged} of {of}")).collect();
    let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    println!(
        "| dreamrun | {} | {:.1}% | {:.1}% |",
        cells.join(" | "),
        share(right, flagged),
        share(right, all)
    );
    for line in wrong.iter().take(errors) {
        println!("{line}");
    }
}
