//! Watching runs for people and programs: a live line or one line per change, and NDJSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::backend::{Activity, ActivityKind, BackendError};
use crate::dream::Dream;
use crate::ids::{MemoryStoreId, RunId};
use crate::journal::event::{JournalEvent, Recorded};
use crate::report::words::{count, cut, grouped, line};
use crate::run::observer::Observer;

use super::console::Volume;
use super::exit::CliError;
use super::{Call, files};

/// How often a dream that makes progress is mentioned where a line cannot be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How much of what a dream says or touches is shown on its line, in characters.
const WHAT_WIDTH: usize = 160;

/// Watches runs.
pub(super) struct Watcher<'a> {
    call: &'a Call<'a>,
    events: Option<Mutex<File>>,
    bar: Option<ProgressBar>,
    progress: Mutex<BTreeMap<RunId, Progress>>,
    /// Whether to say what dreams read and write.
    tells_deeds: bool,
}

/// How far the dream of a run was when it was last mentioned.
struct Progress {
    text: String,
    told: Instant,
}

impl<'a> Watcher<'a> {
    /// Makes a watcher, opening the events file if one was asked for.
    pub(super) fn new(call: &'a Call<'a>) -> Result<Self, CliError> {
        let events = match &call.global.events {
            None => None,
            Some(path) => {
                let path = call.folder.join(path);
                let file = File::options()
                    .create(true)
                    .append(true)
                    .open(&path)
                    .map_err(|error| files::unusable("open", &path, &error))?;
                Some(Mutex::new(file))
            }
        };
        let bar = call.console.is_live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar
        });
        let tells_deeds = call.console.volume == Volume::Verbose;
        Ok(Self { call, events, bar, progress: Mutex::default(), tells_deeds })
    }

    /// Says what dreams read and write, whatever the volume.
    pub(super) fn telling_deeds(mut self) -> Self {
        self.tells_deeds = true;
        self
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.call.console.say(text)),
            None => self.call.console.say(text),
        }
    }

    /// Stops mentioning the dream of a run, and mentions another one instead.
    fn rest(&self, run: &RunId) {
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(run);
        if let Some(bar) = &self.bar {
            bar.set_message(all.values().next_back().map_or_else(String::new, |other| other.text.clone()));
        }
    }

    fn emit(&self, value: &serde_json::Value) {
        if let Some(events) = &self.events {
            let mut file = events.lock().unwrap_or_else(PoisonError::into_inner);
            // Events are a copy for whoever listens; the journal is the record.
            let _ = file.write_all(format!("{value}\n").as_bytes());
        }
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Watcher<'_> {
    fn recorded(&self, run: &RunId, recorded: &Recorded) {
        self.emit(&json!({ "type": "recorded", "run": run, "recorded": recorded }));
        if let JournalEvent::DreamEnded { .. } = &recorded.event {
            self.rest(run);
        }
        if let Some(text) = sentence(&recorded.event) {
            self.line(&format!("  {} {text}\n", self.call.console.paint.dim(&run.to_string())));
        } else if self.call.console.volume == Volume::Verbose {
            let name = recorded.event.name().replace('_', " ");
            self.line(&format!("  {} {name}\n", self.call.console.paint.dim(&run.to_string())));
        }
    }

    fn acted(&self, run: &RunId, dream: &Dream, activities: &[Activity]) {
        for activity in activities {
            let Activity { at, kind, what } = activity;
            let kind = word(*kind);
            self.emit(&json!({
                "type": "acted", "run": run, "dream": dream.id, "at": at, "kind": kind, "what": what,
            }));
            if self.tells_deeds {
                let paint = self.call.console.paint;
                let what = line(what.trim());
                let what = cut(&what, WHAT_WIDTH);
                self.line(&format!("  {} {kind:<6} {what}\n", paint.dim(&run.to_string())));
            }
        }
    }

    fn disowned(&self, run: &RunId, dream: &Dream) {
        self.emit(&json!({ "type": "disowned", "run": run, "dream": dream.id, "status": dream.status }));
        let run = self.call.console.paint.dim(&run.to_string());
        let id = &dream.id;
        self.line(&format!("  {run} went on without {id}, which was stopped: {}\n", dream.status));
    }

    fn untagged(&self, run: &RunId, store: &MemoryStoreId, why: &BackendError) {
        let why = why.to_string();
        self.emit(&json!({ "type": "untagged", "run": run, "store": store, "because": why }));
        let note = self.call.console.paint.warn("note:");
        self.line(&format!(
            "  {note} {store} keeps no tags, by which lost state is rebuilt: {}\n",
            line(&why)
        ));
    }

    fn progressed(&self, run: &RunId, dream: &Dream) {
        let progress = dream.progress;
        self.emit(&json!({
            "type": "progress", "run": run, "dream": dream.id, "status": dream.status,
            "progress": progress, "usage": dream.usage,
        }));
        let text = match progress {
            Some(progress) => format!(
                "{} {}: {} of {} read",
                dream.id,
                dream.status,
                grouped(progress.sessions_read),
                count(progress.sessions, "session", "sessions")
            ),
            None => format!("{} {}", dream.id, dream.status),
        };
        let mut all = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let others = all.keys().filter(|other| *other != run).count();
        let known = all.get_mut(run);
        match &self.bar {
            Some(bar) => {
                bar.set_message(match others {
                    0 => text.clone(),
                    others => format!("{text}, and {}", count(others as u64, "more dream", "more dreams")),
                });
                bar.tick();
            }
            // The first time it was just said that there is such a dream.
            None if known.as_ref().is_some_and(|known| known.told.elapsed() < LINE_EVERY) => return,
            None if known.is_some() => self.call.console.say(&format!("  {run} {text}\n")),
            None => {}
        }
        all.insert(run.clone(), Progress { text, told: Instant::now() });
    }
}

