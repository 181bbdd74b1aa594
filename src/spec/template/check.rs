//! Checking instructions without a run: syntax, names, and the longest text they can come to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::ErrorKind;
use minijinja::value::Serde;
use serde_json::Value;

use super::place::in_file;
use super::{
    BatchContext, ENVIRONMENT, InputContext, PipelineContext, RunContext, TemplateContext, describe, guard,
    run_guarded,
};
use crate::dream::INSTRUCTIONS_LIMIT;
use crate::ids::SessionId;
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{Batching, Template};
use crate::spec::problem::Problem;
use crate::spec::route::ROOT;
use crate::spec::suggest::nearest;

/// The longest id a backend hands out.
const ID_LENGTH: usize = 256;
/// The largest figures of a store that the worst case reckons with: a thousand million million.
const LARGEST: u64 = 999_999_999_999_999;
/// The most dreams of one run that the worst case reckons with.
const MOST_BATCHES: u64 = 99_999;
/// The most bytes of variables a template may be given; its rendering is a fraction of that.
const VARS_BYTES_LIMIT: usize = 8_192;

/// What a pipeline declares that its instructions can see.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// The pipeline's variables.
    pub vars: &'a BTreeMap<String, Value>,
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// Its model.
    pub model: &'a str,
    /// How sessions are dealt out.
    pub batch: Batching,
    /// The most sessions of a run.
    pub take: Option<u32>,
}

/// One thing that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Which kind.
    pub code: Code,
    /// The bytes of the template, if it is about a part of it.
    pub span: Option<Range<usize>>,
    /// What is wrong: a fragment.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

