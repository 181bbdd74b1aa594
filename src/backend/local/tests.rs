//! What the embedded backend promises beyond the trait: folders, looking without writing, two processes.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::clock::FixedClock;
use crate::dreaming::transcript::Transcript;
use crate::dreaming::{Consolidated, Mind, MindError, Reading};
use crate::spec::pipeline::SessionSource;

struct OneMind(Arc<dyn Mind>);

impl Minds for OneMind {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        (name == "mind").then(|| Arc::clone(&self.0))
    }
}

/// Leaves the store as it is; breaks a rule of stores if told to.
#[derive(Default)]
struct PlainMind {
    is_breaking_rules: AtomicBool,
}

impl Mind for PlainMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 1,
            notes: serde_json::Value::Null,
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut store = input.clone();
        if self.is_breaking_rules.load(Ordering::SeqCst) {
            store.insert(Memory::new(path("/a/b"), "below a memory"));
        }
        Ok(Consolidated { store, changes: Vec::new() })
    }
}

struct Project {
    folder: tempfile::TempDir,
    mind: Arc<PlainMind>,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("memory")).unwrap();
        fs::write(folder.path().join("memory/a"), "one").unwrap();
        let record = r#"{"type":"user","sessionId":"s","timestamp":"2026-05-01T08:00:00Z","message":{"role":"user","content":"x"}}"#;
        fs::write(folder.path().join("s.jsonl"), record).unwrap();
        Self { folder, mind: Arc::default() }
    }

    fn options(&self) -> LocalOptions {
        LocalOptions {
            database: self.folder.path().join(".dreamrun/local.db"),
            root: self.folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(OneMind(Arc::clone(&self.mind) as _)),
            clock: Arc::new(FixedClock("2026-06-01T12:00:00Z".parse().unwrap())),
        }
    }

    fn open(&self) -> LocalBackend {
        LocalBackend::open(self.options()).unwrap()
    }
}

fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

fn files() -> SessionQuery {
    SessionQuery { sources: vec![SessionSource::Files(vec!["*.jsonl".to_owned()])], since: None }
}

fn request(store: &MemoryStoreId) -> DreamRequest {
    DreamRequest {
        store: store.clone(),
        sessions: vec![SessionId::parse("s").unwrap()],
        model: "mind".to_owned(),
        instructions: None,
    }
}

#[test]
fn a_folder_is_imported_once_however_often_it_is_asked_for() {
    let project = Project::new();
    let backend = project.open();
    let first = backend.import_folder("notes", Path::new("memory")).unwrap();
    assert_eq!((first.entries, first.bytes), (1, 3));
    fs::write(project.folder.path().join("memory/b"), "two").unwrap();
    let absolute = project.folder.path().join("./memory/");
    assert_eq!(backend.import_folder("notes", &absolute).unwrap(), first);
    drop(backend);
    assert_eq!(project.open().import_folder("notes", Path::new("memory")).unwrap(), first);
    let other = project.open().import_folder("others", Path::new("memory")).unwrap();
    assert_ne!(other.store, first.store);
    assert_eq!(other.entries, 2);
    assert_eq!(project.open().list_stores().unwrap().len(), 2);
}

#[test]
fn folders_outside_the_project_are_not_read() {
    let project = Project::new();
    let outside = tempfile::tempdir().unwrap();
    let backend = project.open();
    let places = [outside.path().to_owned(), PathBuf::from(".."), PathBuf::from("memory/../../x")];
    for place in places {
        assert!(backend.import_folder("x", &place).is_err(), "{place:?}");
    }
}

#[tokio::test]
async fn looking_makes_no_file_and_refuses_to_write() {
    let project = Project::new();
    let backend = LocalBackend::open_read_only(project.options()).unwrap();
    assert_eq!(backend.list_stores().unwrap(), []);
    assert_eq!(backend.sessions(&files()).await.unwrap().sessions.len(), 1);
    assert_eq!(backend.read_folder(Path::new("memory")).unwrap().0.len(), 1);
    let nowhere = MemoryStoreId::parse("memstore_x").unwrap();
    assert!(backend.snapshot(&nowhere).await.is_err());
    assert!(backend.create_dream(&request(&nowhere)).await.is_err());
    assert!(backend.import_folder("notes", Path::new("memory")).is_err());
    assert!(!project.folder.path().join(".dreamrun").exists());
}

