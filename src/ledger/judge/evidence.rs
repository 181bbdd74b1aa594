//! Evidence: who said the new value, where one statement took the place of another.
//!
//! Each change of words is asked about once, wherever the words stood: who gave them another value gave it to
//! all of them, unless what was said names a place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::dream::EventRef;
use crate::ledger::testimony::{Saying, Speaker, Testimony};

use super::assertion::{Claim, Stance, leaves_open};
use super::likeness::Side;
use super::phrase::{Group, Phrase};
use super::speech::{self, Line};

/// A change of words that somebody may have spoken of.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// The statement that gave way, and the one that took its place.
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    pub(super) askers: Vec<Asker<'a>>,
}

/// One of the places where the words changed.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    pub(super) number: usize,
    /// Keys of the words the statement stood under.
    pub(super) context: &'a [u64],
    /// Whether the new words stand where the old ones may have stood. Elsewhere they are no heir of their
    /// own: it is told by what is said of the others.
    pub(super) is_in_place: bool,
}

/// How many questions one word of a session may answer. Each is looked up by the word that the fewest ask
/// for, so that more than this would have to be made of the same words.
const QUESTIONS_PER_WORD: usize = 512;

/// Returns, by the numbers of their askers, the last event that answers questions, if nothing later says the
/// old value.
pub(super) fn answers(questions: &[Question<'_>], testimony: &Testimony) -> BTreeMap<usize, EventRef> {
    let mut found = BTreeMap::new();
    let asked: Vec<Asked<'_>> = questions
        .iter()
        .filter(|question| question.askers.iter().any(|asker| asker.is_in_place))
        .map(Asked::of)
        .collect();
    let Some(finder) = Finder::of(&asked) else { return found };
    // The output of a tool, which anybody may have written, is no evidence.
    for saying in testimony.sayings.iter().filter(|saying| saying.speaker != Speaker::Tool) {
        for (at, numbers) in finder.sentences(&saying.text).into_values() {
            let Some(sentence) = Sentence::of(saying, at) else { continue };
            for number in numbers {
                asked[number].hear(&sentence, &mut found);
            }
        }
    }
    found
}

/// A question with what would answer it and what would take the answer back.
struct Asked<'a> {
    question: &'a Question<'a>,
    new: Vec<Claim<'a>>,
    old: Vec<Claim<'a>>,
}

impl<'a> Asked<'a> {
    fn of(question: &'a Question<'a>) -> Self {
        let new = Claim::all(&question.new, &question.old);
        let old = Claim::all(&question.old, &question.new);
        Self { question, new, old }
    }

    /// Notes what a sentence says of the change.
    fn hear(&self, sentence: &Sentence<'_>, found: &mut BTreeMap<usize, EventRef>) {
        match sentence.stance(&self.new) {
            Stance::Asserts(besides) => {
                let event = || sentence.saying.event.clone();
                found.extend(self.spoken_of(&besides).map(|number| (number, event())));
            }
            Stance::Denies(besides) => {
                self.spoken_of(&besides).for_each(|number| drop(found.remove(&number)));
            }
            Stance::Silent => {
                if let Stance::Asserts(besides) = sentence.stance(&self.old) {
                    self.spoken_of(&besides).for_each(|number| drop(found.remove(&number)));
                }
            }
        }
    }

    /// Returns the askers that a sentence speaks of: all, or those under the words it says besides.
    fn spoken_of(&self, besides: &[u64]) -> impl Iterator<Item = usize> {
        let is_meant = move |asker: &&Asker<'_>| {
            besides.is_empty() || asker.is_in_place && besides.iter().all(|key| asker.context.contains(key))
        };
        self.question.askers.iter().filter(is_meant).map(|asker| asker.number)
    }
}

/// Finds the sentences in which a question may be answered.
struct Finder {
    words: AhoCorasick,
    /// The questions that each word is looked up for.
    asked_by: Vec<Vec<usize>>,
}

