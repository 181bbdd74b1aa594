//! Evidence: what makes a changed value superseded, and what makes a missing statement dropped.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

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
