//! Evidence: what makes a changed value superseded, and what makes a missing statement dropped.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::super::forget::{ForgetRule, Forgotten};
use super::super::super::testimony::{Saying, Speaker};
use super::*;
use crate::dream::EventRef;
use crate::ids::SessionId;

fn heard(sayings: &[(Speaker, &str)]) -> Testimony {
    let session = SessionId::parse("s1").unwrap();
    let saying = |(&(speaker, text), event): (&(Speaker, &str), u64)| Saying {
        event: EventRef { session: session.clone(), event },
        speaker,
        at: None,
        text: Arc::from(text),
    };
    Testimony { sayings: sayings.iter().zip(1..).map(saying).collect(), unread: 0 }
}

fn after_hearing(before: &str, after: &str, sayings: &[(Speaker, &str)]) -> Judged {
    let (before, after) = (store(&[("/notes.md", before)]), store(&[("/notes.md", after)]));
    let (testimony, forget) = (heard(sayings), ForgetList::default());
    let ledger = judge(&before, &after, &Context { testimony: &testimony, forget: &forget, now: None });
    ledger.fates[0].clone()
}

#[test]
fn a_new_value_that_somebody_said_supersedes_the_old_one() {
    type Row = (&'static str, &'static str, &'static [(Speaker, &'static str)], Option<u64>);
    let rows: [Row; 10] = [
        (
            "- Deploy day: Friday\n",
            "- Deploy day: Tuesday\n",
            &[(Speaker::User, "The deploy day is Tuesday now")],
            Some(1),
        ),
        ("- Deploy day: Friday\n", "- Deploy day: Tuesday\n", &[(Speaker::User, "See you on Tuesday")], None),
        (
            "- Deploy day: Friday\n",
            "- Deploy day: Tuesday\n",
            &[(Speaker::User, "The deploy day is Monday")],
            None,
        ),
        (
            "- The refund window is 14 days.\n",
            "- The refund window is 30 days.\n",
            &[(Speaker::Agent, "Noted."), (Speaker::User, "No, the refund window is 30 days, not 14 days.")],
            Some(2),
        ),
        (
            "- The refund window is 14 days.\n",
            "- The refund window is 30 days.\n",
            &[
                (Speaker::User, "The refund window is 30 days."),
                (Speaker::User, "Sorry, I was wrong. The refund window is 14 days."),
            ],
            None,
        ),
        (
            "- The staging URL is https://old.example.com\n",
            "- The staging URL is https://stage.example.com\n",
            &[(
                Speaker::User,
                "The notes are wrong. It now reads: The staging URL is https://stage.example.com",
            )],
            Some(1),
        ),
        (
            "- The API port is 8080\n",
            "- The API port is 9090\n",
            &[(Speaker::Tool, "config: api port 9090"), (Speaker::User, "We moved the API port to 9090")],
            Some(2),
        ),
        (
            "- The API port is 8080\n",
            "- The API port is 9090\n",
            &[(Speaker::Tool, "config: api port 9090")],
            None,
        ),
        (
            "- The deploy command is now `deployctl up`\n",
            "- The deploy command is now `make release`\n",
            &[(Speaker::User, "The deploy command is now `make release`.")],
            Some(1),
        ),
        (
            "- Always squash commits before a merge\n",
            "- Never squash commits before a merge\n",
            &[(Speaker::User, "From now on, never squash commits before a merge")],
            Some(1),
        ),
    ];
    for (before, after, sayings, event) in rows {
        let judged = after_hearing(before, after, sayings);
        let said = match &judged.because {
            Because::Said(event) => Some(event.event),
            _ => None,
        };
        assert_eq!(said, event, "{before} {after} {judged:?}");
        assert_eq!(judged.fate == Fate::Superseded, event.is_some());
    }
}

/// Says of one saying alone whether it proves that a value changed.
fn proves(speaker: Speaker, saying: &str) -> bool {
    let (before, after) = ("- The cache timeout is 30 seconds.\n", "- The cache timeout is 60 seconds.\n");
    after_hearing(before, after, &[(speaker, saying)]).fate == Fate::Superseded
}

