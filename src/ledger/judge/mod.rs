//! Judge: the fate of each statement.
//!
//! First what stands in the same words, where it may mean the same; then what is said in other words,
//! by one statement or by a few of one memory; then what somebody gave another value; then what a rule
//! lets go. The rest is lost. Each statement is compared with a bounded number of others, so the work
//! is linear in the size of both stores.

mod assertion;
mod clauses;
mod evidence;
mod hasher;
mod headings;
mod index;
mod label;
mod likeness;
mod lists;
mod moment;
mod order;
mod owners;
mod parting;
mod phrase;
mod pieces;
mod place;
mod policy;
mod pooled;
mod polarity;
mod reading;
mod roles;
mod rows;
mod speech;
mod standing;
mod synonyms;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::memory::ContentHash;
use crate::snapshot::Snapshot;
use crate::text::statement::{Kind, Statement};
use crate::text::token::tokens;

use super::{Because, Context, Fate, FateCounts, Judged, Ledger, Located, force};

use evidence::{Asker, Question};
use hasher::KeyHasher;
use index::Index;
use likeness::{Likeness, Rival, Side};
use moment::{Latest, Moment};
use parting::{Nearest, Parting};
use phrase::Phrase;
use place::{Moved, Place, Sections, Stood};
use reading::{Common, Reading};
use rows::{Ordered, in_order, ordered};

/// How many statements with the same words are tried as the heir of one.
const TRIES: usize = 16;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<KeyHasher>>;

/// Finds the fate of every statement of `before` in `after`.
pub(super) fn judge<'a>(before: &'a Snapshot, after: &'a Snapshot, context: &Context<'_>) -> Ledger<'a> {
    let (old, new, common) = reading::read(before, after);
    let mut bench = Bench::new(&old, &new, &common);
    bench.unchanged();
    bench.whole_memories();
    bench.same_words();
    bench.leads_become_headings();
    bench.other_words();
    bench.superseded(context);
    bench.dropped(context);
    bench.widened_lists(context);
    bench.out_of_order();
    bench.other_owners();
    bench.pooled();
    bench.count_shared_heirs();
    let fates: Vec<Judged> = bench
        .fates
        .into_iter()
        .map(|fate| fate.unwrap_or(Judged { fate: Fate::Lost, heirs: Vec::new(), because: Because::Gone }))
        .collect();
    let gone = headings::gone(&old, &new);
    let (before, fates) = headings::put_in(old, fates, gone);
    let mut counts = FateCounts::default();
    let mut is_new = vec![true; new.statements.len()];
    for judged in &fates {
        counts.add(judged.fate);
        if judged.fate != Fate::Lost {
            for &heir in &judged.heirs {
                is_new[heir] = false;
            }
        }
    }
    counts.new = is_new.iter().filter(|&&is_new| is_new).count() as u64;
    Ledger { before, after: new.statements, fates, is_new, counts }
}

/// Everything the judge has in front of it.
struct Bench<'r, 'a> {
    old: &'r Reading<'a>,
    new: &'r Reading<'a>,
    places: Places<'r, 'a>,
    fates: Vec<Option<Judged>>,
    /// For each statement of the second store, whether something stands there that stood there before.
    is_taken: Vec<bool>,
    /// What the first store says anywhere, in the same words.
    stood: HashSet<ContentHash, BuildHasherDefault<KeyHasher>>,
    /// The nearest statement of what is still without a fate.
    rivals: Vec<Nearest>,
}

/// Where statements of both stores stand, read when first asked for.
struct Places<'r, 'a> {
    old: &'r Reading<'a>,
    new: &'r Reading<'a>,
    common: &'r Common,
    known: [Map<(u32, u64), Rc<Place>>; 2],
    /// The memory of the second store that holds what a memory of the first held, which is gone.
    homes: Map<u32, u32>,
    /// Where in the first store the words of what changed its place stand as well: path and trail.
    twins: HashSet<(ContentHash, &'r str, u64)>,
    sections: Option<Sections>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Old,
    New,
}

impl<'r, 'a> Places<'r, 'a> {
    fn reading(&self, store: Store) -> &'r Reading<'a> {
        match store {
            Store::Old => self.old,
            Store::New => self.new,
        }
    }

