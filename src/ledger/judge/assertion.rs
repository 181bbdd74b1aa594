//! Assertions: whether a sentence says that a statement is so.
//!
//! It does if it names all that the statement names and says nothing besides that would make it the claim of
//! somebody else, of another place or time, or no claim at all. What it may say besides is its own news: the
//! value that no longer holds, that it was changed, and when.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::likeness::{self, Likeness, Match, Side};
use super::phrase::{Atom, Group, Joint, Phrase};
use super::polarity::{self, Quantity, Tense, Turn};
use super::{clauses, place};

/// Words that leave open whether it is so, or say it for somebody else. Other words of the kind are not
/// listed: they carry weight, and what a sentence says besides is no claim of its own.
const HEDGES: &str = "\
if whether unless until till may might can could would wish wishes likely apparently said says \
states stated mentioned mention mentions according example e.g eg his her their";
/// What says that somebody means to bring it about.
const INTENTS: &[&str] = &["want to", "wants to", "going to", "about to", "supposed to", "to do"];
/// Words that say what was so.
const PAST: &str = "was were had used";
/// Words that say how a value came to be what it is.
const CHANGES: &str = "\
change changes changed move moved switch switched set update updated raise raised lower lowered \
increase increased reduce reduced bump bumped adjust adjusted correct corrected replace replaced \
rename renamed migrated decided agreed gone went made extended shortened doubled halved";
/// Words that say since when it is so.
const WHEN: &str = "\
yesterday today morning afternoon week month year last monday tuesday wednesday thursday friday \
saturday sunday";
/// Words of news and courtesy that change nothing of what they stand beside.
const NEWS: &str = "\
new value setting correction reminder sorry ok okay yes yeah hey hi thanks btw fyi finally again \
longer anymore forward going onwards effective immediately future starting quick prefer keep mind \
forget";
/// Two words that mean `now`.
const THESE: (&str, &str) = ("these", "days");
/// Words of what leads up to a dictated line: `the note now reads:`.
const DICTATES: &str = "read reads say more line entry rule memory text sentence wrong right";
/// Answers to what was said before, which deny that and nothing that follows: `No, that's wrong, `.
const ANSWERS: &str = "\
no nope nah nein non wrong incorrect sorry yes yeah ok okay hey hi thanks actually correction quick \
as i like said that that's it it's this is was you you're got made a mistake";

/// A statement as somebody would have to say it, beside the one it would take the place of.
pub(super) struct Claim<'a> {
    text: &'a str,
    phrase: Phrase,
    /// How many sentences it has.
    pub(super) sentences: usize,
    /// Keys of what only the other one says, and of what only this one says.
    stale: HashSet<u64>,
    fresh: HashSet<u64>,
    /// The bare numbers of the figures that only the other one has.
    stale_numbers: Vec<String>,
    is_row: bool,
    is_code: bool,
}

/// What a sentence does with a claim. With the keys of what it says besides: it then speaks only of what
/// stands under those words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stance {
    Asserts(Vec<u64>),
    Denies(Vec<u64>),
    Silent,
}

impl<'a> Claim<'a> {
    /// Returns what claims one statement where another stood: the whole, and of several sentences the one
    /// that differs.
    pub(super) fn all(claimed: &Side<'a>, other: &Side<'a>) -> Vec<Self> {
        let whole = Self::of(claimed.text, other.text, claimed);
        let (mine, theirs) = (clauses::split(claimed.text), clauses::split(other.text));
        let mut claims = vec![whole];
        if mine.len() > 1 && mine.len() == theirs.len() && !claimed.is_code {
            let differs = |(a, b): &(&str, &str)| !says_as_much(a, b);
            let mut parted = mine.into_iter().zip(theirs).filter(differs);
            if let (Some((mine, theirs)), None) = (parted.next(), parted.next())
                && !place::leans(&Phrase::of(mine), mine)
            {
                claims.push(Self::of(mine, theirs, claimed));
            }
        }
        claims
    }

    fn of(text: &'a str, other: &str, side: &Side<'_>) -> Self {
        let theirs = Phrase::of(other);
        let mine = without_old_value(Phrase::of(text), text, &theirs);
        let keys = |phrase: &Phrase| -> HashSet<u64> {
            phrase.atoms.iter().filter(|atom| atom.weight() > 0).map(|atom| atom.key).collect()
        };
        let (has, had) = (keys(&mine), keys(&theirs));
        let stale: HashSet<u64> = had.difference(&has).copied().collect();
        let old_figures = theirs.atoms.iter().filter(|a| a.group == Group::Figure && stale.contains(&a.key));
        let numbers = old_figures.map(|atom| number(&other[atom.span.clone()]));
        let stale_numbers = numbers.filter(|number| !number.is_empty()).collect();
        Self {
            text,
            phrase: without(mine, |atom| is_any(&text[atom.span.clone()], CHANGES)),
            sentences: clauses::split(text).len(),
            fresh: has.difference(&had).copied().collect(),
            stale,
            stale_numbers,
            is_row: side.is_row,
            is_code: side.is_code,
        }
    }

