//! Trust: which statements of a candidate rest on nothing but the output of tools.
//!
//! Anybody may have written what a tool returns: a page of the web, an e-mail, a file of somebody else's. A
//! statement that only a tool has said is **untrusted**, and stays so however often it is reworded, merged
//! or moved: a rewrite never raises the trust of what it came from. Only a user saying it does.
//!
//! An agent is believed in what it says first. What it says after a tool said it is taken for a repetition
//! and raises nothing: agents repeat what they read. A statement that no session is known to have said is
//! not untrusted, since dreams join and reword what is there; whether it belongs there is for other gates.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::memory::ContentHash;
use crate::text::lexicon;
use crate::text::specifics::{Kind, Specific, spelled};
use crate::text::statement::statements;
use crate::text::token::tokens;

use super::testimony::{Speaker, Testimony};
use super::{Fate, Ledger};

/// How many of a statement's words a saying must have, where it has all its specifics.
const WORDS_WITH_SPECIFICS: f64 = 0.5;
/// How many it must have where there are no specifics to go by.
const WORDS_ALONE: f64 = 0.75;
/// Fewer words than this, without specifics, are said by accident.
const FEWEST_WORDS: usize = 3;

/// Why a statement is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distrust {
    /// Only a tool said it.
    OnlyTool,
    /// It carries on a statement that is not trusted.
    Inherited,
}

impl Distrust {
    /// Returns what findings call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::OnlyTool => "untrusted: only a tool's output says this",
            Self::Inherited => "untrusted: made of a statement that only a tool's output says",
        }
    }
}

/// Returns the statements of a candidate that are not trusted, by their place in `ledger.after`. `before` are
/// those of the live store, by hash.
pub fn untrusted(
    ledger: &Ledger<'_>,
    testimony: &Testimony,
    before: &BTreeSet<ContentHash>,
) -> BTreeMap<usize, Distrust> {
    let trusted: HashSet<ContentHash> =
        ledger.before.iter().map(|old| old.hash).filter(|hash| !before.contains(hash)).collect();
    let mut parents: HashMap<usize, Vec<usize>> = HashMap::new();
    for (old, judged) in ledger.fates.iter().enumerate() {
        for &heir in &judged.heirs {
            if judged.fate != Fate::Lost {
                parents.entry(heir).or_default().push(old);
            }
        }
    }
    let mut suspects: BTreeMap<usize, (Distrust, Facts)> = BTreeMap::new();
    for (at, statement) in ledger.after.iter().enumerate() {
        if trusted.contains(&statement.hash) {
            continue;
        }
        let parents = parents.get(&at).map_or(&[][..], Vec::as_slice);
        let inherits = before.contains(&statement.hash)
            || parents.iter().any(|&old| before.contains(&ledger.before[old].hash));
        if inherits {
            suspects.insert(at, (Distrust::Inherited, Facts::of(statement.statement.text)));
            continue;
        }
        if testimony.sayings.is_empty() {
            continue;
        }
        let facts = Facts::of(statement.statement.text);
        let carries_on = parents.iter().filter(|&&old| ledger.fates[old].fate != Fate::Superseded);
        let known: Vec<Facts> = carries_on.map(|&old| Facts::of(ledger.before[old].statement.text)).collect();
        let has_known = |specific: &Specific| known.iter().any(|old| old.specifics.contains(specific));
        if known.is_empty() || !facts.specifics.iter().all(has_known) {
            suspects.insert(at, (Distrust::OnlyTool, facts));
        }
    }
    let heard = Heard::of(testimony, &suspects);
    suspects.retain(|at, (distrust, _)| match distrust {
        Distrust::Inherited => !heard.by_user.contains(at),
        Distrust::OnlyTool => {
            let tool = heard.first_tool.get(at);
            let agent_was_first = heard.first_agent.get(at).is_some_and(|agent| Some(agent) < tool);
            tool.is_some() && !heard.by_user.contains(at) && !agent_was_first
        }
    });
    suspects.into_iter().map(|(at, (distrust, _))| (at, distrust)).collect()
}

/// What of a statement a saying must hold.
#[derive(Debug, Default)]
struct Facts {
    specifics: BTreeSet<Specific>,
    words: BTreeSet<String>,
}

