//! State in a branch of the project's Git repository, kept at a remote.
//!
//! One key is one blob, `<key>@<nonce>.json`: the nonce is that of the write which made it, and the object's
//! version. A write makes one commit and pushes it if the branch is still what was looked at; if the branch
//! moved and the key did not, it looks again and makes another one. A push whose answer was lost is settled
//! by looking for its nonce. Neither work tree nor index is touched, and no branch of the clone is made:
//! what was seen last is kept under `refs/dreamrun/`. A shallow clone stays shallow, a full one full.
//!
//! A commit that only renews a lease takes the place of the one before, if that did the same for the same
//! holder.

mod commit;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::names::{self, ENDING, MARKER, Marker};
use super::{Key, PutIf, StateError, StateStore, Version, Versioned, pause};
use crate::git::{Git, PATIENCE, Said};
use commit::{Change, Commit, Edit};

/// How often a write is tried while others move the branch.
const TRIES: u32 = 60;
/// How often a push is repeated whose answer was lost. Repeating it is safe: it is the same commit, and
/// only one of them can find the branch where it was.
const REPEATS: u32 = 4;
/// How old what a reading command sees may be.
const FRESH: Duration = Duration::from_secs(2);
/// How many commits a shallow clone begins with: the last one, and what it stands on.
const DEPTH: &str = "--depth=2";

/// Where a branch of state is.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// A folder of the repository.
    pub folder: PathBuf,
    /// The branch.
    pub branch: String,
    /// The name of the remote.
    pub remote: String,
    /// How long one command may take; a minute by default.
    pub patience: Duration,
    /// Variables for `git` beside those of the process.
    pub variables: Vec<(String, String)>,
}

impl GitOptions {
    /// Names a branch.
    pub fn new(folder: &Path, branch: &str, remote: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            branch: branch.to_owned(),
            remote: remote.to_owned(),
            patience: PATIENCE,
            variables: Vec::new(),
        }
    }
}

/// What `git` and its helpers say of a remote that gives no answer.
const UNREACHED: [&str; 7] = [
    "Could not resolve host",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Failed to connect",
    "Network is unreachable",
    "No route to host",
];

/// State in a branch.
#[derive(Debug)]
pub struct GitState {
    git: Git,
    branch: String,
    remote: String,
    /// Locked while this machine changes what it knows of the branch.
    lock_file: PathBuf,
    is_shallow: bool,
    is_writing: bool,
    seen: Mutex<Seen>,
}

/// What is known of the branch.
#[derive(Debug, Default)]
struct Seen {
    /// When it was last looked at, and the commit it ended in.
    at: Option<(Instant, Option<String>)>,
    /// The blob of the marker that was found good.
    marker: Option<String>,
    /// Whether the remote lets the last commit be replaced.
    is_append_only: bool,
}

/// One blob of the branch.
#[derive(Debug, Clone)]
struct Entry {
    key: Key,
    nonce: String,
    blob: String,
}

/// What came of a push.
enum Pushed {
    /// It is there.
    Done,
    /// The branch is not where it was; nothing was written.
    Moved,
    /// The remote said no; nothing was written.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

impl GitState {
    /// Opens a branch, which need not be there yet. Asks the remote nothing.
    ///
    /// # Errors
    ///
    /// Says what stood in the way: no repository, no such remote.
    pub async fn open(options: GitOptions) -> Result<Self, StateError> {
        Self::open_for(options, true).await
    }

    /// Opens a branch for reading only; `None` if the remote has no such branch.
    ///
    /// # Errors
    ///
    /// As [`GitState::open`], or the remote cannot be reached.
    pub async fn open_read_only(options: GitOptions) -> Result<Option<Self>, StateError> {
        let state = Self::open_for(options, false).await?;
        let is_there = state.tip().await?.is_some();
        Ok(is_there.then_some(state))
    }

