//! Reads: repeated until they are answered, as long as that makes sense.

use dreamrun::backend::http::HttpBackend;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::ids::DreamId;

use crate::creates::dream;
use crate::peer::{Peer, Reply, answer, error, options};

fn id() -> DreamId {
    "drm_1".parse().unwrap()
}

#[tokio::test]
async fn a_read_outlives_a_bad_minute() {
    let whole = answer(200, &[], &dream("running"));
    let peer = Peer::rude(1, move |_, n| match n {
        0 => Reply::hang_up(),
        1 => Reply::Bytes(whole[..whole.len() - 9].to_vec()),
        2 => Reply::error(529, "overloaded_error", "busy"),
        3 => Reply::Bytes(answer(429, &[("retry-after-ms", "1")], &error("rate_limit_error", ""))),
        _ => Reply::Bytes(whole.clone()),
    })
    .await;
    assert_eq!(peer.backend().dream(&id()).await.unwrap().id, id());
    assert_eq!(peer.asked().len(), 5);
}

#[tokio::test]
async fn a_read_gives_up_in_the_end() {
    let peer = Peer::start(|_, _| Reply::error(503, "api_error", "down")).await;
    let error = peer.backend().dream(&id()).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { kind: Refusal::Internal, .. }), "{error}");
    assert_eq!(peer.asked().len(), 6);
}

#[tokio::test]
async fn a_server_may_forbid_repeating() {
    let body = error("api_error", "broken for good");
    let peer = Peer::start(move |_, _| Reply::status(500, &[("x-should-retry", "false")], &body)).await;
    assert!(peer.backend().dream(&id()).await.is_err());
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_refused_and_not_asked_for_again() {
    let told = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    let untold = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(2 << 20));
    for reply in [told, untold] {
        let peer = Peer::start(move |_, _| Reply::Bytes(reply.clone().into_bytes())).await;
        let error = peer.backend().dream(&id()).await.unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
        assert_eq!(peer.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_takes_the_key_nowhere() {
    let elsewhere = Peer::start(|_, _| Reply::json(dream("completed"))).await;
    for status in [301, 302, 307, 308] {
        let to = format!("{}/v1/dreams/drm_1", elsewhere.url());
        let peer = Peer::start(move |_, _| Reply::status(status, &[("location", &to)], "")).await;
        let error = peer.backend().dream(&id()).await.unwrap_err();
        assert!(error.to_string().contains(&elsewhere.url()), "{error}");
        assert_eq!(peer.asked().len(), 1);
    }
    assert_eq!(elsewhere.asked().len(), 0);
}

#[tokio::test]
async fn a_list_that_goes_in_a_circle_is_left() {
    let peer = Peer::start(|asked, _| {
        let next = if asked.target.contains("page=page_a") { "page_b" } else { "page_a" };
        Reply::json(format!(r#"{{"data":[],"next_page":"{next}"}}"#))
    })
    .await;
    let error = peer.backend().dreams_since("2026-11-22T10:00:00Z".parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    assert!(peer.asked().len() <= 4, "{}", peer.asked().len());
}

#[tokio::test]
async fn an_empty_page_is_not_the_end_of_a_list() {
    let peer = Peer::start(|asked, _| {
        Reply::json(match asked.target.contains("page=next") {
            true => format!(r#"{{"data":[{}],"next_page":null}}"#, dream("running")),
            false => r#"{"data":[],"next_page":"next"}"#.to_owned(),
        })
    })
    .await;
    let dreams = peer.backend().dreams_since("2026-11-22T10:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(dreams.len(), 1);
    let again = &peer.asked()[1];
    assert!(
        again.target.contains("include_archived=true") && again.target.contains("limit=100"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    let peer = Peer::start(|_, _| Reply::Hold(Vec::new())).await;
    let mut options = options(&peer.url());
    options.timeouts.answer = std::time::Duration::from_millis(20);
    let error = HttpBackend::new(options).unwrap().dream(&id()).await.unwrap_err();
    assert!(matches!(error, BackendError::Unanswered { .. }), "{error}");
}
