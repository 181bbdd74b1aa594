//! The published schemas and the types agree.

use std::path::Path;

use dreamrun::spec::schema::{
    DECISIONS_SCHEMA, Document, FORGET_SCHEMA, PIPELINE_SCHEMA, PROBES_SCHEMA, PROJECT_SCHEMA, TEST_SCHEMA,
};

/// Compares a schema file with what the types say; `UPDATE_SCHEMAS=1` rewrites the file.
fn assert_is_current(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(file);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, generated).expect("schemas/ can be written");
        return;
    }
    let published = std::fs::read_to_string(&path).expect("the schema file is there");
    assert!(published == generated, "schemas/{file} is not what the types say: run with UPDATE_SCHEMAS=1");
}

#[test]
fn the_pipeline_schema_is_what_the_types_say() {
    assert_is_current("pipeline.schema.json", &Document::Pipeline.generate());
}

#[test]
fn the_project_schema_is_what_the_types_say() {
    assert_is_current("project.schema.json", &Document::Project.generate());
}

#[test]
fn the_schemas_of_probes_and_forget_lists_are_what_the_types_say() {
    assert_is_current("probes.schema.json", &Document::Probes.generate());
    assert_is_current("forget.schema.json", &Document::Forget.generate());
}

#[test]
fn the_test_schema_is_what_the_types_say() {
    assert_is_current("test.schema.json", &Document::Test.generate());
}

#[test]
fn the_schema_of_decisions_is_what_the_types_say() {
    assert_is_current("decisions.schema.json", &Document::Decisions.generate());
}

#[test]
fn the_schemas_are_valid_draft_07_and_refuse_unknown_keys_everywhere() {
    for text in [PIPELINE_SCHEMA, PROJECT_SCHEMA, PROBES_SCHEMA, FORGET_SCHEMA, TEST_SCHEMA, DECISIONS_SCHEMA]
    {
        let schema: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(jsonschema::draft7::meta::is_valid(&schema));
        assert_closed(&schema, "#");
    }
}

fn assert_closed(schema: &serde_json::Value, at: &str) {
    let Some(object) = schema.as_object() else { return };
    if object.contains_key("properties") {
        assert_eq!(object.get("additionalProperties"), Some(&false.into()), "{at}");
    }
    for (key, below) in object {
        match below {
            serde_json::Value::Array(items) => items.iter().for_each(|item| assert_closed(item, at)),
            below => assert_closed(below, &format!("{at}/{key}")),
        }
    }
}

#[test]
fn the_plan_schema_is_what_the_types_say() {
    let generated = dreamrun::spec::schema::schema_of_output::<dreamrun::report::plan_view::PlanDocument>(
        "What `dreamrun plan --json` prints",
    );
    assert_is_current("plan.schema.json", &generated);
}

#[test]
fn the_schema_of_saved_plans_is_what_the_types_say() {
    let generated = dreamrun::spec::schema::schema_of_output::<dreamrun::plan::saved::SavedPlan>(
        "What `dreamrun plan --out` saves",
    );
    assert_is_current("saved-plan.schema.json", &generated);
}

/// Uses every key a pipeline can have. No run could: sources and targets exclude each other.
const EXHAUSTIVE_PIPELINE: &str = r#"
dreamrun: 1
name: everything
description: Every key of a pipeline file.
model: claude-sonnet-4-6
vars: {keep_days: 30, rules: [a, b]}
input:
  store: support-memory
  sessions:
    agent: agent_01
    deployment: depl_01
    store: support-memory
    ids: [sesn_01]
    files: ["sessions/**/*.jsonl"]
    from:
      - {agent: agents/support.md}
      - {deployment: depl_01}
      - {store: memstore_01}
      - {ids: [sesn_02]}
      - {files: [a.jsonl]}
    since: last_adopted
    order: oldest
    take: 30
    min: 5
instructions: |
  Keep {{ vars.keep_days }} days.