impl Facts {
    fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let mut facts = Self::default();
        let mut spells = vec![false; tokens.len()];
        for found in spelled(&tokens) {
            // Which words are names depends on where a sentence begins; they count as words.
            if !matches!(found.specific.kind, Kind::Polarity | Kind::Name | Kind::Quote) {
                spells[found.tokens.clone()].fill(true);
                let value = found.specific.value;
                facts.specifics.insert(Specific { kind: plain(found.specific.kind), value });
            }
        }
        for (token, _) in tokens.iter().zip(&spells).filter(|(_, spells)| !**spells) {
            if lexicon::is_negation(&token.norm) || !lexicon::is_function_word(&token.norm) {
                facts.words.insert(lexicon::stem(&token.norm).to_owned());
            }
        }
        facts
    }

    fn can_be_said(&self) -> bool {
        !self.specifics.is_empty() || self.words.len() >= FEWEST_WORDS
    }

    /// Says whether what was said holds this.
    fn are_in(&self, said: &Facts) -> bool {
        if !self.specifics.is_subset(&said.specifics) {
            return false;
        }
        let shared = self.words.intersection(&said.words).count() as f64;
        let share = if self.specifics.is_empty() { WORDS_ALONE } else { WORDS_WITH_SPECIFICS };
        shared >= share * self.words.len() as f64
    }
}

/// A name in code and the same without its marks are one: which it is depends on who writes.
fn plain(kind: Kind) -> Kind {
    match kind {
        Kind::Code | Kind::Path => Kind::Identifier,
        kind => kind,
    }
}

/// Who said which suspect, and when first, as the place of the saying.
#[derive(Default)]
struct Heard {
    by_user: BTreeSet<usize>,
    first_tool: BTreeMap<usize, usize>,
    first_agent: BTreeMap<usize, usize>,
}

impl Heard {
    fn of(testimony: &Testimony, suspects: &BTreeMap<usize, (Distrust, Facts)>) -> Self {
        // Each suspect is looked up by its specifics, or by its words where it has none.
        let mut by_key: HashMap<&str, Vec<usize>> = HashMap::new();
        for (&at, (_, facts)) in suspects.iter().filter(|(_, (_, facts))| facts.can_be_said()) {
            match facts.specifics.iter().max_by_key(|specific| specific.value.len()) {
                Some(specific) => by_key.entry(&specific.value).or_default().push(at),
                None => facts.words.iter().for_each(|word| by_key.entry(word).or_default().push(at)),
            }
        }
        let mut heard = Self::default();
        if by_key.is_empty() {
            return heard;
        }
        for (place, saying) in testimony.sayings.iter().enumerate() {
            for at in said_in(&saying.text, &by_key, suspects) {
                match saying.speaker {
                    Speaker::User => drop(heard.by_user.insert(at)),
                    Speaker::Agent => drop(heard.first_agent.entry(at).or_insert(place)),
                    Speaker::Tool => drop(heard.first_tool.entry(at).or_insert(place)),
                }
            }
        }
        heard
    }
}

/// Returns the suspects that a text says: each in one statement of it, or in two that follow each other.
fn said_in(
    text: &str,
    by_key: &HashMap<&str, Vec<usize>>,
    suspects: &BTreeMap<usize, (Distrust, Facts)>,
) -> BTreeSet<usize> {
    let mut said = BTreeSet::new();
    let mut last = Facts::default();
    for statement in statements(text) {
        let facts = Facts::of(statement.text);
        let here = [&facts, &last].into_iter();
        let keys = here.flat_map(|facts| {
            facts.specifics.iter().map(|s| s.value.as_str()).chain(facts.words.iter().map(String::as_str))
        });
        let candidates: BTreeSet<usize> = keys.filter_map(|key| by_key.get(key)).flatten().copied().collect();
        let mut both = Facts::default();
        if !candidates.is_empty() {
            both.specifics = facts.specifics.union(&last.specifics).cloned().collect();
            both.words = facts.words.union(&last.words).cloned().collect();
            let above = statement.headings.iter().chain(&statement.parents);
            for context in above.map(|text| Facts::of(text)) {
                both.specifics.extend(context.specifics);
                both.words.extend(context.words);
            }
        }
        said.extend(candidates.into_iter().filter(|at| suspects[at].1.are_in(&both)));
        last = facts;
    }
    said
}

#[cfg(test)]
mod tests;