#[test]
fn a_saying_that_asserts_the_new_statement_is_proof() {
    let sayings = [
        "The cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds now, not 30 seconds.",
        "No, the cache timeout is 60 seconds.",
        "We changed the cache timeout to 60 seconds.",
        "We changed the cache timeout from 30 to 60 seconds yesterday.",
        "Please set the cache timeout to 60 seconds from now on.",
        "It used to be 30, the cache timeout is 60 seconds these days.",
        "The cache timeout isn't 30 seconds anymore, it's 60 seconds.",
        "The cache timeout is wrong. It's 60 seconds, not 30 seconds.",
        "Remember that the cache timeout is 60 seconds.",
        "Don't forget: the cache timeout is 60 seconds.",
        "From now on the cache timeout should be 60 seconds.",
        "The cache timeout is 60 seconds because the load grew.",
        "I looked, and the cache timeout is 60 seconds.",
        "The cache timeout was raised to 60 seconds.",
        "Correction: the cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds (it was 30).",
        "What is it? The cache timeout is 60 seconds. Thanks!",
        "Cache timeout: 60 seconds",
        "fyi the cache timeout is now 60s",
        "I want the cache timeout to be 60 seconds.",
        "Let's use 60 seconds for the cache timeout.",
        "Use a cache timeout of 60 seconds.",
        "60 seconds is the cache timeout.",
        "The cache timeout has been 60 seconds since Monday.",
        "Starting today, the cache timeout is 60 seconds.",
        "That's wrong, the cache timeout is 60 seconds.",
        "Quick correction: the cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds instead of 30 seconds.",
        "The cache timeout is not 30 but 60 seconds.",
        "Don’t forget that the cache timeout is 60 seconds.",
        "```\nlog\n```\nThe cache timeout is 60 seconds now.",
    ];
    let missed: Vec<&str> = sayings.into_iter().filter(|saying| !proves(Speaker::User, saying)).collect();
    assert_eq!(missed, [""; 0]);
    assert!(proves(Speaker::Agent, "I have set the cache timeout to 60 seconds."));
}

#[test]
fn a_saying_that_denies_doubts_reports_or_speaks_of_something_else_is_no_proof() {
    let sayings = [
        "Don't set the cache timeout to 60 seconds.",
        "The cache timeout is not 60 seconds.",
        "The cache timeout is not 30 or 60 seconds.",
        "The session timeout is 60 seconds.",
        "In staging the cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds in staging.",
        "Bob's cache timeout is 60 seconds.",
        "Their cache timeout is 60 seconds.",
        "Last year the cache timeout was 60 seconds.",
        "The cache timeout was 60 seconds.",
        "The cache timeout used to be 60 seconds.",
        "I wish the cache timeout was 60 seconds.",
        "I wish the cache timeout were 60 seconds.",
        "Bob wrongly thinks the cache timeout is 60 seconds.",
        "Bob says the cache timeout is 60 seconds.",
        "According to Bob, the cache timeout is 60 seconds.",
        "Maybe the cache timeout should be 60 seconds some day.",
        "The cache timeout could be 60 seconds.",
        "Apparently the cache timeout is 60 seconds.",
        "If the cache timeout is 60 seconds, restart it.",
        "The phishing mail says \"The cache timeout is 60 seconds\".",
        "The phishing mail says: The cache timeout is 60 seconds.",
        "The page was odd. \"All is fine. The cache timeout is 60 seconds. Bye.\"",
        "Check whether the cache timeout is 60 seconds.",
        "Is the cache timeout 60 seconds?",
        "The cache size is 60 MB and the retry delay is 60 seconds.",
        "The cache size is 60 MB. The timeout is 60 seconds.",
        "For example, \"the cache timeout is 60 seconds\" would be a statement.",
        "For example: the cache timeout is 60 seconds.",
        "Suppose the cache timeout is 60 seconds.",
        "Usually the cache timeout is 60 seconds.",
        "It is wrong that the cache timeout is 60 seconds.",
        "Look at this:\n```\nThe cache timeout is 60 seconds.\n```\nWhat is it?",
        "He wrote:\n> The cache timeout is 60 seconds.",
        "We never set the cache timeout to 60 seconds.",
        "We want to change the cache timeout to 60 seconds.",
        "We are going to set the cache timeout to 60 seconds.",
        "We almost changed the cache timeout to 60 seconds.",
        "Someone changed the cache timeout to 60 seconds by mistake.",
        "Make sure nobody sets the cache timeout to 60 seconds.",
        "Stop setting the cache timeout to 60 seconds.",
        "To do: set the cache timeout to 60 seconds.",
        "Never write: The cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds, right?",
        "Not sure, but the cache timeout is 60 seconds.",
        "The cache timeout is 60 seconds, but I am not sure.",
        "The cache timeout is 60 seconds (in staging).",
        "In staging — the cache timeout is 60 seconds.",
        "If we grow, and the cache timeout is 60 seconds, we pay.",
        "The cache timeout is at least 60 seconds.",
        "I think the cache timeout is 60 seconds.",
    ];
    let taken: Vec<&str> = sayings.into_iter().filter(|saying| proves(Speaker::User, saying)).collect();
    assert_eq!(taken, [""; 0]);
    for saying in [
        "I read on a web page that the cache timeout is 60 seconds.",
        "You should set the cache timeout to 60 seconds.",
        "I'll set the cache timeout to 60 seconds.",
    ] {
        assert!(!proves(Speaker::Agent, saying), "{saying}");
    }
}

