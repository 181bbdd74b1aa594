//! `plan --changed`: only what means something else than at a revision.

use std::path::PathBuf;
use std::process::Command;

use crate::support::Project;

/// The repository of a project; what it makes has the same names each time.
struct Git(PathBuf);

impl Git {
    fn run(&self, arguments: &[&str]) -> String {
        let done = Command::new("git")
            .args(["-c", "user.name=someone", "-c", "user.email=someone@example.com"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .current_dir(&self.0)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn commit(&self, message: &str) {
        let _ = (self.run(&["add", "-A"]), self.run(&["commit", "-q", "-m", message]));
    }
}

/// A project in a repository of its own, whose branch `main` holds two pipelines.
fn committed() -> (Project, Git) {
    let project = Project::small();
    project.write(
        "probes/team.yaml",
        "dreamrun: 1\nprobes:\n  - {name: canary, ask: How long does the canary take?, must_know: [15 minutes]}\n",
    );
    let other = project.read("pipelines/tidy.yaml").replace("name: tidy", "name: weekly");
    project
        .write("pipelines/weekly.yaml", &format!("{other}gates: {{probes: {{file: probes/team.yaml}}}}\n"));
    let git = Git(project.path("."));
    git.run(&["init", "-q", "-b", "main"]);
    git.commit("Begin");
    (project, git)
}

#[test]
fn a_pull_request_plans_the_pipelines_that_it_changes() {
    let (project, git) = committed();
    git.run(&["switch", "-q", "-c", "topic"]);
    project.edit(
        "pipelines/tidy.yaml",
        "description: Tidy the notes.",
        "description: Tidy the notes. # at night",
    );
    project.edit("pipelines/weekly.yaml", "model: offline", "budget: {max_usd: 1.50}\nmodel: offline");
    let fresh = project.read("pipelines/tidy.yaml").replace("name: tidy", "name: fresh");
    project.write("pipelines/fresh.yaml", &fresh);
    git.commit("Change weekly");
    // What others did on the branch meanwhile is no change of the pull request.
    git.run(&["switch", "-q", "main"]);
    project.edit("pipelines/tidy.yaml", "offline", "offline\nbudget: {max_usd: 9}");
    git.commit("Change tidy");
    git.run(&["switch", "-q", "topic"]);
    let told = project.run(&["plan", "--changed", "main", "--offline"]);
    insta::assert_snapshot!(told, @r"
    -- stderr
    2 pipelines changed since main (4cdb75f71d):
      fresh is new
      weekly
        budget: none → $1.50
      as they were: tidy

    fresh pipelines/fresh.yaml
      Tidy the notes.

      store     notes
      sessions  up to 100 sessions, in one dream
      model     offline
      gates     lost review>2% block>20%, 30 days review>5% block>20%
                entries_removed review>60% block>80% · bytes shrink review>60%, grow review>100%
                unchanged skip · limits block over 2,000 · secrets block · injection review
      adopt     automatic when every gate passes; the alias moves; live writes are carried over
      template
        │ Keep every number.

    weekly pipelines/weekly.yaml
      Tidy the notes.

      store     notes
      sessions  up to 100 sessions, in one dream
      model     offline
      gates     lost review>2% block>20%, 30 days review>5% block>20%
                entries_removed review>60% block>80% · bytes shrink review>60%, grow review>100%
                unchanged skip · limits block over 2,000 · secrets block · injection review
                probes probes/team.yaml block any regression
      adopt     automatic when every gate passes; the alias moves; live writes are carried over
      template
        │ Keep every number.
    -- exit 0
    ");
    let document =
        project.run(&["plan", "--changed", "main", "--comment", "comment.md", "--json"]).ends_with(0).json();
    assert_eq!(document["outcome"], "due");
    let planned: Vec<_> =
        document["data"]["plans"].as_array().unwrap().iter().map(|p| &p["pipeline"]).collect();
    assert_eq!(planned, ["fresh", "weekly"]);
    insta::assert_snapshot!(document["data"]["changed"], @r#"
    {"since":"main","commit":"4cdb75f71d729b269c8e85edc769262bae39ea1a","pipelines":[{"pipeline":"fresh","is_new":true,"changes":[]},{"pipeline":"weekly","is_new":false,"changes":["budget: none → $1.50"]}],"unchanged":["tidy"],"removed":[]}
    "#);
    let comment = project.read("comment.md");
    let (head, _) = comment.split_once("### ").unwrap();
    insta::assert_snapshot!(head, @r"
    ## dreamrun plan

    Changed since main:

    - **fresh** is new
    - **weekly**
      - budget: none → $1.50
    ");
}

#[test]
fn what_a_pipeline_is_held_to_and_what_the_project_says_of_its_store_count() {
    let (project, _) = committed();
    let changed = |file: &str, from: &str, to: &str| {
        project.edit(file, from, to);
        let told = project.run(&["plan", "--changed", "HEAD", "--offline", "--json"]).ends_with(0).json();
        project.edit(file, to, from);
        told["data"]["changed"]["pipelines"].clone()
    };
    let probes = changed("probes/team.yaml", "15 minutes", "20 minutes");
    assert_eq!(probes[0]["pipeline"], "weekly");
    assert_eq!(probes[0]["changes"][0], "probes/team.yaml: another text");
    assert_eq!(probes[1], serde_json::Value::Null);
    let store = changed("dreamrun.yaml", "dir:memory", "dir:notes");
    let names: Vec<_> = store.as_array().unwrap().iter().map(|one| &one["pipeline"]).collect();
    assert_eq!(names, ["tidy", "weekly"]);
    assert_eq!(store[0]["changes"][0], "dreamrun.yaml: store: dir:memory → dir:notes");
}

#[test]
fn where_nothing_changed_nothing_is_planned() {
    let (project, git) = committed();
    let told = project.run(&["plan", "--changed", "HEAD"]);
    insta::assert_snapshot!(told, @r"
    -- stderr
    no pipeline changed since HEAD (4cdb75f71d)
      as they were: tidy, weekly
    -- exit 0
    ");
    assert_eq!(project.run(&["plan", "--changed", "HEAD", "--json"]).json()["outcome"], "nothing_changed");
    git.run(&["rm", "-q", "pipelines/weekly.yaml"]);
    let told =
        project.run(&["plan", "--changed", "HEAD", "--json", "--comment", "comment.md"]).ends_with(0).json();
    assert_eq!(told["outcome"], "nothing_due");
    assert_eq!(told["data"]["changed"]["removed"][0], "weekly");
    assert!(project.read("comment.md").contains("- **weekly** is gone"), "{}", project.read("comment.md"));
}

#[test]
fn a_pipeline_that_was_not_valid_has_changed() {
    let (project, git) = committed();
    let valid = project.read("pipelines/tidy.yaml");
    project.write("pipelines/tidy.yaml", &valid.replace("model:", "modle:"));
    git.commit("Break tidy");
    project.write("pipelines/tidy.yaml", &valid);
    let told = project.run(&["plan", "tidy", "--changed", "HEAD", "--json"]).ends_with(0).json();
    let changes = &told["data"]["changed"]["pipelines"][0]["changes"];
    assert_eq!(changes[0], "its file held no valid pipeline of this name");
}

#[test]
fn a_revision_that_is_not_there_is_told_with_what_to_do() {
    let (project, _) = committed();
    insta::assert_snapshot!(project.run(&["plan", "--changed", "origin/main"]), @r"
    -- stderr
    error: the repository does not know the revision `origin/main`
      = Fetch it first, as with `git fetch origin main`; in GitHub Actions check out with `fetch-depth: 0`.
    -- exit 2
    ");
    let nowhere = Project::small();
    insta::assert_snapshot!(nowhere.run(&["plan", "--changed", "HEAD"]), @r"
    -- stderr
    error: the project is in no Git repository, so --changed has nothing to go by
      = Commit the project, or plan without --changed.
    -- exit 2
    ");
}

#[test]
fn the_repository_is_left_as_it_was() {
    let (project, git) = committed();
    project.edit("pipelines/tidy.yaml", "offline", "offline\nbudget: {max_usd: 9}");
    let before = git.run(&["status", "--porcelain=v2", "--branch"]);
    let _ = project.run(&["plan", "--changed", "main"]).ends_with(0);
    assert_eq!(git.run(&["status", "--porcelain=v2", "--branch"]), before);
}
