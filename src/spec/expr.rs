//! `assert` expressions: which ones are accepted. Judging them is the gate's business.

use std::collections::BTreeSet;

use minijinja::value::ValueKind;
use minijinja::{Environment, UndefinedBehavior, context};

use super::suggest::nearest;

/// What an expression may name.
pub const FIELDS: [&str; 9] = [
    "diff.before.entries",
    "diff.before.bytes",
    "diff.after.entries",
    "diff.after.bytes",
    "diff.added",
    "diff.removed",
    "diff.edited",
    "diff.moved",
    "diff.unchanged",
];

/// The longest expression.
const EXPRESSION_BYTES_LIMIT: usize = 1_000;
/// Steps an expression may take; comparisons of a few numbers take tens.
const FUEL: u64 = 10_000;

/// One thing that is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprProblem {
    /// What is wrong: a fragment.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

/// Returns the environment expressions are compiled in: strict, without functions or filters.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("abs", minijinja::filters::abs);
    environment.add_filter("round", minijinja::filters::round);
    environment.add_filter("int", minijinja::filters::int);
    environment.add_filter("float", minijinja::filters::float);
    environment
}

/// Says what is wrong with an expression: its syntax, the fields it names, what it comes to.
pub fn check(expr: &str) -> Vec<ExprProblem> {
    let problem = |label: String, help: Option<String>| vec![ExprProblem { label, help }];
    if expr.len() > EXPRESSION_BYTES_LIMIT {
        return problem(format!("an expression may have {EXPRESSION_BYTES_LIMIT} bytes"), None);
    }
    // Texts serve no purpose over numbers, and multiplying them would take memory.
    if expr.contains(['"', '\'', '~']) {
        return problem("an expression compares numbers and holds no text".to_owned(), None);
    }
    let environment = environment();
    let compiled = match environment.compile_expression(expr) {
        Ok(compiled) => compiled,
        Err(error) => {
            let label = error.detail().unwrap_or("this is not an expression").to_owned();
            return problem(label, Some("write a comparison such as `diff.after.entries >= 10`".to_owned()));
        }
    };
    let named: BTreeSet<String> = compiled.undeclared_variables(true).into_iter().collect();
    let unknown: Vec<ExprProblem> =
        named.iter().filter(|name| !FIELDS.contains(&name.as_str())).map(|name| unknown(name)).collect();
    if !unknown.is_empty() {
        return unknown;
    }
    let store = |entries: u64, bytes: u64| context! { entries, bytes };
    let diff = context! {
        before => store(25, 10_000), after => store(20, 9_000),
        added => 2, removed => 7, edited => 3, moved => 1, unchanged => 14,
    };
    match compiled.eval(context! { diff }) {
        Ok(value) if value.kind() == ValueKind::Bool => Vec::new(),
        Ok(_) => problem(
            "this does not come to true or false".to_owned(),
            Some("compare it with something, such as `diff.removed <= 10`".to_owned()),
        ),
        Err(error) => {
            problem(format!("this cannot be computed: {}", error.detail().unwrap_or("unknown reason")), None)
        }
    }
}

fn unknown(name: &str) -> ExprProblem {
    let label = format!("there is no `{name}`");
    let is_group = FIELDS.iter().any(|field| field.starts_with(&format!("{name}.")));
    let help = match nearest(name, FIELDS) {
        _ if is_group => format!("name one of its numbers, such as `{}`", FIELDS[0]),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", FIELDS.map(|field| format!("`{field}`")).join(", ")),
    };
    ExprProblem { label, help: Some(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_over_the_diff_are_accepted() {
        for good in [
            "diff.after.bytes <= 2 * diff.before.bytes",
            "diff.removed == 0 or diff.added > 0",
            "not (diff.edited > 10 and diff.moved > 3)",
            "diff.removed / diff.before.entries < 0.5",
            "(diff.after.entries - diff.before.entries)|abs <= 10",
        ] {
            assert_eq!(check(good), [], "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let label = |expr: &str| check(expr).remove(0).label;
        assert_eq!(label("diff.remove > 1"), "there is no `diff.remove`");
        assert_eq!(check("diff.remove > 1")[0].help.as_deref(), Some("did you mean `diff.removed`?"));
        assert_eq!(label("diff.before > 1"), "there is no `diff.before`");
        assert_eq!(label("diff.removed"), "this does not come to true or false");
        assert_eq!(label("'a' * 1000000000 == 'b'"), "an expression compares numbers and holds no text");
        assert!(!check("diff.removed >").is_empty());
        assert!(!check("diff.removed|upper").is_empty());
        assert!(!check(&"1+".repeat(1_000)).is_empty());
    }
}