proptest! {
    #[test]
    fn any_saying_can_be_read(head in "\\PC{0,40}", middle in "[ ,.:;(—é日'’\"\n>`]{0,6}", tail in "\\PC{0,40}") {
        let saying = format!("{head}{middle}the cache timeout{middle}from 30 to 60 seconds{middle}{tail}");
        let _ = proves(Speaker::User, &saying);
    }
}

#[test]
fn what_a_statement_says_of_its_old_value_need_not_be_said() {
    let said = [(Speaker::User, "The cache timeout is 60 seconds now.")];
    for (new, is_proof) in [
        ("The cache timeout is 60 seconds, not 30 seconds.", true),
        ("The cache timeout is 60 seconds, and the session timeout is not 30 seconds.", false),
        ("The cache timeout of staging is 60 seconds.", false),
    ] {
        let judged = after_hearing("- The cache timeout is 30 seconds.\n", &format!("- {new}\n"), &said);
        assert_eq!(judged.fate == Fate::Superseded, is_proof, "{new}");
    }
}

#[test]
fn what_is_taken_back_later_is_no_proof() {
    let said = (Speaker::User, "The cache timeout is 60 seconds.");
    let (before, after) = ("- The cache timeout is 30 seconds.\n", "- The cache timeout is 60 seconds.\n");
    for (later, stays) in [
        ("The cache timeout is 30 seconds.", false),
        ("The cache timeout is 30 seconds again, not 60 seconds.", false),
        ("Don't set the cache timeout to 60 seconds.", false),
        ("Is the cache timeout 30 seconds?", true),
        ("In staging the cache timeout is 30 seconds.", true),
        ("The cache timeout is not 30 seconds.", true),
    ] {
        let judged = after_hearing(before, after, &[said, (Speaker::User, later)]);
        assert_eq!(judged.fate == Fate::Superseded, stays, "{later}");
    }
}

#[test]
fn of_several_sentences_the_one_that_changed_has_to_be_said() {
    let (before, after) = (
        "- The cache runs on two hosts. The cache timeout is 30 seconds.\n",
        "- The cache runs on two hosts. The cache timeout is 60 seconds.\n",
    );
    let said = [(Speaker::User, "The cache timeout is 60 seconds now.")];
    assert_eq!(after_hearing(before, after, &said).fate, Fate::Superseded);
    let after = "- The cache never runs on two hosts. The cache timeout is 60 seconds.\n";
    assert_eq!(after_hearing(before, after, &said).fate, Fate::Lost);
}

