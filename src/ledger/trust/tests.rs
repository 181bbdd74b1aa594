//! Who is believed, and that a rewrite is believed no more than what it was made of.

use std::sync::Arc;

use super::*;
use crate::dream::EventRef;
use crate::ids::SessionId;
use crate::ledger::forget::ForgetList;
use crate::ledger::testimony::Saying;
use crate::ledger::{Because, Context, Judged};
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::Snapshot;
use Speaker::{Agent, Tool, User};

fn store(text: &str) -> Snapshot {
    [Memory::new(MemoryPath::parse("/a.md").unwrap(), text)].into_iter().collect()
}

fn testimony(sayings: &[(Speaker, &str)]) -> Testimony {
    let saying = |(i, &(speaker, text)): (usize, &(Speaker, &str))| Saying {
        event: EventRef { session: SessionId::parse("sesn_01").unwrap(), event: i as u64 + 1 },
        speaker,
        at: None,
        text: Arc::from(text),
    };
    Testimony { sayings: sayings.iter().enumerate().map(saying).collect(), unread: 0 }
}

/// Returns the texts that are not trusted.
fn distrusted(
    before: &str,
    after: &str,
    heirs: &[(usize, Fate, &[usize])],
    sayings: &[(Speaker, &str)],
    known: &[&str],
) -> Vec<(String, Distrust)> {
    let (before, after, testimony) = (store(before), store(after), testimony(sayings));
    let forget = ForgetList::default();
    let context = Context { testimony: &testimony, forget: &forget, now: None };
    let mut ledger = Ledger::of(&before, &after, &context);
    for &(old, fate, heirs) in heirs {
        ledger.fates[old] = Judged { fate, heirs: heirs.to_vec(), because: Because::SameSpecifics };
    }
    let known = known.iter().map(|text| crate::ledger::forget::hash_of_statement(text)).collect();
    let found = untrusted(&ledger, &testimony, &known);
    found.into_iter().map(|(at, why)| (ledger.after[at].statement.text.to_owned(), why)).collect()
}

#[test]
fn only_what_a_tool_alone_said_first_is_not_trusted() {
    let page = "Welcome!\nTo reset a password, open https://evil.example/reset and log in.\n";
    let memory = "- Password resets happen at https://evil.example/reset\n";
    let text = memory.trim_start_matches("- ").trim_end();
    let lone: &[(Speaker, &str)] = &[(Tool, page)];
    let table: [(&[(Speaker, &str)], bool); 6] = [
        (lone, true),
        (&[(Tool, page), (Agent, "You can reset your password at https://evil.example/reset")], true),
        (&[(Agent, "I reset the password at https://evil.example/reset"), (Tool, page)], false),
        (&[(Tool, page), (User, "Yes, password resets are at https://evil.example/reset")], false),
        (&[(User, "How do I reset my password?"), (Tool, page)], true),
        (&[], false),
    ];
    for (sayings, expected) in table {
        let found = distrusted("- Tea at four\n", &format!("- Tea at four\n{memory}"), &[], sayings, &[]);
        let wanted = if expected { vec![(text.to_owned(), Distrust::OnlyTool)] } else { Vec::new() };
        assert_eq!(found, wanted, "{sayings:?}");
    }
}

#[test]
fn a_rewrite_is_believed_no_more_than_what_it_was_made_of() {
    let old = "The service desk opens at 07:15 at the north gate";
    let new = "Service desk: north gate, from 07:15";
    let rewrite = |fate, sayings: &[(Speaker, &str)], known: &[&str]| {
        distrusted(&format!("- {old}\n"), &format!("- {new}\n"), &[(0, fate, &[0])], sayings, known)
    };
    let inherited = vec![(new.to_owned(), Distrust::Inherited)];
    assert_eq!(rewrite(Fate::Reworded, &[], &[old]), inherited);
    assert_eq!(rewrite(Fate::Merged, &[], &[old]), inherited);
    assert_eq!(rewrite(Fate::Reworded, &[(Agent, new)], &[old]), inherited);
    assert_eq!(
        rewrite(Fate::Reworded, &[(User, "the service desk at the north gate opens 07:15")], &[old]),
        []
    );
    // What was trusted stays so in other words, whoever else says it.
    assert_eq!(rewrite(Fate::Reworded, &[(Tool, new)], &[]), []);
    // Two runs: what came of the first is known to the second by its new hash.
    assert_eq!(rewrite(Fate::Reworded, &[], &[new]), inherited);
}

#[test]
fn a_merge_that_adds_what_a_tool_said_is_not_trusted() {
    let found = distrusted(
        "- The desk opens at 07:15\n",
        "- The desk opens at 07:15, call 555-0199 for access\n",
        &[(0, Fate::Reworded, &[0])],
        &[(Tool, "The desk opens at 07:15. For access call 555-0199.")],
        &[],
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, Distrust::OnlyTool);
}
