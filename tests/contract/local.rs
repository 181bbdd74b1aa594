//! The embedded backend as a world: a project folder of its own, with transcripts in it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::backend::{Backend, SessionQuery};
use dreamrun::ids::{MemoryStoreId, SessionId};
use dreamrun::memory::MemoryWrite;
use dreamrun::spec::pipeline::SessionSource;

use crate::support::{ManualClock, NamedMinds, write_session};
use crate::world::{World, path};

pub(crate) struct LocalWorld {
    // Declared before the folder, so that it is closed before the folder goes.
    backend: Option<LocalBackend>,
    options: LocalOptions,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl LocalWorld {
    fn transcript(&self, session: &str) -> PathBuf {
        self.folder.path().join(format!("transcripts/{session}.jsonl"))
    }
}

#[async_trait]
impl World for LocalWorld {
    fn open(minds: NamedMinds) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-06-01T12:00:00Z"));
        let options = LocalOptions {
            database: folder.path().join(".dreamrun/local.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(minds),
            clock: Arc::clone(&clock) as _,
        };
        let backend = Some(LocalBackend::open(options.clone()).unwrap());
        Self { backend, options, clock, folder }
    }

    fn restart(&mut self) {
        self.backend = None;
        self.backend = Some(LocalBackend::open(self.options.clone()).unwrap());
    }

    fn backend(&self) -> &dyn Backend {
        self.backend.as_ref().unwrap()
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn store(&self, memories: &[(&str, &str)]) -> MemoryStoreId {
        let store = self.backend.as_ref().unwrap().create_store("notes").unwrap().id;
        let writes: Vec<MemoryWrite> = memories
            .iter()
            .map(|&(at, content)| MemoryWrite::Put {
                path: path(at),
                content: content.into(),
                expected: None,
            })
            .collect();
        self.backend().write(&store, &writes).await.unwrap();
        store
    }

    async fn sessions(&self, said: &[&str]) -> Vec<SessionId> {
        for (i, text) in said.iter().enumerate() {
            let began = format!("2026-05-01T{:02}:{:02}:00Z", i / 60, i % 60);
            let id = format!("s-{i:03}");
            write_session(&self.transcript(&id), &id, &began, &[text]);
        }
        let sources = vec![SessionSource::Files(vec!["transcripts/*.jsonl".to_owned()])];
        let listing = self.backend().sessions(&SessionQuery { sources, since: None }).await.unwrap();
        assert_eq!(listing.unreadable, []);
        listing.sessions.into_iter().map(|session| session.id).collect()
    }

    async fn lose(&self, session: &SessionId) {
        std::fs::remove_file(self.transcript(session.as_str())).unwrap();
    }
}