    /// Says whether a phrase has every figure and term of the claim, without which it is silent.
    fn may_be_in(&self, said: &Phrase) -> bool {
        let is_exact = |atom: &&Atom| matches!(atom.group, Group::Figure | Group::Term);
        self.phrase.atoms.iter().filter(is_exact).all(|atom| said.atoms.iter().any(|s| s.key == atom.key))
    }

    /// Says whether a line has the very words of the claim for a sentence, or for several.
    pub(super) fn stands_in(&self, line: &str) -> bool {
        let words = self.text.trim().trim_end_matches(['.', '!']);
        let lower = line.to_ascii_lowercase();
        if words.len() < 2 || line.len() < words.len() {
            return false;
        }
        lower.match_indices(&words.to_ascii_lowercase()).any(|(at, found)| {
            let (head, tail) = (line[..at].trim_end(), line[at + found.len()..].trim_start());
            let begins = head.is_empty()
                || head.ends_with(['.', '!', '?', ';', '。', '！']) && !clauses::is_short_form(head)
                || matches!(head, "-" | "*" | "•")
                || head.ends_with(':') && self.is_led_up_to(head);
            let ends = tail.is_empty() || tail.starts_with(['.', '!', ';', '。', '！']);
            begins && ends && !super::speech::is_quoted(line, at)
        })
    }

    /// Says whether what stands before a colon dictates what stands after it, and attributes it to nobody.
    fn is_led_up_to(&self, head: &str) -> bool {
        let lead = clauses::split(head).last().copied().unwrap_or_default();
        let words = words(lead);
        let has = |wanted: &str| words.iter().any(|word| is_any(word, wanted));
        let is_dictated = has("now should");
        if words.iter().any(|word| is_any(word, HEDGES) && !(is_dictated && word == "says")) {
            return false;
        }
        let phrase = Phrase::of(lead);
        if turns(&phrase) > 0 && !has("forget") || intends(&words) {
            return false;
        }
        phrase.atoms.iter().filter(|atom| atom.weight() > 0).all(|atom| {
            let text = &lead[atom.span.clone()];
            is_any(text, DICTATES)
                || is_any(text, NEWS)
                || is_any(text, CHANGES)
                || self.phrase.atoms.iter().any(|mine| mine.key == atom.key)
        })
    }

    /// Says what a stretch of a line does with the claim; `before` holds the keys of what was said before it
    /// in the same breath.
    pub(super) fn heard_in(&self, stretch: &str, before: &[u64]) -> Stance {
        let text = without_answer(stretch);
        let dictated = text.split_once(": ").filter(|(lead, _)| self.is_led_up_to(lead));
        let dictated = dictated.map(|(_, line)| self.stance_of(line.trim(), before));
        match dictated {
            Some(Stance::Asserts(besides)) => Stance::Asserts(besides),
            _ => self.stance_of(text, before),
        }
    }

    fn stance_of(&self, text: &str, before: &[u64]) -> Stance {
        let text = &*self.without_origin(text);
        let is_asked = text.trim_end().ends_with(['?', '？']) && !self.text.trim_end().ends_with(['?', '？']);
        let whole = Phrase::of(text);
        if is_asked || self.phrase.weight() == 0 || !self.may_be_in(&whole) {
            return Stance::Silent;
        }
        let aside = self.asides(text, &whole);
        let is_change = whole.atoms.iter().any(|atom| is_any(&text[atom.span.clone()], CHANGES));
        if self.is_hedged(text, &aside, is_change) {
            return Stance::Silent;
        }
        let names_old = whole.atoms.iter().any(|atom| self.is_stale(atom, text));
        let mut said = self.without_asides(whole, text, &aside);
        if is_change {
            // Its past is that of the change, and not of what came of it.
            said.atoms.iter_mut().for_each(|atom| atom.tense = Tense::Open);
        }
        let is_vague = polarity::quantity("all", None);
        if self.phrase.quantity == Quantity::default() && said.quantity.conflicts(is_vague, false) {
            return Stance::Silent;
        }
        let context = if names_old { before } else { &[] };
        let claim = Side {
            phrase: &self.phrase,
            text: self.text,
            context: &[],
            is_row: self.is_row,
            is_code: self.is_code,
        };
        let side = Side { phrase: &said, text, context, is_row: false, is_code: false };
        let found = likeness::pair_all(&claim, &side);
        let is_dated = is_change || words(text).iter().any(|word| word == "since");
        let besides = besides(&side, &found, is_dated);
        // A `not` beside it is of something, if only of how sure it is: `Not sure, but`.
        let is_turned = turns(&said) != turns(&self.phrase);
        match likeness::compare(&claim, &side) {
            Likeness::Same { .. } if !is_turned => Stance::Asserts(besides),
            Likeness::Rival(_) if is_turned && is_named(&claim, &found) => Stance::Denies(besides),
            _ => Stance::Silent,
        }
    }