    async fn open_for(options: GitOptions, is_writing: bool) -> Result<Self, StateError> {
        let GitOptions { folder, branch, remote, patience, variables } = options;
        let git = Git { folder, patience, variables };
        let place = format!("git:{branch}@{remote}");
        let about =
            asked(&git, &place, &["rev-parse", "--is-shallow-repository", "--git-common-dir"]).await?;
        let (is_shallow, common) = about.split_once('\n').unwrap_or(("false", &about));
        let lock_file = git.folder.join(common).join("dreamrun.lock");
        let is_shallow = is_shallow == "true";
        asked(&git, &place, &["remote", "get-url", &remote]).await?;
        Ok(Self { git, branch, remote, lock_file, is_shallow, is_writing, seen: Mutex::default() })
    }

    fn place(&self) -> String {
        format!("git:{}@{}", self.branch, self.remote)
    }

    fn unavailable(&self, action: &'static str, reason: impl Into<String>) -> StateError {
        StateError::Unavailable { action, place: self.place(), reason: reason.into() }
    }

    fn unreachable(&self, reason: String) -> StateError {
        StateError::Unreachable { place: self.place(), reason }
    }

    /// Runs a command that can only fail if something is wrong here.
    async fn ask(&self, arguments: &[&str], input: &[u8]) -> Result<Said, StateError> {
        let said = self.git.run(arguments, input).await.map_err(|reason| self.unavailable("read", reason))?;
        if said.is_good { Ok(said) } else { Err(self.unavailable("read", said.complaint())) }
    }

    /// Waits until no other process of this machine changes what it knows of the branch.
    async fn lock(&self) -> Result<File, StateError> {
        let failed = |error: std::io::Error| self.unavailable("open", error.to_string());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock_file)
            .map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if began.elapsed() > self.git.patience * 2 => {
                    let reason = "another process of this machine has been using it for too long";
                    return Err(self.unavailable("open", reason));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Returns the last commit of the branch, for reading.
    async fn tip(&self) -> Result<Option<String>, StateError> {
        let mut seen = self.seen.lock().await;
        if let Some((at, tip)) = &seen.at
            && !self.is_writing
            && at.elapsed() < FRESH
        {
            return Ok(tip.clone());
        }
        let _lock = self.lock().await?;
        self.look(&mut seen, "read").await
    }

    /// Fetches the last commit of the branch. The lock is held.
    async fn look(&self, seen: &mut Seen, action: &'static str) -> Result<Option<String>, StateError> {
        let kept = format!("refs/dreamrun/seen/{}", self.branch);
        let refspec = format!("+refs/heads/{}:{kept}", self.branch);
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-prune",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--refmap=",
        ];
        // Later on, only what is new is asked for.
        if self.is_shallow && self.kept(&kept, action).await?.is_none() {
            arguments.push(DEPTH);
        }
        arguments.extend([self.remote.as_str(), &refspec]);
        let said = self.git.run(&arguments, b"").await.map_err(|reason| self.unreachable(reason))?;
        let tip = if said.is_good {
            self.kept(&kept, action).await?
        } else if said.talk.contains("couldn't find remote ref") {
            None
        } else if UNREACHED.iter().any(|words| said.talk.contains(words)) {
            return Err(self.unreachable(said.complaint()));
        } else {
            return Err(self.unavailable(action, said.complaint()));
        };
        if let Some(tip) = &tip {
            self.check_marker(tip, seen).await?;
        }
        seen.at = Some((Instant::now(), tip.clone()));
        Ok(tip)
    }

    /// Returns the commit that is kept under a name.
    async fn kept(&self, name: &str, action: &'static str) -> Result<Option<String>, StateError> {
        let arguments = ["rev-parse", "--verify", "--quiet", name];
        let said = self.git.run(&arguments, b"").await.map_err(|reason| self.unavailable(action, reason))?;
        Ok(said.is_good.then(|| said.line()))
    }

