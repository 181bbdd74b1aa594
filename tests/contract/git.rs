//! A branch of a bare repository as a place of state. Whoever opens it has a shallow clone, as a runner has;
//! the remote can be told to refuse, to hang, and to accept a push without saying so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dreamrun::state::git::{GitOptions, GitState};
use dreamrun::state::{Key, PutIf, StateError, StateStore};

use crate::state::Place;

const BRANCH: &str = "dreamrun/state";

pub(crate) struct GitPlace {
    folder: tempfile::TempDir,
    clones: AtomicU32,
}

/// Runs `git` as somebody else would, and returns what it says.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=someone", "-c", "user.email=someone@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl GitPlace {
    fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// Makes a clone as shallow as a runner's.
    fn clone(&self) -> PathBuf {
        let clone = format!("clone-{}", self.clones.fetch_add(1, Ordering::Relaxed));
        let remote = format!("file://{}", self.remote().display());
        git(self.folder.path(), &["clone", "--quiet", "--depth=1", &remote, &clone]);
        self.folder.path().join(clone)
    }

    /// Puts a hook into a repository.
    fn hook(&self, name: &str, script: &str) {
        let hook = self.remote().join("hooks").join(name);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        executable(&hook, script);
    }
}

fn executable(file: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn options(clone: &Path) -> GitOptions {
    let mut options = GitOptions::new(clone, BRANCH, "origin");
    options.variables = vec![
        ("GIT_CONFIG_GLOBAL".to_owned(), "/dev/null".to_owned()),
        ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
    ];
    options
}

impl Place for GitPlace {
    const UPDATES: usize = 3;
    const ROUNDS: usize = 2;

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        git(folder.path(), &["clone", "--quiet", "remote.git", "first"]);
        let first = folder.path().join("first");
        for subject in ["one", "two", "three"] {
            git(&first, &["commit", "--quiet", "--allow-empty", "--message", subject]);
        }
        git(&first, &["push", "--quiet", "origin", "HEAD:main"]);
        Self { folder, clones: AtomicU32::new(0) }
    }

    async fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(GitState::open(options(&self.clone())).await.unwrap())
    }
}

fn key(text: &str) -> Key {
    Key::from_listing(text.to_owned())
}

async fn bytes(state: &dyn StateStore, at: &str) -> Option<Vec<u8>> {
    state.get(&key(at)).await.unwrap().map(|found| found.bytes)
}

#[tokio::test]
async fn a_clone_is_left_as_it_was() {
    let place = GitPlace::new();
    let clone = place.clone();
    std::fs::write(clone.join("staged.txt"), "mine").unwrap();
    git(&clone, &["add", "staged.txt"]);
    executable(&clone.join(".git/hooks/pre-push"), "exit 1");
    executable(&clone.join(".git/hooks/reference-transaction"), "exit 1");
    let about = || {
        let refs =
            git(&clone, &["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes", "refs/tags"]);
        let status = git(&clone, &["status", "--porcelain", "--branch"]);
        (refs, status, git(&clone, &["rev-parse", "--is-shallow-repository"]))
    };
    let before = about();
    let state = GitState::open(options(&clone)).await.unwrap();
    let version = state.put(&key("aliases/a"), b"{}", PutIf::Absent).await.unwrap();
    state.put(&key("aliases/a"), b"{} ", PutIf::Version(version)).await.unwrap();
    assert_eq!(bytes(&state, "aliases/a").await.unwrap(), b"{} ");
    assert_eq!(about(), before);
    let log = git(&place.remote(), &["log", "--format=%an %s", BRANCH]);
    assert_eq!(log, "dreamrun Replace aliases/a\ndreamrun Create aliases/a");
}

#[tokio::test]
async fn a_full_clone_stays_full() {
    let place = GitPlace::new();
    let other = place.open().await;
    for n in 1..=3 {
        other.put(&key(&format!("runs/a-1/{n:08}")), b"{}", PutIf::Absent).await.unwrap();
    }
    let first = place.folder.path().join("first");
    let state = GitState::open(options(&first)).await.unwrap();
    assert_eq!(state.read("runs/a-1/").await.unwrap().len(), 3);
    assert_eq!(git(&first, &["rev-parse", "--is-shallow-repository"]), "false");
}