batch: {size: 100, chain: true}
budget: {max_usd: 6.00}
gates:
  entries_removed: {review: 60%, block: 80%}
  entries_added: {review: 20%, block: 100}
  bytes: {shrink: {review: 60%, block: 80%}, grow: {review: 100%}}
  unchanged: skip
  protected:
    paths: ["/policy/**"]
    statements: [Never deploy on Fridays., {path: /policy/money.md, text: Refunds need two people.}]
    on_change: block
  policy:
    - {paths: ["/people/**"], add: review, edit: review, remove: block, move: block, lose: block}
    - {paths: ["/**"], remove: allow}
  limits: {on_exceed: block, entries: 2000}
  secrets: block
  assert:
    - {expr: "diff.after.bytes <= 2 * diff.before.bytes", else: review, message: store doubled in size}
  lost:
    review: 1
    block: 2%
    over_7_days: 2%
    over_30_days: {review: 2%, block: 3%}
    over_90_days: 5
    over_365_days: 10%
    paths:
      - {paths: ["/people/**"], review: 1, block: 2}
    judge: model
  contradictions: {review: 1}
  injection: {instructions: review, hidden: block, untrusted: off}
  probes: {file: probes/support.yaml, review: any_failure, block: any_regression, judge: retrieval}
  size_reduction: {min: 10%, max: 60%, otherwise: review}
  convergence: {review: 5%}
  cost: {review_usd: 1, block_usd: 2.5}
schedule: {min_interval: 20h}
adopt:
  mode: review
  target: session
  drift: rebase
  directory: memory/support
  deployments: [depl_01]
  agent: agent_01
  environment: env_01
for_each: {agents: "*"}
"#;

/// Uses every key a project can have.
const EXHAUSTIVE_PROJECT: &str = r#"
dreamrun: 1
requires: ">=0.1"
backend: {kind: managed_agents, database: x.db, base_url: "https://api.example.com", workspace: wrkspc_01, key_header: x-api-key}
state: .dreamrun/state.db
ledger: {archive: .dreamrun/archive}
stores:
  support-memory: {bootstrap: memstore_01, keep_previous: 3, forget: forget/support.yaml}
prices:
  claude-haiku-4-5: {input: 1, output: 5, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2, as_of: 2026-11-01, source: contract}
notify:
  - {on: [adopted, review, blocked, failed, over_budget, in_doubt, overdue], slack: {url_env: DREAM_ALERTS_URL}}
  - {on: [failed], webhook: {url_env: DREAM_HOOK_URL}}
profiles:
  ci: {budget: {max_usd: 2}, model: claude-haiku-4-5, backend: managed_agents, state: .dreamrun/ci.db}
"#;

/// Uses every key a probe file can have.
const EXHAUSTIVE_PROBES: &str = r#"
dreamrun: 1
probes:
  - {name: deploy-day, ask: "When do we deploy?", must_know: [Thursday], must_not_know: [/fri(day)?/], path: "/team/**"}
  - {pattern: "deploy", must_abstain: true}
"#;

/// Uses every key a forget list can have.
const EXHAUSTIVE_FORGET: &str = r#"
dreamrun: 1
forget:
  - {name: erasure-1, pattern: "ann smith"}
  - {name: erasure-2, statement: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
  - {name: journal, keep: 90d, paths: ["/journal/**"]}
"#;

/// Uses every key a fixture file can have.
const EXHAUSTIVE_TESTS: &str = r#"
dreamrun: 1
cases:
  - name: everything
    before: pipelines/support/memory
    after: {/a.md: text}
    write: {/a.md: text}
    remove: ["/notes/**"]
    sayings:
      - {user: a, agent: b, tool: c, at: 2026-01-01}
    losses: [{lost: 1, of: 100, ago: 3d}]
    spent_usd: 0.5
    now: 2026-01-01T00:00:00Z
    expect:
      decision: block
      gates: {secrets: block}
      findings: {secrets: ["/a.md:1"]}
      fates: {kept: 1, moved: 1, reworded: 1, merged: 1, superseded: 1, dropped: 1, lost: 1, new: 1}
plans:
  - name: all keys
    sessions:
      - {id: one, at: 2026-01-01, tokens: 5, status: idle, archived: false}
    now: 2026-01-02
    live: {entries: 3, bytes: 300}
    last_run: 2026-01-01
    run: 7
    expect:
      due: true
      not_due: text
      batches: [1]
      left_out: 0
      instructions: [{batch: 1, contains: [a], lacks: [b], text: c}]
      at_most_usd: 1.5
      refused: text
"#;

#[test]
fn the_exhaustive_files_are_valid_and_use_every_key_of_their_schemas() {
    for (text, yaml) in [
        (PIPELINE_SCHEMA, EXHAUSTIVE_PIPELINE),
        (PROJECT_SCHEMA, EXHAUSTIVE_PROJECT),
        (PROBES_SCHEMA, EXHAUSTIVE_PROBES),
        (FORGET_SCHEMA, EXHAUSTIVE_FORGET),
        (TEST_SCHEMA, EXHAUSTIVE_TESTS),
    ] {
        let schema: serde_json::Value = serde_json::from_str(text).unwrap();
        let document: serde_json::Value = serde_yaml::from_str(yaml).unwrap();
        let errors: Vec<String> =
            jsonschema::draft7::new(&schema).unwrap().iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut keys = std::collections::BTreeSet::new();
        keys_of(&schema, &mut keys);
        let unused: Vec<&String> = keys.iter().filter(|key| !yaml.contains(&format!("{key}:"))).collect();
        assert!(unused.is_empty(), "keys without an example: {unused:?}");
    }
}

fn keys_of(schema: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(|p| p.as_object()) {
                keys.extend(properties.keys().cloned());
            }
            object.values().for_each(|below| keys_of(below, keys));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|below| keys_of(below, keys)),
        _ => {}
    }
}

