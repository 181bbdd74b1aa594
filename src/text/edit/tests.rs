//! Laws of taking statements out and putting them back.

use proptest::prelude::*;

use super::*;

/// Takes the statements that hold some words out of a text.
fn without(content: &str, words: &[&str]) -> Option<String> {
    let all = statements(content);
    let drops = (0..all.len()).filter(|&at| words.iter().any(|word| all[at].text.contains(word))).collect();
    edited(content, &drops, &[])
}

/// Puts the statements of a source that hold some words into a text.
fn with(content: &str, source: &str, words: &[&str]) -> String {
    let all = statements(source);
    let places: Vec<usize> =
        (0..all.len()).filter(|&at| words.iter().any(|word| all[at].text.contains(word))).collect();
    restored(Some(content), source, &places).unwrap()
}

/// Takes statements out and puts them back, and requires the text to be what it was.
#[track_caller]
fn there_and_back(content: &str, words: &[&str]) {
    let cut = without(content, words).unwrap();
    for word in words {
        assert!(!cut.contains(word), "{cut}");
    }
    assert_eq!(with(&cut, content, words), content, "after\n{cut}");
}

#[test]
fn what_is_taken_out_of_a_list_goes_back_where_it_stood() {
    let list = "# Deploy\n\n- On Tuesday.\n- The canary takes 15 minutes.\n- Ask the on-call.\n\n## Later\n\n- Rust.\n";
    for word in ["Tuesday", "canary", "on-call"] {
        there_and_back(list, &[word]);
    }
    there_and_back(list, &["Tuesday", "on-call"]);
    there_and_back(list, &["Rust"]);
    there_and_back("intro\n\n1. one\n2. two\n", &["one"]);
}

#[test]
fn nested_items_keep_their_indentation() {
    let list = "- tools\n    - cargo\n    - just\n        - recipes\n- people\n    - mira\n";
    for words in [&["cargo"][..], &["just", "recipes"], &["recipes"], &["mira"], &["people", "mira"]] {
        there_and_back(list, words);
    }
    // In a list that is indented otherwise, an item is indented as its neighbours are.
    let other = "- tools\n  - cargo\n- people\n";
    assert_eq!(with(other, list, &["just"]), "- tools\n  - cargo\n  - just\n- people\n");
    assert_eq!(with(other, list, &["mira"]), "- tools\n  - cargo\n- people\n    - mira\n");
}

#[test]
fn what_hung_below_an_item_that_goes_moves_to_the_left() {
    let list = "- tools\n    - cargo\n        - recipes\n- people\n";
    assert_eq!(without(list, &["tools"]).unwrap(), "- cargo\n    - recipes\n- people\n");
    assert_eq!(without(list, &["tools", "cargo"]).unwrap(), "- recipes\n- people\n");
}

#[test]
fn rows_go_back_into_their_table() {
    let table =
        "Ports:\n\n| name | port |\n|---|---|\n| web | 80 |\n| db | 5432 |\n| cache | 6379 |\n\nDone.\n";
    for word in ["web", "db", "cache"] {
        there_and_back(table, &[word]);
    }
    there_and_back(table, &["web", "db", "cache"]);
    // Another table with the same head takes them when none of its neighbours is left.
    let other = "Ports:\n\n| name | port |\n| --- | --- |\n| proxy | 81 |\n";
    assert_eq!(
        with(other, table, &["db"]),
        "Ports:\n\n| name | port |\n| --- | --- |\n| proxy | 81 |\n| db | 5432 |\n"
    );
}

#[test]
fn sentences_go_back_into_their_line() {
    let prose = "# Style\n\nTabs are used. Lines end at 100. Comments say why.\n\nA last word.\n";
    for word in ["Tabs", "100", "why", "last"] {
        there_and_back(prose, &[word]);
    }
    there_and_back(prose, &["Tabs", "100"]);
}

#[test]
fn pairs_blocks_and_front_matter_go_back() {
    let text = "---\nowner: mira\nteam: storage\n---\n\nRun this:\n\n```sh\nmake\n\nmake test\n```\n\nport: 80\nhost: a.example\n";
    for word in ["owner", "team", "make", "80", "host"] {
        there_and_back(text, &[word]);
    }
}

#[test]
fn a_heading_goes_with_its_last_statement_and_comes_back_with_its_first() {
    let text =
        "# Notes\n\n- one\n\n## Ports\n\n- web is 80\n\n### Old\n\n- ftp is 21\n\n## People\n\n- mira\n";
    assert_eq!(
        without(text, &["web", "ftp"]).unwrap(),
        "# Notes\n\n- one\n\n## People\n\n- mira\n",
        "and the headings above nothing else"
    );
    let back = with("# Notes\n\n- one\n", text, &["ftp", "mira"]);
    assert_eq!(back, "# Notes\n\n- one\n\n## Ports\n\n### Old\n\n- ftp is 21\n\n## People\n\n- mira\n");
}

#[test]
fn a_memory_without_statements_is_gone_and_comes_back_whole() {
    let text = "# Deploy\n\n- On Tuesday.\n";
    assert_eq!(without(text, &["Tuesday"]), None);
    assert_eq!(restored(None, text, &[0]).as_deref(), Some(text));
    let two = "# Deploy\n\n- On Tuesday.\n- At noon.\n";
    assert_eq!(restored(None, two, &[1]).as_deref(), Some("# Deploy\n\n- At noon.\n"));
}

