//! What moves, splits or joins keeps what it says; what changes its subject or its value does not.

use super::{judged, store};
use crate::ledger::{Because, Fate};

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

/// One statement under a heading, beside another that stays where it is.
fn under(heading: &str) -> String {
    format!("# Ops\n\n- A second fact stays here.\n\n{heading}\n\n- Use the VPN for SSH.\n")
}

#[test]
fn a_heading_that_says_another_thing_changes_what_stands_below_it() {
    let table = [
        ("## Likes", "## Dislikes"),
        ("## Approved", "## Rejected"),
        ("## Staging", "## Production"),
        ("## Before deploy", "## After deploy"),
        ("## Current", "## Deprecated"),
        ("## 2025", "## 2026"),
        ("## eu-west", "## us-east"),
        ("## Open", "## Done"),
        ("## Must", "## May"),
        ("## Staging\n\n### Deploy", "## Production\n\n### Deploy"),
        ("## Staging\n\n### Deploy", "## Production"),
    ];
    for (old, new) in table {
        for (old, new) in [(old, new), (new, old)] {
            let (before, after) = (store(&[("/a.md", &under(old))]), store(&[("/a.md", &under(new))]));
            let ledger = judged(&before, &after);
            assert_eq!(ledger.counts.lost, 1, "{old} | {new}");
            assert!(matches!(ledger.fates[1].because, Because::Misplaced { .. }), "{old} | {new}");
        }
    }
}

#[test]
fn a_heading_in_other_words_changes_nothing() {
    let table = [
        ("## Deploys", "## Deployment"),
        ("## Team prefs", "## Preferences of the team"),
        ("## Access", "### Access"),
        ("## Access", "## access:"),
        ("## Access", "## How to get access"),
        ("## Misc", "## Access"),
        ("## Access", "## Networking"),
        ("## Access", "## Ops\n\n### Access"),
        ("## Archive server", "## The archive server"),
    ];
    for (old, new) in table {
        let all = fates(&[("/a.md", &under(old))], &[("/a.md", &under(new))]);
        assert_eq!(all, [Fate::Kept, Fate::Kept], "{old} | {new}");
    }
}

#[test]
fn what_comes_under_a_heading_that_says_it_no_longer_holds_is_lost_and_what_comes_out_of_it_too() {
    let plain = "# Ops\n\n- A second fact stays here.\n- Use the VPN for SSH.\n";
    let headings = [
        ("Deprecated", 1),
        ("Rejected proposals", 1),
        ("Myths", 1),
        ("Wrong", 1),
        ("Archive", 1),
        ("Old rules", 1),
        ("Veraltet", 1),
        ("Obsolète", 1),
        ("Ideas", 1),
        ("Staging only", 1),
        ("Only for interns", 1),
        ("Never", 1),
        ("Access", 0),
        ("Archive server", 0),
        ("Read-only mode", 0),
        ("The linter audits workflow and action definitions only", 0),
    ];
    for (heading, lost) in headings {
        let below = under(&format!("## {heading}"));
        for (old, new) in [(plain, below.as_str()), (&below, plain)] {
            let (before, after) = (store(&[("/a.md", old)]), store(&[("/a.md", new)]));
            assert_eq!(judged(&before, &after).counts.lost, lost, "{old} | {new}");
            let moved = store(&[("/b.md", new)]);
            assert_eq!(judged(&before, &moved).counts.lost, lost, "{old} | {new} in another memory");
        }
        let whole = store(&[("/a.md", &below)]);
        let renamed = store(&[("/ops/access.md", &below)]);
        assert_eq!(judged(&whole, &renamed).counts.lost, 0, "{heading}");
    }
}

#[test]
fn the_same_words_under_the_opposite_are_no_copy() {
    let rule = "- Approval is required.\n";
    let both = format!("# Staging\n\n{rule}\n# Production\n\n{rule}");
    let staging = format!("# Staging\n\n{rule}");
    assert_eq!(fates(&[("/a.md", &both)], &[("/a.md", &staging)]), [Fate::Kept, Fate::Lost]);
    let files = [("/staging.md", rule), ("/production.md", rule)];
    assert_eq!(fates(&files, &files[..1]).iter().filter(|&&fate| fate == Fate::Lost).count(), 1);
    let people = "# ann\n\n- Vegan.\n\n# bob\n\n- Vegan.\n";
    assert_eq!(fates(&[("/a.md", people)], &[("/a.md", "# ann\n\n- Vegan.\n")]), [Fate::Kept, Fate::Lost]);
    let notes = format!("# Deploys\n\n{rule}\n# Notes\n\n{rule}");
    assert!(
        !fates(&[("/a.md", &notes)], &[("/a.md", &format!("# Deploys\n\n{rule}"))]).contains(&Fate::Lost)
    );
}

