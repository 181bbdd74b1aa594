//! The screen of a run in each state: that it fits, and what it says.

use super::*;
use crate::dream::DreamStatus;
use crate::gate::verdict::{Finding, Verdict};
use crate::journal::event::JournalEvent;
use crate::journal::testing::*;
use crate::ledger::FateCounts;
use crate::spec::pipeline::default_gates;

fn to_the_end() -> Vec<JournalEvent> {
    vec![
        run_planned(1),
        JournalEvent::Claimed,
        base_recorded(),
        requested(1, 1),
        created(1, "one"),
        completed(1, "one"),
        candidate("out-one", "candidate"),
    ]
}

/// Tells of a run that began with some events.
fn told(events: &[JournalEvent], screen: &Screen) -> String {
    let state = moved_by(events).unwrap();
    let text = run_text(&RunView::of(&run(), &state), &state, screen);
    if !screen.is_whole {
        assert!(text.lines().count() <= HEIGHT, "{} lines:\n{text}", text.lines().count());
        let wide = text.lines().find(|line| line.chars().count() > WIDTH);
        assert_eq!(wide, None, "{text}");
    }
    text
}

/// Tells of a run whose gates answered this, and which is blocked by all that block.
fn judged_so(verdicts: Vec<Verdict>, lost: u64, screen: &Screen) -> String {
    let gate = |verdict: &Verdict| Reason::Gate { gate: verdict.gate.clone(), outcome: verdict.outcome };
    let because: Vec<Reason> = verdicts.iter().filter(|v| v.outcome >= Outcome::Review).map(gate).collect();
    let is_blocked = verdicts.iter().any(|verdict| verdict.outcome >= Outcome::Block);
    let mut events = to_the_end();
    events.push(JournalEvent::Judged {
        live: hash("live"),
        candidate: hash("candidate"),
        verdicts,
        fates: Some(FateCounts { lost, ..FateCounts::default() }),
    });
    events.push(match is_blocked {
        true => JournalEvent::AdoptionBlocked { because },
        false => JournalEvent::ReviewAsked { because },
    });
    told(&events, screen)
}

fn places(count: usize, note: &'static str) -> Vec<Finding> {
    let path = |i: usize| MemoryPath::parse(&format!("/notes/page-{i:03}.md")).unwrap();
    (0..count).map(|i| Finding::of_line(&path(i), i + 1, note)).collect()
}

#[test]
fn a_run_with_two_hundred_findings_says_the_first_and_where_the_limit_is_set() {
    let lost = Verdict::new(
        "lost",
        Outcome::Block,
        "200 of 900 statements lost (22.3%)",
        "review above 2%, block above 20%; over 30 days: review above 5%, block above 20%",
        places(200, "not in the candidate"),
    );
    let size = Verdict::new("bytes", Outcome::Review, "900 to 300 bytes", "shrink: review above 60%", []);
    let set_at = Some(BTreeMap::from([("lost".to_owned(), "pipelines/nightly.yaml:12".to_owned())]));
    let screen = Screen { set_at, ..Screen::default() };
    insta::assert_snapshot!(judged_so(vec![size.clone(), lost.clone()], 200, &screen));
    let whole = judged_so(vec![size, lost], 200, &Screen { is_whole: true, ..screen });
    assert!(whole.contains("/notes/page-199.md:200: not in the candidate"), "{whole}");
}

#[test]
fn every_gate_at_once_stays_on_one_screen() {
    let long = "a limit of many words, ".repeat(9);
    let findings =
        || places(250, "what is wrong here takes quite a few words to say, more than fit beside it");
    for outcome in [Outcome::Review, Outcome::Block, Outcome::Undecided] {
        for gates in 1..=17 {
            let verdicts = (0..gates).map(|i| {
                Verdict::new(&format!("a_gate_{i:02}"), outcome, long.clone(), long.clone(), findings())
            });
            let text = judged_so(verdicts.collect(), 9, &Screen::default());
            assert!(text.contains("dreamrun reject nightly-1") && text.contains("a_gate_00 "), "{text}");
            assert!(text.contains(" -v"), "what is left out is where: {text}");
        }
    }
}

