//! Past sessions, read from transcript files.
//!
//! A listing reads each file once, in parallel, and notes which bytes of which file hold each session.
//! A dream created later reads those very bytes: a file that has grown since is read as far as it went,
//! one that holds anything else is no longer the session that was planned.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension, Row, params};
use xxhash_rust::xxh3::xxh3_128;

use crate::backend::folder::{shown, to_timestamp};
use crate::backend::{SessionListing, SessionQuery, Unreadable};
use crate::dreaming::transcript::Transcript;
use crate::ids::SessionId;
use crate::session::{Session, SessionSize, SessionStatus};
use crate::spec::pipeline::SessionSource;

use super::database::{as_column, count, time};
use super::error::{Failure, LocalError};
use super::globs::{self, Refused};
use super::transcripts;

/// A session that was written to this recently may still be going on.
const RUNNING_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// The largest transcript file. Files are read whole, one per core at a time, so this bounds what a listing
/// keeps in memory; sessions of a year of work have a few dozen megabytes.
const FILE_BYTES_LIMIT: u64 = 256 << 20;
/// [`FILE_BYTES_LIMIT`] in words.
const TOO_LARGE: &str = "larger than 256 MiB";

/// The part of a file that held a session when it was listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FilePart {
    /// Relative to the project with `/`, or absolute if it lies outside.
    pub(super) file: String,
    /// How much of it there was.
    pub(super) bytes: u64,
    /// Digest of those bytes.
    pub(super) fingerprint: String,
    /// When the file was last written to, which dates a session without dated events.
    pub(super) written_at: Timestamp,
}

/// What a dream reads a session from, fixed when the dream is created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// Part of a transcript file.
    File(FilePart),
    /// The first events of a recorded session.
    Recorded {
        /// Which.
        session: SessionId,
        /// How many.
        events: u64,
    },
}

/// Where files may be read.
#[derive(Debug)]
pub(super) struct Reach {
    root: PathBuf,
    allowed: Vec<PathBuf>,
}

/// A listing, with where each session was found.
pub(super) struct Found {
    pub(super) listing: SessionListing,
    pub(super) parts: BTreeMap<SessionId, FilePart>,
}

impl Reach {
    /// Reads are allowed below the project folder and each of the others.
    pub(super) fn new(root: &Path, allowed: &[PathBuf]) -> io::Result<Self> {
        let allowed = allowed.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        Ok(Self { root: root.canonicalize()?, allowed })
    }

    /// Returns the project folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where a path really leads, if reading there is allowed. Follows symbolic links first, so
    /// that none leads out.
    pub(super) fn real(&self, path: &Path) -> Result<PathBuf, LocalError> {
        let full = self.root.join(path);
        let real = full.canonicalize().map_err(|source| LocalError::File {
            path: path.to_owned(),
            action: "find",
            source,
        })?;
        if std::iter::once(&self.root).chain(&self.allowed).any(|folder| real.starts_with(folder)) {
            return Ok(real);
        }
        Err(LocalError::Outside { path: path.to_owned() })
    }

    /// Returns the name under which a file is listed and kept.
    fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        if below.is_absolute() {
            return below.to_string_lossy().into_owned();
        }
        below.iter().map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/")
    }
}