    fn of(&mut self, store: Store, at: usize) -> Rc<Place> {
        let reading = self.reading(store);
        let located = &reading.statements[at];
        let key = (reading.memory_of[at], place::trail(&located.statement));
        let common = self.common;
        let read = || Rc::new(place::read(located.path, &located.statement, &|word| common.has(word)));
        Rc::clone(self.known[store as usize].entry(key).or_insert_with(read))
    }

    /// Returns the sections of both stores, read once.
    fn sections(&mut self) -> &Sections {
        if self.sections.is_none() {
            let mut sections = Sections::default();
            for store in [Store::Old, Store::New] {
                let reading = self.reading(store);
                let mut last: Option<(u32, u64)> = None;
                for at in 0..reading.statements.len() {
                    let key = (reading.memory_of[at], place::trail(&reading.statements[at].statement));
                    if last.replace(key) == Some(key) {
                        continue;
                    }
                    let place = self.of(store, at);
                    match store {
                        Store::Old => sections.before.extend(place.level_ids()),
                        Store::New => sections.after.extend(place.level_ids()),
                    }
                }
            }
            sections.said = self.new.statements.iter().map(|located| located.hash).collect();
            self.sections = Some(sections);
        }
        self.sections.get_or_insert_with(Sections::default)
    }

    /// Says whether a statement of the first store may stand where one of the second stands.
    fn suit(&mut self, old: usize, new: usize, phrase: &Phrase, stood_there: bool) -> bool {
        let (from, to) = (self.of(Store::Old, old), self.of(Store::New, new));
        if from.trail == to.trail && self.old.statements[old].path == self.new.statements[new].path {
            return true;
        }
        let home = self.homes.get(&self.old.memory_of[old]).copied();
        if home.as_ref() == Some(&self.new.memory_of[new]) && from.trail == to.trail {
            return true;
        }
        let statement = &self.new.statements[new].statement;
        let mut text: HashSet<u64> = phrase.atoms.iter().map(|atom| atom.key).collect();
        text.extend(Phrase::of(clipped(statement)).atoms.iter().map(|atom| atom.key));
        let leans = place::leans(phrase, self.old.statements[old].statement.text);
        let (hash, path) = (self.new.statements[new].hash, self.new.statements[new].path.as_str());
        let has_twin = self.old.statements[old].hash == hash && self.twins.contains(&(hash, path, to.trail));
        let stood = match stood_there {
            true if has_twin => Stood::Twin,
            true => Stood::Near,
            false => Stood::Nowhere,
        };
        let is_home = self.old.statements[old].path == self.new.statements[new].path
            || home == Some(self.new.memory_of[new]);
        let moved = Moved { text: &text, leans, stood, is_home };
        place::suits(&from, &to, &moved, self.sections())
    }
}

/// Fewer shared thousandths do not make what stood already a newer value of the same.
const NEWER_SCORE: u32 = 450;
/// From this many shared thousandths on, what came to stand in the place of a statement denies it.
const DENIAL_SCORE: u32 = 600;
/// A longer statement is compared by its tokens alone.
const PHRASE_BYTES: usize = 20_000;

/// Compares two statements of any length: what lies beyond [`PHRASE_BYTES`] has to be there word by word.
fn compare_whole(old: &Side<'_>, new: &Side<'_>) -> Likeness {
    let found = match likeness::compare(old, new) {
        Likeness::Rival(rival) if clauses::are_said(old, new) => {
            match clauses::keep_owners(old, [new].into_iter()) {
                true => Likeness::Same { score: rival.score },
                false => Likeness::Rival(rival),
            }
        }
        found => found,
    };
    let Likeness::Same { score } = found else { return found };
    if let Some(pooled::Mixed { was, is }) = pooled::halves_mixed(old, new) {
        return Likeness::Rival(Rival { score, was, is: Some(is), new: Vec::new(), shared: Vec::new() });
    }
    if old.text.len() <= PHRASE_BYTES {
        return found;
    }
    let mut left: HashMap<String, i64> = HashMap::new();
    for token in tokens(new.text) {
        *left.entry(token.norm.to_string()).or_default() += 1;
    }
    for token in tokens(old.text) {
        let count = left.entry(token.norm.to_string()).or_default();
        *count -= 1;
        if *count < 0 {
            let was = token.raw.to_owned();
            return Likeness::Rival(Rival { score, was, is: None, new: Vec::new(), shared: Vec::new() });
        }
    }
    found
}

fn clipped<'a>(statement: &Statement<'a>) -> &'a str {
    let text = statement.text;
    let end = (0..=text.len().min(PHRASE_BYTES)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    &text[..end]
}