#[tokio::test]
async fn looking_at_a_branch_that_is_not_there_makes_none() {
    let place = GitPlace::new();
    assert!(GitState::open_read_only(options(&place.clone())).await.unwrap().is_none());
    let branches = git(&place.remote(), &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(branches, "refs/heads/main");
    let state = place.open().await;
    let version = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    let looking = GitState::open_read_only(options(&place.clone())).await.unwrap().unwrap();
    assert_eq!(bytes(&looking, "a").await.unwrap(), b"x");
    let refused = looking.put(&key("a"), b"y", PutIf::Version(version)).await.unwrap_err().to_string();
    assert!(refused.ends_with("the branch was opened for reading"), "{refused}");
}

#[tokio::test]
async fn a_branch_of_something_else_is_refused_and_left_alone() {
    let place = GitPlace::new();
    let before = git(&place.remote(), &["rev-parse", "main"]);
    let mut options = options(&place.clone());
    options.branch = "main".to_owned();
    let state = GitState::open(options).await.unwrap();
    let refused = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap_err().to_string();
    assert_eq!(refused, "could not open state in `git:main@origin`: the branch holds something else");
    assert_eq!(git(&place.remote(), &["rev-parse", "main"]), before);
}

#[tokio::test]
async fn a_remote_or_repository_that_is_not_there_is_told() {
    let place = GitPlace::new();
    let mut elsewhere = options(&place.clone());
    elsewhere.remote = "upstream".to_owned();
    let refused = GitState::open(elsewhere).await.unwrap_err().to_string();
    assert!(refused.starts_with("cannot keep state in `git:dreamrun/state@upstream`: "), "{refused}");
    assert!(refused.contains("No such remote"), "{refused}");
    let bare = tempfile::tempdir().unwrap();
    let refused = GitState::open(options(bare.path())).await.unwrap_err().to_string();
    assert!(refused.contains("not a git repository"), "{refused}");
}

#[tokio::test]
async fn a_remote_that_refuses_is_told_in_its_own_words_and_nothing_is_written() {
    let place = GitPlace::new();
    let state = place.open().await;
    state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    place.hook("pre-receive", "echo 'state is frozen' >&2; exit 1");
    let refused = state.put(&key("b"), b"x", PutIf::Absent).await.unwrap_err();
    assert!(matches!(refused, StateError::Unavailable { action: "write", .. }), "{refused}");
    assert!(refused.to_string().contains("state is frozen"), "{refused}");
    assert_eq!(bytes(state.as_ref(), "b").await, None);
    std::fs::remove_file(place.remote().join("hooks/pre-receive")).unwrap();
    state.put(&key("b"), b"x", PutIf::Absent).await.unwrap();
}

#[tokio::test]
async fn a_remote_that_hangs_becomes_an_error() {
    let place = GitPlace::new();
    let clone = place.clone();
    git(&clone, &["remote", "set-url", "origin", "ssh://nobody@127.0.0.1/x.git"]);
    let fifo = place.folder.path().join("never");
    let mut options = options(&clone);
    options.patience = Duration::from_millis(500);
    let hang = format!("mkfifo '{0}'; exec 3<>'{0}'; cat <&3 #", fifo.display());
    options.variables.push(("GIT_SSH_COMMAND".to_owned(), hang));
    let state = GitState::open(options).await.unwrap();
    for refused in [
        state.get(&key("a")).await.unwrap_err(),
        state.put(&key("a"), b"x", PutIf::Absent).await.unwrap_err(),
    ] {
        assert!(matches!(refused, StateError::Unreachable { .. }), "{refused}");
        assert!(refused.to_string().ends_with("git gave no answer within 0.5 s"), "{refused}");
    }
}

/// Kills whoever receives a push once the branch has moved, so often.
const ANSWER_DROPPED: &str = r#"
[ "$1" = committed ] || exit 0
grep -q refs/heads/ || exit 0
echo x >> pushes
[ "$(wc -l < pushes)" -le "$(cat drops)" ] && kill -9 $PPID
exit 0
"#;

#[tokio::test]
async fn a_push_whose_answer_was_lost_is_found_by_looking() {
    let place = GitPlace::new();
    let state = place.open().await;
    std::fs::write(place.remote().join("drops"), "2").unwrap();
    place.hook("reference-transaction", ANSWER_DROPPED);
    let version = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    let newer = state.put(&key("a"), b"y", PutIf::Version(version)).await.unwrap();
    let found = state.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.version), (&b"y"[..], newer));
    assert_eq!(git(&place.remote(), &["rev-list", "--count", BRANCH]), "2", "nothing was pushed twice");
}

#[tokio::test]
async fn several_that_are_deleted_go_in_one_commit() {
    let place = GitPlace::new();
    let state = place.open().await;
    let mut read = Vec::new();
    for at in ["runs/a-1/00000001", "runs/a-1/00000002", "runs/a-2/00000001"] {
        read.push((key(at), state.put(&key(at), b"x", PutIf::Absent).await.unwrap()));
    }
    state.delete_all(&read).await.unwrap();
    assert_eq!(state.list("").await.unwrap(), []);
    assert_eq!(git(&place.remote(), &["rev-list", "--count", BRANCH]), "4");
    let said = git(&place.remote(), &["log", "-1", "--format=%s", BRANCH]);
    assert_eq!(said, "Delete 3 objects from runs/a-1/00000001 on");
}

#[tokio::test]
async fn a_lease_that_is_renewed_leaves_one_commit() {
    let place = GitPlace::new();
    let record = |generation: u32, holder: &str, until: u32| {
        format!(
            "{{\"generation\": {generation}, \"lease\": {{\"holder\": \"{holder}\", \"until\": {until}}}}}"
        )
    };
    let commits = || git(&place.remote(), &["rev-list", "--count", BRANCH]);
    let state = place.open().await;
    let mut version = state.put(&key("aliases/a"), b"{\"generation\": 1}", PutIf::Absent).await.unwrap();
    for (holder, until, count) in [("a", 1, "2"), ("a", 2, "2"), ("a", 3, "2"), ("b", 4, "3"), ("b", 5, "3")]
    {
        let record = record(1, holder, until);
        version = state.put(&key("aliases/a"), record.as_bytes(), PutIf::Version(version)).await.unwrap();
        assert_eq!(commits(), count, "{record}");
        let other = place.open().await;
        assert_eq!(bytes(other.as_ref(), "aliases/a").await.unwrap(), record.as_bytes());
    }
    let moved = record(2, "b", 6);
    version = state.put(&key("aliases/a"), moved.as_bytes(), PutIf::Version(version)).await.unwrap();
    assert_eq!(commits(), "4");
    // A remote that lets no history go gets all of it.
    git(&place.remote(), &["config", "receive.denyNonFastForwards", "true"]);
    for (until, count) in [(7, "5"), (8, "6")] {
        let record = record(2, "b", until);
        version = state.put(&key("aliases/a"), record.as_bytes(), PutIf::Version(version)).await.unwrap();
        assert_eq!(commits(), count);
    }
}