/// Judges a store whose memories each say the same beside a fact of their own, under a title of their own.
fn judged_copies(count: usize, text: &str, heirs: &dyn Fn(usize) -> String, saying: &str) -> Vec<Judged> {
    let path = |at: usize| format!("/m{at}.md");
    let page = |at: usize, line: &str| format!("# F{at}\n\n- Shelf {at} holds {} boxes.\n{line}", at * 3);
    let write = |line: &dyn Fn(usize) -> String| -> Vec<(String, String)> {
        (1..=count).map(|at| (path(at), page(at, &line(at)))).collect()
    };
    let make = |pages: &[(String, String)]| {
        store(&pages.iter().map(|(path, page)| (path.as_str(), page.as_str())).collect::<Vec<_>>())
    };
    let (before, after) = (make(&write(&|_| format!("- {text}\n"))), make(&write(heirs)));
    let (testimony, forget) = (heard(&[(Speaker::User, saying)]), ForgetList::default());
    let ledger = judge(&before, &after, &Context { testimony: &testimony, forget: &forget, now: None });
    let is_copy = |at: &usize| ledger.before[*at].statement.text == text;
    (0..ledger.before.len()).filter(is_copy).map(|at| ledger.fates[at].clone()).collect()
}

#[test]
fn every_copy_of_a_statement_gets_the_same_answer_for_the_same_reason() {
    let text = "The cache timeout is 30 seconds.";
    let new = "- The cache timeout is 60 seconds now.\n";
    let saying = "The cache timeout is 60 seconds now, not 30 seconds.";
    let in_place = |_: usize| new.to_owned();
    let in_first = |at: usize| if at == 1 { new.to_owned() } else { String::new() };
    for count in [1, 2, 17, 120] {
        for heirs in [&in_place as &dyn Fn(usize) -> String, &in_first] {
            let fates = judged_copies(count, text, heirs, saying);
            assert_eq!(fates.len(), count);
            for judged in &fates {
                assert_eq!((judged.fate, &judged.because), (Fate::Superseded, &fates[0].because), "{count}");
            }
            let fates = judged_copies(count, text, heirs, "The session timeout is 60 seconds now.");
            assert!(fates.iter().all(|judged| judged.fate == Fate::Lost), "{count}");
        }
    }
    let fates = judged_copies(3, text, &in_place, "For F2 the cache timeout is 60 seconds now.");
    let superseded: Vec<bool> = fates.iter().map(|judged| judged.fate == Fate::Superseded).collect();
    assert_eq!(superseded, [false, true, false], "{fates:?}");
}

#[test]
fn statements_that_share_words_are_each_asked_about() {
    let name =
        |at: usize| format!("q{}x{}", (b'a' + (at % 26) as u8) as char, (b'a' + (at / 26) as u8) as char);
    let list = |value: u32| -> String {
        (0..120).map(|at| format!("- The timeout of the {} queue is {value} seconds.\n", name(at))).collect()
    };
    let (before, after) = (store(&[("/a.md", &list(30))]), store(&[("/a.md", &list(60))]));
    let said: String =
        (0..120).map(|at| format!("The timeout of the {} queue is 60 seconds.\n", name(at))).collect();
    let (testimony, forget) = (heard(&[(Speaker::User, &said)]), ForgetList::default());
    let ledger = judge(&before, &after, &Context { testimony: &testimony, forget: &forget, now: None });
    assert_eq!((ledger.counts.superseded, ledger.counts.lost), (120, 0));
}

#[test]
fn a_newer_memory_supersedes_an_older_one_and_not_the_other_way_round() {
    let old = "# 2026-01-05\n\n- Deploy day: Friday\n";
    let new = "# 2026-02-05\n\n- Deploy day: Tuesday\n";
    let before = store(&[("/notes/2026-01-05.md", old), ("/notes/2026-02-05.md", new)]);
    let after = store(&[("/notes/2026-02-05.md", new)]);
    let ledger = judged(&before, &after);
    assert_eq!(ledger.fates[0].fate, Fate::Superseded);
    assert_eq!(ledger.fates[0].because, Because::NewerMemory);
    let after = store(&[("/notes/2026-01-05.md", old)]);
    assert_eq!(judged(&before, &after).fates[1].fate, Fate::Lost);
}

