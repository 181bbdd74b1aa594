//! Pooled: two things that one statement came to say together, so that nobody knows any more what belongs to which.
//!
//! `Anna prefers email` and `Ben prefers phone calls` are not said by `Anna and Ben prefer email and phone calls`, and
//! `Hugo eats fish` is not said by `Hugo eats no meat and fish`.

use std::collections::BTreeMap;

use crate::ledger::{Fate, Judged};

use super::likeness::{Side, pair_all};
use super::phrase::{Atom, Group, Phrase};
use super::polarity::{self, Turn};
use super::reading::Reading;
use super::{clipped, side};

/// What became of one thing in the company of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mixed {
    /// What belonged to it alone; nothing where only something was added.
    pub(super) was: String,
    /// What stands there now.
    pub(super) is: String,
}

/// Words that join what is said of several.
const JOINING: &[&str] = &["and", "or", "und", "oder", "et", "ou", "y", "o", "e", "as", "plus", "&"];
const ARTICLES: &[&str] = &["the", "a", "an", "der", "die", "das", "le", "la", "les", "el", "los", "las"];
/// Words that give each its own after all.
const EACH_ITS_OWN: &[&str] = &["respectively", "jeweils", "respectivement", "respectivamente"];
/// Words by which somebody vouches for what follows.
const SAYING: &[&str] = &[
    "says",
    "said",
    "reports",
    "reported",
    "claims",
    "claimed",
    "thinks",
    "believes",
    "argues",
    "argued",
    "told",
    "mentioned",
    "sagt",
    "sagte",
    "meint",
    "meinte",
    "dit",
    "dice",
];
/// Words that set what follows apart from what stood before.
const PARTING: &[&str] = &["but", "while", "whereas", "though", "aber", "mais", "pero"];
/// Between what is joined there may stand so many words that both have: `free shipping and free returns`.
const SHARED_BETWEEN: usize = 2;

/// Whose an atom of the heir is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    One,
    Other,
    Both,
    Nobody,
}

/// Two things and the statement that says both.
struct Company<'s> {
    one: &'s Side<'s>,
    other: &'s Side<'s>,
    heir: &'s Side<'s>,
    /// For each atom of the heir, whose it is.
    of: Vec<Of>,
}

impl<'s> Company<'s> {
    fn of(one: &'s Side<'s>, other: &'s Side<'s>, heir: &'s Side<'s>) -> Self {
        let (mine, theirs) = (pair_all(one, heir).back, pair_all(other, heir).back);
        let of = mine.iter().zip(&theirs).map(|pair| match pair {
            (Some(_), Some(_)) => Of::Both,
            (Some(_), None) => Of::One,
            (None, Some(_)) => Of::Other,
            (None, None) => Of::Nobody,
        });
        Self { one, other, heir, of: of.collect() }
    }

    fn atoms(&self) -> &[Atom] {
        &self.heir.phrase.atoms
    }

    /// Returns the places of what only one of the two says, in order. What the heir says twice it may say for each.
    fn parted(&self) -> Vec<usize> {
        let is_repeated = |at: usize| {
            let key = self.atoms()[at].key;
            self.atoms().iter().filter(|atom| atom.key == key).count() > 1
        };
        let is_parted = |at: &usize| {
            let is_ones = matches!(self.of[*at], Of::One | Of::Other);
            is_ones && self.atoms()[*at].weight() > 0 && !is_repeated(*at)
        };
        (0..self.of.len()).filter(is_parted).collect()
    }

    /// Returns what stands between two atoms of the heir.
    fn between(&self, from: usize, to: usize) -> &str {
        let atoms = self.atoms();
        self.heir.text.get(atoms[from].span.end..atoms[to].span.start).unwrap_or_default()
    }

    /// Says whether two atoms are joined, by a word or by a comma right between them.
    fn are_joined(&self, from: usize, to: usize) -> bool {
        let between = self.between(from, to);
        if to - from - 1 > SHARED_BETWEEN || ends_a_clause(between) {
            return false;
        }
        has_word(between, JOINING) || to == from + 1 && between.trim() == ","
    }

