//! Transcripts to read, written as Claude Code writes them.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

/// Writes a session in which a user says some things, a minute apart.
pub(crate) fn write_session(file: &Path, id: &str, began: &str, said: &[&str]) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let began: Timestamp = began.parse().unwrap();
    let mut out = File::create(file).unwrap();
    let mut at = began;
    for text in said {
        let record = serde_json::json!({
            "type": "user",
            "sessionId": id,
            "uuid": format!("{id}-{at}"),
            "timestamp": at.to_string(),
            "message": {"role": "user", "content": text},
        });
        writeln!(out, "{record}").unwrap();
        at += SignedDuration::from_mins(1);
    }
    out.set_modified(at.into()).unwrap();
}
