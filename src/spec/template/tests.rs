//! Rendering, and checking without rendering.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::spec::codes::Code;
use crate::spec::pipeline::Batching;

fn vars(value: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn ids(n: usize) -> Vec<SessionId> {
    (1..=n).map(|i| SessionId::parse(format!("sesn_{i:02}")).unwrap()).collect()
}

fn rendered(source: &str, vars: &BTreeMap<String, Value>) -> Result<String, TemplateError> {
    let sessions = ids(3);
    let context = TemplateContext {
        vars,
        pipeline: PipelineContext { name: "nightly", description: "d", model: "offline" },
        batch: BatchContext { index: 2, count: 3, first: false, last: false, sessions: &sessions },
        input: InputContext { entries: 25, bytes: 1_000 },
        run: RunContext { id: "nightly-12", date: "2026-11-22" },
    };
    render(&Template::new(source), &context)
}

fn checked(source: &str, vars: &BTreeMap<String, Value>, size: u32) -> Vec<TemplateProblem> {
    let declared = Declared {
        vars,
        name: "nightly",
        description: "d",
        model: "offline",
        batch: Batching { size, chain: true },
        take: None,
    };
    check(&Template::new(source), &declared)
}

fn codes(source: &str, vars: &BTreeMap<String, Value>) -> Vec<Code> {
    checked(source, vars, 100).into_iter().map(|problem| problem.code).collect()
}

#[test]
fn instructions_see_the_batch_the_input_and_the_run() {
    let text = rendered(
        "{{ pipeline.name }} {{ run.id }} {{ run.date }}: dream {{ batch.index }} of {{ batch.count }}, \
         {{ batch.sessions|length }} sessions ({{ batch.sessions|join(\", \") }}), {{ input.entries }} entries.\n\
         {%- for rule in vars.rules %}\n- {{ rule }}{% endfor %}\n\
         {% if not batch.last %}More follow: {{ batch.last|tojson }}.{% endif %}\n",
        &vars(json!({"rules": ["<keep>", "merge & sort"]})),
    );
    assert_snapshot!(text.unwrap(), @r#"
    nightly nightly-12 2026-11-22: dream 2 of 3, 3 sessions (sesn_01, sesn_02, sesn_03), 25 entries.
    - <keep>
    - merge & sort
    More follow: false.
    "#);
}

#[test]
fn an_undefined_name_is_an_error_and_not_nothing() {
    let none = vars(json!({}));
    assert!(matches!(rendered("{{ vars.x }}", &none), Err(TemplateError::Fails { line: Some(1), .. })));
    assert!(rendered("{{ session.text }}", &none).is_err());
    assert_eq!(rendered("{{ vars.x|default('-') }}", &none).unwrap(), "-");
}

#[test]
fn text_over_the_limit_is_refused_with_its_length() {
    let long = "é".repeat(4_097);
    assert_eq!(rendered(&long, &vars(json!({}))), Err(TemplateError::TooLong { characters: 4_097 }));
    assert!(rendered(&"é".repeat(4_096), &vars(json!({}))).is_ok());
}

#[test]
fn the_check_finds_names_in_branches_that_no_sample_reaches() {
    let declared = vars(json!({"n": 3, "deep": {"a": 1}}));
    assert_eq!(
        codes("{% if vars.n > 5 %}{{ vars.m }}{% endif %}{{ vars.deep.a }}", &declared),
        [Code::UndefinedVariable]
    );
    assert_eq!(codes("{{ vars.n }}{{ vars.deep.b }}", &declared), [Code::UndefinedVariable]);
    let problems = checked("{{ n }} {{ vars.deep.a }} {{ vars.n }}", &declared, 100);
    assert_eq!(problems[0].help.as_deref(), Some("write `vars.n`"));
    assert_eq!(problems[0].span, Some(3..4));
}

#[test]
fn the_worst_case_counts_and_not_the_usual_one() {
    let none = vars(json!({}));
    assert_eq!(checked("{{ batch.sessions|join(' ') }}", &none, 15), []);
    assert_eq!(checked("{{ batch.sessions|join(' ') }}", &none, 16)[0].code, Code::InstructionsTooLong);
    let last = format!("{{% if batch.last %}}{}{{% endif %}}", "x".repeat(4_097));
    assert_eq!(codes(&last, &none), [Code::InstructionsTooLong]);
    assert_eq!(codes(&"x".repeat(4_097), &none), [Code::InstructionsTooLong]);
    assert_eq!(codes(&format!("{}\n", "x".repeat(4_096)), &none), []);
}

#[test]
fn variables_that_are_never_used_are_told() {
    assert_eq!(codes("{{ vars.a }}", &vars(json!({"a": 1, "b": 2}))), [Code::UnusedVariable]);
    assert_eq!(codes("{{ vars|tojson }}", &vars(json!({"a": 1, "b": 2}))), []);
}

#[test]
fn hostile_templates_end_soon() {
    let big = vars(json!({"s": "x".repeat(8_000)}));
    for hostile in [
        "{% for a in batch.sessions %}{% for b in vars.s %}{% for c in vars.s %}{{ vars.s }}{% endfor %}{% endfor %}{% endfor %}",
        "{{ vars.s|join(vars.s) }}",
        "{% for c in vars.s %}{% for d in vars.s %}{% endfor %}{% endfor %}",
    ] {
        let code = codes(hostile, &big).remove(0);
        assert!(matches!(code, Code::TemplateFails | Code::InstructionsTooLong), "{hostile}: {code}");
    }
    let nested = "(".repeat(10_000);
    assert_eq!(codes(&format!("{{{{ {nested} }}}}"), &vars(json!({}))), [Code::TemplateSyntax]);
}

proptest! {
    #[test]
    fn no_template_makes_the_check_panic(source in "[{}%#a-z.|()'\"\\-~=é\n ]{0,40}") {
        let _ = checked(&source, &vars(json!({"a": 1})), 3);
    }

    #[test]
    fn text_without_tags_renders_as_itself(text in "[a-zé .,:\n]{0,80}x") {
        prop_assert_eq!(rendered(&text, &vars(json!({}))).unwrap(), text);
    }
}
