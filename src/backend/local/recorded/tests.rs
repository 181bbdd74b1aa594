//! Recorded sessions below the HTTP API: their events, their dreams' view of them, worker sessions.

use serde_json::json;

use super::work::no_usage;
use super::*;
use crate::backend::local::database::Database;
use crate::backend::local::{dreams, stores};
use crate::backend::wire::{Session, SessionStats};
use crate::dream::{DreamRequest, Usage};
use crate::dreaming::transcript::EventKind;

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("local.db")).unwrap();
    (folder, database)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn put(db: &rusqlite::Connection, id: &str) -> SessionId {
    let session = Session {
        id: id.to_owned(),
        kind: "session".to_owned(),
        status: "idle".to_owned(),
        agent: json!({"id": "agent_1", "version": 3}),
        environment_id: Some("env_1".to_owned()),
        deployment_id: None,
        title: None,
        metadata: Object::new(),
        resources: vec![object(json!({"type": "memory_store", "memory_store_id": "memstore_1"}))],
        vault_ids: Vec::new(),
        outcome_evaluations: Vec::new(),
        stats: SessionStats::default(),
        usage: no_usage(),
        budget: None,
        created_at: at(0),
        updated_at: at(0),
        archived_at: None,
    };
    sessions::insert(db, &session, &sessions::Provenance::default()).unwrap();
    SessionId::parse(id).unwrap()
}

fn said(who: &str, text: &str) -> Object {
    object(json!({"type": format!("{who}.message"), "content": [{"type": "text", "text": text}]}))
}

#[test]
fn events_are_numbered_without_gaps_and_a_dream_reads_as_many_as_there_were() {
    let (_folder, database) = database();
    let id = database
        .write(|db| {
            let id = put(db, "sesn_1");
            append(db, &id, vec![said("user", "Use metric units."), said("agent", "Yes.")], at(1))?;
            append(db, &id, vec![said("user", "Thanks.")], at(2))?;
            Ok(id)
        })
        .unwrap();
    let (numbers, row) = database
        .read(|db| {
            let events = events::since(db, &id, 0, 100)?;
            Ok((events.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>(), sessions::find(db, &id)?))
        })
        .unwrap();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(row.updated_at, at(2));
    assert!(row.usage.input_tokens > Some(5), "{:?}", row.usage);

    let then = transcript_of(&database, &id, 2).unwrap().unwrap();
    assert_eq!(then.session, id);
    let kinds: Vec<_> = then.events.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::User("Use metric units.".into()), EventKind::Agent("Yes.".into())]);
    assert_eq!(transcript_of(&database, &id, 0).unwrap().unwrap().events, []);
    let gone = SessionId::parse("sesn_gone").unwrap();
    assert_eq!(transcript_of(&database, &gone, 1).unwrap(), Err("it has been deleted".to_owned()));
}

#[test]
fn status_events_set_the_status() {
    let (_folder, database) = database();
    let status = |kind: &str| {
        database
            .write(|db| {
                let id = SessionId::parse("sesn_1").unwrap();
                append(db, &id, vec![object(json!({"type": kind}))], at(1))?;
                Ok(sessions::find(db, &id)?.status)
            })
            .unwrap()
    };
    database.write(|db| Ok(put(db, "sesn_1"))).unwrap();
    assert_eq!(status("session.status_running"), "running");
    assert_eq!(status("session.error"), "running");
    assert_eq!(status("session.status_rescheduled"), "rescheduling");
    assert_eq!(status("session.status_idle"), "idle");
}

