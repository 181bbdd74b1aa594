//! Streams of events that die, repeat themselves, say nothing or never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dreamrun::backend::http::HttpBackend;
use dreamrun::backend::{ActivityKind, Backend};
use dreamrun::dream::{Dream, DreamStatus};

use crate::creates::dream;
use crate::peer::{Peer, Reply, error, options};

const STREAM: &str = "/v1/sessions/sesn_w/events/stream";
const EVENTS: &str = "/v1/sessions/sesn_w/events";

fn frame(json: &str) -> String {
    format!("event: x\ndata: {json}\n\n")
}

fn wrote(id: &str) -> String {
    format!(
        r#"{{"type":"agent.tool_use","id":"{id}","name":"write","processed_at":"2026-11-22T10:00:01Z","input":{{"file_path":"/mnt/memory/notes/{id}.md","content":"x"}}}}"#
    )
}

const IDLE: &str = r#"{"type":"session.status_idle","id":"sevt_idle","processed_at":"2026-11-22T10:00:09Z"}"#;

/// A dream that runs for some looks and is then completed, with a stream and a list of events.
async fn peer(
    looks: usize,
    stream: impl Fn(usize) -> Reply + Send + Sync + 'static,
    past: &'static [&'static str],
) -> Peer {
    let (looked, opened) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Peer::start(move |asked, _| match asked.path() {
        STREAM => stream(opened.fetch_add(1, Ordering::SeqCst)),
        EVENTS => {
            let data = past.join(",");
            Reply::json(format!(r#"{{"data":[{data}],"next_page":null}}"#))
        }
        _ => {
            let status = if looked.fetch_add(1, Ordering::SeqCst) < looks { "running" } else { "completed" };
            Reply::json(dream(status))
        }
    })
    .await
}

async fn finish(backend: &HttpBackend) -> Dream {
    let wait = async {
        let mut dream = backend.dream(&"drm_1".parse().unwrap()).await.unwrap();
        while !dream.status.is_final() {
            dream = backend.next_change(&dream).await.unwrap();
        }
        dream
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("in time")
}

fn slow_to_look(peer: &Peer) -> HttpBackend {
    let mut options = options(&peer.url());
    options.timeouts.poll = Duration::from_secs(2);
    HttpBackend::new(options).unwrap()
}

#[tokio::test]
async fn the_end_of_the_session_is_noticed_at_once() {
    let ended = Arc::new(std::sync::Mutex::new(None));
    let at = Arc::clone(&ended);
    let stream = move |_| {
        let text = frame(&wrote("a")) + ": comment\n\n" + &frame(IDLE);
        at.lock().unwrap().replace(Instant::now());
        Reply::events(&text, true)
    };
    // The second look comes because it is time, the third because of the event.
    let peer = peer(2, stream, &[]).await;
    let done = finish(&slow_to_look(&peer)).await;
    assert_eq!(done.status, DreamStatus::Completed);
    let after = ended.lock().unwrap().unwrap().elapsed();
    assert!(after < Duration::from_secs(2), "{after:?}");
    assert_eq!(peer.count("GET", "/v1/dreams/drm_1"), 3);
}

#[tokio::test]
async fn what_a_dream_does_is_told_once_however_often_it_is_repeated() {
    let stream = |_| {
        let text = frame(&wrote("b")) + &frame(&wrote("b")) + &frame(&wrote("a")) + &frame(IDLE);
        Reply::events(&text, true)
    };
    let peer = peer(2, stream, &[r#"{"type":"agent.tool_use","id":"a","name":"write","input":{"file_path":"/mnt/memory/notes/a.md"}}"#]).await;
    let backend = peer.backend();
    let done = finish(&backend).await;
    let told = backend.activity(&done.id, 0);
    let told: Vec<_> = told.iter().map(|did| (did.kind, did.what.as_str())).collect();
    assert_eq!(told, [(ActivityKind::Wrote, "/a.md"), (ActivityKind::Wrote, "/b.md")]);
    assert_eq!(backend.activity(&done.id, 1).len(), 1);
    assert_eq!(backend.activity(&done.id, 9).len(), 0);
    assert_eq!(done.progress.unwrap().changes_written, 2);
    assert_eq!(backend.dream(&done.id).await.unwrap(), done);
}

#[tokio::test]
async fn a_stream_that_dies_in_a_frame_is_opened_again_and_its_gap_is_listed() {
    let stream = |n| match n {
        0 => Reply::events("event: x\ndata: {\"type\":\"agent.mess", false),
        1 => Reply::hang_up(),
        _ => Reply::events(&frame(IDLE), true),
    };
    let peer = peer(40, stream, &[]).await;
    assert_eq!(finish(&peer.backend()).await.status, DreamStatus::Completed);
    assert!(peer.count("GET", STREAM) >= 3, "{}", peer.count("GET", STREAM));
    assert!(peer.count("GET", EVENTS) >= 2);
}

#[tokio::test]
async fn streams_that_are_no_use_leave_looking() {
    let huge = "x".repeat(9 << 20);
    let bad: Vec<Reply> = vec![
        Reply::error(404, "not_found_error", "no such session"),
        Reply::error(500, "api_error", "down"),
        Reply::hang_up(),
        Reply::events("", true),
        Reply::events(": nothing but comments\n\n", true),
        Reply::events("data: no json\n\n", true),
        Reply::events("data: [1]\n\n", false),
        Reply::events("event: error\ndata: {\"type\":\"error\"}\n\n", false),
        Reply::events(&format!("data: {huge}"), false),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\xfd".to_vec()),
    ];
    for reply in bad {
        let shown = format!("{reply:.80?}");
        let peer = peer(6, move |_| reply.clone(), &[]).await;
        assert_eq!(finish(&peer.backend()).await.status, DreamStatus::Completed, "{shown}");
        let asked = peer.asked().len();
        assert!(asked < 60, "{asked} requests: {shown}");
    }
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_for_long_is() {
    let looked = AtomicUsize::new(0);
    let peer = Peer::start(move |_, _| match looked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::json(dream("running").replace("\"sesn_w\"", "null")),
        _ => Reply::status(429, &[("retry-after", "600")], error("rate_limit_error", "later")),
    })
    .await;
    let backend = peer.backend();
    let seen = backend.dream(&"drm_1".parse().unwrap()).await.unwrap();
    // A look is due every 20 ms or so.
    let waited = tokio::time::timeout(Duration::from_secs(1), backend.next_change(&seen)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(peer.asked().len(), 2, "nobody asks before the time is over");
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_given_up() {
    let peer = peer(3, |_| Reply::events("", true), &[]).await;
    let mut options = options(&peer.url());
    options.timeouts.silence = Duration::from_millis(30);
    options.timeouts.poll = Duration::from_millis(40);
    let backend = HttpBackend::new(options).unwrap();
    assert_eq!(finish(&backend).await.status, DreamStatus::Completed);
}

#[tokio::test]
async fn a_stream_that_never_ends_does_not_outlive_its_dream() {
    let endless: String = (0..2_000).map(|n| frame(&wrote(&n.to_string()))).collect();
    let peer = peer(3, move |_| Reply::events(&endless, true), &[]).await;
    let backend = peer.backend();
    let done = finish(&backend).await;
    assert_eq!(done.status, DreamStatus::Completed);
}