impl TemplateProblem {
    fn new(code: Code, span: Option<Range<usize>>, label: impl Into<String>) -> Self {
        Self { code, span, label: label.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Says what is wrong with instructions, and which variables they never use.
pub fn check(template: &Template, declared: &Declared<'_>) -> Vec<TemplateProblem> {
    let source = template.source.as_str();
    let refusals = guard::refusals(source);
    if !refusals.is_empty() {
        return refusals
            .into_iter()
            .map(|refused| {
                TemplateProblem::new(Code::TemplateFeature, Some(refused.span), refused.label)
                    .help(refused.help)
            })
            .collect();
    }
    let tags = guard::tags(source);
    if tags.is_empty() && declared.vars.is_empty() {
        return too_long(source.trim_end_matches('\n').chars().count(), false).into_iter().collect();
    }
    let environment: &minijinja::Environment<'_> = &ENVIRONMENT;
    let named: BTreeSet<String> = match environment.template_from_str(source) {
        Ok(compiled) => compiled.undeclared_variables(true).into_iter().collect(),
        Err(error) => return vec![failure(&error, source)],
    };
    let mut problems: Vec<TemplateProblem> =
        named.iter().filter_map(|name| undefined(name, declared, source, &tags)).collect();
    if problems.is_empty() {
        problems.extend(worst_case(source, &tags, declared));
    }
    // A misspelt name leaves the right one unused, which is not worth a second word.
    let is_misspelt = problems.iter().any(|problem| problem.code == Code::UndefinedVariable);
    if !is_misspelt && !named.contains("vars") {
        problems.extend(unused(&named, declared));
    }
    problems
}

fn unused<'a>(
    named: &BTreeSet<String>,
    declared: &'a Declared<'_>,
) -> impl Iterator<Item = TemplateProblem> + use<'a> {
    let used: BTreeSet<String> = named
        .iter()
        .filter_map(|name| name.strip_prefix("vars."))
        .map(|name| name.split('.').next().unwrap_or_default().to_owned())
        .collect();
    declared.vars.keys().filter(move |name| !used.contains(*name)).map(|name| {
        TemplateProblem::new(Code::UnusedVariable, None, format!("`vars.{name}` is never used"))
            .help("remove it, or use it in the instructions")
    })
}

/// What templates see, besides `vars`.
const NAMES: [(&str, &[&str]); 4] = [
    ("pipeline", &["name", "description", "model"]),
    ("batch", &["index", "count", "first", "last", "sessions"]),
    ("input", &["entries", "bytes"]),
    ("run", &["id", "date"]),
];

/// Says what is wrong with a dotted name that a template uses.
fn undefined(
    name: &str,
    declared: &Declared<'_>,
    source: &str,
    tags: &[guard::Tag],
) -> Option<TemplateProblem> {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    let known_first = || NAMES.iter().map(|(name, _)| *name).chain(["vars"]);
    let (label, near) = if first == "vars" {
        let mut missing = None;
        let mut below: Option<&Value> = None;
        for (depth, part) in parts.enumerate() {
            let fields: Vec<&str> = match below {
                None if depth == 0 => declared.vars.keys().map(String::as_str).collect(),
                Some(Value::Object(object)) => object.keys().map(String::as_str).collect(),
                _ => break,
            };
            below =
                if depth == 0 { declared.vars.get(part) } else { below.and_then(|value| value.get(part)) };
            if below.is_none() {
                missing = Some((part, fields));
                break;
            }
        }
        let (part, fields) = missing?;
        let label = if fields.is_empty() || declared.vars.contains_key(part) {
            format!("`{name}` is not declared")
        } else {
            format!("`{name}` is not declared under `vars`")
        };
        let near = nearest(part, fields).map(|near| name.replacen(part, near, 1));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        (label, help.or_else(|| Some(format!("declare `{part}:` under `vars`"))))
    } else if let Some((_, fields)) = NAMES.iter().find(|(name, _)| *name == first) {
        let field = parts.next()?;
        if fields.contains(&field) {
            return None;
        }
        let help = match nearest(field, fields.iter().copied()) {
            Some(near) => format!("did you mean `{first}.{near}`?"),
            None => format!("`{first}` has {}", fields.join(", ")),
        };
        (format!("`{first}` has no `{field}`"), Some(help))
    } else {
        let help = if declared.vars.contains_key(first) {
            format!("write `vars.{first}`")
        } else {
            match nearest(first, known_first()) {
                Some(near) => format!("did you mean `{}`?", name.replacen(first, near, 1)),
                None => "templates see `vars`, `pipeline`, `batch`, `input` and `run`".to_owned(),
            }
        };
        (format!("`{first}` is not defined"), Some(help))
    };
    let wanted = if first == "vars" || NAMES.iter().any(|(name, _)| *name == first) { name } else { first };
    let mut problem = TemplateProblem::new(Code::UndefinedVariable, occurrence(wanted, source, tags), label);
    problem.help = near;
    Some(problem)
}

/// Finds a dotted name in the tags of a template.
fn occurrence(name: &str, source: &str, tags: &[guard::Tag]) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    tags.iter().find_map(|tag| {
        let inside = &source[tag.span.clone()];
        inside.match_indices(name).find_map(|(at, _)| {
            let before = inside[..at].chars().next_back();
            let after = inside[at + name.len()..].chars().next();
            let is_whole = !before.is_some_and(|c| is_part(c) || c == '.') && !after.is_some_and(is_part);
            is_whole.then(|| tag.span.start + at..tag.span.start + at + name.len())
        })
    })
}