#[test]
fn an_old_statement_takes_the_place_of_the_new_one_in_its_dress() {
    let (old, new) =
        ("* Deploys go out\n  on Tuesday.\n", "# Deploy\n\n1. Deploys go out on Thursday.\n2. Ask.\n");
    let instead = |nth| Insertion { source: old, nth: 0, instead_of: Some(nth) };
    let none = BTreeSet::new();
    assert_eq!(
        edited(new, &none, &[instead(0)]).unwrap(),
        "# Deploy\n\n1. Deploys go out on Tuesday.\n2. Ask.\n"
    );
    let table = "| day | what |\n|---|---|\n| Thursday | deploy |\n";
    assert!(edited(table, &none, &[instead(0)]).unwrap().ends_with("| Deploys go out on Tuesday. |\n"));
}

#[test]
fn windows_line_ends_stay() {
    let text = "# A\r\n\r\n- one\r\n- two\r\n";
    there_and_back(text, &["two"]);
}

/// Makes memories of every kind of statement, no two of the same words.
fn any_memory() -> impl Strategy<Value = String> {
    let block = prop_oneof![
        4 => (1..5_usize).prop_map(|n| ("item", n)),
        2 => (1..4_usize).prop_map(|n| ("nested", n)),
        2 => (1..4_usize).prop_map(|n| ("row", n)),
        2 => (1..4_usize).prop_map(|n| ("sentence", n)),
        1 => (1..3_usize).prop_map(|n| ("pair", n)),
        1 => Just(("fence", 1)),
        2 => (1..4_usize).prop_map(|n| ("heading", n)),
    ];
    prop::collection::vec(block, 1..8).prop_map(|blocks| {
        let mut text = String::new();
        let mut word = 0;
        let mut next = || {
            word += 1;
            format!("Word{word} is set")
        };
        for (kind, n) in blocks {
            let parts: Vec<String> = (0..n).map(|_| next()).collect();
            match kind {
                "item" => text.extend(parts.iter().map(|part| format!("- {part}\n"))),
                "nested" => text.extend(
                    parts.iter().enumerate().map(|(at, part)| format!("{}- {part}\n", "  ".repeat(at))),
                ),
                "row" => {
                    text.push_str("| head | of table |\n|---|---|\n");
                    text.extend(parts.iter().map(|part| format!("| {part} | x |\n")));
                }
                "sentence" => text.push_str(&format!("{}.\n", parts.join(". "))),
                "pair" => text.extend(parts.iter().map(|part| format!("{}: on\n", part.replace(' ', "-")))),
                "fence" => text.push_str(&format!("```\n{}\n```\n", parts.join("\n"))),
                _ => text.push_str(&format!("{} {}\n", "#".repeat(n), parts[0])),
            }
            text.push('\n');
        }
        text
    })
}

fn norms(content: &str) -> Vec<String> {
    let mut all: Vec<String> = statements(content).iter().map(|one| normal(one.text)).collect();
    all.sort();
    all
}

fn chosen(content: &str, choice: &[bool]) -> BTreeSet<usize> {
    (0..statements(content).len()).filter(|&at| choice.get(at).copied().unwrap_or_default()).collect()
}

proptest! {
    #[test]
    fn what_is_dropped_is_gone_and_the_rest_stays(text in any_memory(), choice in prop::collection::vec(any::<bool>(), 40)) {
        let drops = chosen(&text, &choice);
        let all = statements(&text);
        let mut kept: Vec<String> =
            (0..all.len()).filter(|at| !drops.contains(at)).map(|at| normal(all[at].text)).collect();
        kept.sort();
        match edited(&text, &drops, &[]) {
            None => prop_assert!(kept.is_empty()),
            Some(left) => prop_assert_eq!(norms(&left), kept, "{}", left),
        }
    }

    #[test]
    fn what_is_put_back_is_all_there(text in any_memory(), choice in prop::collection::vec(any::<bool>(), 40)) {
        let drops = chosen(&text, &choice);
        let left = edited(&text, &drops, &[]);
        let places: Vec<usize> = drops.iter().copied().collect();
        let back = restored(left.as_deref(), &text, &places).unwrap_or_default();
        prop_assert_eq!(norms(&back), norms(&text), "{}", back);
        // And under its own heading.
        let trails = |content: &str| {
            let mut all: Vec<(String, Vec<String>)> = statements(content)
                .iter()
                .map(|one| (normal(one.text), one.headings.iter().map(|&one| normal(one)).collect()))
                .collect();
            all.sort();
            all
        };
        prop_assert_eq!(trails(&back), trails(&text), "{}", back);
    }

    #[test]
    fn a_text_of_another_mind_takes_what_is_put_into_it(
        here in any_memory(), there in any_memory(), choice in prop::collection::vec(any::<bool>(), 40),
    ) {
        let there = there.replace("Word", "Other");
        let places: Vec<usize> = chosen(&there, &choice).into_iter().collect();
        let all = statements(&there);
        let mut expected = norms(&here);
        expected.extend(places.iter().map(|&at| normal(all[at].text)));
        expected.sort();
        let found = restored(Some(&here), &there, &places).map_or_else(Vec::new, |text| norms(&text));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_edit_changes_nothing(text in any_memory()) {
        prop_assume!(!statements(&text).is_empty());
        prop_assert_eq!(edited(&text, &BTreeSet::new(), &[]), Some(text));
    }
}
