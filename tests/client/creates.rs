//! Creates: what may have left the process is never sent again, and is told apart from what did not.

use std::time::Duration;

use dreamrun::backend::http::HttpBackend;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::dream::{Dream, DreamRequest};

use crate::peer::{Peer, Reply, answer, error, options};

pub(crate) fn request() -> DreamRequest {
    DreamRequest {
        store: "memstore_1".parse().unwrap(),
        sessions: vec!["sesn_1".parse().unwrap()],
        model: "claude-opus-5".to_owned(),
        instructions: None,
    }
}

pub(crate) fn dream(status: &str) -> String {
    format!(
        r#"{{"type":"dream","id":"drm_1","status":"{status}","inputs":[{{"type":"memory_store","memory_store_id":"memstore_1"}},{{"type":"sessions","session_ids":["sesn_1"]}}],"outputs":[],"model":{{"id":"claude-opus-5"}},"instructions":null,"session_id":"sesn_w","created_at":"2026-11-22T10:00:00Z","ended_at":null,"archived_at":null,"usage":{{"input_tokens":0,"output_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}},"error":null}}"#
    )
}

async fn create(peer: &Peer) -> Result<Dream, BackendError> {
    peer.backend().create_dream(&request()).await
}

fn is_unanswered<T>(result: &Result<T, BackendError>) -> bool {
    matches!(result, Err(BackendError::Unanswered { .. }))
}

#[tokio::test]
async fn a_create_that_never_left_is_tried_again_and_told_so() {
    // A port nobody listens at: bound and let go.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let backend = HttpBackend::new(options(&format!("http://127.0.0.1:{port}"))).unwrap();
    let error = backend.create_dream(&request()).await.unwrap_err();
    assert!(matches!(error, BackendError::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn a_create_that_was_hung_up_on_is_in_doubt_and_not_repeated() {
    let read_and_gone = Peer::start(|_, _| Reply::hang_up()).await;
    assert!(is_unanswered(&create(&read_and_gone).await));
    assert_eq!(read_and_gone.asked().len(), 1);

    let slammed = Peer::rude(1, |_, _| Reply::json(dream("pending"))).await;
    assert!(is_unanswered(&create(&slammed).await));
    assert_eq!(slammed.asked().len(), 0, "it was not sent again");
}

#[tokio::test]
async fn an_answer_torn_at_any_byte_leaves_the_create_in_doubt() {
    let whole = answer(200, &[], &dream("pending"));
    let length = whole.len();
    let peer = Peer::start(move |_, n| Reply::Bytes(whole[..n.min(whole.len())].to_vec())).await;
    let backend = peer.backend();
    for cut in 0..length {
        let result = backend.create_dream(&request()).await;
        assert!(is_unanswered(&result), "cut at {cut}: {result:?}");
    }
    assert_eq!(peer.asked().len(), length, "none was sent twice");
    assert!(backend.create_dream(&request()).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_the_create_in_doubt() {
    for body in ["", "{}", "[]", "null", "<html>", r#"{"id":"drm_1"}"#, &dream("x").replace("drm_1", "d 1")] {
        let reply = body.to_owned();
        let peer = Peer::start(move |_, _| Reply::json(&reply)).await;
        let result = create(&peer).await;
        assert!(is_unanswered(&result), "{body}: {result:?}");
        assert_eq!(peer.asked().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_server_that_fails_may_have_created() {
    for status in [408, 500, 502, 503, 504, 529] {
        let peer = Peer::start(move |_, _| Reply::error(status, "api_error", "sorry")).await;
        let error = create(&peer).await.unwrap_err();
        assert!(matches!(error, BackendError::Unanswered { .. }), "{status}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("HTTP {status}")) && text.contains("req_1"), "{text}");
        assert_eq!(peer.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_create_is_not_repeated_because_the_server_would_have_it_so() {
    for status in [400, 408, 409, 500, 502, 503, 504, 529] {
        let reply = answer(status, &[("x-should-retry", "true")], &error("api_error", "once more"));
        let peer = Peer::start(move |_, _| Reply::Bytes(reply.clone())).await;
        let result = create(&peer).await;
        assert!(is_unanswered(&result), "{status}: {result:?}");
        assert_eq!(peer.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_late_leaves_the_create_in_doubt() {
    let late = vec![(Duration::from_secs(20), answer(200, &[], &dream("pending")))];
    let peer = Peer::start(move |_, _| Reply::Slowly(late.clone())).await;
    let mut options = options(&peer.url());
    options.timeouts.create = Duration::from_millis(50);
    let result = HttpBackend::new(options).unwrap().create_dream(&request()).await;
    assert!(is_unanswered(&result), "{result:?}");
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_create_is_repeated_after_a_429_with_and_without_a_wait() {
    for wait in [&[("retry-after", "0")][..], &[("retry-after-ms", "5")], &[]] {
        let busy = answer(429, wait, &error("rate_limit_error", "slow down"));
        let peer = Peer::start(move |_, n| match n {
            0 | 1 => Reply::Bytes(busy.clone()),
            _ => Reply::json(dream("pending")),
        })
        .await;
        assert!(create(&peer).await.is_ok(), "{wait:?}");
        assert_eq!(peer.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_limit_that_waiting_does_not_lift_is_told_at_once() {
    let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"cap","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    let hours = answer(429, &[("retry-after", "7200")], &error("rate_limit_error", "later"));
    for reply in [answer(429, &[], spent), hours] {
        let peer = Peer::start(move |_, _| Reply::Bytes(reply.clone())).await;
        let error = create(&peer).await.unwrap_err();
        assert!(matches!(error, BackendError::Refused { kind: Refusal::Limit, .. }), "{error}");
        assert_eq!(peer.asked().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn a_full_store_is_told_from_a_limit() {
    let full = r#"{"type":"error","error":{"type":"invalid_request_error","message":"full","details":{"error_code":"storage_quota_exceeded"}}}"#;
    let peer = Peer::start(move |_, _| Reply::Bytes(answer(400, &[], full))).await;
    let error = create(&peer).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { kind: Refusal::Full, .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_tells_its_kind_and_is_final() {
    let kinds = [
        (400, Refusal::Invalid),
        (401, Refusal::NotAuthorised),
        (402, Refusal::Limit),
        (403, Refusal::NotAuthorised),
        (409, Refusal::Conflict),
        (413, Refusal::Invalid),
        (422, Refusal::Invalid),
    ];
    for (status, expected) in kinds {
        let peer = Peer::start(move |_, _| Reply::error(status, "some_error", "inputs: no")).await;
        let error = create(&peer).await.unwrap_err();
        assert!(matches!(error, BackendError::Refused { kind, .. } if kind == expected), "{status}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("inputs: no (HTTP {status} some_error, request req_1)")), "{text}");
        assert_eq!(peer.asked().len(), 1);
    }
}
