//! Who gets in: keys, workspaces, versions, betas; and what every answer has.

use reqwest::Method;

use super::harness::{KEY, read};
use super::{Answer, Server};

const VERSION: (&str, &str) = ("anthropic-version", "2026-10-21");

async fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.bare(Method::GET, path);
    read(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// Asks for a path that does not exist with a good key: 404 for that reason alone.
async fn let_in(server: &Server, headers: &[(&str, &str)]) -> u16 {
    ask(server, "/v1/nothing", headers).await.status
}

#[tokio::test]
async fn a_key_comes_in_either_header() {
    let server = Server::start().await;
    let bearer = format!("Bearer {KEY}");
    assert_eq!(let_in(&server, &[VERSION, ("authorization", &bearer)]).await, 404);
    assert_eq!(let_in(&server, &[VERSION, ("x-api-key", KEY)]).await, 404);
    for wrong in
        [&[VERSION] as &[_], &[VERSION, ("x-api-key", "sk-ant-test")], &[VERSION, ("authorization", KEY)]]
    {
        let message = ask(&server, "/v1/nothing", wrong).await.refused(401, "authentication_error");
        assert!(!message.contains("sk-ant"), "{message}");
    }
}

#[tokio::test]
async fn either_version_is_served_and_no_other() {
    let server = Server::start().await;
    let key = ("x-api-key", KEY);
    assert_eq!(let_in(&server, &[key, ("anthropic-version", "2023-06-01")]).await, 404);
    for headers in [&[key] as &[_], &[key, ("anthropic-version", "2022-01-01")]] {
        let message = ask(&server, "/v1/nothing", headers).await.refused(400, "invalid_request_error");
        assert!(message.starts_with("anthropic-version: "), "{message}");
    }
}

#[tokio::test]
async fn a_named_workspace_is_the_keys_own() {
    let server = Server::start().await;
    let ask = async |name: &str| {
        let request = server.request(Method::GET, "/v1/nothing").header("anthropic-workspace-id", name);
        read(request).await.status
    };
    assert_eq!(ask("wrkspc_01local").await, 404);
    assert_eq!(ask("wrkspc_other").await, 400);
}

#[tokio::test]
async fn every_answer_has_an_id_and_says_whose_server_it_is() {
    let server = Server::start().await;
    let mut ids = std::collections::BTreeSet::new();
    let answers = [
        (server.get("/v1/nothing").await, 404),
        (server.get("/").await, 404),
        (ask(&server, "/v1/models", &[]).await, 401),
        (read(server.request(Method::PATCH, "/v1/nothing")).await, 404),
    ];
    for (answer, status) in answers {
        assert_eq!(answer.header("anthropic-organization-id"), Some("org_01local"));
        assert_eq!(answer.header("anthropic-workspace-id"), Some("wrkspc_01local"));
        let id = answer.header("request-id").unwrap().to_owned();
        assert!(id.starts_with("req_"), "{id}");
        let body = answer.expect(status);
        assert_eq!(body["type"], "error");
        assert_eq!(body["request_id"], id);
        assert!(ids.insert(id));
    }
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_stops() {
    let server = Server::start().await;
    server.get("/v1/nothing").await;
    server.stop().await.unwrap();
}

/// Asks for a list with a good key and other betas than SDKs send.
async fn with_betas(server: &Server, path: &str, betas: &[&str]) -> Answer {
    let request = server.bare(Method::GET, path).bearer_auth(KEY).header(VERSION.0, VERSION.1);
    read(betas.iter().fold(request, |request, beta| request.header("anthropic-beta", *beta))).await
}

const DREAMING: &str = "dreaming-2026-04-21";
const MEMORY: &str = "agent-memory-2026-07-22";
const MANAGED: &str = "managed-agents-2026-04-01";

#[tokio::test]
async fn each_family_is_opened_by_its_beta() {
    let server = Server::start().await;
    let (dreams, stores) = ("/v1/dreams", "/v1/memory_stores");
    let both = format!("{MANAGED}, {DREAMING}");
    for (path, betas, status) in [
        (dreams, &[DREAMING] as &[&str], 200),
        (dreams, &[&both], 200),
        (dreams, &[MANAGED, DREAMING], 200),
        (dreams, &[DREAMING, DREAMING], 200),
        (dreams, &[MANAGED], 404),
        (dreams, &[], 404),
        (dreams, &[""], 404),
        (dreams, &[" , "], 404),
        (stores, &[MEMORY], 200),
        (stores, &[MANAGED], 200),
        (stores, &[MEMORY, MANAGED], 400),
        (stores, &[DREAMING], 404),
        (stores, &[], 404),
        ("/v1/memory_stores/memstore_1/memories", &[], 404),
    ] {
        let answer = with_betas(&server, path, betas).await;
        assert_eq!(answer.status, status, "{path} {betas:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_unknown_beta_is_named() {
    let server = Server::start().await;
    for path in ["/v1/dreams", "/v1/nothing"] {
        let betas = [DREAMING, "dreaming-1999-01-01,x\u{e9}"];
        let message = with_betas(&server, path, &betas).await.refused(400, "invalid_request_error");
        assert_eq!(
            message,
            "Unexpected value(s) `dreaming-1999-01-01`, `x\u{e9}` for the `anthropic-beta` header"
        );
    }
}

#[tokio::test]
async fn a_server_can_do_without_betas() {
    let server = Server::with(|options| options.accepts_without_beta = true).await;
    assert_eq!(with_betas(&server, "/v1/dreams", &[]).await.status, 200);
    assert_eq!(with_betas(&server, "/v1/memory_stores", &[]).await.status, 200);
    assert_eq!(with_betas(&server, "/v1/memory_stores", &[MEMORY, MANAGED]).await.status, 400);
}

#[tokio::test]
async fn a_key_without_the_preview_finds_no_dreams() {
    let server = Server::with(|options| options.has_preview = false).await;
    let told = server.get("/v1/dreams").await.refused(404, "not_found_error");
    assert_eq!(told, server.get("/v1/nothing").await.refused(404, "not_found_error"));
    server.get("/v1/memory_stores").await.expect(200);
}

#[tokio::test]
async fn a_path_takes_its_methods_alone() {
    let server = Server::start().await;
    let answer = read(server.request(Method::PATCH, "/v1/dreams")).await;
    assert_eq!(answer.header("allow"), Some("POST,GET,HEAD"));
    assert_eq!(answer.body["request_id"].as_str(), answer.header("request-id"));
    answer.refused(405, "invalid_request_error");
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let server = Server::start().await;
    let large = vec![b' '; 32 * 1024 * 1024 + 1];
    let post = server.request(Method::POST, "/v1/memory_stores").body(large.clone());
    read(post).await.refused(413, "request_too_large");
    let exact = format!("{{\"name\":\"notes\"}}{}", " ".repeat(32 * 1024 * 1024 - 16));
    assert_eq!(exact.len(), 32 * 1024 * 1024);
    read(server.request(Method::POST, "/v1/memory_stores").body(exact)).await.expect(200);
}
