//! Headings: those that are a sentence over nothing, and are gone.
//!
//! `## Never restart db-1` with nothing below it is context of no statement, so no fate would tell of it.
//! One that is gone is put among the lost statements, behind those of its memory.

use std::collections::{HashMap, HashSet};

use crate::ledger::{Because, Fate, Judged, Located};
use crate::memory::ContentHash;
use crate::text::normal::normal;
use crate::text::statement::{Kind, Statement, bare_headings};

use super::likeness::{Likeness, Side, compare};
use super::phrase::Phrase;
use super::reading::Reading;

/// With how many statements of its memory a heading is compared.
const TRIES: usize = 64;

/// A heading of the first store that nothing of the second says, and the number of its memory.
pub(super) type Gone<'a> = (usize, Located<'a>);

/// Finds the headings that are gone.
pub(super) fn gone<'a>(old: &Reading<'a>, new: &Reading<'a>) -> Vec<Gone<'a>> {
    let changed = old.memories.iter().enumerate().filter(|(_, part)| !part.is_unchanged);
    let bare: Vec<Gone<'a>> = changed
        .flat_map(|(number, part)| {
            let memory = part.memory;
            let locate = move |statement: Statement<'a>| {
                let hash = ContentHash::of(normal(statement.text));
                (number, Located { path: &memory.path, statement, hash })
            };
            bare_headings(&memory.content).into_iter().map(locate)
        })
        .collect();
    if bare.is_empty() {
        return bare;
    }
    let said = said(new);
    let numbers: HashMap<&str, usize> =
        new.memories.iter().enumerate().map(|(at, part)| (part.memory.path.as_str(), at)).collect();
    let is_said = |heading: &Located<'_>| {
        let memory = numbers.get(heading.path.as_str());
        said.contains(&heading.hash) || memory.is_some_and(|&number| is_reworded(heading, new, number))
    };
    bare.into_iter().filter(|(_, heading)| !is_said(heading)).collect()
}

/// What the statements and headings of a store say.
fn said(reading: &Reading<'_>) -> HashSet<ContentHash> {
    let mut said: HashSet<ContentHash> = reading.statements.iter().map(|located| located.hash).collect();
    let mut last: &[&str] = &[];
    for located in &reading.statements {
        let headings = &located.statement.headings[..];
        if headings != last {
            said.extend(headings.iter().map(|text| ContentHash::of(normal(text))));
            last = headings;
        }
    }
    for part in &reading.memories {
        let bare = bare_headings(&part.memory.content);
        said.extend(bare.iter().map(|heading| ContentHash::of(normal(heading.text))));
    }
    said
}

/// Says whether the memory of a heading says it in other words.
fn is_reworded(heading: &Located<'_>, new: &Reading<'_>, memory: usize) -> bool {
    let phrase = Phrase::of(heading.statement.text);
    let bare = bare_headings(&new.memories[memory].memory.content);
    let all =
        new.statements[new.memories[memory].statements.clone()].iter().map(|located| &located.statement);
    all.chain(&bare).take(TRIES).any(|statement| {
        let over = statement.headings.iter().copied().filter(|_| statement.kind != Kind::Block);
        over.chain([statement.text]).any(|text| {
            let other = Phrase::of(text);
            let likeness = compare(&side(&phrase, heading.statement.text), &side(&other, text));
            matches!(likeness, Likeness::Same { .. })
        })
    })
}

fn side<'s>(phrase: &'s Phrase, text: &'s str) -> Side<'s> {
    Side { phrase, text, context: &[], is_row: false, is_code: false }
}

/// Finds, among some statements, lines that led in a list and are the heading over it now, each with the first statement
/// below that heading.
pub(super) fn led_in(old: &Reading<'_>, new: &Reading<'_>, open: &[usize]) -> Vec<(usize, usize)> {
    let lead = |at: usize| {
        let statement = &old.statements[at].statement;
        statement.leads.then(|| statement.text.trim_end().strip_suffix(':')).flatten()
    };
    let leads: Vec<(usize, &str)> = open.iter().filter_map(|&at| Some((at, lead(at)?))).collect();
    if leads.is_empty() {
        return Vec::new();
    }
    let mut below: HashMap<ContentHash, usize> = HashMap::new();
    let mut last: &[&str] = &[];
    for (to, located) in new.statements.iter().enumerate() {
        let headings = &located.statement.headings[..];
        if headings != last {
            last = headings;
            for heading in headings {
                below.entry(ContentHash::of(normal(heading))).or_insert(to);
            }
        }
    }
    let heir = |lead: &str| below.get(&ContentHash::of(normal(lead))).copied();
    leads.into_iter().filter_map(|(at, lead)| Some((at, heir(lead)?))).collect()
}

/// Puts the headings that are gone behind the statements of their memories, as lost.
pub(super) fn put_in<'a>(
    old: Reading<'a>,
    fates: Vec<Judged>,
    gone: Vec<Gone<'a>>,
) -> (Vec<Located<'a>>, Vec<Judged>) {
    if gone.is_empty() {
        return (old.statements, fates);
    }
    let lost = || Judged { fate: Fate::Lost, heirs: Vec::new(), because: Because::Gone };
    let (mut before, mut all) = (Vec::new(), Vec::new());
    let mut judged = old.statements.into_iter().zip(fates);
    let mut gone = gone.into_iter().peekable();
    for (number, part) in old.memories.iter().enumerate() {
        for (located, fate) in judged.by_ref().take(part.statements.len()) {
            before.push(located);
            all.push(fate);
        }
        while let Some((_, heading)) = gone.next_if(|(memory, _)| *memory == number) {
            before.push(heading);
            all.push(lost());
        }
    }
    (before, all)
}
