//! Edits: statements taken out of a memory, and statements of another text put in at their place.
//!
//! A statement that is put back stands under its heading, after the neighbour it had, in the dress of what
//! stands there: the indentation of the list, the head of the table. [`edited`] takes all edits of one memory
//! at once, so that their order does not matter, and reads its own result again: where a text is written so
//! that a neat edit would join or tear statements, a plainer one is made.

use std::collections::{BTreeMap, BTreeSet};

use super::normal::normal;
use super::page::Page;
use super::splice::{Piece, Splice, spliced};
use super::statement::{Kind, statements};

/// A statement of another text that is put into a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insertion<'s> {
    /// The text it comes from, as a whole: what stands around it there says where it belongs.
    pub source: &'s str,
    /// Its place among the statements of that text.
    pub nth: usize,
    /// The statement of the memory whose place it takes, by its place there.
    pub instead_of: Option<usize>,
}

/// How careful an edit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// As a person would write it.
    Neat,
    /// Apart from everything by blank lines.
    Apart,
    /// At the end, each on its own.
    AtEnd,
}

/// Returns a memory without some of its statements, by their places, and with others put in. Nothing is
/// returned if no statement is left: an empty memory is deleted.
///
/// Places that do not exist are passed over. Takes time linear in the size of the texts, unless some
/// statement can only be put in by itself.
pub fn edited(content: &str, drops: &BTreeSet<usize>, insertions: &[Insertion<'_>]) -> Option<String> {
    let page = Page::read(content);
    let mut sources: Vec<Page<'_>> = Vec::new();
    let mut by_source: BTreeMap<usize, BTreeMap<usize, Option<usize>>> = BTreeMap::new();
    for insertion in insertions {
        let known = sources.iter().position(|source| std::ptr::eq(source.content, insertion.source));
        let at = known.unwrap_or_else(|| {
            sources.push(Page::read(insertion.source));
            sources.len() - 1
        });
        if insertion.nth < sources[at].statements.len() {
            let replaced = insertion.instead_of.filter(|&place| place < page.statements.len());
            by_source.entry(at).or_default().insert(insertion.nth, replaced);
        }
    }
    let mut wanted: Vec<String> = Vec::new();
    let replaced: BTreeSet<usize> =
        by_source.values().flat_map(BTreeMap::values).flatten().copied().collect();
    for (place, statement) in page.statements.iter().enumerate() {
        if !drops.contains(&place) && !replaced.contains(&place) {
            wanted.push(normal(statement.text));
        }
    }
    for (&source, places) in &by_source {
        wanted.extend(places.keys().map(|&place| normal(sources[source].statements[place].text)));
    }
    if wanted.is_empty() {
        return None;
    }
    wanted.sort();
    let mut text = String::new();
    for care in [Care::Neat, Care::Apart, Care::AtEnd] {
        text = written(&page, drops, &sources, &by_source, care);
        let mut found: Vec<String> = statements(&text).iter().map(|one| normal(one.text)).collect();
        found.sort();
        if found == wanted {
            break;
        }
    }
    Some(text)
}

/// Returns a memory with statements of another text put back at their place: as [`edited`], for a memory
/// that may be gone.
pub fn restored(content: Option<&str>, source: &str, places: &[usize]) -> Option<String> {
    let insertion = |&nth| Insertion { source, nth, instead_of: None };
    let insertions: Vec<Insertion<'_>> = places.iter().map(insertion).collect();
    let all = statements(source).len();
    let is_whole = places.iter().collect::<BTreeSet<_>>().len() == all;
    match content {
        None if is_whole => Some(source.to_owned()),
        content => edited(content.unwrap_or_default(), &BTreeSet::new(), &insertions),
    }
}

fn written(
    page: &Page<'_>,
    drops: &BTreeSet<usize>,
    sources: &[Page<'_>],
    by_source: &BTreeMap<usize, BTreeMap<usize, Option<usize>>>,
    care: Care,
) -> String {
    let mut gone = drops.clone();
    let mut splices: Vec<Splice> = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut order = 0;
    let mut inserted_into: BTreeSet<usize> = BTreeSet::new();
    // What takes the place of another goes first: the rest is put beside what is left.
    let mut beside: Vec<(usize, usize, usize)> = Vec::new();
    // What would read differently in the other's dress stands by itself.
    let mut apart: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (&source, places) in by_source {
        for (&place, &replaced) in places {
            let Some(replaced) = replaced else { continue };
            gone.insert(replaced);
            let new = &page.statements[replaced];
            let old = &sources[source].statements[place];
            let is_block = old.kind == Kind::Block || new.kind == Kind::Block;
            if care != Care::Neat && old.kind != new.kind {
                apart.insert((source, place));
                continue;
            }
            if taken.insert(replaced) && (!is_block || old.kind == new.kind) {
                let text = if is_block { old.text.to_owned() } else { one_line(old.text) };
                splices.push(Splice::in_place(new.text_span.clone(), text));
                if let Some(section) = page.section_of(replaced) {
                    inserted_into.insert(section);
                }
            } else {
                beside.push((source, place, replaced));
            }
        }
    }
    let substituted: BTreeSet<usize> = taken
        .iter()
        .copied()
        .filter(|&place| splices.iter().any(|s| s.is_at(&page.statements[place])))
        .collect();
    for (source, place, replaced) in beside {
        let at = page.statements[replaced].span.end;
        let piece = Piece::of(&sources[source], place..place + 1, page.column(replaced));
        splices.push(Splice::lines(at, order, piece));
        order += 1;
        if let Some(section) = page.section_of(replaced) {
            inserted_into.insert(section);
        }
    }
    for (&source, places) in by_source {
        let origin = &sources[source];
        let is_put = |&(place, replaced): &(&usize, &Option<usize>)| {
            replaced.is_none() || apart.contains(&(source, *place))
        };
        let restored: BTreeSet<usize> = places.iter().filter(is_put).map(|(&place, _)| place).collect();
        let kept = |place: usize| !gone.contains(&place) || substituted.contains(&place);
        let counterparts = page.counterparts(origin, &kept);
        let mut opened: BTreeSet<usize> = BTreeSet::new();
        for run in origin.runs(&restored) {
            let placed = match care {
                Care::AtEnd => page.at_end(origin, &run),
                care => page.placed(origin, &run, &counterparts, &mut opened, care == Care::Neat),
            };
            if let Some(section) = placed.section {
                inserted_into.extend(page.with_sections_above(section));
            }
            for mut splice in placed.splices {
                splice.order = order;
                order += 1;
                splices.push(splice);
            }
        }
    }
    let cut: BTreeSet<usize> = gone.difference(&substituted).copied().collect();
    splices.extend(page.cuts(&cut, &inserted_into, care == Care::Neat));
    spliced(page, &cut, splices, care != Care::Neat)
}

/// Puts a text of several lines on one, as a line that is not its own needs it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