impl<'r, 'a> Bench<'r, 'a> {
    fn new(old: &'r Reading<'a>, new: &'r Reading<'a>, common: &'r Common) -> Self {
        Self {
            old,
            new,
            places: Places {
                old,
                new,
                common,
                known: Default::default(),
                homes: Map::default(),
                twins: HashSet::new(),
                sections: None,
            },
            fates: vec![None; old.statements.len()],
            is_taken: vec![false; new.statements.len()],
            stood: HashSet::default(),
            rivals: Vec::new(),
        }
    }

    fn settle(&mut self, at: usize, fate: Fate, heirs: Vec<usize>, because: Because) {
        for &heir in &heirs {
            self.is_taken[heir] = true;
        }
        self.fates[at] = Some(Judged { fate, heirs, because });
    }

    fn open(&self) -> Vec<usize> {
        (0..self.fates.len()).filter(|&at| self.fates[at].is_none()).collect()
    }

    /// What stands in memories that nobody touched.
    fn unchanged(&mut self) {
        let (old, new) = (self.old, self.new);
        let mut after_unchanged = new.memories.iter().filter(|part| part.is_unchanged);
        for part in old.memories.iter().filter(|part| part.is_unchanged) {
            let Some(same) = after_unchanged.next() else { break };
            for (from, to) in part.statements.clone().zip(same.statements.clone()) {
                self.settle(from, Fate::Kept, vec![to], Because::SameWords);
            }
        }
    }

