//! Problems as SARIF 2.1.0, for code scanning.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::spec::codes::Code;
use crate::spec::problem::Problem;

/// Makes one SARIF log of all problems. Rules are the codes that occur, by number.
pub fn sarif(problems: &[Problem]) -> Value {
    let codes: Vec<Code> =
        problems.iter().map(|problem| problem.code).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let index = codes.binary_search(&problem.code).unwrap_or_default();
            result(problem, index)
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dreamrun",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.meaning() },
        "defaultConfiguration": { "level": code.severity().as_str() },
    })
}

fn result(problem: &Problem, rule_index: usize) -> Value {
    let mut location = json!({ "artifactLocation": { "uri": uri(&problem.file) } });
    if let Some(place) = &problem.place {
        location["region"] = json!({
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        });
    }
    json!({
        "ruleId": problem.code.as_str(),
        "ruleIndex": rule_index,
        "level": problem.severity().as_str(),
        "message": { "text": super::github::sentence(problem) },
        "locations": [{ "physicalLocation": location }],
    })
}

/// Writes a path as a relative URI reference.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
