//! How fast `serve` reads and writes memories, beside a bare axum handler that answers a constant of the
//! same size, and beside SQLite doing the same statements without a server.
//!
//! `cargo bench --bench serve` runs everything in one process on a store of 2,000 memories, with the same
//! small client on every side, so that the ratios say what `serve` adds.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::clock::SystemClock;
use dreamrun::dreaming::offline::LocalMinds;
use dreamrun::server::{Keys, Options, serve};
use rusqlite::{Connection, params};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Memories of the store, and bytes of each.
const MEMORIES: usize = 2_000;
const BYTES: usize = 1_000;
/// Requests of each kind, over so many connections.
const REQUESTS: usize = 16_000;
const CONNECTIONS: usize = 8;
const WRITES: usize = 2_000;
const ROUNDS: usize = 5;

/// How a row of requests went.
struct Took {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

fn took(wall: Duration, mut each: Vec<Duration>) -> Took {
    each.sort_unstable();
    let at = |part: usize| each[(each.len() - 1) * part / 100];
    Took { rate: each.len() as f64 / wall.as_secs_f64(), p50: at(50), p99: at(99) }
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 256 * 1024] }
    }

    /// Sends a request, reads the answer to its end, and returns its body.
    async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).await.unwrap();
        let mut held = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[held..]).await.unwrap();
            assert!(read > 0, "the server hung up");
            held += read;
            let Some(head) = self.buffer[..held].windows(4).position(|at| at == b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head]).unwrap();
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let end = head + 4 + length.parse::<usize>().unwrap();
            if held >= end {
                return &self.buffer[head + 4..end];
            }
        }
    }
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\n\
         anthropic-version: 2026-10-21\r\nanthropic-beta: agent-memory-2026-07-22\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends requests over several connections at once.
async fn send(address: std::net::SocketAddr, requests: &Arc<Vec<Vec<u8>>>) -> Took {
    let start = Instant::now();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|first| {
            let requests = Arc::clone(requests);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                let mut each = Vec::new();
                for request in requests.iter().skip(first).step_by(CONNECTIONS) {
                    let start = Instant::now();
                    client.ask(request).await;
                    each.push(start.elapsed());
                }
                each
            })
        })
        .collect();
    let mut each = Vec::new();
    for sender in senders {
        each.extend(sender.await.unwrap());
    }
    took(start.elapsed(), each)
}

fn median(mut rows: Vec<Took>) -> Took {
    rows.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let middle = rows.len() / 2;
    rows.swap_remove(middle)
}

fn row(name: &str, took: &Took) {
    println!(
        "| {name} | {:.0} | {:.2} | {:.2} |",
        took.rate,
        took.p50.as_secs_f64() * 1e3,
        took.p99.as_secs_f64() * 1e3
    );
}

/// Returns the content of a write: the next of a memory that nobody wrote before.
fn content(round: usize, at: usize) -> String {
    format!("{round}-{at} {}", "x".repeat(BYTES))
}

/// Does what `serve` does for a read, without a server.
fn sqlite_reads(database: &Path, ids: &[String]) -> Took {
    let db = Connection::open(database).unwrap();
    db.pragma_update(None, "cache_size", -32 * 1024).unwrap();
    let start = Instant::now();
    let mut each = Vec::new();
    for at in 0..REQUESTS {
        let start = Instant::now();
        let mut select = db
            .prepare_cached(
                "SELECT m.id, m.store, m.path, m.hash, octet_length(c.content), m.version, m.created_at,
                        m.updated_at, c.content
                 FROM memories m JOIN contents c USING (hash) WHERE m.id = ?1",
            )
            .unwrap();
        let text: String = select.query_row([&ids[at * 7 % ids.len()]], |row| row.get(8)).unwrap();
        assert!(text.len() >= BYTES);
        each.push(start.elapsed());
    }
    took(start.elapsed(), each)
}

