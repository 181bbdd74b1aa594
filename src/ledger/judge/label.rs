//! Labels: headings and heads of columns, and whether one says another thing than another.
//!
//! A label is a few words, so it is not compared as statements are: what matters is which words were
//! exchanged for which. A topic may be called by another name; its opposite, another year, another
//! region or another standing (`Deprecated`, `Done`) is another thing.

use crate::text::lexicon;

use super::likeness::are_forms;
use super::phrase::{Atom, Group, Phrase};
use super::polarity::{self, Modality, Turn};
use super::standing::{self, Standing};

/// A heading, or the head of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Label {
    words: Vec<Word>,
    modality: Modality,
    is_denied: bool,
    /// What it says of all that stands below it.
    pub(super) standing: Standing,
    /// Whether it holds what stands below it to one case: `Staging only`.
    pub(super) is_limited: bool,
    /// The letter that tells it from its siblings: `Plan B`.
    letter: Option<char>,
}

#[derive(Debug, Clone)]
struct Word {
    key: u64,
    norm: String,
    /// Whether it is a figure, a version, code or a name with a hyphen: no other may take its place.
    is_exact: bool,
}

/// Words that say of a column no more than that it is one.
const COLUMN_WORDS: &[&str] = &[
    "name",
    "names",
    "value",
    "values",
    "item",
    "items",
    "key",
    "keys",
    "description",
    "comment",
    "comments",
    "remark",
    "remarks",
    "note",
    "notes",
    "detail",
    "details",
    "info",
    "information",
    "what",
    "who",
    "thing",
    "things",
    "text",
    "title",
    "id",
    "no",
    "nr",
    "entry",
    "content",
    "explanation",
    "meaning",
    "field",
    "misc",
    "other",
    "more",
    "fact",
    "facts",
    "summary",
    "setting",
    "settings",
];

impl Label {
    pub(super) fn of(text: &str) -> Self {
        Self::read(text, &Phrase::of(text))
    }

    pub(super) fn read(text: &str, phrase: &Phrase) -> Self {
        /// With more words it is a sentence about something: `The linter audits whole workflows only`.
        const LIMIT_WORDS: usize = 3;
        let is_only = |atom: Option<&Atom>| atom.is_some_and(|a| a.group == Group::Turn(Turn::Only));
        let denials = phrase.atoms.iter().filter(|atom| atom.group == Group::Turn(Turn::Not)).count();
        let words = words(text, phrase);
        let is_limited =
            words.len() <= LIMIT_WORDS && (is_only(phrase.atoms.first()) || is_only(phrase.atoms.last()));
        Self {
            words,
            modality: phrase.modality,
            is_denied: denials % 2 == 1,
            standing: standing::of(text),
            is_limited,
            letter: letter(text),
        }
    }

    /// Says whether it may stand over any column.
    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| is_plain(&word.norm))
    }

    /// Returns its words, for which others may be looked for.
    pub(super) fn norms(&self) -> impl Iterator<Item = (u64, &str)> {
        let said = self.words.iter().filter(|word| !is_plain(&word.norm));
        said.map(|word| (word.key, word.norm.as_str()))
    }

    /// Says whether one stands for the opposite of the other, for another figure or for another standing.
    pub(super) fn is_turned(&self, other: &Self) -> bool {
        let (gone, come) = (self.left(other), other.left(self));
        let is_exchanged = gone.iter().any(|word| word.is_exact) && come.iter().any(|word| word.is_exact);
        let letters_differ = self.letter.zip(other.letter).is_some_and(|(a, b)| a != b);
        let standing = |words: &[&Word]| words.iter().map(|word| standing::of_word(&word.norm)).max();
        are_opposed(&gone, &come)
            || is_exchanged
            || letters_differ
            || self.modality.conflicts(other.modality)
            || self.is_denied != other.is_denied
            || standing(&gone).unwrap_or_default() != standing(&come).unwrap_or_default()
    }

    /// Says whether both are the same but for one word, for which the other has its opposite.
    pub(super) fn is_opposite(&self, other: &Self) -> bool {
        let (gone, come) = (self.left(other), other.left(self));
        gone.len() == 1 && come.len() == 1 && are_opposed(&gone, &come)
    }

    /// Says whether cells below one say something else below the other: the head of a column is the label
    /// of each of its cells, so that no word of it may become another.
    pub(super) fn is_other_column(&self, other: &Self) -> bool {
        let (gone, come) = (self.left(other), other.left(self));
        let is_said = |word: &&Word| !is_plain(&word.norm);
        let unit_is_gone = gone.iter().any(|word| word.is_exact || lexicon::unit(&word.norm).is_some());
        self.is_turned(other) || unit_is_gone || gone.iter().any(is_said) && come.iter().any(is_said)
    }

    /// Says whether both have a word that says something.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        let is_shared = |word: &Word| other.words.iter().any(|theirs| word.is_like(theirs));
        self.words.iter().any(|word| !is_plain(&word.norm) && is_shared(word))
    }

    /// The words for which the other has none.
    fn left(&self, other: &Self) -> Vec<&Word> {
        self.words.iter().filter(|word| !other.words.iter().any(|theirs| word.is_like(theirs))).collect()
    }
}

