//! Deployments and sessions: one store put in the place of another, and a session created once.

use std::sync::{Arc, Mutex};

use dreamrun::backend::{Backend, BackendError, Refusal, SessionQuery, SessionRequest};
use dreamrun::spec::pipeline::SessionSource;
use serde_json::{Value, json};

use crate::creates::dream;
use crate::peer::{Peer, Reply};

fn deployment(resources: &Value) -> Value {
    json!({
        "id": "depl_1", "type": "deployment", "name": "nightly", "status": "active", "resources": resources,
        "agent": { "type": "agent", "id": "agent_1", "version": 3 }, "environment_id": "env_1",
        "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z",
    })
}

/// A deployment that takes patches, after others got in between so many times.
async fn peer(resources: Value, meddlers: usize) -> (Peer, Arc<Mutex<Value>>) {
    let held = Arc::new(Mutex::new(resources.clone()));
    let shared = Arc::clone(&held);
    let left = Mutex::new(meddlers);
    let peer = Peer::start(move |asked, _| {
        let mut held = shared.lock().unwrap();
        if asked.method == "POST" {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["resources"]);
            *held = body["resources"].clone();
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                *held = resources.clone();
            }
        }
        Reply::json(deployment(&held))
    })
    .await;
    (peer, held)
}

async fn repoint(peer: &Peer) -> Result<(), BackendError> {
    let (from, to) = ("memstore_old".parse().unwrap(), "memstore_new".parse().unwrap());
    peer.backend().repoint(&"depl_1".parse().unwrap(), &from, &to).await
}

#[tokio::test]
async fn a_store_is_replaced_and_everything_else_stays() {
    let other = json!({ "type": "file", "file_id": "file_1", "mount_path": "/x" });
    let old = json!({
        "type": "memory_store", "memory_store_id": "memstore_old", "access": "read_only", "instructions": "mind it"
    });
    let kept = json!({ "type": "memory_store", "memory_store_id": "memstore_kept" });
    let (peer, held) = peer(json!([other, old, kept]), 0).await;
    repoint(&peer).await.unwrap();
    let new = json!({
        "type": "memory_store", "memory_store_id": "memstore_new", "access": "read_only", "instructions": "mind it"
    });
    assert_eq!(*held.lock().unwrap(), json!([other, new, kept]));
    assert_eq!(peer.asked().len(), 3, "read, patched, read back");
    repoint(&peer).await.unwrap();
    assert_eq!(peer.count("POST", "/v1/deployments/depl_1"), 1, "one that is as wanted is left alone");
}

#[tokio::test]
async fn a_patch_that_somebody_undid_is_made_once_more_and_then_told() {
    let resources = json!([{ "type": "memory_store", "memory_store_id": "memstore_old" }]);
    let (once, _) = peer(resources.clone(), 1).await;
    repoint(&once).await.unwrap();
    let (always, _) = peer(resources, 9).await;
    let error = repoint(&always).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { kind: Refusal::Conflict, .. }), "{error}");
    assert_eq!(always.count("POST", "/v1/deployments/depl_1"), 2);
}

#[tokio::test]
async fn a_patch_whose_answer_was_lost_is_not_sent_over_what_somebody_wrote_since() {
    let old = json!({ "type": "memory_store", "memory_store_id": "memstore_old" });
    let new = json!({ "type": "memory_store", "memory_store_id": "memstore_new" });
    let theirs = json!({ "type": "file", "file_id": "file_theirs" });
    // The patch had its effect, or had none; either way somebody adds a file before anybody looks.
    for has_effect in [true, false] {
        let held = Arc::new(Mutex::new(json!([old])));
        let shared = Arc::clone(&held);
        let (patches, theirs) = (Mutex::new(0), theirs.clone());
        let peer = Peer::start(move |asked, _| {
            let mut held = shared.lock().unwrap();
            if asked.method == "POST" {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let mut patches = patches.lock().unwrap();
                *patches += 1;
                if *patches > 1 || has_effect {
                    *held = body["resources"].clone();
                }
                if *patches == 1 {
                    held.as_array_mut().unwrap().push(theirs.clone());
                    return Reply::error(502, "api_error", "bad gateway");
                }
            }
            Reply::json(deployment(&held))
        })
        .await;
        repoint(&peer).await.unwrap();
        let file = json!({ "type": "file", "file_id": "file_theirs" });
        assert_eq!(*held.lock().unwrap(), json!([new, file]), "has_effect: {has_effect}");
        let patches = if has_effect { 1 } else { 2 };
        assert_eq!(peer.count("POST", "/v1/deployments/depl_1"), patches);
    }
}

