//! How well the judge tells harm from housekeeping, on real memories.
//!
//! `cargo bench --bench judge -- WHAT [--data DIR] [--seed N] [--count N] [--errors N]`, where WHAT is one or
//! more of `mutations`, `faithful`, `pairs`, `contradictions`, `nights`, `secrets` and `injections`. DIR holds
//! the data files that the quality script reads too, and can be named by the variable it uses; without one only
//! texts that are built in are used, and what needs labelled data says so. Prints Markdown tables. With
//! `--trusting` a judge answers that calls everything kept, with `--literal` one that calls lost what is not word
//! for word there: with `--errors N` they show the edits themselves.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

mod contradictions;
mod data;
mod detectors;
mod mutation;
mod nights;
mod pairs;

use mutation::faith::Manner;
use mutation::harm::Kind;
use mutation::stores::built_in;
use mutation::trial::{self, Table};

/// What the command line asks for.
struct Asked {
    arguments: Vec<String>,
}

impl Asked {
    fn has(&self, word: &str) -> bool {
        self.arguments.iter().any(|argument| argument == word)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        let at = self.arguments.iter().position(|argument| argument == name);
        at.and_then(|at| self.arguments.get(at + 1)).and_then(|value| value.parse().ok()).unwrap_or(default)
    }
}

fn main() {
    let asked = Asked { arguments: std::env::args().skip(1).collect() };
    let folder = data::folder(&asked.arguments);
    let seed = asked.number("--seed", 1) as u64;
    let judge = if asked.has("--trusting") {
        trial::trusting
    } else if asked.has("--literal") {
        trial::literal
    } else {
        trial::ledger
    };
    let is_all = !["mutations", "faithful", "pairs", "contradictions", "nights", "secrets", "injections"]
        .iter()
        .any(|what| asked.has(what));
    let mut bases = vec![built_in()];
    bases.extend(folder.as_deref().map(data::stores).unwrap_or_default());
    if is_all || asked.has("mutations") {
        let table = trial::harmful(&bases, asked.number("--count", 2_860), seed, judge);
        println!("| harm | how | edits | caught | share | lost beside |\n|---|---|---|---|---|---|");
        for kind in Kind::ALL {
            print_rows(&table, kind as usize, kind.as_str(), asked.has("--detail"));
        }
        print_errors(&asked, &table);
    }
    if is_all || asked.has("faithful") {
        let table = trial::faithful(&bases, asked.number("--count", 2_000), seed, judge);
        println!("| faithful edit | how | edits | alarms | share | |\n|---|---|---|---|---|---|");
        for manner in Manner::ALL {
            print_rows(&table, manner as usize, manner.as_str(), asked.has("--detail"));
        }
        let all = table.values().fold((0, 0), |sum, row| (sum.0 + row.trials, sum.1 + row.lost));
        println!("| all | | {} | {} | {:.1}% | |", all.0, all.1, 100.0 * all.1 as f64 / all.0.max(1) as f64);
        print_errors(&asked, &table);
    }
    if let Some(folder) = folder.as_deref().filter(|_| is_all || asked.has("pairs")) {
        pairs::print(folder, asked.number("--errors", 0));
    }
    if let Some(folder) = folder.as_deref().filter(|_| is_all || asked.has("contradictions")) {
        contradictions::print(folder, &bases, asked.number("--errors", 0));
    }
    if let Some(folder) = folder.as_deref().filter(|_| is_all || asked.has("nights")) {
        nights::print(folder, asked.number("--nights", 365), seed, asked.number("--errors", 0));
    }
    if let Some(folder) = folder.as_deref().filter(|_| is_all || asked.has("secrets")) {
        detectors::print_secrets(folder, asked.number("--errors", 0));
    }
    if let Some(folder) = folder.as_deref().filter(|_| is_all || asked.has("injections")) {
        detectors::print_injections(folder, asked.number("--errors", 0));
    }
}

fn print_rows(table: &Table, kind: usize, name: &str, detail: bool) {
    let row = trial::total(table, kind);
    println!("| {name} | | {} | {} | {:.1}% | {} |", row.trials, row.lost, 100.0 * row.share(), row.beside);
    if detail {
        for ((_, how), row) in table.iter().filter(|((of, _), _)| *of == kind) {
            println!(
                "| | {how} | {} | {} | {:.1}% | {} |",
                row.trials,
                row.lost,
                100.0 * row.share(),
                row.beside
            );
        }
    }
}

fn print_errors(asked: &Asked, table: &Table) {
    let limit = asked.number("--errors", 0);
    for ((_, how), row) in table {
        for error in row.errors.iter().take(limit) {
            println!("- {how}: {error}");
        }
    }
}
