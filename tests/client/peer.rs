//! A server that does what it is told to, however rude, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dreamrun::backend::http::{Credential, HttpBackend, HttpOptions, Limits, Timeouts};
use dreamrun::clock::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The key that every test uses, and that nothing may ever show.
pub(crate) const KEY: &str = "sk-ant-api03-never-to-be-seen-0123456789";

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query, as sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path() == path
    }
}

/// What the server does once it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and hangs up.
    Bytes(Vec<u8>),
    /// Sends these bytes one after the other, with pauses, then hangs up.
    Slowly(Vec<(Duration, Vec<u8>)>),
    /// Sends these bytes, then nothing, and does not hang up.
    Hold(Vec<u8>),
}

impl Reply {
    pub(crate) fn json(body: impl std::fmt::Display) -> Self {
        Self::status(200, &[], body)
    }

    pub(crate) fn status(status: u16, headers: &[(&str, &str)], body: impl std::fmt::Display) -> Self {
        Self::Bytes(answer(status, headers, &body.to_string()))
    }

    pub(crate) fn error(status: u16, kind: &str, message: &str) -> Self {
        Self::status(status, &[], error(kind, message))
    }

    pub(crate) fn hang_up() -> Self {
        Self::Bytes(Vec::new())
    }

    /// Answers with a stream of events, and keeps it open or not.
    pub(crate) fn events(text: &str, is_held: bool) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let bytes = format!("{head}{text}").into_bytes();
        if is_held { Self::Hold(bytes) } else { Self::Bytes(bytes) }
    }
}

pub(crate) fn error(kind: &str, message: &str) -> String {
    serde_json::json!({
        "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_body"
    })
    .to_string()
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         request-id: req_1\r\n{headers}connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) struct Peer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Answers each request by a function of it and of how many came before.
    pub(crate) async fn start(act: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::rude(0, act).await
    }

    /// As [`Peer::start`], but hangs up on the first connections without reading.
    pub(crate) async fn rude(
        slammed: usize,
        act: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let act = Arc::new(act);
        let task = tokio::spawn({
            let asked = Arc::clone(&asked);
            async move {
                let mut connections = 0;
                while let Ok((stream, _)) = listener.accept().await {
                    connections += 1;
                    if connections <= slammed {
                        continue;
                    }
                    let (asked, act) = (Arc::clone(&asked), Arc::clone(&act));
                    tokio::spawn(async move {
                        // A client that goes away is no concern of the server's.
                        let _ = serve(stream, &asked, &*act).await;
                    });
                }
            }
        });
        Self { address, asked, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Counts the requests of a method to a path.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.is(method, path)).count()
    }

    pub(crate) fn backend(&self) -> HttpBackend {
        HttpBackend::new(options(&self.url())).unwrap()
    }
}

/// Options with waits that no test has to wait for.
pub(crate) fn options(url: &str) -> HttpOptions {
    HttpOptions {
        base_url: Some(url.to_owned()),
        timeouts: Timeouts {
            retry: Duration::from_millis(1),
            poll: Duration::from_millis(20),
            ..Timeouts::default()
        },
        limits: Some(Limits { creates: 600_000, reads: 600_000 }),
        ..HttpOptions::new(Credential::ApiKey(KEY.into()), Arc::new(SystemClock))
    }
}

async fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    act: &(dyn Fn(&Asked, usize) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let reply = {
        let mut asked = asked.lock().unwrap();
        asked.push(request);
        let before = asked.len() - 1;
        act(&asked[before], before)
    };
    match reply {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
        Reply::Slowly(parts) => {
            for (pause, bytes) in parts {
                // Over early if the client goes.
                let _ = tokio::time::timeout(pause, stream.read(&mut [0])).await;
                stream.write_all(&bytes).await?;
            }
        }
        Reply::Hold(bytes) => {
            stream.write_all(&bytes).await?;
            // Ends when the client does.
            let _ = stream.read(&mut [0]).await;
        }
    }
    stream.shutdown().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Asked { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
