//! Agents that write to the live store over HTTP, as fast as they are answered, while a run adopts.
//!
//! Every write that was acknowledged is in the live store at the end, gave way to a later one of the same
//! agent, or is named: in a conflict, as merged, or left in the store that gave way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use dreamrun::memory::ContentHash;
use reqwest::Method;
use serde_json::{Value, json};

use crate::killed_server::{KEY, Served};
use crate::support::{Drill, Ran, wait_for};

/// The fewest writes of the agent; it goes on while the run lasts.
const WRITES: usize = 300;
/// The most, so that it comes to an end.
const MOST: usize = 20_000;
/// What the memories that the dream changes are called, and what they hold.
const NOTES: [(&str, &str); 3] = [
    (
        "/deploy.md",
        "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n- The canary takes 15 minutes.\n",
    ),
    ("/deploy-2.md", "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n"),
    ("/style.md", "# Style\n\n- Commit messages are imperative.\n"),
];

/// What an agent was told is so: for each path, what it last wrote there, `None` for taken away.
#[derive(Default)]
struct Acknowledged {
    last: BTreeMap<String, Option<String>>,
    count: usize,
    refused: usize,
}

/// How far the run is.
#[derive(Default)]
struct Progress {
    /// It has recorded what it begins with: what agents write from here on, its dream does not see.
    has_begun: AtomicBool,
    /// Its dream has ended: what agents wrote before it decides, and it carries that over.
    has_dreamed: AtomicBool,
    /// It has decided to adopt: what both sides change from here on, no person sees before it happens.
    is_adopting: AtomicBool,
    is_over: AtomicBool,
}

/// Writes to a store until both the agent has written enough and the run is over.
async fn write_on(served: &Served, store: &str, progress: &Progress) -> Acknowledged {
    let mut done = Acknowledged::default();
    let mut ids: BTreeMap<String, (String, String)> = BTreeMap::new();
    let memories = format!("/v1/memory_stores/{store}/memories");
    let all = served.get(&format!("{memories}?limit=100")).await;
    for memory in all["data"].as_array().unwrap() {
        if let Some((path, text)) = NOTES.iter().find(|(path, _)| memory["path"] == *path) {
            let id = memory["id"].as_str().unwrap().to_owned();
            ids.insert((*path).to_owned(), (id, (*text).to_owned()));
        }
    }
    for n in 0..MOST {
        if n >= WRITES && progress.is_over.load(Ordering::SeqCst) {
            break;
        }
        let path = match n % 10 {
            // A line of its own in a memory that the dream changes too.
            3 if progress.is_adopting.load(Ordering::SeqCst) => NOTES[n / 10 % NOTES.len()].0.to_owned(),
            _ if progress.has_dreamed.load(Ordering::SeqCst) => format!("/late/{:02}.md", n % 37),
            _ => format!("/early/{:02}.md", n % 37),
        };
        let held = ids.get(&path).cloned();
        let text = match (&held, n % 10) {
            (Some((_, text)), 3) if NOTES.iter().any(|(note, _)| *note == path) => {
                format!("{text}- The agent was here {n} times.\n")
            }
            _ => format!("- Note {n} of the agent.\n"),
        };
        let (method, at, body) = match &held {
            None => (Method::POST, memories.clone(), Some(json!({ "path": path, "content": text }))),
            Some((id, _)) if n % 10 == 7 => (Method::DELETE, format!("{memories}/{id}"), None),
            Some((id, held)) => {
                let expected = ContentHash::of(held.as_bytes());
                let precondition = json!({ "type": "content_sha256", "content_sha256": expected });
                let body = json!({ "content": text, "precondition": precondition });
                (Method::POST, format!("{memories}/{id}"), Some(body))
            }
        };
        let is_delete = method == Method::DELETE;
        let Some((status, answer)) = served.try_send(method, &at, body.as_ref()).await else { break };
        if status != 200 {
            // The run was there first: the agent looks again another time, and here it lets go of the memory.
            done.refused += 1;
            ids.remove(&path);
            continue;
        }
        done.count += 1;
        if is_delete {
            ids.remove(&path);
            done.last.insert(path, None);
        } else {
            ids.insert(path.clone(), (answer["id"].as_str().unwrap().to_owned(), text.clone()));
            done.last.insert(path, Some(text));
        }
    }
    done
}

/// Makes a project for a server, with a store, sessions of an agent and a pipeline.
async fn project(served: &Served, drill: &Drill, target: &str) -> String {
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let store = id(served.post("/v1/memory_stores", json!({ "name": "notes" })).await);
    for (path, content) in NOTES {
        let body = json!({ "path": path, "content": content });
        served.post(&format!("/v1/memory_stores/{store}/memories"), body).await;
    }
    let agent = id(served.post("/v1/agents", json!({ "name": "a", "model": "claude-sonnet-4-6" })).await);
    let environment =
        id(served.post("/v1/environments", json!({ "name": "e", "config": { "type": "cloud" } })).await);
    for said in ["Remember that the staging database is called db-9.", "Never push to main on a Friday."] {
        let mounted = json!([{ "type": "memory_store", "memory_store_id": store }]);
        let body = json!({ "agent": agent, "environment_id": environment, "resources": mounted });
        let session = id(served.post("/v1/sessions", body).await);
        let said = json!({ "type": "user.message", "content": [{ "type": "text", "text": said }] });
        served.post(&format!("/v1/sessions/{session}/events"), json!({ "events": [said] })).await;
    }
    drill.write(
        "dreamrun.yaml",
        format!(
            "dreamrun: 1\nbackend: {{kind: managed_agents, base_url: \"{}\"}}\nstores:\n  notes: {{bootstrap: {store}}}\n",
            served.address
        ),
    );
    drill.write(
        "pipelines/tidy.yaml",
        format!(
            "dreamrun: 1\nname: tidy\nmodel: claude-sonnet-4-6\ninput:\n  store: notes\n  sessions: {{agent: {agent}}}\n\
             gates:\n  entries_added: {{block: 200}}\n  bytes: {{grow: {{block: 1000%}}}}\n\
             adopt: {{mode: auto, target: {target}}}\n"
        ),
    );
    store
}

