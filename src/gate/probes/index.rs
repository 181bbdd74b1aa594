//! An index over the passages of one store: made once, asked by every probe.

use std::cell::RefCell;
use std::collections::HashMap;

use rayon::prelude::*;

use crate::text::terms::{Term, asked, terms};

use super::Passage;

/// How fast more of the same word stops counting, and how much long passages are held back: the usual
/// values of BM25.
const SATURATION: f64 = 1.2;
const LENGTH_WEIGHT: f64 = 0.75;
/// How much a word of a heading or a path counts beside one of the passage itself.
const CONTEXT_WEIGHT: f64 = 0.5;
/// How many terms before a text a negation still turns it around.
const NEGATION_REACH: usize = 2;

/// Stands for a negation among the terms of a passage.
const NEGATION: u32 = u32::MAX;

/// Which passages hold which terms.
pub(super) struct Index {
    ids: HashMap<String, u32>,
    /// For each term, the passages that hold it and how often it counts there.
    postings: Vec<Vec<(u32, f32)>>,
    /// For each passage, its own terms in order.
    own: Vec<Box<[u32]>>,
    /// For each passage, the terms of its headings and path.
    context: Vec<Box<[u32]>>,
    mean_length: f64,
    /// The score of each passage and what it holds, while a question is asked; zero between questions.
    scratch: RefCell<Vec<(f64, f64)>>,
}

/// A passage that a question brought up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    /// Which.
    pub(super) passage: usize,
    /// How well it fits.
    pub(super) score: f64,
    /// How much of the question it holds, from 0 to 1.
    pub(super) held: f64,
}

/// A text to be found, as terms of one index.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Its terms without negations; nothing if the store lacks one of them.
    terms: Option<Vec<u32>>,
    /// Whether it must be negated; nothing if either will do.
    is_negated: Option<bool>,
}

impl Wanted {
    /// The same text, negated or not.
    pub(super) fn either_way(self) -> Self {
        Self { is_negated: None, ..self }
    }
}

impl Index {
    /// Reads every passage.
    pub(super) fn of(passages: &[Passage<'_>]) -> Self {
        let read: Vec<(Vec<Term>, Vec<Term>)> =
            passages.par_iter().map(|passage| (terms(passage.text), context(passage))).collect();
        let mut index = Self {
            ids: HashMap::new(),
            postings: Vec::new(),
            own: Vec::with_capacity(passages.len()),
            context: Vec::with_capacity(passages.len()),
            mean_length: 0.0,
            scratch: RefCell::new(vec![(0.0, 0.0); passages.len()]),
        };
        let mut length = 0.0;
        for (at, (own, context)) in read.into_iter().enumerate() {
            let own: Box<[u32]> = own.into_iter().map(|term| index.id(term)).collect();
            let mut context: Vec<u32> = context.into_iter().map(|term| index.id(term)).collect();
            context.sort_unstable();
            context.dedup();
            context.retain(|&id| id != NEGATION);
            length += own.len() as f64;
            index.post(at, &own, 1.0);
            index.post(at, &context, CONTEXT_WEIGHT as f32);
            index.own.push(own);
            index.context.push(context.into());
        }
        index.mean_length = (length / passages.len().max(1) as f64).max(1.0);
        index
    }

    fn id(&mut self, term: Term) -> u32 {
        let Term::Word(word) = term else { return NEGATION };
        let next = self.ids.len() as u32;
        let id = *self.ids.entry(word).or_insert(next);
        if id == next {
            self.postings.push(Vec::new());
        }
        id
    }

    fn post(&mut self, passage: usize, ids: &[u32], weight: f32) {
        for &id in ids.iter().filter(|&&id| id != NEGATION) {
            let posting = &mut self.postings[id as usize];
            match posting.last_mut() {
                Some((last, count)) if *last == passage as u32 => *count += weight,
                _ => posting.push((passage as u32, weight)),
            }
        }
    }

    /// Returns how much a term says, which is more the fewer passages hold it.
    fn weight(&self, holding: usize) -> f64 {
        let (all, holding) = (self.own.len() as f64, holding as f64);
        ((all - holding + 0.5) / (holding + 0.5)).ln_1p()
    }

    /// Returns the passages that hold any term of a question.
    fn hits(&self, question: &str, covers: &dyn Fn(&usize) -> bool) -> Vec<Hit> {
        let mut wanted: Vec<Term> =
            asked(question).into_iter().filter(|term| *term != Term::Negation).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut whole = 0.0;
        let mut scores = self.scratch.borrow_mut();
        let mut touched: Vec<u32> = Vec::new();
        for term in &wanted {
            let Term::Word(word) = term else { continue };
            let posting = self.ids.get(word).map_or(&[][..], |&id| &self.postings[id as usize]);
            let weight = self.weight(posting.len());
            whole += weight;
            for &(passage, count) in posting {
                let length = self.own[passage as usize].len() as f64 / self.mean_length;
                let count = f64::from(count);
                let norm = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length);
                let score = &mut scores[passage as usize];
                if score.1 == 0.0 {
                    touched.push(passage);
                }
                score.0 += weight * count * (SATURATION + 1.0) / (count + norm);
                score.1 += weight;
            }
        }
        let mut hits = Vec::with_capacity(touched.len());
        for passage in touched {
            let (score, held) = std::mem::take(&mut scores[passage as usize]);
            if covers(&(passage as usize)) {
                hits.push(Hit { passage: passage as usize, score, held: held / whole });
            }
        }
        hits
    }

