//! The author's own expressions over the difference.
//!
//! An expression sees numbers only: `diff.before` and `diff.after` with `entries` and `bytes`, and
//! the counts `diff.added`, `removed`, `edited`, `moved` and `unchanged`. It must say true or false;
//! anything else, a misspelt name included, leaves the gate undecided.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};

use crate::spec::pipeline::{Assertion, Level};

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, grouped};

/// How many steps one expression may take. A hundred operations are a lot; a loop over a
/// `range` is a mistake.
const FUEL: u64 = 10_000;

/// Judges a candidate by each expression in turn.
pub(super) fn judge(assertions: &[Assertion], evidence: &Evidence<'_>) -> Verdict {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    let diff = Serde(&evidence.diff.counts);
    let scope = minijinja::Value::from(diff);

    let mut outcome = Outcome::Pass;
    let mut holding = 0;
    let mut findings = Vec::new();
    for assertion in assertions {
        let (answer, note) = match evaluate(&env, &assertion.expr, &scope) {
            Ok(true) => {
                holding += 1;
                continue;
            }
            Ok(false) => {
                let message = assertion.message.clone();
                (
                    assertion.otherwise.into(),
                    message.unwrap_or_else(|| format!("`{}` does not hold", assertion.expr)),
                )
            }
            Err(reason) => (Outcome::Undecided, format!("`{}`: {reason}", assertion.expr)),
        };
        outcome = outcome.max(answer);
        findings.push(Finding::of_store(note));
    }
    let total = assertions.len() as u64;
    let measured = format!(
        "{holding} of {} {}",
        grouped(total),
        if total == 1 { "expression holds" } else { "expressions hold" }
    );
    Verdict::new("assert", outcome, measured, limit(assertions), findings)
}

fn evaluate(env: &Environment<'_>, expr: &str, diff: &minijinja::Value) -> Result<bool, String> {
    let value = env
        .compile_expression(expr)
        .and_then(|expression| expression.eval(context! { diff => diff.clone() }))
        .map_err(|error| error.to_string())?;
    bool::try_from(value).map_err(|_| "is neither true nor false".to_owned())
}

fn limit(assertions: &[Assertion]) -> String {
    let words: Vec<_> = assertions
        .iter()
        .map(|assertion| {
            let level = match assertion.otherwise {
                Level::Review => "review",
                Level::Block => "block",
            };
            format!("{level} unless {}", assertion.expr)
        })
        .collect();
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    fn assertion(expr: &str, otherwise: Level) -> Assertion {
        Assertion { expr: expr.to_owned(), otherwise, message: None }
    }

    #[test]
    fn an_expression_must_be_true() {
        let (before, after) = (numbered("m", 4), numbered("m", 6));
        let table = [
            ("diff.after.bytes <= 2 * diff.before.bytes", Outcome::Pass),
            ("diff.after.entries < diff.before.entries", Outcome::Review),
            ("diff.added == 2 and diff.removed == 0 and diff.edited == 0", Outcome::Pass),
            ("diff.moved + diff.unchanged == 4", Outcome::Pass),
            ("not diff.added", Outcome::Review),
            ("false", Outcome::Review),
            // Nothing that is no answer counts as one.
            ("diff.after.bites < 5", Outcome::Undecided),
            ("dif.added", Outcome::Undecided),
            ("diff.added", Outcome::Undecided),
            ("'yes'", Outcome::Undecided),
            ("diff.added <", Outcome::Undecided),
            ("", Outcome::Undecided),
            ("diff.after.bytes / 0 > 1", Outcome::Undecided),
            ("range(10000000) | list | length > 1", Outcome::Undecided),
        ];
        for (expr, outcome) in table {
            let spec = GateSpec::Assert(vec![assertion(expr, Level::Review)]);
            let verdict = judged(&spec, &before, &after);
            assert_eq!(verdict.outcome, outcome, "{expr}: {:?}", verdict.findings);
        }
    }

    #[test]
    fn a_hostile_expression_ends_soon_and_decides_nothing() {
        let nested = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        for expr in [
            nested.as_str(),
            "'x' * 100000000000 == 'y'",
            "2 ** 100000000000 == 1",
            "[1] * 10000000000 == []",
        ] {
            let spec = GateSpec::Assert(vec![assertion(expr, Level::Review)]);
            let outcome = judged(&spec, &store(&[]), &store(&[])).outcome;
            assert_eq!(outcome, Outcome::Undecided, "{}", &expr[..20]);
        }
    }

    #[test]
    fn the_worst_expression_decides_and_speaks_in_its_authors_words() {
        let mut first = assertion("diff.added == 0", Level::Review);
        first.message = Some("something is new".to_owned());
        let spec = GateSpec::Assert(vec![
            first,
            assertion("diff.removed == 0", Level::Block),
            assertion("diff.after.entries == 1", Level::Block),
        ]);
        let verdict = judged(&spec, &store(&[]), &numbered("m", 2));
        assert_eq!(verdict.outcome, Outcome::Block);
        assert_eq!(verdict.measured, "1 of 3 expressions hold");
        let notes: Vec<_> = verdict.findings.iter().map(|f| f.note.as_ref()).collect();
        assert_eq!(notes, ["`diff.after.entries == 1` does not hold", "something is new"]);
    }
}
