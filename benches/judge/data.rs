//! The data folder: real memories and labelled lines, read into stores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::mutation::pieces::Files;
use crate::mutation::stores::Base;

/// Where the data is: `--data DIR`, else the variable that the quality script reads as well.
pub(crate) fn folder(arguments: &[String]) -> Option<PathBuf> {
    let named =
        arguments.iter().position(|argument| argument == "--data").and_then(|at| arguments.get(at + 1));
    named.map(PathBuf::from).or_else(|| std::env::var_os("DREAMRUN_QUALITY_DATA").map(PathBuf::from))
}

/// Reads the records of a JSON Lines file.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Returns a text field of a record.
pub(crate) fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or("")
}

/// Reads all Markdown files below a folder.
pub(crate) fn files(folder: &Path) -> Files {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|entry| {
            entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "md")
        })
        .filter_map(|entry| {
            let path = format!("/{}", entry.path().strip_prefix(folder).ok()?.display());
            Some((path, std::fs::read_to_string(entry.path()).ok()?))
        })
        .collect()
}

/// The real stores, each of one moment, so that nothing in them is said in several versions.
pub(crate) fn stores(data: &Path) -> Vec<Base> {
    let mut out = Vec::new();
    for (name, folder) in [
        ("libertas", "memories/auto_memory_libertas"),
        ("argo", "memories/argo-workflows"),
        ("zizmor", "memories_temporal/zizmor/2026-08-13"),
        ("zizmor-2025", "memories_temporal/zizmor/2025-01-28"),
        ("serena", "memories_temporal/serena/v1.7.0"),
        ("serena-1.2", "memories_temporal/serena/v1.2.0"),
    ] {
        out.push(Base::new(name, files(&data.join(folder))));
    }
    out.push(Base::new("notes", notes(data)));
    out.push(Base::new("doc lines", doc_lines(data)));
    out.push(Base::new("facts", facts(data)));
    out.push(Base::new("profiles", profiles(data)));
    out
}

/// The fullest note of each session: the others are its beginnings.
fn notes(data: &Path) -> Files {
    let mut fullest: BTreeMap<String, (String, String)> = BTreeMap::new();
    let all = files(&data.join("memories/session_notes"));
    for record in records(&data.join("memories/session_notes.clusters.jsonl")) {
        let (file, session) = (text(&record, "file"), text(&record, "session"));
        let path = format!("/{}", file.rsplit('/').next().unwrap_or(file));
        let Some(content) = all.get(&path) else { continue };
        let kept = fullest.entry(session.to_owned()).or_default();
        if content.len() > kept.1.len() {
            *kept = (path, content.clone());
        }
    }
    fullest.into_values().collect()
}

/// Lines of documentation that say different things, some on a page.
fn doc_lines(data: &Path) -> Files {
    let mut lines: Vec<String> = Vec::new();
    for record in records(&data.join("dedup/doc_lines.jsonl")) {
        for key in ["a", "b"] {
            let line = text(&record, key).split_whitespace().collect::<Vec<_>>().join(" ");
            let is_second = key == "b" && record["label"] == 1;
            if !is_second && !line.is_empty() && !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    let page = |(at, lines): (usize, &[String])| {
        let items: Vec<String> = lines.iter().map(|line| format!("- {line}\n")).collect();
        (format!("/docs/{at:02}.md"), format!("# Notes\n\n{}", items.concat()))
    };
    lines.chunks(20).enumerate().map(page).collect()
}

/// The latest value of each dated fact, in three ways of writing it.
fn facts(data: &Path) -> Files {
    let mut out = Files::new();
    for (at, record) in records(&data.join("contradictions/temporal_facts.jsonl")).iter().enumerate() {
        let (subject, relation, value) =
            (text(record, "subject"), text(record, "relation"), text(record, "latest"));
        let page = out.entry(format!("/facts/{:02}.md", at / 25)).or_insert_with(|| "# Facts\n\n".to_owned());
        page.push_str(&format!("- {}\n", stated(at, subject, relation, value)));
    }
    out
}

/// Dated facts below a heading that says what they are about.
fn profiles(data: &Path) -> Files {
    let mut out = Files::new();
    for (at, record) in records(&data.join("contradictions/temporal_facts.jsonl")).iter().enumerate() {
        let (subject, relation, value) =
            (text(record, "subject"), text(record, "relation"), text(record, "latest"));
        let page =
            out.entry(format!("/profiles/{:02}.md", at / 10)).or_insert_with(|| "# Profiles\n\n".to_owned());
        let since =
            record["values"].as_array().and_then(|all| all.last()).map_or("", |last| text(last, "from"));
        page.push_str(&format!(
            "## About {subject}\n\n- {relation}: {value}\n- last confirmed for {since}\n\n"
        ));
    }
    out
}

/// Says one fact in one of three ways.
pub(crate) fn stated(way: usize, subject: &str, relation: &str, value: &str) -> String {
    match way % 3 {
        0 => format!("{subject}: {relation} is {value}."),
        1 => format!("The {relation} of {subject} is {value}."),
        _ => format!("**{subject}** — {relation}: {value}"),
    }
}
