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
