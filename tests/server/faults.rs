//! A server that misbehaves as it was told to.

use std::time::{Duration, Instant};

use dreamrun::server::{Faults, Latency};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use super::Server;
use super::harness::read;

async fn faulty(rules: &[&str]) -> Server {
    let faults = Faults::parse(rules, Latency::default()).unwrap();
    Server::with(|options| options.faults = faults).await
}

async fn stores(server: &Server) -> Vec<Value> {
    server.all("/v1/memory_stores", 100).await
}

#[tokio::test]
async fn an_error_comes_before_the_effect_or_after_it() {
    let server = faulty(&[
        "POST /v1/memory_stores#1 status 429 retry-after=7",
        "POST /v1/memory_stores#2 after status 529",
    ])
    .await;
    let body = json!({ "name": "notes" });
    let first = server.post("/v1/memory_stores", &body).await;
    assert_eq!(first.header("retry-after"), Some("7"));
    assert_eq!(first.body["request_id"].as_str(), first.header("request-id"));
    first.refused(429, "rate_limit_error");
    assert_eq!(stores(&server).await.len(), 0);
    server.post("/v1/memory_stores", &body).await.refused(529, "overloaded_error");
    assert_eq!(stores(&server).await.len(), 1);
    server.post("/v1/memory_stores", &body).await.expect(200);
}

#[tokio::test]
async fn a_connection_is_closed_before_the_effect_or_after_it() {
    let server =
        faulty(&["POST /v1/memory_stores#1 hang-up", "POST /v1/memory_stores#2 after hang-up"]).await;
    let post = || server.request(Method::POST, "/v1/memory_stores").json(&json!({ "name": "notes" })).send();
    for stored in [0, 1] {
        let error = post().await.unwrap_err();
        assert!(error.is_request() && !error.is_connect() && error.status().is_none(), "{error:?}");
        assert_eq!(stores(&server).await.len(), stored);
    }
    assert_eq!(post().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_is_cut_after_any_number_of_bytes() {
    let server = faulty(&[
        "GET /v1/memory_stores#1 torn 0",
        "GET /v1/memory_stores#2 torn 5",
        "GET /v1/memory_stores#3 torn 9999",
    ])
    .await;
    for length in [0, 5] {
        let response = server.open("/v1/memory_stores").await;
        assert_eq!(response.status(), 200);
        assert!(response.content_length().unwrap() > 5);
        let mut body = response.bytes_stream();
        let mut got = Vec::new();
        let ended = loop {
            match body.next().await.unwrap() {
                Ok(chunk) => got.extend_from_slice(&chunk),
                Err(error) => break error,
            }
        };
        assert!(ended.is_body() || ended.is_decode(), "{ended:?}");
        assert_eq!(got.len(), length);
    }
    server.get("/v1/memory_stores").await.expect(200);
}

#[tokio::test]
async fn an_answer_that_hangs_ends_with_the_server() {
    let server = faulty(&["POST /v1/memory_stores after hang"]).await;
    let post = server.request(Method::POST, "/v1/memory_stores").json(&json!({ "name": "notes" }));
    let waiting = tokio::spawn(post.timeout(Duration::from_secs(60)).send());
    while stores(&server).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    let began = Instant::now();
    server.stop().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "it did not wait for its own fault");
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn an_answer_is_something_else() {
    let rules = [
        "GET /v1/memory_stores#1 garbage",
        "GET /v1/memory_stores#2 set /data=[{\"type\":\"novel\"}] /next_page=null /new/x=1 /new=2",
        "GET /v1/memory_stores#3.. stale",
    ];
    let server = faulty(&rules).await;
    let garbage = server.get("/v1/memory_stores").await;
    assert_eq!((garbage.status, garbage.body), (200, Value::Null));
    let changed = server.get("/v1/memory_stores").await.expect(200);
    assert_eq!(changed, json!({ "data": [{ "type": "novel" }], "next_page": null, "new": 2 }));
    let first = server.get("/v1/memory_stores").await.expect(200);
    server.post("/v1/memory_stores", &json!({ "name": "notes" })).await.expect(200);
    assert_eq!(server.get("/v1/memory_stores").await.expect(200), first);
    assert_eq!(server.get("/v1/memory_stores?limit=5").await.expect(200)["data"][0]["name"], "notes");
}

#[tokio::test]
async fn a_cursor_loops() {
    let server = faulty(&["GET /v1/memory_stores loop-cursor"]).await;
    for name in ["a", "b", "c"] {
        server.post("/v1/memory_stores", &json!({ "name": name })).await.expect(200);
    }
    let page = async |cursor: &str| {
        let path = format!("/v1/memory_stores?limit=1{cursor}");
        let body = server.get(&path).await.expect(200);
        (body["data"][0]["name"].as_str().unwrap().to_owned(), body["next_page"].as_str().unwrap().to_owned())
    };
    let (_, first) = page("").await;
    let (second_name, second) = page(&format!("&page={first}")).await;
    assert_eq!(second, first);
    assert_eq!(page(&format!("&page={second}")).await, (second_name, first));
}

#[tokio::test]
async fn latency_delays_every_answer() {
    let latency = "80..90".parse().unwrap();
    let faults = Faults::parse::<&str>(&[], latency).unwrap();
    let server = Server::with(|options| options.faults = faults).await;
    let began = Instant::now();
    server.get("/v1/memory_stores").await.expect(200);
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_fault_needs_no_key_to_act() {
    let server = faulty(&["GET /v1/** status 503"]).await;
    read(server.bare(Method::GET, "/v1/dreams")).await.refused(503, "api_error");
    read(server.bare(Method::POST, "/v1/dreams")).await.refused(401, "authentication_error");
}
