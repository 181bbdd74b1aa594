//! Instructions: minijinja templates over a few harmless values.
//!
//! Templates come from pull requests and are rendered in CI. They see no session or memory text, load
//! nothing, run strictly (an undefined name is an error), and cannot use much time or memory: `guard`
//! refuses what could grow, fuel bounds the steps, and output stops at `OUTPUT_BYTES_LIMIT`.

mod check;
mod guard;
mod place;

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use minijinja::value::{Kwargs, Serde, Value as TemplateValue};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, filters, tests as conditions};
use serde::Serialize;

use super::pipeline::Template;
use crate::dream::INSTRUCTIONS_LIMIT;
use crate::ids::SessionId;

pub use check::{Declared, TemplateProblem, check, tell};
pub use place::place_of;

/// Steps one rendering may take.
const FUEL: u64 = 50_000;
/// What a rendering may write before it is stopped: enough to state by how much the limit is passed.
const OUTPUT_BYTES_LIMIT: usize = 256 * 1_024;

/// Everything a template can see.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TemplateContext<'a> {
    /// The pipeline's own variables.
    pub vars: &'a BTreeMap<String, serde_json::Value>,
    /// The pipeline.
    pub pipeline: PipelineContext<'a>,
    /// The dream's batch.
    pub batch: BatchContext<'a>,
    /// The store that is read.
    pub input: InputContext,
    /// The run.
    pub run: RunContext<'a>,
}

/// `pipeline` in a template.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PipelineContext<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its description; may be empty.
    pub description: &'a str,
    /// The model that dreams.
    pub model: &'a str,
}

/// `batch` in a template.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BatchContext<'a> {
    /// Which dream of the run this is, from 1.
    pub index: u64,
    /// How many dreams the run has.
    pub count: u64,
    /// Whether this is the first.
    pub first: bool,
    /// Whether this is the last.
    pub last: bool,
    /// The ids of its sessions.
    pub sessions: &'a [SessionId],
}

/// `input` in a template.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct InputContext {
    /// Entries of the live store when the run was planned.
    pub entries: u64,
    /// Bytes of the live store when the run was planned.
    pub bytes: u64,
}

/// `run` in a template.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RunContext<'a> {
    /// The run's id, such as `nightly-12`.
    pub id: &'a str,
    /// The day the run was planned, such as `2026-11-22`.
    pub date: &'a str,
}

/// Why instructions could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template is wrong, or names something undefined.
    #[error("instructions cannot be rendered: {reason}")]
    Fails {
        /// What is wrong.
        reason: String,
        /// The line of the template, from 1.
        line: Option<usize>,
    },
    /// The text is longer than a dream takes.
    #[error("rendered instructions have {characters} characters, the limit is 4,096")]
    TooLong {
        /// How long it is.
        characters: usize,
    },
}

/// Renders instructions for one dream.
///
/// # Errors
///
/// A template that passed [`check`] fails here only if a value is undefined in a case that the check
/// did not try.
pub fn render(template: &Template, context: &TemplateContext<'_>) -> Result<String, TemplateError> {
    let text = run(&template.source, context)?;
    match text.chars().count() {
        characters if characters > INSTRUCTIONS_LIMIT => Err(TemplateError::TooLong { characters }),
        _ => Ok(text),
    }
}

/// Renders without the limit on instructions.
fn run(source: &str, context: &TemplateContext<'_>) -> Result<String, TemplateError> {
    if let Some(refused) = guard::refusals(source).into_iter().next() {
        let line = 1 + source[..refused.span.start].matches('\n').count();
        return Err(TemplateError::Fails { reason: refused.label, line: Some(line) });
    }
    run_guarded(source, Serde(context).into())
        .map_err(|error| TemplateError::Fails { reason: describe(&error), line: error.line() })
}

fn run_guarded(source: &str, context: TemplateValue) -> Result<String, minijinja::Error> {
    let environment: &Environment<'_> = &ENVIRONMENT;
    let template = environment.template_from_str(source)?;
    let mut output = Bounded(Vec::new());
    template.render_captured_to(context, &mut output)?;
    Ok(String::from_utf8_lossy(&output.0).into_owned())
}

/// Says what went wrong, without the place and the template's name.
fn describe(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => kind,
    }
}

/// Output that refuses to grow without end.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES_LIMIT {
            return Err(io::Error::other("the text grows without end"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Built once: it holds only what is listed here, and every part of it is pure.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("count", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", filters::join);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("min", filters::min);
    environment.add_filter("max", filters::max);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("abs", filters::abs);
    environment.add_filter("round", filters::round);
    // Without arguments: an indent of a thousand million would take the memory.
    environment.add_filter("tojson", |value: &TemplateValue| {
        filters::tojson(value, None, Kwargs::from_iter(NO_ARGUMENTS))
    });
    environment.add_test("defined", conditions::is_defined);
    environment.add_test("undefined", conditions::is_undefined);
    environment.add_test("none", conditions::is_none);
    environment.add_test("number", conditions::is_number);
    environment.add_test("string", conditions::is_string);
    environment.add_test("sequence", conditions::is_sequence);
    environment.add_test("mapping", conditions::is_mapping);
    environment.add_test("odd", conditions::is_odd);
    environment.add_test("even", conditions::is_even);
    environment
});

const NO_ARGUMENTS: [(&str, TemplateValue); 0] = [];

#[cfg(test)]
mod tests;