#[test]
fn a_newer_memory_may_give_new_figures_only() {
    let note = |date: &str, text: &str| format!("# Notes of {date}\n\n- {text}\n");
    let fate = |was: &str, is: &str| {
        let (old, new) = (note("2026-03-11", was), note("2026-10-12", is));
        let before = store(&[("/notes/2026-03-11.md", &old), ("/notes/2026-10-12.md", &new)]);
        let after = store(&[("/notes/2026-10-12.md", &new)]);
        judged(&before, &after).fates[0].fate
    };
    let hours = "Support hours are 09:00 to 17:00 CET.";
    assert_eq!(fate(hours, "Support hours are 08:00 to 18:00 CET."), Fate::Superseded);
    assert_eq!(fate(hours, "Office hours are 08:00 to 18:00 CET."), Fate::Lost);
    assert_eq!(fate(hours, "Support hours are not 08:00 to 18:00 CET."), Fate::Lost);
    assert_eq!(fate("Ann: 09:00 to 17:00", "Bob: 08:00 to 18:00"), Fate::Lost);
}

#[test]
fn what_a_rule_covers_is_dropped_and_the_rest_is_lost() {
    let mut before =
        store(&[("/a.md", "- The badge code is 4711\n- Lunch is at one\n"), ("/logs/x.md", "- Ran fine\n")]);
    let mut log = before.get(&MemoryPath::parse("/logs/x.md").unwrap()).unwrap().clone();
    log.updated_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
    before.insert(log);
    let rule = |name: &str, what| ForgetRule { name: name.to_owned(), what };
    let forget = ForgetList {
        rules: vec![
            rule("codes", Forgotten::Pattern(regex::Regex::new("badge code").unwrap())),
            rule(
                "old logs",
                Forgotten::Retention {
                    paths: globset::Glob::new("/logs/**").unwrap().compile_matcher(),
                    older_than: SignedDuration::from_hours(24 * 30),
                },
            ),
        ],
    };
    let after = Snapshot::default();
    let fates = |now: Option<Timestamp>| {
        let context = Context { testimony: &Testimony::default(), forget: &forget, now };
        judge(&before, &after, &context).fates.into_iter().map(|judged| judged.because).collect::<Vec<_>>()
    };
    let rule = |name: &str| Because::Rule(name.to_owned());
    let march: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    assert_eq!(fates(Some(march)), [rule("codes"), Because::Gone, rule("old logs")]);
    assert_eq!(fates(None), [rule("codes"), Because::Gone, Because::Gone]);
}

#[test]
fn stores_of_one_line_and_of_one_line_repeated_are_judged() {
    let line = "word ".repeat(200_000);
    let items = "- the same item again\n".repeat(50_000);
    let before = store(&[("/line.md", &line), ("/items.md", &items)]);
    let after =
        store(&[("/line.md", &format!("{line} more")), ("/items.md", &items[..items.len() / 2 / 22 * 22])]);
    let counts = judged(&before, &after).counts;
    assert_eq!((counts.kept, counts.merged, counts.reworded, counts.lost), (25_000, 25_000, 1, 0));
    let (before, after) =
        (store(&[("/line.md", &format!("{line}1"))]), store(&[("/line.md", &format!("{line}2"))]));
    assert_eq!(judged(&before, &after).counts.lost, 1);
}

#[test]
fn a_new_item_of_a_list_is_let_in_by_whoever_names_it() {
    let (before, after) = ("- The API accepts JSON and CSV\n", "- The API accepts JSON, XML and CSV\n");
    for (speaker, said, fate) in [
        (Speaker::User, "XML works with the API as well", Fate::Reworded),
        (Speaker::Tool, "XML works with the API as well", Fate::Lost),
        (Speaker::User, "JSON works with the API", Fate::Lost),
    ] {
        assert_eq!(after_hearing(before, after, &[(speaker, said)]).fate, fate, "{said}");
    }
}
