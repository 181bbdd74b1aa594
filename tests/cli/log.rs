//! `log`, `restore` and `rollback --path`: a memory's life, and bringing things back.

use std::sync::Mutex;

use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Reading};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::SignedDuration;

use crate::support::Project;

/// What the dreams make of `/deploy.md`, one after the other: another name, a loss, a new value.
const TEXTS: [&str; 3] = [
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Berlin signs off every release.\n",
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n",
    "# Deploy\n\n- Deploys go out on Thursday.\n- The canary takes 15 minutes.\n",
];

/// Turns the memory into the next of [`TEXTS`], under its new name, each time.
#[derive(Default)]
struct ThreeDreams {
    dreamed: Mutex<usize>,
}

impl Mind for ThreeDreams {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 10,
            notes: serde_json::Value::Null,
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut dreamed = self.dreamed.lock().unwrap();
        let path = |text| MemoryPath::parse(text).unwrap();
        let mut store = input.clone();
        store.remove(&path("/deploy.md"));
        store.insert(Memory::new(path("/playbooks/deploy.md"), TEXTS[*dreamed % TEXTS.len()]));
        *dreamed += 1;
        Ok(Consolidated { store, changes: Vec::new() })
    }
}

/// Makes a project whose pipeline may lose statements, and lets it dream.
fn dreamed(times: usize) -> Project {
    let mut project = Project::small().with_mind(ThreeDreams::default());
    project.set("DREAMRUN_ACTOR", "mira");
    std::fs::remove_file(project.path("memory/deploy-2.md")).unwrap();
    project.write("memory/deploy.md", TEXTS[0]);
    project.edit(
        "pipelines/tidy.yaml",
        "adopt:",
        "gates: {lost: {review: 100%, block: 100%, over_30_days: 100%}}\nadopt:",
    );
    for time in 0..times {
        dream(&project, time);
    }
    project
}

fn dream(project: &Project, time: usize) {
    project.wait(SignedDuration::from_hours(24));
    let said = ["Go on.", "Go on.", "From now on, deploys go out on Thursday."][time % 3];
    project.session(&format!("night-{time}"), &format!("2026-11-{:02}T20:00:00Z", 20 + time), &[said]);
    project.adopt();
}

fn live(project: &Project) -> String {
    project.record("notes")["active"].as_str().unwrap().to_owned()
}

#[test]
fn explore() {
    let project = dreamed(3);
    for args in [
        &["log", "notes"][..],
        &["log", "notes", "/deploy.md"],
        &["log", "notes", "playbooks/deploy.md"],
        &["log", "notes", "/style.md"],
        &["log", "notes", "/nope.md"],
        &["diff", "tidy-2"],
        &["diff", "tidy-2", "--why", "/playbooks/deploy.md"],
        &["diff", "tidy-3", "--why", "/playbooks/deploy.md"],
        &["restore", "tidy-2", "/playbooks/deploy.md:3"],
        &["restore", "tidy-2", "--all-lost"],
        &["restore", "tidy-2", "--all-lost", "--yes"],
        &["restore", "tidy-2", "--all-lost", "--yes"],
        &["log", "notes"],
        &["log", "notes", "/deploy.md"],
        &["rollback", "notes", "--path", "/playbooks"],
        &["rollback", "notes", "--path", "/playbooks", "--yes"],
        &["rollback", "notes", "--path", "/playbooks", "--yes"],
        &["log", "notes", "/deploy.md"],
        &["gc"],
        &["rollback", "notes"],
        &["log", "notes"],
    ] {
        println!("$ dreamrun {}\n{}\n", args.join(" "), project.run(args));
    }
    panic!();
}