/// Does what `serve` does for a write, without a server: one durable transaction for each.
fn sqlite_writes(database: &Path, ids: &[String], round: usize) -> Took {
    let mut db = Connection::open(database).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.pragma_update(None, "cache_size", -32 * 1024).unwrap();
    let start = Instant::now();
    let mut each = Vec::new();
    for at in 0..WRITES {
        let start = Instant::now();
        let hash = format!("bench-{round}-{at}");
        let within = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
        let id = &ids[at % ids.len()];
        let run = |sql: &str, with: &[&dyn rusqlite::ToSql]| {
            within.prepare_cached(sql).unwrap().execute(with).unwrap();
        };
        run("INSERT INTO contents (hash, content) VALUES (?1, ?2)", params![hash, content(round, at)]);
        run(
            "INSERT INTO versions (id, store, memory, path, operation, hash, created_at)
             SELECT ?2, store, id, path, 'modified', ?3, 0 FROM memories WHERE id = ?1",
            params![id, hash, hash],
        );
        run("UPDATE memories SET hash = ?2, version = ?2, updated_at = 0 WHERE id = ?1", params![id, hash]);
        within.commit().unwrap();
        each.push(start.elapsed());
    }
    took(start.elapsed(), each)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("memory");
    std::fs::create_dir(&memory).unwrap();
    for at in 0..MEMORIES {
        std::fs::write(memory.join(format!("{at:05}.md")), format!("{at} {}", "x".repeat(BYTES))).unwrap();
    }
    let database = folder.path().join("local.db");
    let local = LocalBackend::open(LocalOptions {
        database: database.clone(),
        root: folder.path().to_owned(),
        allow_read: Vec::new(),
        minds: Arc::new(LocalMinds),
        clock: Arc::new(SystemClock),
    });
    let local = Arc::new(local.unwrap());
    let store = local.import_folder("notes", &memory).unwrap().store.to_string();
    let serving = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let clients = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let listener = serving.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let ours = listener.local_addr().unwrap();
    let options = Options::new(local, Keys::one(&"bench".into()).unwrap());
    serving.spawn(serve(listener, options, std::future::pending()));

    let memories = format!("/v1/memory_stores/{store}/memories");
    let (ids, constant) = clients.block_on(async {
        let mut client = Client::connect(ours).await;
        let (mut ids, mut page) = (Vec::new(), String::new());
        loop {
            let path = format!("{memories}?limit=100{page}");
            let body: serde_json::Value =
                serde_json::from_slice(client.ask(&request("GET", &path, "")).await).unwrap();
            let found = body["data"].as_array().unwrap();
            ids.extend(found.iter().map(|memory| memory["id"].as_str().unwrap().to_owned()));
            match body["next_page"].as_str() {
                Some(next) => page = format!("&page={next}"),
                None => break,
            }
        }
        let one = client.ask(&request("GET", &format!("{memories}/{}", ids[0]), "")).await;
        (ids, String::from_utf8(one.to_vec()).unwrap())
    });
    let listener = serving.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    let bare = listener.local_addr().unwrap();
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], constant.clone()) };
    let router = Router::new().route("/constant", get(answer.clone()).post(answer));
    serving.spawn(async { axum::serve(listener, router).await });

    let reads: Vec<_> = (0..REQUESTS)
        .map(|at| request("GET", &format!("{memories}/{}", ids[at * 7 % ids.len()]), ""))
        .collect();
    let lists: Vec<_> =
        (0..REQUESTS / 16).map(|_| request("GET", &format!("{memories}?limit=100"), "")).collect();
    let nothing: Vec<_> = (0..REQUESTS).map(|_| request("GET", "/constant", "")).collect();
    let writes = |round: usize| -> Vec<_> {
        let path = |at: usize| format!("{memories}/{}", ids[at % ids.len()]);
        let body = |at: usize| serde_json::json!({"content": content(round, at)}).to_string();
        (0..WRITES).map(|at| request("POST", &path(at), &body(at))).collect()
    };
    let (reads, lists, nothing) = (Arc::new(reads), Arc::new(lists), Arc::new(nothing));
    let mut rows: [Vec<Took>; 6] = Default::default();
    for round in 0..ROUNDS {
        rows[0].push(clients.block_on(send(bare, &nothing)));
        rows[1].push(clients.block_on(send(ours, &reads)));
        rows[2].push(sqlite_reads(&database, &ids));
        rows[3].push(clients.block_on(send(ours, &lists)));
        rows[4].push(clients.block_on(send(ours, &Arc::new(writes(round)))));
        rows[5].push(sqlite_writes(&database, &ids, round));
    }
    let [nothing, reads, sqlite_reads, lists, writes, sqlite_writes] = rows.map(median);
    println!("| | per second | p50 ms | p99 ms |");
    println!("|---|---|---|---|");
    row("bare axum, a constant", &nothing);
    row("serve, a memory", &reads);
    row("SQLite, the same statement", &sqlite_reads);
    row("serve, a page of 100 memories", &lists);
    row("serve, a write", &writes);
    row("SQLite, the same write", &sqlite_writes);
    println!();
    println!("reads against bare axum: {:.2}", reads.rate / nothing.rate);
    println!("reads against SQLite alone: {:.2}", reads.rate / sqlite_reads.rate);
    println!("writes against SQLite alone: {:.2}", writes.rate / sqlite_writes.rate);
}
