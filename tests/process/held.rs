//! A process that is held in the middle of a dream: this very test binary, started again.

use std::io::{BufReader, Empty, Read};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError};
use dreamrun::cli::console::Console;
use dreamrun::cli::{Invocation, Parts, Standard};
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::snapshot::Snapshot;

use crate::support::{Call, Drill, Go, Hook, Hooked, Ran, signal, wait_for};

/// Tells a started test binary how many sessions it reads before it stands still.
const READS: &str = "DREAMRUN_TEST_READS";
/// Written in the project when it stands still.
const MARKER: &str = "stands-still";

/// An `apply small` that stands still in the middle of a dream.
pub(crate) struct Held(Child);

impl Held {
    /// Starts an apply, and waits until it stands still with so many sessions read.
    #[track_caller]
    pub(crate) fn after(drill: &Drill, reads: usize) -> Self {
        let child = drill
            .command(std::env::current_exe().unwrap())
            .args(["--exact", "held::applies_until_it_is_held", "--nocapture", "--test-threads=1"])
            .env(READS, reads.to_string())
            .spawn()
            .unwrap();
        let marker = drill.path(MARKER);
        let held = Self(child);
        wait_for("the dream to stand still", || marker.exists());
        std::fs::remove_file(marker).unwrap();
        held
    }

    /// Sends a signal, and waits for the end.
    pub(crate) fn end_with(self, name: &str) -> Ran {
        signal(name, self.0.id());
        self.0.wait_with_output().unwrap().into()
    }
}

/// Sees whether anybody asks for a dream to be left.
struct HeldParts {
    root: PathBuf,
    limit: usize,
    reads: Arc<AtomicUsize>,
    is_left: Arc<AtomicBool>,
}

impl Parts for HeldParts {
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(HeldMind {
            marker: self.root.join(MARKER),
            limit: self.limit,
            reads: Arc::clone(&self.reads),
            is_left: Arc::clone(&self.is_left),
        })
    }

    fn backend(&self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(Hooked { inner: backend, hook: Seen(Arc::clone(&self.is_left)) })
    }
}

/// Reads so many sessions, then stands still in one until the dream is left.
#[derive(Clone)]
struct HeldMind {
    marker: PathBuf,
    limit: usize,
    reads: Arc<AtomicUsize>,
    is_left: Arc<AtomicBool>,
}

impl Minds for HeldMind {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        Standard.minds().mind(name).map(|_| Arc::new(self.clone()) as Arc<dyn Mind>)
    }
}

impl Mind for HeldMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        if self.reads.fetch_add(1, Ordering::SeqCst) >= self.limit {
            std::fs::write(&self.marker, "").unwrap();
            wait_for("somebody to leave the dream", || self.is_left.load(Ordering::SeqCst));
        }
        Standard.minds().mind("offline").unwrap().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        Standard.minds().mind("offline").unwrap().consolidate(input, readings, instructions)
    }
}

struct Seen(Arc<AtomicBool>);

#[async_trait]
impl Hook for Seen {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        // The mind is let go once the worker has been told to stop.
        tokio::join!(go, async {
            if call.name == "leave" {
                self.0.store(true, Ordering::SeqCst);
            }
        });
        Ok(())
    }
}

/// The command of a started test binary; in the one that a person started there is nothing to do.
#[test]
fn applies_until_it_is_held() {
    let Ok(limit) = std::env::var(READS) else { return };
    let root = std::env::current_dir().unwrap();
    let parts = HeldParts {
        root: root.clone(),
        limit: limit.parse().unwrap(),
        reads: Arc::default(),
        is_left: Arc::default(),
    };
    end_with(apply(&root, &parts));
}

fn apply(root: &Path, parts: &dyn Parts) -> u8 {
    let stdin: BufReader<Empty> = BufReader::new(std::io::empty());
    let invocation = Invocation {
        arguments: ["dreamrun", "apply", "small", "--yes"].map(Into::into).to_vec(),
        folder: root.to_owned(),
        console: Console::new(Box::new(std::io::stdout()), Box::new(std::io::stderr()), Box::new(stdin)),
        is_terminal: false,
        variable: Box::new(|_| None),
    };
    dreamrun::cli::run(invocation, parts)
}

#[expect(clippy::exit, reason = "the code is the program's, not the test harness's")]
fn end_with(code: u8) -> ! {
    std::process::exit(code.into())
}

/// Reads what a process says until it says something, and goes on listening so that it can say more.
#[track_caller]
pub(crate) fn hear(mut talk: impl Read + Send + 'static, text: &str) -> std::thread::JoinHandle<String> {
    let mut heard = Vec::new();
    let mut chunk = [0; 512];
    while !String::from_utf8_lossy(&heard).contains(text) {
        let read = talk.read(&mut chunk).unwrap();
        assert!(read > 0, "`{text}` was not said: {}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&chunk[..read]);
    }
    std::thread::spawn(move || {
        talk.read_to_end(&mut heard).unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    })
}
