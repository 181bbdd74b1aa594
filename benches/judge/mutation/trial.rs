//! Trials: many edits thrown, and the share of them a judge told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use dreamrun::ledger::forget::ForgetList;
use dreamrun::ledger::testimony::Testimony;
use dreamrun::ledger::{Context, Fate, Ledger};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use rayon::prelude::*;

use super::dice::Dice;
use super::edit::{self, Harm};
use super::faith::{self, Manner};
use super::harm::{self, Kind};
use super::pieces::Files;
use super::stores::Base;

/// What a judge says of one statement of the first store.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Its memory.
    pub(crate) path: String,
    /// Where its text stands.
    pub(crate) span: Range<usize>,
    /// Whether it is lost.
    pub(crate) is_lost: bool,
    /// The word for its fate.
    pub(crate) fate: &'static str,
}

/// Whatever finds out what became of the statements of a store.
pub(crate) type Judge = fn(&Snapshot, &Snapshot) -> Vec<Said>;

/// The ledger as judge, when no session said anything.
pub(crate) fn ledger(before: &Snapshot, after: &Snapshot) -> Vec<Said> {
    let (testimony, forget) = (Testimony::default(), ForgetList::default());
    let ledger = Ledger::of(before, after, &Context { testimony: &testimony, forget: &forget, now: None });
    ledger
        .before
        .iter()
        .zip(&ledger.fates)
        .map(|(located, judged)| Said {
            path: located.path.as_str().to_owned(),
            span: located.statement.text_span.clone(),
            is_lost: judged.fate == Fate::Lost,
            fate: judged.fate.as_str(),
        })
        .collect()
}

/// A judge that calls everything kept: what no figure may be taken from.
pub(crate) fn trusting(before: &Snapshot, after: &Snapshot) -> Vec<Said> {
    ledger(before, after).into_iter().map(|said| Said { is_lost: false, ..said }).collect()
}

/// A judge that calls lost whatever is not word for word where it was.
pub(crate) fn literal(before: &Snapshot, after: &Snapshot) -> Vec<Said> {
    ledger(before, after)
        .into_iter()
        .map(|said| {
            let same = |memory: &Memory| memory.path.as_str() == said.path;
            let text = |snapshot: &Snapshot| snapshot.iter().find(|m| same(m)).map(|m| m.content.clone());
            let is_there = text(before)
                .is_some_and(|was| text(after).is_some_and(|is| is.contains(&was[said.span.clone()])));
            Said { is_lost: !is_there, ..said }
        })
        .collect()
}

/// Makes a snapshot of texts.
pub(crate) fn snapshot(files: &Files) -> Snapshot {
    files
        .iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .filter_map(|(path, text)| Some(Memory::new(MemoryPath::parse(path).ok()?, text.as_str())))
        .collect()
}

/// How many trials of one kind were made and how they went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// Trials.
    pub(crate) trials: usize,
    /// Trials in which something was lost: the touched statement for harm, anything for faith.
    pub(crate) lost: usize,
    /// Harmful trials in which a statement beside the touched ones was lost.
    pub(crate) beside: usize,
    /// What went wrong, in words, with the seed of each: missed harm or false alarms.
    pub(crate) errors: Vec<String>,
}

impl Row {
    /// Returns the share of trials in which something was lost.
    pub(crate) fn share(&self) -> f64 {
        self.lost as f64 / self.trials.max(1) as f64
    }

    fn add(&mut self, other: Self) {
        self.trials += other.trials;
        self.lost += other.lost;
        self.beside += other.beside;
        self.errors.extend(other.errors);
    }
}

