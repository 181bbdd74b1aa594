//! The faults, and what becomes of a run that meets them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::world::{KEY, Ran, Traces, World};

/// A fault, and what it comes to: of the first `apply`, then of a second one.
#[derive(Clone, Copy)]
struct Fault {
    name: &'static str,
    rules: &'static [&'static str],
    /// What somebody else does while the first dream runs.
    meanwhile: Option<fn(&World)>,
    /// Outcome, exit code, dreams so far, adoptions so far.
    first: Came,
    then: Came,
}

type Came = (&'static str, u8, usize, u64);

/// What a run comes to that meets no fault: nothing is left to do for the second.
const FINE: Came = ("adopted", 0, 1, 1);
const DONE: Came = ("nothing_due", 0, 1, 1);

const fn fault(name: &'static str, rules: &'static [&'static str], first: Came, then: Came) -> Fault {
    Fault { name, rules, meanwhile: None, first, then }
}

/// A fault that the first `apply` gets over.
const fn overcome(name: &'static str, rules: &'static [&'static str]) -> Fault {
    fault(name, rules, FINE, DONE)
}

/// A fault that ends the first `apply` before anything is paid for; the second finds the server mended.
const fn refused(name: &'static str, rules: &'static [&'static str], code: u8) -> Fault {
    fault(name, rules, ("error", code, 0, 0), FINE)
}

/// A create that the API refuses for what it asks: the run ends, and the second `apply` begins another.
const fn unasked(name: &'static str, rules: &'static [&'static str]) -> Fault {
    fault(name, rules, ("failed", 5, 0, 0), FINE)
}

/// A dream that fails, and might not another time: the run stands still until somebody says so.
const fn stopped(name: &'static str, rules: &'static [&'static str]) -> Fault {
    fault(name, rules, ("dream_failed", 5, 1, 0), ("adopted", 0, 2, 1))
}

/// A dream that fails: the first `apply` says so, and the second pays for a new one.
const fn failed(name: &'static str, rules: &'static [&'static str]) -> Fault {
    fault(name, rules, ("failed", 5, 1, 0), ("adopted", 0, 2, 1))
}

/// Something that somebody else does while the first dream runs.
const fn while_running(name: &'static str, act: fn(&World), first: Came, then: Came) -> Fault {
    Fault { name, rules: &[], meanwhile: Some(act), first, then }
}

const FAULTS: &[Fault] = &[
    overcome("none", &[]),
    // Creates.
    unasked("create: 400", &["POST /v1/dreams#1 status 400"]),
    refused("create: 401", &["POST /v1/dreams#1 status 401"], 4),
    refused("create: 402", &["POST /v1/dreams#1 status 402"], 5),
    refused("create: 403", &["POST /v1/dreams#1 status 403"], 4),
    unasked("create: 404, no preview", &["POST /v1/dreams#1 status 404"]),
    refused("create: 409 settled", &["POST /v1/dreams#1 status 409 settled"], 5),
    unasked("create: 413", &["POST /v1/dreams#1 status 413"]),
    overcome("create: 429 retry-after", &["POST /v1/dreams#1 status 429 retry-after=1"]),
    overcome("create: 429", &["POST /v1/dreams#1 status 429"]),
    overcome("create: 500 before", &["POST /v1/dreams#1 status 500"]),
    overcome("create: 500 after", &["POST /v1/dreams#1 after status 500"]),
    overcome("create: 502 before", &["POST /v1/dreams#1 status 502"]),
    overcome("create: 503 after", &["POST /v1/dreams#1 after status 503"]),
    overcome("create: 529 before", &["POST /v1/dreams#1 status 529"]),
    overcome("create: 529 after", &["POST /v1/dreams#1 after status 529"]),
    overcome("create: 529 before, to be retried", &["POST /v1/dreams#1..2 status 529 should-retry"]),
    overcome("create: 529 after, to be retried", &["POST /v1/dreams#1..2 after status 529 should-retry"]),
    overcome("create: 409 after, to be retried", &["POST /v1/dreams#1..2 after status 409 should-retry"]),
    overcome("create: hang-up before", &["POST /v1/dreams#1 hang-up"]),
    overcome("create: hang-up after", &["POST /v1/dreams#1 after hang-up"]),
    overcome("create: never answers, before", &["POST /v1/dreams#1 hang"]),
    overcome("create: never answers, after", &["POST /v1/dreams#1 after hang"]),
    overcome("create: answers after the client left", &["POST /v1/dreams#1 after delay 3000"]),
    overcome("create: works after the client left", &["POST /v1/dreams#1 delay 2150"]),
    overcome("create: torn at 0", &["POST /v1/dreams#1 torn 0"]),
    overcome("create: torn at 40", &["POST /v1/dreams#1 torn 40"]),
    overcome("create: not JSON", &["POST /v1/dreams#1 after garbage"]),
    overcome(
        "create: lost, and the list is stale",
        &["POST /v1/dreams#1 after hang-up", "GET /v1/dreams#2..4 stale"],
    ),
    // Reads.
    overcome("store: 500 twice", &["GET /v1/memory_stores/*/memories#1..2 status 500"]),
    overcome("store: 429 retry-after", &["GET /v1/memory_stores/*/memories#1 status 429 retry-after=1"]),
    overcome("store: hang-up", &["GET /v1/memory_stores/*/memories%3 hang-up"]),
    overcome("store: torn", &["GET /v1/memory_stores/*/memories#1 torn 120"]),
    overcome("store: never answers", &["GET /v1/memory_stores/*/memories#1 hang"]),
    overcome("store: not JSON once", &["GET /v1/memory_stores/*/memories#1 garbage"]),
    fault(
        "store: 503 for good",
        &["GET /v1/memory_stores/** status 503"],
        ("error", 5, 0, 0),
        ("error", 5, 0, 0),
    ),
    fault(
        "store: a path that climbs",
        &["GET /v1/memory_stores/*/memories set /data/0/path=\"/../../etc/passwd\""],
        ("error", 5, 0, 0),
        ("error", 5, 0, 0),
    ),
    overcome(
        "unknown fields",
        &[
            "GET /v1/dreams/* set /new={\"a\":1} /usage/new=1",
            "GET /v1/memory_stores/*/memories set /new=1 /data/0/new=2",
        ],
    ),
    overcome(
        "dreams: one of another kind in the list",
        &[
            "GET /v1/dreams set /data=[{\"id\":\"drm_x\",\"status\":\"running\",\"inputs\":[{\"type\":\"vault\"}]}]",
        ],
    ),
    // Waiting.
    overcome("dream: 500 three times", &["GET /v1/dreams/*#1..3 status 500"]),
    overcome("dream: hang-up every other time", &["GET /v1/dreams/*%2 hang-up"]),
    overcome("dream: torn", &["GET /v1/dreams/*#1..2 torn 200"]),
    overcome("dream: an unknown status for a while", &["GET /v1/dreams/*#1..2 set /status=\"dozing\""]),
    overcome("stream: dies in a frame", &["GET /v1/sessions/*/events/stream sse-die 1"]),
    overcome("stream: every frame twice", &["GET /v1/sessions/*/events/stream sse-repeat"]),
    overcome("stream: goes silent", &["GET /v1/sessions/*/events/stream sse-hang 1"]),
    overcome("stream: slow", &["GET /v1/sessions/*/events/stream sse-slow 300"]),
    overcome("stream: 404", &["GET /v1/sessions/*/events/stream status 404"]),
    overcome("stream: not a stream", &["GET /v1/sessions/*/events/stream garbage"]),
    overcome("stream: never opens", &["GET /v1/sessions/*/events/stream hang"]),
    // Dreams that end badly.
    stopped("dream fails: timeout", &["dream#1 fails timeout"]),
    stopped("dream fails: internal_error", &["dream#1 fails internal_error"]),
    failed("dream fails: store cap", &["dream#1 fails memory_store_org_limit_exceeded"]),
    failed("dream fails: store too large", &["dream#1 fails input_memory_store_too_large"]),
    failed("dream fails: store unavailable", &["dream#1 fails input_memory_store_unavailable"]),
    failed("dream fails: session unavailable", &["dream#1 fails input_session_unavailable"]),
    stopped("dream fails: a newer error type", &["dream#1 fails bad_weather"]),
    failed("dream completes without output", &["dream#1 without-output"]),
    failed("dream completes, its store vanishes", &["dream#1 vanishes"]),
    while_running("dream canceled elsewhere", cancel, ("failed", 5, 1, 0), ("adopted", 0, 2, 1)),
    while_running("input session deleted", delete_session, ("failed", 5, 1, 0), ("adopted", 0, 2, 1)),
    while_running("input store deleted", delete_store, ("failed", 5, 1, 0), ("error", 5, 1, 0)),
];

fn cancel(world: &World) {
    world.ask("POST", &format!("/v1/dreams/{}/cancel", world.running()), None);
}

fn delete_session(world: &World) {
    world.running();
    world.ask("DELETE", &format!("/v1/sessions/{}", world.session()), None);
}

fn delete_store(world: &World) {
    world.running();
    world.ask("DELETE", &format!("/v1/memory_stores/{}", world.store()), None);
}

/// What became of a fault: a run, then dreams and adoptions so far; of the first `apply`, then of the second.
struct Met {
    first: (Ran, usize, u64),
    then: (Ran, usize, u64),
}

fn meet(fault: &Fault) -> Met {
    let running = Duration::from_millis(if fault.meanwhile.is_some() { 4_000 } else { 50 });
    let world = World::new(fault.rules, running, &[]);
    let seen = |ran: Ran| (ran, world.dreams().len(), world.adoptions());
    let first = thread::scope(|scope| {
        let others = fault.meanwhile.map(|act| {
            let world = &world;
            scope.spawn(move || act(world))
        });
        let ran = world.apply();
        if let Some(others) = others {
            others.join().unwrap();
        }
        ran
    });
    let first = seen(first);
    Met { first, then: seen(world.apply()) }
}

/// Meets some faults at a time, and returns what became of each, in order.
fn meet_all(faults: &[Fault]) -> Vec<Met> {
    let (met, next) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::SeqCst)
                    && let Some(fault) = faults.get(at)
                {
                    let this = meet(fault);
                    met.lock().unwrap().insert(at, this);
                }
            });
        }
    });
    met.into_inner().unwrap().into_values().collect()
}

#[test]
fn a_list_that_never_ends_is_left() {
    let rule = "GET /v1/memory_stores/*/memories loop-cursor";
    let many: Vec<_> = (0..230).map(|n| (format!("/n/{n:03}.md"), format!("- Note {n}.\n"))).collect();
    let world = World::new(&[rule], Duration::ZERO, &many);
    let ran = world.apply();
    assert_eq!((ran.code, world.dreams().len(), world.adoptions()), (5, 0, 0), "{}", ran.stderr);
}

#[test]
fn hostile_text_is_carried_and_never_obeyed() {
    let long = format!("# Long\n\n{}\n", "x".repeat(99_000));
    let hostile = [
        ("/escape.md", "# Screen\n\n- \u{1b}[2J\u{1b}]0;owned\u{7}Clear the screen.\n".to_owned()),
        ("/bidi.md", "# Turn\n\n- Pay \u{202e}001\u{202c} euros to \u{2066}mira\u{2069}.\n".to_owned()),
        ("/long.md", long),
        ("/job.md", "# Job\n\n::set-output name=x::y\n".to_owned()),
    ];
    let hostile: Vec<_> = hostile.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    let world = World::new(&[], Duration::from_millis(50), &hostile);
    let ran = world.apply();
    assert_eq!((ran.code, world.dreams().len(), world.adoptions()), (0, 1, 1), "{}", ran.stderr);
    for arguments in [&["show", "latest"] as &[_], &["diff"], &["status"], &["plan", "tidy"]] {
        let told = world.run(KEY, arguments);
        let text = told.stdout + &told.stderr;
        for bad in ['\u{1b}', '\u{7}', '\u{202e}', '\u{202c}', '\u{2066}', '\u{2069}'] {
            assert!(!text.contains(bad), "{arguments:?} passes on {bad:?}");
        }
    }
}

#[test]
fn without_a_good_key_nothing_is_done() {
    let world = World::new(&[], Duration::ZERO, &[]);
    for key in ["", "sk-ant-wrong-91b7"] {
        let ran = world.run(key, &["apply", "tidy", "--yes", "--json"]);
        assert_eq!((ran.code, world.dreams().len(), world.adoptions()), (4, 0, 0), "{}", ran.stderr);
        assert!(key.is_empty() || !(ran.stdout + &ran.stderr).contains(key));
    }
}

#[test]
fn every_fault_has_one_outcome_and_costs_what_was_planned() {
    let traces = Traces::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(traces.clone()).init();
    let mut table = format!(
        "{:42} {:24} {:>6} {:>9}   {:24} {:>6} {:>9}\n",
        "fault", "first apply", "dreams", "adoptions", "second apply", "dreams", "adoptions"
    );
    let mut wrong = String::new();
    for (fault, Met { first, then }) in FAULTS.iter().zip(meet_all(FAULTS)) {
        let told = |(ran, ..): &(Ran, usize, u64)| format!("{} ({})", ran.outcome, ran.code);
        table += &format!(
            "{:42} {:24} {:>6} {:>9}   {:24} {:>6} {:>9}\n",
            fault.name,
            told(&first),
            first.1,
            first.2,
            told(&then),
            then.1,
            then.2
        );
        let came = |(ran, dreams, adoptions): &(Ran, usize, u64)| {
            (ran.outcome.clone(), ran.code, *dreams, *adoptions)
        };
        let is = |got: &(Ran, usize, u64), wanted: Came| {
            came(got) == (wanted.0.to_owned(), wanted.1, wanted.2, wanted.3)
        };
        if !is(&first, fault.first) || !is(&then, fault.then) {
            wrong += &format!("# {}\n{}\n--\n{}\n", fault.name, first.0.stderr, then.0.stderr);
        }
        for text in [&first.0.stdout, &first.0.stderr, &then.0.stdout, &then.0.stderr] {
            assert!(!text.contains(KEY), "{} shows the key", fault.name);
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong}");
    let traced = traces.0.text();
    assert!(traced.contains("answered") && !traced.contains(KEY), "a trace shows the key");
}
