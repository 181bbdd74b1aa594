//! Making one commit out of one change, with nothing but the repository's objects.

use super::super::names::{self, ENDING, MARKER, Marker};
use super::{Entry, GitState, Key, PutIf, StateError, Version};

/// What somebody wants of the branch.
pub(super) enum Edit<'a> {
    /// That an object is there.
    Put {
        /// Where.
        key: &'a Key,
        /// What it holds.
        bytes: &'a [u8],
        /// On which condition.
        when: &'a PutIf,
    },
    /// That objects go as far as they are these versions; at least one.
    Delete(&'a [(Key, Version)]),
}

impl Edit<'_> {
    /// Returns the object, or the first.
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } => key,
            Self::Delete(objects) => &objects[0].0,
        }
    }

    /// Says whether it is to be done, by what is there of its objects.
    pub(super) fn is_due(&self, now: &[Entry]) -> bool {
        match self {
            Self::Put { when: PutIf::Absent, .. } => now.is_empty(),
            Self::Put { when: PutIf::Version(version), .. } => {
                now.first().is_some_and(|entry| entry.nonce == version.0)
            }
            Self::Delete(_) => !now.is_empty(),
        }
    }
}

/// What one commit changes.
pub(super) struct Change<'a> {
    /// What is wanted.
    pub(super) edit: &'a Edit<'a>,
    /// What is there, and goes.
    pub(super) old: &'a [Entry],
    /// What the write is known by.
    pub(super) nonce: &'a str,
}

/// A commit that was made.
pub(super) struct Commit {
    /// Its id.
    pub(super) id: String,
    /// Whether it takes the place of the last one.
    pub(super) replaces: bool,
}

impl GitState {
    /// Makes the commit of a change upon the last one, or in its place if both only renew one lease.
    pub(super) async fn commit(
        &self,
        tip: Option<&str>,
        change: &Change<'_>,
        may_replace: bool,
    ) -> Result<Commit, StateError> {
        let key = names::path(change.edit.key());
        let mut message = match (change.edit, change.old) {
            (Edit::Put { .. }, []) => format!("Create {key}\n"),
            (Edit::Put { .. }, _) => format!("Replace {key}\n"),
            (Edit::Delete(_), [_]) => format!("Delete {key}\n"),
            (Edit::Delete(_), old) => format!("Delete {} objects from {key} on\n", old.len()),
        };
        if let (Some(tip), [old], Edit::Put { key: alias, bytes, .. }) = (tip, change.old, change.edit)
            && alias.as_str().starts_with("aliases/")
        {
            let known = self.contents(&[old.blob.as_str(), tip]).await?;
            if let [before, last] = known.as_slice()
                && let Some(holder) = lease_only(before, bytes)
            {
                message = format!("Lease {key}\n\nHolder: {holder}\n");
                let last = String::from_utf8_lossy(last);
                if let Some(parent) = only_parent(&last, &message).filter(|_| may_replace) {
                    let made = self.import(Some(parent), Some(tip), &message, change).await;
                    // A shallow clone may lack the commit before the last one.
                    if let Ok(id) = made {
                        return Ok(Commit { id, replaces: true });
                    }
                }
            }
        }
        let id = self.import(tip, None, &message, change).await?;
        Ok(Commit { id, replaces: false })
    }

    /// Makes a commit upon `parent`, out of the tree of `base` if that is another one, and returns its id.
    async fn import(
        &self,
        parent: Option<&str>,
        base: Option<&str>,
        message: &str,
        change: &Change<'_>,
    ) -> Result<String, StateError> {
        let mut input = format!(
            "commit refs/dreamrun/made/{}\nmark :1\ncommitter dreamrun <dreamrun@localhost> now\ndata {}\n{message}\n",
            self.branch,
            message.len()
        )
        .into_bytes();
        if let Some(parent) = parent {
            input.extend_from_slice(format!("from {parent}\n").as_bytes());
        } else {
            put(&mut input, MARKER, Marker::text().as_bytes());
        }
        if let Some(base) = base {
            let tree = self.ask(&["rev-parse", &format!("{base}^{{tree}}")], b"").await?.line();
            input.extend_from_slice(format!("M 040000 {tree} \"\"\n").as_bytes());
        }
        let path = |key: &Key, nonce: &str| format!("{}@{nonce}{ENDING}", names::path(key));
        for old in change.old {
            input.extend_from_slice(format!("D {}\n", path(&old.key, &old.nonce)).as_bytes());
        }
        if let Edit::Put { key, bytes, .. } = change.edit {
            put(&mut input, &path(key, change.nonce), bytes);
        }
        input.extend_from_slice(b"get-mark :1\ndone\n");
        let arguments = ["fast-import", "--quiet", "--force", "--done", "--date-format=now"];
        Ok(self.ask(&arguments, &input).await?.line())
    }
}

fn put(input: &mut Vec<u8>, path: &str, bytes: &[u8]) {
    input.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", bytes.len()).as_bytes());
    input.extend_from_slice(bytes);
    input.push(b'\n');
}

/// Returns who holds the lease that is all two records of an alias differ in.
fn lease_only(before: &[u8], after: &[u8]) -> Option<String> {
    let lease = |bytes: &[u8]| {
        let mut record: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).ok()?;
        let lease = record.remove("lease").unwrap_or_default();
        Some((record, lease))
    };
    let ((before, was), (after, is)) = (lease(before)?, lease(after)?);
    // Whoever gives a lease back is who held it.
    let holder = if is.is_null() { &was } else { &is };
    (before == after && was != is).then(|| holder["holder"].to_string())
}

/// Returns what a commit stands on, if it stands on one and says the same as another message.
fn only_parent<'a>(commit: &'a str, message: &str) -> Option<&'a str> {
    let (header, said) = commit.split_once("\n\n")?;
    let mut parents = header.lines().filter_map(|line| line.strip_prefix("parent "));
    let parent = parents.next()?;
    (parents.next().is_none() && said == message).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_of_the_lease_alone_if_nothing_else_differs() {
        let free = br#"{"generation": 1}"#;
        let mine = br#"{"generation": 1, "lease": {"holder": "a", "until": 1}}"#;
        let renewed = br#"{"generation": 1, "lease": {"holder": "a", "until": 2}}"#;
        let moved = br#"{"generation": 2, "lease": {"holder": "a", "until": 2}}"#;
        let holder = Some("\"a\"".to_owned());
        assert_eq!(lease_only(free, mine), holder);
        assert_eq!(lease_only(mine, renewed), holder);
        assert_eq!(lease_only(mine, free), holder);
        assert_eq!(lease_only(mine, mine), None);
        assert_eq!(lease_only(renewed, moved), None);
        assert_eq!(lease_only(b"no record", mine), None);
    }

    #[test]
    fn only_a_commit_that_says_the_same_and_stands_on_one_is_replaced() {
        let commit = "tree t\nparent p\ncommitter c\n\nLease aliases/a\n\nHolder: \"a\"\n";
        assert_eq!(only_parent(commit, "Lease aliases/a\n\nHolder: \"a\"\n"), Some("p"));
        assert_eq!(only_parent(commit, "Lease aliases/a\n\nHolder: \"b\"\n"), None);
        assert_eq!(only_parent("tree t\n\nx", "x"), None);
        assert_eq!(only_parent("tree t\nparent p\nparent q\n\nx", "x"), None);
    }
}