    /// Returns the passages that fit a question best, the best first; of equals, the first.
    pub(super) fn best(&self, question: &str, limit: usize, covers: &dyn Fn(&usize) -> bool) -> Vec<Hit> {
        let mut hits = self.hits(question, covers);
        let order = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage));
        if hits.len() > limit {
            hits.select_nth_unstable_by(limit, order);
            hits.truncate(limit);
        }
        hits.sort_unstable_by(order);
        hits
    }

    /// Returns the passage that holds most of a question; of equals, the first.
    pub(super) fn fullest(&self, question: &str, covers: &dyn Fn(&usize) -> bool) -> Option<Hit> {
        let hits = self.hits(question, covers).into_iter();
        hits.max_by(|a, b| a.held.total_cmp(&b.held).then(b.passage.cmp(&a.passage)))
    }

    /// Makes a text ready to be found.
    pub(super) fn look_up(&self, text: &str) -> Wanted {
        let terms = terms(text);
        let is_negated = terms.contains(&Term::Negation);
        let ids: Option<Vec<u32>> = terms
            .iter()
            .filter_map(|term| match term {
                Term::Word(word) => Some(self.ids.get(word).copied()),
                Term::Negation => None,
            })
            .collect();
        let terms = ids.filter(|ids| !ids.is_empty()).map(|mut ids| {
            ids.sort_unstable();
            ids.dedup();
            ids
        });
        Wanted { terms, is_negated: Some(is_negated) }
    }

    /// Returns the passages that say a text, in their order.
    pub(super) fn saying<'a>(&'a self, wanted: &'a Wanted) -> impl Iterator<Item = usize> + 'a {
        let postings = wanted.terms.iter().flatten().map(|&id| &self.postings[id as usize]);
        let rarest = postings.min_by_key(|posting| posting.len());
        let holding = rarest.into_iter().flatten().map(|&(passage, _)| passage as usize);
        holding.filter(|&passage| self.says(passage, wanted))
    }

    /// Says whether a passage says a text: it holds every term, at least one in its own words, and a stretch
    /// that holds them is negated where the text is and nowhere else, unless either will do.
    pub(super) fn says(&self, passage: usize, wanted: &Wanted) -> bool {
        let Some(terms) = &wanted.terms else { return false };
        let (own, context) = (&self.own[passage], &self.context[passage]);
        let (here, above): (Vec<u32>, Vec<u32>) = terms.iter().partition(|term| own.contains(term));
        if here.is_empty() || !above.iter().all(|term| context.contains(term)) {
            return false;
        }
        stretches(own, &here).any(|(start, end)| {
            let from = start.saturating_sub(NEGATION_REACH);
            wanted.is_negated.is_none_or(|is_negated| own[from..end].contains(&NEGATION) == is_negated)
        })
    }
}

/// Returns the terms around a passage: of its headings, of what it is nested under, and of its path.
fn context(passage: &Passage<'_>) -> Vec<Term> {
    let mut out = terms(&passage.path.as_str().replace(['/', '_', '-', '.'], " "));
    if let Some((_, located)) = passage.statement {
        let statement = &located.statement;
        for text in statement.headings.iter().chain(&statement.parents) {
            out.extend(terms(text));
        }
    }
    out
}

/// Returns the shortest stretches of a sequence that hold all of `wanted`, one for each end.
fn stretches<'a>(sequence: &'a [u32], wanted: &'a [u32]) -> impl Iterator<Item = (usize, usize)> + 'a {
    let mut last: Vec<Option<usize>> = vec![None; wanted.len()];
    sequence.iter().enumerate().filter_map(move |(at, id)| {
        let which = wanted.iter().position(|wanted| wanted == id)?;
        last[which] = Some(at);
        let start = last.iter().copied().collect::<Option<Vec<usize>>>()?.into_iter().min()?;
        Some((start, at + 1))
    })
}