impl Finder {
    fn of(asked: &[Asked<'_>]) -> Option<Self> {
        let told: Vec<[Vec<String>; 2]> = asked.iter().map(telling_words).collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for word in told.iter().flatten().flatten() {
            *uses.entry(word).or_default() += 1;
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut asked_by: Vec<Vec<usize>> = Vec::new();
        for (number, words) in told.iter().enumerate() {
            // A word of the new value finds who said it; one of the subject, who took it back.
            for words in words {
                let Some(word) = words.iter().min_by_key(|word| uses[word.as_str()]) else { continue };
                let at = *numbers.entry(word).or_insert_with(|| {
                    asked_by.push(Vec::new());
                    asked_by.len() - 1
                });
                if asked_by[at].len() < QUESTIONS_PER_WORD && asked_by[at].last() != Some(&number) {
                    asked_by[at].push(number);
                }
            }
        }
        let mut words: Vec<&str> = vec![""; asked_by.len()];
        for (word, at) in numbers {
            words[at] = word;
        }
        if words.is_empty() {
            return None;
        }
        let mut builder = AhoCorasick::builder();
        let words = builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(words).ok()?;
        Some(Self { words, asked_by })
    }

    /// Returns, by where a sentence begins, a place in it and the questions it may answer.
    fn sentences(&self, text: &str) -> BTreeMap<usize, (usize, BTreeSet<usize>)> {
        let mut found: BTreeMap<usize, (usize, BTreeSet<usize>)> = BTreeMap::new();
        let mut pasted = None;
        for hit in self.words.find_overlapping_iter(text.as_bytes()) {
            let at = hit.start();
            let pasted = pasted.get_or_insert_with(|| speech::pasted(text));
            let next = pasted.partition_point(|range| range.end <= at);
            if pasted.get(next).is_some_and(|range| range.contains(&at)) {
                continue;
            }
            let (from, line) = Line::around(text, at);
            let Some(sentence) = line.sentence_at(at - from) else { continue };
            let entry = found.entry(from + line.sentences[sentence].start).or_default();
            entry.0 = at;
            entry.1.extend(&self.asked_by[hit.pattern().as_usize()]);
        }
        found
    }
}

/// Returns the words that whoever speaks of a change must use: those of the new value and those of both.
/// Figures and terms come alone, where there are any.
fn telling_words(asked: &Asked<'_>) -> [Vec<String>; 2] {
    let (old, new) = (&asked.question.old, &asked.question.new);
    let is_shared = |key: u64| old.phrase.atoms.iter().any(|atom| atom.key == key);
    let words = |wants_shared: bool| -> Vec<String> {
        let atoms = new.phrase.atoms.iter().enumerate().filter(|(_, atom)| atom.weight() > 0);
        let mut wanted: Vec<(bool, usize)> = atoms
            .filter(|(_, atom)| is_shared(atom.key) == wants_shared)
            .map(|(at, atom)| (atom.group.is_specific(), at))
            .collect();
        if wanted.iter().any(|(is_specific, _)| *is_specific) {
            wanted.retain(|(is_specific, _)| *is_specific);
        }
        wanted.into_iter().filter_map(|(_, at)| telling_word(new, at)).collect()
    };
    [words(false), words(true)]
}

fn telling_word(side: &Side<'_>, at: usize) -> Option<String> {
    let word = side.atom_text(at).split_whitespace().next()?;
    // An ending may differ from the saying's.
    let is_word = side.phrase.atoms[at].group == Group::Word && word.is_ascii() && word.len() > 5;
    Some(if is_word { word[..word.len() - 2].to_lowercase() } else { word.to_lowercase() })
}

/// One sentence of a saying, in its line.
struct Sentence<'a> {
    saying: &'a Saying,
    line: Line<'a>,
    /// Where the line begins in the saying.
    from: usize,
    /// A place in the sentence.
    at: usize,
    number: usize,
    /// Keys of what was said before it in its line.
    before: Vec<u64>,
}

impl<'a> Sentence<'a> {
    fn of(saying: &'a Saying, at: usize) -> Option<Self> {
        let (from, line) = Line::around(&saying.text, at);
        let number = line.sentence_at(at - from)?;
        let head = Phrase::of(&line.text[..line.sentences[number].start]);
        let before = head.atoms.iter().map(|atom| atom.key).collect();
        Some(Self { saying, line, from, at, number, before })
    }

    /// Says what the sentence does with the first claim that it does something with.
    fn stance(&self, claims: &[Claim<'_>]) -> Stance {
        let mut found = Stance::Silent;
        for claim in claims {
            if claim.stands_in(self.line.text) {
                return Stance::Asserts(Vec::new());
            }
            for stretch in self.line.stretches(self.number, claim.sentences, self.at - self.from) {
                let text = self.line.text;
                let head = &text[self.line.sentences[self.number].start.min(stretch.start)..stretch.start];
                if speech::is_quoted(text, stretch.start)
                    || leaves_open(head)
                    || self.proposes(&text[stretch.clone()])
                {
                    continue;
                }
                match claim.heard_in(&text[stretch], &self.before) {
                    Stance::Asserts(besides) if besides.is_empty() => return Stance::Asserts(besides),
                    Stance::Silent => {}
                    stance if found == Stance::Silent => found = stance,
                    _ => {}
                }
            }
        }
        found
    }

    /// Says whether an agent says what it would do or have done.
    fn proposes(&self, text: &str) -> bool {
        const PROPOSALS: &[&str] = &["should", "shall", "will", "i'll", "let's", "let me", "recommend"];
        let lower = text.to_lowercase().replace('’', "'");
        let is_word = |word: &&str| {
            let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            lower.match_indices(*word).any(|(at, found)| {
                is_edge(lower[..at].chars().next_back()) && is_edge(lower[at + found.len()..].chars().next())
            })
        };
        self.saying.speaker == Speaker::Agent && PROPOSALS.iter().any(is_word)
    }
}
