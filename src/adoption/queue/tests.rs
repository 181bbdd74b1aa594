//! Laws of the review queue.

use proptest::prelude::*;

use super::*;
use crate::ledger::Context;
use crate::ledger::forget::ForgetList;
use crate::ledger::testimony::Testimony;
use crate::memory::Memory;

fn store(entries: &[(&str, &str)]) -> Snapshot {
    entries.iter().map(|&(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text)).collect()
}

fn judged<T>(before: &Snapshot, after: &Snapshot, act: impl FnOnce(&Ledger<'_>) -> T) -> T {
    let (testimony, forget) = (Testimony::default(), ForgetList::default());
    act(&Ledger::of(before, after, &Context { testimony: &testimony, forget: &forget, now: None }))
}

/// Makes one choice about everything in the queue that is wanted and can be chosen.
fn edited(before: &Snapshot, after: &Snapshot, choice: Choice, wanted: impl Fn(Kind) -> bool) -> Snapshot {
    judged(before, after, |ledger| {
        let queue = queue(ledger, &[]);
        let decisions = (0..queue.len())
            .filter(|&at| wanted(queue[at].kind) && choices(&queue[at], ledger).contains(&choice))
            .map(|at| (at, choice))
            .collect();
        made(before, after, &edits(&queue, ledger, after, &decisions))
    })
}

fn made(before: &Snapshot, after: &Snapshot, edits: &Edits) -> Snapshot {
    let entries = edits.entries(before, after).unwrap();
    let made = edits.made_in(&entries, before, after).unwrap();
    // What was made is not made twice, and each memory is what was said of it.
    assert_eq!(edits.made_in(&entries, before, &made).unwrap().hash(), made.hash());
    for entry in &entries {
        assert_eq!(made.get(&entry.path).map(|memory| memory.hash), entry.to, "{}", entry.path);
    }
    made
}

fn text(store: &Snapshot, path: &str) -> String {
    store.get(&MemoryPath::parse(path).unwrap()).map_or_else(String::new, |memory| memory.content.to_string())
}

#[test]
fn the_worst_comes_first_and_what_was_kept_does_not_come() {
    let before = store(&[(
        "/a",
        "- The port of the web server is 8080.\n- Kept.\n- Mira owns the release checklist.\n",
    )]);
    let after = store(&[
        ("/a", "- The port of the web server is 9090.\n- Kept.\n"),
        ("/z", "- Something else entirely.\n"),
    ]);
    let kinds: Vec<Kind> =
        judged(&before, &after, |ledger| queue(ledger, &[]).iter().map(|item| item.kind).collect());
    assert_eq!(kinds.first(), Some(&Kind::Lost));
    assert_eq!(kinds.iter().filter(|&&kind| kind == Kind::New).count(), 1, "{kinds:?}");
    assert!(kinds.is_sorted());
}

#[test]
fn a_statement_that_was_altered_comes_back_in_place_of_the_altered_one() {
    let before = store(&[("/a", "# Ports\n\n- The port of the web server is 8080.\n- Kept as it is.\n")]);
    let after = store(&[("/a", "# Ports\n\n- The port of the web server is 9090.\n- Kept as it is.\n")]);
    let back = edited(&before, &after, Choice::Restore, |kind| kind == Kind::Lost);
    assert_eq!(text(&back, "/a"), text(&before, "/a"));
}

#[test]
fn an_item_of_two_lines_comes_back_whole_in_place_of_a_sentence() {
    let person = "- Person1 owns the checklist of team 1.\n";
    let port = "- The port of server 0 is 8010.\n";
    let step = |n: u32| format!("Always run step {n} before noon.\n\n");
    let before = store(&[
        ("/a", &format!("# Notes\n\n{person}{port}")),
        ("/b", &format!("# Notes\n\n{person}{}{}", step(0), step(2))),
    ]);
    let mut back = store(&[("/b", &format!("# Notes\n\n{port}{}{}", step(0), step(1)))]);
    for _ in 0..3 {
        back = edited(&before, &back, Choice::Restore, |kind| kind == Kind::Lost);
    }
    assert_eq!(judged(&before, &back, |ledger| ledger.counts.lost), 0, "{back:#?}");
}

#[test]
fn a_statement_of_a_memory_that_moved_comes_back_to_where_it_lives_now() {
    let before = store(&[(
        "/people.md",
        "# Team\n\n- Mira leads storage.\n- Jo leads search.\n- The canary takes 15 minutes.\n",
    )]);
    let after = store(&[("/team/people.md", "# Team\n\n- Mira leads storage.\n- Jo leads search.\n")]);
    let back = edited(&before, &after, Choice::Restore, |kind| kind == Kind::Lost);
    assert_eq!(text(&back, "/team/people.md"), text(&before, "/people.md"));
    assert_eq!(back.len(), 1);
}

#[test]
fn a_memory_that_is_gone_comes_back_as_it_was_unless_another_stands_in_its_way() {
    let gone = "# Deploy\n\nBe careful:\n\n- Deploys go out on Tuesday.\n";
    let before = store(&[("/a", gone), ("/b", "- Jo leads search.\n")]);
    let after = store(&[("/b", "- Jo leads search.\n")]);
    let back = edited(&before, &after, Choice::Restore, |kind| kind == Kind::Lost);
    assert_eq!(text(&back, "/a"), gone);
    let after = store(&[("/a/x", "- Jo leads search.\n")]);
    let back = edited(&before, &after, Choice::Restore, |kind| kind == Kind::Lost);
    assert!(text(&back, "/a/x").contains("Deploys go out on Tuesday."), "{back:?}");
}

#[test]
fn a_finding_of_a_gate_stands_beside_the_statement_it_is_about() {
    use crate::gate::verdict::Finding;
    let before = store(&[("/a", "- Mira leads storage.\n- Jo leads search.\n")]);
    let after = store(&[("/a", "- Mira leads storage.\n- Use tabs here.\n")]);
    let path = MemoryPath::parse("/a").unwrap();
    let verdict = |gate: &str, outcome, line| {
        Verdict::new(gate, outcome, "", "", [Finding::of_line(&path, line, "look")])
    };
    let verdicts = [
        verdict("lost", Outcome::Block, 2),
        verdict("policy", Outcome::Review, 2),
        verdict("protected", Outcome::Review, 2),
        verdict("injection", Outcome::Review, 2),
        verdict("secrets", Outcome::Pass, 2),
    ];
    let gates: Vec<(Kind, Vec<String>)> = judged(&before, &after, |ledger| {
        let gates = |item: &Item| item.objections.iter().map(|one| one.gate.clone()).collect();
        queue(ledger, &verdicts).iter().map(|item| (item.kind, gates(item))).collect()
    });
    let of_the_old = ["lost", "policy", "protected"].map(str::to_owned).to_vec();
    assert_eq!(gates, [(Kind::Lost, of_the_old), (Kind::New, vec!["injection".to_owned()])]);
    let contradictory = judged(&before, &after, |ledger| {
        queue(ledger, &[verdict("contradictions", Outcome::Review, 2)])
            .iter()
            .map(|item| item.kind)
            .collect::<Vec<_>>()
    });
    assert_eq!(contradictory, [Kind::Lost, Kind::Contradictory]);
}

#[test]
fn a_kept_statement_that_a_gate_objects_to_can_be_dropped_and_not_doubled() {
    use crate::gate::verdict::Finding;
    let before = store(&[("/a", "- Mira leads storage.\n- Jo leads search.\n")]);
    let path = MemoryPath::parse("/a").unwrap();
    let of = |gate| [Verdict::new(gate, Outcome::Block, "", "", [Finding::of_line(&path, 1, "look")])];
    let told = judged(&before, &before, |ledger| {
        let queue = queue(ledger, &of("forget"));
        queue.iter().map(|item| (item.kind, choices(item, ledger).to_vec())).collect::<Vec<_>>()
    });
    assert_eq!(told, [(Kind::Objected, vec![Choice::Keep, Choice::Drop])]);
    assert_eq!(judged(&before, &before, |ledger| queue(ledger, &of("protected")).len()), 0);
}

#[test]
fn a_statement_is_named_without_its_text() {
    let statement = StatementRef {
        path: MemoryPath::parse("/a b").unwrap(),
        nth: 3,
        hash: crate::memory::ContentHash::of("x"),
    };
    let written = String::from(statement.clone());
    assert!(written.ends_with("#3@/a b"), "{written}");
    assert_eq!(StatementRef::try_from(written), Ok(statement));
    assert!(StatementRef::try_from("/a:3".to_owned()).is_err());
}

/// Makes stores of few paths, whose statements are about few subjects, so that they often meet.
fn any_store() -> impl Strategy<Value = Snapshot> {
    let statement = prop_oneof![
        (0..6_u32, 1..5_u32).prop_map(|(a, b)| format!("- The port of server {a} is 80{b}0.")),
        (0..8_u32).prop_map(|n| format!("- Person{n} owns the checklist of team {n}.")),
        (0..4_u32).prop_map(|n| format!("Always run step {n} before noon.\n")),
    ];
    let memory = prop::collection::vec(statement, 1..6).prop_map(|mut lines| {
        lines.sort();
        lines.dedup();
        format!("# Notes\n\n{}\n", lines.join("\n"))
    });
    prop::collection::btree_map("/[a-c]", memory, 0..4).prop_map(|entries| {
        entries
            .iter()
            .map(|(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text.as_str()))
            .collect()
    })
}

#[test]
fn what_stands_in_another_place_goes_back_to_its_own() {
    let table = |head: &str| format!("| Job | {head} |\n|---|---|\n| sync | 30 |\n| push | 40 |\n");
    let (seconds, minutes) = (table("Timeout (s)"), table("Timeout (min)"));
    let pairs = [
        ("1. Stop it.\n2. Back it up.\n3. Drop it.\n", "1. Stop it.\n2. Drop it.\n3. Back it up.\n"),
        ("# Ops\n\n- Use SSH.\n- Stay.\n", "# Ops\n\n- Stay.\n\n## Deprecated\n\n- Use SSH.\n"),
        ("# Staging\n\n- Ask first.\n", "# Production\n\n- Ask first.\n"),
        ("# Staging\n\n- Ask.\n\n# Production\n\n- Ask.\n", "# Staging\n\n- Ask.\n"),
        ("# Ann left in May\n\n# Bob\n\n- Leads ops.\n", "# Bob\n\n- Leads ops.\n"),
        (&seconds, &minutes),
    ];
    for (old, new) in pairs {
        let (before, after) = (store(&[("/a", old)]), store(&[("/a", new)]));
        assert_ne!(judged(&before, &after, |ledger| ledger.counts.lost), 0, "{new}");
        let back = edited(&before, &after, Choice::Restore, |kind| kind == Kind::Lost);
        assert_eq!(judged(&before, &back, |ledger| ledger.counts.lost), 0, "{}", text(&back, "/a"));
    }
}

proptest! {
    #[test]
    fn restoring_what_is_lost_leaves_nothing_lost_after_few_reviews(before in any_store(), after in any_store()) {
        // What is put back can take from another statement what seemed to carry it on; the edited candidate is
        // judged again, and shows it.
        let mut back = after;
        for _ in 0..3 {
            back = edited(&before, &back, Choice::Restore, |kind| kind == Kind::Lost);
        }
        let lost = judged(&before, &back, |ledger| ledger.counts.lost);
        prop_assert_eq!(lost, 0, "{:#?}", back);
    }

    #[test]
    fn dropping_all_that_is_new_leaves_no_statement_of_it(before in any_store(), after in any_store()) {
        let dropped = judged(&before, &after, |ledger| {
            let queue = queue(ledger, &[]);
            let decisions = (0..queue.len()).filter(|&at| queue[at].kind == Kind::New).map(|at| (at, Choice::Drop)).collect();
            edits(&queue, ledger, &after, &decisions)
        });
        let left = made(&before, &after, &dropped);
        let count = |store: &Snapshot| judged(&before, store, |ledger| ledger.after.len());
        prop_assert_eq!(count(&left) + dropped.dropped.len(), count(&after));
    }

    #[test]
    fn keeping_changes_nothing(before in any_store(), after in any_store()) {
        let kept = edited(&before, &after, Choice::Keep, |_| true);
        prop_assert_eq!(kept.hash(), after.hash());
    }

    #[test]
    fn an_edit_cut_off_in_the_middle_is_finished(before in any_store(), after in any_store(), done in 0..4_usize) {
        let wanted = judged(&before, &after, |ledger| {
            let queue = queue(ledger, &[]);
            let decisions = (0..queue.len())
                .map(|at| (at, *choices(&queue[at], ledger).last().unwrap()))
                .collect();
            edits(&queue, ledger, &after, &decisions)
        });
        let entries = wanted.entries(&before, &after).unwrap();
        let whole = wanted.made_in(&entries, &before, &after).unwrap();
        let first = wanted.made_in(&entries[..done.min(entries.len())], &before, &after).unwrap();
        prop_assert_eq!(wanted.made_in(&entries, &before, &first).unwrap().hash(), whole.hash());
    }
}