#[tokio::test]
async fn a_deployment_whose_server_stays_in_trouble_is_given_up() {
    let old = json!([{ "type": "memory_store", "memory_store_id": "memstore_old" }]);
    let peer = Peer::start(move |asked, _| match asked.method.as_str() {
        "POST" => Reply::error(502, "api_error", "bad gateway"),
        _ => Reply::json(deployment(&old)),
    })
    .await;
    let error = repoint(&peer).await.unwrap_err().to_string();
    assert!(error.contains("bad gateway"), "{error}");
    assert!(peer.count("POST", "/v1/deployments/depl_1") <= 6);
}

#[tokio::test]
async fn a_repository_is_not_robbed_of_its_token() {
    let resources = json!([
        { "type": "github_repository", "url": "https://github.com/a/b" },
        { "type": "memory_store", "memory_store_id": "memstore_old" },
    ]);
    let (peer, held) = peer(resources.clone(), 0).await;
    let error = repoint(&peer).await.unwrap_err().to_string();
    assert!(error.contains("token") && error.contains("by hand"), "{error}");
    assert_eq!(*held.lock().unwrap(), resources);
}

#[tokio::test]
async fn a_deployment_that_names_neither_store_is_left_alone() {
    let (peer, _) = peer(json!([]), 0).await;
    let error = repoint(&peer).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { kind: Refusal::Conflict, .. }), "{error}");
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_look_tells_whether_a_deployment_could_be_patched_and_changes_nothing() {
    let look = async |peer: &Peer| {
        let store = "memstore_old".parse().unwrap();
        peer.backend().repoint(&"depl_1".parse().unwrap(), &store, &store).await
    };
    let store = json!({ "type": "memory_store", "memory_store_id": "memstore_old" });
    let (fit, _) = peer(json!([store]), 0).await;
    look(&fit).await.unwrap();
    assert_eq!((fit.asked().len(), fit.count("POST", "/v1/deployments/depl_1")), (1, 0));
    for resources in
        [json!([]), json!([store, { "type": "github_repository", "url": "https://github.com/a/b" }])]
    {
        let (unfit, _) = peer(resources, 0).await;
        let error = look(&unfit).await.unwrap_err();
        assert!(matches!(error, BackendError::Refused { .. }), "{error}");
        assert_eq!(unfit.asked().len(), 1);
    }
}

fn session(id: &str, run: &str, created_at: &str) -> Value {
    json!({
        "id": id, "type": "session", "status": "idle", "agent": { "id": "agent_1" }, "metadata": { "dreamrun_run": run },
        "created_at": created_at, "updated_at": created_at, "resources": [], "usage": { "input_tokens": 5 },
    })
}