#[test]
fn a_path_that_is_too_long_keeps_its_end() {
    let path = MemoryPath::parse(&format!("/{}/last.md", "folder".repeat(30))).unwrap();
    let findings = [Finding::of_line(&path, 7, "not in the candidate")];
    let verdict = Verdict::new("lost", Outcome::Block, "1 of 9", "block at 1", findings);
    let text = judged_so(vec![verdict], 1, &Screen::default());
    assert!(text.contains("folder/last.md:7: not in the candidate"), "{text}");
}

#[test]
fn a_run_that_awaits_review_by_its_mode_says_so() {
    let events = [&to_the_end()[..], &[judged(), review_asked()]].concat();
    insta::assert_snapshot!(told(&events, &Screen::default()), @r"
    nightly-1 awaiting review
      the pipeline asks for review every time

      store     support, 2 → 2 memories, 8 B → 6 B
      dreams    1 dream over 2 sessions, offline, $0.10
      merged    2 duplicates

      dreamrun diff nightly-1                      look at it
      dreamrun diff nightly-1 --review             keep, drop or restore statements
      dreamrun approve nightly-1                   adopt it
      dreamrun reject nightly-1 --reason …         drop it
    ");
}

#[test]
fn a_run_that_changed_nothing_says_what_that_means() {
    let events = [&to_the_end()[..], &[judged(), JournalEvent::Unchanged]].concat();
    insta::assert_snapshot!(told(&events, &Screen::default()), @r"
    nightly-1 unchanged
      the dream left nothing to adopt; its sessions count as read

      store     support, 2 → 2 memories, 8 B → 6 B
      dreams    1 dream over 2 sessions, offline, $0.10
      merged    2 duplicates
    ");
}

#[test]
fn a_run_over_budget_says_what_it_takes() {
    let mut events = vec![run_planned(2)];
    events.extend(to_the_end().drain(1..6));
    events.push(budget_reached(2));
    let mut state = moved_by(&events).unwrap();
    state.budget = Some(Usd::from_micros(120_000));
    let set_at = Some(BTreeMap::from([("budget".to_owned(), "pipelines/nightly.yaml:9".to_owned())]));
    let text = run_text(&RunView::of(&run(), &state), &state, &Screen { set_at, ..Screen::default() });
    insta::assert_snapshot!(text, @r"
    nightly-1 over budget
      $0.10 spent, dream 2 may cost $0.05 more; the budget is $0.12
      (pipelines/nightly.yaml:9)

      store     support, 2 memories (8 B)
      dreams    1 of 2 dreams over 2 sessions, offline, $0.10
      merged    2 duplicates

      dreamrun apply nightly                       go on, once `max_usd` is $0.15
      dreamrun cancel nightly-1                    give up
    ");
    assert_eq!(whole_cents(Usd::from_micros(120_001)), Usd::from_micros(130_000));
}

#[test]
fn a_dream_in_doubt_is_looked_for() {
    insta::assert_snapshot!(told(&to_the_end()[..4], &Screen::default()), @r"
    nightly-1 requested
      dream 1 was asked for and has not been confirmed

      store     support, 2 memories (8 B)
      dreams    0 of 1 dream over 2 sessions, offline, $0

      dreamrun apply nightly                       look for it, never ask twice
      dreamrun cancel nightly-1                    give up
    ");
}

#[test]
fn a_dream_that_failed_says_how() {
    let failed = ended(1, "one", DreamStatus::Failed, Some("timeout"));
    let events = [&to_the_end()[..5], &[failed]].concat();
    insta::assert_snapshot!(told(&events, &Screen::default()), @r"
    nightly-1 dream failed
      try 1 at dream 1 failed: it ended (timeout)

      store     support, 2 memories (8 B)
      dreams    1 dream over 2 sessions, offline, $0.10

      dreamrun apply nightly                      try again, keeping finished dreams
      dreamrun cancel nightly-1                    give up
    ");
}

#[test]
fn a_command_that_is_too_long_goes_on_in_the_next_line() {
    let gates: String = default_gates().iter().map(|gate| format!(" --override {}", gate.name())).collect();
    let text =
        next_line(&format!("dreamrun approve nightly-1{gates} --reason …"), "adopt it", Paint::default());
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    let pasted = text.replace("\\\n", " ");
    let pasted: Vec<&str> = pasted.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(pasted.join(" "), format!("dreamrun approve nightly-1{gates} --reason …"));
}