fn run(drill: &Drill, arguments: &[&str]) -> Ran {
    drill.dreamrun(arguments).env("ANTHROPIC_API_KEY", KEY).output().unwrap().into()
}

/// Returns what a store holds, by path.
async fn contents(served: &Served, store: &str) -> BTreeMap<String, String> {
    let mut held = BTreeMap::new();
    let mut page = String::new();
    loop {
        let all = served.get(&format!("/v1/memory_stores/{store}/memories?view=full&limit=20{page}")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let data = all["data"].as_array().unwrap();
        held.extend(data.iter().map(|memory| (text(&memory["path"]), text(&memory["content"]))));
        match all["next_page"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => return held,
        }
    }
}

/// Lets a run adopt while an agent writes, and accounts for every write that was acknowledged.
fn account_for(target: &str) {
    let folder = tempfile::tempdir().unwrap();
    let drill = Drill::bare();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = Served::start(Path::new(folder.path()), "200");
    let store = runtime.block_on(project(&served, &drill, target));
    let progress = Progress::default();
    let (done, rate) = thread::scope(|scope| {
        let agent = scope.spawn(|| {
            wait_for("the run to begin", || {
                progress.has_begun.load(Ordering::SeqCst) || progress.is_over.load(Ordering::SeqCst)
            });
            let began = Instant::now();
            let done = runtime.block_on(write_on(&served, &store, &progress));
            let rate = done.count as f64 / began.elapsed().as_secs_f64();
            (done, rate)
        });
        scope.spawn(|| {
            wait_for("the run to end", || {
                let has = |kind: &str| {
                    let is_there = drill.path(".dreamrun/state.db").is_file();
                    is_there
                        && drill
                            .try_events()
                            .is_some_and(|events| events.values().flatten().any(|event| event == kind))
                };
                progress.has_begun.fetch_or(has("base_recorded"), Ordering::SeqCst);
                progress.has_dreamed.fetch_or(has("dream_ended"), Ordering::SeqCst);
                progress.is_adopting.fetch_or(has("adoption_intended"), Ordering::SeqCst);
                progress.is_over.load(Ordering::SeqCst)
            });
        });
        let applied = run(&drill, &["apply", "tidy", "--yes", "--json"]);
        progress.is_over.store(true, Ordering::SeqCst);
        let done = agent.join().unwrap();
        assert!([Some(0), Some(12)].contains(&applied.code), "{applied:#?}");
        done
    });
    // What was in conflict before the decision, a person looks at; agents are quiet by then.
    for _ in 0..5 {
        let shown = run(&drill, &["show", "latest", "--json"]).exits(0).json();
        if shown["data"]["phase"] == "adopted" {
            break;
        }
        let _ = run(&drill, &["approve", "latest", "--json"]);
    }
    let shown = run(&drill, &["show", "latest", "--json"]).exits(0).json()["data"].take();
    assert_eq!(shown["phase"], "adopted", "{shown:#}");
    let live = run(&drill, &["status", "notes", "--json"]).exits(0).json();
    let live = live["data"]["stores"][0]["record"]["active"].as_str().unwrap().to_owned();
    let (held, old) =
        runtime.block_on(async { (contents(&served, &live).await, contents(&served, &store).await) });
    let named: Vec<&Value> =
        [&shown["conflicts"], &shown["merged"], &shown["late_conflicts"], &shown["copy"]["conflicts"]]
            .iter()
            .filter_map(|list| list.as_array())
            .flatten()
            .collect();
    let is_named = |path: &str| named.iter().any(|one| one["path"] == path);

    let (mut present, mut in_conflict, mut left) = (0, 0, 0);
    for (path, text) in &done.last {
        if held.get(path) == text.as_ref() {
            present += 1;
        } else if is_named(path) {
            in_conflict += 1;
        } else if live != store && !path.starts_with("/early/") && old.get(path) == text.as_ref() {
            left += 1;
        } else {
            panic!("{path} is {:?}, and the agent had written {text:?}; {shown:#}", held.get(path));
        }
    }
    let superseded = done.count - done.last.len();
    let early = done.last.keys().filter(|path| path.starts_with("/early/")).count();
    assert!(
        done.count >= WRITES && early > 0,
        "{} writes, to {early} memories before the dream ended",
        done.count
    );
    eprintln!(
        "{target}: {} writes acknowledged, {rate:.0} a second, {} refused: {present} present, {superseded} \
         superseded by the agent, {in_conflict} named in a conflict or merged, {left} left in the old store",
        done.count, done.refused
    );
}

#[test]
fn every_write_during_a_copy_into_the_live_store_is_there_or_named() {
    account_for("copy_back");
}

#[test]
fn every_write_while_the_alias_moves_is_there_named_or_in_the_store_that_gave_way() {
    account_for("pointer");
}