#[test]
fn a_worker_session_runs_and_ends_archived_with_the_usage_of_its_dream() {
    let (_folder, database) = database();
    database
        .write(|db| {
            let session = put(db, "sesn_1");
            let store = stores::create(db, "Notes & More", at(0))?.id;
            let request = DreamRequest {
                store: store.clone(),
                sessions: vec![session.clone()],
                model: "m".into(),
                instructions: None,
            };
            let source = super::super::source(db, &session)?.unwrap();
            let dream = dreams::create(db, &request, None, &[(session, source)].into(), at(1))?;
            let work = start_worker_session(db, &dream, &store, at(2))?;
            let row = sessions::find(db, &work)?;
            assert_eq!(row.status, "running");
            assert_eq!(row.resources[0]["mount_path"], "/mnt/memory/notes-more");
            assert!(summary(db, &work)?.unwrap().is_dream_worker);

            let interrupt = vec![object(json!({"type": "user.interrupt"}))];
            assert!(sending::send(db, &work, interrupt, true, at(2)).is_err(), "it is the dream's own");
            let file = object(json!({"type": "file", "file_id": "file_1"}));
            assert!(life::attach(db, &work, file, at(2)).is_err());
            let mut with_file = sessions::find(db, &work)?;
            with_file.resources.push(object(json!({"type": "github_repository", "id": "sesrsc_1"})));
            sessions::save(db, &with_file)?;
            let token = object(json!({"authorization_token": "t"}));
            assert!(life::update_resource(db, &work, "sesrsc_1", &token, at(2)).is_err());
            assert!(life::detach(db, &work, "sesrsc_1", at(2)).is_err());

            let usage = Usage { input_tokens: 7, ..Usage::default() };
            finish_worker_session(db, &work, &usage, at(3))?;
            finish_worker_session(db, &work, &usage, at(9))?;
            let row = sessions::find(db, &work)?;
            assert_eq!((row.status.as_str(), row.archived_at), ("terminated", Some(at(3))));
            assert_eq!(row.usage.input_tokens, Some(7));
            let events = events::since(db, &work, 0, 100)?;
            let kinds: Vec<_> = events.iter().map(|(_, e)| e["type"].as_str().unwrap()).collect();
            assert_eq!(
                kinds,
                [
                    "session.status_running",
                    "session.usage",
                    "session.status_idle",
                    "session.status_terminated"
                ]
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn deleting_an_input_session_fails_the_dreams_that_are_not_done() {
    let (_folder, database) = database();
    database
        .write(|db| {
            let session = put(db, "sesn_1");
            let store = stores::create(db, "notes", at(0))?.id;
            let request = DreamRequest {
                store,
                sessions: vec![session.clone()],
                model: "m".into(),
                instructions: None,
            };
            let source = super::super::source(db, &session)?.unwrap();
            let dream = dreams::create(db, &request, None, &[(session.clone(), source)].into(), at(1))?;
            let readers = dreams::fail_readers_of_session(db, &session, at(2))?;
            assert_eq!(readers, std::slice::from_ref(&dream.id));
            let error = dreams::find(db, &dream.id)?.error.unwrap();
            assert_eq!(error.kind, "input_session_unavailable");
            assert!(dreams::fail_readers_of_session(db, &session, at(3))?.is_empty());
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_page_of_sessions_is_read_off_an_index() {
    let (_folder, database) = database();
    let id = |text: &str| Some(text.to_owned());
    let filters = [
        SessionFilter::default(),
        SessionFilter { agent: id("agent_1"), ..SessionFilter::default() },
        SessionFilter { deployment: id("depl_1"), ..SessionFilter::default() },
        SessionFilter { store: id("memstore_1"), agent: id("agent_1"), ..SessionFilter::default() },
    ];
    for filter in filters {
        for is_ascending in [true, false] {
            let (sql, values) = sessions::listing(&filter, is_ascending, Some(Place { at: 0, seq: 0 }), 21);
            let steps: Vec<String> = database
                .read(|db| {
                    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                    let values = rusqlite::params_from_iter(values.clone());
                    let steps = explain.query_map(values, |row| row.get(3))?.collect::<Result<_, _>>()?;
                    Ok(steps)
                })
                .unwrap();
            assert!(steps.iter().all(|step| step.starts_with("SEARCH")), "{filter:?}: {steps:?}");
        }
    }
}