    /// Says whether two atoms are items of one list, with nothing but items and what joins them in between.
    fn is_one_list(&self, from: usize, to: usize) -> bool {
        let between = self.parted().into_iter().filter(|at| (from..=to).contains(at)).collect::<Vec<_>>();
        between.windows(2).all(|pair| {
            let gap = self.between(pair[0], pair[1]);
            words(gap).all(|(_, word)| JOINING.contains(&word) || ARTICLES.contains(&word))
        })
    }

    /// Finds where something of one goes on behind something of the other that is joined to it: `Anna and Ben prefer
    /// email`, where Ben prefers phone calls.
    fn pooled(&self) -> Option<(usize, usize)> {
        let parted = self.parted();
        parted.windows(2).enumerate().find_map(|(nth, pair)| {
            let &[first, second] = pair else { return None };
            if self.of[first] == self.of[second] || !self.are_joined(first, second) {
                return None;
            }
            let rest = &parted[nth + 2..];
            let end = rest.iter().copied().take_while(|&at| !ends_a_clause(self.between(second, at)));
            let mut rest = end.filter(|&at| self.of[at] == self.of[first] && !self.is_one_list(second, at));
            rest.next().map(|_| (first, second))
        })
    }

    /// Finds a denial of one alone under which came all that the other has of its own: `eats no meat and fish`.
    fn governing_denial(&self) -> Option<usize> {
        if denies(self.other.phrase) || !denies(self.one.phrase) {
            return None;
        }
        let (atoms, parted) = (self.atoms(), self.parted());
        let theirs: Vec<usize> = parted.into_iter().filter(|&at| self.of[at] == Of::Other).collect();
        let (&first, &last) = (theirs.first()?, theirs.last()?);
        let rules =
            |at: usize| !ends_a_clause(self.between(at, last)) && !has_word(self.between(at, first), PARTING);
        let shared = |at: usize| self.of[at] == Of::Both && atoms[at].weight() > 0;
        (0..first).find(|&at| {
            // Subject and verb stand before it: what follows is all that the other has of its own.
            let is_governed = (0..at).filter(|&before| shared(before)).count() >= 2
                && (at..last).all(|after| !shared(after));
            is_denial(&atoms[at]) && is_governed && rules(at)
        })
    }

    /// Says whether a modal of one came to govern a verb of the other, which lost its ending: `may join and speak`.
    fn is_governed_by_modal(&self) -> bool {
        let (one, other, heir) = (self.one.phrase, self.other.phrase, self.heir.phrase);
        let none = Default::default();
        if one.modality == none || other.modality != none || heir.modality != one.modality {
            return false;
        }
        let back = pair_all(self.other, self.heir).back;
        let modal = words(self.heir.text).find(|(_, word)| polarity::modality(word, Some("to")) != none);
        let Some((modal, _)) = modal else { return false };
        self.parted().into_iter().filter(|&at| self.of[at] == Of::Other).any(|at| {
            let Some(mine) = back[at] else { return false };
            let (was, is) =
                (self.other.atom_text(mine).to_lowercase(), self.heir.atom_text(at).to_lowercase());
            let lost_its_ending = was.strip_suffix('s').is_some_and(|stem| stem == is);
            let from = self.atoms()[at].span.start;
            let between = self.heir.text.get(modal..from).unwrap_or_default();
            lost_its_ending
                && modal < from
                && !ends_a_clause(between)
                && self.atoms()[at].group == Group::Word
        })
    }

    /// Says whether what one alone reports came to be all that the other says: `Vera says that both`.
    fn is_reported(&self) -> bool {
        if !has_word(self.one.text, SAYING) || has_word(self.other.text, SAYING) {
            return false;
        }
        let said = words(self.heir.text).find(|(_, word)| SAYING.contains(word)).map(|(at, _)| at);
        let theirs: Vec<usize> = self.parted().into_iter().filter(|&at| self.of[at] == Of::Other).collect();
        said.zip(theirs.first().zip(theirs.last())).is_some_and(|(said, (&first, &last))| {
            let (first, last) = (self.atoms()[first].span.start, self.atoms()[last].span.start);
            said < first
                && self
                    .heir
                    .text
                    .get(said..last)
                    .is_some_and(|between| !ends_a_clause(between) && !has_word(between, PARTING))
        })
    }
}