#[test]
fn a_row_under_heads_that_say_another_thing_is_lost() {
    let table = |heads: &str, rows: &str| format!("# T\n\n{heads}\n|---|---|---|\n{rows}\n");
    let hours = "| sync | 30 | Ann |\n| push | 40 | Bob |";
    let of = |heads: &str, rows: &str| {
        let before = table("| Job | Timeout (s) | Owner |", hours);
        fates(&[("/a.md", &before)], &[("/a.md", &table(heads, rows))])
    };
    let lost = |all: &[Fate]| all.iter().filter(|&&fate| fate == Fate::Lost).count();
    assert_eq!(lost(&of("| Job | Timeout (min) | Owner |", hours)), 2);
    assert_eq!(lost(&of("| Job | Timeout (s) | Reviewer |", hours)), 2);
    assert_eq!(lost(&of("| Job | Timeout (s) | Owner |", "| sync | 30 | Bob |\n| push | 40 | Ann |")), 2);
    assert_eq!(of("| Jobs | Timeout in s | Owners |", hours), [Fate::Kept; 2]);
    let turned = "| sync | Ann | 30 |\n| push | Bob | 40 |";
    assert_eq!(lost(&of("| Job | Owner | Timeout (s) |", turned)), 0);
    assert_eq!(lost(&of("| Job | Owner | Timeout (s) |", "| sync | Ann | 30 |\n| push | Bob | 50 |")), 1);
}

#[test]
fn a_step_that_passed_another_is_lost_and_says_which() {
    let steps = ["Stop the service.", "Take a backup.", "Drop the table.", "Start the service."];
    let list = |order: &[usize]| -> String {
        let line = |(at, step): (usize, &usize)| format!("{}. {}\n", at + 1, steps[*step]);
        order.iter().enumerate().map(line).collect()
    };
    let before = store(&[("/a.md", &list(&[0, 1, 2, 3]))]);
    let after = store(&[("/a.md", &list(&[0, 2, 1, 3]))]);
    let ledger = judged(&before, &after);
    assert_eq!(ledger.counts.lost, 1);
    assert_eq!(ledger.fates[1].because, Because::Reordered { step: 3, before: 2 });
    let quiet = [
        list(&[0, 1, 2, 3]).replace("1. ", "1. Warn the team.\n2. "),
        list(&[0, 1, 2, 3]).replace(". ", ") "),
        list(&[0, 1, 2, 3])
            .replace("1. ", "- ")
            .replace("2. ", "- ")
            .replace("3. ", "- ")
            .replace("4. ", "- "),
        "1. Take a backup.\n2. Drop the table.\n".to_owned(),
    ];
    for after in quiet {
        let after = store(&[("/a.md", &after)]);
        let ledger = judged(&before, &after);
        let passed = ledger.fates.iter().any(|judged| matches!(judged.because, Because::Reordered { .. }));
        assert!(!passed, "{:?}", after.iter().next());
    }
    let bullets = |order: &[usize]| {
        list(order).replace("1.", "-").replace("2.", "-").replace("3.", "-").replace("4.", "-")
    };
    assert_eq!(
        fates(&[("/a.md", &bullets(&[0, 1, 2, 3]))], &[("/a.md", &bullets(&[3, 2, 1, 0]))]),
        [Fate::Kept; 4]
    );
    let two = "# A\n\n1. Stop it.\n2. Start it.\n\n# B\n\n1. Lock it.\n2. Open it.\n";
    let swapped = "# B\n\n1. Lock it.\n2. Open it.\n\n# A\n\n1. Stop it.\n2. Start it.\n";
    assert_eq!(fates(&[("/a.md", two)], &[("/a.md", swapped)]), [Fate::Kept; 4]);
}

#[test]
fn a_sentence_that_points_back_is_lost_behind_another() {
    let table = [
        (
            "Ann leads ops. She is on leave until May.\n",
            "Bob leads sales. She is on leave until May.\n\nAnn leads ops.\n",
            1,
        ),
        (
            "- Ann leads ops. She is on leave.\n- Eve leads sales.\n",
            "- Ann leads ops.\n- Eve leads sales. She is on leave.\n",
            1,
        ),
        (
            "The staging db is wiped nightly. This is fine.\n\nThe prod db has backups.\n",
            "The staging db is wiped nightly.\n\nThe prod db has backups. This is fine.\n",
            1,
        ),
        (
            "Ann leads ops. She is on leave until May.\n",
            "Bob leads sales.\n\nAnn leads ops. She is on leave until May.\n",
            0,
        ),
        ("Ann leads ops. She is on leave until May.\n", "Ann leads ops.\nShe is on leave until May.\n", 0),
        ("- Ann leads ops. She is on leave.\n", "- Ann leads ops.\n- She is on leave.\n", 0),
        ("- Ann leads ops.\n- She is on leave.\n", "- Ann leads ops. She is on leave.\n", 0),
    ];
    for (old, new, lost) in table {
        let all = fates(&[("/a.md", old)], &[("/a.md", new)]);
        assert_eq!(all.iter().filter(|&&fate| fate == Fate::Lost).count(), lost, "{old} | {new}: {all:?}");
    }
}