    /// Cuts the old value out of `from 30 to 60 seconds`, which would be a range.
    fn without_origin<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let begins = |from: &usize| {
            self.stale_numbers.iter().any(|number| {
                let rest = text[from + "from ".len()..].strip_prefix(number.as_str());
                rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        let from = text.match_indices("from ").map(|(from, _)| from).find(begins);
        let end = from.and_then(|from| text[from..].find(" to ").map(|end| from + end + 1));
        match from.zip(end) {
            Some((from, end)) => Cow::Owned(format!("{}{}", &text[..from], &text[end..])),
            None => Cow::Borrowed(text),
        }
    }

    /// Says whether an atom of a sentence is of the value that no longer holds.
    fn is_stale(&self, atom: &Atom, text: &str) -> bool {
        let is_number = || self.stale_numbers.iter().any(|number| *number == text[atom.span.clone()]);
        let is_of_old = self.stale.contains(&atom.key) || atom.group == Group::Figure && is_number();
        is_of_old && !self.fresh.contains(&atom.key)
    }

    /// Returns the parts of a sentence that speak of the value that no longer holds, and of no other.
    fn asides(&self, text: &str, phrase: &Phrase) -> Vec<Range<usize>> {
        let mut found = parts(text);
        found.retain(|part| {
            let inside = || phrase.atoms.iter().filter(|atom| part.contains(&atom.span.start));
            let is_of_new = inside().any(|atom| self.fresh.contains(&atom.key));
            !is_of_new && inside().any(|atom| self.is_stale(atom, text))
        });
        found
    }

    /// Says whether a sentence leaves open whether it is so, says it for others, or of the past.
    fn is_hedged(&self, text: &str, asides: &[Range<usize>], is_change: bool) -> bool {
        let mine = words(self.text);
        let is_mine = |word: &str| mine.iter().any(|own| own == word);
        let all = words(text);
        if all.iter().any(|word| is_any(word, HEDGES) && !is_mine(word)) {
            return true;
        }
        if intends(&all) {
            return true;
        }
        let told: String = text
            .char_indices()
            .filter(|(at, _)| !asides.iter().any(|aside| aside.contains(at)))
            .map(|(_, c)| c)
            .collect();
        !is_change && words(&told).iter().any(|word| is_any(word, PAST) && !is_mine(word))
    }

    /// Takes out of a sentence what it says of the old value, with the `not` before it.
    fn without_asides(&self, phrase: Phrase, text: &str, asides: &[Range<usize>]) -> Phrase {
        let atoms = &phrase.atoms;
        let is_mine = |atom: &Atom| self.phrase.atoms.iter().any(|mine| mine.key == atom.key);
        let in_aside = |atom: &Atom| asides.iter().any(|aside| aside.contains(&atom.span.start));
        let is_turn = |atom: &Atom| matches!(atom.group, Group::Turn(_));
        let mut goes: Vec<bool> = atoms
            .iter()
            .map(|atom| {
                let is_change = is_any(&text[atom.span.clone()], CHANGES);
                self.is_stale(atom, text) || is_change || in_aside(atom) && (is_turn(atom) || !is_mine(atom))
            })
            .collect();
        for at in 0..atoms.len() {
            let next = (at + 1..atoms.len()).find(|&next| {
                let word = &text[atoms[next].span.clone()];
                atoms[next].weight() > 0 && !is_any(word, NEWS)
            });
            let is_of_old = next.is_some_and(|next| {
                let is_alone = atoms.get(next + 1).is_none_or(|after| after.joint == Joint::None);
                self.is_stale(&atoms[next], text) && is_alone
            });
            // Who is told not to forget is told.
            let is_reminder =
                atoms.get(at + 1).is_some_and(|next| is_any(&text[next.span.clone()], "forget"));
            goes[at] |= atoms[at].group == Group::Turn(Turn::Not) && (is_of_old || is_reminder);
        }
        let mut at = 0;
        without(phrase, |_| {
            at += 1;
            goes[at - 1]
        })
    }
}

/// Cuts a text where commas, brackets and dashes stand.
fn parts(text: &str) -> Vec<Range<usize>> {
    const MARKS: &[&str] = &[", ", " (", ") ", " but ", "; ", " — ", " – "];
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(first) = text[from..].chars().next() {
        let rest = &text[from + first.len_utf8()..];
        let ends = MARKS.iter().filter_map(|mark| rest.find(mark));
        let end = ends.min().map_or(text.len(), |end| text.len() - rest.len() + end);
        found.push(from..end);
        from = end;
    }
    found
}

/// Leaves out of a statement what value it had before, which nobody has to name: `(was 30)`.
fn without_old_value(phrase: Phrase, text: &str, other: &Phrase) -> Phrase {
    let had = |atom: &Atom| other.atoms.iter().any(|old| old.key == atom.key);
    let mut notes = parts(text);
    notes.retain(|part| {
        let said = words(&text[part.clone()]);
        let mut inside = phrase
            .atoms
            .iter()
            .filter(|atom| part.contains(&atom.span.start) && atom.weight() > 0)
            .peekable();
        let is_of_past = || said.iter().any(|word| is_any(word, PAST) || word == "not" || word == "from");
        let is_value =
            |atom: &Atom| atom.group.is_specific() && had(atom) || is_any(&text[atom.span.clone()], CHANGES);
        inside.peek().is_some() && inside.all(is_value) && is_of_past()
    });
    without(phrase, |atom| notes.iter().any(|note| note.contains(&atom.span.start)))
}

/// Says whether what a sentence begins with leaves open what stands after it: `If we grow, and`.
pub(super) fn leaves_open(head: &str) -> bool {
    words(head).iter().any(|word| is_any(word, HEDGES))
}

/// Says whether two sentences say the same, both ways.
fn says_as_much(a: &str, b: &str) -> bool {
    let (x, y) = (Phrase::of(a), Phrase::of(b));
    let side = |phrase, text| Side { phrase, text, context: &[], is_row: false, is_code: false };
    let (p, q) = (side(&x, a), side(&y, b));
    let is_same =
        |one: &Side<'_>, other: &Side<'_>| matches!(likeness::compare(one, other), Likeness::Same { .. });
    is_same(&p, &q) && is_same(&q, &p)
}

/// Returns the keys of what a sentence says besides what it was compared with.
fn besides(said: &Side<'_>, found: &Match, is_dated: bool) -> Vec<u64> {
    let atoms = &said.phrase.atoms;
    let is_these = |at: usize| {
        let head = said.text[..atoms[at].span.start].trim_end().to_lowercase();
        said.atom_text(at).eq_ignore_ascii_case(THESE.1) && head.ends_with(THESE.0)
    };
    let is_news = |at: usize| {
        let text = said.atom_text(at);
        is_any(text, NEWS) || is_these(at) || is_dated && is_any(text, WHEN)
    };
    (0..atoms.len())
        .filter(|&at| atoms[at].weight() > 0 && found.back[at].is_none() && !is_news(at))
        .map(|at| atoms[at].key)
        .collect()
}

/// Says whether a sentence names all that a claim names.
fn is_named(claim: &Side<'_>, found: &Match) -> bool {
    claim.phrase.atoms.iter().zip(&found.to).all(|(atom, to)| atom.weight() == 0 || to.is_some())
}

fn turns(phrase: &Phrase) -> usize {
    phrase.atoms.iter().filter(|atom| matches!(atom.group, Group::Turn(_))).count()
}

/// Leaves atoms out of a phrase.
fn without(mut phrase: Phrase, mut goes: impl FnMut(&Atom) -> bool) -> Phrase {
    let value = phrase.value_from;
    let mut at = 0;
    let mut before_value = 0;
    phrase.atoms.retain(|atom| {
        let stays = !goes(atom);
        before_value += usize::from(stays && value.is_some_and(|from| at < from));
        at += 1;
        stays
    });
    phrase.value_from = value.map(|_| before_value);
    phrase
}

/// Cuts off an answer to what was said before: `No, `.
fn without_answer(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some((head, tail)) = rest.split_once([',', ':', ';', '!', '.', '–', '—']) {
        let is_answer = words(head).iter().all(|word| is_any(word, ANSWERS));
        if !is_answer || tail.trim().is_empty() {
            break;
        }
        rest = tail.trim_start();
    }
    rest
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’' | '.'))
        .map(|word| word.trim_matches(['.', '\'', '’']).to_lowercase().replace('’', "'"))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Says whether words mean to bring something about, which is not so yet.
fn intends(words: &[String]) -> bool {
    let spaced = format!(" {} ", words.join(" "));
    INTENTS.iter().any(|intent| spaced.contains(&format!(" {intent} ")))
}

fn is_any(word: &str, list: &str) -> bool {
    list.split(' ').any(|one| one.eq_ignore_ascii_case(word))
}

/// Returns the number a figure begins with.
fn number(figure: &str) -> String {
    figure.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect()
}
