//! A server in this process, and a client that sends what a request needs.
#![allow(dead_code, reason = "each resource uses a part")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::dreaming::Minds;
use dreamrun::dreaming::offline::LocalMinds;
use dreamrun::server::{Keys, Options, ServeError, serve};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::ManualClock;

/// When every server begins.
const NOW: &str = "2026-11-20T09:00:00Z";

/// The key every server accepts.
pub(crate) const KEY: &str = "sk-ant-test-4f1c9a7e";

/// A server on a port of its own, with a folder and a clock of its own. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) local: Arc<LocalBackend>,
    folder: TempDir,
    client: Client,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null if it is no JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Requires a status, and returns the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Requires an error of a kind, and returns its message.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, kind: &str) -> String {
        assert_eq!((self.status, self.body["error"]["type"].as_str()), (status, Some(kind)), "{}", self.text);
        self.body["error"]["message"].as_str().unwrap().to_owned()
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Server {
    /// Starts a server like the API.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server that differs from the API.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::with_minds(Arc::new(LocalMinds), change).await
    }

    /// Starts a server whose dreams are carried out by other minds.
    pub(crate) async fn with_minds(minds: Arc<dyn Minds>, change: impl FnOnce(&mut Options)) -> Self {
        // Clients are built without one of their own; a second test in this process finds it set.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let options = LocalOptions {
            database: folder.path().join("local.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds,
            clock: clock.clone(),
        };
        let local = Arc::new(LocalBackend::open(options).unwrap());
        let mut options = Options::new(local.clone(), Keys::one(&KEY.into()).unwrap());
        change(&mut options);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, asked) = oneshot::channel::<()>();
        let ended = tokio::spawn(serve(listener, options, async {
            let _ = asked.await;
        }));
        let client = Client::builder().no_proxy().build().unwrap();
        Self { address, clock, local, folder, client, stop, ended }
    }

    /// Returns the folder that files can be in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the server to stop, and returns how it ended.
    pub(crate) async fn stop(self) -> Result<(), ServeError> {
        let _ = self.stop.send(());
        self.ended.await.unwrap()
    }

    /// Returns the address of something, as `/v1/dreams`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Starts a request without any header of the API's.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Starts a request with a key, the version, and the beta that SDKs send to this path.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.bare(method, path).bearer_auth(KEY).header("anthropic-version", "2026-10-21");
        match path.trim_start_matches("/v1/").split(['/', '?']).next().unwrap() {
            "dreams" => request.header("anthropic-beta", "dreaming-2026-04-21"),
            "memory_stores" => request.header("anthropic-beta", "agent-memory-2026-07-22"),
            "models" => request,
            _ => request.header("anthropic-beta", "managed-agents-2026-04-01"),
        }
    }

    /// Reads something.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path)).await
    }

    /// Posts a body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        read(self.request(Method::POST, path).json(body)).await
    }

    /// Posts nothing, as SDKs do to cancel or archive.
    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        read(self.request(Method::POST, path).header("content-length", "0")).await
    }

    /// Deletes something.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        read(self.request(Method::DELETE, path)).await
    }

    /// Opens a stream; its body is read by the caller.
    pub(crate) async fn open(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Reads a list to its end, `limit` items at a time.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut page = String::new();
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let next = format!("{path}{sign}limit={limit}{page}");
            let mut body = self.get(&next).await.expect(200);
            items.append(body["data"].as_array_mut().unwrap());
            match body["next_page"].as_str() {
                Some(cursor) => page = format!("&page={cursor}"),
                None => return items,
            }
        }
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}