/// Rows by kind and by how exactly, in the order of the table.
pub(crate) type Table = BTreeMap<(usize, &'static str), Row>;

/// Returns a row over all of one kind, by its place in the table.
pub(crate) fn total(table: &Table, kind: usize) -> Row {
    let mut sum = Row::default();
    for (_, row) in table.iter().filter(|((of, _), _)| *of == kind) {
        sum.add(row.clone());
    }
    sum
}

fn collect(rows: impl IntoParallelIterator<Item = Option<((usize, &'static str), Row)>>) -> Table {
    let rows: Vec<_> = rows.into_par_iter().flatten().collect();
    let mut table = Table::new();
    for (key, row) in rows {
        table.entry(key).or_default().add(row);
    }
    table
}

/// One harmful edit, thrown and not yet judged.
struct Throw<'b> {
    base: &'b Base,
    kind: Kind,
    harm: Harm,
    dice: Dice,
    trial: usize,
}

impl Throw<'_> {
    /// Tells two throws apart that do different harm.
    fn key(&self) -> String {
        let edits = self.harm.edits.iter().map(|edit| format!("{} {:?} {}", edit.path, edit.at, edit.with));
        format!("{} {}", self.base.name, edits.collect::<Vec<_>>().join("; "))
    }
}

/// Throws harmful edits, no two alike, as many of each kind where there are so many; every other one
/// among faithful edits elsewhere.
pub(crate) fn harmful(bases: &[Base], count: usize, seed: u64, judge: Judge) -> Table {
    /// How often a throw that was made before is made again in another place.
    const AGAIN: usize = 2;
    let thrown: Vec<Throw<'_>> = (0..count * AGAIN)
        .into_par_iter()
        .filter_map(|trial| {
            let mut dice = Dice::new(seed.wrapping_add(trial as u64));
            let kind = Kind::ALL[trial % Kind::ALL.len()];
            (0..bases.len() * 6).find_map(|_| {
                let base = dice.pick(bases)?;
                let way = trial / Kind::ALL.len();
                let harm = harm::harm(kind, way, &base.files, &base.pieces, &mut dice)?;
                Some(Throw { base, kind, harm, dice: dice.clone(), trial })
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    let mut made = [0; Kind::ALL.len()];
    let enough = count.div_ceil(Kind::ALL.len());
    let distinct: Vec<Throw<'_>> = thrown
        .into_iter()
        .filter(|throw| {
            let fits = made[throw.kind as usize] < enough && seen.insert(throw.key());
            made[throw.kind as usize] += usize::from(fits);
            fits
        })
        .collect();
    collect(distinct.into_par_iter().map(|throw| Some(harmful_trial(throw, judge))))
}

fn harmful_trial(throw: Throw<'_>, judge: Judge) -> ((usize, &'static str), Row) {
    let Throw { base, kind, harm, mut dice, trial } = throw;
    let dice = &mut dice;
    let mut before = base.files.clone();
    let mut after = edit::apply(&before, &harm.edits);
    let mut manners = Vec::new();
    if dice.one_in(2) {
        for _ in 0..1 + dice.roll(3) {
            let manner = Manner::ALL[dice.roll(Manner::ALL.len())];
            if !manner.adds() && faith::edit(manner, &mut before, &mut after, dice).is_some() {
                manners.push(manner.as_str());
            }
        }
    }
    let said = judge(&snapshot(&before), &snapshot(&after));
    let is_touched = |said: &Said| {
        harm.touched.iter().any(|(path, span)| {
            *path == said.path && said.span.start < span.end && span.start < said.span.end
        })
    };
    let caught = said.iter().any(|said| said.is_lost && is_touched(said));
    let beside = said.iter().any(|said| said.is_lost && !is_touched(said));
    let mut errors = Vec::new();
    if !caught {
        let fates: Vec<&str> = said.iter().filter(|said| is_touched(said)).map(|said| said.fate).collect();
        let edits = harm.edits.iter().map(|edit| {
            let text = &base.files[&edit.path];
            let around = edit.at.start.saturating_sub(0)..edit.at.end;
            format!("`{}` → `{}`", &text[around], edit.with)
        });
        let edits: Vec<String> = edits.collect();
        let texts: Vec<&str> =
            harm.touched.iter().map(|(path, span)| &base.files[path][span.clone()]).collect();
        errors.push(format!(
            "{} #{trial} {} ({fates:?}{}{}): {} IN {texts:?}",
            base.name,
            harm.how,
            if manners.is_empty() { "" } else { ", with " },
            manners.join(", "),
            edits.join("; "),
        ));
    }
    let row = Row { trials: 1, lost: usize::from(caught), beside: usize::from(beside), errors };
    ((kind as usize, harm.how), row)
}

/// Throws faithful edits, as many of each manner; every other one together with one or two more.
pub(crate) fn faithful(bases: &[Base], count: usize, seed: u64, judge: Judge) -> Table {
    collect((0..count).into_par_iter().map(|trial| {
        let mut dice = Dice::new(seed.wrapping_add(trial as u64));
        let manner = Manner::ALL[trial % Manner::ALL.len()];
        (0..bases.len() * 6).find_map(|_| faithful_trial(dice.pick(bases)?, manner, &mut dice, trial, judge))
    }))
}

fn faithful_trial(
    base: &Base,
    manner: Manner,
    dice: &mut Dice,
    trial: usize,
    judge: Judge,
) -> Option<((usize, &'static str), Row)> {
    let mut before = base.files.clone();
    let mut after = before.clone();
    let how = faith::edit(manner, &mut before, &mut after, dice)?;
    let mut others = Vec::new();
    if dice.one_in(2) {
        for _ in 0..1 + dice.roll(2) {
            let other = Manner::ALL[dice.roll(Manner::ALL.len())];
            if let Some(how) = faith::edit(other, &mut before, &mut after, dice) {
                others.push(how);
            }
        }
    }
    let said = judge(&snapshot(&before), &snapshot(&after));
    let lost: Vec<&Said> = said.iter().filter(|said| said.is_lost).collect();
    let errors = if lost.is_empty() {
        Vec::new()
    } else {
        vec![alarm(base, how, &others, trial, &lost, &before, &after)]
    };
    let row = Row { trials: 1, lost: usize::from(!lost.is_empty()), beside: 0, errors };
    let named = if manner == Manner::Synonym { "one word" } else { how };
    Some(((manner as usize, named), row))
}

/// Tells of a false alarm: what was called lost, and the lines that differ.
fn alarm(
    base: &Base,
    how: &str,
    others: &[&str],
    trial: usize,
    lost: &[&Said],
    before: &Files,
    after: &Files,
) -> String {
    let text = before.get(&lost[0].path).map_or("", |text| &text[lost[0].span.clone()]);
    let lines = |files: &Files| -> BTreeSet<String> {
        files.values().flat_map(|text| text.lines()).map(|line| line.trim().to_owned()).collect()
    };
    let (was, is) = (lines(before), lines(after));
    let shown =
        |lines: &mut dyn Iterator<Item = &String>| lines.take(4).cloned().collect::<Vec<_>>().join(" ⏎ ");
    format!(
        "{} #{trial} {how}{}{}: {} lost, first {text:?}\n    WAS {}\n    IS  {}",
        base.name,
        if others.is_empty() { "" } else { " with " },
        others.join(", "),
        lost.len(),
        shown(&mut was.difference(&is)),
        shown(&mut is.difference(&was)),
    )
}