impl Word {
    fn is_like(&self, other: &Self) -> bool {
        self.key == other.key || !self.is_exact && !other.is_exact && are_related(&self.norm, &other.norm)
    }
}

/// Says whether two words are forms of one, or one is short for the other: `prefs` and `preferences`.
pub(super) fn are_related(a: &str, b: &str) -> bool {
    /// Fewer letters begin too many words.
    const LEAST: usize = 3;
    let is_short_for = |short: &str, long: &str| {
        let stem = short.trim_end_matches(['s', '.']);
        stem.chars().count() >= LEAST && long.len() > short.len() && long.starts_with(stem)
    };
    are_forms(a, b) || is_short_for(a, b) || is_short_for(b, a)
}

fn are_opposed(gone: &[&Word], come: &[&Word]) -> bool {
    let opposed = |a: &str, b: &str| polarity::are_opposed(a, b) || lexicon::antonym(a, b);
    gone.iter().any(|word| come.iter().any(|other| opposed(&word.norm, &other.norm)))
}

/// Says whether a word heads any column.
fn is_plain(norm: &str) -> bool {
    COLUMN_WORDS.contains(&norm)
}

fn words(text: &str, phrase: &Phrase) -> Vec<Word> {
    let atoms = &phrase.atoms;
    let kept = atoms.iter().enumerate().filter(|(_, atom)| !matches!(atom.group, Group::Turn(_)));
    kept.map(|(at, atom)| {
        let norm = text.get(atom.span.clone()).unwrap_or_default().to_lowercase();
        let is_figure = atom.group == Group::Figure && !(is_count(&norm) && at + 1 < atoms.len());
        Word { key: atom.key, is_exact: is_figure || atom.group == Group::Term || atom.is_compound, norm }
    })
    .collect()
}

/// Says whether a figure may count what stands below: `5 rules`, and not `2026 goals`.
fn is_count(figure: &str) -> bool {
    figure.len() <= 2 && figure.bytes().all(|b| b.is_ascii_digit())
}

fn letter(text: &str) -> Option<char> {
    let (_, last) = text.trim_end_matches([':', '*', '_', ' ']).rsplit_once(' ')?;
    let mut chars = last.chars();
    chars.next().filter(|c| c.is_ascii_uppercase() && chars.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_may_be_called_by_another_name_and_not_by_that_of_another_thing() {
        let others = [
            ("Likes", "Dislikes"),
            ("Approved", "Rejected"),
            ("Staging", "Production"),
            ("Before deploy", "After deploy"),
            ("Current", "Deprecated"),
            ("Current rules", "Old rules"),
            ("2025", "2026"),
            ("Goals for 2025", "Goals for 2026"),
            ("eu-west", "us-east"),
            ("Open", "Done"),
            ("Must", "May"),
            ("Plan A", "Plan B"),
            ("Legacy endpoints", "Endpoints"),
            ("Version 1.2", "Version 1.3"),
        ];
        for (a, b) in others {
            let (x, y) = (Label::of(a), Label::of(b));
            assert!(x.is_turned(&y) && y.is_turned(&x), "{a} | {b}");
        }
        let same = [
            ("Deploys", "Deployment"),
            ("Team prefs", "Preferences of the team"),
            ("Preferences of the user", "User preferences"),
            ("Tools", "Tooling"),
            ("Misc", "Billing"),
            ("Food", "Diet"),
            ("Current rules", "Rules"),
            ("5 rules of thumb", "6 rules of thumb"),
            ("Notes of the project", "Project"),
            ("Goals for 2025", "Goals"),
            ("How we work", "Ways of working"),
        ];
        for (a, b) in same {
            let (x, y) = (Label::of(a), Label::of(b));
            assert!(!x.is_turned(&y) && !y.is_turned(&x), "{a} | {b}");
        }
    }

    #[test]
    fn the_head_of_a_column_is_the_label_of_its_cells() {
        let others = [
            ("Timeout (s)", "Timeout (min)"),
            ("Timeout (s)", "Timeout"),
            ("Allergic to", "Likes"),
            ("Home phone", "Work phone"),
            ("Max retries", "Min retries"),
            ("Price (EUR)", "Price (USD)"),
            ("Q1", "Q2"),
        ];
        for (a, b) in others {
            assert!(Label::of(a).is_other_column(&Label::of(b)), "{a} | {b}");
        }
        let same = [
            ("Timeout", "Timeout (s)"),
            ("Desc", "Description"),
            ("Env", "Environment"),
            ("Phone", "Phone number"),
            ("Notes", "Reason"),
            ("Value", "Port"),
        ];
        for (a, b) in same {
            assert!(!Label::of(a).is_other_column(&Label::of(b)), "{a} | {b}");
        }
    }
}