    /// Memories that are gone, and others that hold what they held under the same headings: they were
    /// renamed, or joined with another, or were a copy.
    fn whole_memories(&mut self) {
        /// Fewer statements in another memory may be there by chance.
        const SHARED: usize = 3;
        let (old, new) = (self.old, self.new);
        let paths: HashSet<&str> = new.memories.iter().map(|part| part.memory.path.as_str()).collect();
        let is_gone = |part: &&(u32, &reading::Part<'_>)| !paths.contains(part.1.memory.path.as_str());
        let gone: Vec<(u32, &reading::Part<'_>)> = (0..).zip(&old.memories).filter(|p| is_gone(&p)).collect();
        if gone.is_empty() {
            return;
        }
        let key = |located: &Located<'_>| (place::trail(&located.statement), located.hash);
        let mut holders: Map<(u64, ContentHash), Vec<u32>> = Map::default();
        for (_, part) in &gone {
            for located in &old.statements[part.statements.clone()] {
                holders.entry(key(located)).or_default();
            }
        }
        for (at, located) in new.statements.iter().enumerate() {
            if let Some(memories) = holders.get_mut(&key(located))
                && memories.len() < TRIES
                && memories.last() != Some(&new.memory_of[at])
            {
                memories.push(new.memory_of[at]);
            }
        }
        let old_paths: HashSet<&str> = old.memories.iter().map(|part| part.memory.path.as_str()).collect();
        for (number, part) in gone {
            let mut shares: Map<u32, usize> = Map::default();
            for located in &old.statements[part.statements.clone()] {
                for memory in holders.get(&key(located)).into_iter().flatten() {
                    *shares.entry(*memory).or_default() += 1;
                }
            }
            let count = part.statements.len();
            let most = shares.into_iter().max_by_key(|&(memory, shared)| (shared, std::cmp::Reverse(memory)));
            let Some((home, shared)) = most else { continue };
            let there = new.memories[home as usize].memory;
            let is_renamed = there.hash == part.memory.hash && !old_paths.contains(there.path.as_str());
            let is_other = || place::are_opposite_files(&part.memory.path, &there.path);
            if is_renamed || shared >= SHARED && shared * 4 >= count * 3 && !is_other() {
                self.places.homes.insert(number, home);
            }
        }
    }

    /// What stands in the same words: where it stood, elsewhere, or once where it stood twice.
    fn same_words(&mut self) {
        let (old, new) = (self.old, self.new);
        if self.fates.iter().all(Option::is_some) {
            return;
        }
        let mut here: Map<(&str, u64, ContentHash), VecDeque<usize>> = Map::default();
        for at in (0..new.statements.len()).filter(|&at| !self.is_taken[at]) {
            let located = &new.statements[at];
            here.entry((located.path.as_str(), place::trail(&located.statement), located.hash))
                .or_default()
                .push_back(at);
        }
        for at in self.open() {
            let located = &old.statements[at];
            let key = (located.path.as_str(), place::trail(&located.statement), located.hash);
            let Some(places) = here.get_mut(&key) else { continue };
            let same = |to: &usize| says_the_same(located, &new.statements[*to]);
            let found = places.iter().take(TRIES).position(same);
            if let Some(to) = found.and_then(|place| places.remove(place)) {
                self.settle(at, Fate::Kept, vec![to], Because::SameWords);
            }
        }
        drop(here);
        let open = self.open();
        let wanted: HashSet<ContentHash, BuildHasherDefault<KeyHasher>> =
            open.iter().map(|&at| old.statements[at].hash).collect();
        let mut stood: HashSet<(ContentHash, &str), BuildHasherDefault<KeyHasher>> = HashSet::default();
        stood.extend(
            old.statements.iter().filter(|l| wanted.contains(&l.hash)).map(|l| (l.hash, l.path.as_str())),
        );
        let twins = old.statements.iter().filter(|l| wanted.contains(&l.hash));
        self.places.twins = twins.map(|l| (l.hash, l.path.as_str(), place::trail(&l.statement))).collect();
        let mut anywhere: Map<ContentHash, (VecDeque<usize>, Vec<usize>)> = Map::default();
        for (at, located) in new.statements.iter().enumerate().filter(|(_, l)| wanted.contains(&l.hash)) {
            let entry = anywhere.entry(located.hash).or_default();
            if self.is_taken[at] {
                if entry.1.len() < TRIES {
                    entry.1.push(at);
                }
            } else {
                entry.0.push_back(at);
            }
        }
        for at in open {
            let located = &old.statements[at];
            let Some((free, taken)) = anywhere.get_mut(&located.hash) else { continue };
            let phrase = Phrase::of(clipped(&located.statement));
            let is_here = |to: &usize| new.statements[*to].path == located.path;
            let mut tries: Vec<(usize, usize)> = free.iter().copied().enumerate().take(TRIES).collect();
            tries.sort_by_key(|(_, to)| !is_here(to));
            let fits = tries.into_iter().find(|&(_, to)| {
                let stood_there = stood.contains(&(located.hash, new.statements[to].path.as_str()));
                says_the_same(located, &new.statements[to]) && self.places.suit(at, to, &phrase, stood_there)
            });
            if let Some((place, to)) = fits {
                free.remove(place);
                if taken.len() < TRIES {
                    taken.push(to);
                }
                let fate = if is_here(&to) { Fate::Kept } else { Fate::Moved };
                self.settle(at, fate, vec![to], Because::SameWords);
                continue;
            }
            let again = taken.iter().copied().find(|&to| {
                says_the_same(located, &new.statements[to]) && self.places.suit(at, to, &phrase, true)
            });
            if let Some(to) = again {
                self.settle(at, Fate::Merged, vec![to], Because::SameWords);
            } else if let Some(&to) = free.front().or(taken.first()) {
                let parted = Parting::of(&located.statement, &new.statements[to].statement);
                let parted = parted.unwrap_or_else(|| {
                    let (from, place) = (self.places.of(Store::Old, at), self.places.of(Store::New, to));
                    Parting::of_places(&from, &place)
                });
                self.rivals.push(parted.nearest(at, to, 1_000));
            }
        }
    }

    /// Lines that led in a list and are the heading over it now. What stands first below that carries them on.
    fn leads_become_headings(&mut self) {
        for (at, to) in headings::led_in(self.old, self.new, &self.open()) {
            let because = Because::SameSpecifics;
            self.fates[at] = Some(Judged { fate: Fate::Reworded, heirs: vec![to], because });
        }
    }

    /// What other words say, and the nearest statement of what they do not.
    fn other_words(&mut self) {
        let (old, new) = (self.old, self.new);
        let open = self.open();
        if open.is_empty() || new.statements.is_empty() {
            return;
        }
        self.stood.extend(old.statements.iter().map(|located| located.hash));
        let memories: HashMap<&str, u32> =
            new.memories.iter().zip(0..).map(|(part, number)| (part.memory.path.as_str(), number)).collect();
        let same_memory = |at: usize| memories.get(old.statements[at].path.as_str()).copied();
        let mut index = Index::default();
        for &at in &open {
            index.ask(same_memory(at), old.keys(at));
        }
        for at in 0..new.statements.len() {
            let memory = new.memory_of[at];
            let is_changed = !new.memories[memory as usize].is_unchanged;
            index.add(at as u32, memory, is_changed, new.keys(at));
        }
        let mut phrases: Map<usize, Phrase> = Map::default();
        let misplaced: HashMap<usize, Nearest> =
            std::mem::take(&mut self.rivals).into_iter().map(|nearest| (nearest.at, nearest)).collect();
        for &at in &open {
            let mut candidates: Vec<usize> =
                index.nearest(same_memory(at), old.keys(at)).into_iter().map(|to| to as usize).collect();
            let beside = self.beside(at);
            for &to in &beside {
                if !candidates.contains(&to) {
                    candidates.push(to);
                }
            }
            let phrase = Phrase::of(clipped(&old.statements[at].statement));
            let is_fresh = |to: usize| !self.stood.contains(&new.statements[to].hash);
            let in_place: Vec<usize> = beside.into_iter().filter(|&to| is_fresh(to)).collect();
            if let Some(&to) = candidates.first()
                && (in_place.is_empty() || is_fresh(to))
                && self.is_plain_heir(at, to, &phrase, &mut phrases)
            {
                continue;
            }
            for &to in &candidates {
                phrases.entry(to).or_insert_with(|| Phrase::of(clipped(&new.statements[to].statement)));
            }
            self.weigh(at, &phrase, &candidates, &in_place, &phrases, misplaced.get(&at));
        }
    }

    /// Returns the statements that stand where this one stood, between its old neighbours.
    fn beside(&self, at: usize) -> Vec<usize> {
        let memory = &self.old.memories[self.old.memory_of[at] as usize];
        let heir = |at: usize| {
            let judged = self.fates.get(at)?.as_ref()?;
            let heir = *judged.heirs.first()?;
            (self.new.statements[heir].path == self.old.statements[at].path).then_some(heir)
        };
        let above = (memory.statements.start..at).rev().take(4).find_map(heir);
        let below = (at + 1..memory.statements.end).take(4).find_map(heir);
        let after = above.into_iter().flat_map(|heir| [heir + 1, heir + 2]);
        let before = below.into_iter().flat_map(|heir| [heir.checked_sub(1), heir.checked_sub(2)]).flatten();
        let path = self.old.statements[at].path;
        let mut found: Vec<usize> = after
            .chain(before)
            .filter(|&to| self.new.statements.get(to).is_some_and(|s| s.path == path))
            .collect();
        found.dedup();
        found
    }

    /// Settles a statement whose closest candidate stands in its own memory and says the same.
    fn is_plain_heir(
        &mut self,
        at: usize,
        to: usize,
        phrase: &Phrase,
        phrases: &mut Map<usize, Phrase>,
    ) -> bool {
        let (old, new) = (&self.old.statements[at], &self.new.statements[to]);
        if old.path != new.path {
            return false;
        }
        let other = phrases.entry(to).or_insert_with(|| Phrase::of(clipped(&new.statement)));
        let ordered = ordered(&old.statement, &new.statement);
        let (from, place) = (self.places.of(Store::Old, at), self.places.of(Store::New, to));
        let a = side(&old.statement, phrase, &from.keys);
        let b = in_order(side(&new.statement, other, &place.keys), ordered.as_ref());
        let is_same = matches!(compare_whole(&a, &b), Likeness::Same { .. });
        if !is_same || !says_the_same(old, new) || !self.places.suit(at, to, phrase, self.is_taken[to]) {
            return false;
        }
        self.settle(at, Fate::Reworded, vec![to], Because::SameSpecifics);
        true
    }

    /// Compares one statement with its candidates, of which some came to stand where it stood.
    fn weigh(
        &mut self,
        at: usize,
        phrase: &Phrase,
        candidates: &[usize],
        in_place: &[usize],
        phrases: &Map<usize, Phrase>,
        misplaced: Option<&Nearest>,
    ) {
        let (old, new) = (self.old, self.new);
        let place = self.places.of(Store::Old, at);
        let side = side(&old.statements[at].statement, phrase, &place.keys);
        let contexts: Vec<Rc<Place>> = candidates.iter().map(|&to| self.places.of(Store::New, to)).collect();
        let reordered = |&to: &usize| ordered(&old.statements[at].statement, &new.statements[to].statement);
        let reordered: Vec<Option<Ordered>> = candidates.iter().map(reordered).collect();
        let sides: Vec<(usize, Side<'_>)> = candidates
            .iter()
            .zip(contexts.iter().zip(&reordered))
            .filter_map(|(&to, (context, ordered))| {
                let side = self::side(&new.statements[to].statement, phrases.get(&to)?, &context.keys);
                Some((to, in_order(side, ordered.as_ref())))
            })
            .collect();
        let path = old.statements[at].path;
        let mut best: Option<((bool, u32), usize)> = None;
        let mut rival: Option<((bool, u32, bool), Nearest)> = None;
        let mut note = |rank: (bool, u32, bool), found: Nearest| {
            if rival.as_ref().is_none_or(|(most, _)| rank > *most) {
                rival = Some((rank, found));
            }
        };
        let mut is_denied = false;
        for (to, other) in &sides {
            let is_here = new.statements[*to].path == path;
            match compare_whole(&side, other) {
                Likeness::Same { score } => {
                    let statement = &new.statements[*to].statement;
                    if let Some(parted) = Parting::of(&old.statements[at].statement, statement) {
                        note((in_place.contains(to), score, is_here), parted.nearest(at, *to, score));
                        continue;
                    }
                    if !self.places.suit(at, *to, phrase, self.is_taken[*to]) {
                        let parted = Parting::of_places(&place, &self.places.of(Store::New, *to));
                        note((false, score, is_here), parted.nearest(at, *to, score));
                        continue;
                    }
                    let rank = (is_here, score);
                    if best.is_none_or(|(most, _)| rank > most) {
                        best = Some((rank, *to));
                    }
                }
                Likeness::Rival(found) => {
                    is_denied |= found.score >= DENIAL_SCORE && in_place.contains(to);
                    // What came to stand in its place is asked for before what is only like it.
                    let rank = (in_place.contains(to), found.score, is_here);
                    note(rank, Nearest { at, to: *to, rival: found, is_place: false });
                }
                Likeness::Unlike => {}
            }
        }
        // What now says otherwise in its place is not answered by what stood elsewhere all the time.
        let counts = |to: usize| !is_denied || !self.stood.contains(&new.statements[to].hash);
        if let Some((_, to)) = best.filter(|&(_, to)| counts(to)) {
            return self.settle(at, Fate::Reworded, vec![to], Because::SameSpecifics);
        }
        let mut paths: Vec<u32> = sides.iter().map(|(to, _)| new.memory_of[*to]).collect();
        paths.sort_unstable();
        paths.dedup();
        let statement = &old.statements[at].statement;
        let stands = |to: usize| !force::stands_otherwise(statement, &new.statements[to].statement);
        for memory in paths {
            let pieces: Vec<(usize, Side<'_>)> =
                sides.iter().filter(|(to, _)| new.memory_of[*to] == memory && stands(*to)).copied().collect();
            if pieces.len() < 2 {
                continue;
            }
            // What stood before says what it said before: only whole clauses of it count.
            let is_fresh = |to: usize| !self.stood.contains(&new.statements[to].hash);
            let fresh: Vec<(usize, Side<'_>)> =
                pieces.iter().filter(|(to, _)| is_fresh(*to)).copied().collect();
            let whole = if is_denied { &fresh } else { &pieces };
            if let Some(heirs) = clauses::shared_out(&side, whole)
                .or_else(|| pieces::run_on(&side, &fresh))
                .or_else(|| pieces::cover(&side, &fresh))
                && heirs.iter().all(|&to| self.places.suit(at, to, phrase, self.is_taken[to]))
                && clauses::keep_owners(
                    &side,
                    pieces.iter().filter(|(to, _)| heirs.contains(to)).map(|(_, s)| s),
                )
            {
                return self.settle(at, Fate::Merged, heirs, Because::Covered);
            }
        }
        self.rivals.extend(misplaced.cloned().or_else(|| rival.map(|(_, nearest)| nearest)));
    }

    /// What was given another value by somebody, and what was altered by nobody.
    fn superseded(&mut self, context: &Context<'_>) {
        let rivals = std::mem::take(&mut self.rivals);
        let (old, new) = (self.old, self.new);
        let phrases: Vec<(Phrase, Phrase, Rc<Place>, Rc<Place>)> = rivals
            .iter()
            .map(|Nearest { at, to, .. }| {
                let phrase = |statement: &Statement<'_>| Phrase::of(clipped(statement));
                (
                    phrase(&old.statements[*at].statement),
                    phrase(&new.statements[*to].statement),
                    self.places.of(Store::Old, *at),
                    self.places.of(Store::New, *to),
                )
            })
            .collect();
        let mut asked: Vec<usize> = Vec::new();
        let mut questions: Vec<Question<'_>> = Vec::new();
        let mut question_of: HashMap<(ContentHash, ContentHash), usize> = HashMap::new();
        let mut is_updated = vec![false; rivals.len()];
        for (number, (Nearest { at, to, .. }, (x, y, from, place))) in rivals.iter().zip(&phrases).enumerate()
        {
            let (a, b) = (&old.statements[*at], &new.statements[*to]);
            if a.hash == b.hash {
                continue;
            }
            let is_in_place = self.places.suit(*at, *to, x, true);
            if !is_in_place && place::leans(x, a.statement.text) {
                continue;
            }
            let question = *question_of.entry((a.hash, b.hash)).or_insert_with(|| {
                let (old, new) = (side(&a.statement, x, &from.keys), side(&b.statement, y, &place.keys));
                questions.push(Question { old, new, askers: Vec::new() });
                questions.len() - 1
            });
            let question = &mut questions[question];
            question.askers.push(Asker { number, context: &from.keys, is_in_place });
            if is_in_place {
                asked.push(number);
                is_updated[number] = likeness::has_new_figures(&question.old, &question.new);
            }
        }
        let mut said = evidence::answers(&questions, context.testimony);
        let wanted: HashSet<ContentHash> =
            asked.iter().map(|&number| new.statements[rivals[number].to].hash).collect();
        let mut stood: HashMap<ContentHash, Latest> = HashMap::new();
        for (at, located) in old.statements.iter().enumerate().filter(|(_, l)| wanted.contains(&l.hash)) {
            stood.entry(located.hash).or_default().add(self.moment(at));
        }
        for (number, Nearest { at, to, rival, is_place }) in rivals.into_iter().enumerate() {
            if let Some(event) = said.remove(&number) {
                self.settle(at, Fate::Superseded, vec![to], Because::Said(event));
                continue;
            }
            let is_asked = asked.binary_search(&number).is_ok();
            let is_close = rival.is.is_some() && (rival.score >= NEWER_SCORE || is_updated[number]);
            let stood_already = stood.get(&new.statements[to].hash).filter(|_| is_asked && is_close);
            if stood_already.is_some_and(|latest| self.moment(at).is_some_and(|at| latest.is_after(at))) {
                self.settle(at, Fate::Superseded, vec![to], Because::NewerMemory);
                continue;
            }
            let because = match is_place {
                true => Because::Misplaced { was: rival.was, is: rival.is },
                false => Because::Altered { was: rival.was, is: rival.is },
            };
            self.fates[at] = Some(Judged { fate: Fate::Lost, heirs: vec![to], because });
        }
    }

    /// Returns when a statement of the first store was written.
    fn moment(&self, at: usize) -> Option<Moment> {
        let part = &self.old.memories[self.old.memory_of[at] as usize];
        let statements = self.old.statements[part.statements.clone()].iter();
        let head: Vec<&Statement<'_>> = statements.take(TRIES).map(|located| &located.statement).collect();
        Moment::of(part.memory, &head, &self.old.statements[at].statement)
    }

    /// What a rule lets go.
    fn dropped(&mut self, context: &Context<'_>) {
        if context.forget.rules.is_empty() {
            return;
        }
        for at in 0..self.fates.len() {
            if self.fates[at].as_ref().is_some_and(|judged| judged.fate != Fate::Lost) {
                continue;
            }
            let memory = self.old.memories[self.old.memory_of[at] as usize].memory;
            // A rule of age lets statements go; it does not let them be altered.
            let is_gone = self.fates[at].as_ref().is_none_or(|judged| judged.because == Because::Gone);
            let rule = policy::covers(context.forget, &self.old.statements[at], memory, context.now, is_gone);
            if let Some(rule) = rule {
                let because = Because::Rule(rule.to_owned());
                self.fates[at] = Some(Judged { fate: Fate::Dropped, heirs: Vec::new(), because });
            }
        }
    }

    /// Lists that hold what nobody put there.
    fn widened_lists(&mut self, context: &Context<'_>) {
        for lists::Widened { at, was, is, .. } in
            lists::widened(self.old, self.new, &self.fates, context.testimony)
        {
            if let Some(judged) = &mut self.fates[at] {
                judged.fate = Fate::Lost;
                judged.because = Because::Altered { was, is: Some(is) };
            }
        }
    }

    /// Steps that passed others of their list.
    fn out_of_order(&mut self) {
        for order::Passed { at, step, before } in order::passed(self.old, self.new, &self.fates) {
            if let Some(judged) = &mut self.fates[at] {
                judged.fate = Fate::Lost;
                judged.because = Because::Reordered { step, before };
            }
        }
    }

    /// Sentences that came to speak of somebody else.
    fn other_owners(&mut self) {
        for owners::Moved { at, was, is } in owners::moved(self.old, self.new, &self.fates) {
            if let Some(judged) = &mut self.fates[at] {
                judged.fate = Fate::Lost;
                judged.because = Because::Misplaced { was: was.to_owned(), is: Some(is.to_owned()) };
            }
        }
    }

    /// Statements of which one heir pools what belonged to each.
    fn pooled(&mut self) {
        for (at, pooled::Mixed { was, is }) in pooled::found(self.old, self.new, &self.fates) {
            if let Some(judged) = &mut self.fates[at] {
                judged.fate = Fate::Lost;
                judged.because = Because::Altered { was, is: Some(is) };
            }
        }
    }

    /// Statements that one heir carries on together were merged into it.
    fn count_shared_heirs(&mut self) {
        let mut shares = vec![0_u32; self.new.statements.len()];
        for judged in self.fates.iter().flatten().filter(|j| !matches!(j.fate, Fate::Lost | Fate::Superseded))
        {
            for &heir in &judged.heirs {
                shares[heir] += 1;
            }
        }
        for judged in self.fates.iter_mut().flatten().filter(|judged| judged.fate == Fate::Reworded) {
            if judged.heirs.iter().any(|&heir| shares[heir] > 1) {
                judged.fate = Fate::Merged;
                judged.because = Because::Covered;
            }
        }
    }
}

/// Says whether statements in the same words say the same.
fn says_the_same(old: &Located<'_>, new: &Located<'_>) -> bool {
    Parting::of(&old.statement, &new.statement).is_none()
}

fn side<'s>(statement: &'s Statement<'_>, phrase: &'s Phrase, context: &'s [u64]) -> Side<'s> {
    Side {
        phrase,
        text: statement.text,
        context,
        is_row: statement.kind == Kind::Row,
        is_code: statement.kind == Kind::Block,
    }
}

#[cfg(test)]
mod tests;