    /// Makes sure that the branch is one of state, and that this version can read it.
    async fn check_marker(&self, tip: &str, seen: &mut Seen) -> Result<(), StateError> {
        let listed = self.ask(&["ls-tree", "-z", "--full-tree", tip, "--", MARKER], b"").await?;
        let Some((blob, _)) = parse(&listed.out).next() else {
            return Err(self.unavailable("open", "the branch holds something else"));
        };
        if seen.marker.as_ref() != Some(&blob) {
            let text = self.ask(&["cat-file", "blob", &blob], b"").await?.out;
            Marker::check(&text, &self.place())?;
            seen.marker = Some(blob);
        }
        Ok(())
    }

    /// Lists the blobs of a folder of a commit, those of folders below it too if `is_deep`.
    async fn entries(&self, tip: &str, folder: &str, is_deep: bool) -> Result<Vec<Entry>, StateError> {
        let folder = format!("{folder}/");
        let mut arguments = vec!["ls-tree", "-z", "--full-tree"];
        if is_deep {
            arguments.push("-r");
        }
        arguments.push(tip);
        if folder != "/" {
            arguments.extend(["--", &folder]);
        }
        let listed = self.ask(&arguments, b"").await?;
        let mut entries: Vec<Entry> = parse(&listed.out)
            .filter_map(|(blob, path)| {
                let (name, nonce) = path.strip_suffix(ENDING)?.rsplit_once('@')?;
                Some(Entry { key: names::key(name)?, nonce: nonce.to_owned(), blob })
            })
            .collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    /// Finds the blob of one key.
    async fn entry(&self, tip: Option<&str>, key: &Key) -> Result<Option<Entry>, StateError> {
        let Some(tip) = tip else { return Ok(None) };
        let entries = self.entries(tip, &names::folder(key.as_str()), false).await?;
        Ok(entries.into_iter().find(|entry| entry.key == *key))
    }

    /// Reads objects of the repository, in the order asked for.
    async fn contents(&self, ids: &[&str]) -> Result<Vec<Vec<u8>>, StateError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let out = self.ask(&["cat-file", "--batch"], input.as_bytes()).await?.out;
        let cut = || self.unavailable("read", "the repository lacks an object of the branch");
        let mut rest = out.as_slice();
        let mut contents = Vec::with_capacity(ids.len());
        for _ in ids {
            let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(cut)?;
            let header = String::from_utf8_lossy(&rest[..end]);
            let size: usize = header.split(' ').nth(2).and_then(|size| size.parse().ok()).ok_or_else(cut)?;
            let body = rest.get(end + 1..end + 1 + size).ok_or_else(cut)?;
            contents.push(body.to_vec());
            rest = rest.get(end + size + 2..).unwrap_or_default();
        }
        Ok(contents)
    }

    /// Reads what the blobs of a commit hold.
    async fn objects(&self, entries: Vec<Entry>) -> Result<Vec<(Key, Versioned)>, StateError> {
        let blobs: Vec<&str> = entries.iter().map(|entry| entry.blob.as_str()).collect();
        let contents = self.contents(&blobs).await?;
        let object = |(entry, bytes): (Entry, Vec<u8>)| {
            (entry.key, Versioned { bytes, version: Version(entry.nonce) })
        };
        Ok(entries.into_iter().zip(contents).map(object).collect())
    }

    /// Returns the objects that an edit is about, as far as they are there.
    async fn found(&self, tip: Option<&str>, edit: &Edit<'_>) -> Result<Vec<Entry>, StateError> {
        let Some(tip) = tip else { return Ok(Vec::new()) };
        let Edit::Delete(objects) = edit else {
            return Ok(self.entry(Some(tip), edit.key()).await?.into_iter().collect());
        };
        let folders: BTreeSet<String> = objects.iter().map(|(key, _)| names::folder(key.as_str())).collect();
        let mut found = Vec::new();
        for folder in folders {
            found.extend(self.entries(tip, &folder, false).await?);
        }
        let versions: BTreeMap<&Key, &str> =
            objects.iter().map(|(key, version)| (key, version.0.as_str())).collect();
        found.retain(|entry| versions.get(&entry.key).is_some_and(|version| *version == entry.nonce));
        Ok(found)
    }