/// Lists the sessions of some files. `recorded` finds where a named session was last seen.
pub(super) fn list(
    reach: &Reach,
    query: &SessionQuery,
    recorded: impl Fn(&SessionId) -> Result<Option<FilePart>, LocalError>,
    now: Timestamp,
) -> Result<Found, LocalError> {
    let mut files = BTreeSet::new();
    let mut unreadable = Vec::new();
    let mut unmatched = BTreeSet::new();
    let mut whole = BTreeSet::new();
    let mut named = BTreeSet::new();
    for source in &query.sources {
        match source {
            SessionSource::Files(files) => {
                for glob in files {
                    match globs::expand(reach, glob) {
                        Ok(files) => whole.extend(files),
                        Err(Refused { reason, is_missing }) => {
                            if is_missing {
                                unmatched.insert(glob.clone());
                            }
                            unreadable.extend(reason.map(|reason| Unreadable { name: shown(glob), reason }));
                        }
                    }
                }
            }
            SessionSource::Ids(ids) => named.extend(ids.iter().cloned()),
            other => return Err(not_here(other)),
        }
    }
    for id in &named {
        if let Some(part) = recorded(id)? {
            files.insert(reach.root.join(part.file));
        }
    }
    files.extend(whole.iter().cloned());
    let files: Vec<PathBuf> = files.into_iter().collect();
    let read: Vec<_> = files.par_iter().map(|file| read_one(reach, file, now)).collect();

    let mut sessions: BTreeMap<SessionId, (Session, FilePart)> = BTreeMap::new();
    for (file, result) in files.iter().zip(read) {
        let found = match result {
            Ok(found) => found,
            Err(reason) => {
                unreadable.push(Unreadable { name: shown(&reach.name(file)), reason });
                continue;
            }
        };
        let wanted = |id: &SessionId| whole.contains(file) || named.contains(id);
        for (session, part) in found.into_iter().filter(|(session, _)| wanted(&session.id)) {
            keep_longer(&mut sessions, session, part, &mut unreadable);
        }
    }
    for id in named.iter().filter(|id| !sessions.contains_key(*id)) {
        let reason = "no transcript with this id has been listed; name its file".to_owned();
        unreadable.push(Unreadable { name: id.to_string(), reason });
    }
    sessions.retain(|_, (session, _)| query.since.is_none_or(|since| session.created_at >= since));

    let unmatched = unmatched.into_iter().collect();
    let mut listing = SessionListing { sessions: Vec::with_capacity(sessions.len()), unreadable, unmatched };
    let mut parts = BTreeMap::new();
    for (id, (session, part)) in sessions {
        listing.sessions.push(session);
        parts.insert(id, part);
    }
    listing.sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    listing.unreadable.sort_by(|a, b| (&a.name, &a.reason).cmp(&(&b.name, &b.reason)));
    listing.unreadable.dedup();
    Ok(Found { listing, parts })
}

fn not_here(source: &SessionSource) -> LocalError {
    let kind = match source {
        SessionSource::Agent(_) => "agent",
        SessionSource::Deployment(_) => "deployment",
        SessionSource::Store(_) => "store",
        SessionSource::Ids(_) => "ids",
        SessionSource::Files(_) => "files",
    };
    LocalError::Refused {
        kind: crate::backend::Refusal::Invalid,
        message: format!("sessions by `{kind}` need backend managed_agents; the local backend reads `files`"),
    }
}

/// Of two transcripts with one id, keeps the one with more events, and the first of equals.
fn keep_longer(
    sessions: &mut BTreeMap<SessionId, (Session, FilePart)>,
    session: Session,
    part: FilePart,
    unreadable: &mut Vec<Unreadable>,
) {
    let id = session.id.clone();
    let dropped = match sessions.get(&id) {
        Some((kept, _)) if kept.size.events >= session.size.events => Some(part),
        _ => sessions.insert(id.clone(), (session, part)).map(|(_, part)| part),
    };
    if let (Some(dropped), Some((_, kept))) = (dropped, sessions.get(&id)) {
        let reason =
            format!("session `{id}` is also in `{}`, which holds as many events or more", shown(&kept.file));
        unreadable.push(Unreadable { name: shown(&dropped.file), reason });
    }
}

fn read_one(reach: &Reach, file: &Path, now: Timestamp) -> Result<Vec<(Session, FilePart)>, String> {
    let real = reach.real(file).map_err(|error| match error {
        LocalError::File { source, .. } => source.to_string(),
        other => other.to_string(),
    })?;
    if file.to_str().is_none() {
        return Err("the name is not UTF-8".to_owned());
    }
    if fs::metadata(&real).is_ok_and(|found| found.is_file() && found.len() > FILE_BYTES_LIMIT) {
        return Err(TOO_LARGE.to_owned());
    }
    let (text, written_at) = load(&real, FILE_BYTES_LIMIT + 1)?;
    if text.len() as u64 > FILE_BYTES_LIMIT {
        return Err(TOO_LARGE.to_owned());
    }
    let name = reach.name(file);
    let transcripts = transcripts::read(&text, &name, written_at)?;
    if transcripts.is_empty() {
        return Err("holds no session".to_owned());
    }
    let part = FilePart { file: name, bytes: text.len() as u64, fingerprint: fingerprint(&text), written_at };
    Ok(transcripts.iter().map(|found| (session_of(found, written_at, now), part.clone())).collect())
}

