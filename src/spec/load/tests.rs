//! Loading as a whole: defaults, parallel use, and files that are wrong in every byte.

use std::time::Instant;

use super::*;
use crate::spec::pipeline::{AdoptMode, Drift, Order, Since, Target, default_gates};
use crate::spec::problem::PROBLEMS_LIMIT;

fn options() -> LoadOptions {
    LoadOptions { known_minds: vec!["offline".to_owned()], ..LoadOptions::default() }
}

fn project() -> Project {
    let yaml = "dreamrun: 1\nstores:\n  notes: {bootstrap: dir:memory}\n";
    load_project(&SourceFile::new("dreamrun.yaml", yaml), None, &options()).unwrap().0
}

const SHORTEST: &str = "dreamrun: 1\nmodel: offline\ninput: {store: notes, sessions: {files: [a.jsonl]}}\n";

#[test]
fn the_shortest_pipeline_gets_safe_defaults() {
    let file = SourceFile::new("pipelines/nightly.yaml", SHORTEST);
    let (pipeline, warnings) = load_pipeline(&file, &project(), &options()).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(pipeline.name.as_str(), "nightly");
    assert_eq!(pipeline.gates, default_gates());
    assert_eq!((pipeline.adopt.mode, pipeline.adopt.drift), (AdoptMode::Review, Drift::Rebase));
    assert_eq!(pipeline.adopt.target, Target::Pointer);
    assert_eq!((pipeline.batch.size, pipeline.batch.chain), (100, false));
    assert_eq!((pipeline.sessions.since, pipeline.sessions.order), (Since::LastAdopted, Order::Oldest));
    assert_eq!((pipeline.sessions.take, pipeline.sessions.min), (None, 1));
}

#[test]
fn two_files_of_one_name_are_told_at_the_second() {
    let one = SourceFile::new("pipelines/a.yaml", SHORTEST);
    let two = SourceFile::new("pipelines/b.yaml", format!("{SHORTEST}name: a\n"));
    let name = PipelineName::parse("a").unwrap();
    let problems = check_names(&[(&two, &name), (&one, &name)]);
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((problem.code, problem.file.to_str()), (Code::DuplicateName, Some("pipelines/b.yaml")));
    assert_eq!(problem.label, "`a` is also the name of pipelines/a.yaml");
    assert_eq!(problem.place.as_ref().map(|place| (place.line, place.column)), Some((4, 7)));
}

#[test]
fn files_wrong_in_every_byte_are_told_briefly_and_soon() {
    let unknown: String = (0..20_000).map(|i| format!("k{i}: 1\n")).collect();
    let repeated = format!("{SHORTEST}x: [{}]\n", "a,".repeat(20_000));
    let ids = SHORTEST.replace("files: [a.jsonl]", &format!("ids: [{}]", "s,".repeat(20_000)));
    let types = SHORTEST.replace("files: [a.jsonl]", &format!("ids: [{}]", "1,".repeat(20_000)));
    let vars: String = (0..20_000).map(|i| format!("  k-{i}: 1\n")).collect();
    let names: String = (0..3_000).map(|i| format!("{{{{ a{i} }}}}")).collect();
    for text in [
        unknown,
        repeated,
        ids,
        types,
        format!("{SHORTEST}vars:\n{vars}"),
        format!("{SHORTEST}instructions: |\n  {names}\n"),
    ] {
        let started = Instant::now();
        let file = SourceFile::new("pipelines/nightly.yaml", text);
        let problems = load_pipeline(&file, &project(), &options()).unwrap_err();
        assert!(problems.len() <= 2 * PROBLEMS_LIMIT + 2, "{}", problems.len());
        // Generous for a build without optimisation; a walk for every problem takes minutes.
        assert!(started.elapsed().as_secs() < 10, "{:?} for {}", started.elapsed(), problems[0].label);
    }
}