/// Finds the statements of which one heir pools what belonged to each.
pub(super) fn found(old: &Reading<'_>, new: &Reading<'_>, fates: &[Option<Judged>]) -> Vec<(usize, Mixed)> {
    /// More statements with one heir are copies of each other, as a rule.
    const COMPANY: usize = 8;
    let mut companies: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, judged) in fates.iter().enumerate() {
        if let Some(Judged { fate: Fate::Reworded, heirs, .. }) = judged
            && let [heir] = heirs[..]
        {
            companies.entry(heir).or_default().push(at);
        }
    }
    let is_company = |company: &[usize]| (2..=COMPANY).contains(&company.len());
    let mut found = Vec::new();
    for (heir, company) in companies.into_iter().filter(|(_, company)| is_company(company)) {
        let heir = &new.statements[heir].statement;
        let words = Phrase::of(clipped(heir));
        let heir = side(heir, &words, &[]);
        let statement = |at: &usize| &old.statements[*at].statement;
        let phrases: Vec<Phrase> = company.iter().map(|at| Phrase::of(clipped(statement(at)))).collect();
        let sides: Vec<Side<'_>> =
            company.iter().zip(&phrases).map(|(at, phrase)| side(statement(at), phrase, &[])).collect();
        for (nth, &at) in company.iter().enumerate() {
            let mut others = sides.iter().enumerate().filter(|(other, _)| *other != nth);
            found.extend(others.find_map(|(_, other)| Some((at, mixed(&sides[nth], other, &heir)?))));
        }
    }
    found
}

/// Says what became of one thing that a statement says together with another, if that is not what it was.
pub(super) fn mixed(one: &Side<'_>, other: &Side<'_>, heir: &Side<'_>) -> Option<Mixed> {
    if heir.is_code || heir.is_row || has_word(heir.text, EACH_ITS_OWN) {
        return None;
    }
    let company = Company::of(one, other, heir);
    if let Some((first, second)) = company.pooled() {
        let span = company.atoms()[first].span.start..company.atoms()[second].span.end;
        let mine = if company.of[first] == Of::One { first } else { second };
        let is = heir.text.get(span).unwrap_or_default().to_owned();
        return Some(Mixed { was: heir.atom_text(mine).to_owned(), is });
    }
    let company = Company::of(other, one, heir);
    let is = match company.governing_denial() {
        Some(at) => heir.atom_text(at).to_owned(),
        None if company.is_governed_by_modal() || company.is_reported() => {
            let word = |(_, word): &(usize, &str)| {
                SAYING.contains(word) || polarity::modality(word, Some("to")) != Default::default()
            };
            words(heir.text).find(word).map(|(_, word)| word.to_owned()).unwrap_or_default()
        }
        None => return None,
    };
    Some(Mixed { was: String::new(), is })
}

/// Says what became of one statement of two halves, if another pools them: `Ben cooks on weekdays, Katrin at weekends`.
pub(super) fn halves_mixed(old: &Side<'_>, new: &Side<'_>) -> Option<Mixed> {
    if old.is_code || old.is_row {
        return None;
    }
    old.text.match_indices([',', ';']).find_map(|(at, _)| {
        let (head, tail) = (&old.text[..at], &old.text[at + 1..]);
        let (one, other) = (Phrase::of(head), Phrase::of(tail));
        if !tail.starts_with(' ') || weighty(&one) < 2 || weighty(&other) < 2 {
            return None;
        }
        let side = |text, phrase| Side { phrase, text, context: old.context, is_row: false, is_code: false };
        let (one, other) = (side(head, &one), side(tail, &other));
        let company = Company::of(&one, &other, new);
        let (first, second) = company.pooled()?;
        let was_pooled = Company::of(&one, &other, old).pooled().is_some();
        let span = company.atoms()[first].span.start..company.atoms()[second].span.end;
        let is = new.text.get(span).unwrap_or_default().to_owned();
        (!was_pooled && !has_word(new.text, EACH_ITS_OWN))
            .then(|| Mixed { was: new.atom_text(first).to_owned(), is })
    })
}

