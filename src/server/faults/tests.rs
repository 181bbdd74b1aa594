//! Rules are read as written, and take their turns.

use super::*;

fn faults(rules: &[&str]) -> Faults {
    Faults::parse(rules, Latency::default()).unwrap()
}

fn acts(faults: &Faults, method: &str, path: &str) -> Option<What> {
    faults.next(&method.parse().unwrap(), path).map(|rule| rule.what.clone())
}

fn refused(rule: &str) -> String {
    Faults::parse(&[rule], Latency::default()).unwrap_err().to_string()
}

#[test]
fn a_rule_names_calls_by_method_and_path() {
    let one = faults(&["POST /v1/dreams/*/cancel hang-up"]);
    assert_eq!(acts(&one, "POST", "/v1/dreams/drm_1/cancel"), Some(What::HangUp));
    assert_eq!(acts(&one, "GET", "/v1/dreams/drm_1/cancel"), None);
    assert_eq!(acts(&one, "POST", "/v1/dreams/drm_1/archive"), None);
    assert_eq!(acts(&one, "POST", "/v1/dreams/drm_1/cancel/x"), None);
    let rest = faults(&["* /v1/memory_stores/** status 503"]);
    for path in ["/v1/memory_stores", "/v1/memory_stores/a", "/v1/memory_stores/a/memories/b"] {
        assert!(acts(&rest, "DELETE", path).is_some(), "{path}");
    }
    assert_eq!(acts(&rest, "GET", "/v1/dreams"), None);
}

#[test]
fn a_rule_acts_when_it_is_its_turn() {
    let turns = |turns: &str| -> Vec<usize> {
        let faults = faults(&[&format!("GET /x{turns} hang-up")]);
        (1..=7).filter(|_| acts(&faults, "GET", "/x").is_some()).collect()
    };
    assert_eq!(turns(""), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(turns("#2"), [2]);
    assert_eq!(turns("#1..3"), [1, 2, 3]);
    assert_eq!(turns("#6.."), [6, 7]);
    assert_eq!(turns("%3"), [3, 6]);
}

#[test]
fn every_rule_counts_and_the_first_whose_turn_it_is_acts() {
    let faults = faults(&["GET /a/b pass", "GET /a/*#2 hang", "GET /a/* hang-up"]);
    assert_eq!(acts(&faults, "GET", "/a/b"), Some(What::Pass));
    assert_eq!(acts(&faults, "GET", "/a/c"), Some(What::Hang));
    assert_eq!(acts(&faults, "GET", "/a/c"), Some(What::HangUp));
}

#[test]
fn a_rule_says_what_goes_wrong_and_when() {
    let read = |text: &str| {
        let faults = faults(&[text]);
        (faults.rules[0].when, faults.rules[0].what.clone())
    };
    let status = |status: u16, kind: &str, retry_after, should_retry| What::Status {
        status: StatusCode::from_u16(status).unwrap(),
        kind: kind.to_owned(),
        retry_after,
        should_retry,
    };
    let (before, after) = (When::Before, When::After);
    assert_eq!(
        read("POST /v1/dreams status 429 retry-after=2"),
        (before, status(429, "rate_limit_error", Some(2), None))
    );
    assert_eq!(
        read("* /** after status 409 settled"),
        (after, status(409, "conflict_error", None, Some(false)))
    );
    assert_eq!(
        read("* /** status 529 should-retry"),
        (before, status(529, "overloaded_error", None, Some(true)))
    );
    assert_eq!(read("* /** status 400 billing_error"), (before, status(400, "billing_error", None, None)));
    assert_eq!(read("* /** after hang-up"), (after, What::HangUp));
    assert_eq!(read("* /** torn 12"), (after, What::Torn(12)));
    assert_eq!(read("* /** delay 250"), (before, What::Delay(Duration::from_millis(250))));
    let fields =
        vec![("/status".to_owned(), Value::from("a=b")), ("/data/0/x".to_owned(), serde_json::json!([1]))];
    assert_eq!(read("* /** set /status=\"a=b\" /data/0/x=[1]"), (after, What::Set(fields)));
}

#[test]
fn dreams_go_wrong_by_their_number() {
    let faults = faults(&["dream#2 fails timeout", "dream%4 vanishes", "dream#3..4 without-output"]);
    let choose = faults.of_dreams().unwrap();
    let chosen: Vec<_> = (1..=4).map(choose).collect();
    let timeout = DreamFault::Fail("timeout".to_owned());
    assert_eq!(chosen, [None, Some(timeout), Some(DreamFault::NoOutput), Some(DreamFault::Vanish)]);
}

#[test]
fn a_rule_that_is_not_understood_says_what_is_allowed() {
    let told: Vec<String> = [
        "",
        "PATCH /x hang",
        "GET",
        "GET x hang",
        "GET /x#0 hang",
        "GET /x#3..1 hang",
        "GET /x%",
        "GET /a*/b hang",
        "GET /x",
        "GET /x explode",
        "GET /x hang 3",
        "GET /x torn",
        "GET /x torn all",
        "GET /x before torn 3",
        "GET /x status 200",
        "GET /x status 500 soon",
        "GET /x status 429 retry-after=soon",
        "GET /x set",
        "GET /x set /a",
        "GET /x set /a=b",
        "GET /x set a=1",
        "dream fails",
        "dreams fails timeout",
    ]
    .iter()
    .map(|rule| refused(rule))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn latency_is_a_time_or_a_range() {
    let latency = |text: &str| text.parse::<Latency>();
    let delays = |text: &str| {
        let faults = Faults::parse::<&str>(&[], latency(text).unwrap()).unwrap();
        (0..200).map(|_| faults.next_delay().as_millis()).collect::<Vec<_>>()
    };
    assert!(delays("20").iter().all(|delay| *delay == 20));
    let spread = delays("10..50");
    assert!(spread.iter().all(|delay| (10..=50).contains(delay)));
    assert!(spread.iter().any(|delay| *delay < 15) && spread.iter().any(|delay| *delay > 45));
    assert_eq!(spread, delays("10..50"));
    for wrong in ["", "x", "5..1", "-1", "1..x"] {
        assert!(latency(wrong).is_err(), "{wrong}");
    }
}