    /// Carries out an edit, and returns what it is known by; nothing if it is not due any more.
    async fn change(&self, edit: &Edit<'_>) -> Result<Option<String>, StateError> {
        if !self.is_writing {
            return Err(self.unavailable("write", "the branch was opened for reading"));
        }
        let mut seen = self.seen.lock().await;
        let _lock = self.lock().await?;
        let nonce = names::nonce();
        let mut reason = String::new();
        for round in 0..TRIES {
            let tip = self.look(&mut seen, "write").await?;
            let now = self.found(tip.as_deref(), edit).await?;
            // A push without an answer may have landed after the look that missed it.
            if now.iter().any(|entry| entry.nonce == nonce) {
                return Ok(Some(nonce));
            }
            if !edit.is_due(&now) {
                return Ok(None);
            }
            let change = Change { edit, old: &now, nonce: &nonce };
            let made = self.commit(tip.as_deref(), &change, !seen.is_append_only).await?;
            match self.pushed(&mut seen, tip.as_deref(), &made, edit.key(), &nonce).await? {
                Pushed::Done => {
                    seen.at = Some((Instant::now(), Some(made.id)));
                    return Ok(Some(nonce));
                }
                Pushed::Moved => reason = "others write to it all the time".to_owned(),
                Pushed::Refused(why) if made.replaces && !seen.is_append_only => {
                    seen.is_append_only = true;
                    reason = why;
                    continue;
                }
                Pushed::Refused(why) => {
                    // A ref that another push holds is let go in a moment.
                    let is_race =
                        ["cannot lock ref", "failed to update ref", "old value", "reference already exists"];
                    if !is_race.iter().any(|word| why.contains(word)) {
                        return Err(self.unavailable("write", why));
                    }
                    reason = why;
                }
                Pushed::Unknown(reason) => {
                    let (key, place) = (edit.key().clone(), self.place());
                    return Err(StateError::InDoubt { key, place, reason });
                }
            }
            pause(round).await;
        }
        Err(self.unavailable("write", reason))
    }

    /// Pushes a commit, and looks what came of it if nobody says.
    async fn pushed(
        &self,
        seen: &mut Seen,
        before: Option<&str>,
        made: &Commit,
        key: &Key,
        nonce: &str,
    ) -> Result<Pushed, StateError> {
        let mut answer = self.push(before, &made.id).await;
        for round in 0..REPEATS {
            let Pushed::Unknown(_) = &answer else { return Ok(answer) };
            pause(round).await;
            let Ok(now) = self.look(seen, "write").await else { continue };
            if now.as_deref() == before {
                // Should the first one still be on its way, it and this one are the same commit.
                answer = self.push(before, &made.id).await;
                continue;
            }
            let Some(now) = now else { continue };
            let entry = self.entry(Some(&now), key).await?;
            if entry.is_some_and(|entry| entry.nonce == nonce) || self.is_within(&made.id, &now).await? {
                return Ok(Pushed::Done);
            }
            // The branch went elsewhere from where this commit stands, so it can never be pushed any more.
            return Ok(Pushed::Moved);
        }
        Ok(answer)
    }

    /// Says whether a commit is part of the branch.
    async fn is_within(&self, commit: &str, tip: &str) -> Result<bool, StateError> {
        let arguments = ["merge-base", "--is-ancestor", commit, tip];
        let said = self.git.run(&arguments, b"").await.map_err(|reason| self.unavailable("read", reason))?;
        Ok(said.is_good)
    }