#[tokio::test]
async fn a_process_that_has_listed_nothing_can_create_dreams_over_listed_sessions() {
    let project = Project::new();
    let backend = project.open();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    drop(backend);
    let backend = project.open();
    let dream = backend.create_dream(&request(&store)).await.unwrap();
    let ids = SessionQuery { sources: vec![SessionSource::Ids(dream.sessions.clone())], since: None };
    assert_eq!(backend.sessions(&ids).await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn two_processes_can_wait_for_one_dream() {
    let project = Project::new();
    let (one, two) = (project.open(), project.open());
    let store = one.import_folder("notes", Path::new("memory")).unwrap().store;
    one.sessions(&files()).await.unwrap();
    let dream = one.create_dream(&request(&store)).await.unwrap();
    for backend in [&two, &one] {
        let mut seen = dream.clone();
        while !seen.status.is_final() {
            seen = backend.next_change(&seen).await.unwrap();
        }
        assert_eq!(seen.status, DreamStatus::Completed);
    }
    assert_eq!(one.list_stores().unwrap().len(), 2, "one output, not two");
}

#[tokio::test]
async fn an_output_that_breaks_a_rule_fails_the_dream_and_stays_a_copy() {
    let project = Project::new();
    project.mind.is_breaking_rules.store(true, Ordering::SeqCst);
    let backend = project.open();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    let mut dream = backend.create_dream(&request(&store)).await.unwrap();
    while !dream.status.is_final() {
        dream = backend.next_change(&dream).await.unwrap();
    }
    let error = dream.error.unwrap();
    assert_eq!(error.kind, "internal_error");
    insta::assert_snapshot!(
        error.message,
        @"the output could not be written: `/a/b` cannot stand beside `/a`"
    );
    let output = backend.snapshot(&dream.output.unwrap()).await.unwrap();
    assert_eq!(output.hash(), backend.snapshot(&store).await.unwrap().hash());
}

#[tokio::test]
async fn a_dream_whose_mind_is_missing_waits_for_a_process_that_has_it() {
    let project = Project::new();
    let backend = project.open();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    let now = backend.shared.now();
    let parts = backend.shared.database.read(|db| {
        let id = SessionId::parse("s").unwrap();
        Ok(BTreeMap::from([(id.clone(), source(db, &id)?.unwrap())]))
    });
    let parts = parts.unwrap();
    let foreign = DreamRequest { model: "foreign".to_owned(), ..request(&store) };
    let dream = backend.shared.database.write(|db| dreams::create(db, &foreign, None, &parts, now)).unwrap();
    let mut seen = dream.clone();
    let error = loop {
        match backend.next_change(&seen).await {
            Ok(next) => seen = next,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("no mind named `foreign`"), "{error}");
    assert_eq!(backend.dream(&dream.id).await.unwrap().status, DreamStatus::Running);
}

#[tokio::test]
async fn what_no_store_or_dream_names_is_not_kept() {
    let project = Project::new();
    let backend = project.open();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    let mut dream = backend.create_dream(&request(&store)).await.unwrap();
    while !dream.status.is_final() {
        dream = backend.next_change(&dream).await.unwrap();
    }
    backend.leave(&dream.id).await.unwrap();
    let rows = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        backend.shared.database.read(|db| Ok(db.query_row(&sql, [], |row| row.get::<_, i64>(0))?)).unwrap()
    };
    assert_eq!((rows("contents"), rows("dream_memories"), rows("memories")), (1, 0, 2));
    backend.delete_store(&store).await.unwrap();
    assert_eq!(rows("contents"), 1, "the output still names it");
    backend.delete_store(&dream.output.unwrap()).await.unwrap();
    assert_eq!((rows("contents"), rows("versions"), rows("stores")), (0, 0, 0));
    let locks = crate::sqlite::beside(&project.options().database, "-dreams");
    let names = fs::read_dir(locks).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), [".gitignore"], "no lock of an ended dream is left");
}