#[test]
fn a_heading_that_says_something_does_not_vanish_unseen() {
    let claim = "Never restart db-1";
    let bare = format!("# Ops\n\n- A fact stays.\n\n## {claim}\n\n# Bob\n\n- Leads sales.\n");
    let below = |text: &str| format!("# Ops\n\n- A fact stays.\n\n{text}\n\n# Bob\n\n- Leads sales.\n");
    let lost = |old: &str, new: &str| {
        let all = fates(&[("/a.md", old)], &[("/a.md", new)]);
        all.iter().filter(|&&fate| fate == Fate::Lost).count()
    };
    let stays = [
        below(&format!("## {claim}\n\n- It holds the ledger.")),
        below(&format!("- {claim}.")),
        format!("# Ops\n\n- A fact stays.\n\n# Bob\n\n- Leads sales.\n\n# {claim}\n"),
    ];
    for after in &stays {
        assert_eq!(lost(&bare, after), 0, "{after}");
    }
    assert_eq!(lost(&bare, &below("")), 1);
    assert_eq!(lost(&bare, &below("## Restart db-1")), 1);
    assert_eq!(lost("# Ann left in May\n\n# Bob\n\n- Leads ops.\n", "# Bob\n\n- Leads ops.\n"), 1);
    assert_eq!(lost("# Open questions\n\n# Bob\n\n- Leads ops.\n", "# Bob\n\n- Leads ops.\n"), 0);
    // What stands below it would be told of something else without it.
    let key = below("## The API key rotates on Mondays\n\n- The platform team gets a mail.");
    assert_eq!(lost(&key, &below("- The platform team gets a mail.")), 1);
    assert_eq!(lost(&key, &below("## The API key\n\n- The platform team gets a mail.")), 1);
    assert_eq!(lost(&key, &below("- The API key rotates on Mondays.\n- The platform team gets a mail.")), 0);
    assert_eq!(lost(&key, &below("## API key rotation on Mondays\n\n- The platform team gets a mail.")), 0);
}

#[test]
fn what_a_list_is_led_in_by_holds_for_its_items() {
    let page = |before: &str, after: &str| {
        format!("# Release\n\nBefore a release:\n\n{before}\nAfter a release:\n\n{after}")
    };
    let (freeze, thank) =
        ("- Freeze the schema\n- Inform support\n", "- Check the dashboards\n- Thank the team\n");
    let swapped = fates(&[("/r.md", &page(freeze, thank))], &[("/r.md", &page(thank, freeze))]);
    assert_eq!(swapped.iter().filter(|&&fate| fate == Fate::Lost).count(), 4, "{swapped:?}");

    let down = "# Operations\n\nIf the payment provider is down:\n\n- Tell Fatima\n- Stop the billing job\n";
    for (after, lost) in [
        ("# Operations\n\nContacts:\n\n- Tell Fatima\n- Stop the billing job\n", 3),
        ("# Operations\n\n## If the payment provider is down\n\n- Tell Fatima\n- Stop the billing job\n", 0),
        (
            "# Operations\n\n- If the payment provider is down, tell Fatima\n- If the payment provider is down, stop the billing job\n",
            0,
        ),
    ] {
        let all = fates(&[("/o.md", down)], &[("/o.md", after)]);
        let found = all.iter().filter(|&&fate| fate == Fate::Lost).count();
        assert_eq!(found, lost, "{after}: {all:?}");
    }
}

#[test]
fn a_value_under_the_heading_of_another_thing_is_lost_though_it_is_a_name() {
    let page = |checkout: &str, catalog: &str| {
        format!("# Modules\n\n## Checkout\n\n{checkout}\n## Catalog\n\n{catalog}")
    };
    let (one, other) = ("- Owner: Lena\n- Region: Frankfurt\n", "- Owner: Igor\n- Region: Dublin\n");
    let all = fates(&[("/m.md", &page(one, other))], &[("/m.md", &page(other, one))]);
    assert_eq!(all.iter().filter(|&&fate| fate == Fate::Lost).count(), 4, "{all:?}");
}
