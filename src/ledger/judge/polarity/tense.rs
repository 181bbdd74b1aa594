//! Tense: whether a statement speaks of what is, was or will be, as far as its verbs show it.

use crate::text::token::Token;

use super::stance::{is_name, is_pronoun};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger::judge) enum Tense {
    /// Nothing says so.
    #[default]
    Open,
    Present,
    Past,
    /// It has happened, and may still be so.
    Perfect,
    Future,
}

impl Tense {
    /// Says whether what one tells is over or to come where the other tells that it is so. What will be is often
    /// what is always so, and stands beside it.
    pub(in crate::ledger::judge) fn conflicts(self, other: Self) -> bool {
        use Tense::{Future, Past, Perfect, Present};
        let is = |x: Self, y: Self| matches!((x, y), (Past, Present | Future) | (Perfect, Future));
        is(self, other) || is(other, self)
    }

    pub(in crate::ledger::judge) fn is_over(self) -> bool {
        matches!(self, Self::Past | Self::Perfect)
    }
}

/// Returns the tense that an auxiliary gives what follows it.
pub(in crate::ledger::judge) fn auxiliary(norm: &str, next: &str) -> Option<Tense> {
    Some(match norm {
        "will" | "shall" | "would" | "won't" | "wouldn't" => Tense::Future,
        "going" if next == "to" => Tense::Future,
        "was" | "were" | "had" | "did" | "wasn't" | "weren't" | "hadn't" | "didn't" => Tense::Past,
        "war" | "waren" | "wurde" | "wurden" | "était" | "étaient" | "fut" | "furent" | "fue" | "fueron" => {
            Tense::Past
        }
        "estaba" | "estaban" | "eran" | "foi" | "foram" | "был" | "была" | "было" | "были" => {
            Tense::Past
        }
        "has" | "have" if is_object(next) => Tense::Present,
        "has" | "have" if next != "to" => Tense::Perfect,
        "is" | "are" | "am" | "isn't" | "aren't" | "does" | "do" | "ist" | "sind" | "est" | "sont" | "es" => {
            Tense::Present
        }
        _ if norm.ends_with("'ll") => Tense::Future,
        _ => return None,
    })
}

/// Says whether a word begins what somebody has, rather than what has happened.
fn is_object(norm: &str) -> bool {
    matches!(
        norm,
        "a" | "an" | "the" | "no" | "to" | "two" | "three" | "many" | "several" | "his" | "her" | "their"
    ) || norm.starts_with(|c: char| c.is_ascii_digit())
}

/// Verbs whose past no ending shows.
const IRREGULAR: &[&str] = &[
    "wrote", "went", "took", "gave", "ran", "knew", "spoke", "chose", "began", "broke", "paid", "led",
    "built", "made", "kept", "held", "found", "sent", "told", "bought", "taught", "met", "left", "sold",
    "had", "drove", "ate", "came", "grew", "won", "lost",
];

/// Returns the tense that a verb shows after its subject: `we migrated`, `Ann leads`. An ending alone says
/// nothing, since `data stored in S3` is no past.
pub(in crate::ledger::judge) fn of_verb(tokens: &[Token<'_>], at: usize) -> Tense {
    let word =
        |place: Option<usize>| place.and_then(|place| tokens.get(place)).map_or("", |token| &*token.norm);
    let mut before = at.checked_sub(1);
    if matches!(
        word(before),
        "still" | "already" | "also" | "now" | "both" | "all" | "always" | "usually" | "formerly"
    ) {
        before = before.and_then(|place| place.checked_sub(1));
    }
    let has_subject = before.is_some_and(|place| is_pronoun(&tokens[place].norm) || is_name(&tokens[place]));
    let (norm, next) = (&*tokens[at].norm, word(Some(at + 1)));
    let is_open = next == "by" && norm.ends_with("ed");
    if !has_subject
        || is_open
        || tokens[at].raw.starts_with(char::is_uppercase)
        || tokens[at].before.contains(',')
    {
        return Tense::Open;
    }
    match () {
        () if norm.ends_with("ed") && norm.len() > 4 || norm == "used" || IRREGULAR.contains(&norm) => {
            Tense::Past
        }
        () if norm.ends_with("ing") => Tense::Open,
        () => Tense::Present,
    }
}

/// Says whether a verb reports what somebody said, in whose tense it is told.
pub(in crate::ledger::judge) fn reports(norm: &str) -> bool {
    matches!(
        norm,
        "said"
            | "mentioned"
            | "told"
            | "noted"
            | "asked"
            | "reported"
            | "stated"
            | "explained"
            | "confirmed"
            | "decided"
            | "agreed"
            | "wanted"
            | "requested"
            | "thought"
            | "learned"
            | "clarified"
    )
}