#[tokio::test]
async fn a_dream_that_a_server_left_unfinished_goes_on_under_the_next_one() {
    let project = Project::new();
    let slow = Duration::from_secs(60);
    let paces = [
        ("pending", Pace { pending: slow, running: Duration::ZERO }),
        ("running", Pace { pending: Duration::ZERO, running: slow }),
    ];
    for (left_in, pace) in paces {
        let backend = project.open();
        backend.serve_dreams(Serving { pace, ..Serving::default() }).unwrap();
        let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
        backend.sessions(&files()).await.unwrap();
        let asked = DreamRequest { model: "claude-opus-5".to_owned(), ..request(&store) };
        let terms = DreamTerms { mind: "mind".to_owned(), updates_existing: false };
        let mut seen = backend.begin_dream(&asked, &terms).unwrap().dream;
        while seen.status.as_str() != left_in {
            seen = backend.next_change(&seen).await.unwrap();
        }
        assert_eq!(backend.leave(&seen.id).await.unwrap(), WhenLeft::Checkpointed);
        let left = backend.dream_record(&seen.id).unwrap();
        assert_eq!((left.dream.status.as_str(), left.session.is_some()), (left_in, left_in == "running"));
        drop(backend);

        let backend = project.open();
        let stores = backend.list_stores().unwrap().len();
        backend.serve_dreams(Serving { pace: Pace::NONE, ..Serving::default() }).unwrap();
        while !seen.status.is_final() {
            seen = backend.next_change(&seen).await.unwrap();
        }
        let done = backend.dream_record(&seen.id).unwrap();
        assert_eq!((done.dream.status, &done.dream.model), (DreamStatus::Completed, &asked.model));
        assert!(left.session.is_none() || left.session == done.session, "one worker session");
        assert_eq!(backend.list_stores().unwrap().len(), stores + 1, "one output store");
    }
}

#[tokio::test]
async fn a_server_starts_though_it_cannot_go_on_with_its_dreams_yet() {
    let project = Project::new();
    let backend = project.open();
    let pace = Pace { pending: Duration::from_secs(60), running: Duration::ZERO };
    backend.serve_dreams(Serving { pace, ..Serving::default() }).unwrap();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    let terms = DreamTerms { mind: "mind".to_owned(), updates_existing: false };
    let dream = backend.begin_dream(&request(&store), &terms).unwrap().dream;
    backend.leave(&dream.id).await.unwrap();
    drop(backend);

    // Where the claims to dreams would be.
    let locks = crate::sqlite::beside(&project.options().database, "-dreams");
    fs::remove_dir_all(&locks).unwrap();
    fs::write(&locks, "").unwrap();
    let backend = project.open();
    backend.serve_dreams(Serving { pace: Pace::NONE, ..Serving::default() }).unwrap();
    backend.catch_up();
    assert!(backend.shared.worker(&dream.id).is_none());
    fs::remove_file(&locks).unwrap();
    backend.catch_up();
    let worker = backend.shared.worker(&dream.id).expect("somebody works on it");
    worker.listen().wait_for(|pulse| pulse.over.is_some()).await.unwrap();
    assert_eq!(backend.dream_record(&dream.id).unwrap().dream.status, DreamStatus::Completed);
}

#[tokio::test]
async fn a_served_dream_whose_mind_is_gone_fails() {
    let project = Project::new();
    let backend = project.open();
    backend.serve_dreams(Serving { pace: Pace::NONE, ..Serving::default() }).unwrap();
    let store = backend.import_folder("notes", Path::new("memory")).unwrap().store;
    backend.sessions(&files()).await.unwrap();
    let terms = DreamTerms { mind: "of a former server".to_owned(), updates_existing: false };
    let mut dream = backend.begin_dream(&request(&store), &terms).unwrap().dream;
    while !dream.status.is_final() {
        dream = backend.next_change(&dream).await.unwrap();
    }
    assert_eq!(dream.error.unwrap().kind, "internal_error");
}