    async fn push(&self, before: Option<&str>, commit: &str) -> Pushed {
        let lease = format!("--force-with-lease=refs/heads/{}:{}", self.branch, before.unwrap_or_default());
        let refspec = format!("{commit}:refs/heads/{}", self.branch);
        let arguments =
            ["push", "--porcelain", "--no-verify", "--no-signed", &lease, self.remote.as_str(), &refspec];
        let said = match self.git.run(&arguments, b"").await {
            Ok(said) => said,
            Err(reason) => return Pushed::Unknown(reason),
        };
        if said.is_good {
            return Pushed::Done;
        }
        let answer = String::from_utf8_lossy(&said.out);
        let refusal = answer.lines().find_map(|line| line.strip_prefix("!\t")?.split('\t').nth(1));
        match refusal {
            Some(why) if why.starts_with("[rejected]") => Pushed::Moved,
            Some(why) if why.starts_with("[remote rejected]") => Pushed::Refused(format!(
                "{}; {}",
                why.trim_start_matches("[remote rejected] "),
                said.complaint()
            )),
            _ => Pushed::Unknown(said.complaint()),
        }
    }
}

/// What `git` says is missing, and what a person can do about it.
const MISSING: [(&str, &str); 2] = [
    (
        "not a git repository",
        "Clone the project's repository, or begin one: `git init`, then `git remote add origin URL`. Or keep state \
         elsewhere: `state:` in dreamrun.yaml.",
    ),
    (
        "No such remote",
        "Add it with `git remote add NAME URL`, or name another one as `state: git:BRANCH@NAME` in dreamrun.yaml.",
    ),
];

/// Asks the repository what it is.
async fn asked(git: &Git, place: &str, arguments: &[&str]) -> Result<String, StateError> {
    let place = place.to_owned();
    let said = match git.run(arguments, b"").await {
        Ok(said) if said.is_good => return Ok(said.line()),
        Ok(said) => said,
        Err(reason) => return Err(StateError::Unavailable { action: "open", place, reason }),
    };
    let reason = said.complaint();
    Err(match MISSING.iter().find(|(words, _)| reason.contains(words)) {
        Some((_, remedy)) => StateError::Missing { place, reason, remedy },
        None => StateError::Unavailable { action: "open", place, reason },
    })
}

/// Reads a listing of a tree: the id and the path of every blob.
fn parse(listing: &[u8]) -> impl Iterator<Item = (String, String)> {
    listing.split(|&byte| byte == 0).filter_map(|line| {
        let (about, path) = std::str::from_utf8(line).ok()?.split_once('\t')?;
        let mut about = about.split(' ').skip(1);
        (about.next()? == "blob").then_some(())?;
        Some((about.next()?.to_owned(), path.to_owned()))
    })
}

#[async_trait]
impl StateStore for GitState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        let tip = self.tip().await?;
        let Some(entry) = self.entry(tip.as_deref(), key).await? else { return Ok(None) };
        let bytes = self.contents(&[&entry.blob]).await?.pop().unwrap_or_default();
        Ok(Some(Versioned { bytes, version: Version(entry.nonce) }))
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let edit = Edit::Put { key, bytes, when: &when };
        let written = self.change(&edit).await?;
        written.map(Version).ok_or_else(|| StateError::Conflict { key: key.clone() })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let Some(tip) = self.tip().await? else { return Ok(Vec::new()) };
        let entries = self.entries(&tip, &names::folder(prefix), true).await?;
        Ok(entries
            .into_iter()
            .map(|entry| entry.key)
            .filter(|key| key.as_str().starts_with(prefix))
            .collect())
    }

    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        let Some(tip) = self.tip().await? else { return Ok(Vec::new()) };
        let mut entries = self.entries(&tip, &names::folder(prefix), true).await?;
        entries.retain(|entry| entry.key.as_str().starts_with(prefix));
        self.objects(entries).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<(Key, Versioned)>, StateError> {
        let Some(tip) = self.tip().await? else { return Ok(Vec::new()) };
        let mut there: BTreeMap<Key, Entry> =
            self.entries(&tip, "", true).await?.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        self.objects(keys.iter().filter_map(|key| there.remove(key)).collect()).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let deleted = self.change(&Edit::Delete(&[(key.clone(), version.clone())])).await?;
        deleted.map(drop).ok_or_else(|| StateError::Conflict { key: key.clone() })
    }

    async fn delete_all(&self, objects: &[(Key, Version)]) -> Result<(), StateError> {
        match objects {
            [] => Ok(()),
            objects => self.change(&Edit::Delete(objects)).await.map(drop),
        }
    }
}
