//! Laws of the statement-level merge.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NOTES: &str = "---\nowner: Ann\nregion: eu-west-1\n---\n# Deploy\n\n- Deploys go out on Tuesday.\n- timeout: 30 s\n\
                     - The canary takes 15 minutes.\n- Ask the on-call first.\n\n## Hosts\n\n| name | port |\n|---|---|\n\
                     | web | 80 |\n| db | 5432 |\n\nThe cluster runs in Dublin. It has four nodes.\n\n```sh\nmake ship\n```\n";

/// Changes a text by replacing parts of it.
#[track_caller]
fn changed(text: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

/// Merges changes of both sides to the notes, either way round.
#[track_caller]
fn merged(ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> Option<String> {
    let (ours, theirs) = (changed(NOTES, ours), changed(NOTES, theirs));
    let merged = merge(NOTES, &ours, &theirs);
    assert_eq!(merged, merge(NOTES, &theirs, &ours), "which side is which makes no difference");
    merged
}

#[test]
fn changes_of_different_statements_come_together() {
    let table: &[[(&str, &str); 2]] = &[
        // Neighbours in a list, in a table, in front matter.
        [("on Tuesday", "on Thursday"), ("timeout: 30 s", "timeout: 40 s")],
        [("- timeout: 30 s\n", ""), ("15 minutes", "20 minutes")],
        [("| web | 80 |", "| web | 443 |"), ("| db | 5432 |", "| db | 5433 |")],
        [("owner: Ann", "owner: Bob"), ("region: eu-west-1", "region: eu-west-2")],
        // One adds, the other changes or takes away.
        [("first.\n", "first.\n- Never on Friday.\n"), ("on Tuesday", "on Thursday")],
        [("first.\n", "first.\n- Never on Friday.\n"), ("- timeout: 30 s\n", "")],
        [
            ("# Deploy\n\n", "# Deploy\n\n- Use pnpm.\n"),
            ("| db | 5432 |\n", "| db | 5432 |\n| mq | 5672 |\n"),
        ],
        // Far apart.
        [("make ship", "make all"), ("owner: Ann", "owner: Bob")],
        [("in Dublin", "in Cork"), ("on Tuesday", "on Thursday")],
        [("\n## Hosts\n", "\n## Machines\n"), ("on Tuesday", "on Thursday")],
    ];
    for [ours, theirs] in table {
        let expected = changed(NOTES, &[*ours, *theirs]);
        assert_eq!(merged(&[*ours], &[*theirs]).as_deref(), Some(&*expected), "{ours:?} with {theirs:?}");
    }
}

#[test]
fn what_is_not_plainly_apart_is_a_conflict() {
    let table: &[[&[(&str, &str)]; 2]] = &[
        // The same statement.
        [&[("timeout: 30 s", "timeout: 40 s")], &[("timeout: 30 s", "timeout: 50 s")]],
        [&[("timeout: 30 s", "timeout: 40 s")], &[("- timeout: 30 s\n", "")]],
        [&[("| web | 80 |", "| web | 443 |")], &[("| web | 80 |", "| web2 | 80 |")]],
        [&[("owner: Ann", "owner: Bob")], &[("owner: Ann", "owner: Cy")]],
        [&[("make ship", "make all")], &[("make ship", "make most")]],
        // Moved or said again by one, changed by the other.
        [
            &[("timeout: 30 s", "timeout: 40 s")],
            &[("- timeout: 30 s\n", ""), ("first.\n", "first.\n- timeout: 30 s\n")],
        ],
        [&[("timeout: 30 s", "timeout: 40 s")], &[("first.\n", "first.\n- Timeout: 30 seconds\n")]],
        [
            &[("region: eu-west-1", "region: eu-west-2")],
            &[("make ship\n```\n", "make ship\n```\n\nRegion: us-east-1\n")],
        ],
        // Something new at the same place.
        [&[("first.\n", "first.\n- Use pnpm.\n")], &[("first.\n", "first.\n- Never on Friday.\n")]],
        [&[("- timeout: 30 s\n", "")], &[("on Tuesday.\n", "on Tuesday.\n- Use pnpm.\n")]],
        // Neighbours that lean on each other.
        [&[("in Dublin", "in Cork")], &[("four nodes", "five nodes")]],
        [&[("## Hosts", "## Old hosts")], &[("| db | 5432 |", "| db | 5433 |")]],
        [&[("| name | port |", "| name | old port |")], &[("| db | 5432 |", "| db | 5433 |")]],
        [&[("- Ask", "  - Ask")], &[("The canary takes", "A canary takes")]],
        // The same words, added at two places.
        [&[("# Deploy\n\n", "# Deploy\n\n- Use pnpm.\n")], &[("first.\n", "first.\n- Use pnpm.\n")]],
        // A fence that swallows what the other side wrote.
        [&[("# Deploy\n", "```\n# Deploy\n")], &[("first.\n", "first.\n- Never on Friday.\n")]],
    ];
    for [ours, theirs] in table {
        assert_eq!(merged(ours, theirs), None, "{ours:?} with {theirs:?}");
    }
}

#[test]
fn the_same_change_on_both_sides_is_made_once() {
    let both = ("first.\n", "first.\n- Never on Friday.\n");
    let expected = changed(NOTES, &[both, ("on Tuesday", "on Thursday")]);
    assert_eq!(merged(&[both], &[both, ("on Tuesday", "on Thursday")]).as_deref(), Some(&*expected));
}

#[test]
fn a_copy_is_not_lost_because_each_side_took_the_other_one_out() {
    let base = "# A\n\n- Use pnpm.\n- One.\n\n# B\n\n- Use pnpm.\n- Two.\n";
    let ours = changed(base, &[("# A\n\n- Use pnpm.\n", "# A\n\n")]);
    let theirs = changed(base, &[("# B\n\n- Use pnpm.\n", "# B\n\n")]);
    assert_eq!(merge(base, &ours, &theirs), None);
}

#[test]
fn what_both_took_out_here_is_not_taken_out_elsewhere_by_one() {
    assert_eq!(merge("- a 2\n# A\n- a 0\n- a 2\n", "# A\n- a 0\n", "# A\n- a 0\n- a 2\n"), None);
    // A mark without words was taken out by one and moved by the other.
    let (base, ours, theirs) = ("```\n\n- a 0\n- a 1\n", "\n- a 0\n- a 1\n", "\n- a 0\n- a 1\n```\n");
    assert_eq!(merge(base, ours, theirs), None);
}

#[test]
fn bytes_that_nobody_changed_stay_as_they_are() {
    let base = "\u{feff}# A\r\n\r\n- one  \r\n- two\r\n\r\n\r\nThe *end*.";
    let ours = base.replace("one", "eins");
    let theirs = base.replace("The *end*.", "The very *end*.");
    let expected = ours.replace("The *end*.", "The very *end*.");
    assert_eq!(merge(base, &ours, &theirs).as_deref(), Some(&*expected));
}

#[test]
fn nothing_left_and_too_much_are_for_a_person() {
    let base = "- one\n\n- two\n";
    assert_eq!(merge(base, "- one\n", "- two\n"), None);
    let item = |word: &str| format!("- {word} {}\n", "x".repeat(60_000));
    assert_eq!(
        merge("- a\n- b\n- c\n", &format!("{}- b\n- c\n", item("a")), &format!("- a\n- b\n{}", item("c"))),
        None
    );
}

#[test]
fn stretches_say_who_changed_what() {
    let ours = changed(NOTES, &[("timeout: 30 s", "timeout: 40 s"), ("on Tuesday", "on Thursday")]);
    let theirs = changed(NOTES, &[("- timeout: 30 s\n", ""), ("db | 5432", "db | 5433")]);
    let texts = |text: &str, places: &[usize]| -> Vec<String> {
        let all = crate::text::statement::statements(text);
        places.iter().map(|&at| all[at].text.to_owned()).collect()
    };
    let told: Vec<String> = stretches(NOTES, &ours, &theirs)
        .iter()
        .map(|one| {
            let [base, ours, theirs] =
                [texts(NOTES, &one.base), texts(&ours, &one.ours), texts(&theirs, &one.theirs)];
            format!("{:?}: {base:?} → {ours:?} | {theirs:?}", one.by)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    Ours: ["Deploys go out on Tuesday."] → ["Deploys go out on Thursday."] | ["Deploys go out on Tuesday."]
    Both: ["timeout: 30 s"] → ["timeout: 40 s"] | []
    Theirs: ["db | 5432"] → ["db | 5432"] | ["db | 5433"]
    "#);
}

/// What a side does to a text, line by line.
#[derive(Debug, Clone)]
enum Edit {
    Keep,
    Cut,
    Put(String),
    Add(String),
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "- [a-e]{1,2} [0-9]",
        2 => "  - [a-e]{1,2} [0-9]",
        1 => "[a-e]{1,2}: [0-9]",
        1 => "\\| [a-e] \\| [0-9] \\|",
        2 => "[A-E][a-e]{1,2} is [0-9]\\. [A-E]{1,2} too\\.",
        1 => "#{1,2} [A-C]",
        2 => Just(String::new()),
        1 => Just("```".to_owned()),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        8 => Just(Edit::Keep),
        1 => Just(Edit::Cut),
        1 => line().prop_map(Edit::Put),
        1 => line().prop_map(Edit::Add),
    ];
    proptest::collection::vec(edit, 14)
}

fn with(base: &[String], edits: &[Edit]) -> String {
    let mut text = String::new();
    for (line, edit) in base.iter().zip(edits) {
        let lines = match edit {
            Edit::Keep => vec![line],
            Edit::Cut => vec![],
            Edit::Put(new) => vec![new],
            Edit::Add(new) => vec![line, new],
        };
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Makes a text and what two sides made of it.
fn three() -> impl Strategy<Value = [String; 3]> {
    (proptest::collection::vec(line(), 1..14), edits(), edits()).prop_map(|(base, ours, theirs)| {
        [with(&base, &[const { Edit::Keep }; 14]), with(&base, &ours), with(&base, &theirs)]
    })
}

/// Counts the statements of a text.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for said in said(text) {
        *counts.entry(said.text.to_owned()).or_default() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn one_side_alone_has_its_way([base, changed, _] in three()) {
        prop_assert_eq!(merge(&base, &base, &changed), Some(changed.clone()));
        prop_assert_eq!(merge(&base, &changed, &base), Some(changed.clone()));
        prop_assert_eq!(merge(&base, &changed, &changed), Some(changed));
    }

    #[test]
    fn which_side_is_which_makes_no_difference([base, ours, theirs] in three()) {
        prop_assert_eq!(merge(&base, &ours, &theirs), merge(&base, &theirs, &ours));
    }

    #[test]
    fn every_statement_is_as_the_side_left_it_that_changed_it([base, ours, theirs] in three()) {
        let Some(merged) = merge(&base, &ours, &theirs) else { return Ok(()) };
        let [was, mine, other, found] = [&base, &ours, &theirs, &merged].map(|text| counted(text));
        for text in [&was, &mine, &other, &found].into_iter().flat_map(BTreeMap::keys) {
            let [was, mine, other, found] =
                [&was, &mine, &other, &found].map(|counts| counts.get(text).copied().unwrap_or_default());
            // Two changes that could add up or cancel out are no merge.
            let expected = if mine == was { other } else { mine };
            prop_assert!(mine == was || other == was || mine == other, "{text:?}");
            prop_assert_eq!(found, expected, "{:?} in\n{}", text, merged);
        }
    }

    #[test]
    fn what_is_merged_already_gains_and_loses_nothing([base, ours, theirs] in three()) {
        let Some(merged) = merge(&base, &ours, &theirs) else { return Ok(()) };
        for again in [merge(&base, &ours, &merged), merge(&base, &merged, &theirs)].into_iter().flatten() {
            prop_assert_eq!(counted(&again), counted(&merged));
        }
    }

    #[test]
    fn steps_cover_all_three_texts([base, ours, theirs] in three()) {
        let [old, mine, other] = [&base, &ours, &theirs].map(|text| pieces(text));
        let mut at = [0, 0, 0];
        for step in steps(&old, &mine, &other) {
            let ranges = [&step.base, &step.ours, &step.theirs];
            for (at, range) in at.iter_mut().zip(ranges) {
                prop_assert_eq!(*at, range.start);
                *at = range.end;
            }
            if !step.by_ours {
                prop_assert_eq!(&old[step.base.clone()], &mine[step.ours]);
            }
            if !step.by_theirs {
                prop_assert_eq!(&old[step.base], &other[step.theirs]);
            }
        }
        prop_assert_eq!(at, [old.len(), mine.len(), other.len()]);
        prop_assert_eq!(old.iter().map(|piece| piece.text).collect::<String>(), base);
    }
}

#[test]
fn texts_of_two_sides_that_work_apart_are_merged() {
    // The laws above would hold if nothing were ever merged.
    let base: String = (0..40).map(|n| format!("- key{n}: {n}\n")).collect();
    let edited = |every: usize, from: usize| -> String {
        (0..40)
            .map(|n| {
                if n % every == from {
                    format!("- key{n}: {}\n", n + 100)
                } else {
                    format!("- key{n}: {n}\n")
                }
            })
            .collect()
    };
    let merged = merge(&base, &edited(2, 0), &edited(2, 1)).unwrap();
    assert_eq!(merged, (0..40).map(|n| format!("- key{n}: {}\n", n + 100)).collect::<String>());
    // What is merged already stays.
    assert_eq!(merge(&base, &edited(2, 0), &merged), Some(merged.clone()));
    assert_eq!(merge(&base, &merged, &edited(2, 1)), Some(merged));
}