/// Returns the first bytes of a regular file, and when it was last written to.
fn load(file: &Path, limit: u64) -> Result<(Vec<u8>, Timestamp), String> {
    let open = || -> io::Result<Option<(Vec<u8>, Timestamp)>> {
        let metadata = fs::metadata(file)?;
        // Opening a pipe would wait for its other end.
        if !metadata.is_file() {
            return Ok(None);
        }
        let written_at = metadata.modified().ok().and_then(to_timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut text = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0));
        File::open(file)?.take(limit).read_to_end(&mut text)?;
        Ok(Some((text, written_at)))
    };
    match open() {
        Ok(Some(loaded)) => Ok(loaded),
        Ok(None) => Err("not a regular file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn fingerprint(text: &[u8]) -> String {
    format!("{:032x}", xxh3_128(text))
}

fn session_of(transcript: &Transcript, written_at: Timestamp, now: Timestamp) -> Session {
    let is_recent = |at: Timestamp| now.duration_since(at) < RUNNING_WITHIN;
    let is_running = is_recent(transcript.last_at) && is_recent(written_at);
    Session {
        id: transcript.session.clone(),
        created_at: transcript.created_at,
        status: if is_running { SessionStatus::Running } else { SessionStatus::Idle },
        is_archived: false,
        is_dream_worker: false,
        size: SessionSize {
            events: transcript.events.len() as u64,
            bytes: transcript.bytes,
            tokens: transcripts::estimate_tokens(transcript),
            skipped_lines: transcript.skipped.len() as u64,
        },
    }
}

/// Reads the sessions of a file as they were when it was listed.
///
/// # Errors
///
/// Says in a clause why those bytes cannot be had any more.
pub(super) fn read_part(reach: &Reach, part: &FilePart) -> Result<Vec<Transcript>, String> {
    // What could be read when the dream was created may be read until it ends, whichever folders this
    // process was allowed; the digest makes sure that it is the same text.
    let (text, _) = load(&reach.root.join(&part.file), part.bytes)?;
    if fingerprint(&text) != part.fingerprint {
        return Err("the file has changed since the session was listed".to_owned());
    }
    transcripts::read(&text, &part.file, part.written_at)
}

/// Returns where a session was last seen by any process.
pub(super) fn recorded(db: &Connection, id: &SessionId) -> Result<Option<FilePart>, Failure> {
    let part = db
        .prepare_cached("SELECT file, bytes, fingerprint, written_at FROM sessions WHERE id = ?1")?
        .query_row([id.as_str()], |row| part_of(row, 0))
        .optional()?;
    Ok(part)
}

/// Reads the columns of a part, from the given one on.
pub(super) fn part_of(row: &Row, first: usize) -> rusqlite::Result<FilePart> {
    Ok(FilePart {
        file: row.get(first)?,
        bytes: count(row, first + 1)?,
        fingerprint: row.get(first + 2)?,
        written_at: time(row, first + 3)?,
    })
}

/// Keeps where sessions are.
pub(super) fn record(db: &Connection, parts: &BTreeMap<SessionId, FilePart>) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO sessions (id, file, bytes, fingerprint, written_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET file = ?2, bytes = ?3, fingerprint = ?4, written_at = ?5",
    )?;
    for (id, part) in parts {
        insert.execute(params![
            id.as_str(),
            part.file,
            as_column(part.bytes),
            part.fingerprint,
            part.written_at.as_microsecond()
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-06-01T12:00:00Z";

    struct Project(tempfile::TempDir);

    impl Project {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        /// Writes a session of some events, a second apart, and returns its file.
        fn session(&self, name: &str, id: &str, began: &str, events: usize) -> PathBuf {
            let file = self.0.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let mut at: Timestamp = began.parse().unwrap();
            let mut text = String::new();
            for _ in 0..events {
                text += &format!(
                    r#"{{"type":"user","sessionId":"{id}","timestamp":"{at}","message":{{"role":"user","content":"hello"}}}}"#
                );
                text.push('\n');
                at += SignedDuration::from_secs(1);
            }
            fs::write(&file, text).unwrap();
            File::options().write(true).open(&file).unwrap().set_modified(at.into()).unwrap();
            file
        }

        fn reach(&self, allowed: &[PathBuf]) -> Reach {
            Reach::new(self.0.path(), allowed).unwrap()
        }

        fn list(&self, sources: Vec<SessionSource>) -> Found {
            let query = SessionQuery { sources, since: None };
            list(&self.reach(&[]), &query, |_| Ok(None), NOW.parse().unwrap()).unwrap()
        }

        fn files(&self, globs: &[&str]) -> (Vec<String>, Vec<(String, String)>) {
            let listing = self.list(vec![files(globs)]).listing;
            let sessions = listing.sessions.iter().map(|session| session.id.to_string()).collect();
            let unreadable = listing
                .unreadable
                .into_iter()
                .map(|unreadable| (unreadable.name, unreadable.reason))
                .collect();
            (sessions, unreadable)
        }
    }

    fn files(globs: &[&str]) -> SessionSource {
        SessionSource::Files(globs.iter().map(|&glob| glob.to_owned()).collect())
    }

    #[test]
    fn sessions_are_listed_in_the_order_they_began() {
        let project = Project::new();
        project.session("logs/z.jsonl", "first", "2026-05-01T08:00:00Z", 2);
        project.session("logs/deep/a.jsonl", "third", "2026-05-03T08:00:00Z", 1);
        project.session("logs/b.jsonl", "also-second", "2026-05-02T08:00:00Z", 1);
        project.session("logs/c.jsonl", "second", "2026-05-02T08:00:00Z", 1);
        project.session("logs/.hidden/d.jsonl", "hidden", "2026-05-02T08:00:00Z", 1);
        let all = ["first", "also-second", "second", "third"].map(str::to_owned).to_vec();
        assert_eq!(project.files(&["logs/**/*.jsonl"]), (all.clone(), vec![]));
        assert_eq!(project.files(&["./logs/*.jsonl", "logs/z.jsonl", "logs/deep/*"]), (all, vec![]));
        assert_eq!(project.files(&["logs/.hidden/*.jsonl"]), (vec!["hidden".to_owned()], vec![]));
        assert_eq!(project.files(&["nowhere/*.jsonl", "logs/*.txt"]), (vec![], vec![]));

        let since = Some("2026-05-02T08:00:00Z".parse().unwrap());
        let query = SessionQuery { sources: vec![files(&["logs/*"])], since };
        let found = list(&project.reach(&[]), &query, |_| Ok(None), NOW.parse().unwrap()).unwrap();
        assert_eq!(found.listing.sessions.len(), 2);
    }

    #[test]
    fn a_session_runs_while_both_its_events_and_its_file_are_recent() {
        let project = Project::new();
        let status = || project.list(vec![files(&["a.jsonl"])]).listing.sessions[0].status;
        let file = project.session("a.jsonl", "a", "2026-06-01T11:50:00Z", 2);
        assert_eq!(status(), SessionStatus::Running);
        let touch = |at: &str| {
            let at: Timestamp = at.parse().unwrap();
            File::options().write(true).open(&file).unwrap().set_modified(at.into()).unwrap();
        };
        touch("2026-06-01T11:40:00Z");
        assert_eq!(status(), SessionStatus::Idle);
        project.session("a.jsonl", "a", "2026-06-01T11:49:00Z", 2);
        touch(NOW);
        assert_eq!(status(), SessionStatus::Idle);
    }

    #[test]
    fn of_two_files_with_one_session_the_longer_counts_and_the_other_is_named() {
        let project = Project::new();
        project.session("a.jsonl", "twin", "2026-05-01T08:00:00Z", 1);
        project.session("b.jsonl", "twin", "2026-05-01T08:00:00Z", 3);
        project.session("c.jsonl", "twin", "2026-05-01T08:00:00Z", 3);
        let found = project.list(vec![files(&["*.jsonl"])]);
        assert_eq!(found.listing.sessions[0].size.events, 3);
        assert_eq!(found.parts.values().next().unwrap().file, "b.jsonl");
        let names: Vec<_> = found.listing.unreadable.iter().map(|u| u.name.as_str()).collect();
        assert_eq!(names, ["a.jsonl", "c.jsonl"]);
        insta::assert_snapshot!(
            found.listing.unreadable[0].reason,
            @"session `twin` is also in `b.jsonl`, which holds as many events or more"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_reason() {
        let project = Project::new();
        fs::write(project.0.path().join("empty.jsonl"), "").unwrap();
        fs::create_dir(project.0.path().join("folder.jsonl")).unwrap();
        let (sessions, unreadable) =
            project.files(&["*.jsonl", "missing.jsonl", "[", "../outside/*.jsonl", "/etc/hostname"]);
        assert!(sessions.is_empty());
        let names: Vec<_> = unreadable.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[names.len() - 3..], ["[", "empty.jsonl", "missing.jsonl"], "{unreadable:?}");
        assert!(
            unreadable.iter().any(|(name, reason)| name == "/etc/hostname" && reason.contains("outside"))
        );
    }

    #[test]
    fn a_file_too_large_to_be_a_transcript_is_named_and_not_read() {
        let project = Project::new();
        let file = File::create(project.0.path().join("huge.jsonl")).unwrap();
        file.set_len(FILE_BYTES_LIMIT + 1).unwrap();
        let (sessions, unreadable) = project.files(&["*.jsonl"]);
        assert!(sessions.is_empty());
        assert_eq!(unreadable, [("huge.jsonl".to_owned(), "larger than 256 MiB".to_owned())]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_out_of_the_project_needs_permission() {
        use std::os::unix::fs::symlink;

        let elsewhere = Project::new();
        let file = elsewhere.session("a.jsonl", "a", "2026-05-01T08:00:00Z", 1);
        let project = Project::new();
        symlink(&file, project.0.path().join("link.jsonl")).unwrap();
        let (sessions, unreadable) = project.files(&["*.jsonl"]);
        assert!(sessions.is_empty());
        assert!(unreadable[0].1.contains("outside the project"), "{unreadable:?}");

        let allowed = [elsewhere.0.path().to_owned()];
        let query = SessionQuery { sources: vec![files(&["*.jsonl"])], since: None };
        let found = list(&project.reach(&allowed), &query, |_| Ok(None), NOW.parse().unwrap()).unwrap();
        assert_eq!(found.listing.sessions.len(), 1);
        let absolute = format!("{}/*.jsonl", elsewhere.0.path().display());
        let query = SessionQuery { sources: vec![files(&[&absolute])], since: None };
        let found = list(&project.reach(&allowed), &query, |_| Ok(None), NOW.parse().unwrap()).unwrap();
        assert_eq!(found.listing.sessions.len(), 1);
    }

    #[test]
    fn named_sessions_are_found_where_they_were_seen() {
        let project = Project::new();
        project.session("a.jsonl", "a", "2026-05-01T08:00:00Z", 1);
        let seen = project.list(vec![files(&["*.jsonl"])]).parts;
        let ids = ["a", "b"].map(|id| SessionId::parse(id).unwrap()).to_vec();
        let query = SessionQuery { sources: vec![SessionSource::Ids(ids)], since: None };
        let recorded = |id: &SessionId| Ok(seen.get(id).cloned());
        let listing = list(&project.reach(&[]), &query, recorded, NOW.parse().unwrap()).unwrap().listing;
        assert_eq!(listing.sessions[0].id.as_str(), "a");
        assert_eq!(listing.unreadable[0].name, "b");
    }

    #[test]
    fn sources_of_the_other_backend_are_refused_by_name() {
        let query = SessionQuery { sources: vec![SessionSource::Agent("agent_1".to_owned())], since: None };
        let project = Project::new();
        let refused = list(&project.reach(&[]), &query, |_| Ok(None), NOW.parse().unwrap()).err().unwrap();
        insta::assert_snapshot!(
            refused,
            @"sessions by `agent` need backend managed_agents; the local backend reads `files`"
        );
    }

    #[test]
    fn a_file_that_grew_is_read_as_far_as_it_went_and_a_rewritten_one_is_not() {
        use std::io::Write;

        let project = Project::new();
        let file = project.session("a.jsonl", "a", "2026-05-01T08:00:00Z", 2);
        let found = project.list(vec![files(&["a.jsonl"])]);
        let part = &found.parts[&SessionId::parse("a").unwrap()];
        let reach = project.reach(&[]);
        let then = read_part(&reach, part).unwrap();
        assert_eq!(then[0].events.len(), 2);

        let text = fs::read_to_string(&file).unwrap();
        let line = text.lines().next().unwrap();
        writeln!(File::options().append(true).open(&file).unwrap(), "{line}").unwrap();
        assert_eq!(read_part(&reach, part).unwrap(), then);

        fs::write(&file, text.replace("hello", "HELLO")).unwrap();
        assert_eq!(
            read_part(&reach, part),
            Err("the file has changed since the session was listed".to_owned())
        );
        fs::write(&file, line).unwrap();
        assert!(read_part(&reach, part).is_err());
        fs::remove_file(&file).unwrap();
        assert!(read_part(&reach, part).is_err());
    }
}