/// Names what a dream was seen doing.
fn word(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::Read => "read",
        ActivityKind::Wrote => "wrote",
        ActivityKind::Said => "said",
        ActivityKind::Failed => "failed",
    }
}

/// Says what happened, for the events that people follow.
fn sentence(event: &JournalEvent) -> Option<String> {
    Some(match event {
        JournalEvent::DreamCreated { batch, dream, is_settled } => {
            let how = if *is_settled { ", which was there already" } else { "" };
            format!("dream {batch} is {dream}{how}")
        }
        JournalEvent::DreamNotSent { batch } => format!("dream {batch} was not sent, nothing was paid"),
        JournalEvent::DreamEnded { batch, status, error, .. } => match error {
            Some(error) => format!("dream {batch} {status}: {} ({})", line(&error.message), error.kind),
            None => format!("dream {batch} {status}"),
        },
        JournalEvent::RebaseIntended { carried, merged, conflicts, .. } => {
            let writes = count((carried.len() + conflicts.len()) as u64, "write", "writes");
            let how = match merged.len() {
                0 => String::new(),
                n => format!(", {} of them merged with what the dream did", grouped(n as u64)),
            };
            format!("{writes} to the live store carried over{how}")
        }
        JournalEvent::CandidateRecorded { entries, .. } => {
            format!("candidate holds {}", count(*entries, "memory", "memories"))
        }
        JournalEvent::CopiedBack { written, .. } => {
            format!("{} changed in the live store", count(written.len() as u64, "memory", "memories"))
        }
        JournalEvent::DeploymentPatched { deployment } => format!("{deployment} names the new store"),
        JournalEvent::SessionCreated { session, is_settled } => {
            let how = if *is_settled { ", which was there already" } else { "" };
            format!("session {session} has the candidate attached{how}")
        }
        JournalEvent::SessionNotSent => "the session was not created".to_owned(),
        JournalEvent::BudgetReached { batch, .. } => format!("budget reached before dream {batch}"),
        _ => return None,
    })
}
