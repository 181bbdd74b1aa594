//! What a request looks like on the wire.

use std::sync::Arc;

use dreamrun::backend::http::{Credential, HttpBackend, HttpError, HttpOptions, KeyHeader};
use dreamrun::backend::{Backend, SessionQuery};
use dreamrun::clock::SystemClock;
use dreamrun::spec::pipeline::SessionSource;
use dreamrun::tls::TlsError;

use crate::peer::{KEY, Peer, Reply, options};

async fn empty() -> Peer {
    Peer::start(|_, _| Reply::json(r#"{"data":[],"next_page":null}"#)).await
}

/// Asks for something of each family; what comes back does not matter.
async fn ask_everything(backend: &HttpBackend) {
    let store = "memstore_1".parse().unwrap();
    let query = SessionQuery { sources: vec![SessionSource::Agent("agent_1".to_owned())], since: None };
    let _ = backend.index(&store).await;
    let _ = backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await;
    let _ = backend.sessions(&query).await;
    let _ = backend.models().await;
}

#[tokio::test]
async fn each_family_has_its_own_beta_and_everything_else_is_the_same() {
    let peer = empty().await;
    ask_everything(&peer.backend()).await;
    let betas: Vec<(String, Vec<String>)> = peer
        .asked()
        .iter()
        .map(|asked| {
            let betas = asked.header("anthropic-beta").into_iter().map(str::to_owned).collect();
            (asked.path().to_owned(), betas)
        })
        .collect();
    let expected = [
        ("/v1/memory_stores/memstore_1/memories", Some("agent-memory-2026-07-22")),
        ("/v1/dreams", Some("dreaming-2026-04-21")),
        ("/v1/sessions", Some("managed-agents-2026-04-01")),
        ("/v1/models", None),
    ];
    let expected =
        expected.map(|(path, beta)| (path.to_owned(), beta.map(str::to_owned).into_iter().collect()));
    assert_eq!(betas, expected);
    for asked in peer.asked() {
        assert_eq!(asked.header("anthropic-version"), ["2026-10-21"]);
        assert_eq!(asked.header("authorization"), [format!("Bearer {KEY}")]);
        assert!(asked.header("x-api-key").is_empty() && asked.header("anthropic-workspace-id").is_empty());
        assert!(asked.header("user-agent")[0].starts_with("dreamrun/"));
        assert!(!asked.target.contains("beta="), "{}", asked.target);
    }
}

#[tokio::test]
async fn the_key_goes_where_it_is_told_and_the_workspace_along() {
    let peer = empty().await;
    let mut options = options(&peer.url());
    options.key_header = KeyHeader::XApiKey;
    options.workspace = Some("wrkspc_1".to_owned());
    ask_everything(&HttpBackend::new(options.clone()).unwrap()).await;
    for asked in peer.asked() {
        assert_eq!(asked.header("x-api-key"), [KEY]);
        assert_eq!(asked.header("anthropic-workspace-id"), ["wrkspc_1"]);
        assert!(asked.header("authorization").is_empty());
    }
    let before = peer.asked().len();
    options.credential = Credential::Token("a-token".into());
    ask_everything(&HttpBackend::new(options).unwrap()).await;
    for asked in &peer.asked()[before..] {
        assert_eq!(asked.header("authorization"), ["Bearer a-token"]);
        assert!(asked.header("x-api-key").is_empty());
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_a_slash_at_its_end() {
    let peer = empty().await;
    for base in ["", "/", "/proxy/anthropic", "/proxy/anthropic/"] {
        let backend = HttpBackend::new(options(&format!("{}{base}", peer.url()))).unwrap();
        backend.models().await.unwrap();
        let path = peer.asked().last().unwrap().path().to_owned();
        assert_eq!(path, format!("{}/v1/models", base.trim_end_matches('/')), "{base}");
    }
}

#[tokio::test]
async fn an_id_cannot_lead_elsewhere() {
    let peer = empty().await;
    let backend = peer.backend();
    for id in ["../dreams", "a/b", "a?x=1", "a#b", "%2e%2e"] {
        let _ = backend.store(&id.parse().unwrap()).await;
        let target = peer.asked().last().unwrap().target.clone();
        let tail = target.strip_prefix("/v1/memory_stores/").unwrap();
        assert!(!tail.contains(['/', '?', '#']), "{id}: {target}");
    }
    let before = peer.asked().len();
    for id in [".", ".."] {
        assert!(backend.store(&id.parse().unwrap()).await.is_err());
        assert!(backend.delete_store(&id.parse().unwrap()).await.is_err());
    }
    assert_eq!(peer.asked().len(), before);
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_sent() {
    let refused = |base: &str| {
        let options = HttpOptions {
            base_url: Some(base.to_owned()),
            ..HttpOptions::new(Credential::ApiKey(KEY.into()), Arc::new(SystemClock))
        };
        HttpBackend::new(options).map(|_| ())
    };
    let bad = ["", "api.example.com", "ftp://a/", "unix:/run/x", "https://a/?k=v", "https://a/#f", "https:"];
    for base in bad {
        assert!(matches!(refused(base), Err(HttpError::BaseUrl { .. })), "{base}");
    }
    let error = refused("https://user:hunter2@api.example.com/").unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    for key in ["", "a\nb", "a\u{7f}b"] {
        let options = HttpOptions::new(Credential::ApiKey(key.into()), Arc::new(SystemClock));
        let options = HttpOptions { base_url: Some("http://127.0.0.1:1".to_owned()), ..options };
        assert!(matches!(HttpBackend::new(options), Err(HttpError::Credential { .. })), "{key:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let options = HttpOptions {
        ca_file: Some(file),
        ..HttpOptions::new(Credential::ApiKey(KEY.into()), Arc::new(SystemClock))
    };
    assert!(matches!(HttpBackend::new(options), Err(HttpError::Tls(TlsError::CaFile { .. }))));
}