/// Renders the cases that can come out longest, or fail.
fn worst_case(source: &str, tags: &[guard::Tag], declared: &Declared<'_>) -> Option<TemplateProblem> {
    let vars_bytes: usize = serde_json::to_string(declared.vars).map_or(0, |text| text.len());
    if vars_bytes > VARS_BYTES_LIMIT {
        let label = format!("`vars` hold {vars_bytes} bytes, a template may see {VARS_BYTES_LIMIT}");
        return Some(TemplateProblem::new(Code::InstructionsTooLong, None, label));
    }
    let sessions = declared.take.unwrap_or(u32::MAX).min(declared.batch.size).max(1);
    let uses_ids = tags.iter().any(|tag| source[tag.span.clone()].contains("batch"));
    let id = SessionId::parse("w".repeat(ID_LENGTH)).ok();
    let ids: Vec<SessionId> =
        id.into_iter().cycle().take(if uses_ids { sessions as usize } else { 1 }).collect();
    // Without a condition every case reads the same but for its figures.
    let has_conditions = tags.iter().any(|tag| {
        tag.is_statement
            || source[tag.span.clone()].split(|c: char| !c.is_alphanumeric()).any(|word| word == "if")
    });
    let cases: &[(bool, bool, u64)] = if has_conditions {
        &[
            (false, false, LARGEST),
            (true, false, LARGEST),
            (false, true, LARGEST),
            (true, true, LARGEST),
            (true, true, 0),
            (false, false, 0),
        ]
    } else {
        &[(false, false, LARGEST)]
    };
    let run_id = format!("{}-{}", declared.name, u32::MAX);
    let mut longest = 0;
    for &(first, last, figure) in cases {
        let count = match (first, last, declared.batch.chain) {
            (true, true, _) => 1,
            (.., true) => MOST_BATCHES,
            // Without a chain a run has one dream.
            (.., false) if has_conditions => continue,
            (.., false) => 1,
        };
        let index = match (first, last) {
            (true, _) => 1,
            (false, true) => count,
            (false, false) => count.saturating_sub(1).max(1),
        };
        let context = TemplateContext {
            vars: declared.vars,
            pipeline: PipelineContext {
                name: declared.name,
                description: declared.description,
                model: declared.model,
            },
            batch: BatchContext { index, count, first, last, sessions: &ids },
            input: InputContext { entries: figure, bytes: figure },
            run: RunContext { id: &run_id, date: "2026-11-22" },
        };
        match run_guarded(source, Serde(&context).into()) {
            Ok(text) => longest = longest.max(text.chars().count()),
            Err(error) => return Some(failure(&error, source)),
        }
    }
    too_long(longest, uses_ids)
}

fn too_long(characters: usize, uses_ids: bool) -> Option<TemplateProblem> {
    let over = characters > INSTRUCTIONS_LIMIT;
    over.then(|| {
        let size = thousands(characters);
        let label = format!("up to {size} characters when rendered, the limit is 4,096");
        let problem = TemplateProblem::new(Code::InstructionsTooLong, None, label);
        if uses_ids {
            problem
                .help("leave the list of sessions out, or lower `batch.size`: ids have up to 256 characters")
        } else {
            problem.help("shorten the text")
        }
    })
}

fn thousands(number: usize) -> String {
    match (number / 1_000, number % 1_000) {
        (0, rest) => rest.to_string(),
        (whole, rest) => format!("{},{rest:03}", thousands(whole)),
    }
}

fn failure(error: &minijinja::Error, source: &str) -> TemplateProblem {
    let label = describe(error);
    let span = error.range().filter(|range| source.get(range.clone()).is_some());
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => {
            TemplateProblem::new(Code::TemplateSyntax, span, label)
        }
        ErrorKind::UndefinedError => TemplateProblem::new(Code::UndefinedVariable, span, label),
        ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => TemplateProblem::new(Code::TemplateFeature, span, label),
        ErrorKind::OutOfFuel => {
            TemplateProblem::new(Code::TemplateFails, span, "rendering takes too many steps")
        }
        ErrorKind::WriteFailure => {
            TemplateProblem::new(Code::InstructionsTooLong, None, "more than 262,144 bytes when rendered")
        }
        _ => TemplateProblem::new(Code::TemplateFails, span, label),
    }
}

/// Tells the problems of a pipeline's instructions at their places in the file.
pub fn tell(template: &Template, declared: &Declared<'_>, checker: &mut Checker<'_>) {
    let route = ROOT.key("instructions");
    for problem in check(template, declared) {
        let told = match (&problem.span, &template.place) {
            (Some(span), Some(place)) => match in_file(place, &template.source, span) {
                Some(span) => {
                    Problem { route: route.to_string(), ..checker.at_span(problem.code, span, problem.label) }
                }
                None => {
                    let line = template.source[..span.start].matches('\n').count();
                    let text = template.source.split('\n').nth(line).unwrap_or_default().trim();
                    checker
                        .at(problem.code, &route, problem.label)
                        .note(format!("in line {} of the template: {text}", line + 1))
                }
            },
            _ if problem.code == Code::UnusedVariable => {
                let name = problem.label.trim_start_matches("`vars.").split('`').next().unwrap_or_default();
                let vars = ROOT.key("vars");
                checker.at_key(problem.code, &vars.key(name), problem.label.clone())
            }
            _ => checker.at(problem.code, &route, problem.label),
        };
        checker.tell(problem.help.into_iter().fold(told, Problem::help));
    }
}
