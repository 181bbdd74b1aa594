//! What the README and `docs/` say is so: plans, commands, exit codes and links.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dreamrun::backend::local::{LocalBackend, LocalOptions, Seeded, World};
use dreamrun::cli::exit::ExitCode;
use dreamrun::clock::SystemClock;
use dreamrun::dreaming::offline::LocalMinds;
use dreamrun::spec::source::SourceFile;
use support::Project;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
}

/// Returns the README, the changelog and every page of `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let pages = std::fs::read_dir(root().join("docs")).unwrap().map(|page| page.unwrap().path());
    found.extend(pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")));
    found.sort();
    assert!(found.len() >= 6, "{found:?}");
    found
}

/// Returns the code blocks in one language.
fn blocks<'a>(content: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    content.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_plan_in_the_readme_is_what_the_command_prints() {
    let readme = text(&root().join("README.md"));
    let (_, rest) = readme.split_once("<!-- plan output: begin").expect("the place of the plan");
    let (shown, _) = rest.split_once("<!-- plan output: end -->").expect("its end");
    let printed = Project::demo().run(&["plan", "quickstart"]).ends_with(0);
    assert_eq!(blocks(shown, "text"), [printed.stderr.trim_end()]);
}

#[test]
fn the_fault_rules_in_the_documents_are_the_ones_in_the_program() {
    let page = text(&root().join("docs/serve.md"));
    let (_, rest) = page.split_once("<!-- fault grammar: begin").expect("the place of the grammar");
    let (shown, _) = rest.split_once("<!-- fault grammar: end -->").expect("its end");
    assert_eq!(blocks(shown, "text"), [dreamrun::server::FAULT_GRAMMAR]);
    let rules: Vec<&str> =
        page.split("--fault '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert!(rules.len() >= 5, "{rules:?}");
    dreamrun::server::Faults::parse(&rules, dreamrun::server::Latency::default()).unwrap();
}

#[test]
fn the_fixture_files_in_the_documents_pass() {
    let page = text(&root().join("docs/testing.md"));
    let [cases, plans] = blocks(&page, "yaml")[..] else { panic!("cases and plans are shown") };
    let project = Project::demo();
    project.write("pipelines/policy-review.test.yaml", cases);
    project.write("pipelines/fleet-chain.test.yaml", &format!("dreamrun: 1\n{plans}"));
    let _ = project.run(&["test", "policy-review", "fleet-chain"]).ends_with(0);
}

#[test]
fn the_world_in_the_documents_can_be_loaded() {
    let page = text(&root().join("docs/serve.md"));
    let (_, rest) = page.split_once("<!-- world: begin").expect("the place of the world");
    let (shown, _) = rest.split_once("<!-- world: end -->").expect("its end");
    let [written] = blocks(shown, "yaml")[..] else { panic!("one world is shown") };
    let world = World::read(SourceFile::new("world.yaml", written)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let local = LocalBackend::open(LocalOptions {
        database: folder.path().join("serve.db"),
        root: folder.path().to_owned(),
        allow_read: Vec::new(),
        minds: Arc::new(LocalMinds),
        clock: Arc::new(SystemClock),
    });
    let seeded = local.unwrap().seed(&world).unwrap();
    let all = Seeded {
        agents: 1,
        environments: 1,
        stores: 1,
        memories: 1,
        deployments: 1,
        sessions: 1,
        events: 3,
        known: 0,
    };
    assert_eq!(seeded, all);
}

#[test]
fn the_table_of_exit_codes_is_the_one_in_the_program() {
    let rows: String =
        ExitCode::TABLE.iter().map(|(code, means)| format!("| {} | {means} |\n", code.number())).collect();
    let table = format!("| Code | Means |\n|---|---|\n{rows}\n");
    assert!(text(&root().join("README.md")).contains(&table), "the README should hold\n{table}");
}

/// Returns the command lines of a document: in shell blocks and transcripts, in steps of workflows, and
/// in the text as code.
fn command_lines(content: &str) -> Vec<String> {
    let mut lines: Vec<&str> = Vec::new();
    for language in ["sh", "text", "yaml"] {
        for line in blocks(content, language).into_iter().flat_map(str::lines) {
            let line = line.trim().trim_start_matches("- ");
            let line = line.strip_prefix("run: ").or(line.strip_prefix("$ ")).unwrap_or(line);
            let is_talk = language == "text" && !content.contains(&format!("$ {line}"));
            let line = line.strip_prefix("cargo run --locked -- ").map_or(line, |rest| {
                lines.push(rest);
                ""
            });
            if line.starts_with("dreamrun ") && !is_talk && !line.starts_with("dreamrun runs") {
                lines.push(line);
            }
        }
    }
    let prose = content.split("```").step_by(2);
    let spans = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
    lines.extend(spans.filter(|span| span.starts_with("dreamrun ") && !span.contains('\n')));
    let end = |line: &str| line.split(['#', '|', '>', '(']).next().unwrap_or_default().trim().to_owned();
    lines.into_iter().map(end).filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_command_line_in_the_documents_can_be_typed() {
    let definition = dreamrun::cli::definition();
    let mut seen = 0;
    for document in documents() {
        for line in command_lines(&text(&document)) {
            let words = line.split_whitespace().skip_while(|word| *word == "dreamrun");
            let arguments = std::iter::once("dreamrun").chain(words);
            if let Err(error) = definition.clone().try_get_matches_from(arguments) {
                let is_help = !error.use_stderr();
                assert!(is_help, "{}: `{line}`: {error}", document.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 25, "only {seen} command lines were found");
}

#[test]
fn commands_that_do_not_exist_would_be_noticed() {
    let lines = command_lines(
        "```sh\ndreamrun resume x # no\n```\nand `dreamrun plan a`\n```text\n$ dreamrun show\nok\n```\n",
    );
    assert_eq!(lines, ["dreamrun resume x", "dreamrun show", "dreamrun plan a"]);
    assert!(dreamrun::cli::definition().try_get_matches_from(["dreamrun", "resume", "x"]).is_err());
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut seen = 0;
    for document in documents() {
        let content = text(&document);
        for target in content.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let to = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            assert!(to.exists(), "{}: there is no {target}", document.display());
            assert!(anchor.is_empty() || headings(&text(&to)).contains(&anchor.to_owned()), "{target}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} links were found");
}

/// Returns the anchors of a page's headings, as GitHub makes them.
fn headings(content: &str) -> Vec<String> {
    let titles = content.lines().filter(|line| line.starts_with('#'));
    titles
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
        .map(|title| title.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect())
        .collect()
}

#[test]
fn every_page_of_the_documentation_is_linked_from_the_readme() {
    let readme = text(&root().join("README.md"));
    for page in documents().iter().filter(|page| page.parent() == Some(&root().join("docs"))) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("(docs/{name})")), "the README does not link docs/{name}");
    }
}