/// The pipeline of the documentation, without what this version cannot judge.
const MANAGED_PIPELINE: &str = r#"
dreamrun: 1
name: support-nightly
model: claude-sonnet-4-6
vars: {min_sessions: 3}
input:
  store: support-memory
  sessions: {agent: agent_01, since: 30d, order: newest, take: 30, min: 5}
instructions: |
  Name any sequence seen in {{ vars.min_sessions }} or more sessions under /playbooks/.
budget: {max_usd: 6.00}
gates: {entries_removed: {review: 20%}, protected: {paths: ["/policy/**"]}}
schedule: {min_interval: 20h}
adopt: {mode: auto, target: session, agent: agent_01, environment: env_01}
"#;

#[test]
fn a_pipeline_for_managed_agents_loads_with_a_profile_applied() {
    use dreamrun::spec::pipeline::{GateSpec, Threshold, Thresholds};
    use dreamrun::spec::source::SourceFile;
    use dreamrun::spec::{LoadOptions, load_pipeline, load_project};

    let options = LoadOptions { known_minds: vec!["offline".to_owned()], ..LoadOptions::default() };
    let yaml = EXHAUSTIVE_PROJECT.replace("database: x.db, ", "");
    let (project, _) = load_project(&SourceFile::new("dreamrun.yaml", yaml), Some("ci"), &options).unwrap();
    let file = SourceFile::new("pipelines/support.yaml", MANAGED_PIPELINE);
    let (pipeline, warnings) = load_pipeline(&file, &project, &options).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(pipeline.model, "claude-haiku-4-5");
    assert_eq!(pipeline.budget.map(|usd| usd.micros()), Some(2_000_000));
    // What is not written keeps its default.
    let removed =
        Thresholds { review: Some(Threshold::Percent(20.0)), block: Some(Threshold::Percent(80.0)) };
    assert_eq!(pipeline.gates[1], GateSpec::EntriesRemoved(removed));
    let names: Vec<&str> = pipeline.gates.iter().map(|gate| gate.name()).collect();
    assert_eq!(
        names,
        [
            "lost",
            "entries_removed",
            "bytes",
            "unchanged",
            "protected",
            "limits",
            "secrets",
            "injection",
            "forget"
        ]
    );
}

#[test]
fn every_diagnostic_code_is_documented() {
    let mut page = "# Diagnostics\n\nEvery problem that dreamrun finds in a file has a code, which never changes its meaning. \
                    Scripts can filter on it.\nAn error keeps a file from being used; a warning does not.\n\n\
                    | Code | Kind | Title | Meaning |\n|---|---|---|---|\n"
        .to_owned();
    for code in dreamrun::spec::codes::Code::ALL {
        let (kind, title, meaning) =
            (code.severity().as_str(), code.title(), code.meaning().replace('|', "\\|"));
        page.push_str(&format!("| {code} | {kind} | {title} | {meaning} |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == page, "docs/diagnostics.md is not what the codes say: run with UPDATE_SCHEMAS=1");
}
