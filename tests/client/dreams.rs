//! Dreams: looked up, canceled, waited for by looking, and told apart from a missing preview.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dreamrun::backend::http::HttpBackend;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::dream::DreamStatus;
use dreamrun::ids::DreamId;

use crate::creates::{dream, request};
use crate::peer::{Peer, Reply, options};

fn id() -> DreamId {
    "drm_1".parse().unwrap()
}

#[tokio::test]
async fn a_key_without_dreams_is_told_where_to_ask_for_them() {
    let peer = Peer::start(|_, _| Reply::error(404, "not_found_error", "Not found")).await;
    let backend = peer.backend();
    let since = jiff::Timestamp::UNIX_EPOCH;
    for error in [
        backend.create_dream(&request()).await.unwrap_err(),
        backend.dream(&id()).await.unwrap_err(),
        backend.dreams_since(since).await.unwrap_err(),
        backend.cancel_dream(&id()).await.unwrap_err(),
    ] {
        assert!(matches!(error, BackendError::Refused { kind: Refusal::NotAuthorised, .. }), "{error}");
        let text = error.to_string();
        for part in ["no access to Dreams", "https://claude.com/form/", "still works", "HTTP 404", "req_1"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[tokio::test]
async fn a_thing_that_is_not_there_is_not_a_missing_preview() {
    let peer = Peer::start(|asked, _| match asked.is("GET", "/v1/dreams") {
        true => Reply::json(r#"{"data":[],"next_page":null}"#),
        false => Reply::error(404, "not_found_error", "no such thing"),
    })
    .await;
    let backend = peer.backend();
    for error in [
        backend.create_dream(&request()).await.unwrap_err(),
        backend.dream(&id()).await.unwrap_err(),
        backend.cancel_dream(&id()).await.unwrap_err(),
    ] {
        assert!(matches!(error, BackendError::Refused { kind: Refusal::NotFound, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_dream_of_another_kind_stands_in_nobodys_way() {
    let strange = [
        r#"{"id":"drm_x","status":"running","inputs":[{"type":"vault","vault_id":"vlt_1"}],"model":{"id":"m"},"outputs":[{"type":"memory_store","memory_store_id":"memstore_x"}],"created_at":"2026-11-22T10:00:00Z"}"#,
        r#"{"id":"drm_y","status":"running","inputs":"all","created_at":"today","memory":[{"memory_store_id":"memstore_y"}]}"#,
        "7",
    ];
    let list = format!(r#"{{"data":[{},{}],"next_page":null}}"#, strange.join(","), dream("running"));
    let peer = Peer::start(move |asked, _| match asked.path() {
        "/v1/deployments" => Reply::json(r#"{"data":[],"next_page":null}"#),
        _ => Reply::json(&list),
    })
    .await;
    let backend = peer.backend();
    let listed = backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(listed.iter().map(|dream| dream.id.as_str()).collect::<Vec<_>>(), ["drm_1"]);
    let used = backend.stores_in_use().await.unwrap();
    let used: Vec<_> = used.iter().map(|store| store.as_str()).collect();
    assert_eq!(used, ["memstore_1", "memstore_x", "memstore_y"]);
}

#[tokio::test]
async fn a_dream_that_could_be_ours_is_never_passed_over() {
    let torn = dream("running").replace(r#""model":{"id":"claude-opus-5"},"#, "");
    let list = format!(r#"{{"data":[{torn}],"next_page":null}}"#);
    let peer = Peer::start(move |_, _| Reply::json(&list)).await;
    let error = peer.backend().dreams_since(jiff::Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(error.to_string().contains("not what the API promises"), "{error}");
}

#[tokio::test]
async fn a_dream_that_has_ended_is_returned_by_a_cancel() {
    let peer = Peer::start(|asked, _| match asked.method.as_str() {
        "POST" => Reply::error(400, "invalid_request_error", "it has ended"),
        _ => Reply::json(dream("completed")),
    })
    .await;
    assert_eq!(peer.backend().cancel_dream(&id()).await.unwrap().status, DreamStatus::Completed);
}

#[tokio::test]
async fn a_final_dream_is_not_asked_about() {
    let peer = Peer::start(|_, _| Reply::json(dream("completed"))).await;
    let backend = peer.backend();
    let done = backend.dream(&id()).await.unwrap();
    assert_eq!(backend.next_change(&done).await.unwrap(), done);
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_cancel_is_known_at_once_to_whoever_waits() {
    let is_canceled = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&is_canceled);
    let peer = Peer::start(move |asked, _| {
        if asked.method == "POST" {
            shared.store(true, Ordering::SeqCst);
        }
        match asked.path().contains("/dreams") {
            true => Reply::json(dream(if shared.load(Ordering::SeqCst) { "canceled" } else { "running" })),
            false => Reply::error(404, "not_found_error", ""),
        }
    })
    .await;
    let backend = peer.backend();
    let running = backend.dream(&id()).await.unwrap();
    let (waited, canceled) = tokio::join!(backend.next_change(&running), backend.cancel_dream(&running.id));
    assert_eq!(canceled.unwrap().status, DreamStatus::Canceled);
    assert_eq!(waited.unwrap().status, DreamStatus::Canceled);
}

#[tokio::test]
async fn an_outage_while_waiting_is_waited_out() {
    let looks = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&looks);
    let peer = Peer::start(move |asked, _| match asked.is("GET", "/v1/dreams/drm_1") {
        true => match shared.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::json(dream("running")),
            1..40 => Reply::error(503, "api_error", "down"),
            _ => Reply::json(dream("completed")),
        },
        false => Reply::hang_up(),
    })
    .await;
    let backend = peer.backend();
    let running = backend.dream(&id()).await.unwrap();
    assert_eq!(backend.next_change(&running).await.unwrap().status, DreamStatus::Completed);
}

#[tokio::test]
async fn many_dreams_are_served_by_one_listing() {
    const DREAMS: usize = 150;
    let done = Arc::new(AtomicBool::new(false));
    let created = Arc::new(Mutex::new(0));
    let (is_done, count) = (Arc::clone(&done), Arc::clone(&created));
    let peer = Peer::start(move |asked, _| {
        let status = if is_done.load(Ordering::SeqCst) { "completed" } else { "pending" };
        let one =
            |n: usize| dream(status).replace("drm_1", &format!("drm_{n:04}")).replace(r#""sesn_w""#, "null");
        if asked.is("POST", "/v1/dreams") {
            let mut count = count.lock().unwrap();
            *count += 1;
            return Reply::json(one(*count - 1));
        }
        if asked.is("GET", "/v1/dreams") {
            let start = if asked.target.contains("page=next") { 100 } else { 0 };
            let data: Vec<String> = (start..DREAMS.min(start + 100)).map(one).collect();
            let next = if start == 0 { r#""next""# } else { "null" };
            return Reply::json(format!(r#"{{"data":[{}],"next_page":{next}}}"#, data.join(",")));
        }
        let n = asked.path().rsplit('_').next().unwrap().parse().unwrap();
        Reply::json(one(n))
    })
    .await;
    // A listing must not take as long as it is good for, on any machine.
    let mut patient = options(&peer.url());
    patient.timeouts.poll = Duration::from_millis(400);
    let backend = HttpBackend::new(patient).unwrap();
    let mut dreams = Vec::new();
    for _ in 0..DREAMS {
        dreams.push(backend.create_dream(&request()).await.unwrap());
    }
    let before = peer.asked().len();
    let finish = |dream: dreamrun::dream::Dream| {
        let backend = &backend;
        async move {
            let mut dream = dream;
            while !dream.status.is_final() {
                dream = backend.next_change(&dream).await.unwrap();
            }
        }
    };
    let all = futures_util::future::join_all(dreams.into_iter().map(finish));
    let end = async {
        // Once the pages have been listed a few times, the dreams end.
        while peer.asked().len() < before + 12 {
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(all, end);
    let asked = peer.asked().split_off(before);
    let singles = asked.iter().filter(|asked| asked.path() != "/v1/dreams").count();
    assert!(singles <= 8, "{singles} looks at single dreams");
    assert!(asked.len() < 60, "{} requests for {DREAMS} dreams", asked.len());
}