fn weighty(phrase: &Phrase) -> usize {
    phrase.atoms.iter().filter(|atom| atom.weight() > 0).count()
}

fn is_denial(atom: &Atom) -> bool {
    atom.group == Group::Turn(Turn::Not)
}

fn denies(phrase: &Phrase) -> bool {
    phrase.atoms.iter().any(is_denial)
}

/// Says whether a stretch of text holds the end of a clause.
fn ends_a_clause(text: &str) -> bool {
    text.contains([';', ':', '!', '?', '\n', '(', ')', '—', '–']) || text.contains(". ")
}

fn has_word(text: &str, wanted: &[&str]) -> bool {
    words(text).any(|(_, word)| wanted.contains(&word.to_lowercase().as_str()))
        || wanted.contains(&"&") && text.contains('&')
}

/// Returns the words of a text and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(move |word| (word.as_ptr() as usize - start, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text<'s>(text: &'s str, phrase: &'s Phrase) -> Side<'s> {
        Side { phrase, text, context: &[], is_row: false, is_code: false }
    }

    /// Says whether the first, the second or both are not what they were.
    fn told(one: &str, other: &str, heir: &str) -> &'static str {
        let (x, y, z) = (Phrase::of(one), Phrase::of(other), Phrase::of(heir));
        let (one, other, heir) = (of_text(one, &x), of_text(other, &y), of_text(heir, &z));
        match (mixed(&one, &other, &heir), mixed(&other, &one, &heir)) {
            (None, None) => "neither",
            (Some(_), None) => "the first",
            (None, Some(_)) => "the second",
            (Some(_), Some(_)) => "both",
        }
    }

    #[test]
    fn what_belongs_to_whom_is_lost_where_both_are_pooled() {
        let rows = [
            ("Anna prefers email.", "Ben prefers phone calls.", "Anna and Ben prefer email and phone calls."),
            (
                "Gold members get free shipping.",
                "Silver members get free returns for orders over 50 euros.",
                "Gold and Silver members get free shipping and free returns for orders over 50 euros.",
            ),
            (
                "The lobby printer prints in colour.",
                "The attic printer prints double-sided.",
                "The lobby and attic printers print in colour and double-sided.",
            ),
            (
                "Hotels must be booked by Friday.",
                "Flights must be booked by Monday.",
                "Hotels and flights must be booked by Friday or Monday.",
            ),
            (
                "Admins may delete posts.",
                "Moderators may hide posts.",
                "Admins and moderators may delete and hide posts.",
            ),
            (
                "Only Clara has the safe code.",
                "Denis has the alarm code.",
                "Only Clara and Denis have the safe code and the alarm code.",
            ),
            (
                "The library is closed on Mondays.",
                "The cafe is closed on Sundays.",
                "The library and the cafe are closed on Sundays and Mondays.",
            ),
            (
                "Favourite colour: purple, says Ann.",
                "Favourite colour: cyan, says Bob.",
                "Ann and Bob say that purple and cyan are favourites.",
            ),
        ];
        for (one, other, heir) in rows {
            assert_eq!(told(one, other, heir), "both", "{heir}");
        }
    }

    #[test]
    fn what_goes_on_being_of_its_own_is_not_mixed() {
        let rows = [
            ("Anna prefers email.", "Ben prefers email.", "Anna and Ben prefer email."),
            (
                "Anna prefers email.",
                "Ben prefers phone calls.",
                "Anna prefers email and Ben prefers phone calls.",
            ),
            ("Anna prefers email.", "Ben prefers phone calls.", "Anna prefers email, Ben phone calls."),
            (
                "The api runs on 4 nodes.",
                "The worker runs on 2 nodes.",
                "The api and the worker run on 4 and 2 nodes respectively.",
            ),
            (
                "The api runs on 4 nodes.",
                "The worker runs on 2 nodes.",
                "The api runs on 4 nodes and the worker on 2 nodes.",
            ),
            (
                "Deploys go out on Tuesdays.",
                "Deploys need two approvals.",
                "Deploys go out on Tuesdays and need two approvals.",
            ),
            (
                "Mila has swimming on Mondays.",
                "Mila has piano on Thursdays.",
                "Mila has swimming on Mondays and piano on Thursdays.",
            ),
            (
                "Use 4 spaces in Python.",
                "Use 2 spaces in YAML.",
                "Use 4 spaces in Python and 2 spaces in YAML.",
            ),
            (
                "Billing goes out on Tuesday.",
                "Billing is owned by Ines.",
                "Billing (owned by Ines) goes out on Tuesday.",
            ),
            (
                "Anna owns billing and search.",
                "Ben owns search.",
                "Anna and Ben own search, and Anna owns billing.",
            ),
            ("Hugo eats fish.", "Hugo eats no meat.", "Hugo eats fish but no meat."),
            (
                "Deploys are not on Fridays.",
                "Deploys need two approvals.",
                "Deploys are not on Fridays and need two approvals.",
            ),
            ("Lotte may join in June.", "Lotte speaks Polish.", "Lotte speaks Polish and may join in June."),
            (
                "Vera says the boiler is too old.",
                "The boiler was installed in 2009.",
                "The boiler was installed in 2009; Vera says it is too old.",
            ),
        ];
        for (one, other, heir) in rows {
            assert_eq!(told(one, other, heir), "neither", "{heir}");
        }
    }

    #[test]
    fn what_came_under_a_word_of_the_other_says_something_else() {
        let rows = [
            ("Hugo eats fish.", "Hugo eats no meat.", "Hugo eats no meat and fish."),
            ("Lotte speaks Polish.", "Lotte may join in June.", "Lotte may join in June and speak Polish."),
            (
                "The boiler was installed in 2009.",
                "Vera says the boiler is too old.",
                "Vera says the boiler was installed in 2009 and is too old.",
            ),
        ];
        for (one, other, heir) in rows {
            assert_eq!(told(one, other, heir), "the first", "{heir}");
        }
    }

    #[test]
    fn two_halves_of_one_statement_are_pooled_too() {
        let is_mixed = |old: &str, new: &str| {
            let (x, y) = (Phrase::of(old), Phrase::of(new));
            halves_mixed(&of_text(old, &x), &of_text(new, &y)).is_some()
        };
        for (old, new) in [
            (
                "Ben cooks on weekdays, Katrin at weekends.",
                "Ben and Katrin cook on weekdays and at weekends.",
            ),
            ("Yoga is on Mondays, pilates on Wednesdays.", "Yoga and pilates are on Mondays and Wednesdays."),
            (
                "Staging deploys on every merge to `main`; production needs a manual click in Buildkite.",
                "Staging and production deploy on every merge to `main`, with a manual click in Buildkite.",
            ),
            (
                "Finn wants dark mode, Greta wants larger fonts.",
                "Finn and Greta want dark mode and larger fonts.",
            ),
        ] {
            assert!(is_mixed(old, new), "{new}");
        }
        for (old, new) in [
            ("Ben cooks on weekdays, Katrin at weekends.", "Ben cooks on weekdays and Katrin at weekends."),
            ("Ben cooks on weekdays, Katrin at weekends.", "On weekdays Ben cooks, at weekends Katrin."),
            (
                "Gloves are ordered by Jana, chemicals by Felix.",
                "Jana orders gloves and Felix orders chemicals.",
            ),
            ("Ann, Bob and Carol review billing code", "Carol, Ann and Bob review billing code"),
            (
                "On Fridays, run the linter before every commit",
                "Run the linter before every commit on Fridays",
            ),
        ] {
            assert!(!is_mixed(old, new), "{new}");
        }
    }
}