#[tokio::test]
async fn a_session_is_created_with_its_store_and_found_by_its_run() {
    let peer = Peer::start(|asked, _| match asked.method.as_str() {
        "POST" => Reply::json(session("sesn_new", "nightly-3", "2026-11-22T10:00:00Z")),
        _ => Reply::json(json!({ "next_page": null, "prev_page": null, "data": [
            session("sesn_2", "nightly-3", "2026-11-22T10:00:02Z"),
            session("sesn_x", "nightly-30", "2026-11-22T10:00:01Z"),
            session("sesn_1", "nightly-3", "2026-11-22T10:00:00Z"),
        ]})),
    })
    .await;
    let request = SessionRequest {
        agent: "agent_1".parse().unwrap(),
        environment: "env_1".parse().unwrap(),
        store: "memstore_1".parse().unwrap(),
        run: dreamrun::ids::RunId::parse("nightly-3").unwrap(),
    };
    let backend = peer.backend();
    assert_eq!(backend.create_session(&request).await.unwrap().as_str(), "sesn_new");
    let body: Value = serde_json::from_str(&peer.asked()[0].body).unwrap();
    let expected = json!({
        "agent": "agent_1", "environment_id": "env_1", "metadata": { "dreamrun_run": "nightly-3" },
        "resources": [{ "type": "memory_store", "memory_store_id": "memstore_1" }],
    });
    assert_eq!(body, expected);
    let found = backend.sessions_for(&request).await.unwrap();
    assert_eq!(found.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["sesn_1", "sesn_2"]);
    assert!(peer.asked()[1].target.contains("memory_store_id=memstore_1"));
}

#[tokio::test]
async fn an_archived_session_counts_only_if_there_is_no_other() {
    let archived = |id| {
        let mut session = session(id, "nightly-3", "2026-11-22T10:00:00Z");
        session["archived_at"] = "2026-11-22T11:00:00Z".into();
        session
    };
    let request = SessionRequest {
        agent: "agent_1".parse().unwrap(),
        environment: "env_1".parse().unwrap(),
        store: "memstore_1".parse().unwrap(),
        run: dreamrun::ids::RunId::parse("nightly-3").unwrap(),
    };
    let kept = session("sesn_2", "nightly-3", "2026-11-22T10:00:02Z");
    for (listed, expected) in
        [(vec![archived("sesn_1"), kept], "sesn_2"), (vec![archived("sesn_1")], "sesn_1")]
    {
        let peer = Peer::start(move |_, _| {
            Reply::json(json!({ "next_page": null, "prev_page": null, "data": listed }))
        })
        .await;
        let found = peer.backend().sessions_for(&request).await.unwrap();
        assert_eq!(found.iter().map(|id| id.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_the_session_in_doubt() {
    let peer = Peer::start(|_, _| Reply::hang_up()).await;
    let request = SessionRequest {
        agent: "agent_1".parse().unwrap(),
        environment: "env_1".parse().unwrap(),
        store: "memstore_1".parse().unwrap(),
        run: dreamrun::ids::RunId::parse("nightly-3").unwrap(),
    };
    let error = peer.backend().create_session(&request).await.unwrap_err();
    assert!(matches!(error, BackendError::Unanswered { .. }), "{error}");
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn sessions_of_several_sources_are_listed_once_and_dream_workers_told_apart() {
    let peer = Peer::start(|asked, _| match asked.path() {
        "/v1/dreams" => Reply::json(format!(r#"{{"data":[{}],"next_page":null}}"#, dream("completed"))),
        "/v1/sessions" => Reply::json(json!({ "next_page": null, "data": [
            session("sesn_w", "", "2026-11-22T10:00:05Z"),
            session("sesn_1", "", "2026-11-22T10:00:00Z"),
        ]})),
        "/v1/sessions/sesn_1" => Reply::json(session("sesn_1", "", "2026-11-22T10:00:00Z")),
        _ => Reply::error(404, "not_found_error", "no such session"),
    })
    .await;
    let ids = ["sesn_1", "sesn_gone"].map(|id| id.parse().unwrap()).to_vec();
    let sources = vec![
        SessionSource::Agent("agent_1".to_owned()),
        SessionSource::Deployment("depl_1".to_owned()),
        SessionSource::Ids(ids),
    ];
    let listing = peer.backend().sessions(&SessionQuery { sources, since: None }).await.unwrap();
    let found: Vec<_> =
        listing.sessions.iter().map(|session| (session.id.as_str(), session.is_dream_worker)).collect();
    assert_eq!(found, [("sesn_1", false), ("sesn_w", true)]);
    assert_eq!(listing.unreadable.len(), 1);
    assert_eq!(listing.unreadable[0].name, "sesn_gone");
}
