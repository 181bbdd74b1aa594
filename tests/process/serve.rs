//! `dreamrun serve` as a process: its address, its key, its folder, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Drill, Ran, signal};

/// A server that runs, and stops when it is told to.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
}

pub(crate) fn serve(drill: &Drill, arguments: &[&str]) -> Serving {
    let all: Vec<&str> = ["serve", "--listen", "127.0.0.1:0"].iter().chain(arguments).copied().collect();
    let mut child = drill.dreamrun(&all).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let Some(address) = line.trim_end().strip_prefix("http://").map(str::to_owned) else {
        panic!("{line:?} is no address: {:?}", child.wait_with_output());
    };
    Serving { child, stdout, address }
}

impl Serving {
    pub(crate) fn stop(mut self, name: &str) -> Ran {
        signal(name, self.child.id());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let mut ran = Ran::from(self.child.wait_with_output().unwrap());
        ran.stdout = rest;
        ran
    }
}

/// Asks once, and returns status and body, or nothing if no whole answer came.
pub(crate) fn ask(address: &str, key: &str, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-api-key: {key}\r\n\
         anthropic-version: 2023-06-01\r\nanthropic-beta: agent-memory-2026-07-22\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

#[test]
fn a_made_up_key_is_kept_for_its_owner_and_is_never_said() {
    let drill = Drill::bare();
    let serving = serve(&drill, &["-vv"]);
    let file = drill.path(".dreamrun/serve/key");
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(key.len() > 40, "{key}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ask(&serving.address, &key, "GET", "/v1/memory_stores", "").unwrap().0, 200);
    assert_eq!(ask(&serving.address, "sk-wrong", "GET", "/v1/memory_stores", "").unwrap().0, 401);
    let ran = serving.stop("TERM").exits(0).says("The key is in ").says("route=\"/v1/memory_stores\"");
    assert!(!ran.stderr.contains(&key) && !ran.stderr.contains("sk-wrong"), "{}", ran.stderr);

    let again = serve(&drill, &[]);
    assert_eq!(ask(&again.address, &key, "GET", "/v1/memory_stores", "").unwrap().0, 200);
    let _ = again.stop("INT").exits(0);
}

#[test]
fn keys_come_from_the_environment_or_a_file() {
    let drill = Drill::bare();
    drill.write("keys", "# who\napikey_ci sk-ci\nsk-me\n");
    let serving = serve(&drill, &["--key-file", "keys"]);
    for (key, status) in [("sk-ci", 200), ("sk-me", 200), ("apikey_ci", 401)] {
        assert_eq!(ask(&serving.address, key, "GET", "/v1/memory_stores", "").unwrap().0, status, "{key}");
    }
    let _ = serving.stop("TERM").exits(0);
    assert!(!drill.path(".dreamrun/serve/key").exists());
}

#[test]
fn a_folder_has_one_server() {
    let drill = Drill::bare();
    let serving = serve(&drill, &[]);
    let second = drill.run(&["serve", "--listen", "127.0.0.1:0"]).exits(6).says("another server works on");
    assert_eq!(second.stdout, "");
    let other = serve(&drill, &["--data", "other"]);
    let _ = other.stop("TERM").exits(0);
    let _ = serving.stop("TERM").exits(0);
}

#[test]
fn what_others_can_reach_needs_a_word_and_a_key() {
    let drill = Drill::bare();
    let remote = ["serve", "--listen", "0.0.0.0:0"];
    let _ = drill.run(&remote).exits(2).says("other machines can reach").says("--allow-remote");
    let _ = drill.run(&[&remote[..], &["--allow-remote"]].concat()).exits(2).says("needs a key of yours");
    let _ = drill.run(&["serve", "--fault", "GET x"]).exits(2).says("the path `x` begins with /");
    let _ = drill.run(&["serve", "--mind", "nobody"]).exits(2).says("no mind named `nobody`");
    let blank =
        drill.dreamrun(&remote).arg("--allow-remote").env("DREAMRUN_SERVE_KEY", " ").output().unwrap();
    let _ = Ran::from(blank).exits(2).says("DREAMRUN_SERVE_KEY is set and blank");
    assert!(!drill.path(".dreamrun").exists());
}

#[test]
fn a_write_that_was_acknowledged_is_there_after_any_end() {
    for name in ["TERM", "KILL"] {
        let drill = Drill::bare();
        let serving = serve(&drill, &[]);
        let key = std::fs::read_to_string(drill.path(".dreamrun/serve/key")).unwrap().trim().to_owned();
        let is_over = AtomicBool::new(false);
        let acknowledged: Vec<String> = thread::scope(|scope| {
            let write = |writer: usize| {
                let (address, key, is_over) = (&serving.address, &key, &is_over);
                move || {
                    let mut names = Vec::new();
                    for n in 0.. {
                        let named = format!("w{writer}-{n}");
                        let body = format!("{{\"name\":\"{named}\"}}");
                        match ask(address, key, "POST", "/v1/memory_stores", &body) {
                            Some((200, _)) => names.push(named),
                            _ => return names,
                        }
                        if n == 10 {
                            is_over.store(true, Ordering::SeqCst);
                        }
                    }
                    names
                }
            };
            let writers: Vec<_> = (0..3).map(|writer| scope.spawn(write(writer))).collect();
            while !is_over.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            signal(name, serving.child.id());
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        let ended = serving.child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), (name == "TERM").then_some(0));
        assert!(acknowledged.len() >= 11);

        let again = serve(&drill, &[]);
        let mut kept = String::new();
        let mut page = String::new();
        loop {
            let path = format!("/v1/memory_stores?limit=100{page}");
            let (_, body) = ask(&again.address, &key, "GET", &path, "").unwrap();
            kept.push_str(&body);
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            match body["next_page"].as_str() {
                Some(next) => page = format!("&page={next}"),
                None => break,
            }
        }
        for named in acknowledged {
            assert!(kept.contains(&format!("\"{named}\"")), "{named} was acknowledged before SIG{name}");
        }
        let _ = again.stop("TERM").exits(0);
    }
}
