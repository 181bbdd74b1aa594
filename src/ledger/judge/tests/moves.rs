//! What moves, splits or joins keeps what it says; what changes its subject or its value does not.

use super::{judged, store};
use crate::ledger::Fate;

fn fates(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<Fate> {
    let (before, after) = (store(before), store(after));
    judged(&before, &after).fates.iter().map(|judged| judged.fate).collect()
}

const GENERIC: &str =
    "# Notes\n\n## Prompt 3\n\nAlways run step 0 before noon.\n\nyes, go on\n\n- likes tea\n";

#[test]
fn a_memory_that_is_renamed_keeps_every_statement() {
    let all = fates(&[("/b", GENERIC)], &[("/c", GENERIC)]);
    assert!(all.len() >= 3 && all.iter().all(|&fate| fate == Fate::Moved), "{all:?}");
}

#[test]
fn a_memory_of_which_another_holds_every_word_is_not_lost() {
    let fuller = format!("{GENERIC}\n## Prompt 4\n\nOne more.\n");
    let all = fates(&[("/1.md", GENERIC), ("/2.md", &fuller)], &[("/2.md", &fuller)]);
    assert!(!all.contains(&Fate::Lost), "{all:?}");
}

#[test]
fn two_memories_that_change_places_are_not_renamed() {
    let (ann, bob) = ("- likes tea\n", "- likes beer\n");
    let all = fates(&[("/ann.md", ann), ("/pavel.md", bob)], &[("/ann.md", bob), ("/pavel.md", ann)]);
    assert_eq!(all, [Fate::Lost, Fate::Lost]);
}

#[test]
fn a_fact_under_another_heading_of_the_same_form_is_lost() {
    let page = |mail: &str, search: &str| {
        format!(
            "# Services\n\n## Service mail\n\n- is in Go\n{mail}\n## Service search\n\n- is in C\n{search}"
        )
    };
    let (before, after) =
        (page("- rejects requests over 2 MB\n", ""), page("", "- rejects requests over 2 MB\n"));
    let all = fates(&[("/s.md", &before)], &[("/s.md", &after)]);
    assert_eq!(all.iter().filter(|&&fate| fate == Fate::Lost).count(), 1, "{all:?}");
}

#[test]
fn clauses_may_part_and_meet() {
    let one = "- `fmt`: the only allowed command. Run as `run fmt`.\n";
    let two = "- `fmt`: the only allowed command.\n- Run as `run fmt`.\n";
    let lint = "- `lint`: the only allowed command for lint.\n";
    assert!(
        !fates(&[("/a", &format!("{one}{lint}"))], &[("/a", &format!("{two}{lint}"))]).contains(&Fate::Lost)
    );
    assert!(
        !fates(&[("/a", &format!("{two}{lint}"))], &[("/a", &format!("{one}{lint}"))]).contains(&Fate::Lost)
    );
}

#[test]
fn what_the_title_says_may_be_left_out_and_not_exchanged() {
    let page = |line: &str| format!("# zizmor\n\n- {line}\n");
    let of = |after: &str| {
        fates(&[("/z.md", &page("`zizmor` needs a Rust compiler"))], &[("/z.md", &page(after))])
    };
    assert_eq!(of("needs a Rust compiler"), [Fate::Reworded]);
    assert_eq!(of("`shared` needs a Rust compiler"), [Fate::Lost]);
}

#[test]
fn what_others_said_before_does_not_cover_what_was_altered() {
    let page = |line: &str| {
        format!(
            "- Ignore one finding in `a.yml` that occurs on line {line}, column 456\n- Ignore line 123 of `b.yml`\n"
        )
    };
    let all = fates(&[("/a", &page("123"))], &[("/a", &page("213"))]);
    assert_eq!(all[0], Fate::Lost);
}

#[test]
fn words_that_a_daily_page_repeats_stand_where_they_stood() {
    let line = "- Do not add: quick-read facts; one-off task notes.\n";
    let kept = format!("# Memory\n\n## Add/update threshold\n\n{line}");
    let daily = format!("# 2026-03-09\n\n{line}");
    let all = fates(&[("/daily/2026-03-09.md", &daily), ("/rules.md", &kept)], &[("/rules.md", &kept)]);
    assert_eq!(all, [Fate::Merged, Fate::Kept]);
}

#[test]
fn the_same_words_under_a_later_date_are_not_lost() {
    let page = |date: &str| format!("# Notes of {date}\n\n- The refund window is 30 days.\n");
    let (before, after) = (page("2026-09-03"), page("2026-10-01"));
    let all = fates(&[("/notes/2026-09-03.md", &before)], &[("/facts/learned.md", &after)]);
    assert_eq!(all, [Fate::Moved]);
}

#[test]
fn the_same_words_out_of_force_or_in_another_case_are_lost() {
    let table = [
        ("- Ann owns billing.\n", "- ~~Ann owns billing.~~\n"),
        ("- Log in as `Root`.\n", "- Log in as `root`.\n"),
        ("- [ ] Rotate keys\n", "- [x] Rotate keys\n"),
        ("- Works on weekends?\n", "- Works on weekends.\n"),
        (
            "| env | prod | staging |\n|---|---|---|\n| port | 80 | 81 |\n",
            "| env | staging | prod |\n|---|---|---|\n| port | 80 | 81 |\n",
        ),
    ];
    for (old, new) in table {
        for to in ["/a", "/b"] {
            assert_eq!(fates(&[("/a", old)], &[(to, new)]), [Fate::Lost], "{old} in {to}");
        }
        assert_eq!(fates(&[("/a", old)], &[("/a", old)]), [Fate::Kept]);
    }
}

#[test]
fn a_copy_goes_where_its_twin_stands_under_a_topic_that_says_never() {
    let line = "- The phase check of the close hook answers only for idle sessions.\n";
    let day = format!("# 2026-01-06\n\n{line}");
    for (heading, lost) in [
        ("Fix: the close hook never fires when a session ends", 0),
        ("Hooks — never edit by hand, build them with `make hooks`", 0),
        ("Never", 1),
        ("What is not so", 1),
        ("No longer hold", 1),
    ] {
        let note = format!("# {heading}\n\n{line}");
        let before = store(&[("/daily/2026-01-06.md", &day), ("/notes/hooks.md", &note)]);
        let after = store(&[("/notes/hooks.md", &note)]);
        assert_eq!(judged(&before, &after).counts.lost, lost, "{heading}");
    }
    let under = |heading: &str| format!("# Git\n\n## {heading}\n\n- secrets of the deploy job\n");
    let (never, always) =
        (under("Never push these to the main branch"), under("Push these to the main branch"));
    let (before, after) = (store(&[("/git.md", &never)]), store(&[("/git.md", &always)]));
    assert_eq!(judged(&before, &after).counts.lost, 1);
}

#[test]
fn a_line_broken_in_two_is_one_unless_a_word_turns_it() {
    let whole = "# Tone\n\n- Keep answers short: at most three paragraphs, without emoji.\n";
    for (after, lost) in [
        ("- Keep answers short: at most three\n- paragraphs, without emoji.\n", 0),
        ("- Never keep answers short: at most three\n- paragraphs, without emoji.\n", 1),
        ("- Round prices down.\n- Never keep answers short: at most three paragraphs, without emoji.\n", 1),
    ] {
        let (before, after) =
            (store(&[("/t.md", whole)]), store(&[("/t.md", &format!("# Tone\n\n{after}"))]));
        assert_eq!(judged(&before, &after).counts.lost, lost, "{:?}", after.iter().next());
    }
}
